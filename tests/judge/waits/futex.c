// SPDX-License-Identifier: MIT
/* futex, by plain system calls: nobody wakes it */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#define WORD_IS_PRIVATE (2 | FUTEX_PRIVATE_FLAG) /* of 32 bits, for futex_waitv and futex_wait */
#define LOCK_PI2 13

static int by_clock(const struct wait *w)
{
	return w->clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
}

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *t,
		  uint32_t *other)
{
	return syscall(SYS_futex, word, operation, value, t, other, FUTEX_BITSET_MATCH_ANY);
}

static void by_wait(struct wait *w)
{
	uint32_t word = 1;

	begin(w);
	ended(w, none(futex(&word, FUTEX_WAIT_PRIVATE, 1, w->at, NULL)));
}

static void by_shared_wait(struct wait *w)
{
	uint32_t *word = need_memory(w, mmap(NULL, sizeof(*word), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	begin(w);
	ended(w, none(futex(word, FUTEX_WAIT, 0, w->at, NULL)));
	munmap(word, sizeof(*word));
}

static void by_wait_bitset(struct wait *w)
{
	uint32_t word = 1;

	begin(w);
	ended(w, none(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | by_clock(w), 1, w->at, NULL)));
}

/* The helper's thread is the owner: its number in the word is all that the kernel asks for. */
static void by_lock_pi(struct wait *w)
{
	uint32_t word = (uint32_t)helper(w, NULL, NULL, NULL);

	begin(w);
	ended(w, none(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, w->at, NULL)));
}

static void by_lock_pi2(struct wait *w)
{
	uint32_t word = (uint32_t)helper(w, NULL, NULL, NULL);

	begin(w);
	ended(w, none(futex(&word, LOCK_PI2 | FUTEX_PRIVATE_FLAG | by_clock(w), 0, w->at, NULL)));
}

static void by_wait_requeue_pi(struct wait *w)
{
	uint32_t word = 1, other = 0;

	begin(w);
	ended(w, none(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE | by_clock(w), 1, w->at, &other)));
}

static void by_waitv(struct wait *w)
{
	uint32_t words[2] = { 1, 1 };
	struct futex_waitv v[2] = {
		{ .val = 1, .uaddr = (uintptr_t)&words[0], .flags = WORD_IS_PRIVATE },
		{ .val = 1, .uaddr = (uintptr_t)&words[1], .flags = WORD_IS_PRIVATE },
	};

	begin(w);
	ended(w, none(syscall(SYS_futex_waitv, v, 2, 0, w->at, w->clock)));
}

static void by_futex_wait(struct wait *w)
{
	uint32_t word = 1;

	begin(w);
	ended(w, none(syscall(SYS_futex_wait, &word, 1UL, 1UL, WORD_IS_PRIVATE, w->at, w->clock)));
}

#ifdef __x86_64__

struct low_futex {
	uint32_t word;
	struct time32 time;
	struct timespec time64;
};

static struct low_futex *begin_low(struct wait *w)
{
	struct low_futex *m = low(w);

	begin(w);
	*m = (struct low_futex){ 1, to_time32(&w->when), w->when };
	return m;
}

static void by_i386_wait(struct wait *w)
{
	struct low_futex *m = begin_low(w);

	ended(w, none(i386_6(240, address_of(&m->word), FUTEX_WAIT_PRIVATE, 1, address_of(&m->time),
			     0, 0)));
}

static void by_i386_wait_bitset64(struct wait *w)
{
	struct low_futex *m = begin_low(w);

	ended(w, none(i386_6(422, address_of(&m->word), FUTEX_WAIT_BITSET_PRIVATE | by_clock(w), 1,
			     address_of(&m->time64), 0, -1)));
}

#endif

const struct row futex_rows[] = {
	{ "futex_WAIT", by_wait, "m", "r", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_WAIT_shared", by_shared_wait, "m", "r", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_WAIT_BITSET", by_wait_bitset, "mr", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_LOCK_PI", by_lock_pi, "r", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_LOCK_PI2", by_lock_pi2, "mr", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_WAIT_REQUEUE_PI", by_wait_requeue_pi, "mr", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_waitv", by_waitv, "mr", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
	{ "futex_wait2", by_futex_wait, "mr", "a", 1, ETIMEDOUT, STATIC | TIMESPEC },
#ifdef __x86_64__
	{ "i386_futex_WAIT", by_i386_wait, "m", "r", 1, ETIMEDOUT, STATIC },
	{ "i386_futex64_WAIT_BITSET", by_i386_wait_bitset64, "mr", "a", 1, ETIMEDOUT, STATIC },
#endif
	{ 0 }
};
