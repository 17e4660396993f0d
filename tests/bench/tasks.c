// SPDX-License-Identifier: MIT
/*
 * tasks [ROUNDS]: recipe R1, shortened: N sleeping tasks frozen and let go again. How long the calls
 * take, and how long until all tasks have stopped (a to b, from the group's books); a plain cgroup
 * and a loop of SIGSTOP in turns with it, and what the ancestor reached with his handlers.
 */
#include "groups.h"

#define ROUNDS 64
#define PAUSE_US 1000

enum figure { CALL, A_TO_B, THAW, PLAIN_CALL, PLAIN_THAW, STOP_CALL, CONT_CALL, FIGURES };

static const char *const names[] = {
	"freeze, call", "freeze, a to b", "thaw, call", "plain freeze, call",
	"plain thaw, call", "SIGSTOP loop", "SIGCONT loop",
};

/* emb-vt's handlers on one board, us: pause, its deviation where known, resume */
static const struct {
	int tasks;
	const char *pause, *resume;
} ancestor[] = {
	{ 1, "44.9 +- 2.9", "36.2" }, { 2, "66.5", "52.6" }, { 4, "97.8", "79.8" },
	{ 8, "154.0", "128.7" }, { 16, "284.6 +- 14.2", "236.5" }, { 64, "-", "-" },
};

static struct samples us[FIGURES];
static int64_t since_ns;

static void begin(void)
{
	since_ns = now_ns();
}

static void end(enum figure f)
{
	add(&us[f], (double)(now_ns() - since_ns) / 1000);
}

static void freeze_group(struct crew *c)
{
	struct vt_status s;

	begin();
	ok(vt_group_freeze(c->g));
	end(CALL);
	ok(vt_group_wait(c->g, VT_FROZEN, PATIENCE_NS));
	ok(vt_group_status(c->g, &s));
	add(&us[A_TO_B], (double)(s.books.b_ns - s.books.a_ns) / 1000);
	pass_us(PAUSE_US);
	begin();
	ok(vt_group_thaw(c->g));
	end(THAW);
	ok(vt_group_wait(c->g, VT_RUNNING, PATIENCE_NS));
}

static void freeze_plain(struct crew *c)
{
	begin();
	write_freeze(c, true);
	end(PLAIN_CALL);
	wait_frozen(c, true);
	pass_us(PAUSE_US);
	begin();
	write_freeze(c, false);
	end(PLAIN_THAW);
	wait_frozen(c, false);
}

static void signal_all(const struct crew *c, int signal, enum figure f)
{
	begin();
	for (int i = 0; i < c->count; i++)
		kill(c->pids[i], signal);
	end(f);
}

static void stop_plain(struct crew *c)
{
	signal_all(c, SIGSTOP, STOP_CALL);
	pass_us(PAUSE_US);
	signal_all(c, SIGCONT, CONT_CALL);
}

static void print(size_t row)
{
	for (int f = 0; f < FIGURES; f++) {
		printf("  %5d  %-20s %9.1f %9.1f %9.1f %9.1f", ancestor[row].tasks, names[f], mean(&us[f]),
		       deviation(&us[f]), median(&us[f]), quantile(&us[f], 0.99));
		if (f == CALL || f == A_TO_B)
			printf("   %s", ancestor[row].pause);
		if (f == THAW)
			printf("   %s", ancestor[row].resume);
		putchar('\n');
		drop(&us[f]);
	}
	fflush(stdout);
}

static void measure(size_t row, int rounds)
{
	struct crew group = make_crew("tasks", true, ancestor[row].tasks, sleeping);
	struct crew plain = make_crew("plain", false, ancestor[row].tasks, sleeping);

	for (int i = 0; i < rounds; i++) {
		freeze_group(&group);
		pass_us(PAUSE_US);
		freeze_plain(&plain);
		pass_us(PAUSE_US);
		stop_plain(&plain);
		pass_us(PAUSE_US);
	}
	print(row);
	end_crew(&group);
	end_crew(&plain);
}

static void bench(int rounds)
{
	load();
	title("R1: freezing N sleeping tasks, us; the ancestor's handlers beside it");
	printf("  %5s  %-20s %9s %9s %9s %9s   %s\n", "tasks", "", "mean", "sd", "median", "p99", "ancestor");
	for (size_t row = 0; row < sizeof(ancestor) / sizeof(ancestor[0]); row++)
		measure(row, rounds);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
