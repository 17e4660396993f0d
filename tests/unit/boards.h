/* SPDX-License-Identifier: MIT */
/*
 * Boards on a simulated wire, in simulated time: each is the state machine of vtd with a group that
 * is nothing but an account of its clock, and a daemon that takes a while for everything. The kernel
 * queues edges for it; what can go wrong with them does, as often as asked for.
 */
#ifndef VT_UNIT_BOARDS_H
#define VT_UNIT_BOARDS_H

#include "board.h"
#include "unit.h"

#define MS INT64_C(1000000)
#define US INT64_C(1000)
#define LATCH (500 * US)
#define CHECK (250 * MS) /* delayed edges come before the level is believed */
#define BOARDS_MAX 4
#define EDGES_MAX 256

/* Chances in 1000. */
struct trouble {
	unsigned int drop, twice, delay, glitch, kill, by_hand;
};

struct sim_edge {
	int64_t stamp_ns, ready_ns;
	uint32_t seq;
	bool asserted;
};

struct sim_board {
	struct vt_board b;
	bool is_alive, drives;
	int64_t wake_ns; /* when the daemon gets round to what it was told by hand */
	struct sim_edge edges[EDGES_MAX]; /* in the kernel, in order */
	int count;
	uint32_t seq;
	/* the group */
	bool frozen;
	uint64_t freezes;
	int64_t stop_ns, total_ns;
	int64_t late_ns; /* how late the daemon will be for its deadline */
	int64_t end_ns, left_ns; /* of a step: when it ends; what is left of it while it stands */
	/* what was done behind the daemon's back, and it will read in the records */
	struct { bool freeze; uint64_t number; int64_t at_ns, end_ns; } records[16];
	int record_count;
};

struct sim {
	int64_t now_ns;
	struct sim_board boards[BOARDS_MAX];
	int count;
	bool forced; /* somebody else's glitch */
	bool naive;  /* clocks stop and start when the software gets round to it */
	bool level;
	struct trouble trouble;
	unsigned long dropped, doubled, delayed, glitches, kills, turns;
};

static inline bool one_in(unsigned int chance)
{
	return rng_below(1000) < chance;
}

/* ---- the kernel's part --------------------------------------------------------------------- */

static inline void queue_edge(struct sim *sim, struct sim_board *s, bool asserted)
{
	int64_t ready_ns = sim->now_ns + 20 * US + (int64_t)rng_below((uint64_t)(180 * US));
	int64_t behind = s->count ? s->edges[s->count - 1].ready_ns : 0;

	if (!s->is_alive)
		return;
	s->seq++;
	if (one_in(sim->trouble.drop)) {
		sim->dropped++;
		return;
	}
	if (one_in(sim->trouble.delay)) {
		sim->delayed++;
		ready_ns += (int64_t)rng_below((uint64_t)(50 * MS));
	}
	if (ready_ns < behind)
		ready_ns = behind;
	assert_true(s->count + 1 < EDGES_MAX);
	s->edges[s->count++] = (struct sim_edge){ sim->now_ns, ready_ns, s->seq, asserted };
	if (one_in(sim->trouble.twice)) {
		sim->doubled++;
		s->edges[s->count] = s->edges[s->count - 1];
		s->edges[s->count].seq = rng() & 1 ? ++s->seq : s->seq;
		s->count++;
	}
}

static inline void update_level(struct sim *sim)
{
	bool level = sim->forced;

	for (int i = 0; i < sim->count; i++)
		level |= sim->boards[i].is_alive && sim->boards[i].drives;
	if (level == sim->level)
		return;
	sim->level = level;
	sim->turns++;
	for (int i = 0; i < sim->count; i++)
		queue_edge(sim, &sim->boards[i], level);
}

static inline void freeze_group(struct sim_board *s, int64_t stop_ns)
{
	s->frozen = true;
	s->freezes++;
	s->stop_ns = stop_ns;
	s->left_ns = s->end_ns ? s->end_ns - stop_ns : 0;
	s->end_ns = 0;
}

static inline void thaw_group(struct sim_board *s, int64_t start_ns)
{
	s->frozen = false;
	s->total_ns += start_ns - s->stop_ns;
	s->end_ns = s->left_ns ? start_ns + s->left_ns : 0;
}

/* The daemon will hear of it; end_ns is that of a step. */
static inline void note(struct sim *sim, struct sim_board *s, bool freeze, int64_t end_ns)
{
	if (!s->is_alive)
		return;
	assert_true(s->record_count < (int)COUNT(s->records));
	s->records[s->record_count].freeze = freeze;
	s->records[s->record_count].number = s->freezes;
	s->records[s->record_count].end_ns = end_ns;
	s->records[s->record_count++].at_ns = sim->now_ns;
	if (s->wake_ns == INT64_MAX)
		s->wake_ns = sim->now_ns + 10 * US + (int64_t)rng_below(100 * US);
}

static inline void reach_end(struct sim *sim, struct sim_board *s)
{
	int64_t end_ns = s->end_ns;

	freeze_group(s, end_ns);
	note(sim, s, true, end_ns);
}

/* ---- the daemon's part --------------------------------------------------------------------- */

static inline void act(struct sim *sim, struct sim_board *s)
{
	int64_t at;

	if (vt_board_stands(&s->b, sim->now_ns) && !s->b.frozen) {
		vt_board_will_freeze(&s->b, s->freezes + 1);
		at = vt_board_stop_at(&s->b, sim->now_ns);
		if (at < sim->now_ns || sim->naive || s->b.end_ns)
			at = sim->now_ns;
		if (!s->frozen)
			freeze_group(s, at);
		vt_board_froze(&s->b, at, sim->now_ns);
	} else if (!vt_board_stands(&s->b, sim->now_ns) && s->b.frozen) {
		at = sim->naive ? sim->now_ns : vt_board_start_at(&s->b, sim->now_ns);
		if (s->frozen)
			thaw_group(s, at);
		vt_board_thawed(&s->b, at, sim->now_ns);
		vt_board_will_end(&s->b, NULL, s->end_ns);
	}
}

static inline void take_records(struct sim_board *s)
{
	for (int i = 0; i < s->record_count; i++)
		if (s->records[i].freeze) {
			vt_board_frozen_by(&s->b, "somebody", s->records[i].number,
					   s->records[i].at_ns);
			if (s->records[i].at_ns == s->records[i].end_ns)
				vt_board_ended(&s->b, s->records[i].at_ns);
		} else {
			vt_board_thawed_by_other(&s->b, s->records[i].at_ns);
			vt_board_will_end(&s->b, "stepper", s->records[i].end_ns);
		}
	s->record_count = 0;
	s->wake_ns = INT64_MAX;
}

static inline void settle(struct sim *sim, struct sim_board *s)
{
	take_records(s);
	if (vt_board_step_due(&s->b) <= sim->now_ns)
		vt_board_hold(&s->b, VT_HOLD_STEP, s->b.ends_for, sim->now_ns);
	s->drives = vt_board_drives(&s->b);
	update_level(sim);
	vt_board_level(&s->b, sim->level, sim->now_ns);
	act(sim, s);
}

static inline void take_edges(struct sim *sim, struct sim_board *s)
{
	while (s->count && s->edges[0].ready_ns <= sim->now_ns) {
		struct sim_edge e = s->edges[0];

		memmove(&s->edges[0], &s->edges[1], (size_t)--s->count * sizeof(e));
		vt_board_edge(&s->b, e.seq, e.asserted, e.stamp_ns, sim->now_ns);
	}
}

static inline int64_t next_of(const struct sim *sim, const struct sim_board *s)
{
	int64_t next = vt_board_deadline(&s->b, sim->now_ns);

	next = next == INT64_MAX ? next : next + s->late_ns;
	if (!s->is_alive)
		return INT64_MAX;
	if (s->count && s->edges[0].ready_ns < next)
		next = s->edges[0].ready_ns;
	if (s->end_ns && s->end_ns < next)
		next = s->end_ns;
	return s->wake_ns < next ? s->wake_ns : next;
}

static inline void serve(struct sim *sim, struct sim_board *s)
{
	bool due = vt_board_deadline(&s->b, sim->now_ns) <= sim->now_ns;

	if (s->end_ns && s->end_ns <= sim->now_ns) {
		reach_end(sim, s);
		return;
	}
	s->late_ns = (int64_t)rng_below(100 * US);
	take_records(s);
	take_edges(sim, s);
	if (due)
		vt_board_check(&s->b, sim->level, sim->now_ns);
	settle(sim, s);
}

/* Let time pass, and the daemons do what is due meanwhile. */
static inline void pass(struct sim *sim, int64_t ns)
{
	int64_t end_ns = sim->now_ns + ns;

	for (;;) {
		struct sim_board *first = NULL;
		int64_t when = end_ns;

		for (int i = 0; i < sim->count; i++)
			if (next_of(sim, &sim->boards[i]) < when) {
				first = &sim->boards[i];
				when = next_of(sim, first);
			}
		if (!first)
			break;
		if (when > sim->now_ns)
			sim->now_ns = when;
		serve(sim, first);
	}
	sim->now_ns = end_ns;
}

/* ---- what happens to them ------------------------------------------------------------------ */

static struct vt_board_config sim_config = {
	.is_wired = true, .has_clock = true, .latch_ns = LATCH, .check_ns = CHECK,
};

static inline void sim_start(struct sim *sim, int count, const struct trouble *trouble)
{
	memset(sim, 0, sizeof(*sim));
	sim->now_ns = 1000 * MS;
	sim->count = count;
	sim->trouble = *trouble;
	for (int i = 0; i < count; i++) {
		vt_board_init(&sim->boards[i].b, &sim_config, sim->now_ns);
		sim->boards[i].is_alive = true;
		sim->boards[i].wake_ns = INT64_MAX;
	}
}

static inline void hold(struct sim *sim, struct sim_board *s)
{
	if (!s->is_alive)
		return;
	take_records(s);
	vt_board_hold(&s->b, VT_HOLD_USER, "test", sim->now_ns);
	settle(sim, s);
}

static inline void release(struct sim *sim, struct sim_board *s)
{
	if (!s->is_alive)
		return;
	take_records(s);
	vt_board_release(&s->b, VT_HOLD_USER);
	settle(sim, s);
}

/* echo 1 or 0 > cgroup.freeze: the kernel knows only whether that changes anything. */
static inline void by_hand(struct sim *sim, struct sim_board *s, bool freeze)
{
	if (s->frozen == freeze)
		return;
	if (freeze)
		freeze_group(s, sim->now_ns);
	else
		thaw_group(s, sim->now_ns > s->stop_ns ? sim->now_ns : s->stop_ns);
	note(sim, s, freeze, s->end_ns);
}

/* Let a group that stands go on for so long. */
static inline void step_by_hand(struct sim *sim, struct sim_board *s, int64_t length_ns)
{
	s->left_ns = length_ns;
	by_hand(sim, s, false);
}

static inline void die(struct sim *sim, struct sim_board *s)
{
	s->is_alive = false;
	s->drives = false;
	s->count = s->record_count = 0;
	s->seq = 0;
	s->wake_ns = INT64_MAX;
	sim->kills++;
	update_level(sim);
}

static inline void restart(struct sim *sim, struct sim_board *s)
{
	struct vt_board_found found = {
		.level = sim->level, .frozen = s->frozen, .freezes = s->freezes, .stop_ns = s->stop_ns
	};

	s->is_alive = true;
	vt_board_restart(&s->b, &sim_config, &found, sim->now_ns);
	settle(sim, s);
}

static inline void glitch(struct sim *sim)
{
	sim->glitches++;
	sim->forced = true;
	update_level(sim);
	pass(sim, US);
	sim->forced = false;
	update_level(sim);
}

#endif
