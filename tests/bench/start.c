// SPDX-License-Identifier: MIT
/* start [ROUNDS]: how long vtctl takes from exec to exit when there is little to do. */
#include "groups.h"

#define ROUNDS 200
#define TARGET_MS 5

static void compare(const char *what, const char *const *argv, int rounds)
{
	struct samples us = { 0 }, floor_us = { 0 };

	for (int i = 0; i < rounds; i++) {
		add(&us, time_command(argv));
		add(&floor_us, COMMAND("/bin/true"));
	}
	pair(what, &us, &floor_us, NO_TARGET);
	printf("  %-34s %12.2f ms, target %d ms%s\n", "", median(&us) / 1000, TARGET_MS,
	       median(&us) > TARGET_MS * 1000 ? ", missed" : "");
	drop(&us);
	drop(&floor_us);
}

static void bench(int rounds)
{
	struct crew c;

	load();
	c = make_crew("start", true, 1, sleeping);
	title("start to exit");
	heading("us", "vtctl", "/bin/true");
	compare("vtctl list", (const char *const[]){ built("vtctl"), "list", NULL }, rounds);
	compare("vtctl show -j GROUP", (const char *const[]){ built("vtctl"), "show", "-j", c.name, NULL },
		rounds);
	compare("vtctl --version", (const char *const[]){ built("vtctl"), "--version", NULL }, rounds);
	end_crew(&c);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
