/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few fields of kernel structures that the programs read. Offsets are relocated by libbpf
 * against the running kernel's BTF (CO-RE), so these need neither the order nor the size of
 * the real ones, and no vmlinux.h is needed to build.
 */
#ifndef VT_BPF_KERNEL_H
#define VT_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* BPF_PROG names every argument of a tracepoint, used or not. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#define VT_CORE __attribute__((preserve_access_index))

struct cgroup;

struct kernfs_node {
	__u64 id;
} VT_CORE;

struct cgroup_root {
	int hierarchy_id;
} VT_CORE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} VT_CORE;

struct cgroup {
	struct cgroup_subsys_state self;
	unsigned long flags;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	int nr_descendants;
} VT_CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} VT_CORE;

struct task_struct {
	int pid;
	int tgid;
	struct css_set *cgroups;
	struct task_struct *group_leader;
	__u64 start_boottime;
} VT_CORE;

/* Bits of cgroup.flags, from an anonymous enum: not relocated. The same in 5.2 … 6.18. */
#define CGRP_FREEZE (1UL << 2)
#define CGRP_FROZEN (1UL << 3)

/* Hierarchy 0 is cgroup v2; v1 hierarchies share the tracepoints and may share id numbers. */
static __always_inline bool is_v2(struct cgroup *cgrp)
{
	return cgrp->root->hierarchy_id == 0;
}

/* Since 6.2, for syscall programs since 6.10: called only where the vtclk series is. */
extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym __weak;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym __weak;

/* Since 6.7; likewise. */
struct bpf_iter_css {
	__u64 opaque[3];
};

extern int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start,
			    unsigned int order) __ksym __weak;
extern struct cgroup_subsys_state *bpf_iter_css_next(struct bpf_iter_css *it) __ksym __weak;
extern void bpf_iter_css_destroy(struct bpf_iter_css *it) __ksym __weak;

#endif /* VT_BPF_KERNEL_H */
