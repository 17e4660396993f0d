// SPDX-License-Identifier: MIT
/*
 * timers [ROUNDS]: what it costs to wait in a group at rate 1, against a plain cgroup, in turns; and
 * what it costs to stop, start and turn a clock for which many timers are armed.
 *
 * The waiters sit in both places all the time; each is told when it is its turn.
 */
#include "groups.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#define ROUNDS 200
#define WAITS 200 /* of each kind in one turn */
#define FAR_S 1000000

static void wait_timerfd(void)
{
	static int fd = -1;
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	uint64_t times;

	if (fd < 0)
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (timerfd_settime(fd, 0, &soon, NULL) || read(fd, &times, sizeof(times)) != sizeof(times))
		die("cannot wait for a timerfd: %s", strerror(errno));
}

static void wait_poll(void)
{
	const struct timespec soon = { .tv_nsec = 1 };

	if (ppoll(NULL, 0, &soon, NULL))
		die("cannot poll: %s", strerror(errno));
}

static void wait_nanosleep(void)
{
	const struct timespec soon = { .tv_nsec = 1 };

	if (nanosleep(&soon, NULL))
		die("cannot sleep: %s", strerror(errno));
}

static struct {
	const char *name;
	void (*wait)(void);
	struct samples us[2]; /* in the group, outside */
} kinds[] = {
	{ "timerfd: arm, expire, read", wait_timerfd, { { 0 } } },
	{ "ppoll", wait_poll, { { 0 } } },
	{ "nanosleep", wait_nanosleep, { { 0 } } },
};

#define KINDS ((unsigned char)(sizeof(kinds) / sizeof(kinds[0])))

static int turn[2], told[2]; /* pipes: which kind, and how long it took */

static void answer_turns(void)
{
	unsigned char kind;
	int64_t ns;

	pin_to_cpu(0);
	prctl(PR_SET_TIMERSLACK, 1);
	while (read(turn[0], &kind, 1) == 1) {
		ns = now_ns();
		for (int i = 0; i < WAITS; i++)
			kinds[kind].wait();
		ns = now_ns() - ns;
		if (write(told[1], &ns, sizeof(ns)) != sizeof(ns))
			return;
	}
}

struct waiter {
	struct crew crew;
	int ask, answer;
};

static struct waiter make_waiter(bool is_group)
{
	struct waiter w;

	if (pipe2(turn, O_CLOEXEC) || pipe2(told, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	w.crew = make_crew("waiter", is_group, 1, answer_turns);
	w.ask = turn[1];
	w.answer = told[0];
	close(turn[0]);
	close(told[1]);
	return w;
}

static double take_turn(const struct waiter *w, unsigned char kind)
{
	int64_t ns;

	if (write(w->ask, &kind, 1) != 1 || read(w->answer, &ns, sizeof(ns)) != sizeof(ns))
		die("a waiter has died");
	return (double)ns / 1e3 / WAITS;
}

static void bench_waits(int rounds)
{
	struct waiter w[2] = { make_waiter(true), make_waiter(false) };

	for (int i = 0; i < rounds; i++)
		for (unsigned char kind = 0; kind < KINDS; kind++)
			for (int k = 0; k < 2; k++)
				add(&kinds[kind].us[(i + k) % 2], take_turn(&w[(i + k) % 2], kind));
	for (int k = 0; k < 2; k++)
		end_crew(&w[k].crew);
	title("timers: to wait for 1 ns");
	heading("us", "in a group", "outside");
	for (unsigned char kind = 0; kind < KINDS; kind++)
		pair(kinds[kind].name, &kinds[kind].us[0], &kinds[kind].us[1], 1.10);
}

static int armed;

static void sleep_with_timers(void)
{
	const struct rlimit limit = { .rlim_cur = 20000, .rlim_max = 20000 };
	struct itimerspec far = { .it_value = { .tv_sec = FAR_S } };

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < armed; i++) {
		far.it_value.tv_nsec = i;
		if (timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &far, NULL))
			die("cannot arm timer %d: %s", i, strerror(errno));
	}
	sleeping();
}

static double time_us(int (*call)(struct vt_group *g, uint64_t rate), struct vt_group *g, uint64_t rate)
{
	int64_t start_ns = now_ns();

	ok(call(g, rate));
	return (double)(now_ns() - start_ns) / 1e3;
}

static int stop_and_start(struct vt_group *g, uint64_t rate)
{
	(void)rate;
	ok(vt_group_freeze(g));
	ok(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
	ok(vt_group_thaw(g));
	return vt_group_wait(g, VT_RUNNING, PATIENCE_NS);
}

static void bench_armed(int rounds, int count)
{
	struct samples stop = { 0 }, rate = { 0 };
	struct crew c;

	armed = count;
	c = make_crew("armed", true, 0, NULL);
	c.pids[c.count++] = start(sleep_with_timers);
	put_in(&c, c.pids[0]);
	pass_us(100000 + count * (is_emulated() ? 100 : 10));
	for (int i = 0; i < rounds; i++) {
		add(&stop, time_us(stop_and_start, c.g, 0));
		add(&rate, time_us(vt_group_set_rate, c.g, i % 2 ? VT_RATE_ONE : 2 * VT_RATE_ONE));
	}
	end_crew(&c);
	printf("  %6d %12.2f %9.2f   %12.2f %9.2f\n", count, median(&stop), quantile(&stop, 0.99),
	       median(&rate), quantile(&rate, 0.99));
	drop(&stop);
	drop(&rate);
}

static void bench(int rounds)
{
	if (!here.has_clock) {
		puts("\ntimers: nothing to compare, this kernel has no virtual clocks");
		return;
	}
	load();
	bench_waits(rounds);
	title("timers: to stop and start, and to turn, a clock with timers armed; should not grow");
	printf("  %6s %12s %9s   %12s %9s\n", "armed", "freeze+thaw", "p99", "rate", "p99");
	for (int count = 0; count <= 10000; count = count ? 10 * count : 1000)
		bench_armed(rounds, count);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
