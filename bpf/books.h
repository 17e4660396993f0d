/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group's books: the record of vt_groups and how it is found and changed.
 *
 * One writer at a time: the programs on cgroup tracepoints exclude each other, and the syscall
 * programs only insert and delete. Between begin and end the generation is odd. It is made odd
 * before the clock is sampled: a reader that saw the old generation throughout then holds a
 * state that was true before the sample, never one that mixes both sides.
 */
#ifndef VT_BPF_BOOKS_H
#define VT_BPF_BOOKS_H

#include "maps.h"
#include "pieces.h"
#include "vtclk.h"

static __always_inline struct vt_group_rec *books_of(__u64 group)
{
	return bpf_map_lookup_elem(&vt_groups, &group);
}

/* The fetching forms of the atomics are full barriers, the plain ones are not. */
static __always_inline void books_begin(struct vt_group_rec *rec)
{
	__u32 odd = __sync_fetch_and_add(&rec->gen, 1);

	asm volatile("" : : "r"(odd) : "memory");
}

static __always_inline void books_end(struct vt_group_rec *rec)
{
	__u32 even = __sync_fetch_and_add(&rec->gen, 1);

	asm volatile("" : : "r"(even) : "memory");
}

/* The group that cgrp is in: itself or the nearest cgroup above that is one; 0 if none is. */
static __always_inline __u64 nearest_group(struct cgroup *cgrp)
{
	struct cgroup_subsys_state *css = &cgrp->self;

	for (int i = 0; i < VT_DEPTH_MAX && css; i++) {
		__u64 id = css->cgroup->kn->id;

		if (books_of(id))
			return id;
		css = css->parent;
	}
	if (css)
		VT_COUNT(too_deep);
	return 0;
}

static __always_inline struct instant instant_of(const struct vtclk_state *clock)
{
	struct instant at = { clock->real_ns, clock->virt_ns };

	return at;
}

/* The clock that cgrp owns; the host's if it owns none. */
static __always_inline struct instant read_clock(struct cgroup *cgrp)
{
	struct vtclk_state clock = {};

	if (has_clock && !vtclk_read(cgrp, &clock))
		return instant_of(&clock);
	return instant_now();
}

/* False: it has no clock, or is gone. */
static __always_inline bool read_group(__u64 group, struct vtclk_state *clock)
{
	struct cgroup *cgrp = has_clock && group ? bpf_cgroup_from_id(group) : NULL;
	bool has_one;

	if (!cgrp)
		return false;
	has_one = !vtclk_read(cgrp, clock);
	bpf_cgroup_release(cgrp);
	return has_one;
}

/* A group's clock now; the host's if it has none. */
static __always_inline struct instant clock_of(__u64 group)
{
	struct vtclk_state clock = {};

	return read_group(group, &clock) ? instant_of(&clock) : instant_now();
}

/* Strike the group out. -ENOENT: it was none. */
static __always_inline int books_delete(__u64 group, const struct instant *at)
{
	struct vt_group_rec *rec = books_of(group);
	__u32 slot = rec ? rec->slot : VT_GROUPS_MAX;

	if (bpf_map_delete_elem(&vt_groups, &group))
		return -ENOENT;
	slot_give_back(slot);
	__sync_fetch_and_sub(&group_count, 1);
	record(VT_REC_DELETE, group, at, 0, current_process());
	return 0;
}

#endif /* VT_BPF_BOOKS_H */
