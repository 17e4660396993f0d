// SPDX-License-Identifier: MIT
/*
 * Waiting for a cgroup to change.
 *
 * The kernel notifies readers of cgroup.events at most once in 10 ms, and from a work queue: too
 * late for freezes that take tens of microseconds. So the state itself is looked at again and
 * again: after giving way to the tasks that must stop, then after waits that grow from 20 us to
 * 5 ms, cut short by a notification.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "lib.h"

#define YIELDS 4
#define WAIT_FIRST_NS 20000
#define WAIT_LAST_NS 5000000

int64_t vt_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void nap(int events_fd, int64_t ns)
{
	struct pollfd fd = { .fd = events_fd, .events = POLLPRI };
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	ppoll(&fd, 1, &t, NULL);
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int vt_wait_until(int events_fd, bool (*done)(void *arg), void *arg, int64_t timeout_ns)
{
	int64_t start = vt_now_ns(), nap_ns = WAIT_FIRST_NS, left = INT64_MAX;

	for (int i = 0; !done(arg); i++) {
		if (i < YIELDS) {
			sched_yield();
			continue;
		}
		if (timeout_ns >= 0)
			left = timeout_ns - (vt_now_ns() - start);
		if (left <= 0)
			return -ETIMEDOUT;
		nap(events_fd, smaller(nap_ns, left));
		nap_ns = smaller(nap_ns + nap_ns / 2, WAIT_LAST_NS);
	}
	return 0;
}
