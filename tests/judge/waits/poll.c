// SPDX-License-Identifier: MIT
/* poll, select and epoll on an fd that never gets ready */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* ---- poll ------------------------------------------------------------------------------------ */

static struct pollfd silent_poll(struct wait *w)
{
	return (struct pollfd){ .fd = silent(w), .events = POLLIN };
}

static void by_poll(struct wait *w)
{
	struct pollfd fd = silent_poll(w);

	begin(w);
	ended(w, none(poll(&fd, 1, milliseconds(w))));
}

static void by_poll_nothing(struct wait *w)
{
	begin(w);
	ended(w, none(poll(NULL, 0, milliseconds(w))));
}

static void by_ppoll(struct wait *w)
{
	struct pollfd fd = silent_poll(w);

	begin(w);
	ended(w, none(ppoll(&fd, 1, w->at, NULL)));
}

/* The call itself writes what is left over the time that it was given. */
static void by_sys_ppoll(struct wait *w)
{
	struct pollfd fd = silent_poll(w);

	begin(w);
	w->rem = w->when;
	ended(w, none(syscall(SYS_ppoll, &fd, 1, w->bad ? w->at : &w->rem, NULL, 0)));
}

/* ---- select ---------------------------------------------------------------------------------- */

static int silent_set(struct wait *w, fd_set *set)
{
	int fd = silent(w);

	FD_ZERO(set);
	FD_SET(fd, set);
	return fd + 1;
}

static struct timespec from_timeval(struct timeval tv)
{
	return (struct timespec){ tv.tv_sec, tv.tv_usec * US };
}

static void by_select(struct wait *w)
{
	struct timeval tv;
	fd_set set;
	int count = silent_set(w, &set);

	begin(w);
	tv = to_timeval(&w->when);
	ended(w, none(select(count, &set, NULL, NULL, &tv)));
	w->rem = from_timeval(tv);
}

static void by_select_nothing(struct wait *w)
{
	struct timeval tv;

	begin(w);
	tv = to_timeval(&w->when);
	ended(w, none(select(0, NULL, NULL, NULL, &tv)));
	w->rem = from_timeval(tv);
}

#ifdef SYS_select
static void by_sys_select(struct wait *w)
{
	struct timeval tv;
	fd_set set;
	int count = silent_set(w, &set);

	begin(w);
	tv = to_timeval(&w->when);
	ended(w, none(syscall(SYS_select, count, &set, NULL, NULL, &tv)));
	w->rem = from_timeval(tv);
}
#endif

static void by_pselect(struct wait *w)
{
	fd_set set;
	int count = silent_set(w, &set);

	begin(w);
	ended(w, none(pselect(count, &set, NULL, NULL, w->at, NULL)));
}

static void by_sys_pselect6(struct wait *w)
{
	fd_set set;
	int count = silent_set(w, &set);

	begin(w);
	w->rem = w->when;
	ended(w, none(syscall(SYS_pselect6, count, &set, NULL, NULL, w->bad ? w->at : &w->rem,
			      NULL)));
}

/* ---- epoll ----------------------------------------------------------------------------------- */

static int silent_epoll(struct wait *w)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = own(w, epoll_create1(0));

	need(w, epoll_ctl(fd, EPOLL_CTL_ADD, silent(w), &event));
	return fd;
}

static void by_epoll_wait(struct wait *w)
{
	struct epoll_event event;
	int fd = silent_epoll(w);

	begin(w);
	ended(w, none(epoll_wait(fd, &event, 1, milliseconds(w))));
}

static void by_epoll_pwait(struct wait *w)
{
	struct epoll_event event;
	int fd = silent_epoll(w);

	begin(w);
	ended(w, none(epoll_pwait(fd, &event, 1, milliseconds(w), NULL)));
}

static void by_epoll_pwait2(struct wait *w)
{
	struct epoll_event event;
	int fd = silent_epoll(w);

	begin(w);
	ended(w, none(syscall(SYS_epoll_pwait2, fd, &event, 1, w->at, NULL, 0)));
}

/* ---- 32-bit calls ---------------------------------------------------------------------------- */

#ifdef __x86_64__

/* One layout for all of them */
struct low_poll {
	struct pollfd fd;
	struct epoll_event event;
	int32_t set[32];
	struct time32 time, rem;
	struct timespec time64;
	struct {
		int32_t count, read, write, except, time;
	} old_select;
};

static struct low_poll *low_poll(struct wait *w)
{
	struct low_poll *m = low(w);

	m->fd = silent_poll(w);
	m->set[m->fd.fd / 32] = (int32_t)(1U << m->fd.fd % 32);
	return m;
}

static void begin_low(struct wait *w, struct low_poll *m)
{
	begin(w);
	m->time = to_time32(&w->when);
	m->time64 = w->when;
}

static void by_i386_poll(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	ended(w, none(i386(168, address_of(&m->fd), 1, milliseconds(w), 0, 0)));
}

static void by_i386_ppoll(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	ended(w, none(i386(309, address_of(&m->fd), 1, address_of(&m->time), 0, 0)));
}

static void by_i386_ppoll64(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	ended(w, none(i386(414, address_of(&m->fd), 1, address_of(&m->time64), 0, 0)));
}

static void by_i386_select(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	m->time.tv_nsec /= 1000; /* a timeval */
	ended(w, none(i386(142, m->fd.fd + 1, address_of(m->set), 0, 0, address_of(&m->time))));
}

static void by_i386_old_select(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	m->old_select.count = m->fd.fd + 1;
	m->old_select.read = address_of(m->set);
	m->old_select.time = address_of(&m->time);
	begin_low(w, m);
	m->time.tv_nsec /= 1000;
	ended(w, none(i386(82, address_of(&m->old_select), 0, 0, 0, 0)));
}

static void by_i386_pselect6(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	ended(w, none(i386_6(308, m->fd.fd + 1, address_of(m->set), 0, 0, address_of(&m->time),
			     0)));
}

static void by_i386_pselect6_64(struct wait *w)
{
	struct low_poll *m = low_poll(w);

	begin_low(w, m);
	ended(w, none(i386_6(413, m->fd.fd + 1, address_of(m->set), 0, 0, address_of(&m->time64),
			     0)));
}

static void by_i386_epoll_wait(struct wait *w)
{
	struct low_poll *m = low_poll(w);
	int fd = silent_epoll(w);

	begin_low(w, m);
	ended(w, none(i386(256, fd, address_of(&m->event), 1, milliseconds(w), 0)));
}

static void by_i386_epoll_pwait(struct wait *w)
{
	struct low_poll *m = low_poll(w);
	int fd = silent_epoll(w);

	begin_low(w, m);
	ended(w, none(i386_6(319, fd, address_of(&m->event), 1, milliseconds(w), 0, 0)));
}

static void by_i386_epoll_pwait2(struct wait *w)
{
	struct low_poll *m = low_poll(w);
	int fd = silent_epoll(w);

	begin_low(w, m);
	ended(w, none(i386_6(441, fd, address_of(&m->event), 1, address_of(&m->time64), 0, 0)));
}

#endif

const struct row poll_rows[] = {
	{ "poll", by_poll, "m", "r", MS, 0, 0 },
	{ "poll_no_fd", by_poll_nothing, "m", "r", MS, 0, 0 },
	{ "ppoll", by_ppoll, "m", "r", 1, 0, 0 },
	{ "sys_ppoll", by_sys_ppoll, "m", "r", 1, 0, STATIC | REST | TIMESPEC },
	{ "select", by_select, "m", "r", US, 0, REST },
	{ "select_no_fd", by_select_nothing, "m", "r", US, 0, REST },
#ifdef SYS_select
	{ "sys_select", by_sys_select, "m", "r", US, 0, STATIC | REST },
#endif
	{ "pselect", by_pselect, "m", "r", 1, 0, 0 },
	{ "sys_pselect6", by_sys_pselect6, "m", "r", 1, 0, STATIC | REST | TIMESPEC },
	{ "epoll_wait", by_epoll_wait, "m", "r", MS, 0, 0 },
	{ "epoll_pwait", by_epoll_pwait, "m", "r", MS, 0, 0 },
	{ "epoll_pwait2", by_epoll_pwait2, "m", "r", 1, 0, STATIC | TIMESPEC },
#ifdef __x86_64__
	{ "i386_poll", by_i386_poll, "m", "r", MS, 0, STATIC },
	{ "i386_ppoll", by_i386_ppoll, "m", "r", 1, 0, STATIC },
	{ "i386_ppoll64", by_i386_ppoll64, "m", "r", 1, 0, STATIC },
	{ "i386_select", by_i386_select, "m", "r", US, 0, STATIC },
	{ "i386_old_select", by_i386_old_select, "m", "r", US, 0, STATIC },
	{ "i386_pselect6", by_i386_pselect6, "m", "r", 1, 0, STATIC },
	{ "i386_pselect6_64", by_i386_pselect6_64, "m", "r", 1, 0, STATIC },
	{ "i386_epoll_wait", by_i386_epoll_wait, "m", "r", MS, 0, STATIC },
	{ "i386_epoll_pwait", by_i386_epoll_pwait, "m", "r", MS, 0, STATIC },
	{ "i386_epoll_pwait2", by_i386_epoll_pwait2, "m", "r", 1, 0, STATIC },
#endif
	{ 0 }
};
