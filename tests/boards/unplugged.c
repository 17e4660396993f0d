// SPDX-License-Identifier: MIT
/*
 * A chip that is taken away while a vtd has lines of it, as one on USB may be. Kernels complain of that
 * themselves, when gpio-sim's interrupts are freed a second time.
 */
#include "board.h"

/* In clock ticks */
static long cpu_time_of(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	get(path, text, sizeof(text));
	assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
				&system), 2);
	return (long)(user + system);
}

static void a_chip_that_goes(void **state)
{
	long ticks;

	(void)state;
	hold(&boards[0]);
	await_all(VT_FROZEN, "held");
	cut_off();
	for (int i = 1; i < count; i++)
		OK(vt_group_wait(boards[i].g, VT_RUNNING, PATIENCE_NS));
	ticks = cpu_time_of(boards[1].vtd);
	pass_ms(1000);
	assert_true(cpu_time_of(boards[1].vtd) - ticks < sysconf(_SC_CLK_TCK) / 10);
	assert_int_equal(status_of(boards[0].g).state, VT_FROZEN);
	release(&boards[0]);
	OK(vt_group_wait(boards[0].g, VT_RUNNING, PATIENCE_NS));
	hold(&boards[1]);
	OK(vt_group_wait(boards[1].g, VT_FROZEN, PATIENCE_NS));
	release(&boards[1]);
	await_all(VT_RUNNING, "each by itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("when their chip goes boards go on without a wire", a_chip_that_goes),
	};

	return run_boards("unplugged", tests, sizeof(tests) / sizeof(tests[0]));
}
