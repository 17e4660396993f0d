/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: what user space asks for. Programs of type syscall, run by BPF_PROG_TEST_RUN with a
 * struct vt_request that they answer in place; the result is 0 or a negative errno.
 *
 * Groups with a clock are reached through kfuncs that only a kernel with the vtclk series is
 * asked for. Groups without (freeze-only) are books and nothing else, on any kernel from 6.1:
 * there the caller says in which state the cgroup is and looks again afterwards.
 */
#ifndef VT_BPF_CLOCKS_H
#define VT_BPF_CLOCKS_H

#include "books.h"

/* Times that a freeze between a look at the cgroup and its entry in the books is looked for. */
#define BIND_TRIES 8

static __always_inline void answer(struct vt_request *req, const struct vtclk_state *clock)
{
	req->rate = clock->rate;
	req->epoch_ns = clock->epoch_ns;
	req->real_ns = clock->real_ns;
	req->virtual_ns = clock->virt_ns;
	req->stopped = clock->stopped;
	req->stop_ns = clock->stop_ns;
	req->expiries = clock->expiries;
}

static __always_inline void answer_host(struct vt_request *req)
{
	struct vtclk_state clock = { .rate = VT_RATE_ONE, .stop_ns = VT_ENDLESS };

	clock.real_ns = clock.virt_ns = bpf_ktime_get_ns();
	answer(req, &clock);
}

static __always_inline int books_insert(const struct vt_request *req, __u32 state)
{
	struct vt_group_rec rec = {
		.flags = req->flags,
		.state = state,
		.created_ns = req->real_ns,
		.slot = req->slot,
	};
	__u64 group = req->group;
	int err;

	if (state == VT_FREEZING || state == VT_FROZEN) {
		rec.freezes = 1;
		rec.a_ns = req->real_ns;
		rec.virtual_a_ns = req->virtual_ns;
	}
	if (state == VT_FROZEN)
		rec.b_ns = req->real_ns;
	err = bpf_map_update_elem(&vt_groups, &group, &rec, BPF_NOEXIST);
	return err == -E2BIG ? -ENOSPC : err;
}

static __always_inline void announce(const struct vt_request *req)
{
	struct instant at = { req->real_ns, req->virtual_ns };

	__sync_fetch_and_add(&group_count, 1);
	record(VT_REC_CREATE, req->group, &at, req->rate, current_process());
}

static __always_inline __u32 state_of(unsigned long flags)
{
	if (flags & CGRP_FREEZE)
		return flags & CGRP_FROZEN ? VT_FROZEN : VT_FREEZING;
	return flags & CGRP_FROZEN ? VT_THAWING : VT_RUNNING;
}

/* A freeze may pass by before the books are there to take note: then enter the group anew. */
static __always_inline int books_insert_live(struct cgroup *cgrp, struct vt_request *req)
{
	__u64 group = req->group;
	__u32 state;
	int err;

	for (int i = 0; i < BIND_TRIES; i++) {
		state = state_of(cgrp->flags);
		err = books_insert(req, state);
		if (err || state_of(cgrp->flags) == state)
			return err;
		bpf_map_delete_elem(&vt_groups, &group);
	}
	return -EAGAIN;
}

static __always_inline int bind_clock(struct cgroup *cgrp, struct vt_request *req)
{
	struct vtclk_state clock = {};
	int err;

	err = vtclk_bind(cgrp, req->rate, req->epoch_ns, &clock);
	if (err)
		return err;
	answer(req, &clock);
	err = books_insert_live(cgrp, req);
	if (err)
		vtclk_unbind(cgrp);
	return err;
}

static __always_inline int bind_virtual(struct vt_request *req)
{
	struct cgroup *cgrp;
	int err;

	if (!has_clock)
		return -EOPNOTSUPP;
	if (req->rate < VT_RATE_MIN || req->rate > VT_RATE_MAX)
		return -ERANGE;
	cgrp = bpf_cgroup_from_id(req->group);
	if (!cgrp)
		return -ENOENT;
	err = bind_clock(cgrp, req);
	bpf_cgroup_release(cgrp);
	return err;
}

/* The clock as it is once freezes are noted: what has turned it before may have gone unnoticed. */
static __always_inline void publish_birth(struct vt_clock_slot *slot, __u64 group)
{
	struct vtclk_state clock = { .rate = VT_RATE_ONE, .stop_ns = VT_ENDLESS };
	struct vt_group_rec *rec = books_of(group);
	struct cgroup *cgrp = NULL;

	clock.real_ns = clock.virt_ns = bpf_ktime_get_ns();
	if (has_clock && rec && rec->flags & VT_GROUP_VIRTUAL)
		cgrp = bpf_cgroup_from_id(group);
	if (cgrp) {
		vtclk_read(cgrp, &clock);
		bpf_cgroup_release(cgrp);
	}
	slot->epoch_ns = clock.epoch_ns;
	piece_end(&slot->by_caller, &clock);
}

SEC("syscall")
int vt_bind(struct vt_request *req)
{
	struct vt_clock_slot *slot;
	int err;

	if (books_of(req->group))
		return -EEXIST;
	slot = slot_take(req->slot, req->group);
	if (!slot)
		return -ENOSPC;
	if (req->flags & VT_GROUP_VIRTUAL) {
		err = bind_virtual(req);
	} else {
		__u32 state = req->state;

		answer_host(req);
		err = books_insert(req, state);
	}
	publish_birth(slot, req->group);
	if (err)
		slot->group = 0;
	else
		announce(req);
	return err;
}

/* Its last reading goes to *now. */
static __always_inline void unbind_clock(__u64 group, struct instant *now)
{
	struct cgroup *cgrp = bpf_cgroup_from_id(group);

	if (!cgrp)
		return;
	*now = read_clock(cgrp);
	if (vtclk_unbind(cgrp))
		VT_COUNT(clock_errors);
	bpf_cgroup_release(cgrp);
}

SEC("syscall")
int vt_unbind(struct vt_request *req)
{
	struct vt_group_rec *rec = books_of(req->group);
	struct instant now = instant_now();

	if (!rec)
		return -ENOENT;
	if (has_clock && rec->flags & VT_GROUP_VIRTUAL)
		unbind_clock(req->group, &now);
	return books_delete(req->group, &now);
}

/* Where has_clock: the group's cgroup, to be released; NULL: *err says why. */
static __always_inline struct cgroup *clocked_cgroup(const struct vt_group_rec *rec, __u64 group,
						     int *err)
{
	struct cgroup *cgrp;

	*err = -ENOENT;
	if (!rec)
		return NULL;
	*err = -EOPNOTSUPP;
	if (!(rec->flags & VT_GROUP_VIRTUAL))
		return NULL;
	cgrp = bpf_cgroup_from_id(group);
	*err = cgrp ? 0 : -ENOENT;
	return cgrp;
}

/* Does what is asked, answers, and leaves the clock as readers are to have it. */
typedef int change_fn(struct cgroup *cgrp, struct vt_group_rec *rec, struct vt_request *req,
		      struct vtclk_state *clock);

/* Change a group's clock, and publish it. -EINPROGRESS: somebody else is at it. */
static __always_inline int change_clock(struct vt_request *req, change_fn *change)
{
	struct vt_group_rec *rec = books_of(req->group);
	struct vtclk_state clock = {};
	struct vt_clock_slot *slot;
	struct cgroup *cgrp;
	int err;

	if (!has_clock || !rec)
		return rec ? -EOPNOTSUPP : -ENOENT;
	cgrp = clocked_cgroup(rec, req->group, &err);
	if (!cgrp)
		return err;
	err = -EINPROGRESS;
	slot = slot_at(rec->slot);
	if (slot && piece_try_begin(&slot->by_caller)) {
		err = change(cgrp, rec, req, &clock);
		piece_end(&slot->by_caller, err ? NULL : &clock);
	}
	bpf_cgroup_release(cgrp);
	return err;
}

static __always_inline int turn(struct cgroup *cgrp, struct vt_group_rec *rec,
				struct vt_request *req, struct vtclk_state *clock)
{
	int err;

	if (req->rate < VT_RATE_MIN || req->rate > VT_RATE_MAX)
		return -ERANGE;
	err = vtclk_set_rate(cgrp, req->rate, clock);
	if (!err)
		answer(req, clock);
	return err;
}

SEC("syscall")
int vt_rate(struct vt_request *req)
{
	int err = change_clock(req, turn);
	struct instant at = { req->real_ns, req->virtual_ns };

	if (!err)
		record(VT_REC_RATE, req->group, &at, req->rate, current_process());
	return err;
}

static __always_inline bool is_caller_in(__u64 group)
{
	struct cgroup_subsys_state *css = &bpf_get_current_task_btf()->cgroups->dfl_cgrp->self;

	for (int i = 0; i < VT_DEPTH_MAX && css; i++) {
		if (css->cgroup->kn->id == group)
			return true;
		css = css->parent;
	}
	if (css)
		VT_COUNT(too_deep);
	return false;
}

SEC("syscall")
int vt_read(struct vt_request *req)
{
	struct vt_group_rec *rec = books_of(req->group);
	struct vtclk_state clock = {};
	struct cgroup *cgrp;
	int err;

	if (!rec)
		return -ENOENT;
	req->has_caller = is_caller_in(req->group);
	if (!has_clock || !(rec->flags & VT_GROUP_VIRTUAL)) {
		answer_host(req);
		return 0;
	}
	cgrp = bpf_cgroup_from_id(req->group);
	if (!cgrp)
		return -ENOENT;
	err = vtclk_read(cgrp, &clock);
	bpf_cgroup_release(cgrp);
	if (!err)
		answer(req, &clock);
	return err;
}

/* What user space has to say, among what the programs say. */
SEC("syscall")
int vt_note(struct vt_note *note)
{
	struct instant now = clock_of(note->group);
	struct vt_record r = {
		.real_ns = now.real_ns,
		.virtual_ns = now.virtual_ns,
		.group = note->group,
		.value = note->value,
		.kind = note->kind,
		.pid = current_process(),
		.id = note->id,
	};

	if (r.kind < VT_REC_STEP_ASKED || r.kind > VT_REC_HOLD_OFF)
		return -EINVAL;
	if (!books_of(r.group))
		return -ENOENT;
	tell(&r);
	return 0;
}

#endif /* VT_BPF_CLOCKS_H */
