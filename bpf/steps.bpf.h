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

/* Tasks shall run for half of a step at least. */
static __always_inline __u64 lead_for(const struct vt_group_rec *rec, const struct vt_request *req)
{
	return rec->lead_ns < req->lead_max_ns ? rec->lead_ns : req->lead_max_ns;
}

static __always_inline int run_until(struct cgroup *cgrp, struct vt_group_rec *rec,
				     struct vt_request *req, struct vtclk_state *clock)
{
	__u64 lead_ns = lead_for(rec, req);
	int err = vtclk_run_until(cgrp, req->at_ns, lead_ns, clock);

	if (err)
		return err;
	rec->lead_used_ns = lead_ns;
	answer(req, clock);
	return 0;
}

SEC("syscall")
int vt_run_until(struct vt_request *req)
{
	int err = change_clock(req, run_until);
	struct instant at = { req->real_ns, req->virtual_ns };

	if (!err && req->at_ns != VT_ENDLESS)
		record(VT_REC_STEP_ASKED, req->group, &at, req->at_ns, current_process());
	return err;
}

/* The answer tells of the end, which may be to come; readers want the clock as it is. */
static __always_inline int stop_at(struct cgroup *cgrp, struct vt_group_rec *rec,
				   struct vt_request *req, struct vtclk_state *clock)
{
	int err = vtclk_stop_at(cgrp, req->at_ns, clock);

	if (err)
		return err;
	answer(req, clock);
	return vtclk_read(cgrp, clock);
}

SEC("syscall")
int vt_stop_at(struct vt_request *req)
{
	return change_clock(req, stop_at);
}

static __always_inline int skip(struct cgroup *cgrp, struct vt_group_rec *rec,
				struct vt_request *req, struct vtclk_state *clock)
{
	int err = vtclk_skip(cgrp, req->at_ns, clock);

	if (!err)
		answer(req, clock);
	return err;
}

SEC("syscall")
int vt_skip(struct vt_request *req)
{
	return change_clock(req, skip);
}

/* Nothing changes until the thaw. */
SEC("syscall")
int vt_start_at(struct vt_request *req)
{
	struct cgroup *cgrp;
	int err;

	if (!has_clock)
		return -EOPNOTSUPP;
	cgrp = clocked_cgroup(books_of(req->group), req->group, &err);
	if (!cgrp)
		return err;
	err = vtclk_start_at(cgrp, req->at_ns);
	bpf_cgroup_release(cgrp);
	return err;
}

#endif /* VT_BPF_STEPS_H */
