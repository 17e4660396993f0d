/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "host_time.h"

static int64_t read_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int64_t vtctl_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t vtctl_wall_ahead_ns(void)
{
	return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}
