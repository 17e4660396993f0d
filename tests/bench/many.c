// SPDX-License-Identifier: MIT
/*
 * many [ROUNDS]: recipe R2, shortened: one freeze and thaw of many groups with a sleeping task each,
 * against as many plain cgroups, and what DSSnet needs for one of so many hosts.
 */
#include "groups.h"

#define ROUNDS 40
#define REST_US 1000
#define GROUPS_MAX 100

static const struct {
	int groups;
	const char *dssnet;
} rows[] = { { 1, "24.8" }, { 10, "-" }, { 50, "-" }, { 100, "34.4" } };

/* Each is asked first and waited for then, so that they stop side by side. */
static void freeze_groups(struct crew *c, int n)
{
	for (int i = 0; i < n; i++)
		ok(vt_group_freeze(c[i].g));
	for (int i = 0; i < n; i++)
		ok(vt_group_wait(c[i].g, VT_FROZEN, PATIENCE_NS));
	for (int i = 0; i < n; i++)
		ok(vt_group_thaw(c[i].g));
	for (int i = 0; i < n; i++)
		ok(vt_group_wait(c[i].g, VT_RUNNING, PATIENCE_NS));
}

static void freeze_plain(struct crew *c, int n)
{
	for (int state = 1; state >= 0; state--) {
		for (int i = 0; i < n; i++)
			write_freeze(&c[i], state);
		for (int i = 0; i < n; i++)
			wait_frozen(&c[i], state);
	}
}

static double time_ms(void (*f)(struct crew *c, int n), struct crew *c, int n)
{
	int64_t start_ns = now_ns();

	f(c, n);
	return (double)(now_ns() - start_ns) / 1e6;
}

static struct crew make_one(const char *kind, int i, bool is_group)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%d", kind, i);
	return make_crew(name, is_group, 1, sleeping);
}

static void measure(size_t row, int rounds)
{
	static struct crew group[GROUPS_MAX], plain[GROUPS_MAX];
	struct samples ms = { 0 }, plain_ms = { 0 };
	int n = rows[row].groups;

	for (int i = 0; i < n; i++) {
		group[i] = make_one("many", i, true);
		plain[i] = make_one("plain", i, false);
	}
	for (int i = 0; i < rounds; i++) {
		add(&ms, time_ms(freeze_groups, group, n));
		pass_us(REST_US);
		add(&plain_ms, time_ms(freeze_plain, plain, n));
		pass_us(REST_US);
	}
	for (int i = 0; i < n; i++) {
		end_crew(&group[i]);
		end_crew(&plain[i]);
	}
	printf("  %6d %9.3f %9.3f %9.3f %9.3f %12.3f %9.3f   %6.3f   %s\n", n, mean(&ms), deviation(&ms),
	       median(&ms), quantile(&ms, 0.99), median(&plain_ms), quantile(&plain_ms, 0.99),
	       median(&ms) / median(&plain_ms), rows[row].dssnet);
	fflush(stdout);
	drop(&ms);
	drop(&plain_ms);
}

static void bench(int rounds)
{
	load();
	title("R2: one freeze and thaw of many groups, ms; DSSnet: 24.8 for 1 host, 70.5 +- 16.8 for 500");
	printf("  %6s %9s %9s %9s %9s %12s %9s   %6s   %s\n", "groups", "mean", "sd", "median", "p99",
	       "plain median", "p99", "ratio", "DSSnet");
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		measure(row, rounds);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
