/* SPDX-License-Identifier: MIT */
/*
 * Inside libvt. Who owns what:
 *   hierarchy.c  libcgroup: where cgroup v2 is mounted
 *   cgroup.c     files of cgroupfs
 *   load.c       libbpf's loader (unload.c, pindir.c: the directory of the pins)
 *   pins.c       pinned maps and programs
 *   name.c       group name to directory and back
 *   message.c    vt_message()
 * Functions return 0 or a count, or a negative errno after vt_error() has said why.
 */
#ifndef VT_LIB_H
#define VT_LIB_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include "vt.h"

#define VT_ROOT "vt" /* below the cgroup2 mount point */
#define VT_MOUNT_MAX 256 /* longest mount point that is accepted */

/* ---- message.c ---- */

/* Set the message and errno; returns -errno. reason NULL: strerror. */
int vt_error(int error, const char *what, const char *subject, const char *reason);
/* With errno; what is not accessible is not permitted. */
int vt_error_errno(const char *what, const char *subject);
int vt_error_text(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cleaning up may have changed errno since. */
static inline int vt_return(int err)
{
	if (err < 0)
		errno = -err;
	return err;
}

/* Said in more than one place. */
int vt_error_no_cgroup2(void);  /* -ENOTSUP */
int vt_error_no_bpffs(void);    /* -ENOENT */
int vt_error_not_loaded(void);  /* -ENOENT */
int vt_error_unloaded(const char *what); /* -ENODEV */
int vt_error_stale(const char *dir, unsigned int layout); /* -ESTALE */

/* ---- hierarchy.c, mounts.c ---- */

/* Mount point of cgroup v2, of bpffs. -ENOTSUP, -ENOENT without. Not reported by vt_error. */
int vt_cgroup_mount(char *buf, size_t size);
int vt_bpffs_mount(char *buf, size_t size);
/* First mount of that type in /proc/self/mountinfo. -ENOENT. */
int vt_find_mount(const char *type, char *buf, size_t size);

/* ---- load.c ---- */

bool vt_kernel_has_clock(void);

/* ---- pindir.c ---- */

/* Where pins are made and taken apart, beside VT_PIN_DIR. bpffs refuses names with a dot. */
#define VT_PIN_HIDDEN VT_PIN_DIR "-hidden"

/* The bpffs mount, opened and locked against others who load or unload. Reported. */
int vt_pins_root(char *mount, size_t size);
/* Every pin in dir, and dir itself. Not reported. */
int vt_pins_remove(int root_fd, const char *dir);

/* ---- pins.c ---- */

/* If it is one. */
void vt_close_fd(int fd);

enum vt_program {
	VT_PROG_BIND,
	VT_PROG_UNBIND,
	VT_PROG_RATE,
	VT_PROG_READ,
	VT_PROG_RUN_UNTIL,
	VT_PROG_STOP_AT,
	VT_PROG_START_AT,
	VT_PROG_SKIP,
	VT_PROG_EXPECT,
	VT_PROG_NOTE,
	VT_PROG_COUNT,
};

struct vt {
	char pins[VT_MOUNT_MAX + 8]; /* the pin directory */
	char cgroup_mount[VT_MOUNT_MAX];
	char root[VT_MOUNT_MAX + 8]; /* the vt root */
	int pins_fd;           /* the same, for locks */
	int mount_fd;          /* cgroup2 mount, for handles; -1 until needed */
	int groups_fd;         /* map vt_groups */
	int meta_fd;           /* map vt_meta */
	int program_fds[VT_PROG_COUNT]; /* -1 until needed */
	bool has_clock;
};

/* A pinned object below dir; negative errno. Not reported. */
int vt_pin_get(const char *dir, const char *name);
/* Layout version of the pins in dir; 0: there are none or they cannot be read. */
unsigned int vt_pinned_layout(const char *dir);
/* Run a control program on *req, again while another turns the same clock. Only -errno of the machinery is reported, not the answer's. */
int vt_run(struct vt *vt, enum vt_program program, struct vt_request *req);
int vt_run_on(struct vt *vt, enum vt_program program, void *context, size_t size);
/* What the caller does next to tasks and directories is libvt's doing. */
void vt_expect_begin(struct vt *vt);
void vt_expect_end(struct vt *vt);
/* A consistent copy of a group's books. -ENOENT: no group. Not reported. */
int vt_books_read(struct vt *vt, uint64_t id, struct vt_group_rec *out);
bool vt_books_has(struct vt *vt, uint64_t id);
/* enum vt_state; cheaper than all of them. */
int vt_books_state(struct vt *vt, uint64_t id);
int vt_books_next(struct vt *vt, const uint64_t *after, uint64_t *id);
/* One at a time: whoever creates, deletes, loads or unloads. */
int vt_lock(struct vt *vt);
void vt_unlock(struct vt *vt);

/* ---- name.c ---- */

/* Where a name leads: buffers of PATH_MAX. */
struct vt_place {
	char path[PATH_MAX]; /* the directory */
	char name[PATH_MAX]; /* as shown */
	bool below_root;     /* below the vt root */
};

int vt_place_of(const struct vt *vt, const char *name, struct vt_place *place);
/* From a cgroup's path below the mount point. */
const char *vt_shown_name(const char *cgroup);
int vt_place_of_cgroup(const struct vt *vt, const char *cgroup, struct vt_place *place);

/* ---- cgroup.c: cgroupfs; negative errno, not reported ---- */

struct vt_cgroup_events {
	bool populated;
	bool frozen;
};

int vt_cgroup_id(int dir_fd, uint64_t *id);
/* Path of the cgroup with that id, below the mount point, with a slash in front. -ESTALE it is
 * gone. */
int vt_cgroup_path(struct vt *vt, uint64_t id, char *buf, size_t size);
/* Path below the mount point of the cgroup that a process is in. */
int vt_cgroup_of(pid_t pid, char *buf, size_t size);
/* One write of text to a file of the cgroup. */
int vt_cgroup_write(int dir_fd, const char *file, const char *text);
int vt_cgroup_read_events(int events_fd, struct vt_cgroup_events *ev);
/* cgroup.freeze of one cgroup, whatever those above say: 0 or 1. */
int vt_cgroup_read_freeze(int freeze_fd);
int vt_cgroup_write_freeze(int freeze_fd, bool freeze);
/* Whether a cgroup above the one at path has been told to freeze. */
bool vt_cgroup_is_told_from_above(const struct vt *vt, const char *path);
bool vt_cgroup_has_children(int dir_fd);
/* Call each with the directory of every cgroup in the tree, children first. Non-zero ends it. */
int vt_cgroup_walk(int dir_fd, int (*each)(int dir_fd, void *arg), void *arg);
/* Call each with every TID in this one cgroup. Non-zero ends it. */
int vt_cgroup_each_task(int dir_fd, int (*each)(pid_t tid, void *arg), void *arg);
/* Remove the empty cgroups below, not dir_fd's own. */
int vt_cgroup_remove_children(int dir_fd);

/* ---- process.c: /proc/PID ---- */

struct vt_process {
	char comm[16];
	char state;
	bool is_kernel;
};

/* -ESRCH */
int vt_process_read(pid_t pid, struct vt_process *out);
/* A file of /proc/TID, as far as it fits. */
int vt_process_file(pid_t tid, const char *file, char *buf, size_t size);
/* The kernel function that a task sleeps in, "0" if it runs. */
int vt_process_wchan(pid_t tid, char *buf, size_t size);

/* ---- clock_page.c ---- */

/* A place in vt_clocks that no group has, with the pins locked. -ENOSPC. Not reported. */
int vt_clocks_find_free(struct vt *vt, __u64 *slot);
/* Whoever reads clocks there finds no group any more. */
void vt_clocks_wipe(struct vt *vt);

/* ---- wait.c ---- */

/* Call done until it says yes, at first often, later rarely; whenever events_fd has news. */
int vt_wait_until(int events_fd, bool (*done)(void *arg), void *arg, int64_t timeout_ns);
/* Between attempts to read what changes: none at first. A writer on a virtual processor may be away
 * for long in the middle of its work, so VT_READ_TRIES are some seconds. */
#define VT_READ_TRIES 20000
void vt_retry_pause(int tries);
/* The host's CLOCK_MONOTONIC, unless the caller is a member of a group. */
int64_t vt_now_ns(void);

/* ---- priority.c ---- */

/* Not reported: whoever may not goes on as ever. -1: there is nothing to restore. */
int vt_priority_raise(void);
void vt_priority_restore(int policy);

/* ---- group.c ---- */

struct vt_group {
	struct vt *vt;
	uint64_t id;
	int dir_fd;
	int freeze_fd; /* the hot path: one byte into an open file */
	int events_fd;
	char *name;
	char *path;
};

/* Not reported; *out need not be a group yet. */
int vt_group_open_place(struct vt *vt, const struct vt_place *place, struct vt_group **out);
/* -ENOENT: no group. Reported. */
int vt_group_books(struct vt_group *g, struct vt_group_rec *out);
/* The group that the cgroup at that path below the mount point is in; 0: none. */
uint64_t vt_group_around(struct vt *vt, const char *cgroup);

/* ---- clock.c ---- */

/* A reading, as the programs answer it. Not reported. */
int vt_clock_ask(struct vt_group *g, struct vt_request *req);

/* ---- freeze.c ---- */

/* Of a group that the books call frozen: is it so, with all that is below? */
bool vt_group_has_stopped(struct vt_group *g);

#endif /* VT_LIB_H */
