// SPDX-License-Identifier: MIT
/*
 * sleeper: sleeps on request, each time in a new child or thread of its own.
 *
 * A line of standard input is a request:
 *
 *   ID child|thread HOW CLOCK rel|abs|at|bad SECONDS NANOSECONDS TIMES [COMMAND…]
 *   ID counter
 *   ID stop
 *
 * HOW is a name of ways[] or "run", which runs COMMAND. abs is so long after the present time of
 * CLOCK, at is that very time, bad is an address where nothing is. With TIMES the sleep is repeated;
 * stop ends the repetitions of threads. The answers, one line each:
 *
 *   ID asleep pid=N by=N
 *   ID done rc=… errno=… rem=… begin=… end=… mono_before=… mono_after=… clock_before=…
 *           clock_after=… rounds=… shortest=… longest=… own_shortest=…
 *   ID counter before=… cycles=… after=…
 *
 * begin, end, shortest and longest count cycles: the CPU's counter is the one clock that neither the
 * kernel nor vt can bend. begin is taken before the present time that an absolute sleep starts from,
 * and after it for a relative one: between begin and end lies at least the time asked for. mono and
 * clock are CLOCK_MONOTONIC and CLOCK in ns by plain system calls, rem what the call left there, in
 * ns; all of the last round. Of all rounds: the extremes, and own_shortest in ns of CLOCK. counter
 * tells the cycles between two readings of CLOCK_MONOTONIC.
 *
 * by is the process that waits for COMMAND, else the one that sleeps. At start it says "0 asleep".
 * SIGUSR1 interrupts a sleep and does nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define S 1000000000LL
#define STACK_BYTES 65536
#define WORDS_MAX 32

extern char **environ;

struct request {
	char line[1024];
	const char *words[WORDS_MAX + 1];
	int count;
	int clock;
	bool absolute, from_now, bad;
	struct timespec time;
};

/* Of one sleep */
struct outcome {
	int rc, error;
	struct timespec rem;
	uint64_t begin, end;
	int64_t mono[2], clock[2];
};

/* Of all that were asked for at once */
struct tally {
	uint64_t rounds, shortest, longest;
	int64_t own_shortest;
};

static atomic_bool stopping;

static uint64_t cycles(void)
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

static int64_t ns(const struct timespec *ts)
{
	int64_t sum;

	if (__builtin_mul_overflow((int64_t)ts->tv_sec, S, &sum) ||
	    __builtin_add_overflow(sum, (int64_t)ts->tv_nsec, &sum))
		return INT64_MAX;
	return sum;
}

static int64_t read_clock(int id)
{
	struct timespec ts = { 0 };

	syscall(SYS_clock_gettime, id, &ts);
	return ns(&ts);
}

/* ---- ways to sleep: 0 or an errno ---------------------------------------------------------- */

typedef int way(const struct request *r, const struct timespec *t, struct timespec *rem);

static int flags(const struct request *r)
{
	return r->absolute ? TIMER_ABSTIME : 0;
}

static int by_nanosleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	(void)r;
	return nanosleep(t, rem) ? errno : 0;
}

static int by_clock_nanosleep(const struct request *r, const struct timespec *t,
			      struct timespec *rem)
{
	return clock_nanosleep(r->clock, flags(r), t, rem);
}

static int by_sleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	(void)r;
	rem->tv_sec = (time_t)sleep((unsigned int)t->tv_sec);
	rem->tv_nsec = 0;
	return rem->tv_sec ? EINTR : 0;
}

static int by_usleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	(void)r;
	(void)rem;
	return usleep((useconds_t)(ns(t) / 1000)) ? errno : 0;
}

static int by_thrd_sleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	(void)r;
	return thrd_sleep(t, rem) ? EINTR : 0;
}

static int by_sys_nanosleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	(void)r;
	return syscall(SYS_nanosleep, t, rem) ? errno : 0;
}

static int by_sys_clock_nanosleep(const struct request *r, const struct timespec *t,
				  struct timespec *rem)
{
	return syscall(SYS_clock_nanosleep, r->clock, flags(r), t, rem) ? errno : 0;
}

#ifdef __x86_64__

static int call_i386(int number, int a, int b, int c, int d)
{
	int result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int address_of(const void *low)
{
	return (int)(intptr_t)low;
}

/* What a 32-bit program passes, where it can reach it */
static struct low {
	int32_t time32[2], rem32[2];
	struct timespec time, rem;
} *get_low(const struct timespec *t)
{
	struct low *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		exit(1);
	*low = (struct low){ .time32 = { (int32_t)t->tv_sec, (int32_t)t->tv_nsec },
			     .rem32 = { -1, -1 }, .time = *t, .rem = { -1, -1 } };
	return low;
}

static int put_low(struct low *low, int result, struct timespec *rem, bool is_64)
{
	*rem = is_64 ? low->rem : (struct timespec){ low->rem32[0], low->rem32[1] };
	munmap(low, sizeof(*low));
	return -result;
}

static int by_i386_nanosleep(const struct request *r, const struct timespec *t, struct timespec *rem)
{
	struct low *low = get_low(t);

	(void)r;
	return put_low(low, call_i386(162, address_of(low->time32), address_of(low->rem32), 0, 0),
		       rem, false);
}

static int by_i386_clock_nanosleep(const struct request *r, const struct timespec *t,
				   struct timespec *rem)
{
	struct low *low = get_low(t);

	return put_low(low, call_i386(267, r->clock, flags(r), address_of(low->time32),
				      address_of(low->rem32)), rem, false);
}

static int by_i386_clock_nanosleep64(const struct request *r, const struct timespec *t,
				     struct timespec *rem)
{
	struct low *low = get_low(t);

	return put_low(low, call_i386(407, r->clock, flags(r), address_of(&low->time),
				      address_of(&low->rem)), rem, true);
}

#endif

static const struct {
	const char *name;
	way *sleep;
} ways[] = {
	{ "nanosleep", by_nanosleep },
	{ "clock_nanosleep", by_clock_nanosleep },
	{ "sleep", by_sleep },
	{ "usleep", by_usleep },
	{ "thrd_sleep", by_thrd_sleep },
	{ "sys_nanosleep", by_sys_nanosleep },
	{ "sys_clock_nanosleep", by_sys_clock_nanosleep },
#ifdef __x86_64__
	{ "i386_nanosleep", by_i386_nanosleep },
	{ "i386_clock_nanosleep", by_i386_clock_nanosleep },
	{ "i386_clock_nanosleep64", by_i386_clock_nanosleep64 },
#endif
};

static way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, name))
			return ways[i].sleep;
	return NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* One write each: lines of different children do not mix. */
static void answer(const char *line, int length)
{
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		exit(1);
}

static void say_asleep(const struct request *r, int pid)
{
	char line[64];

	answer(line, snprintf(line, sizeof(line), "%s asleep pid=%d by=%d\n", r->words[0], pid,
			      (int)getpid()));
}

static void say_done(const struct request *r, const struct outcome *o, const struct tally *t)
{
	char line[512];

	answer(line, snprintf(line, sizeof(line),
		"%s done rc=%d errno=%d rem=%" PRId64 " begin=%" PRIu64 " end=%" PRIu64
		" mono_before=%" PRId64 " mono_after=%" PRId64 " clock_before=%" PRId64
		" clock_after=%" PRId64 " rounds=%" PRIu64 " shortest=%" PRIu64 " longest=%" PRIu64
		" own_shortest=%" PRId64 "\n",
		r->words[0], o->rc, o->error, ns(&o->rem), o->begin, o->end, o->mono[0], o->mono[1],
		o->clock[0], o->clock[1], t->rounds, t->shortest, t->longest, t->own_shortest));
}

/* The narrowest of many tries */
static void say_counter(const struct request *r)
{
	int64_t before, after, best[2] = { 0, INT64_MAX };
	uint64_t value, between = 0;
	char line[128];

	for (int i = 0; i < 300; i++) {
		before = read_clock(CLOCK_MONOTONIC);
		value = cycles();
		after = read_clock(CLOCK_MONOTONIC);
		if (after - before >= best[1] - best[0])
			continue;
		best[0] = before;
		best[1] = after;
		between = value;
	}
	answer(line, snprintf(line, sizeof(line), "%s counter before=%" PRId64 " cycles=%" PRIu64
			      " after=%" PRId64 "\n", r->words[0], best[0], between, best[1]));
}

/* ---- sleeping ------------------------------------------------------------------------------- */

static void sleep_once(const struct request *r, way *sleep, struct outcome *o)
{
	struct timespec t = r->time;

	o->rem = (struct timespec){ -1, -1 };
	o->begin = cycles();
	o->mono[0] = read_clock(CLOCK_MONOTONIC);
	o->clock[0] = read_clock(r->clock);
	if (r->from_now) {
		t.tv_sec += (time_t)((o->clock[0] + t.tv_nsec) / S);
		t.tv_nsec = (long)((o->clock[0] + t.tv_nsec) % S);
	} else {
		o->begin = cycles();
	}
	o->error = sleep(r, r->bad ? (const struct timespec *)1 : &t, &o->rem);
	o->end = cycles();
	o->clock[1] = read_clock(r->clock);
	o->mono[1] = read_clock(CLOCK_MONOTONIC);
	o->rc = o->error ? -1 : 0;
}

static void add(struct tally *t, const struct outcome *o)
{
	uint64_t took = o->end - o->begin;
	int64_t own = o->clock[1] - o->clock[0];

	t->rounds++;
	t->shortest = took < t->shortest ? took : t->shortest;
	t->longest = took > t->longest ? took : t->longest;
	t->own_shortest = own < t->own_shortest ? own : t->own_shortest;
}

static void sleep_often(const struct request *r, way *sleep)
{
	struct tally t = { .shortest = UINT64_MAX, .own_shortest = INT64_MAX };
	uint64_t times = strtoull(r->words[7], NULL, 10);
	struct outcome o = { 0 };

	say_asleep(r, (int)syscall(SYS_gettid));
	while (t.rounds < times && !o.rc && !atomic_load(&stopping)) {
		sleep_once(r, sleep, &o);
		add(&t, &o);
	}
	say_done(r, &o, &t);
}

static void run_command(const struct request *r)
{
	struct outcome o = { .rem = { -1, -1 } };
	struct tally t = { 0 };
	int status = 0;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL);
	o.mono[0] = read_clock(CLOCK_MONOTONIC);
	o.begin = cycles();
	o.error = posix_spawnp(&pid, r->words[8], NULL, NULL, (char *const *)&r->words[8], environ);
	if (!o.error) {
		say_asleep(r, pid);
		waitpid(pid, &status, 0);
	}
	o.end = cycles();
	o.mono[1] = read_clock(CLOCK_MONOTONIC);
	o.rc = o.error || status ? -1 : 0;
	say_done(r, &o, &t);
}

static void serve(const struct request *r)
{
	way *sleep = find_way(r->words[2]);

	if (sleep)
		sleep_often(r, sleep);
	else if (!strcmp(r->words[2], "run") && r->count > 8)
		run_command(r);
	else
		exit(2);
}

static void *thread(void *request)
{
	serve(request);
	free(request);
	return NULL;
}

static void start_thread(const struct request *r)
{
	struct request *copy = malloc(sizeof(*copy));
	pthread_attr_t attributes;
	pthread_t t;

	if (!copy)
		exit(1);
	*copy = *r;
	for (int i = 0; i < r->count; i++)
		copy->words[i] = copy->line + (r->words[i] - r->line);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &attributes, thread, copy))
		exit(1);
	pthread_attr_destroy(&attributes);
}

static void start_child(const struct request *r)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid)
		return;
	serve(r);
	_exit(0);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void split(struct request *r)
{
	char *rest = r->line, *word;

	for (r->count = 0; r->count < WORDS_MAX; r->count++) {
		word = strtok_r(r->count ? NULL : rest, " \n", &rest);
		if (!word)
			break;
		r->words[r->count] = word;
	}
	r->words[r->count] = NULL;
}

static void parse(struct request *r)
{
	r->clock = (int)strtol(r->words[3], NULL, 10);
	r->from_now = !strcmp(r->words[4], "abs");
	r->absolute = r->from_now || !strcmp(r->words[4], "at");
	r->bad = !strcmp(r->words[4], "bad");
	r->time.tv_sec = (time_t)strtoll(r->words[5], NULL, 10);
	r->time.tv_nsec = strtol(r->words[6], NULL, 10);
}

static bool is_request(const struct request *r, const char *word)
{
	return r->count > 1 && !strcmp(r->words[1], word);
}

static void handle(int signal)
{
	(void)signal;
}

int main(void)
{
	struct sigaction action = { .sa_handler = handle };
	static struct request r = { .words = { "0" } };

	sigaction(SIGUSR1, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
	say_asleep(&r, getpid());
	while (fgets(r.line, sizeof(r.line), stdin)) {
		split(&r);
		if (is_request(&r, "counter")) {
			say_counter(&r);
		} else if (is_request(&r, "stop")) {
			atomic_store(&stopping, true);
		} else if (r.count >= 8) {
			parse(&r);
			if (is_request(&r, "thread"))
				start_thread(&r);
			else
				start_child(&r);
		} else {
			return 2;
		}
	}
	return 0;
}
