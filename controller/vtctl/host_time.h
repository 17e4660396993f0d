/* SPDX-License-Identifier: MIT */
/* The host's clocks, unless vtctl is a member of a group. */
#ifndef VTCTL_HOST_TIME_H
#define VTCTL_HOST_TIME_H

#include <stdint.h>

/* CLOCK_MONOTONIC, ns. */
int64_t vtctl_now_ns(void);
/* How far CLOCK_REALTIME is ahead of it. */
int64_t vtctl_wall_ahead_ns(void);

#endif /* VTCTL_HOST_TIME_H */
