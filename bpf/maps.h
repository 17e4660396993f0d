/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that all programs share, and the two things everybody does with them: count and
 * record. Layouts are those of vt_layout.h.
 */
#ifndef VT_BPF_MAPS_H
#define VT_BPF_MAPS_H

#include "kernel.h"
#include "vt_layout.h"

/* Not preallocated: a machine with few groups pays for few. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VT_GROUPS_MAX);
	__type(key, __u64);
	__type(value, struct vt_group_rec);
} vt_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vt_counters);
} vt_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vt_meta);
} vt_meta SEC(".maps");

/* What a listener puts into vt_rings; it may be of another size. */
struct vt_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, VT_LISTENERS_MAX);
	__type(key, __u32);
	__array(values, struct vt_ring);
} vt_rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VT_LISTENERS_MAX);
	__type(key, __u32);
	__type(value, struct vt_listener);
} vt_listeners SEC(".maps");

/* Groups that exist; 0 lets the programs on busy tracepoints return at once. */
__u32 group_count = 0;

static __always_inline struct vt_counters *counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vt_counters, &zero);
}

#define VT_COUNT(field)                                        \
	do {                                                   \
		struct vt_counters *all = counters();          \
							       \
		if (all)                                       \
			__sync_fetch_and_add(&all->field, 1);  \
	} while (0)

/* One reading of a group's clock. A freeze-only group has virtual equal to real. */
struct instant {
	__u64 real_ns;
	__u64 virtual_ns;
};

static __always_inline struct instant instant_now(void)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct instant now = { now_ns, now_ns };

	return now;
}

/* Never waits: what finds no room is counted, and told by libvt. */
static __always_inline void lose(struct vt_listener *l, const struct vt_record *r)
{
	VT_COUNT(records_lost);
	l->lost_real_ns = r->real_ns;
	l->lost_virtual_ns = r->virtual_ns;
	__sync_fetch_and_add(&l->lost, 1);
}

/* Only a record that somebody listens to gets a number. */
static __always_inline __u64 next_seq(void)
{
	struct vt_counters *all = counters();

	return all ? __sync_fetch_and_add(&all->records, 1) + 1 : 0;
}

/*
 * Tracepoints of cgroups exclude each other (the kernel holds a lock around them), so their
 * records appear in the order of seq. A record of a syscall program may be made at the same
 * time on another CPU; the reader sorts what it finds.
 */
static __noinline int tell(struct vt_record *r)
{
	__u32 slot;

	for (slot = 0; slot < VT_LISTENERS_MAX; slot++) {
		__u32 key = slot;
		void *ring = bpf_map_lookup_elem(&vt_rings, &key);
		struct vt_listener *l;

		if (!ring)
			continue;
		l = bpf_map_lookup_elem(&vt_listeners, &key);
		if (!l)
			continue;
		if (!r->seq)
			r->seq = next_seq();
		r->lost = l->lost;
		if (bpf_ringbuf_output(ring, r, sizeof(*r), 0))
			lose(l, r);
	}
	return 0;
}

static __always_inline void record(__u32 kind, __u64 group, const struct instant *at,
				   __u64 value, __u32 pid)
{
	struct vt_record r = {
		.real_ns = at->real_ns,
		.virtual_ns = at->virtual_ns,
		.group = group,
		.value = value,
		.kind = kind,
		.pid = pid,
	};

	tell(&r);
}

static __always_inline __u32 current_process(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

#endif /* VT_BPF_MAPS_H */
