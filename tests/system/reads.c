// SPDX-License-Identifier: MIT
/*
 * What members read, proved by number. VT_READS, VT_FREEZES and VT_MOVES make the numbers large.
 *
 * The vDSO and the kernel agree: a reading through the vDSO lies between one system call before and
 * one after, to the last digit, for every clock. To see a clock that stands somebody has to run while
 * it does: the clock is the process's, so a process that shares its memory with a frozen member, but
 * sits outside the group, reads the stopped clock.
 */
#include "system.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

static int64_t in_ns(struct timespec ts)
{
	return ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

static int64_t by_vdso(clockid_t id)
{
	struct timespec ts;

	return clock_gettime(id, &ts) ? -1 : in_ns(ts);
}

static int64_t by_kernel(clockid_t id)
{
	struct timespec ts;

	return syscall(SYS_clock_gettime, id, &ts) ? -1 : in_ns(ts);
}

static int64_t day_by_vdso(clockid_t id)
{
	struct timeval tv;

	(void)id;
	gettimeofday(&tv, NULL);
	return tv.tv_sec * INT64_C(1000000) + tv.tv_usec;
}

static int64_t day_by_kernel(clockid_t id)
{
	struct timeval tv;

	(void)id;
	syscall(SYS_gettimeofday, &tv, NULL);
	return tv.tv_sec * INT64_C(1000000) + tv.tv_usec;
}

static int64_t second_by_vdso(clockid_t id)
{
	(void)id;
	return time(NULL);
}

static int64_t second_by_kernel(clockid_t id)
{
	(void)id;
#ifdef SYS_time
	return syscall(SYS_time, NULL);
#else
	return time(NULL);
#endif
}

static const struct way {
	const char *name;
	int64_t (*vdso)(clockid_t id), (*kernel)(clockid_t id);
	clockid_t id;
} ways[] = {
	{ "CLOCK_REALTIME", by_vdso, by_kernel, CLOCK_REALTIME },
	{ "CLOCK_MONOTONIC", by_vdso, by_kernel, CLOCK_MONOTONIC },
	{ "CLOCK_MONOTONIC_RAW", by_vdso, by_kernel, CLOCK_MONOTONIC_RAW },
	{ "CLOCK_BOOTTIME", by_vdso, by_kernel, CLOCK_BOOTTIME },
	{ "CLOCK_TAI", by_vdso, by_kernel, CLOCK_TAI },
	{ "CLOCK_REALTIME_COARSE", by_vdso, by_kernel, CLOCK_REALTIME_COARSE },
	{ "CLOCK_MONOTONIC_COARSE", by_vdso, by_kernel, CLOCK_MONOTONIC_COARSE },
	{ "gettimeofday", day_by_vdso, day_by_kernel, 0 },
	{ "time", second_by_vdso, second_by_kernel, 0 },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Between the test and the one who reads, in shared memory. */
static struct proof {
	_Atomic pid_t reader;
	_Atomic bool go, stop, done;
	bool stands;    /* and the readings are all to be the same */
	bool too_early; /* known-bad: the vDSO is read before the bracket begins */
	long rounds;
	char wrong[200];
} *proof;

static bool is_right(int64_t start, int64_t value, int64_t end)
{
	if (start < 0 || value < start || value > end)
		return false;
	return !proof->stands || start == end;
}

static bool read_once(const struct way *w)
{
	int64_t early = w->vdso(w->id);
	int64_t start = w->kernel(w->id), value = w->vdso(w->id), end = w->kernel(w->id);

	if (proof->too_early)
		value = early;
	if (is_right(start, value, end))
		return true;
	snprintf(proof->wrong, sizeof(proof->wrong), "%s: %lld, %lld by the vDSO, %lld", w->name,
		 (long long)start, (long long)value, (long long)end);
	return false;
}

static void read_all(void)
{
	bool right = true;

	for (long n = 0; n < proof->rounds && right && !proof->stop; n++)
		for (size_t i = 0; i < WAYS && right; i++)
			right = read_once(&ways[i]);
	proof->done = true;
}

/* Not asleep: a sleep on a clock that stands does not end. */
static void await(_Atomic bool *flag)
{
	while (!*flag)
		sched_yield();
}

/* Unless it has died before. */
static void await_reader(void)
{
	for (long ms = 0; !proof->reader; ms++) {
		assert_true(ms < PATIENCE_NS / 1000000);
		pass_ms(1);
	}
}

static void reading(void)
{
	await(&proof->go);
	read_all();
	sleeping();
}

static int read_outside(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	proof->reader = (pid_t)syscall(SYS_getpid);
	await(&proof->go);
	read_all();
	_exit(0);
}

/* Two processes, one memory. */
static void sharing(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	if (clone(read_outside, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) > 0)
		sleeping();
}

static void begin_proof(long rounds)
{
	if (!proof)
		proof = mmap(NULL, sizeof(*proof), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(proof, MAP_FAILED);
	*proof = (struct proof){ .rounds = rounds };
}

static struct vt_group *make_clock(uint64_t rate)
{
	const struct vt_group_options options = { .rate = rate };
	static int turn;
	struct vt_group *g;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "reads%d", turn++);
	OK(vt_group_create(vt, own_name(prefix), &options, &g));
	return g;
}

/* A slow clock is behind the host's at once. */
static void put_into(struct vt_group *g, void (*body)(void))
{
	OK(vt_group_attach(g, spawn(body), VT_ATTACH_ALLOW_STEP));
}

static uint64_t rate_of(const char *text)
{
	uint64_t rate;

	OK(vt_parse_rate(text, &rate));
	return rate;
}

static void run_proof(uint64_t rate)
{
	struct vt_group *g = make_clock(rate);

	put_into(g, reading);
	pass_ms(20);
	proof->go = true;
	await(&proof->done);
	drop_group(g);
}

static void agrees_at(void **state)
{
	begin_proof(times("VT_READS", 2000));
	run_proof(rate_of(*state));
	if (proof->wrong[0])
		fail_msg("%s", proof->wrong);
}

static void too_early_is_seen(void **state)
{
	(void)state;
	begin_proof(times("VT_READS", 2000));
	proof->too_early = true;
	run_proof(VT_RATE_ONE);
	assert_true(proof->wrong[0]);
}

static void move_to_root(pid_t pid)
{
	struct vt_machine machine;
	char path[300];
	FILE *f;

	vt_probe(&machine);
	snprintf(path, sizeof(path), "%s/cgroup.procs", machine.cgroup_mount);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d", (int)pid);
	assert_int_equal(fclose(f), 0);
}

static void agrees_stopped(void **state)
{
	struct vt_group *g = make_clock(VT_RATE_ONE / 2);

	(void)state;
	begin_proof(times("VT_READS", 2000));
	proof->stands = true;
	put_into(g, sharing);
	await_reader();
	move_to_root(proof->reader);
	freeze_fully(g);
	proof->go = true;
	await(&proof->done);
	thaw_fully(g);
	drop_group(g);
	if (proof->wrong[0])
		fail_msg("%s", proof->wrong);
}

/* The same without the freeze: its clock runs, and that is seen. */
static void running_is_seen(void **state)
{
	(void)state;
	begin_proof(times("VT_READS", 2000));
	proof->stands = true;
	run_proof(VT_RATE_ONE);
	assert_true(proof->wrong[0]);
}

/* ---- moves ------------------------------------------------------------------------------------ */

static void reading_on_the_move(void)
{
	proof->reader = getpid();
	read_all();
	sleeping();
}

static void write_offsets(void)
{
	FILE *f = fopen("/proc/self/timens_offsets", "w");

	if (!f || fprintf(f, "monotonic 86400 7\nboottime 86400 7\n") < 0 || fclose(f))
		_exit(1);
}

/* Children are in the new time namespace. */
static void reading_in_a_namespace(void)
{
	if (unshare(CLONE_NEWTIME))
		_exit(1);
	write_offsets();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		reading_on_the_move();
	}
	sleeping();
}

/* A clock that has never stood is the host's, so nobody can tell when he joins or leaves. */
static void agrees_moving(void (*body)(void))
{
	struct vt_group *g = make_clock(VT_RATE_ONE);

	begin_proof(LONG_MAX);
	spawn(body);
	await_reader();
	for (long n = times("VT_MOVES", 50); n > 0 && !proof->done; n--) {
		OK(vt_group_attach(g, proof->reader, 0));
		move_to_root(proof->reader);
	}
	proof->stop = true;
	await(&proof->done);
	drop_group(g);
	if (proof->wrong[0])
		fail_msg("%s", proof->wrong);
}

static void agrees_in_and_out(void **state)
{
	(void)state;
	agrees_moving(reading_on_the_move);
}

static void agrees_in_and_out_of_a_namespace(void **state)
{
	(void)state;
	agrees_moving(reading_in_a_namespace);
}

/* ---- frozen time ------------------------------------------------------------------------------ */

/* Of any length, some so short that the tasks have not stopped when they are told to go on. */
static int64_t freeze_for_a_while(struct vt_group *g)
{
	long us = random() % 6000 - 1000;
	struct vt_group_rec books;

	OK(vt_group_freeze(g));
	if (us >= 0) {
		OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
		usleep((useconds_t)us);
	}
	OK(vt_group_thaw(g));
	books = books_of(g);
	assert_true(books.c_ns >= books.a_ns);
	return (int64_t)(books.c_ns - books.a_ns);
}

static void frozen_time_is_excluded(void **state)
{
	struct vt_group *g = make_clock(VT_RATE_ONE);
	int64_t lag_ns = 0;

	(void)state;
	put_into(g, spinning);
	put_into(g, sleeping);
	for (long n = times("VT_FREEZES", 50); n > 0; n--) {
		lag_ns += freeze_for_a_while(g);
		assert_int_equal(status_of(g).lag_ns, lag_ns);
		assert_int_equal(status_of(g).frozen_ns, lag_ns);
	}
	drop_group(g);
}

/* At another rate the lag is not made of freezes alone. */
static void other_lag_is_seen(void **state)
{
	struct vt_group *g = make_clock(VT_RATE_ONE - VT_RATE_ONE / 1000);
	int64_t frozen_ns;

	(void)state;
	put_into(g, sleeping);
	frozen_ns = freeze_for_a_while(g);
	assert_int_not_equal(status_of(g).lag_ns, frozen_ns);
	drop_group(g);
}

#define AT_RATE(rate) { "vDSO and system call agree at rate " rate, agrees_at, NULL, NULL, rate }

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_RATE("0.001"),
		AT_RATE("0.1"),
		AT_RATE("0.5"),
		AT_RATE("1"),
		AT_RATE("2"),
		AT_RATE("10"),
		AT_RATE("1000"),
		SENTENCE("vDSO and system call agree while the clock stands", agrees_stopped),
		SENTENCE("vDSO and system call agree for who joins and leaves", agrees_in_and_out),
		SENTENCE("and who has a time namespace", agrees_in_and_out_of_a_namespace),
		SENTENCE("control: a reading from before its bracket is seen", too_early_is_seen),
		SENTENCE("control: a clock that should stand and runs is seen", running_is_seen),
		SENTENCE("frozen time is excluded to the nanosecond", frozen_time_is_excluded),
		SENTENCE("control: a lag that is not frozen time is seen", other_lag_is_seen),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
