/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock as the kernel series offers it to BPF: a cgroup owns at most one, cgroups below
 * share it unless they own one.
 *
 * All are weak: the same object loads on kernels without the series, where the loader leaves
 * has_clock false, the verifier sees that no call can be reached and drops them all. So every
 * call stands under `if (has_clock)`.
 */
#ifndef VT_BPF_VTCLK_H
#define VT_BPF_VTCLK_H

#include "kernel.h"

struct vtclk_state {
	__u64 real_ns;
	__u64 virt_ns;
	__u64 rate;    /* fixed point, VT_RATE_SHIFT */
	__s64 epoch_ns;
	__u32 stopped;
	__u32 unused;
};

/* Syscall programs. A cgroup that is frozen gets a clock that stands. */
extern int vtclk_bind(struct cgroup *cgrp, __u64 rate, __s64 epoch_ns,
		      struct vtclk_state *out) __ksym __weak;
extern int vtclk_unbind(struct cgroup *cgrp) __ksym __weak;

/* Syscall and tracing programs. */
extern int vtclk_set_rate(struct cgroup *cgrp, __u64 rate, struct vtclk_state *out) __ksym __weak;
extern int vtclk_read(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;

/*
 * Tracing programs. Stop or start the clock of cgrp and those owned below it, at one instant;
 * a clock below that is frozen by itself stays stopped. *out: the instant at which the clock of
 * cgrp stopped or started, also if it had done so before. -ENOENT: cgrp owns none.
 */
extern int vtclk_stop(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;
extern int vtclk_start(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;

/* The running kernel has all of these. Set by the loader before the programs are loaded. */
const volatile bool has_clock = false;

#endif /* VT_BPF_VTCLK_H */
