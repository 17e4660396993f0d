// SPDX-License-Identifier: MIT
/*
 * Going before all ordinary tasks for a moment.
 *
 * The kernel wakes the tasks of a cgroup under a lock that all cgroups have in common. One of them that
 * takes the processor from the caller then keeps it from whoever freezes next: for many ms where tasks
 * are busy, and the kernel itself wants it at the end of a step.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "lib.h"

int vt_priority_raise(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };
	int policy = sched_getscheduler(0);

	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -1;
	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) ? -1 : policy;
}

void vt_priority_restore(int policy)
{
	if (policy >= 0)
		sched_setscheduler(0, policy, &(struct sched_param){ 0 });
}
