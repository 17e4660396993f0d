// SPDX-License-Identifier: MIT
/*
 * The pinned maps and programs: opened by name, used through bpf(2), nothing loaded.
 *
 * A group's books are read without a lock: two equal copies in a row with an even generation are
 * one consistent state. Counts of forks and moves are single words outside of the generation
 * and may differ between the copies.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"

static const char *const program_names[VT_PROG_COUNT] = {
	[VT_PROG_BIND] = "vt_bind",
	[VT_PROG_UNBIND] = "vt_unbind",
	[VT_PROG_RATE] = "vt_rate",
	[VT_PROG_READ] = "vt_read",
	[VT_PROG_RUN_UNTIL] = "vt_run_until",
	[VT_PROG_STOP_AT] = "vt_stop_at",
	[VT_PROG_START_AT] = "vt_start_at",
	[VT_PROG_SKIP] = "vt_skip",
	[VT_PROG_EXPECT] = "vt_expect",
	[VT_PROG_NOTE] = "vt_note",
};

int vt_pin_get(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int value_size(int map_fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(map_fd, &info, &len) ? 0 : (int)info.value_size;
}

/* The value may be of any size in another version: the layout number leads it in all. */
static unsigned int layout_of(int meta_fd)
{
	int size = value_size(meta_fd);
	unsigned int layout = 0;
	__u32 zero = 0, *value;

	if (size < (int)sizeof(layout))
		return 0;
	value = calloc(1, (size_t)size + sizeof(__u64));
	if (value && bpf_map_lookup_elem(meta_fd, &zero, value) == 0)
		layout = value[0];
	free(value);
	return layout;
}

unsigned int vt_pinned_layout(const char *dir)
{
	int fd = vt_pin_get(dir, "vt_meta");
	unsigned int layout;

	if (fd < 0)
		return 0;
	layout = layout_of(fd);
	close(fd);
	return layout;
}

static int open_pins(struct vt *vt)
{
	char mount[VT_MOUNT_MAX];

	if (vt_bpffs_mount(mount, sizeof(mount)))
		return vt_error_not_loaded();
	snprintf(vt->pins, sizeof(vt->pins), "%s/" VT_PIN_DIR, mount);
	vt->pins_fd = open(vt->pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vt->pins_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return vt_error_not_loaded();
	return vt_error_errno("cannot open", vt->pins);
}

static int open_maps(struct vt *vt)
{
	struct vt_meta meta;
	__u32 zero = 0;
	unsigned int layout;

	vt->meta_fd = vt_pin_get(vt->pins, "vt_meta");
	if (vt->meta_fd == -EPERM || vt->meta_fd == -EACCES)
		return vt_error(EPERM, "cannot open", vt->pins,
				"bpf(2) is not permitted, run as root");
	layout = vt->meta_fd < 0 ? 0 : layout_of(vt->meta_fd);
	if (layout != VT_LAYOUT_VERSION || value_size(vt->meta_fd) != sizeof(meta))
		return vt_error_stale(vt->pins, layout);
	vt->groups_fd = vt_pin_get(vt->pins, "vt_groups");
	if (vt->groups_fd < 0 || bpf_map_lookup_elem(vt->meta_fd, &zero, &meta))
		return vt_error_stale(vt->pins, layout);
	vt->has_clock = meta.has_clock;
	return 0;
}

static struct vt *alloc_vt(void)
{
	struct vt *vt = calloc(1, sizeof(*vt));

	if (!vt)
		return NULL;
	vt->pins_fd = vt->mount_fd = vt->groups_fd = vt->meta_fd = -1;
	for (int i = 0; i < VT_PROG_COUNT; i++)
		vt->program_fds[i] = -1;
	return vt;
}

static int find_root(struct vt *vt)
{
	if (vt_cgroup_mount(vt->cgroup_mount, sizeof(vt->cgroup_mount)))
		return vt_error_no_cgroup2();
	snprintf(vt->root, sizeof(vt->root), "%s/" VT_ROOT, vt->cgroup_mount);
	return 0;
}

int vt_open(struct vt **out)
{
	struct vt *vt = alloc_vt();
	int err;

	if (!vt)
		return vt_error(ENOMEM, "cannot open the BPF programs", NULL, NULL);
	err = open_pins(vt);
	if (!err)
		err = open_maps(vt);
	if (!err)
		err = find_root(vt);
	if (err) {
		vt_close(vt);
		return vt_return(err);
	}
	*out = vt;
	return 0;
}

void vt_close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vt_close(struct vt *vt)
{
	if (!vt)
		return;
	for (int i = 0; i < VT_PROG_COUNT; i++)
		vt_close_fd(vt->program_fds[i]);
	vt_close_fd(vt->meta_fd);
	vt_close_fd(vt->groups_fd);
	vt_close_fd(vt->mount_fd);
	vt_close_fd(vt->pins_fd);
	free(vt);
}

bool vt_has_clock(const struct vt *vt)
{
	return vt->has_clock;
}

int vt_run_on(struct vt *vt, enum vt_program program, void *context, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = context, .ctx_size_in = (__u32)size);
	const char *name = program_names[program];
	int *fd = &vt->program_fds[program];

	if (*fd < 0)
		*fd = vt_pin_get(vt->pins, name);
	if (*fd < 0)
		return vt_error(-*fd, "cannot open the BPF program", name, NULL);
	if (bpf_prog_test_run_opts(*fd, &opts))
		return vt_error(errno, "cannot run the BPF program", name, NULL);
	return (int)opts.retval;
}

int vt_run(struct vt *vt, enum vt_program program, struct vt_request *req)
{
	int err = -EINPROGRESS;

	for (int i = 0; i < VT_READ_TRIES && err == -EINPROGRESS; i++) {
		vt_retry_pause(i);
		err = vt_run_on(vt, program, req, sizeof(*req));
	}
	return err;
}

/* Only a statistic hangs on these: failure is no reason to fail. */
void vt_expect_begin(struct vt *vt)
{
	struct vt_request req = { .group = 1 };

	vt_run(vt, VT_PROG_EXPECT, &req);
}

void vt_expect_end(struct vt *vt)
{
	struct vt_request req = { .group = 0 };

	vt_run(vt, VT_PROG_EXPECT, &req);
}

static bool is_same_state(const struct vt_group_rec *a, struct vt_group_rec *b)
{
	b->joins = a->joins;
	b->leaves = a->leaves;
	b->forks = a->forks;
	b->steps_back = a->steps_back;
	return !(a->gen & 1) && memcmp(a, b, sizeof(*a)) == 0;
}

int vt_books_read(struct vt *vt, uint64_t id, struct vt_group_rec *out)
{
	struct vt_group_rec again;

	for (int i = 0; i < VT_READ_TRIES; i++) {
		if (bpf_map_lookup_elem(vt->groups_fd, &id, out) ||
		    bpf_map_lookup_elem(vt->groups_fd, &id, &again))
			return -errno;
		if (is_same_state(out, &again))
			return 0;
		vt_retry_pause(i);
	}
	return -EAGAIN;
}

bool vt_books_has(struct vt *vt, uint64_t id)
{
	struct vt_group_rec books;

	return bpf_map_lookup_elem(vt->groups_fd, &id, &books) == 0;
}

int vt_books_state(struct vt *vt, uint64_t id)
{
	struct vt_group_rec books;

	return bpf_map_lookup_elem(vt->groups_fd, &id, &books) ? -errno : (int)books.state;
}

int vt_books_next(struct vt *vt, const uint64_t *after, uint64_t *id)
{
	return bpf_map_get_next_key(vt->groups_fd, after, id) ? -errno : 0;
}

int vt_counters(struct vt *vt, struct vt_counters *out)
{
	int fd = vt_pin_get(vt->pins, "vt_counters");
	__u32 zero = 0;
	int err;

	if (fd < 0)
		return vt_error(-fd, "cannot open the map", "vt_counters", NULL);
	err = bpf_map_lookup_elem(fd, &zero, out);
	if (err)
		err = vt_error(errno, "cannot read the map", "vt_counters", NULL);
	close(fd);
	return err;
}

/* Then nothing links to the directory any more. */
static bool is_unloaded(const struct vt *vt)
{
	struct stat st;

	return fstat(vt->pins_fd, &st) != 0 || st.st_nlink == 0;
}

int vt_check(const struct vt *vt)
{
	return is_unloaded(vt) ? vt_error_unloaded("cannot go on") : 0;
}

int vt_lock(struct vt *vt)
{
	if (flock(vt->pins_fd, LOCK_EX))
		return vt_error(errno, "cannot lock", vt->pins, NULL);
	if (!is_unloaded(vt))
		return 0;
	vt_unlock(vt);
	return vt_error_not_loaded();
}

void vt_unlock(struct vt *vt)
{
	flock(vt->pins_fd, LOCK_UN);
}
