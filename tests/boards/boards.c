// SPDX-License-Identifier: MIT
/*
 * Boards with a vtd each on one emulated wire (gpio-sim), in one machine. Needs a kernel of
 * kernel/config, and root. CYCLES, KILLS and STEPS in the environment make it longer.
 */
#include "board.h"

#define STEP_NS INT64_C(100000000)

/* ---- tests --------------------------------------------------------------------------------- */

static void whoever_freezes_freezes_all(void **state)
{
	(void)state;
	for (int i = 0; i < count; i++) {
		hold(&boards[i]);
		await_all(VT_FROZEN, "held");
		release(&boards[i]);
		await_all(VT_RUNNING, "released");
	}
}

static void the_last_lets_go(void **state)
{
	(void)state;
	hold(&boards[0]);
	hold(&boards[count - 1]);
	await_all(VT_FROZEN, "held by two");
	release(&boards[0]);
	pass_ms(300);
	await_all(VT_FROZEN, "still held by one");
	assert_non_null(strstr(ask(&boards[0], "read", "show\n"), "another board"));
	release(&boards[count - 1]);
	await_all(VT_RUNNING, "released by both");
}

static void a_plain_freeze_is_mirrored(void **state)
{
	(void)state;
	assert_int_equal(write_by_hand(boards[1].g, "cgroup.freeze", "1"), 0);
	await_all(VT_FROZEN, "frozen by hand");
	assert_int_equal(write_by_hand(boards[1].g, "cgroup.freeze", "0"), 0);
	await_all(VT_RUNNING, "thawed by hand");
}

static void a_thaw_by_hand_does_not_beat_the_wire(void **state)
{
	int64_t fights = value_of(&boards[1], "fights");

	(void)state;
	hold(&boards[0]);
	await_all(VT_FROZEN, "held");
	assert_int_equal(write_by_hand(boards[1].g, "cgroup.freeze", "0"), 0);
	pass_ms(300);
	await_all(VT_FROZEN, "frozen again");
	assert_int_equal(value_of(&boards[1], "fights"), fights + 1);
	release(&boards[0]);
	await_all(VT_RUNNING, "released");
}

/* All clocks have stopped, too: they do so a latch after the edge. */
static void begin_steps(struct board *b)
{
	if (!vt_has_clock(vt))
		skip();
	hold(b);
	await_all(VT_FROZEN, "held");
	pass_ms(2 * latch_us / 1000);
}

/* Others follow the wire: how far from the board that steps they have got. */
static int64_t apart_ns(const int64_t *start_ns)
{
	int64_t first_ns = status_of(boards[0].g).virt.ns - start_ns[0], ns, worst_ns = 0;

	for (int i = 1; i < count; i++) {
		ns = llabs(status_of(boards[i].g).virt.ns - start_ns[i] - first_ns);
		worst_ns = ns > worst_ns ? ns : worst_ns;
	}
	return worst_ns;
}

static void a_step_on_the_wire(void **state)
{
	int64_t start_ns[BOARDS_MAX] = { 0 }, before_ns, worst_ns = 0;
	long n = number("STEPS", 10);

	(void)state;
	begin_steps(&boards[0]);
	for (int i = 0; i < count; i++)
		start_ns[i] = status_of(boards[i].g).virt.ns;
	for (long i = 0; i < n; i++) {
		before_ns = status_of(boards[0].g).virt.ns;
		OK(vt_clock_step(boards[0].g, STEP_NS));
		assert_int_equal(status_of(boards[0].g).virt.ns - before_ns, STEP_NS);
		await_all(VT_FROZEN, "after a step");
		pass_ms(2 * latch_us / 1000);
		worst_ns = apart_ns(start_ns) > worst_ns ? apart_ns(start_ns) : worst_ns;
	}
	printf("# %ld steps of %d ms: at rest boards were up to %.1f us apart, at last %.1f us\n", n,
	       (int)(STEP_NS / 1000000), (double)worst_ns / 1e3, (double)apart_ns(start_ns) / 1e3);
	assert_true(worst_ns < 1000 * latch_us);
	assert_non_null(strstr(ask(&boards[0], "read", "show\n"), "\"kind\":\"step\""));
	assert_non_null(strstr(ask(&boards[1], "read", "show\n"), "another board"));
	must(&boards[0], "release step");
	await_all(VT_RUNNING, "after the steps");
}

/* The other's hold stops it where it is; then it goes on. */
static void a_step_that_is_interrupted(void **state)
{
	int64_t before_ns;
	struct vt_step *step;

	(void)state;
	begin_steps(&boards[0]);
	before_ns = status_of(boards[0].g).virt.ns;
	OK(vt_step_begin(&boards[0].g, 1, 10 * STEP_NS, &step));
	for (int i = 1; i < count; i++)
		OK(vt_group_wait(boards[i].g, VT_RUNNING, PATIENCE_NS));
	hold(&boards[1]);
	await_all(VT_FROZEN, "held by another in a step");
	assert_int_equal(vt_step_is_done(step), 0);
	release(&boards[1]);
	OK(vt_step_wait(step, PATIENCE_NS));
	vt_step_close(step);
	assert_int_equal(status_of(boards[0].g).virt.ns - before_ns, 10 * STEP_NS);
	await_all(VT_FROZEN, "after the step");
	must(&boards[0], "release step");
	await_all(VT_RUNNING, "after that");
}

static void a_cut_wire(void **state)
{
	int64_t faults = value_of(&boards[0], "faults");

	(void)state;
	wire->is_cut = true;
	hold(&boards[0]);
	OK(vt_group_wait(boards[0].g, VT_FROZEN, PATIENCE_NS));
	assert_int_equal(value_of(&boards[0], "faults"), faults + 1);
	assert_int_equal(status_of(boards[1].g).state, VT_RUNNING);
	wire->is_cut = false;
	await_all(VT_FROZEN, "mended");
	release(&boards[0]);
	await_all(VT_RUNNING, "released");
}

/* A vtd that is given this output and input says that and ends. */
static void is_refused(const char *output, const char *input, const char *says)
{
	struct board b = { .dir = "/run/vt-board-bad", .config = "/run/vt-board-bad.conf" };
	const char *path = "/run/vt-board-bad.err";
	char text[512] = "";
	int status;
	FILE *f = fopen(b.config, "we");

	assert_non_null(f);
	fprintf(f, "group bad {\n\toutput = { %s }\n\tinput = { %s }\n}\n", output, input);
	fclose(f);
	if (fork() == 0) {
		if (!freopen(path, "w", stderr))
			_exit(1);
		execl(vtd_path, "vtd", "--config", b.config, "--run", b.dir, NULL);
		_exit(127);
	}
	wait(&status);
	f = fopen(path, "re");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	if (!strstr(text, says) || !WIFEXITED(status) || WEXITSTATUS(status) != 1)
		fail_msg("it ends with %x and says '%s'", (unsigned int)status, text);
}

static void a_busy_line_is_named(void **state)
{
	(void)state;
	is_refused("vtwire, OUT0", "vtwire, \"1\"", "line 'OUT0' of chip 'vtwire': line busy (consumer 'vtd')");
}

/* The spare line is free. */
static void bad_lines_are_named(void **state)
{
	char spare[96];

	(void)state;
	snprintf(spare, sizeof(spare), "vtwire, \"%d\"", 2 * count);
	is_refused("nochip, \"1\"", spare, "line '1' of chip 'nochip': no such chip");
	is_refused("vtwire, \"99\"", spare, "line '99' of chip 'vtwire': the chip has no such line");
	is_refused("vtwire, NOLINE", spare, "line 'NOLINE' of chip 'vtwire': the chip has no such line");
	is_refused(spare, "vtwire, \"1\"", "line '1' of chip 'vtwire': line busy (consumer 'vtd')");
	is_refused(spare, spare, "is used twice");
	/* Under another name: it is our own by then. */
	snprintf(spare, sizeof(spare), "%s, \"%d\"", wire->chip, 2 * count);
	is_refused("vtwire, \"0\"", spare, "line busy");
}

static void one_cycle(void)
{
	struct board *first = any_board(), *second = random() % 4 ? first : any_board();

	hold(first);
	if (second != first)
		hold(second);
	await_all(VT_FROZEN, "in a cycle, held");
	usleep((useconds_t)(random() % (2 * latch_us)));
	release(first);
	if (second != first)
		release(second);
	await_all(VT_RUNNING, "in a cycle, released");
}

static void report(const char *what, long cycles)
{
	printf("# %s: %ld cycles on %d boards\n", what, cycles, count);
	printf("# emulated wire: %ld turns, %.1f us mean, %.1f us worst, inputs up to %.1f us apart\n",
	       wire->turns, (double)wire->sum_ns / 1e3 / (double)(wire->turns ? wire->turns : 1),
	       (double)wire->worst_ns / 1e3, (double)wire->spread_ns / 1e3);
	for (int i = 0; i < count; i++)
		printf("# board %d: worst %.1f us from edge to freeze written, wire %.6f s, frozen %.6f s, "
		       "overruns %lld, healed %lld\n", i, (double)value_of(&boards[i], "worst_ns") / 1e3,
		       (double)value_of(&boards[i], "wire_ns") / 1e9,
		       (double)value_of(&boards[i], "frozen_ns") / 1e9,
		       (long long)value_of(&boards[i], "overruns"),
		       (long long)value_of(&boards[i], "healed"));
}

/* How long the clock stood, by the kernel, minus how long the wire was asserted, by its edges. A clock
 * may still be waiting for the instant of its start. */
static int64_t out_of_step(int i)
{
	return status_of(boards[i].g).lag_ns - value_of(&boards[i], "wire_ns");
}

static void many_cycles(void **state)
{
	long cycles = number("CYCLES", 20);
	int64_t before[BOARDS_MAX] = { 0 }, start[BOARDS_MAX] = { 0 };
	int64_t drift_ns, lag_ns, least = INT64_MAX, most = 0;

	(void)state;
	/* Whoever was frozen by hand owes what he was ahead of the wire, until the next start. */
	one_cycle();
	pass_ms(500);
	for (int i = 0; i < count; i++) {
		before[i] = out_of_step(i);
		start[i] = status_of(boards[i].g).lag_ns;
	}
	for (long i = 0; i < cycles; i++)
		one_cycle();
	pass_ms(500);
	report("cycles", cycles);
	for (int i = 0; i < count && vt_has_clock(vt); i++) {
		drift_ns = out_of_step(i) - before[i];
		printf("# board %d: its clock has drifted from the wire by %lld ns in %ld cycles\n", i,
		       (long long)drift_ns, cycles);
		assert_true(llabs(drift_ns) <= 1000 * cycles);
		lag_ns = status_of(boards[i].g).lag_ns - start[i];
		least = lag_ns < least ? lag_ns : least;
		most = lag_ns > most ? lag_ns : most;
	}
	if (vt_has_clock(vt))
		printf("# clocks stood for %.6f s, on one board %.1f us longer than on another (by the emulated "
		       "wire's own edges)\n", (double)most / 1e9, (double)(most - least) / 1e3);
	for (int i = 0; i < count; i++) {
		assert_int_equal(value_of(&boards[i], "lost"), 0);
		assert_int_equal(value_of(&boards[i], "resyncs"), 0);
		assert_true(value_of(&boards[i], "edges") > 2 * cycles);
	}
}

/* Until everybody says what the wire says; holds of a board that died come back with it. */
static void kill_at_a_random_moment(void)
{
	struct board *holder = any_board(), *victim = any_board();

	hold(holder);
	usleep((useconds_t)(random() % 30000));
	kill_vtd(victim);
	usleep((useconds_t)(random() % 30000));
	if (victim != holder && random() % 2)
		release(holder);
	start_vtd(victim);
	await_vtd(victim);
	tell(holder, "release user");
	await_all(VT_RUNNING, "after kill and restart");
	assert_false(wire->level);
}

static void kills(void **state)
{
	long n = number("KILLS", 6);

	(void)state;
	for (long i = 0; i < n; i++)
		kill_at_a_random_moment();
	one_cycle();
	report("after kills", n);
}

static void an_initiator_dies(void **state)
{
	(void)state;
	hold(&boards[0]);
	await_all(VT_FROZEN, "held");
	kill_vtd(&boards[0]);
	for (int i = 1; i < count; i++)
		OK(vt_group_wait(boards[i].g, VT_RUNNING, PATIENCE_NS));
	assert_int_equal(status_of(boards[0].g).state, VT_FROZEN);
	start_vtd(&boards[0]);
	await_vtd(&boards[0]);
	await_all(VT_FROZEN, "after its restart");
	release(&boards[0]);
	await_all(VT_RUNNING, "released");
}

static void set_fifo(pid_t pid, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	assert_int_equal(sched_setscheduler(pid, priority ? SCHED_FIFO : SCHED_OTHER, &param), 0);
}

static void spinning_above_all(void)
{
	set_fifo(0, 10);
	spinning();
}

/* Its clocks step back: the group has been frozen before. */
static pid_t spawn_stepping_into(struct vt_group *g, void (*body)(void))
{
	pid_t pid = spawn(body);

	OK(vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP));
	return pid;
}

/* Wire, vtd and this test are above the members, everybody else is not; a vtd that is not either cannot
 * freeze them. What the kernel keeps of each second for others does not help that one: it has a real-time
 * priority as well. */
static void busy_members(void **state)
{
	pid_t spinners[16];
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	(void)state;
	assert_true(n > 0 && n <= 16);
	set_fifo(0, 50);
	put("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	for (long i = 0; i < n; i++)
		spinners[i] = spawn_stepping_into(boards[0].g, spinning_above_all);
	pass_ms(100);
	set_fifo(boards[0].vtd, 1);
	hold(&boards[1]);
	OK(vt_group_wait(boards[1].g, VT_FROZEN, PATIENCE_NS));
	assert_int_equal(vt_group_wait(boards[0].g, VT_FROZEN, SECOND_NS), -ETIMEDOUT);
	set_fifo(boards[0].vtd, 90);
	await_all(VT_FROZEN, "with busy members");
	for (long i = 0; i < n; i++)
		reap(spinners[i]);
	release(&boards[1]);
	await_all(VT_RUNNING, "without them");
	put("/proc/sys/kernel/sched_rt_runtime_us", "950000");
	set_fifo(0, 0);
}

/* With the wire cut until then, the edge comes while its vtd answers as many as it takes, who have asked
 * as much as a line of theirs may hold. */
static void many_who_ask(void **state)
{
	char request[4200];
	int asking[40];
	int64_t late_ns;

	(void)state;
	for (size_t i = 0; i < sizeof(request); i++)
		request[i] = "show\n"[i % 5];
	for (int i = 0; i < 40; i++)
		asking[i] = call(&boards[1], "read");
	wire->is_cut = true;
	hold(&boards[0]);
	kill(boards[1].vtd, SIGSTOP);
	assert_int_equal(waitpid(boards[1].vtd, NULL, WUNTRACED), boards[1].vtd);
	for (int i = 0; i < 40; i++)
		assert_int_equal(write(asking[i], request, sizeof(request)), sizeof(request));
	wire->is_cut = false;
	kill(boards[1].vtd, SIGCONT);
	await_all(VT_FROZEN, "while many ask");
	for (int i = 0; i < 40; i++)
		close(asking[i]);
	late_ns = value_of(&boards[1], "last_ns");
	printf("# while 40 ask: %.1f us from edge to freeze written\n", (double)late_ns / 1e3);
	release(&boards[0]);
	await_all(VT_RUNNING, "released");
	assert_true(late_ns < 1000 * latch_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("whoever freezes freezes all", whoever_freezes_freezes_all),
		SENTENCE("with two holds time goes on when the last lets go", the_last_lets_go),
		SENTENCE("a plain echo 1 > cgroup.freeze is mirrored", a_plain_freeze_is_mirrored),
		SENTENCE("a line that is busy is named with its consumer", a_busy_line_is_named),
		SENTENCE("so is one that is not there", bad_lines_are_named),
		SENTENCE("many cycles lose nothing", many_cycles),
		SENTENCE("a thaw by hand does not beat the wire", a_thaw_by_hand_does_not_beat_the_wire),
		SENTENCE("a step on one board is a step on all", a_step_on_the_wire),
		SENTENCE("a step that another board interrupts goes on to its end",
			 a_step_that_is_interrupted),
		SENTENCE("a board on a cut wire freezes alone, and all when it is mended", a_cut_wire),
		SENTENCE("when who holds dies others go on, and stop again with his restart", an_initiator_dies),
		SENTENCE("after kill -9 at random moments all agree", kills),
		SENTENCE("members that spin in real time on every CPU are frozen", busy_members),
		SENTENCE("an edge does not wait for those who ask", many_who_ask),
	};

	return run_boards("boards", tests, sizeof(tests) / sizeof(tests[0]));
}
