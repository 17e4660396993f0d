/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clocks for readers outside: vt_clocks, which they map and read without a system call.
 *
 * A piece is published by whoever turns the clock, and a turn may come from two sides at a time: the
 * freezer's tracepoints, which exclude each other but cannot wait, and a syscall program. So each
 * side has a piece of its own; the reader takes the one of the later turn.
 *
 * The sequence is made odd before the kernel's clock is turned. A reader that has sampled the host's
 * clock and then finds both sequences even and unchanged has sampled before any turn that it does not
 * know of; no value is ahead of a stop.
 */
#ifndef VT_BPF_PIECES_H
#define VT_BPF_PIECES_H

#include "maps.h"
#include "vtclk.h"

/* Readers map it; entries are as in vt_layout.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VT_GROUPS_MAX);
	__type(key, __u32);
	__type(value, struct vt_clock_slot);
} vt_clocks SEC(".maps");

static __always_inline struct vt_clock_slot *slot_at(__u32 number)
{
	return bpf_map_lookup_elem(&vt_clocks, &number);
}

/* For the freezer's side, whose programs exclude each other. Begun already: nothing to do. */
static __always_inline void piece_begin(struct vt_clock_piece *p)
{
	__u32 odd;

	if (p->seq & 1)
		return;
	odd = __sync_fetch_and_add(&p->seq, 1);
	asm volatile("" : : "r"(odd) : "memory");
}

/* For the other. False: somebody else is at it. */
static __always_inline bool piece_try_begin(struct vt_clock_piece *p)
{
	__u32 seq = p->seq;

	return !(seq & 1) && __sync_val_compare_and_swap(&p->seq, seq, seq + 1) == seq;
}

/* clock NULL: nothing has changed. */
static __always_inline void piece_end(struct vt_clock_piece *p, const struct vtclk_state *clock)
{
	__u32 even;

	if (clock) {
		p->stopped = clock->stopped;
		p->real_ns = clock->real_ns;
		p->virtual_ns = clock->virt_ns;
		p->rate = clock->rate;
		p->stop_virtual_ns = clock->stop_ns;
	}
	even = __sync_fetch_and_add(&p->seq, 1);
	asm volatile("" : : "r"(even) : "memory");
}

/* Take a slot for a group that is about to be; its piece is begun. */
static __always_inline struct vt_clock_slot *slot_take(__u32 number, __u64 group)
{
	struct vt_clock_slot *slot = slot_at(number);

	if (!slot || __sync_val_compare_and_swap(&slot->group, 0, group))
		return NULL;
	if (!(slot->by_caller.seq & 1))
		__sync_fetch_and_add(&slot->by_caller.seq, 1);
	if (slot->by_freezer.seq & 1)
		__sync_fetch_and_add(&slot->by_freezer.seq, 1);
	slot->by_freezer.real_ns = 0;
	slot->by_freezer.stopped = 0;
	return slot;
}

/* Readers find that the group has gone. */
static __always_inline void slot_give_back(__u32 number)
{
	struct vt_clock_slot *slot = slot_at(number);

	if (slot)
		slot->group = 0;
}

#endif /* VT_BPF_PIECES_H */
