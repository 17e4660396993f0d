/* SPDX-License-Identifier: MIT */
/*
 * A board: one group on one wire, as a pure state machine. Nothing here reads a clock, a line or a
 * file: vtd feeds in what it saw and does what the machine wants; tests feed in anything.
 *
 * The wire is the OR of what all boards drive, and a board listens to all of it, its own part
 * included. A local hold (a user's, a step's) drives the wire and the edge that comes back stops the
 * group, so that every board, the originator included, acts on the same edge. Somebody may freeze
 * the group behind vtd's back: that is a user's hold as well, and the group has stopped already.
 *
 * A clock may also stop by itself, at the end of a step, at an instant that is known before. The wire
 * is asserted a latch earlier, so that all other boards stop together with this one.
 *
 * The level is the truth, edges are hints that know the instant. A level that is another than the
 * edges have told, and stays so, is believed, with a guessed instant; the edge, should it come after
 * all, corrects that.
 *
 * Two sums keep boards in step: how long the wire was asserted, from the edges, and how long the
 * group's clock stood. At each start the instant is chosen so that they become equal. So it does not
 * matter when the software got round to it, what it could not do in time is made up for later, and
 * nothing adds up.
 *
 * Times are real ns. The struct has no pointers and survives its process (in a file that is mapped).
 */
#ifndef VT_CORE_BOARD_H
#define VT_CORE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* Layout and meaning of struct vt_board, for those who find one in a file. */
#define VT_BOARD_VERSION 2

#define VT_LATCH_MAX_NS 100000000 /* 100 ms */
#define VT_OWNER_MAX 64

/* Pulses shorter than this are counted as spurious, and summed up all the same. */
#define VT_GLITCH_NS 10000
/* An edge that comes later than this after its own stamp is counted as late. */
#define VT_EDGE_LATE_NS 1000000
/* What the group owes the wire is paid at the next start; more than this, at once. */
#define VT_OWED_MAX_NS 1000000

enum vt_hold_kind {
	VT_HOLD_USER,
	VT_HOLD_STEP,
	VT_HOLDS,
};

struct vt_hold {
	bool on;
	int64_t since_ns;
	char owner[VT_OWNER_MAX];
};

struct vt_board_config {
	bool is_wired;  /* has an input line: the wire decides; else local holds act directly */
	bool has_clock; /* stops and starts can be given an instant */
	int64_t latch_ns;
	int64_t check_ns;
	int64_t limit_ns; /* a hold longer than this is named; 0: none is */
};

struct vt_board_counters {
	uint64_t edges;    /* taken */
	uint64_t lost;     /* missing in the sequence */
	uint64_t spurious; /* doubled, or glitches */
	uint64_t late;     /* edges that came long after their stamp */
	uint64_t healed;   /* changes that only the level told */
	uint64_t overruns; /* stops later than the latch */
	uint64_t faults;   /* own output asserted, wire not */
	uint64_t fights;   /* thawed by somebody while the wire was asserted */
	uint64_t resyncs;  /* sums begun anew: time may differ from other boards' */
};

struct vt_board {
	uint32_t version;
	struct vt_board_config config;
	struct vt_board_counters counters;
	struct vt_hold holds[VT_HOLDS];

	/* the wire */
	bool wire;             /* asserted, as far as we know */
	int64_t turned_ns[2];  /* [wire]: when it last became so */
	bool guessed[2];       /* that came from the level, and no edge has said it since */
	int64_t doubt_ns;      /* since when the level has been another; 0: it is not */
	uint32_t seq;          /* of the last edge; the line's first is 1 */
	int64_t driving_ns;    /* since when we have wanted to drive; 0: not at all */
	int64_t checked_ns;
	bool fault;            /* we drive and nothing happens: local holds act directly */

	/* the group */
	bool frozen;
	int64_t frozen_at_ns;  /* when that was asked for */
	int64_t thawed_at_ns;  /* when we last asked for that */
	bool apart;            /* the wire knows nothing of this freeze */
	int64_t stopped_ns;    /* when its clock stopped */
	uint64_t freeze_number; /* which of the group's freezes it is, or will be: see vt_board_restart() */
	int64_t end_ns;        /* when its clock, which runs, will stop by itself; 0: it will not */
	char ends_for[VT_OWNER_MAX]; /* who wanted that */

	int64_t wire_ns;       /* sum of asserted phases that have ended */
	int64_t frozen_ns;     /* sum of (start - stop) */
};

void vt_board_init(struct vt_board *b, const struct vt_board_config *config, int64_t now_ns);

/* ---- what happened ------------------------------------------------------------------------- */

void vt_board_hold(struct vt_board *b, enum vt_hold_kind kind, const char *owner, int64_t now_ns);
void vt_board_release(struct vt_board *b, enum vt_hold_kind kind);

/* An edge, from the kernel, with the line's own sequence number. */
void vt_board_edge(struct vt_board *b, uint32_t seq, bool asserted, int64_t stamp_ns,
		   int64_t now_ns);
/* The level as read at now; after all edges that wait. */
void vt_board_level(struct vt_board *b, bool asserted, int64_t now_ns);
/* The deadline has come: the same, and what has been wrong for an interval is dealt with. */
void vt_board_check(struct vt_board *b, bool asserted, int64_t now_ns);

/* We are about to write the freeze that will be the group's number'th. */
void vt_board_will_freeze(struct vt_board *b, uint64_t number);
/* The group was frozen by us at now, its clock stopping at stop_ns. */
void vt_board_froze(struct vt_board *b, int64_t stop_ns, int64_t now_ns);
/* The kernel's word for that, where it was the group's number'th freeze. */
void vt_board_stopped_at(struct vt_board *b, uint64_t number, int64_t stop_ns);
/* We let the group go at now, its clock starting at start_ns. */
void vt_board_thawed(struct vt_board *b, int64_t start_ns, int64_t now_ns);
/* Somebody else froze it, its number'th freeze, or let it go, at that instant; seen later. */
void vt_board_frozen_by(struct vt_board *b, const char *owner, uint64_t number, int64_t at_ns);
void vt_board_thawed_by_other(struct vt_board *b, int64_t at_ns);

/* Its clock runs, and will stop by itself at end_ns; 0: it will not. owner NULL: for the last one. */
void vt_board_will_end(struct vt_board *b, const char *owner, int64_t end_ns);
/* It has: what froze the group at that instant was a step. */
void vt_board_ended(struct vt_board *b, int64_t at_ns);

/* What a daemon finds that begins where another one has died. */
struct vt_board_found {
	bool level;       /* of the wire */
	bool frozen;      /* the group has been told to freeze */
	bool stepped;     /* at the end of a step */
	uint64_t freezes; /* how often, so far */
	int64_t stop_ns;  /* when the present freeze began */
};

/* b is what the last one left. Without that (another version, nothing): vt_board_init() before it. */
void vt_board_restart(struct vt_board *b, const struct vt_board_config *config,
		      const struct vt_board_found *found, int64_t now_ns);

/* ---- what is wanted ------------------------------------------------------------------------ */

/* Our output asserted. */
bool vt_board_drives(const struct vt_board *b);
/* The group frozen. */
bool vt_board_stands(const struct vt_board *b, int64_t now_ns);
/* The instant for a stop, or a start, that is made now: past or future. */
int64_t vt_board_stop_at(const struct vt_board *b, int64_t now_ns);
int64_t vt_board_start_at(const struct vt_board *b, int64_t now_ns);
/* When to take the hold of the step that is under way; INT64_MAX: there is none, or it is taken. */
int64_t vt_board_step_due(const struct vt_board *b);
/* When to look again; INT64_MAX: not before something happens. */
int64_t vt_board_deadline(const struct vt_board *b, int64_t now_ns);
/* Somebody else's output asserts the wire. */
bool vt_board_held_by_wire(const struct vt_board *b);
/* A hold, or the wire, has been on for longer than the limit. */
bool vt_board_is_over_limit(const struct vt_board *b, int64_t now_ns);

const char *vt_hold_name(enum vt_hold_kind kind);

#endif
