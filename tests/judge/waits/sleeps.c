// SPDX-License-Identifier: MIT
/* Ways to sleep */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include "waiter.h"

static int flags(const struct wait *w)
{
	return w->absolute ? TIMER_ABSTIME : 0;
}

static void by_nanosleep(struct wait *w)
{
	begin(w);
	ended(w, failed(nanosleep(w->at, &w->rem)));
}

static void by_clock_nanosleep(struct wait *w)
{
	begin(w);
	ended(w, clock_nanosleep(w->clock, flags(w), w->at, &w->rem));
}

static void by_sleep(struct wait *w)
{
	unsigned int rest;

	begin(w);
	rest = sleep((unsigned int)w->when.tv_sec);
	ended(w, rest ? EINTR : 0);
}

static void by_usleep(struct wait *w)
{
	begin(w);
	ended(w, failed(usleep((useconds_t)(to_ns(&w->when) / US))));
}

static void by_thrd_sleep(struct wait *w)
{
	begin(w);
	ended(w, thrd_sleep(w->at, &w->rem) ? EINTR : 0);
}

static void by_sys_nanosleep(struct wait *w)
{
	begin(w);
	ended(w, failed(syscall(SYS_nanosleep, w->at, &w->rem)));
}

static void by_sys_clock_nanosleep(struct wait *w)
{
	begin(w);
	ended(w, failed(syscall(SYS_clock_nanosleep, w->clock, flags(w), w->at, &w->rem)));
}

#ifdef __x86_64__

struct low32 {
	struct time32 time, rem;
};

struct low64 {
	struct timespec time, rem;
};

static void read_rem32(struct wait *w, const struct low32 *m)
{
	w->rem = (struct timespec){ m->rem.tv_sec, m->rem.tv_nsec };
}

static void by_i386_nanosleep(struct wait *w)
{
	struct low32 *m = low(w);
	long rc;

	begin(w);
	*m = (struct low32){ to_time32(&w->when), { -1, -1 } };
	rc = i386(162, address_of(&m->time), address_of(&m->rem), 0, 0, 0);
	ended(w, failed(rc));
	read_rem32(w, m);
}

static void by_i386_clock_nanosleep(struct wait *w)
{
	struct low32 *m = low(w);
	long rc;

	begin(w);
	*m = (struct low32){ to_time32(&w->when), { -1, -1 } };
	rc = i386(267, w->clock, flags(w), address_of(&m->time), address_of(&m->rem), 0);
	ended(w, failed(rc));
	read_rem32(w, m);
}

static void by_i386_clock_nanosleep64(struct wait *w)
{
	struct low64 *m = low(w);
	long rc;

	begin(w);
	*m = (struct low64){ w->when, { -1, -1 } };
	rc = i386(407, w->clock, flags(w), address_of(&m->time), address_of(&m->rem), 0);
	ended(w, failed(rc));
	w->rem = m->rem;
}

#endif

const struct row sleep_rows[] = {
	{ "sleep", by_sleep, "m", "r", S, 0, 0 },
	{ "usleep", by_usleep, "m", "r", US, 0, 0 },
	{ "thrd_sleep", by_thrd_sleep, "m", "r", 1, 0, REST },
	{ "nanosleep", by_nanosleep, "m", "r", 1, 0, REST },
	{ "sys_nanosleep", by_sys_nanosleep, "m", "r", 1, 0, STATIC | REST | TIMESPEC },
	{ "clock_nanosleep", by_clock_nanosleep, "mrbtRB", "r", 1, 0, REST },
	{ "sys_clock_nanosleep", by_sys_clock_nanosleep, "mrbtRB", "a", 1, 0,
	  STATIC | REST | TIMESPEC },
#ifdef __x86_64__
	{ "i386_nanosleep", by_i386_nanosleep, "m", "r", 1, 0, STATIC | REST | TIMESPEC },
	{ "i386_clock_nanosleep", by_i386_clock_nanosleep, "r", "r", 1, 0, STATIC | REST },
	{ "i386_clock_nanosleep64", by_i386_clock_nanosleep64, "m", "a", 1, 0, STATIC | REST },
#endif
	{ 0 }
};
