// SPDX-License-Identifier: MIT
/* io_uring by plain system calls: its timeouts, linked ones, and waiting so long for completions */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

/* Newer than the C library's headers */
#define MULTISHOT (1U << 6)
#define ENTER_ABS_TIMER (1U << 5)
#define REGISTER_CLOCK 29

enum { ENTRIES = 4 };

struct ring {
	int fd;
	unsigned int queued;
	char *rings;
	size_t size;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

static struct ring open_ring(struct wait *w)
{
	struct ring r = { .queued = 0 };

	r.fd = own(w, (int)syscall(SYS_io_uring_setup, ENTRIES, &r.p));
	r.size = r.p.cq_off.cqes + r.p.cq_entries * sizeof(struct io_uring_cqe);
	r.rings = need_memory(w, mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd,
				      IORING_OFF_SQ_RING));
	r.sqes = need_memory(w, mmap(NULL, ENTRIES * sizeof(*r.sqes), PROT_READ | PROT_WRITE,
				     MAP_SHARED, r.fd, IORING_OFF_SQES));
	return r;
}

static void close_ring(struct ring *r)
{
	munmap(r->rings, r->size);
	munmap(r->sqes, ENTRIES * sizeof(*r->sqes));
}

static uint32_t *word(struct ring *r, uint32_t offset)
{
	return (uint32_t *)(void *)(r->rings + offset);
}

static struct io_uring_sqe *queue(struct ring *r, uint8_t operation)
{
	uint32_t index = r->queued++;
	struct io_uring_sqe *sqe = &r->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = operation;
	word(r, r->p.sq_off.array)[index] = index;
	__atomic_store_n(word(r, r->p.sq_off.tail), r->queued, __ATOMIC_RELEASE);
	return sqe;
}

static long enter(struct ring *r, unsigned int submit, unsigned int wait)
{
	return syscall(SYS_io_uring_enter, r->fd, submit, wait, IORING_ENTER_GETEVENTS, NULL, 0);
}

static bool has_completed(struct ring *r)
{
	return __atomic_load_n(word(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE) !=
	       *word(r, r->p.cq_off.head);
}

/*
 * The next completion, waited for without a time limit; NULL and errno. A call that has submitted
 * something does not say that a signal has interrupted it.
 */
static const struct io_uring_cqe *complete(struct ring *r)
{
	uint32_t *head = word(r, r->p.cq_off.head), seen = *head;
	unsigned int submit = r->queued - *word(r, r->p.sq_off.head);

	if ((submit || !has_completed(r)) && enter(r, submit, 1) < 0)
		return NULL;
	if (!has_completed(r)) {
		errno = EINTR;
		return NULL;
	}
	__atomic_store_n(head, seen + 1, __ATOMIC_RELEASE);
	return (struct io_uring_cqe *)(void *)(r->rings + r->p.cq_off.cqes) +
	       (seen & *word(r, r->p.cq_off.ring_mask));
}

static unsigned int clock_flag(const struct wait *w)
{
	return w->clock == CLOCK_BOOTTIME ? IORING_TIMEOUT_BOOTTIME :
	       w->clock == CLOCK_REALTIME ? IORING_TIMEOUT_REALTIME : 0;
}

static void queue_timeout(struct wait *w, struct ring *r, uint8_t operation)
{
	struct io_uring_sqe *sqe = queue(r, operation);

	sqe->addr = (uintptr_t)w->at;
	sqe->len = 1;
	sqe->timeout_flags = clock_flag(w) | (w->absolute ? IORING_TIMEOUT_ABS : 0) |
			     (w->periodic ? MULTISHOT : 0);
	sqe->off = w->periodic ? PERIODS : 0;
}

/* ---- timeouts -------------------------------------------------------------------------------- */

static void by_timeout(struct wait *w)
{
	const struct io_uring_cqe *done;
	struct ring r = open_ring(w);

	begin(w);
	queue_timeout(w, &r, IORING_OP_TIMEOUT);
	do {
		done = complete(&r);
	} while (done && done->res == -ETIME && tick(w, 1));
	ended(w, done ? -done->res : errno);
	close_ring(&r);
}

/* The time limit of a poll for what never comes: both complete, in any order. */
static void by_link_timeout(struct wait *w)
{
	const struct io_uring_cqe *done;
	struct ring r = open_ring(w);
	struct io_uring_sqe *sqe = queue(&r, IORING_OP_POLL_ADD);

	sqe->fd = silent(w);
	sqe->poll32_events = POLLIN;
	sqe->flags = IOSQE_IO_LINK;
	begin(w);
	queue_timeout(w, &r, IORING_OP_LINK_TIMEOUT);
	done = complete(&r);
	if (done && done->res == -ECANCELED)
		done = complete(&r);
	ended(w, done ? -done->res : errno);
	close_ring(&r);
}

/* ---- waiting that long ----------------------------------------------------------------------- */

struct clock_register {
	uint32_t clock, reserved[3];
};

static void by_enter(struct wait *w)
{
	struct io_uring_getevents_arg arg = { 0 };
	struct clock_register clock = { .clock = (uint32_t)w->clock };
	struct ring r = open_ring(w);
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;

	if (w->clock != CLOCK_MONOTONIC)
		need(w, syscall(SYS_io_uring_register, r.fd, REGISTER_CLOCK, &clock, 0));
	begin(w);
	arg.ts = (uintptr_t)w->at;
	flags |= w->absolute ? ENTER_ABS_TIMER : 0;
	ended(w, none(syscall(SYS_io_uring_enter, r.fd, 0, 1, flags, &arg, sizeof(arg))));
	close_ring(&r);
}

const struct row uring_rows[] = {
	{ "io_uring_TIMEOUT", by_timeout, "mrb", "rap", PERIODS, ETIME, STATIC | TIMESPEC },
	{ "io_uring_LINK_TIMEOUT", by_link_timeout, "mrb", "ra", 1, ETIME, STATIC | TIMESPEC },
	{ "io_uring_enter", by_enter, "mb", "ra", 1, ETIME, STATIC | TIMESPEC },
	{ 0 }
};
