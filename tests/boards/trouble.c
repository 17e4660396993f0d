// SPDX-License-Identifier: MIT
/*
 * Boards on a bad wire: edges that are lost, doubled or heard of late, and glitches. TROUBLES in the
 * environment is how many of each.
 *
 * An edge is lost by taking it from vtd's own queue in the kernel, while vtd is stopped; it is late as
 * long as vtd is. All else is the wire's doing.
 */
#include "board.h"

#include <dirent.h>
#include <linux/gpio.h>
#include <poll.h>
#include <sys/syscall.h>

#define LATE_US 50000L
#define HEALED_WITHIN_MS (CHECK_MS + 20) /* 20 ms: for vtd and the test to get round to it */

static long stolen, rounds;
static int64_t worst_ns; /* from a hold or release to all having followed */

static void stop_vtd(const struct board *b)
{
	kill(b->vtd, SIGSTOP);
	assert_int_equal(waitpid(b->vtd, NULL, WUNTRACED), b->vtd);
}

static void continue_vtd(const struct board *b)
{
	kill(b->vtd, SIGCONT);
}

/* ---- lost edges ---------------------------------------------------------------------------- */

/* The number of vtd's input: the last line that it has opened. */
static int input_of(pid_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	int number = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, "anon_inode:gpio-line") == 0 && atoi(entry->d_name) > number)
			number = atoi(entry->d_name);
	}
	closedir(dir);
	assert_true(number >= 0);
	return number;
}

static int borrow_input(pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, process, input_of(pid), 0);

	assert_true(process >= 0 && fd >= 0);
	close(process);
	return fd;
}

/* The next edge that waits for a vtd that is stopped. */
static void steal_edge(const struct board *b)
{
	struct gpio_v2_line_event event;
	struct pollfd waiting = { .fd = borrow_input(b->vtd), .events = POLLIN };

	assert_int_equal(poll(&waiting, 1, (int)(PATIENCE_NS / 1000000)), 1);
	assert_int_equal(read(waiting.fd, &event, sizeof(event)), sizeof(event));
	close(waiting.fd);
	stolen++;
}

/* ---- rounds -------------------------------------------------------------------------------- */

/* Two different boards. */
static void choose(struct board **holder, struct board **victim)
{
	*holder = any_board();
	do
		*victim = any_board();
	while (*victim == *holder);
}

static void follow(enum vt_state state, const char *when, int64_t start_ns)
{
	await_all(state, when);
	if (real_ns() - start_ns > worst_ns)
		worst_ns = real_ns() - start_ns;
}

/* What is done to the victim at each turn, while it is stopped. */
static void turns(void (*trouble)(const struct board *victim))
{
	struct board *holder, *victim;
	int64_t start_ns;

	choose(&holder, &victim);
	for (int turn = 0; turn < 2; turn++) {
		stop_vtd(victim);
		if (turn)
			release(holder);
		else
			hold(holder);
		start_ns = real_ns();
		trouble(victim);
		continue_vtd(victim);
		follow(turn ? VT_RUNNING : VT_FROZEN, turn ? "released" : "held", start_ns);
	}
	rounds++;
}

static void be_late(const struct board *victim)
{
	(void)victim;
	usleep((useconds_t)(random() % LATE_US));
}

static int64_t sum_of(const char *key)
{
	int64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += value_of(&boards[i], key);
	return sum;
}

static void tell_worst(const char *what)
{
	printf("# %s: %ld rounds, all had followed after %.1f ms at most\n", what, rounds,
	       (double)worst_ns / 1e6);
	rounds = 0;
	worst_ns = 0;
}

/* Between clock and wire, as the board's own edges tell it. */
static int64_t out_of_step(int i)
{
	return status_of(boards[i].g).lag_ns - value_of(&boards[i], "wire_ns");
}

static void clean_cycle(void)
{
	hold(&boards[0]);
	await_all(VT_FROZEN, "in a clean cycle");
	pass_ms((int)(4 * LATE_US / 1000));
	release(&boards[0]);
	await_all(VT_RUNNING, "after a clean cycle");
	pass_ms(2 * latch_us / 1000);
}

/* Runs the rounds; whatever they did, clocks have stood for as long as the edges say. */
static void unharmed(const char *what, void (*one_round)(void))
{
	int64_t before_ns[BOARDS_MAX] = { 0 }, drift_ns, worst_drift_ns = 0;

	clean_cycle();
	for (int i = 0; i < count; i++)
		before_ns[i] = out_of_step(i);
	for (long i = 0; i < number("TROUBLES", 8); i++)
		one_round();
	tell_worst(what);
	clean_cycle();
	for (int i = 0; i < count && vt_has_clock(vt); i++) {
		drift_ns = llabs(out_of_step(i) - before_ns[i]);
		worst_drift_ns = drift_ns > worst_drift_ns ? drift_ns : worst_drift_ns;
	}
	printf("# %s: clocks and edges differ by %lld ns at most\n", what, (long long)worst_drift_ns);
	assert_true(worst_drift_ns <= 1000);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void a_late_round(void)
{
	turns(be_late);
}

static void late_edges(void **state)
{
	int64_t late = sum_of("late");

	(void)state;
	unharmed("late edges", a_late_round);
	assert_true(sum_of("late") > late);
}

static void measure_pulses(void)
{
	wire->shortest_pulse_ns = INT64_MAX;
	wire->longest_pulse_ns = 0;
}

/* In each round there are two turns and two jolts, which are edges on some boards at least. */
static void tell_edges(const char *what, int64_t before)
{
	int64_t edges = sum_of("edges") - before;

	printf("# %s: pulses of %.2f to %.1f us, %lld edges were seen\n", what,
	       (double)wire->shortest_pulse_ns / 1e3, (double)wire->longest_pulse_ns / 1e3, (long long)edges);
	assert_true(edges > 3L * count * number("TROUBLES", 8));
}

static void a_bouncing_round(void)
{
	struct board *b = any_board();

	wire->bounces = true;
	hold(b);
	follow(VT_FROZEN, "held", real_ns());
	release(b);
	follow(VT_RUNNING, "released", real_ns());
	wire->bounces = false;
	rounds++;
}

static void bouncing_edges(void **state)
{
	int64_t edges = sum_of("edges"), lost = sum_of("lost");

	(void)state;
	measure_pulses();
	unharmed("bounces", a_bouncing_round);
	tell_edges("bounces", edges);
	assert_int_equal(sum_of("lost"), lost);
}

/* At rest, and while all are frozen. */
static void a_glitch(void)
{
	wire->has_glitch = true;
	while (wire->has_glitch)
		usleep(1000);
	pass_ms(2 * latch_us / 1000);
}

static void a_round_with_glitches(void)
{
	struct board *b = any_board();

	a_glitch();
	follow(VT_RUNNING, "after a glitch", real_ns());
	hold(b);
	await_all(VT_FROZEN, "held");
	a_glitch();
	follow(VT_FROZEN, "after a glitch while held", real_ns());
	release(b);
	await_all(VT_RUNNING, "released");
	rounds++;
}

static void glitches(void **state)
{
	int64_t edges = sum_of("edges"), spurious = sum_of("spurious");

	(void)state;
	measure_pulses();
	unharmed("glitches", a_round_with_glitches);
	tell_edges("glitches", edges);
	printf("# glitches: %lld were counted as spurious\n", (long long)(sum_of("spurious") - spurious));
	assert_true(sum_of("spurious") > spurious);
}

/* The level tells, within the check interval. */
static void lost_edges(void **state)
{
	int64_t lost = sum_of("lost"), healed = sum_of("healed");

	(void)state;
	for (long i = 0; i < number("TROUBLES", 8); i++)
		turns(steal_edge);
	assert_true(worst_ns < INT64_C(1000000) * HEALED_WITHIN_MS);
	tell_worst("lost edges");
	clean_cycle();
	printf("# lost edges: %ld stolen, %lld counted as lost, %lld healed\n", stolen,
	       (long long)(sum_of("lost") - lost), (long long)(sum_of("healed") - healed));
	assert_int_equal(sum_of("lost") - lost, stolen);
	assert_int_equal(sum_of("healed") - healed, stolen);
}

/* Of a bounce the first edge: what comes is the fall of a wire that was low, and then the rise. */
static void doubled_edges(void **state)
{
	int64_t lost = sum_of("lost"), before = stolen;

	(void)state;
	wire->bounces = true;
	for (long i = 0; i < number("TROUBLES", 8); i++)
		turns(steal_edge);
	wire->bounces = false;
	tell_worst("doubled edges");
	clean_cycle();
	assert_int_equal(sum_of("lost") - lost, stolen - before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("edges that are heard of late leave no difference", late_edges),
		SENTENCE("edges that bounce leave none", bouncing_edges),
		SENTENCE("glitches leave none", glitches),
		SENTENCE("lost edges are counted, and healed within the check interval", lost_edges),
		SENTENCE("two edges the same way are one", doubled_edges),
	};

	return run_boards("trouble", tests, sizeof(tests) / sizeof(tests[0]));
}
