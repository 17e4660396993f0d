// SPDX-License-Identifier: MIT
/* Asynchronous I/O of which none ever ends */
#define _GNU_SOURCE
#include <aio.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

static aio_context_t context(struct wait *w)
{
	aio_context_t id = 0;

	need(w, syscall(SYS_io_setup, 1, &id));
	return id;
}

static void by_io_getevents(struct wait *w)
{
	aio_context_t id = context(w);
	struct io_event event;

	begin(w);
	ended(w, none(syscall(SYS_io_getevents, id, 1, 1, &event, w->at)));
	syscall(SYS_io_destroy, id);
}

static void by_io_pgetevents(struct wait *w)
{
	aio_context_t id = context(w);
	struct io_event event;

	begin(w);
	ended(w, none(syscall(SYS_io_pgetevents, id, 1, 1, &event, w->at, NULL)));
	syscall(SYS_io_destroy, id);
}

/* The C library's own, which reads in a thread */
static void by_aio_suspend(struct wait *w)
{
	static char byte;
	struct aiocb read = { .aio_buf = &byte, .aio_nbytes = 1 };
	const struct aiocb *list[] = { &read };
	int fds[2];

	need(w, pipe(fds));
	read.aio_fildes = own(w, fds[0]);
	need(w, aio_read(&read));
	begin(w);
	ended(w, failed(aio_suspend(list, 1, w->at)));
	close(fds[1]); /* ends the read */
	while (aio_error(&read) == EINPROGRESS)
		usleep(1000);
}

#ifdef __x86_64__

struct low_aio {
	uint32_t id;
	struct time32 time;
	struct timespec time64;
	struct io_event event;
};

static struct low_aio *begin_low(struct wait *w)
{
	struct low_aio *m = low(w);

	need(w, i386(245, 1, address_of(&m->id), 0, 0, 0));
	begin(w);
	m->time = to_time32(&w->when);
	m->time64 = w->when;
	return m;
}

static void by_i386_io_getevents(struct wait *w)
{
	struct low_aio *m = begin_low(w);

	ended(w, none(i386(247, (int)m->id, 1, 1, address_of(&m->event), address_of(&m->time))));
	i386(246, (int)m->id, 0, 0, 0, 0);
}

static void by_i386_io_pgetevents64(struct wait *w)
{
	struct low_aio *m = begin_low(w);

	ended(w, none(i386_6(416, (int)m->id, 1, 1, address_of(&m->event), address_of(&m->time64),
			     0)));
	i386(246, (int)m->id, 0, 0, 0, 0);
}

#endif

const struct row aio_rows[] = {
	{ "io_getevents", by_io_getevents, "m", "r", 1, 0, STATIC | TIMESPEC },
	{ "io_pgetevents", by_io_pgetevents, "m", "r", 1, 0, STATIC | TIMESPEC },
	{ "aio_suspend", by_aio_suspend, "m", "r", 1, EAGAIN, 0 },
#ifdef __x86_64__
	{ "i386_io_getevents", by_i386_io_getevents, "m", "r", 1, 0, STATIC },
	{ "i386_io_pgetevents64", by_i386_io_pgetevents64, "m", "r", 1, 0, STATIC },
#endif
	{ 0 }
};
