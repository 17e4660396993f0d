// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "board.h"

void vt_board_init(struct vt_board *b, const struct vt_board_config *config, int64_t now_ns)
{
	memset(b, 0, sizeof(*b));
	b->version = VT_BOARD_VERSION;
	b->config = *config;
	b->checked_ns = now_ns;
}

const char *vt_hold_name(enum vt_hold_kind kind)
{
	return kind == VT_HOLD_STEP ? "step" : "user";
}

static bool is_held_here(const struct vt_board *b)
{
	return b->holds[VT_HOLD_USER].on || b->holds[VT_HOLD_STEP].on;
}

/* Sums are kept where a wire and a clock are. */
static bool is_in_step(const struct vt_board *b)
{
	return b->config.is_wired && b->config.has_clock;
}

static int64_t owed(const struct vt_board *b)
{
	return b->wire_ns - b->frozen_ns;
}

/* ---- holds --------------------------------------------------------------------------------- */

void vt_board_hold(struct vt_board *b, enum vt_hold_kind kind, const char *owner, int64_t now_ns)
{
	struct vt_hold *h = &b->holds[kind];

	if (!is_held_here(b))
		b->driving_ns = now_ns;
	if (!h->on)
		h->since_ns = now_ns;
	snprintf(h->owner, sizeof(h->owner), "%s", owner);
	h->on = true;
}

void vt_board_release(struct vt_board *b, enum vt_hold_kind kind)
{
	b->holds[kind].on = false;
	if (is_held_here(b))
		return;
	b->driving_ns = 0;
	b->fault = false;
}

/* ---- the wire ------------------------------------------------------------------------------ */

/* The freeze that began without the wire is the wire's from here on. */
static void cover(struct vt_board *b, int64_t stamp_ns)
{
	b->fault = false;
	if (b->frozen && b->apart) {
		b->stopped_ns = stamp_ns + b->config.latch_ns;
		b->apart = false;
	}
}

static void turn(struct vt_board *b, bool asserted, int64_t stamp_ns, bool is_guess)
{
	b->counters.healed += is_guess;
	b->doubt_ns = 0;
	if (asserted)
		cover(b, stamp_ns);
	else
		b->wire_ns += stamp_ns - b->turned_ns[true];
	b->wire = asserted;
	b->turned_ns[asserted] = stamp_ns;
	b->guessed[asserted] = is_guess;
}

/* The true instant of a turn that the level had told. */
static void correct(struct vt_board *b, bool asserted, int64_t stamp_ns)
{
	int64_t earlier_ns = b->turned_ns[asserted] - stamp_ns;

	b->turned_ns[asserted] = stamp_ns;
	b->guessed[asserted] = false;
	if (!asserted)
		b->wire_ns -= earlier_ns;
	else if (!b->wire)
		b->wire_ns += earlier_ns;
}

static bool is_in_sequence(struct vt_board *b, uint32_t seq)
{
	uint32_t gap = seq - b->seq - 1;

	if ((int32_t)gap < 0)
		return false;
	b->counters.lost += gap;
	b->seq = seq;
	return true;
}

void vt_board_edge(struct vt_board *b, uint32_t seq, bool asserted, int64_t stamp_ns,
		   int64_t now_ns)
{
	bool is_old = b->guessed[asserted] && (asserted == b->wire || stamp_ns < b->turned_ns[b->wire]);
	bool is_news = asserted != b->wire && !is_old;
	uint64_t lost = b->counters.lost;

	if (!is_in_sequence(b, seq)) {
		b->counters.spurious++;
		return;
	}
	b->counters.edges++;
	b->counters.late += now_ns - stamp_ns > VT_EDGE_LATE_NS;
	if (is_news)
		turn(b, asserted, stamp_ns, false);
	else if (is_old)
		correct(b, asserted, stamp_ns);
	else
		b->counters.spurious += lost == b->counters.lost;
	if (is_news && !asserted && stamp_ns - b->turned_ns[true] < VT_GLITCH_NS)
		b->counters.spurious++;
}

/* Together no longer than the interval: a change that no edge told is seen and believed within it. */
static int64_t look_after(const struct vt_board *b)
{
	return b->config.check_ns * 3 / 4;
}

static int64_t believe_after(const struct vt_board *b)
{
	return b->config.check_ns / 4;
}

void vt_board_level(struct vt_board *b, bool asserted, int64_t now_ns)
{
	if (asserted == b->wire)
		b->doubt_ns = 0;
	else if (!b->doubt_ns)
		b->doubt_ns = now_ns;
	else if (now_ns - b->doubt_ns >= believe_after(b))
		turn(b, asserted, b->doubt_ns, true);
}

void vt_board_check(struct vt_board *b, bool asserted, int64_t now_ns)
{
	b->checked_ns = now_ns;
	vt_board_level(b, asserted, now_ns);
	if (b->wire || b->fault || !b->driving_ns || now_ns - b->driving_ns < b->config.check_ns)
		return;
	if (b->frozen && !b->apart)
		b->frozen_ns = b->wire_ns;
	b->fault = true;
	b->apart = true;
	b->counters.faults++;
}

/* ---- the group ----------------------------------------------------------------------------- */

void vt_board_will_freeze(struct vt_board *b, uint64_t number)
{
	b->freeze_number = number;
}

static void stopped(struct vt_board *b, int64_t stop_ns, int64_t at_ns)
{
	b->frozen = true;
	b->end_ns = 0;
	b->frozen_at_ns = at_ns;
	b->apart = b->fault;
	b->stopped_ns = stop_ns;
}

/* A step that is interrupted stops at once, whatever the wire says. */
void vt_board_froze(struct vt_board *b, int64_t stop_ns, int64_t now_ns)
{
	if (is_in_step(b) && b->wire && !b->end_ns &&
	    stop_ns > b->turned_ns[true] + b->config.latch_ns)
		b->counters.overruns++;
	stopped(b, stop_ns, now_ns);
}

void vt_board_stopped_at(struct vt_board *b, uint64_t number, int64_t stop_ns)
{
	if (b->frozen && !b->apart && b->freeze_number == number)
		b->stopped_ns = stop_ns;
}

/* What we have undone since, without knowing of it, is no freeze any more. */
void vt_board_frozen_by(struct vt_board *b, const char *owner, uint64_t number, int64_t at_ns)
{
	if (!b->frozen && at_ns < b->thawed_at_ns)
		return;
	b->freeze_number = number;
	if (!b->frozen)
		stopped(b, at_ns, at_ns);
	else if (at_ns < b->stopped_ns)
		b->stopped_ns = at_ns;
	vt_board_hold(b, VT_HOLD_USER, owner, at_ns);
}

/* A clock that is let go before it has stopped has not stood at all. */
static void started(struct vt_board *b, int64_t start_ns)
{
	if (b->frozen && !b->apart && start_ns > b->stopped_ns)
		b->frozen_ns += start_ns - b->stopped_ns;
	b->frozen = false;
	b->apart = false;
}

void vt_board_thawed(struct vt_board *b, int64_t start_ns, int64_t now_ns)
{
	b->thawed_at_ns = now_ns;
	started(b, start_ns);
}

/* Holds that are younger are not meant. */
void vt_board_thawed_by_other(struct vt_board *b, int64_t at_ns)
{
	if (b->frozen && at_ns >= b->frozen_at_ns) {
		b->counters.fights += b->wire && !is_held_here(b);
		started(b, at_ns);
	}
	for (int i = 0; i < VT_HOLDS; i++)
		if (b->holds[i].on && b->holds[i].since_ns <= at_ns)
			vt_board_release(b, (enum vt_hold_kind)i);
}

void vt_board_will_end(struct vt_board *b, const char *owner, int64_t end_ns)
{
	if (owner)
		snprintf(b->ends_for, sizeof(b->ends_for), "%s", owner);
	b->end_ns = b->frozen ? 0 : end_ns < INT64_MAX / 2 ? end_ns : INT64_MAX / 2;
}

/* Of the freeze we have been told as of any; so a user seemed to hold. */
void vt_board_ended(struct vt_board *b, int64_t at_ns)
{
	if (!b->frozen || at_ns < b->stopped_ns)
		return;
	vt_board_hold(b, VT_HOLD_STEP, *b->ends_for ? b->ends_for : "a step", at_ns);
	if (b->holds[VT_HOLD_USER].on && b->holds[VT_HOLD_USER].since_ns == at_ns)
		vt_board_release(b, VT_HOLD_USER);
}

/* ---- beginning where another one died ---------------------------------------------------------- */

/* Of the sums nothing is known any more: begin so that the next start is right for the wire. */
static void resync(struct vt_board *b, int64_t now_ns)
{
	int64_t stop_ns = b->frozen ? b->stopped_ns : now_ns;

	b->counters.resyncs++;
	b->frozen_ns = 0;
	b->wire_ns = (b->wire ? b->turned_ns[true] + b->config.latch_ns : now_ns) - stop_ns;
}

/* Holds come back as they were, but for those that somebody has ended by a thaw. */
static void find_freeze(struct vt_board *b, const struct vt_board_found *found, int64_t now_ns)
{
	bool is_known = found->freezes == b->freeze_number;

	if (!found->frozen && b->frozen)
		vt_board_thawed_by_other(b, now_ns);
	if (found->frozen && !b->frozen)
		stopped(b, found->stop_ns, found->stop_ns);
	if (found->frozen && !is_known) {
		stopped(b, found->stop_ns, found->stop_ns);
		vt_board_hold(b, found->stepped ? VT_HOLD_STEP : VT_HOLD_USER,
			      found->stepped ? "a step" : "cgroup.freeze", found->stop_ns);
	}
	b->end_ns = 0;
	b->freeze_number = found->freezes;
}

void vt_board_restart(struct vt_board *b, const struct vt_board_config *config,
		      const struct vt_board_found *found, int64_t now_ns)
{
	bool same = found->level == b->wire && found->frozen == b->frozen &&
		    found->freezes == b->freeze_number;

	b->config = *config;
	b->seq = 0;
	b->doubt_ns = 0;
	b->guessed[false] = b->guessed[true] = false;
	b->fault = false;
	b->checked_ns = now_ns;
	find_freeze(b, found, now_ns);
	b->driving_ns = is_held_here(b) ? now_ns : 0;
	if (found->level != b->wire)
		turn(b, found->level, now_ns, true);
	if (!same && is_in_step(b))
		resync(b, now_ns);
}

/* ---- what is wanted ------------------------------------------------------------------------ */

bool vt_board_drives(const struct vt_board *b)
{
	return is_held_here(b);
}

/* On a wire, who holds waits for the own edge, unless the group stands already. */
static bool is_held(const struct vt_board *b)
{
	if (!b->config.is_wired || b->fault || b->frozen)
		return is_held_here(b) || b->wire;
	return b->wire;
}

/* A start may be given a latch ahead, and only to a clock that has stopped. */
static int64_t thaw_from(const struct vt_board *b, int64_t now_ns)
{
	int64_t from_ns = vt_board_start_at(b, now_ns) - b->config.latch_ns;

	return from_ns > b->stopped_ns ? from_ns : b->stopped_ns;
}

/* We hold the wire for the end of a step, and the kernel will freeze the group there: it needs nobody
 * else for that. */
static bool is_ending(const struct vt_board *b, int64_t now_ns)
{
	return b->end_ns && b->holds[VT_HOLD_STEP].on && now_ns < b->end_ns + b->config.check_ns;
}

/* A step is not interrupted to pay: its end comes as much earlier or later. */
bool vt_board_stands(const struct vt_board *b, int64_t now_ns)
{
	if (is_ending(b, now_ns))
		return false;
	if (is_held(b))
		return true;
	if (!is_in_step(b))
		return false;
	return b->frozen ? now_ns < thaw_from(b, now_ns) : owed(b) > VT_OWED_MAX_NS && !b->end_ns;
}

int64_t vt_board_stop_at(const struct vt_board *b, int64_t now_ns)
{
	return is_in_step(b) && b->wire ? b->turned_ns[true] + b->config.latch_ns : now_ns;
}

/* A freeze cannot be shorter than nothing; the rest stays owed. */
int64_t vt_board_start_at(const struct vt_board *b, int64_t now_ns)
{
	if (!is_in_step(b) || b->apart)
		return now_ns;
	return b->stopped_ns + (owed(b) > 0 ? owed(b) : 0);
}

bool vt_board_held_by_wire(const struct vt_board *b)
{
	return b->wire && !is_held_here(b);
}

static int64_t held_since(const struct vt_board *b)
{
	int64_t since_ns = b->wire ? b->turned_ns[true] : INT64_MAX;

	for (int i = 0; i < VT_HOLDS; i++)
		if (b->holds[i].on && b->holds[i].since_ns < since_ns)
			since_ns = b->holds[i].since_ns;
	return since_ns;
}

bool vt_board_is_over_limit(const struct vt_board *b, int64_t now_ns)
{
	return b->config.limit_ns && held_since(b) < now_ns - b->config.limit_ns;
}

/* At the end of the step we have stood for less than the others by what we owe, which is known when the
 * wire has been let go; and they stop a latch after the edge. */
int64_t vt_board_step_due(const struct vt_board *b)
{
	if (!b->end_ns || b->holds[VT_HOLD_STEP].on)
		return INT64_MAX;
	if (!is_in_step(b))
		return b->end_ns;
	return b->wire ? INT64_MAX : b->end_ns + owed(b) - b->config.latch_ns;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t vt_board_deadline(const struct vt_board *b, int64_t now_ns)
{
	int64_t when_ns = b->config.is_wired ? b->checked_ns + look_after(b) : INT64_MAX;

	if (b->doubt_ns)
		when_ns = earlier(when_ns, b->doubt_ns + believe_after(b));
	if (b->config.limit_ns && held_since(b) != INT64_MAX && !vt_board_is_over_limit(b, now_ns))
		when_ns = earlier(when_ns, held_since(b) + b->config.limit_ns + 1);
	if (b->frozen && !is_held(b) && is_in_step(b) && !b->apart)
		when_ns = earlier(when_ns, thaw_from(b, now_ns));
	return earlier(when_ns, vt_board_step_due(b));
}
