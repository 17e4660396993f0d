/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libvt: virtual time for Linux process groups.
 *
 * A group is a cgroup v2 directory that owns a clock. Freezing the group stops its tasks and
 * its clock; thawing lets both go on as if nothing had happened; a rate makes the clock run
 * slower or faster than the host's.
 *
 * Conventions
 *  - Functions return 0 or a count on success and a negative errno on failure, with errno set
 *    as well. Functions that return a pointer return NULL and set errno.
 *  - vt_message() then holds one line for people: what failed, 'subject', reason.
 *  - A call that fails leaves the machine as it found it.
 *  - Real time (the host's CLOCK_MONOTONIC) and virtual time (what members read as
 *    CLOCK_MONOTONIC) are different types, so that mixing them does not compile.
 *  - free and close functions accept NULL. Handles are not thread safe, unless it says so; different
 *    handles may be used by different threads.
 */
#ifndef VT_H
#define VT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vt_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { int64_t ns; } vt_real;
typedef struct { int64_t ns; } vt_virtual;

/* The last failure of this thread: one line, no full stop, no newline; never NULL. Valid until the
 * thread's next call into libvt. */
const char *vt_message(void);

/* ---- the machine ------------------------------------------------------------------------ */

/* What this machine can do, from probes that change nothing. Unknown paths are empty. */
struct vt_machine {
	char cgroup_mount[256]; /* cgroup2 mount point, unified or hybrid */
	char bpffs_mount[256];
	char release[65];       /* kernel release */
	bool has_cgroup2;
	bool has_btf;           /* /sys/kernel/btf/vmlinux is readable */
	bool has_bpffs;
	bool has_clock;         /* the kernel has the vtclk series */
	bool can_bpf;           /* CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN */
	bool is_root;
	bool loaded;            /* pins of this version are there */
	unsigned int pinned_layout; /* layout version of the pins, 0 if there are none */
};

/* Fill *m. Always 0: what cannot be found out counts as missing. */
int vt_probe(struct vt_machine *m);

/* Load the BPF programs, attach them and pin everything, so that no process need stay alive.
 * 0 also if that is done already.
 * -EPERM not permitted (not root, or BPF refused), -ENOTSUP no BTF or no cgroup2,
 * -ENOENT no bpffs is mounted, -ESTALE pins of another layout are in the way. */
int vt_load(void);

/* Detach and unpin. Groups go on as plain cgroups; frozen ones stay frozen.
 * -EBUSY if groups with clocks exist and not force; -ENOENT if nothing is loaded. */
int vt_unload(bool force);

struct vt;

/* Open what vt_load pinned. *out is owned by the caller: vt_close().
 * -ENOENT nothing is loaded, -ESTALE the pins are of another layout, -EPERM, -ENOTSUP. */
int vt_open(struct vt **out);
void vt_close(struct vt *vt);
/* 0, or -ENODEV: the BPF programs have been unloaded since. */
int vt_check(const struct vt *vt);

/* The kernel has the vtclk series: groups have clocks (level "patched", else "stock"). */
bool vt_has_clock(const struct vt *vt);

/* Counters of tolerated races and losses since vt_load. */
int vt_counters(struct vt *vt, struct vt_counters *out);

/* ---- groups ----------------------------------------------------------------------------- */

/*
 * A group's name is a path below the vt root ("lab", "lab/plant"), or an absolute cgroup path
 * ("/system.slice/foo.service", with or without the mount point in front), so that a slice or a
 * container can be given a clock in place. Components are 1 to 255 bytes, neither "." nor "..",
 * without control characters; the whole is at most 4000 bytes. Bad names: -EINVAL.
 */
struct vt_group;

struct vt_group_options {
	uint64_t rate;      /* VT_RATE_MIN … VT_RATE_MAX; 0 means VT_RATE_ONE */
	bool has_epoch;
	int64_t epoch_ns;   /* wall time that members read at creation, ns since 1970 */
	bool freeze_only;   /* no clock: freezing, bookkeeping and events only */
};

/* Make a group and give it a clock. Below the vt root its directory is made (the root as well), the
 * one above has to be there; an absolute path has to be a cgroup already. options NULL: rate 1, no
 * epoch. *out may be NULL; otherwise it is owned by the caller: vt_group_close().
 * -EEXIST it is a group already (or, below the vt root, the directory exists), -EINVAL name, or
 * freeze_only with a rate or an epoch, -ENOENT the cgroup, or the one above, is not there,
 * -ERANGE rate or epoch, -EOPNOTSUPP the kernel has no clock and not freeze_only (or the cgroup is
 * threaded), -ENOSPC VT_GROUPS_MAX groups, -EPERM, -EAGAIN frozen and thawed all the time. */
int vt_group_create(struct vt *vt, const char *name, const struct vt_group_options *options,
		    struct vt_group **out);

/* Open an existing group. -ENOENT if it is not one. Keeps cgroup.freeze and cgroup.events open. */
int vt_group_open(struct vt *vt, const char *name, struct vt_group **out);
void vt_group_close(struct vt_group *g);

/* Take the clock away and remove the directory if vt made it. kill_members: kill whoever is inside
 * first, frozen or not, wait up to 10 s for their end, and remove the cgroups inside as well.
 * -EBUSY if tasks or child cgroups are inside; for a directory that stays: if it is frozen.
 * -ENOENT it is no group any more. The handle stays to be closed. */
int vt_group_delete(struct vt_group *g, bool kill_members);

const char *vt_group_name(const struct vt_group *g); /* as shown: below the vt root, or absolute */
const char *vt_group_path(const struct vt_group *g); /* the directory */
uint64_t vt_group_id(const struct vt_group *g);      /* as in vt_record.group */

/* The name of the group with that id, as shown. -ENOENT it is gone, -ENAMETOOLONG. */
int vt_group_name_of(struct vt *vt, uint64_t id, char *buf, size_t size);

/* Call each for every group, in the order of their names; a non-zero answer stops and is returned.
 * g is valid during the call only. */
int vt_group_each(struct vt *vt, int (*each)(struct vt_group *g, void *arg), void *arg);

enum vt_attach_flags {
	VT_ATTACH_ALLOW_STEP = 1, /* accept that the process sees its clocks step back */
};

/* Move a running process, with all its threads, into the group; its clocks are the group's when this
 * returns. -ESRCH no such process, -EINVAL a kernel thread, PID 0, 1 or the caller,
 * -EXDEV its time would step back (vt_message() says by how much), -EBUSY, -EOPNOTSUPP. */
int vt_group_attach(struct vt_group *g, pid_t pid, unsigned int flags);

/* Is the calling process in the group or below it? 1 or 0. Who is would stop himself by a freeze.
 * -ENOENT it is no group any more. */
int vt_group_has_caller(struct vt_group *g);

/* Move the calling process in, whatever the lag: for a process about to exec. Errors as above. */
int vt_group_join(struct vt_group *g);

/* Move a process out of whatever group it is in, to the cgroup2 root. Its time steps back if the
 * group was ahead of the host. -ENOENT: it is in none, -ESRCH, -EINVAL, -EPERM. */
int vt_detach(struct vt *vt, pid_t pid);

/* ---- freezing --------------------------------------------------------------------------- */

/* Ask for a freeze; the clock stands when this returns, tasks may still be stopping. In a group that
 * only a cgroup above keeps frozen it stays frozen when that one is thawed.
 * -EALREADY it is frozen or freezing by itself, -ENODATA the group has no tasks. */
int vt_group_freeze(struct vt_group *g);

/* Let go on; the clock runs when this returns. The calling thread runs before all ordinary ones for that
 * moment (SCHED_FIFO), if it may: who is woken cannot hold it up. -EALREADY it is not frozen,
 * -EBUSY an ancestor cgroup is frozen as well (the own freeze is taken away all the same). */
int vt_group_thaw(struct vt_group *g);

/* Thaw whatever is frozen below the vt root, group or not, and with nothing loaded: the way back after
 * an unload or a crash. Returns how many cgroups. -ENOTSUP no cgroup2, -EPERM. */
int vt_thaw_leftovers(void);

/* Wait until the group is VT_FROZEN or VT_RUNNING. timeout_ns < 0: for ever. -ETIMEDOUT, -EINVAL
 * another state. With cgroups inside, frozen is what all the tasks say: the kernel's own word comes
 * too early there. */
int vt_group_wait(struct vt_group *g, enum vt_state state, int64_t timeout_ns);

struct vt_straggler {
	pid_t pid;
	char comm[16];
	char why[64]; /* "uninterruptible sleep in …", "running", "a kernel thread" */
};

/* Who keeps a freezing group from being frozen. Returns how many, at most max are filled. */
int vt_group_stragglers(struct vt_group *g, struct vt_straggler *out, int max);

/* ---- clocks ----------------------------------------------------------------------------- */

/* Set the rate, continuously; holds for a frozen group from its thaw on.
 * -ERANGE outside 0.001 … 1000, -EOPNOTSUPP a freeze-only group. */
int vt_group_set_rate(struct vt_group *g, uint64_t rate);

struct vt_status {
	enum vt_state state;
	bool is_virtual;      /* false: freeze-only, virtual equals real */
	bool clock_stopped;
	uint64_t rate;        /* while running; fixed point, VT_RATE_SHIFT */
	vt_real real;         /* the instant of this answer */
	vt_virtual virt;      /* the group's clock then */
	int64_t lag_ns;       /* real - virtual */
	int64_t frozen_ns;    /* total, a freeze under way included */
	int64_t epoch_ns;     /* added to REALTIME and TAI */
	bool has_end;         /* the clock will stop by itself, or has: at end */
	vt_virtual end;
	uint64_t tasks;       /* threads, in the group and below */
	struct vt_group_rec books;
};

/* One consistent reading. */
int vt_group_status(struct vt_group *g, struct vt_status *out);

/* What members read as CLOCK_MONOTONIC at *real (may be NULL), from outside. */
int vt_clock_read(struct vt_group *g, vt_virtual *out, vt_real *real);

/* A clock to be read often, and without a system call but what clock_gettime() of the host's clock
 * needs, which is none where the vDSO reads it. For observers outside: a member, or a process with a
 * time namespace of its own, has another clock to compare with: -EXDEV. */
struct vt_clock;

/* *out is owned by the caller: vt_clock_close(). It outlives g and the vt that g came from.
 * -ENOENT the group has been deleted, -EXDEV, -ENOMEM. */
int vt_clock_open(struct vt_group *g, struct vt_clock **out);
/* The group's clock at *real (may be NULL), which is now: what vt_clock_read() reads. Several threads
 * may call this for the same clock; what they read never goes back.
 * Except: of an end that the clock of a group above has been given, this hears when that is frozen for
 * it, which may be a little late.
 * -ENOENT the group has been deleted, or the BPF programs unloaded; -EAGAIN it turns all the time. */
int vt_clock_now(const struct vt_clock *c, vt_virtual *out, vt_real *real);
void vt_clock_close(struct vt_clock *c);

/* How late a group is, and what its freezes cost. Instants that have not been are 0; b, c and d before
 * a are those of the freeze before. */
struct vt_late {
	vt_virtual virt;
	vt_real real;           /* the instant of this answer */
	int64_t lag_ns;         /* real - virtual */
	int64_t frozen_ns;      /* total, a freeze under way included */
	uint64_t freezes;
	vt_real a, b, c, d;     /* of the last freeze: asked, all stopped; thaw asked, first task runs */
	int64_t worst_stop_ns;  /* longest b - a of all freezes */
	int64_t worst_start_ns; /* longest d - c */
};

/* One consistent reading; cheaper than vt_group_status(). -ENOENT the group has been deleted. */
int vt_clock_late(struct vt_group *g, struct vt_late *out);

/* ---- steps ------------------------------------------------------------------------------ */

/*
 * A clock can be told to stop by itself. It does so at exactly that instant, in the kernel, whatever
 * becomes of the caller; no member ever reads a later time. The kernel freezes the tasks a little
 * earlier, by as much as earlier steps have taught (half of the step at most).
 */

/* Stop at `end`: a running group from now on, a frozen one when it is thawed next. While it is on the
 * way nobody can give it another end; vt_group_set_rate() leaves the end where it is.
 * -ETIME that has passed, -EBUSY it is on its way to another, -EOPNOTSUPP freeze-only, -ENOENT. */
int vt_clock_run_until(struct vt_group *g, vt_virtual end);
/* Take the end away: the clock goes on. Errors as above. */
int vt_clock_run_on(struct vt_group *g);

/* One step of some groups, under way. */
struct vt_step;

/* Let frozen groups go on by exactly step_ns each (virtual, 1 and more) and stop again. Their clocks
 * start at one instant, so that those of one rate stop at one instant. *out is owned by the caller:
 * vt_step_close(), at any time; the step itself goes on to its end. The groups have to stay open.
 * -EAGAIN a group is not frozen (-EBUSY: by a cgroup above it), -ERANGE step_ns, -EBUSY another step
 * is under way, -EOPNOTSUPP a freeze-only group, -ENODATA a group has no tasks, -ENOMEM. */
int vt_step_begin(struct vt_group *const *groups, int count, int64_t step_ns, struct vt_step **out);
/* The same for groups that have been given an end, or will stop for another reason: only wait. */
int vt_step_watch(struct vt_group *const *groups, int count, struct vt_step **out);
/* Readable when vt_step_is_done() should be asked. It belongs to the step. */
int vt_step_fd(const struct vt_step *step);
/* 1: every clock stands at its end and all tasks have stopped; 0: not yet. -ENOENT a group is gone,
 * -ECANCELED its end is: somebody has taken it away, or thawed the group there. */
int vt_step_is_done(struct vt_step *step);
/* Wait for that. timeout_ns counts from when the clocks stop; < 0: for ever. -ETIMEDOUT: the clocks
 * stand, or never will at this rate, and some task does not stop. -EINTR: a signal. */
int vt_step_wait(struct vt_step *step, int64_t timeout_ns);
void vt_step_close(struct vt_step *step);

/*
 * Does every member sleep, and for nothing that a process outside could do? 1 or 0, a moment ago.
 * Who waits for sockets, terminals or pipes does; waits for time, children, locks, timerfds and
 * eventfds do not. Not seen are locks in memory that is shared with processes outside, and signals.
 */
int vt_group_is_idle(struct vt_group *g);
/* Set the clock of a frozen group forward to `to`, or to the first instant that a member waits for, or
 * to its end: what comes first. Clocks below stay where they are. -EBUSY it is not frozen,
 * -EOPNOTSUPP freeze-only, -ENOENT. */
int vt_clock_skip(struct vt_group *g, vt_virtual to);
/* If the one group of a step is idle, freeze it, skip, and thaw it unless it is at its end. 1: the
 * clock stands there, so vt_step_wait() will not take long; 0: try again in a moment, members have
 * something to do first. -EINVAL a step of several groups; errors of these functions. */
int vt_step_skip(struct vt_step *step);

/* vt_step_begin() and vt_step_wait() for one group. */
int vt_clock_step(struct vt_group *g, int64_t step_ns);

/*
 * For groups of several machines that stop together: the clocks of the group and below stop at real
 * instant `at`, or now if that has passed. The caller freezes the group, at once; its clock goes on to
 * `at` nevertheless. *late_ns (may be NULL): by how much too late it was, 0 if in time.
 * -EOPNOTSUPP freeze-only, -ENOENT.
 */
int vt_clock_stop_at(struct vt_group *g, vt_real at, int64_t *late_ns);
/* The next thaw starts the clock as if it had happened at `at`, past or future; not from before it
 * stopped. -EBUSY it runs, -EOPNOTSUPP, -ENOENT. */
int vt_clock_start_at(struct vt_group *g, vt_real at);

/* ---- events ----------------------------------------------------------------------------- */

struct vt_events;

/* A stream of transitions of all groups, from now on; records are made only while somebody listens.
 * Up to VT_LISTENERS_MAX can listen on a machine, and each hears everything: -EBUSY. A listener that
 * dies makes room for another.
 * The fd of vt_events_fd() is readable when records wait, and when the BPF programs have been unloaded;
 * it belongs to the stream. Who is woken for every record pays for that: who expects many of them sleeps
 * for some ms before he reads again. */
int vt_events_open(struct vt *vt, struct vt_events **out);
/* With room for bytes / 64 records that wait, a power of two from a page to 1 GiB: -EINVAL. The other
 * has VT_RECORDS_BYTES. */
int vt_events_open_sized(struct vt *vt, size_t bytes, struct vt_events **out);
int vt_events_fd(const struct vt_events *ev);
/* Call each for every record that waits, in the order of seq; does not block. Returns how many. One that
 * is made at the same time as another may come in the next call, although its seq is less.
 * Records that found no room are told by one of kind VT_REC_LOST in their place: value is how many,
 * and the instants are no earlier than theirs; what is known of states is best asked for anew.
 * -ENODEV the BPF programs were unloaded. */
int vt_events_read(struct vt_events *ev, void (*each)(const struct vt_record *r, void *arg),
		   void *arg);
void vt_events_close(struct vt_events *ev);
/* Who listens, and what each has lost: fills at most VT_LISTENERS_MAX and returns how many. Those that
 * died are counted until the next one comes. */
int vt_events_listeners(struct vt *vt, struct vt_listener *out);

/* Add a record to the stream that only user space knows of: kind is one of VT_REC_STEP_ASKED …
 * VT_REC_HOLD_OFF, id says which step, line or holder, and value is what vt_layout.h says for that
 * kind. It has the instant of the call, and the caller as its cause.
 * -EINVAL another kind, -ENOENT the group has been deleted. */
int vt_events_note(struct vt_group *g, enum vt_record_kind kind, uint32_t id, uint64_t value);

/* ---- pure: arithmetic and text (controller/core, no system calls) -------------------------- */

/* A linear stretch of a clock: virtual(r) = virtual_start + (r - real_start) * rate. */
struct vt_piece {
	vt_real real_start;
	vt_virtual virtual_start;
	uint64_t rate; /* 0 … VT_RATE_MAX; 0 stands */
};

/* The clock at r: floor of the exact 128-bit product, clamped to the piece's start before it and to
 * ±INT64_MAX ns (±292 years) at the ends. */
vt_virtual vt_clock_at(const struct vt_piece *p, vt_real r);
/* The first real instant at which the clock reads v or later; INT64_MAX if it never does. */
vt_real vt_clock_when(const struct vt_piece *p, vt_virtual v);
/* The piece that goes on from p at r with another rate; continuous. -ERANGE for the rate. */
int vt_clock_turn(const struct vt_piece *p, vt_real r, uint64_t rate, struct vt_piece *out);

/* "0.5", "2", "1e-3", "1/3": nearest fixed point, -EINVAL for text, -ERANGE outside 0.001 … 1000. */
int vt_parse_rate(const char *text, uint64_t *rate);
/* Time dilation factor K: rate 1/K. */
int vt_parse_tdf(const char *text, uint64_t *rate);
/* "10ms", "1.5s", "2h", "250us", "3ns", "1m30s"; the unit is needed. -EINVAL, -ERANGE. */
int vt_parse_duration(const char *text, int64_t *ns);
/* "2030-01-01T00:00:00Z" (also a blank for the T, a fraction, ±hh:mm) or "@SECONDS[.FRACTION]". */
int vt_parse_time(const char *text, int64_t *ns_since_1970);
/* Decimal PID in 1 … 4194304, nothing around it. -EINVAL, -ERANGE. */
int vt_parse_pid(const char *text, pid_t *pid);
/* 0 or -EINVAL. */
int vt_check_name(const char *name);
/* Shortest decimal that parses back to the same rate; TDF likewise. Returns buf. */
char *vt_format_rate(uint64_t rate, char *buf, size_t size);
char *vt_format_tdf(uint64_t rate, char *buf, size_t size);
/* "1.500 s", "12.3 us": for people. Returns buf. */
char *vt_format_duration(int64_t ns, char *buf, size_t size);
const char *vt_state_name(enum vt_state state);
/* "freeze", "step-asked": as vtctl events prints it. */
const char *vt_record_name(enum vt_record_kind kind);

#ifdef __cplusplus
}
#endif

#endif /* VT_H */
