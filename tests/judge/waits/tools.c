// SPDX-License-Identifier: MIT
/* What ways to wait have in common: clocks, things to put away, helpers, 32-bit calls. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waiter.h"

uint64_t cycles(void)
{
	uint64_t value;
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	value = (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	__asm__ volatile("isb; mrs %0, cntvct_el0; isb" : "=r"(value) : : "memory");
#else
#error "no cycle counter is known for this machine"
#endif
	return value;
}

int64_t to_ns(const struct timespec *t)
{
	int64_t sum;

	if (__builtin_mul_overflow((int64_t)t->tv_sec, S, &sum) ||
	    __builtin_add_overflow(sum, (int64_t)t->tv_nsec, &sum))
		return INT64_MAX;
	return sum;
}

struct timespec from_ns(int64_t ns)
{
	return (struct timespec){ ns / S, ns % S };
}

/* An alarm's clock can be read only where something can wake the machine. */
static int base_of(int id)
{
	return id == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME :
	       id == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : id;
}

int64_t read_clock(int id)
{
	struct timespec t = { 0 };

	syscall(SYS_clock_gettime, base_of(id), &t);
	return to_ns(&t);
}

/* ---- the end of a wait ---------------------------------------------------------------------- */

void ended(struct wait *w, int error)
{
	w->end = cycles();
	w->own[1] = read_clock(w->clock);
	w->mono[1] = read_clock(CLOCK_MONOTONIC);
	w->error = error;
}

bool tick(struct wait *w, uint64_t more)
{
	uint64_t now = cycles(), sum = more;

	if (w->tick_count)
		sum += w->ticks[w->tick_count - 1].count;
	if (w->tick_count < sizeof(w->ticks) / sizeof(w->ticks[0]))
		w->ticks[w->tick_count++] = (struct tick){ sum, now };
	return sum < (w->periodic ? PERIODS : 1);
}


void finish(struct wait *w)
{
	if (w->has_helper) {
		sem_post(&w->helper_over);
		pthread_join(w->helper, NULL);
	}
	while (w->fd_count)
		close(w->fds[--w->fd_count]);
	if (w->low)
		munmap(w->low, LOW_BYTES);
}

int own(struct wait *w, int fd)
{
	if (w->fd_count == OWN_MAX)
		abort();
	w->fds[w->fd_count++] = need(w, fd);
	return fd;
}

int silent(struct wait *w)
{
	return own(w, eventfd(0, 0));
}

/* ---- helpers --------------------------------------------------------------------------------- */

static pid_t helper_id;

static void *help(void *wait)
{
	struct wait *w = wait;

	helper_id = gettid();
	if (w->take)
		w->take(w->what);
	sem_post(&w->helper_ready);
	while (sem_wait(&w->helper_over))
		;
	if (w->give)
		w->give(w->what);
	return NULL;
}

pid_t helper(struct wait *w, void (*take)(void *), void (*give)(void *), void *what)
{
	sigset_t all, old;

	w->take = take;
	w->give = give;
	w->what = what;
	sem_init(&w->helper_ready, 0, 0);
	sem_init(&w->helper_over, 0, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are for the one that waits */
	errno = pthread_create(&w->helper, NULL, help, w);
	need(w, errno ? -1 : 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->has_helper = true;
	while (sem_wait(&w->helper_ready))
		;
	return helper_id;
}

/* ---- 32-bit calls ---------------------------------------------------------------------------- */

#ifdef __x86_64__

void *low(struct wait *w)
{
	if (!w->low)
		w->low = need_memory(w, mmap(NULL, LOW_BYTES, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	return w->low;
}

static long result_of(int result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = -result;
	return -1;
}

long i386(int number, int a, int b, int c, int d, int e)
{
	int result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return result_of(result);
}

/* The sixth argument goes where the frame pointer is. */
long i386_6(int number, int a, int b, int c, int d, int e, int f)
{
	int result;
	register long sixth __asm__("r12") = f;

	__asm__ volatile("push %%rbp; mov %%r12, %%rbp; int $0x80; pop %%rbp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(sixth)
			 : "memory", "r8", "r9", "r10", "r11");
	return result_of(result);
}

#endif

sigset_t block_signal(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return set;
}

/* A timer may have expired again before it was deleted: its signal would be taken for the next one's. */
void drop_signal(int number)
{
	const struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	while (sigtimedwait(&set, NULL, &none) == number)
		;
}
