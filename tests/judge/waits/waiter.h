/* SPDX-License-Identifier: MIT */
/*
 * One wait, and the tables of all ways to wait: one table in each of the other files.
 *
 * A way prepares what it needs, calls begin(), waits for w->when, and calls ended() at once. What
 * it waits for never comes. finish() closes what own() and helper() were given.
 */
#ifndef VT_WAITER_H
#define VT_WAITER_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

#define S 1000000000LL
#define MS 1000000LL
#define US 1000LL

enum {
	PERIODS = 8, /* of a periodic wait */
	OWN_MAX = 16,
	LOW_BYTES = 65536,
};

/* How often it has expired so far, and when it said so */
struct tick {
	uint64_t count, cycles;
};

struct wait {
	int clock;
	bool absolute, periodic, from_now;
	struct timespec asked;

	/* Set by begin() */
	struct timespec when;          /* the first expiry, absolute or relative */
	struct timespec period;        /* 0 if it expires once */
	const struct timespec *at;     /* &when, or a bad address */
	bool bad;

	/* What came of it */
	bool over;
	int error;                     /* 0, an errno, or minus what came instead of nothing */
	struct timespec rem;
	uint64_t begin, end;
	int64_t mono[2], own[2];
	struct tick ticks[2 * PERIODS];
	size_t tick_count;

	/* To be put away */
	int fds[OWN_MAX];
	size_t fd_count;
	void *low;
	pthread_t helper;
	bool has_helper;
	sem_t helper_ready, helper_over;
	void (*take)(void *), (*give)(void *);
	void *what;
};

enum trait {
	STATIC = 1,   /* a plain system call: by the program without a C library's services */
	REST = 2,     /* tells the remaining time in rem when it is interrupted */
	COARSE = 4,   /* measured by the kernel in ticks */
	TIMESPEC = 8, /* hands w->at to the kernel as it is */
	LONE = 16,    /* needs a process of its own */
};

/*
 * clocks: one letter for each, m MONOTONIC, r REALTIME, b BOOTTIME, t TAI, R REALTIME_ALARM,
 * B BOOTTIME_ALARM. modes: r relative, a absolute, p periodic, q periodic from an absolute start.
 */
struct row {
	const char *how;
	void (*wait)(struct wait *w);
	const char *clocks, *modes;
	int64_t grain_ns;
	int ends; /* the errno with which it ends when all is well */
	unsigned int traits;
};

struct family {
	const char *name;
	const struct row *rows;
};

extern const struct row sleep_rows[], poll_rows[], futex_rows[], pthread_rows[], timer_rows[],
	timerfd_rows[], socket_rows[], ipc_rows[], aio_rows[], uring_rows[], tty_rows[];

/* ---- for the ways --------------------------------------------------------------------------- */

void begin(struct wait *w);
void ended(struct wait *w, int error);
void finish(struct wait *w);

/* Notes so many expiries; false when these were all. */
bool tick(struct wait *w, uint64_t more);

/* Ends the program with a word if what is needed for the wait is not to be had. */
int need(struct wait *w, long rc);
void *need_memory(struct wait *w, void *memory);

/* 0, errno, or minus what came */
static inline int none(long rc)
{
	return rc < 0 ? errno : (int)-rc;
}

static inline int failed(long rc)
{
	return rc < 0 ? errno : 0;
}

int own(struct wait *w, int fd);
int silent(struct wait *w); /* an fd from which nothing is ever read */

/* A thread that takes something, keeps it until the wait is over and gives it back */
pid_t helper(struct wait *w, void (*take)(void *), void (*give)(void *), void *what);

/* Of this thread; the set of that signal alone */
sigset_t block_signal(int number);
void drop_signal(int number); /* if it is blocked and pending */

int64_t to_ns(const struct timespec *t);
struct timespec from_ns(int64_t ns);
int64_t read_clock(int id);
uint64_t cycles(void);

static inline int milliseconds(const struct wait *w)
{
	return (int)(to_ns(&w->when) / MS);
}

static inline struct timeval to_timeval(const struct timespec *t)
{
	return (struct timeval){ t->tv_sec, t->tv_nsec / 1000 };
}

static inline struct itimerspec timer_of(const struct wait *w)
{
	return (struct itimerspec){ w->period, w->when };
}

/* ---- system calls as 32-bit programs make them ----------------------------------------------- */

#ifdef __x86_64__

/* Memory below 4 GiB, where such a call can reach it; zeroes */
void *low(struct wait *w);

struct time32 {
	int32_t tv_sec, tv_nsec;
};

static inline struct time32 to_time32(const struct timespec *t)
{
	return (struct time32){ (int32_t)t->tv_sec, (int32_t)t->tv_nsec };
}

static inline int address_of(const void *low)
{
	return (int)(intptr_t)low;
}

long i386(int number, int a, int b, int c, int d, int e);
long i386_6(int number, int a, int b, int c, int d, int e, int f);

#endif
#endif
