// SPDX-License-Identifier: MIT
/*
 * freeze [ROUNDS]: what it takes to freeze and thaw 1, 8 and 100 sleeping tasks, by vt and by hand.
 *
 * "By hand" is the plain path at its best: write to cgroup.freeze, read cgroup.events again and
 * again. Once as function calls, once as commands from exec to exit: against a program that does only
 * that, and against a shell that does it without starting other programs. vt is loaded all the time;
 * the plain cgroup is none of its groups.
 */
#include "groups.h"

#define ROUNDS 100
#define REST_US 500 /* for the tasks to be asleep again */

static const char shell_loop[] = "echo $2 >$1/cgroup.freeze; while :; do while read -r a; do "
				 "[ \"$a\" != \"frozen $2\" ] || exit 0; done <$1/cgroup.events; done";

enum side { VT, PLAIN, SHELL_LOOP, SIDES };
enum action { FREEZE, THAW, ACTIONS };

static struct samples us[SIDES][ACTIONS];

static void rest(void)
{
	pass_us(REST_US);
}

static double time_us(void (*f)(struct crew *c), struct crew *c)
{
	int64_t start_ns = now_ns();

	f(c);
	return (double)(now_ns() - start_ns) / 1000;
}

static void call(enum side side, struct crew *c)
{
	add(&us[side][FREEZE], time_us(freeze, c));
	rest();
	add(&us[side][THAW], time_us(thaw, c));
	rest();
}

static double command(enum side side, const struct crew *c, enum action action)
{
	const char *digit = action == FREEZE ? "1" : "0";

	if (side == VT)
		return COMMAND(built("vtctl"), action == FREEZE ? "freeze" : "thaw", c->name);
	if (side == PLAIN)
		return COMMAND(built("tests/bench/plain_freeze"), c->path, digit);
	return COMMAND("/bin/sh", "-c", shell_loop, "sh", c->path, digit);
}

static void run(enum side side, struct crew *c)
{
	add(&us[side][FREEZE], command(side, c, FREEZE));
	rest();
	add(&us[side][THAW], command(side, c, THAW));
	rest();
}

static void print(const char *how, int tasks, enum side against)
{
	static const char *const verbs[] = { "freeze", "thaw" };
	char what[64];

	for (int a = 0; a < ACTIONS; a++) {
		snprintf(what, sizeof(what), "%s %d, %s", verbs[a], tasks, how);
		pair(what, &us[VT][a], &us[against][a], a == FREEZE ? 1.20 : NO_TARGET);
	}
}

static void forget(void)
{
	for (int s = 0; s < SIDES; s++)
		for (int a = 0; a < ACTIONS; a++)
			drop(&us[s][a]);
}

static void measure(int tasks, int rounds)
{
	struct crew group = make_crew("group", true, tasks, sleeping);
	struct crew plain = make_crew("plain", false, tasks, sleeping);

	for (int i = 0; i < rounds; i++) {
		call(VT, &group);
		call(PLAIN, &plain);
	}
	print("library", tasks, PLAIN);
	forget();
	for (int i = 0; i < rounds; i++) {
		run(VT, &group);
		run(PLAIN, &plain);
		run(SHELL_LOOP, &plain);
	}
	print("command, C", tasks, PLAIN);
	print("command, sh", tasks, SHELL_LOOP);
	forget();
	end_crew(&group);
	end_crew(&plain);
}

static void bench(int rounds)
{
	static const int tasks[] = { 1, 8, 100 };

	load();
	title("freeze and thaw of sleeping tasks");
	heading("us", "vt", "by hand");
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		measure(tasks[i], rounds);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
