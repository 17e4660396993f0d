// SPDX-License-Identifier: MIT
/*
 * spin [-t THREADS] [FIFO]: threads that read every clock without pause, through the vDSO and as
 * raw system calls, and check that none goes back.
 *
 * For each clock one maximum is shared by all threads and by both ways of reading. A thread loads
 * the maximum, reads the clock and compares: the maximum was read before by somebody, so a smaller
 * reading means that the clock went back, in this thread or from one CPU to another. What the clocks
 * share is checked, too: gettimeofday and time are REALTIME cut short.
 *
 * For each line read it tells all clocks (protocol: tests/judge/README.md) and what the threads saw:
 * reads, backs, and the first step back.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <linux/posix_types.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define S 1000000000LL

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * S + ts->tv_nsec;
}

static bool by_libc(int id, int64_t *value)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		return false;
	*value = ns(&ts);
	return true;
}

/* Programs of 32 bits have a system call for each size of time_t; the C library chooses by it, too. */
#if defined(__i386__) && defined(_TIME_BITS)
#define CLOCK_GETTIME SYS_clock_gettime64
#else
#define CLOCK_GETTIME SYS_clock_gettime
#endif

static bool by_kernel(int id, int64_t *value)
{
	struct timespec ts;

	if (syscall(CLOCK_GETTIME, id, &ts))
		return false;
	*value = ns(&ts);
	return true;
}

static bool gtod_libc(int id, int64_t *value)
{
	struct timeval tv;

	(void)id;
	gettimeofday(&tv, NULL);
	*value = tv.tv_sec * 1000000LL + tv.tv_usec;
	return true;
}

/* Whatever the size of time_t, this system call knows one size. */
static bool gtod_kernel(int id, int64_t *value)
{
	struct {
		__kernel_old_time_t tv_sec;
		__kernel_suseconds_t tv_usec;
	} tv;

	(void)id;
	syscall(SYS_gettimeofday, &tv, NULL);
	*value = tv.tv_sec * 1000000LL + tv.tv_usec;
	return true;
}

static bool time_libc(int id, int64_t *value)
{
	(void)id;
	*value = time(NULL);
	return true;
}

static bool time_kernel(int id, int64_t *value)
{
	(void)id;
#ifdef SYS_time
	*value = syscall(SYS_time, NULL);
#else
	*value = -1;
#endif
	return *value >= 0;
}

/* Every way to read a clock; `slot` is the maximum it shares with the other ways. */
static const struct way {
	const char *key;
	bool (*read)(int id, int64_t *value);
	int id, slot;
} ways[] = {
	{ "mono_ns", by_libc, CLOCK_MONOTONIC, 0 },
	{ "sys_mono_ns", by_kernel, CLOCK_MONOTONIC, 0 },
	{ "real_ns", by_libc, CLOCK_REALTIME, 1 },
	{ "sys_real_ns", by_kernel, CLOCK_REALTIME, 1 },
	{ "gtod_us", gtod_libc, 0, 2 },
	{ "sys_gtod_us", gtod_kernel, 0, 2 },
	{ "time_s", time_libc, 0, 3 },
	{ "sys_time_s", time_kernel, 0, 3 },
	{ "boot_ns", by_libc, CLOCK_BOOTTIME, 4 },
	{ "sys_boot_ns", by_kernel, CLOCK_BOOTTIME, 4 },
	{ "tai_ns", by_libc, CLOCK_TAI, 5 },
	{ "sys_tai_ns", by_kernel, CLOCK_TAI, 5 },
	{ "raw_ns", by_libc, CLOCK_MONOTONIC_RAW, 6 },
	{ "sys_raw_ns", by_kernel, CLOCK_MONOTONIC_RAW, 6 },
	{ "mono_coarse_ns", by_libc, CLOCK_MONOTONIC_COARSE, 7 },
	{ "sys_mono_coarse_ns", by_kernel, CLOCK_MONOTONIC_COARSE, 7 },
	{ "real_coarse_ns", by_libc, CLOCK_REALTIME_COARSE, 8 },
	{ "sys_real_coarse_ns", by_kernel, CLOCK_REALTIME_COARSE, 8 },
	{ "real_alarm_ns", by_kernel, CLOCK_REALTIME_ALARM, 1 },
	{ "boot_alarm_ns", by_kernel, CLOCK_BOOTTIME_ALARM, 4 },
};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static _Atomic int64_t newest[9];
static _Atomic uint64_t reads, backs;
static char first_back[160];
static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;

static void report_back(const char *key, int64_t value, int64_t before)
{
	pthread_mutex_lock(&first_lock);
	if (!first_back[0])
		snprintf(first_back, sizeof(first_back), "%s:%" PRId64 "after%" PRId64 "by%" PRId64, key,
			 value, before, before - value);
	pthread_mutex_unlock(&first_lock);
	atomic_fetch_add(&backs, 1);
}

static bool read_checked(const struct way *w, int64_t *value)
{
	int64_t before = atomic_load_explicit(&newest[w->slot], memory_order_acquire);

	if (!w->read(w->id, value))
		return false;
	if (*value < before)
		report_back(w->key, *value, before);
	while (*value > before &&
	       !atomic_compare_exchange_weak_explicit(&newest[w->slot], &before, *value,
						      memory_order_acq_rel, memory_order_acquire))
		;
	return true;
}

/* A clock that is another one with digits cut off may not be behind it. */
static void check_cut(int slot, int cut_slot, int64_t unit, const char *key)
{
	int64_t whole = atomic_load_explicit(&newest[slot], memory_order_acquire) / unit, cut = 0;

	for (int i = 0; i < WAYS; i++)
		if (ways[i].slot == cut_slot && ways[i].read(0, &cut) && cut < whole)
			report_back(key, cut, whole);
}

static void *spin(void *arg)
{
	int64_t value;

	for (;;) {
		/* threads start at different clocks */
		for (int i = 0; i < WAYS; i++)
			read_checked(&ways[(i + (int)(intptr_t)arg * 5) % WAYS], &value);
		check_cut(1, 2, 1000, "gtod_behind_real_us");
		check_cut(8, 3, S, "time_behind_real_coarse_s");
		atomic_fetch_add_explicit(&reads, WAYS, memory_order_relaxed);
	}
	return NULL;
}

static void tell_uptimes(void)
{
	struct sysinfo info;
	struct tms tms;
	char text[64], *point;
	FILE *f = fopen("/proc/uptime", "re");

	if (f && fgets(text, sizeof(text), f) && (point = strchr(text, '.')))
		printf(" uptime_cs=%lld", strtoll(text, NULL, 10) * 100 + strtoll(point + 1, NULL, 10));
	if (f)
		fclose(f);
	sysinfo(&info);
	printf(" sysinfo_s=%lld times_cs=%lld", (long long)info.uptime, (long long)times(&tms));
}

static void tell(int threads)
{
	int64_t value = 0;

	by_libc(CLOCK_MONOTONIC, &value);
	printf("mono_before_ns=%" PRId64, value);
	for (int i = 0; i < WAYS; i++)
		if (read_checked(&ways[i], &value))
			printf(" %s=%" PRId64, ways[i].key, value);
	tell_uptimes();
	by_libc(CLOCK_MONOTONIC, &value);
	printf(" mono_after_ns=%" PRId64 " threads=%d reads=%" PRIu64 " backs=%" PRIu64, value, threads,
	       atomic_load(&reads), atomic_load(&backs));
	pthread_mutex_lock(&first_lock);
	printf(" first=%s\n", first_back[0] ? first_back : "none");
	pthread_mutex_unlock(&first_lock);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int opt, threads = 2;
	int64_t value;
	char line[64];

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't')
			return 2;
		threads = (int)strtol(optarg, NULL, 10);
	}
	if (optind < argc && !freopen(argv[optind], "re", stdin)) {
		perror(argv[optind]);
		return 1;
	}
	if (!by_kernel(CLOCK_MONOTONIC, &value)) { /* locks would not work either */
		perror("the system calls with this size of time_t");
		return 1;
	}
	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, spin, (void *)(intptr_t)i))
			return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		tell(threads);
	return 0;
}
