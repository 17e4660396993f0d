// SPDX-License-Identifier: MIT
/*
 * step [ROUNDS]: what a step of 1 ms takes over that 1 ms, for 8 sleeping and for 8 busy tasks.
 *
 * "By hand" is thaw, sleep for 1 ms, freeze, which lets the tasks run for longer than that: how much
 * longer is in the second line, while a step of vt is exact. The third line tells for how long tasks
 * ran with a clock that stood already.
 */
#include "groups.h"

#define ROUNDS 400
#define TASKS 8
#define STEP_NS 1000000
#define OVER_US 200 /* targets: of the median, of the 99th percentile */
#define STOOD_US 100

static struct samples over_us[2], excess_us[2], stood_us;

static void spinning(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

static double since_us(int64_t start_ns)
{
	return (double)(now_ns() - start_ns - STEP_NS) / 1000;
}

static int64_t ran_ns(struct crew *c)
{
	struct vt_status s;

	if (!c->g)
		return 0;
	ok(vt_group_status(c->g, &s));
	return s.virt.ns;
}

static double ran_on_us(struct crew *c)
{
	struct vt_status s;

	ok(vt_group_status(c->g, &s));
	return s.books.b_ns > s.books.a_ns ? (double)(s.books.b_ns - s.books.a_ns) / 1000 : 0;
}

static void step(struct crew *c)
{
	int64_t before_ns = ran_ns(c), start_ns = now_ns();

	ok(vt_clock_step(c->g, STEP_NS));
	add(&over_us[0], since_us(start_ns));
	add(&excess_us[0], (double)(ran_ns(c) - before_ns - STEP_NS) / 1000);
	add(&stood_us, ran_on_us(c));
}

static void by_hand(struct crew *c)
{
	const struct timespec t = { .tv_nsec = STEP_NS };
	int64_t start_ns = now_ns(), let_go_ns, told_ns;

	write_freeze(c, false);
	let_go_ns = now_ns();
	nanosleep(&t, NULL);
	told_ns = now_ns();
	freeze(c);
	add(&over_us[1], since_us(start_ns));
	add(&excess_us[1], (double)(told_ns - let_go_ns - STEP_NS) / 1000);
}

static const char *missed(double value, double target)
{
	return value > target ? ", missed" : "";
}

static void measure(const char *what, void (*body)(void), int rounds)
{
	struct crew group = make_crew("group", true, TASKS, body);
	struct crew plain = make_crew("plain", false, TASKS, body);
	char text[64];

	freeze(&group);
	freeze(&plain);
	for (int i = 0; i < rounds; i++) {
		step(&group);
		by_hand(&plain);
	}
	snprintf(text, sizeof(text), "8 %s tasks, over 1 ms", what);
	pair(text, &over_us[0], &over_us[1], NO_TARGET);
	printf("  %-34s %12d%s\n", "  target", OVER_US, missed(median(&over_us[0]), OVER_US));
	printf("  %-34s %12.2f %9.2f   %12.2f %9.2f\n", "  tasks' time beyond 1 ms", median(&excess_us[0]),
	       quantile(&excess_us[0], 0.99), median(&excess_us[1]), quantile(&excess_us[1], 0.99));
	printf("  %-34s %12.2f %9.2f   target: p99 %d%s\n", "  ran on with a clock that stood",
	       median(&stood_us), quantile(&stood_us, 0.99), STOOD_US,
	       missed(quantile(&stood_us, 0.99), STOOD_US));
	drop(&stood_us);
	for (int i = 0; i < 2; i++) {
		drop(&over_us[i]);
		drop(&excess_us[i]);
	}
	thaw(&group);
	thaw(&plain);
	end_crew(&group);
	end_crew(&plain);
}

static void bench(int rounds)
{
	load();
	if (!vt_has_clock(vt))
		die("this kernel has no virtual clocks");
	title("steps of 1 ms");
	heading("us", "vt", "by hand");
	measure("sleeping", sleeping, rounds);
	measure("busy", spinning, rounds);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
