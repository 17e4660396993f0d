/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the BPF programs and user space share: map keys and values, the records of the ring
 * buffer, the requests of the control programs, and the freezer's state machine.
 *
 * Everything is fixed width and has no hidden holes, so that a C library, a BPF object and a
 * core dump read the same bytes. A change of any layout here bumps VT_LAYOUT_VERSION; pins of
 * another version are refused by name (vtctl unload, vtctl load).
 *
 * Units: _ns is nanoseconds. Real times are the host's CLOCK_MONOTONIC; virtual times are
 * what members of a group read as CLOCK_MONOTONIC. Rates are binary fixed point, see below.
 */
#ifndef VT_LAYOUT_H
#define VT_LAYOUT_H

#ifndef VT_BPF_SIDE
#include <linux/types.h>
#endif

#define VT_LAYOUT_VERSION 4

/* Directory below the bpffs mount point that holds all pins. */
#define VT_PIN_DIR "vt"

/*
 * A rate is virtual ns per real ns in unsigned fixed point with 54 fractional bits: 1.0 is
 * 1 << 54, 1000 still fits 64 bits, and a year at any rate is off by less than 2 ns.
 */
#define VT_RATE_SHIFT 54
#define VT_RATE_ONE   (1ULL << VT_RATE_SHIFT)
#define VT_RATE_MIN   (VT_RATE_ONE / 1000) /* 0.001, rounded down */
#define VT_RATE_MAX   (VT_RATE_ONE * 1000) /* 1000 */

/* How many groups one machine can hold. */
#define VT_GROUPS_MAX 4096

/* How many cgroups, from its own upwards, are looked at to find the group that a process is in; the
 * kernel lets cgroups be nested without limit. */
#define VT_DEPTH_MAX 64

/* How many can listen to the stream of records at a time. */
#define VT_LISTENERS_MAX 8

/* Size of a listener's ring buffer, unless it asks for another: 16384 records. */
#define VT_RECORDS_BYTES (1U << 20)

/* No instant to stop at. */
#define VT_ENDLESS (~0ULL)

enum vt_state {
	VT_RUNNING = 0,
	VT_FREEZING = 1, /* asked to stop, some task still runs */
	VT_FROZEN = 2,   /* every task has stopped */
	VT_THAWING = 3,  /* asked to go on, no task has left the freezer yet */
};

enum vt_transition {
	VT_ASK_FREEZE = 0, /* instant a */
	VT_ALL_STOPPED = 1, /* instant b */
	VT_ASK_THAW = 2, /* instant c */
	VT_NOT_ALL_STOPPED = 3, /* a task left the freezer, or joined while running */
};

/*
 * The freezer's state machine, pure, shared by the BPF programs and user space. The kernel
 * may report 'not all stopped' in the middle of a freeze (a task forks, is killed or joins):
 * the group is then freezing again, not running.
 */
static inline enum vt_state vt_freezer_next(enum vt_state state, enum vt_transition t)
{
	switch (t) {
	case VT_ASK_FREEZE:
		return state == VT_FROZEN ? VT_FROZEN : VT_FREEZING;
	case VT_ALL_STOPPED:
		return state == VT_FREEZING ? VT_FROZEN : state;
	case VT_ASK_THAW:
		return state == VT_FROZEN ? VT_THAWING : state == VT_THAWING ? VT_THAWING : VT_RUNNING;
	case VT_NOT_ALL_STOPPED:
		return state == VT_FROZEN ? VT_FREEZING : state == VT_THAWING ? VT_RUNNING : state;
	}
	return state;
}

/* vt_group_rec.flags */
#define VT_GROUP_VIRTUAL  (1U << 0) /* owns a clock in the kernel (level patched) */
#define VT_GROUP_CREATED  (1U << 1) /* its directory was made by vt and is removed with it */
#define VT_GROUP_STEPPED  (1U << 2) /* its last freeze was for a clock that stops by itself */

/*
 * Map vt_groups: key __u64 cgroup id (inode number of the directory), value this.
 * Written by the BPF programs only, one writer at a time (the kernel's cgroup_mutex), read by
 * anyone: a reader takes gen before and after, and reads again if it was odd or changed.
 */
struct vt_group_rec {
	__u32 gen;
	__u32 flags;        /* VT_GROUP_… */
	__u32 state;        /* enum vt_state */
	__u32 holds;        /* reserved for the kinds of holds: 0 */
	__u64 created_ns;   /* real */
	__u64 freezes;      /* freezes begun, this one included */
	__u64 frozen_ns;    /* sum of c - a of the freezes that have ended */
	__u64 a_ns;         /* last freeze asked, real; 0 = never */
	__u64 b_ns;         /* last time that all tasks had stopped, real; 0 = never */
	__u64 c_ns;         /* last thaw asked, real; 0 = never */
	__u64 d_ns;         /* last time that a task ran again, or c if all had not stopped; 0 = never */
	__u64 worst_stop_ns;  /* longest b - a, with the first b of each freeze */
	__u64 worst_start_ns; /* longest d - c */
	__u32 slot;         /* its place in vt_clocks */
	__u32 unused;
	__u64 virtual_a_ns; /* virtual time at a */
	__u64 joins;        /* processes that were moved in */
	__u64 leaves;       /* processes that were moved out */
	__u64 forks;        /* tasks born inside, threads included */
	__u64 steps_back;   /* processes moved in that saw time step back */
	__u64 lead_ns;      /* learned: how long before the end of a step its tasks have to be told to
			     * freeze, so that they have stopped by then; real */
	__u64 lead_used_ns; /* how long before the last one they were told, if all went well */
};

/*
 * Map vt_clocks: array of VT_GROUPS_MAX of struct vt_clock_slot, to be mapped and read by anyone. The
 * clock of a group is the piece of the two with the later real_ns; if they are the same, that of
 * by_freezer, unless both run. A reader takes group and both seq before and after, the host's clock
 * in between, and reads again if a seq was odd or changed; the clock at a real instant is
 *
 *   stopped ? virtual_ns : min(virtual_ns + (real - real_ns) * rate, stop_virtual_ns)
 */
struct vt_clock_piece {
	__u32 seq;
	__u32 stopped;
	__u64 real_ns;         /* of the turn */
	__u64 virtual_ns;
	__u64 rate;            /* while it runs */
	__u64 stop_virtual_ns; /* where it stops by itself; VT_ENDLESS: nowhere */
};

struct vt_clock_slot {
	__u64 group;           /* cgroup id; 0: free */
	__s64 epoch_ns;
	struct vt_clock_piece by_freezer; /* freezes and thaws */
	struct vt_clock_piece by_caller;  /* creation, rate, and ends that it is given */
};

/* Map vt_counters: array of one, this. Races and losses that are tolerated, counted. */
struct vt_counters {
	__u64 records;         /* records made while somebody listened; the last one's seq */
	__u64 records_lost;    /* times that a record found a listener's ring buffer full */
	__u64 clock_errors;    /* a stop or start that the kernel refused */
	__u64 double_freezes;  /* freeze of a group that was already freezing */
	__u64 double_thaws;    /* thaw of a group that was not frozen */
	__u64 groups_released; /* groups whose directory was removed by somebody else */
	__u64 hand_joins;      /* processes put in by writing cgroup.procs, not by vtctl */
	__u64 untracked;       /* births and moves that could not be noted: a leave is not counted */
	__u64 too_deep;        /* births, moves and questions from so deep that the group was not looked
				* for to the end (VT_DEPTH_MAX): they count as being outside */
};

/* Map vt_meta: array of one, this. Tells whether pins fit the reader. */
struct vt_meta {
	__u32 layout;       /* VT_LAYOUT_VERSION */
	__u32 has_clock;    /* the running kernel has the vtclk series */
	__u64 loaded_ns;    /* real, when the programs were loaded */
	char version[48];   /* of the package that loaded them, NUL terminated */
};

enum vt_record_kind {
	VT_REC_CREATE = 1,
	VT_REC_DELETE = 2,
	VT_REC_FREEZE = 3,  /* instant a */
	VT_REC_FROZEN = 4,  /* instant b */
	VT_REC_THAW = 5,    /* instant c */
	VT_REC_RUNNING = 6, /* instant d: the first task has left the freezer; or a freeze ended
			     * without b */
	VT_REC_RATE = 7,
	VT_REC_JOIN = 8,
	VT_REC_LEAVE = 9,

	VT_REC_STEP_ASKED = 10,   /* somebody wants the clock to go on to an instant and stop there */
	VT_REC_STEP_GRANTED = 11, /* it goes */
	VT_REC_STEP_REACHED = 12, /* it stands there */
	VT_REC_EDGE_IN = 13,      /* of a line that is listened to */
	VT_REC_EDGE_OUT = 14,     /* of a line that is driven */
	VT_REC_HOLD_ON = 15,
	VT_REC_HOLD_OFF = 16,
	VT_REC_LOST = 17, /* made by libvt, where records of this listener are missing */
};

/*
 * What a listener finds in its ring buffer, of a size that keeps a record and the kernel's header
 * at 64 bytes.
 */
struct vt_record {
	__u64 seq;        /* counts from 1, over all groups; LOST: of a lost one */
	__u64 real_ns;
	__u64 virtual_ns; /* equals real_ns in a freeze-only group */
	__u64 group;      /* cgroup id; LOST: 0 */
	__u64 value;      /* CREATE, RATE: the new rate; LOST: how many; STEP_…: the virtual instant
			   * to stop at; EDGE_…: when it was seen, real; HOLD_…: 0 or what the
			   * holder says */
	__u32 kind;       /* enum vt_record_kind */
	__u32 pid;        /* JOIN, LEAVE: the process moved; else the process that caused it */
	__u32 id;         /* EDGE_…: 1 asserted, 0 not; HOLD_…: 0 a user's, 1 a step's, 2 another
			   * board's; else what the noter says */
	__u32 lost;       /* in a ring buffer: how many this listener has lost so far */
};

/*
 * Listeners. Map vt_rings: array of VT_LISTENERS_MAX ring buffers, empty at first. A listener
 * locks the directory of its slot among the pins (flock on VT_LISTENER_DIR and its number), makes a
 * ring buffer and puts it there; whoever finds a slot with a ring buffer and no lock takes that
 * away, for its listener is dead. Every record is copied into all of them.
 *
 * Map vt_listeners: array of VT_LISTENERS_MAX of this. lost only grows while a listener has the
 * slot; the instants may be of any of the last few when two are lost at the same time.
 */
#define VT_LISTENER_DIR "listener-"

struct vt_listener {
	__u64 lost;         /* records that found the ring buffer full */
	__u64 lost_real_ns; /* the last one of them */
	__u64 lost_virtual_ns;
	__u32 pid;          /* who listens, as it sees itself; 0: nobody */
	__u32 unused;
};

/* Context of the control program vt_note, which adds a record to the stream: 0, -EINVAL for a kind
 * that is not for it, -ENOENT no such group. */
struct vt_note {
	__u64 group;
	__u64 value;
	__u32 kind; /* VT_REC_STEP_ASKED … VT_REC_HOLD_OFF */
	__u32 id;
};

/*
 * Context of the control programs (BPF_PROG_TEST_RUN on the pinned programs vt_bind, vt_unbind,
 * vt_rate, vt_read, vt_run_until, vt_stop_at, vt_start_at, vt_skip, vt_expect); the program writes its answer
 * into the same bytes. vt_expect with
 * a group announces that the calling process is about to move tasks or remove directories for
 * libvt, with group 0 that it is done. The test run's retval is 0 or a negative errno:
 *   -ENOENT      no such cgroup, or it is not a group
 *   -EEXIST      it is a group already
 *   -EOPNOTSUPP  the kernel has no clock (series missing), or the cgroup is threaded
 *   -ERANGE      rate outside 0.001 … 1000
 *   -ETIME       the instant to stop at has passed
 *   -EBUSY       the clock is on its way to another instant; to set a start: it runs
 *   -EPERM       CAP_SYS_TIME is missing
 *   -ENOSPC      VT_GROUPS_MAX groups exist, or the slot is taken
 *   -EINPROGRESS somebody else turns the clock just now: try again
 *   -ENOMEM
 */
struct vt_request {
	__u64 group;      /* in: cgroup id */
	__u64 rate;       /* in (bind, rate), out (all) */
	__s64 epoch_ns;   /* in (bind): added to REALTIME and TAI; out (read) */
	__u64 flags;      /* in (bind): VT_GROUP_…; without VT_GROUP_VIRTUAL: freeze-only */
	__u64 real_ns;    /* out: the instant of the answer */
	__u64 virtual_ns; /* out: the group's clock at real_ns */
	__u64 stopped;    /* out: 1 if the clock stands */
	__u64 state;      /* in (bind, freeze-only): enum vt_state of the cgroup at the call */
	__u64 has_caller; /* out (read): 1 if the calling process is in the group or below it */
	__u64 at_ns;      /* in (run_until, skip): virtual, VT_ENDLESS for never or as far as it goes;
			   * (stop_at, start_at): real */
	__u64 lead_max_ns; /* in (run_until): the freeze begins no earlier than that before, real */
	__u64 stop_ns;    /* out: virtual, where the clock will stop by itself or has; VT_ENDLESS */
	__u64 slot;       /* in (bind): a free place in vt_clocks */
	__u64 expiries;   /* out (read): another number once timers have expired by the clock; odd while they do */
};

#ifndef __cplusplus /* which spells it otherwise */
_Static_assert(sizeof(struct vt_group_rec) == 152, "vt_group_rec has a hole");
_Static_assert(sizeof(struct vt_clock_piece) == 40, "vt_clock_piece has a hole");
_Static_assert(sizeof(struct vt_clock_slot) == 96, "vt_clock_slot has a hole");
_Static_assert(sizeof(struct vt_counters) == 72, "vt_counters has a hole");
_Static_assert(sizeof(struct vt_meta) == 64, "vt_meta has a hole");
_Static_assert(sizeof(struct vt_record) == 56, "vt_record has a hole");
_Static_assert(sizeof(struct vt_listener) == 32, "vt_listener has a hole");
_Static_assert(sizeof(struct vt_note) == 24, "vt_note has a hole");
_Static_assert(sizeof(struct vt_request) == 112, "vt_request has a hole");
#endif

#endif /* VT_LAYOUT_H */
