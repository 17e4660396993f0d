// SPDX-License-Identifier: MIT
/* Timers that are read, and waited for by poll and epoll without a time limit */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "waiter.h"

static int flags(const struct wait *w)
{
	return w->absolute ? TFD_TIMER_ABSTIME : 0;
}

static int wait_read(int fd)
{
	return fd < 0 ? -1 : 1;
}

static int wait_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, -1);
}

static int wait_epoll(int fd)
{
	struct epoll_event event;

	return epoll_wait(fd, &event, 1, -1);
}

/* In `waited` by the function, then read from `timer` */
static void take(struct wait *w, int timer, int waited, int (*function)(int fd))
{
	uint64_t count;
	int rc;

	do {
		rc = function(waited);
		if (rc > 0)
			rc = read(timer, &count, sizeof(count)) < 0 ? -1 : 1;
	} while (rc > 0 && tick(w, count));
	ended(w, failed(rc));
}

static int arm(struct wait *w, int timer)
{
	struct itimerspec t = timer_of(w);

	return need(w, timerfd_settime(timer, flags(w), &t, NULL));
}

static void by_read(struct wait *w)
{
	int timer = own(w, timerfd_create(w->clock, 0));

	begin(w);
	arm(w, timer);
	take(w, timer, timer, wait_read);
}

static void by_poll(struct wait *w)
{
	int timer = own(w, timerfd_create(w->clock, 0));

	begin(w);
	arm(w, timer);
	take(w, timer, timer, wait_poll);
}

static void by_epoll(struct wait *w)
{
	struct epoll_event event = { .events = EPOLLIN };
	int timer = own(w, timerfd_create(w->clock, 0));
	int fd = own(w, epoll_create1(0));

	need(w, epoll_ctl(fd, EPOLL_CTL_ADD, timer, &event));
	begin(w);
	arm(w, timer);
	take(w, timer, fd, wait_epoll);
}

#ifdef __x86_64__

struct low_timer {
	struct time32 time[2]; /* period and first */
	struct itimerspec time64;
};

static struct low_timer *begin_low(struct wait *w)
{
	struct low_timer *m = low(w);

	begin(w);
	m->time[0] = to_time32(&w->period);
	m->time[1] = to_time32(&w->when);
	m->time64 = timer_of(w);
	return m;
}

static void by_i386(struct wait *w)
{
	int timer = own(w, timerfd_create(w->clock, 0));
	struct low_timer *m = begin_low(w);

	need(w, i386(325, timer, flags(w), address_of(m->time), 0, 0));
	take(w, timer, timer, wait_read);
}

static void by_i386_64(struct wait *w)
{
	int timer = own(w, timerfd_create(w->clock, 0));
	struct low_timer *m = begin_low(w);

	need(w, i386(411, timer, flags(w), address_of(&m->time64), 0, 0));
	take(w, timer, timer, wait_read);
}

#endif

const struct row timerfd_rows[] = {
	{ "timerfd", by_read, "mrbRB", "rapq", PERIODS, 0, 0 },
	{ "timerfd_poll", by_poll, "m", "rp", PERIODS, 0, 0 },
	{ "timerfd_epoll", by_epoll, "m", "rp", PERIODS, 0, 0 },
#ifdef __x86_64__
	{ "i386_timerfd", by_i386, "r", "ap", PERIODS, 0, STATIC },
	{ "i386_timerfd64", by_i386_64, "m", "ap", PERIODS, 0, STATIC },
#endif
	{ 0 }
};
