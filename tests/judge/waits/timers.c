// SPDX-License-Identifier: MIT
/* Timers that send signals; each is waited for without a time limit, and in another way */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "waiter.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* ---- alarm and itimers ----------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms = 1;
}

/* Blocked but for the time of sigsuspend(): so none comes too soon to be seen. */
static void catch_alarm(sigset_t *open)
{
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t set;

	alarms = 0;
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, open);
	sigdelset(open, SIGALRM);
}

static void suspend(struct wait *w, const sigset_t *open)
{
	do {
		alarms = 0;
		sigsuspend(open);
	} while (alarms && tick(w, 1));
	ended(w, alarms ? 0 : EINTR);
	alarm(0);
	drop_signal(SIGALRM);
}

static void by_alarm(struct wait *w)
{
	sigset_t open;

	catch_alarm(&open);
	begin(w);
	alarm((unsigned int)w->when.tv_sec);
	suspend(w, &open);
}

/* As programs of old did it; with so long a time no alarm comes before the pause. */
static void by_alarm_pause(struct wait *w)
{
	sigset_t open;

	catch_alarm(&open);
	pthread_sigmask(SIG_SETMASK, &open, NULL);
	begin(w);
	alarm((unsigned int)w->when.tv_sec);
	pause();
	ended(w, alarms ? 0 : EINTR);
	alarm(0);
}

static struct itimerval itimer_of(const struct wait *w)
{
	return (struct itimerval){ to_timeval(&w->period), to_timeval(&w->when) };
}

/* *open: the signals to wait with */
static void start_itimer(struct wait *w, sigset_t *open)
{
	struct itimerval t;

	catch_alarm(open);
	begin(w);
	t = itimer_of(w);
	need(w, setitimer(ITIMER_REAL, &t, NULL));
}

static void by_setitimer(struct wait *w)
{
	sigset_t open;

	start_itimer(w, &open);
	suspend(w, &open);
}

/* It interrupts a ppoll() without a time limit. */
static void by_setitimer_ppoll(struct wait *w)
{
	sigset_t open;

	start_itimer(w, &open);
	ppoll(NULL, 0, NULL, &open);
	ended(w, alarms ? 0 : EINTR);
	alarm(0);
	drop_signal(SIGALRM);
}

/* ---- POSIX timers ---------------------------------------------------------------------------- */

static int flags(const struct wait *w)
{
	return w->absolute ? TIMER_ABSTIME : 0;
}

static void take_signals(struct wait *w, const sigset_t *set)
{
	siginfo_t info;
	int rc;

	do {
		rc = sigwaitinfo(set, &info);
	} while (rc > 0 && tick(w, 1 + (uint64_t)info.si_overrun));
	ended(w, failed(rc));
}

static void by_timer(struct wait *w)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	sigset_t set = block_signal(SIGRTMIN);
	struct itimerspec t;
	timer_t timer;

	need(w, timer_create(w->clock, &event, &timer));
	begin(w);
	t = timer_of(w);
	need(w, timer_settime(timer, flags(w), &t, NULL));
	take_signals(w, &set);
	timer_delete(timer);
	drop_signal(SIGRTMIN);
}

static void by_timer_thread_id(struct wait *w)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	sigset_t set = block_signal(SIGRTMIN);
	struct itimerspec t;
	timer_t timer;

	event.sigev_notify_thread_id = gettid();
	need(w, timer_create(w->clock, &event, &timer));
	begin(w);
	t = timer_of(w);
	need(w, timer_settime(timer, flags(w), &t, NULL));
	take_signals(w, &set);
	timer_delete(timer);
	drop_signal(SIGRTMIN);
}

static void post(union sigval value)
{
	sem_post(value.sival_ptr);
}

/* A thread of the timer before may still be on its way to post. */
static sem_t *next_semaphore(void)
{
	static sem_t all[64];
	static unsigned int count;
	sem_t *sem = &all[count++ % 64];

	sem_init(sem, 0, 0);
	return sem;
}

/*
 * Deletes the one before that. The C library tells timers by their addresses: to it the last signal
 * of a timer that is deleted may be the next timer's, if that got the same place.
 */
static void keep_for_a_while(timer_t timer)
{
	static timer_t before;
	static bool is_one;

	if (is_one)
		timer_delete(before);
	before = timer;
	is_one = true;
}

static void by_timer_thread(struct wait *w)
{
	sem_t *sem = next_semaphore();
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = post,
				  .sigev_value.sival_ptr = sem };
	struct itimerspec t;
	timer_t timer;
	int rc;

	need(w, timer_create(w->clock, &event, &timer));
	keep_for_a_while(timer);
	begin(w);
	t = timer_of(w);
	need(w, timer_settime(timer, flags(w), &t, NULL));
	do {
		rc = sem_wait(sem);
	} while (!rc && tick(w, 1));
	ended(w, failed(rc));
	t = (struct itimerspec){ 0 };
	timer_settime(timer, 0, &t, NULL);
}

/* ---- 32-bit calls ---------------------------------------------------------------------------- */

#ifdef __x86_64__

struct low_timer {
	struct time32 time[2]; /* period and first */
	struct itimerspec time64;
};

static void begin_low(struct wait *w, struct low_timer *m)
{
	begin(w);
	m->time[0] = to_time32(&w->period);
	m->time[1] = to_time32(&w->when);
	m->time64 = timer_of(w);
}

static void by_i386_alarm(struct wait *w)
{
	sigset_t open;

	catch_alarm(&open);
	begin(w);
	need(w, i386(27, (int)w->when.tv_sec, 0, 0, 0, 0));
	suspend(w, &open);
}

static void by_i386_setitimer(struct wait *w)
{
	struct low_timer *m = low(w);
	sigset_t open;

	catch_alarm(&open);
	begin_low(w, m);
	m->time[0].tv_nsec /= 1000; /* timevals */
	m->time[1].tv_nsec /= 1000;
	need(w, i386(104, ITIMER_REAL, address_of(m->time), 0, 0, 0));
	suspend(w, &open);
}

static int create_timer(struct wait *w)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	int timer = -1;

	need(w, syscall(SYS_timer_create, w->clock, &event, &timer));
	return timer;
}

static void by_i386_timer(struct wait *w)
{
	struct low_timer *m = low(w);
	sigset_t set = block_signal(SIGRTMIN);
	int timer = create_timer(w);

	begin_low(w, m);
	need(w, i386(260, timer, flags(w), address_of(m->time), 0, 0));
	take_signals(w, &set);
	syscall(SYS_timer_delete, timer);
	drop_signal(SIGRTMIN);
}

static void by_i386_timer64(struct wait *w)
{
	struct low_timer *m = low(w);
	sigset_t set = block_signal(SIGRTMIN);
	int timer = create_timer(w);

	begin_low(w, m);
	need(w, i386(409, timer, flags(w), address_of(&m->time64), 0, 0));
	take_signals(w, &set);
	syscall(SYS_timer_delete, timer);
	drop_signal(SIGRTMIN);
}

#endif

const struct row timer_rows[] = {
	{ "alarm", by_alarm, "m", "r", S, 0, LONE },
	{ "alarm_pause", by_alarm_pause, "m", "r", S, 0, LONE },
	{ "setitimer_REAL", by_setitimer, "m", "rp", PERIODS * US, 0, LONE },
	{ "setitimer_REAL_ppoll", by_setitimer_ppoll, "m", "r", US, 0, LONE },
	{ "timer_settime", by_timer, "mrbtRB", "rapq", PERIODS, 0, LONE },
	{ "timer_settime_THREAD_ID", by_timer_thread_id, "m", "rp", PERIODS, 0, 0 },
	{ "timer_settime_THREAD", by_timer_thread, "m", "rp", PERIODS, 0, LONE },
#ifdef __x86_64__
	{ "i386_alarm", by_i386_alarm, "m", "r", S, 0, STATIC | LONE },
	{ "i386_setitimer_REAL", by_i386_setitimer, "m", "rp", PERIODS * US, 0, STATIC | LONE },
	{ "i386_timer_settime", by_i386_timer, "r", "ap", PERIODS, 0, STATIC | LONE },
	{ "i386_timer_settime64", by_i386_timer64, "m", "ap", PERIODS, 0, STATIC | LONE },
#endif
	{ 0 }
};
