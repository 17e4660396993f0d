// SPDX-License-Identifier: MIT
/*
 * Waiting for a cgroup to change.
 *
 * The kernel notifies readers of cgroup.events at most once in 10 ms, and from a work queue: too
 * late for freezes that take tens of microseconds. So the state itself is looked at again and
 * again: for a while after giving way to the tasks that must stop, then after waits that grow from
 * 20 us to 5 ms, cut short by a notification.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "lib.h"

#define YIELD_NS 50000
#define YIELDS 4
#define RETRIES_AT_ONCE 100
#define RETRY_NAP_NS 50000
#define WAIT_FIRST_NS 20000
#define WAIT_LAST_NS 5000000

int64_t vt_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void vt_retry_pause(int tries)
{
	const struct timespec t = { .tv_nsec = RETRY_NAP_NS };

	if (tries >= RETRIES_AT_ONCE)
		nanosleep(&t, NULL);
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
	int64_t start = vt_now_ns(), nap_ns = WAIT_FIRST_NS, left = INT64_MAX, waited;
	int yields = 0;

	while (!done(arg)) {
		waited = vt_now_ns() - start;
		if (timeout_ns >= 0)
			left = timeout_ns - waited;
		if (left <= 0)
			return -ETIMEDOUT;
		if (waited < YIELD_NS || yields++ < YIELDS) {
			sched_yield();
		} else {
			nap(events_fd, smaller(nap_ns, left));
			nap_ns = smaller(nap_ns + nap_ns / 2, WAIT_LAST_NS);
		}
	}
	return 0;
}
