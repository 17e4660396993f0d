/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: the kernel's freezer decides, these programs follow.
 *
 * Whoever writes cgroup.freeze, the freezer visits the cgroup and then everything below it,
 * parents first, and fires one event for each: before the first task is told to stop (instant
 * a), before the first is woken (c). The clock is stopped and started right there, so members
 * that still run between a and b read a clock that stands. Every event is passed on to the
 * kernel's clocks, for a cgroup that is no group may have clocks below; the call for a parent
 * acts on all clocks below at one instant, those for its children then find the work done.
 *
 * notify_frozen tells when a cgroup's last task has stopped (b) and when one has left again.
 * It can overtake the event that asked (a task is stopped or dies in between): then the flags
 * of the cgroup tell, since the freezer will not say it a second time.
 *
 * Context: interrupts off, cgroup_mutex or css_set_lock held, and one lock around all cgroup
 * tracepoints, so these programs never run side by side.
 */
#ifndef VT_BPF_FREEZE_H
#define VT_BPF_FREEZE_H

#include "books.h"

/* A freeze that took longer than that was hindered; it teaches nothing. */
#define LEAD_MAX_NS 5000000
/* The lead follows what took longer by halves, what took less by this part: near the upper end. */
#define LEAD_PATIENCE 32

static __always_inline bool is_stopped_state(__u32 state)
{
	return state == VT_FREEZING || state == VT_FROZEN;
}

/* Frozen, but its clock goes on to an instant to come. */
static __always_inline bool is_on_its_way(const struct vt_group_rec *rec, __u64 real_ns)
{
	return is_stopped_state(rec->state) && rec->a_ns > real_ns;
}

/*
 * The clocks below turn together with this one. Nobody reads those that stop until they are published:
 * by the events of their own, which come next, where they are not frozen yet; by settle() those that are
 * on their way. Others that start need none of this: a reader that comes too early finds a clock that
 * stands for a little longer.
 */
static __always_inline void begin_piece_of(const struct vt_group_rec *rec)
{
	struct vt_clock_slot *slot = slot_at(rec->slot);

	if (slot)
		piece_begin(&slot->by_freezer);
}

static __always_inline void begin_stop(struct cgroup *below, __u64 real_ns)
{
	struct vt_group_rec *rec = books_of(below->kn->id);

	if (rec && (!(below->flags & CGRP_FREEZE) || is_on_its_way(rec, real_ns)))
		begin_piece_of(rec);
}

static __always_inline void begin_start(struct cgroup *below, __u64 real_ns)
{
	struct vt_group_rec *rec = books_of(below->kn->id);

	if (rec && is_on_its_way(rec, real_ns))
		begin_piece_of(rec);
}

/*
 * Those below that were on their way have no event. real_ns: when the clock above stops; they stand by
 * then. Or when it has started: those that are frozen themselves stand from there on.
 */
static __always_inline void settle(struct cgroup *below, __u64 real_ns)
{
	__u64 group = below->kn->id;
	struct vt_group_rec *rec = books_of(group);
	struct vt_clock_slot *slot = rec ? slot_at(rec->slot) : NULL;
	struct vtclk_state clock = {};
	bool is_read;

	if (!slot || !is_stopped_state(rec->state) || !(slot->by_freezer.seq & 1))
		return;
	is_read = read_group(group, &clock);
	piece_end(&slot->by_freezer, is_read ? &clock : NULL);
	if (!is_read || rec->a_ns <= real_ns || (!clock.stopped && clock.real_ns >= real_ns))
		return;
	books_begin(rec);
	rec->a_ns = real_ns;
	rec->virtual_a_ns = clock.stopped ? clock.virt_ns : clock.stop_ns;
	books_end(rec);
}

static __always_inline void each_below(struct cgroup *cgrp,
				       void (*each)(struct cgroup *below, __u64 real_ns), __u64 real_ns)
{
	struct cgroup_subsys_state *css;
	struct bpf_iter_css it;

	if (!cgrp->nr_descendants)
		return;
	bpf_iter_css_new(&it, &cgrp->self, BPF_CGROUP_ITER_DESCENDANTS_PRE);
	while ((css = bpf_iter_css_next(&it)))
		if (css->cgroup != cgrp)
			each(css->cgroup, real_ns);
	bpf_iter_css_destroy(&it);
}

/*
 * A turn is told by the instant at which the clock turned, or as the clock is now: the instants of
 * readings order what the two sides tell.
 */
static __always_inline void publish(struct vt_clock_piece *p, struct cgroup *cgrp, int err,
				    const struct vtclk_state *turn, bool as_it_is_now)
{
	struct vtclk_state now = {};

	if (!err && as_it_is_now && !vtclk_read(cgrp, &now))
		piece_end(p, &now);
	else
		piece_end(p, err ? NULL : turn);
}

/* A clock that goes on to an end of its own is told with that end, also if it has been there for a while. */
static __always_inline void publish_stop(struct vt_clock_slot *slot, struct cgroup *cgrp, int err,
					 const struct vtclk_state *stop)
{
	publish(&slot->by_freezer, cgrp, err, stop, stop->virt_ns == stop->stop_ns);
}

/* Counted from an instant that has passed, a start can lie before what a caller has told last. */
static __always_inline void publish_start(struct vt_clock_slot *slot, struct cgroup *cgrp, int err,
					  const struct vtclk_state *start)
{
	publish(&slot->by_freezer, cgrp, err, start, start->real_ns <= slot->by_caller.real_ns);
}

/* *flags: VT_GROUP_STEPPED if the clock of cgrp stops, or has stopped, by itself. */
static __always_inline struct instant stop_clocks(struct cgroup *cgrp, const struct vt_group_rec *rec,
						  __u32 *flags)
{
	struct instant now = instant_now();

	*flags = 0;
	if (has_clock) {
		struct vt_clock_slot *slot = rec ? slot_at(rec->slot) : NULL;
		struct vtclk_state clock = {};
		int err;

		if (slot)
			piece_begin(&slot->by_freezer);
		each_below(cgrp, begin_stop, now.real_ns);
		err = vtclk_stop(cgrp, &clock);
		if (slot)
			publish_stop(slot, cgrp, err, &clock);
		each_below(cgrp, settle, err ? now.real_ns : clock.real_ns);
		if (!err) {
			now = instant_of(&clock);
			if (clock.virt_ns == clock.stop_ns)
				*flags = VT_GROUP_STEPPED;
		} else if (err != -ENOENT) {
			VT_COUNT(clock_errors);
		}
	}
	return now;
}

/* *end_ns: where the clock of cgrp will stop by itself. */
static __always_inline struct instant start_clocks(struct cgroup *cgrp, const struct vt_group_rec *rec,
						   __u64 *end_ns)
{
	struct instant now = instant_now();

	*end_ns = VT_ENDLESS;
	if (has_clock) {
		struct vt_clock_slot *slot = rec ? slot_at(rec->slot) : NULL;
		struct vtclk_state clock = {};
		int err;

		if (slot)
			piece_begin(&slot->by_freezer);
		each_below(cgrp, begin_start, now.real_ns);
		err = vtclk_start(cgrp, &clock);
		if (slot)
			publish_start(slot, cgrp, err, &clock);
		each_below(cgrp, settle, err ? now.real_ns : clock.real_ns);
		if (!err) {
			now = instant_of(&clock);
			*end_ns = clock.stop_ns;
		} else if (err != -ENOENT) {
			VT_COUNT(clock_errors);
		}
	}
	return now;
}

/* A task that is born in the middle of a freeze makes another b, which is not the freeze's price. */
static __always_inline void enter_b(struct vt_group_rec *rec, __u64 real_ns)
{
	if (rec->b_ns < rec->a_ns && real_ns > rec->a_ns + rec->worst_stop_ns)
		rec->worst_stop_ns = real_ns - rec->a_ns;
	rec->b_ns = real_ns;
}

static __always_inline void enter_d(struct vt_group_rec *rec, __u64 real_ns)
{
	if (real_ns > rec->c_ns + rec->worst_start_ns)
		rec->worst_start_ns = real_ns - rec->c_ns;
	rec->d_ns = real_ns;
}

/*
 * At the end of a step: the tasks were to be told lead_used_ns before the clock stops, at a, and all
 * have stopped now.
 */
static __always_inline void learn_lead(struct vt_group_rec *rec, __u64 now_ns)
{
	__u64 took_ns = now_ns + rec->lead_used_ns - rec->a_ns;

	if (took_ns > LEAD_MAX_NS)
		return;
	if (took_ns > rec->lead_ns)
		rec->lead_ns += (took_ns - rec->lead_ns + 1) / 2;
	else
		rec->lead_ns -= (rec->lead_ns - took_ns) / LEAD_PATIENCE;
}

/* Enter b or d in the books and tell listeners. */
static __always_inline void notice(struct vt_group_rec *rec, __u64 group,
				   enum vt_transition transition, const struct instant *now)
{
	__u32 next = vt_freezer_next(rec->state, transition);

	if (next == rec->state)
		return;
	rec->state = next;
	if (next == VT_FROZEN) {
		enter_b(rec, now->real_ns);
		if (rec->flags & VT_GROUP_STEPPED)
			learn_lead(rec, now->real_ns);
		record(VT_REC_FROZEN, group, now, 0, current_process());
	} else if (next == VT_RUNNING) {
		enter_d(rec, now->real_ns);
		record(VT_REC_RUNNING, group, now, 0, current_process());
	}
}

SEC("tp_btf/cgroup_freeze")
int BPF_PROG(vt_on_freeze, struct cgroup *cgrp)
{
	__u64 group = cgrp->kn->id;
	struct vt_group_rec *rec = books_of(group);
	struct instant now;
	__u32 stepped;

	if (!rec) {
		stop_clocks(cgrp, NULL, &stepped);
		return 0;
	}
	books_begin(rec);
	now = stop_clocks(cgrp, rec, &stepped);
	if (is_stopped_state(rec->state)) {
		VT_COUNT(double_freezes);
	} else {
		rec->freezes++;
		rec->a_ns = now.real_ns;
		rec->virtual_a_ns = now.virtual_ns;
		rec->flags = (rec->flags & ~VT_GROUP_STEPPED) | stepped;
		record(VT_REC_FREEZE, group, &now, 0, current_process());
		if (stepped)
			record(VT_REC_STEP_REACHED, group, &now, now.virtual_ns, current_process());
	}
	rec->state = vt_freezer_next(rec->state, VT_ASK_FREEZE);
	if (cgrp->flags & CGRP_FROZEN)
		notice(rec, group, VT_ALL_STOPPED, &now);
	books_end(rec);
	return 0;
}

SEC("tp_btf/cgroup_unfreeze")
int BPF_PROG(vt_on_thaw, struct cgroup *cgrp)
{
	__u64 group = cgrp->kn->id;
	struct vt_group_rec *rec = books_of(group);
	struct instant now;
	__u64 end_ns;
	__u32 was;

	if (!rec) {
		start_clocks(cgrp, NULL, &end_ns);
		return 0;
	}
	books_begin(rec);
	now = start_clocks(cgrp, rec, &end_ns);
	was = rec->state;
	if (is_stopped_state(was)) {
		rec->c_ns = now.real_ns;
		/* Thawed before a clock that stops by itself has got there, it never stood. */
		if (now.real_ns > rec->a_ns)
			rec->frozen_ns += now.real_ns - rec->a_ns;
		record(VT_REC_THAW, group, &now, 0, current_process());
		if (end_ns != VT_ENDLESS)
			record(VT_REC_STEP_GRANTED, group, &now, end_ns, current_process());
	} else {
		VT_COUNT(double_thaws);
	}
	rec->state = vt_freezer_next(was, VT_ASK_THAW);
	if (was == VT_FREEZING) {
		rec->d_ns = now.real_ns;
		record(VT_REC_RUNNING, group, &now, 0, current_process());
	} else if (!(cgrp->flags & CGRP_FROZEN)) {
		notice(rec, group, VT_NOT_ALL_STOPPED, &now);
	}
	books_end(rec);
	return 0;
}

SEC("tp_btf/cgroup_notify_frozen")
int BPF_PROG(vt_on_notify, struct cgroup *cgrp, const char *path, int frozen)
{
	__u64 group = cgrp->kn->id;
	struct vt_group_rec *rec = books_of(group);
	struct instant now;

	if (!rec)
		return 0;
	books_begin(rec);
	now = read_clock(cgrp);
	notice(rec, group, frozen ? VT_ALL_STOPPED : VT_NOT_ALL_STOPPED, &now);
	books_end(rec);
	return 0;
}

#endif /* VT_BPF_FREEZE_H */
