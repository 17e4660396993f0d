/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: a clock that stops by itself.
 *
 * A step is an end that a clock is given while its group is frozen, and a thaw. The clock stands at
 * its end whatever anybody does; the kernel freezes the tasks a little before. How much before is
 * learned here: from when they were to be told to when all had stopped, over the last steps.
 *
 * On a wire it is the other way round: the caller freezes, and the clock goes on to an instant that
 * all boards know.
 */
#ifndef VT_BPF_STEPS_H
#define VT_BPF_STEPS_H

#include "clocks.bpf.h"

/* The group's cgroup, to be released; NULL: *err says why. */
static __always_inline struct cgroup *clocked_cgroup(__u64 group, int *err)
{
	struct vt_group_rec *rec = books_of(group);
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

/* Tasks shall run for half of a step at least. */
static __always_inline __u64 lead_for(const struct vt_group_rec *rec, const struct vt_request *req)
{
	return rec->lead_ns < req->lead_max_ns ? rec->lead_ns : req->lead_max_ns;
}

SEC("syscall")
int vt_run_until(struct vt_request *req)
{
	struct vt_group_rec *rec = books_of(req->group);
	struct vtclk_state clock = {};
	struct vt_clock_slot *slot;
	struct cgroup *cgrp;
	struct instant at;
	__u64 lead_ns;
	int err;

	if (!has_clock || !rec)
		return rec ? -EOPNOTSUPP : -ENOENT;
	cgrp = clocked_cgroup(req->group, &err);
	if (!cgrp)
		return err;
	lead_ns = lead_for(rec, req);
	err = -EINPROGRESS;
	slot = slot_at(rec->slot);
	if (slot && piece_try_begin(&slot->by_caller)) {
		err = vtclk_run_until(cgrp, req->at_ns, lead_ns, &clock);
		piece_end(&slot->by_caller, err ? NULL : &clock);
	}
	bpf_cgroup_release(cgrp);
	if (err)
		return err;
	rec->lead_used_ns = lead_ns;
	answer(req, &clock);
	at = instant_of(&clock);
	if (req->at_ns != VT_ENDLESS)
		record(VT_REC_STEP_ASKED, req->group, &at, req->at_ns, current_process());
	return 0;
}

SEC("syscall")
int vt_stop_at(struct vt_request *req)
{
	struct vtclk_state clock = {}, now = {};
	struct vt_clock_slot *slot;
	struct cgroup *cgrp;
	int err;

	if (!has_clock)
		return -EOPNOTSUPP;
	cgrp = clocked_cgroup(req->group, &err);
	if (!cgrp)
		return err;
	err = -EINPROGRESS;
	slot = slot_of(req->group);
	if (slot && piece_try_begin(&slot->by_caller)) {
		err = vtclk_stop_at(cgrp, req->at_ns, &clock);
		/* That tells of the end, which may be to come. */
		piece_end(&slot->by_caller, err || vtclk_read(cgrp, &now) ? NULL : &now);
	}
	bpf_cgroup_release(cgrp);
	if (!err)
		answer(req, &clock);
	return err;
}

SEC("syscall")
int vt_skip(struct vt_request *req)
{
	struct vtclk_state clock = {};
	struct vt_clock_slot *slot;
	struct cgroup *cgrp;
	int err;

	if (!has_clock)
		return -EOPNOTSUPP;
	cgrp = clocked_cgroup(req->group, &err);
	if (!cgrp)
		return err;
	err = -EINPROGRESS;
	slot = slot_of(req->group);
	if (slot && piece_try_begin(&slot->by_caller)) {
		err = vtclk_skip(cgrp, req->at_ns, &clock);
		piece_end(&slot->by_caller, err ? NULL : &clock);
	}
	bpf_cgroup_release(cgrp);
	if (!err)
		answer(req, &clock);
	return err;
}

SEC("syscall")
int vt_start_at(struct vt_request *req)
{
	struct cgroup *cgrp;
	int err;

	if (!has_clock)
		return -EOPNOTSUPP;
	cgrp = clocked_cgroup(req->group, &err);
	if (!cgrp)
		return err;
	err = vtclk_start_at(cgrp, req->at_ns);
	bpf_cgroup_release(cgrp);
	return err;
}

#endif /* VT_BPF_STEPS_H */
