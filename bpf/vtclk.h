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
	__u64 stop_ns; /* where it will stop by itself, or has; VT_ENDLESS */
	__u32 stopped;
	__u32 expiries; /* twice how often timers have expired by it, plus 1 while they do; modulo 2^32 */
};

/* Syscall programs. A cgroup that is frozen gets a clock that stands. */
extern int vtclk_bind(struct cgroup *cgrp, __u64 rate, __s64 epoch_ns,
		      struct vtclk_state *out) __ksym __weak;
extern int vtclk_unbind(struct cgroup *cgrp) __ksym __weak;
/* Stop by itself at virt_ns; the kernel freezes the cgroup lead_ns (real) earlier. */
extern int vtclk_run_until(struct cgroup *cgrp, __u64 virt_ns, __u64 lead_ns,
			   struct vtclk_state *out) __ksym __weak;
/* Stop at a real instant, or now if it has passed; the caller freezes. */
extern int vtclk_stop_at(struct cgroup *cgrp, __u64 real_ns, struct vtclk_state *out) __ksym __weak;
/* The next start counts from a real instant on. */
extern int vtclk_start_at(struct cgroup *cgrp, __u64 real_ns) __ksym __weak;
/* Forward, to its first timer at most, while the cgroup is frozen */
extern int vtclk_skip(struct cgroup *cgrp, __u64 virt_ns, struct vtclk_state *out) __ksym __weak;

/* Syscall and tracing programs. */
extern int vtclk_set_rate(struct cgroup *cgrp, __u64 rate, struct vtclk_state *out) __ksym __weak;
extern int vtclk_read(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;

/*
 * Tracing programs. Stop or start the clock of cgrp and those owned below it, at one instant;
 * a clock below that is frozen by itself stays stopped. *out: the instant at which the clock of
 * cgrp stopped or started, also if it had done so before. A clock that is frozen for the end that it
 * was given goes on to it: then *out is that end, which may be to come. -ENOENT: cgrp owns none.
 */
extern int vtclk_stop(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;
extern int vtclk_start(struct cgroup *cgrp, struct vtclk_state *out) __ksym __weak;

/* The running kernel has all of these. Set by the loader before the programs are loaded. */
const volatile bool has_clock = false;

#endif /* VT_BPF_VTCLK_H */
