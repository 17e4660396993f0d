// SPDX-License-Identifier: MIT
/*
 * instant [ROUNDS]: from write(cgroup.freeze) to the instant at which the clock stands, for 1, 8 and
 * 100 sleeping tasks, against the same write on a kernel without programs of vt's.
 *
 * The plain side stops no clock: it is the whole of its write() that both lines are compared with, in
 * which all tasks are told to stop. The second line is the whole of vt's write(), books included. In
 * turns, each with vt loaded or unloaded anew.
 */
#include "groups.h"

#define ROUNDS 200
#define TURNS 4
#define REST_US 500 /* for the tasks to be asleep again */

static struct samples stopped_us, returned_us, plain_us;

static double us_between(int64_t start_ns, int64_t end_ns)
{
	return (double)(end_ns - start_ns) / 1000;
}

static int64_t stopped_at_ns(const struct crew *c)
{
	struct vt_status s;

	ok(vt_group_status(c->g, &s));
	return (int64_t)s.books.a_ns;
}

static void freeze_once(const struct crew *c, struct samples *returned)
{
	int64_t start_ns = now_ns();

	write_freeze(c, true);
	add(returned, us_between(start_ns, now_ns()));
	wait_frozen(c, true);
	if (c->g)
		add(&stopped_us, us_between(start_ns, stopped_at_ns(c)));
	write_freeze(c, false);
	wait_frozen(c, false);
	pass_us(REST_US);
}

static void turn(bool with_vt, int tasks, int rounds)
{
	struct crew c;

	if (with_vt)
		load();
	c = make_crew(with_vt ? "group" : "plain", with_vt, tasks, sleeping);
	for (int i = 0; i < rounds; i++)
		freeze_once(&c, with_vt ? &returned_us : &plain_us);
	end_crew(&c);
	if (with_vt)
		unload();
}

static void measure(int tasks, int rounds)
{
	char what[64];

	for (int i = 0; i < TURNS; i++)
		turn(i % 2, tasks, rounds / (TURNS / 2) + 1);
	snprintf(what, sizeof(what), "%d tasks, the clock stands", tasks);
	pair(what, &stopped_us, &plain_us, 1.05);
	snprintf(what, sizeof(what), "%d tasks, write() returns", tasks);
	pair(what, &returned_us, &plain_us, NO_TARGET);
	drop(&stopped_us);
	drop(&returned_us);
	drop(&plain_us);
}

static void bench(int rounds)
{
	static const int tasks[] = { 1, 8, 100 };

	title("from write(cgroup.freeze) on");
	heading("us", "vt", "plain");
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		measure(tasks[i], rounds);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
