// SPDX-License-Identifier: MIT
/* Message queues that are empty or full, semaphores that are down, signals that never come */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

/* ---- POSIX message queues -------------------------------------------------------------------- */

/* For one message of 8 bytes */
static int queue(struct wait *w)
{
	struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/vt-waiter-%d", (int)gettid());
	fd = own(w, mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
	mq_unlink(name);
	return fd;
}

static int full_queue(struct wait *w)
{
	int fd = queue(w);

	need(w, mq_send(fd, "", 1, 0));
	return fd;
}

static void by_mq_timedreceive(struct wait *w)
{
	int fd = queue(w);
	char bytes[8];

	begin(w);
	ended(w, none(syscall(SYS_mq_timedreceive, fd, bytes, sizeof(bytes), NULL, w->at)));
}

static void by_mq_timedsend(struct wait *w)
{
	int fd = full_queue(w);

	begin(w);
	ended(w, failed(syscall(SYS_mq_timedsend, fd, "", 1, 0, w->at)));
}

/* ---- semaphores ------------------------------------------------------------------------------ */

static void by_semtimedop(struct wait *w)
{
	struct sembuf down = { .sem_op = -1 };
	int id = need(w, semget(IPC_PRIVATE, 1, 0600));

	begin(w);
	ended(w, failed(semtimedop(id, &down, 1, w->at)));
	semctl(id, 0, IPC_RMID);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void by_sigtimedwait(struct wait *w)
{
	sigset_t set = block_signal(SIGRTMIN);

	begin(w);
	ended(w, none(sigtimedwait(&set, NULL, w->at)));
}

/* ---- 32-bit calls ---------------------------------------------------------------------------- */

#ifdef __x86_64__

struct low_ipc {
	struct time32 time;
	struct timespec time64;
	char bytes[8];
	struct sembuf down;
	uint64_t signals;
};

static struct low_ipc *begin_low(struct wait *w)
{
	struct low_ipc *m = low(w);

	begin(w);
	*m = (struct low_ipc){ .time = to_time32(&w->when), .time64 = w->when, .down.sem_op = -1,
			       .signals = 1ULL << (SIGRTMIN - 1) };
	return m;
}

static void by_i386_mq_timedsend(struct wait *w)
{
	int fd = full_queue(w);
	struct low_ipc *m = begin_low(w);

	ended(w, failed(i386(279, fd, address_of(m->bytes), 1, 0, address_of(&m->time))));
}

static void by_i386_mq_timedsend64(struct wait *w)
{
	int fd = full_queue(w);
	struct low_ipc *m = begin_low(w);

	ended(w, failed(i386(418, fd, address_of(m->bytes), 1, 0, address_of(&m->time64))));
}

static void by_i386_mq_timedreceive(struct wait *w)
{
	int fd = queue(w);
	struct low_ipc *m = begin_low(w);

	ended(w, none(i386(280, fd, address_of(m->bytes), 8, 0, address_of(&m->time))));
}

static void by_i386_mq_timedreceive64(struct wait *w)
{
	int fd = queue(w);
	struct low_ipc *m = begin_low(w);

	ended(w, none(i386(419, fd, address_of(m->bytes), 8, 0, address_of(&m->time64))));
}

enum { IPC_SEMTIMEDOP = 4 };

static void by_i386_semtimedop(struct wait *w)
{
	int id = need(w, semget(IPC_PRIVATE, 1, 0600));
	struct low_ipc *m = begin_low(w);

	ended(w, failed(i386_6(117, IPC_SEMTIMEDOP, id, 1, 0, address_of(&m->down),
			       address_of(&m->time))));
	semctl(id, 0, IPC_RMID);
}

static void by_i386_semtimedop64(struct wait *w)
{
	int id = need(w, semget(IPC_PRIVATE, 1, 0600));
	struct low_ipc *m = begin_low(w);

	ended(w, failed(i386(420, id, address_of(&m->down), 1, address_of(&m->time64), 0)));
	semctl(id, 0, IPC_RMID);
}

static void by_i386_sigtimedwait(struct wait *w)
{
	struct low_ipc *m;

	block_signal(SIGRTMIN);
	m = begin_low(w);
	ended(w, none(i386(177, address_of(&m->signals), 0, address_of(&m->time), 8, 0)));
}

static void by_i386_sigtimedwait64(struct wait *w)
{
	struct low_ipc *m;

	block_signal(SIGRTMIN);
	m = begin_low(w);
	ended(w, none(i386(421, address_of(&m->signals), 0, address_of(&m->time64), 8, 0)));
}

#endif

const struct row ipc_rows[] = {
	{ "mq_timedsend", by_mq_timedsend, "r", "a", 1, ETIMEDOUT, TIMESPEC },
	{ "mq_timedreceive", by_mq_timedreceive, "r", "a", 1, ETIMEDOUT, TIMESPEC },
	{ "semtimedop", by_semtimedop, "m", "r", 1, EAGAIN, TIMESPEC },
	{ "sigtimedwait", by_sigtimedwait, "m", "r", 1, EAGAIN, TIMESPEC },
#ifdef __x86_64__
	{ "i386_mq_timedsend", by_i386_mq_timedsend, "r", "a", 1, ETIMEDOUT, STATIC },
	{ "i386_mq_timedsend64", by_i386_mq_timedsend64, "r", "a", 1, ETIMEDOUT, STATIC },
	{ "i386_mq_timedreceive", by_i386_mq_timedreceive, "r", "a", 1, ETIMEDOUT, STATIC },
	{ "i386_mq_timedreceive64", by_i386_mq_timedreceive64, "r", "a", 1, ETIMEDOUT, STATIC },
	{ "i386_semtimedop", by_i386_semtimedop, "m", "r", 1, EAGAIN, STATIC },
	{ "i386_semtimedop64", by_i386_semtimedop64, "m", "r", 1, EAGAIN, STATIC },
	{ "i386_sigtimedwait", by_i386_sigtimedwait, "m", "r", 1, EAGAIN, STATIC },
	{ "i386_sigtimedwait64", by_i386_sigtimedwait64, "m", "r", 1, EAGAIN, STATIC },
#endif
	{ 0 }
};
