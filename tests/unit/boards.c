// SPDX-License-Identifier: MIT
/*
 * Boards in step: the state machine of vtd, two and four of them on one simulated wire, through
 * everything that wires, edges, people and kill -9 do to them.
 */
#include "boards.h"

#define CYCLES 10000

static struct sim sim;

static void report(const char *what)
{
	struct vt_board_counters sum = { 0 };

	for (int i = 0; i < sim.count; i++) {
		const struct vt_board_counters *c = &sim.boards[i].b.counters;

		sum.lost += c->lost;
		sum.spurious += c->spurious;
		sum.late += c->late;
		sum.healed += c->healed;
		sum.overruns += c->overruns;
		sum.resyncs += c->resyncs;
	}
	printf("# %s: %lu turns of the wire; %lu edges dropped, %lu doubled, %lu delayed; %lu glitches, "
	       "%lu kills\n# counted: lost %lu, spurious %lu, late %lu, healed %lu, overruns %lu, "
	       "resyncs %lu\n", what, sim.turns, sim.dropped, sim.doubled, sim.delayed, sim.glitches,
	       sim.kills, (unsigned long)sum.lost, (unsigned long)sum.spurious, (unsigned long)sum.late,
	       (unsigned long)sum.healed, (unsigned long)sum.overruns, (unsigned long)sum.resyncs);
}

static struct sim_board *any_board(void)
{
	return &sim.boards[rng_below((uint64_t)sim.count)];
}

static bool agrees(const struct sim_board *s)
{
	return s->frozen == sim.level && s->b.wire == sim.level && s->b.frozen == s->frozen;
}

static int first_disagreeing(void)
{
	for (int i = 0; i < sim.count; i++)
		if (sim.boards[i].is_alive && !agrees(&sim.boards[i]))
			return i;
	return -1;
}

/* After the wire has been quiet for an interval every daemon that lives says what the level says, but
 * for one that makes up for an edge it has missed: it is given as long again. */
static int disagreeing(void)
{
	int i;

	pass(&sim, 250 * MS + 60 * MS);
	i = first_disagreeing();
	if (i < 0 || sim.level || vt_board_start_at(&sim.boards[i].b, sim.now_ns) <= sim.now_ns)
		return i;
	pass(&sim, 250 * MS);
	return first_disagreeing();
}

static void assert_agreement(const char *when)
{
	int i = disagreeing();
	const struct sim_board *s = &sim.boards[i < 0 ? 0 : i];

	if (i >= 0)
		fail_msg("%s: board %d: frozen %d, thinks %d, wire %d, level %d; to stand for %lld ns",
			 when, i, s->frozen, s->b.frozen, s->b.wire, sim.level,
			 (long long)(vt_board_start_at(&s->b, sim.now_ns) - sim.now_ns));
}

static void trouble_in_between(void)
{
	struct sim_board *s = any_board();

	if (one_in(sim.trouble.glitch))
		glitch(&sim);
	if (one_in(sim.trouble.by_hand))
		by_hand(&sim, s, rng() & 1);
	if (one_in(sim.trouble.kill) && s->is_alive)
		die(&sim, s);
	else if (!s->is_alive && (rng() & 1))
		restart(&sim, s);
}

static void wait_a_while(void)
{
	pass(&sim, INT64_C(2) * VT_GLITCH_NS + (int64_t)rng_below((uint64_t)(rng() & 1 ? 2 * MS : 300 * US)));
	trouble_in_between();
}

static void one_cycle(void)
{
	struct sim_board *first = any_board(), *second = any_board();
	bool both = one_in(300);

	hold(&sim, first);
	if (both && (rng() & 1))
		wait_a_while();
	if (both)
		hold(&sim, second);
	wait_a_while();
	release(&sim, first);
	if (both && (rng() & 1))
		wait_a_while();
	release(&sim, second);
	wait_a_while();
}

static void everybody_lets_go(void)
{
	for (int i = 0; i < sim.count; i++) {
		if (!sim.boards[i].is_alive)
			restart(&sim, &sim.boards[i]);
		release(&sim, &sim.boards[i]);
		vt_board_release(&sim.boards[i].b, VT_HOLD_STEP);
	}
	assert_agreement("after all have let go");
	assert_false(sim.level);
	for (int i = 0; i < sim.count; i++)
		assert_false(sim.boards[i].frozen);
}

static void run_cycles(int boards, int cycles, const struct trouble *trouble)
{
	sim_start(&sim, boards, trouble);
	for (int i = 0; i < cycles; i++) {
		one_cycle();
		if (i % 16 == 0)
			assert_agreement("in the middle");
	}
	everybody_lets_go();
}

/* With nothing in the way, twice: what is owed is paid then. */
static void clean_cycles(void)
{
	sim.trouble = (struct trouble){ 0 };
	for (int i = 0; i < 2; i++) {
		hold(&sim, &sim.boards[0]);
		pass(&sim, 400 * MS);
		release(&sim, &sim.boards[0]);
		assert_agreement("in a clean cycle");
	}
}

static void assert_equal_totals(void)
{
	for (int i = 1; i < sim.count; i++)
		if (sim.boards[i].total_ns != sim.boards[0].total_ns)
			fail_msg("board %d was frozen for %lld ns, board 0 for %lld ns", i,
				 (long long)sim.boards[i].total_ns,
				 (long long)sim.boards[0].total_ns);
	assert_int_equal(sim.boards[0].total_ns, sim.boards[0].b.wire_ns);
}

static void undisturbed(int boards)
{
	struct vt_board_counters *c;

	run_cycles(boards, CYCLES, &(struct trouble){ 0 });
	report("undisturbed");
	clean_cycles();
	assert_equal_totals();
	for (int i = 0; i < boards; i++) {
		c = &sim.boards[i].b.counters;
		assert_int_equal(c->edges, sim.turns);
		assert_int_equal(c->lost + c->spurious + c->late + c->overruns + c->faults + c->fights, 0);
	}
}

static void two_undisturbed(void **state)
{
	(void)state;
	undisturbed(2);
}

static void four_undisturbed(void **state)
{
	(void)state;
	undisturbed(4);
}

static void no_edge_is_lost(void **state)
{
	(void)state;
	run_cycles(4, CYCLES, &(struct trouble){ .twice = 10, .delay = 50, .glitch = 50 });
	report("doubled, delayed, glitches");
	clean_cycles();
	assert_equal_totals();
}

static void frozen_by_hand(void **state)
{
	(void)state;
	run_cycles(4, CYCLES, &(struct trouble){ .by_hand = 100 });
	report("frozen and thawed by hand");
	clean_cycles();
	assert_equal_totals();
}

static void edges_are_lost(void **state)
{
	unsigned long lost = 0;

	(void)state;
	run_cycles(4, CYCLES, &(struct trouble){ .drop = 10, .twice = 10, .delay = 10, .glitch = 20 });
	report("dropped, doubled, delayed, glitches");
	clean_cycles();
	for (int i = 0; i < sim.count; i++)
		lost += sim.boards[i].b.counters.lost;
	assert_int_equal(lost, sim.dropped);
}

static void daemons_are_killed(void **state)
{
	(void)state;
	run_cycles(4, CYCLES, &(struct trouble){ .kill = 70 });
	report("kill -9");
	assert_true(sim.kills > 1000);
	clean_cycles();
}

static void everything_at_once(void **state)
{
	const struct trouble all = { 10, 10, 20, 20, 30, 50 };

	(void)state;
	for (int boards = 1; boards <= BOARDS_MAX; boards++) {
		run_cycles(boards, CYCLES / 2, &all);
		report("everything");
		clean_cycles();
	}
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* By how much clocks that stand differ. */
static int64_t apart_ns(void)
{
	int64_t least = INT64_MAX, most = INT64_MIN;

	for (int i = 0; i < sim.count; i++) {
		const struct sim_board *s = &sim.boards[i];
		int64_t stood_ns = s->total_ns - s->stop_ns;

		assert_true(s->frozen);
		least = stood_ns < least ? stood_ns : least;
		most = stood_ns > most ? stood_ns : most;
	}
	return most - least;
}

static void one_step(struct sim_board *s, int64_t length_ns)
{
	int64_t virtual_ns = s->stop_ns - s->total_ns;

	step_by_hand(&sim, s, length_ns);
	assert_agreement("after a step");
	assert_int_equal(s->stop_ns - s->total_ns - virtual_ns, length_ns);
	assert_true(s->b.holds[VT_HOLD_STEP].on);
	assert_string_equal(s->b.holds[VT_HOLD_STEP].owner, "stepper");
	assert_false(s->b.holds[VT_HOLD_USER].on);
}

/* Others follow the wire: they are off by as much as the daemon that drives it is late. */
static void stepping(int boards)
{
	int64_t ns, worst_ns = 0;

	sim_start(&sim, boards, &(struct trouble){ 0 });
	hold(&sim, &sim.boards[0]);
	assert_agreement("held");
	for (int i = 0; i < CYCLES; i++) {
		one_step(&sim.boards[0], 2 * MS + (int64_t)rng_below(20 * MS));
		ns = apart_ns();
		worst_ns = ns > worst_ns ? ns : worst_ns;
	}
	printf("# %d boards, %d steps of one: at rest clocks were up to %lld ns apart, at last %lld ns\n",
	       boards, CYCLES, (long long)worst_ns, (long long)apart_ns());
	assert_true(worst_ns <= 100 * US);
	vt_board_release(&sim.boards[0].b, VT_HOLD_STEP);
	settle(&sim, &sim.boards[0]);
	assert_agreement("released");
	clean_cycles();
	assert_equal_totals();
}

static void steps(void **state)
{
	(void)state;
	stepping(2);
	stepping(4);
}

static void a_step_is_interrupted(void **state)
{
	struct sim_board *s = &sim.boards[0];
	int64_t virtual_ns;

	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	hold(&sim, s);
	assert_agreement("held");
	virtual_ns = s->stop_ns - s->total_ns;
	step_by_hand(&sim, s, 20 * MS);
	pass(&sim, 5 * MS);
	hold(&sim, &sim.boards[1]);
	assert_agreement("held by the other");
	assert_true(s->frozen && s->stop_ns - s->total_ns - virtual_ns < 10 * MS);
	assert_false(vt_board_drives(&s->b));
	release(&sim, &sim.boards[1]);
	assert_agreement("after the step");
	assert_int_equal(s->stop_ns - s->total_ns - virtual_ns, 20 * MS);
	assert_true(s->b.holds[VT_HOLD_STEP].on);
	assert_true(apart_ns() <= 100 * US);
}

static void an_end_that_is_taken_away(void **state)
{
	struct vt_board b;
	int64_t now = 1000 * MS;

	(void)state;
	vt_board_init(&b, &sim_config, now);
	vt_board_will_end(&b, "stepper", now + 10 * MS);
	assert_int_equal(vt_board_step_due(&b), now + 10 * MS - LATCH);
	vt_board_will_end(&b, NULL, 0);
	assert_int_equal(vt_board_step_due(&b), INT64_MAX);
	vt_board_will_end(&b, "stepper", INT64_MAX);
	assert_true(vt_board_step_due(&b) > now);
	/* Nobody freezes it where it should have been: the wire does. */
	vt_board_will_end(&b, "stepper", now + 10 * MS);
	vt_board_hold(&b, VT_HOLD_STEP, "stepper", now + 10 * MS - LATCH);
	vt_board_edge(&b, 1, true, now + 10 * MS - LATCH, now + 10 * MS);
	assert_false(vt_board_stands(&b, now + 11 * MS));
	assert_true(vt_board_stands(&b, now + 10 * MS + CHECK));
}

/* ---- controls ------------------------------------------------------------------------------ */

/* The ancestor: edges and nothing else. */
static void edges_alone(void **state)
{
	int i, found = -1;

	(void)state;
	sim_config.check_ns = MS * 3600 * 1000;
	sim_start(&sim, 4, &(struct trouble){ .drop = 10 });
	for (i = 0; i < CYCLES && found < 0; i++) {
		one_cycle();
		if (i % 16 == 0)
			found = disagreeing();
	}
	sim_config.check_ns = CHECK;
	assert_true(found >= 0);
}

/* The ancestor again: what the software's delays differ by adds up. */
static void without_instants(void **state)
{
	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	sim.naive = true;
	for (int i = 0; i < CYCLES; i++)
		one_cycle();
	everybody_lets_go();
	assert_int_not_equal(sim.boards[0].total_ns, sim.boards[1].total_ns);
}

/* ---- single steps -------------------------------------------------------------------------- */

static void the_dead_hold_nobody(void **state)
{
	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	hold(&sim, &sim.boards[0]);
	assert_agreement("held");
	assert_true(sim.boards[1].frozen);
	die(&sim, &sim.boards[0]);
	assert_agreement("after its death");
	assert_false(sim.boards[1].frozen);
	assert_true(sim.boards[0].frozen);
	restart(&sim, &sim.boards[0]);
	assert_agreement("after its restart");
	assert_true(sim.boards[1].frozen);
	assert_true(sim.boards[0].b.holds[VT_HOLD_USER].on);
	assert_string_equal(sim.boards[0].b.holds[VT_HOLD_USER].owner, "test");
	everybody_lets_go();
}

static void a_follower_dies_frozen(void **state)
{
	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	hold(&sim, &sim.boards[0]);
	assert_agreement("held");
	die(&sim, &sim.boards[1]);
	release(&sim, &sim.boards[0]);
	assert_agreement("released");
	assert_true(sim.boards[1].frozen);
	restart(&sim, &sim.boards[1]);
	assert_agreement("restarted");
	assert_false(sim.boards[1].frozen);
}

static void frozen_while_nobody_watched(void **state)
{
	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	die(&sim, &sim.boards[0]);
	by_hand(&sim, &sim.boards[0], true);
	pass(&sim, 10 * MS);
	restart(&sim, &sim.boards[0]);
	assert_agreement("restarted");
	assert_true(sim.boards[0].frozen);
	assert_true(sim.boards[1].frozen);
	by_hand(&sim, &sim.boards[0], false);
	assert_agreement("thawed by hand");
	assert_false(sim.boards[1].frozen);
}

static void thawed_against_the_wire(void **state)
{
	(void)state;
	sim_start(&sim, 2, &(struct trouble){ 0 });
	hold(&sim, &sim.boards[0]);
	assert_agreement("held");
	by_hand(&sim, &sim.boards[1], false);
	assert_agreement("thawed by hand");
	assert_true(sim.boards[1].frozen);
	assert_int_equal(sim.boards[1].b.counters.fights, 1);
	everybody_lets_go();
	clean_cycles();
	assert_equal_totals();
}

static void a_broken_wire(void **state)
{
	struct vt_board b;
	int64_t now = 1000 * MS;

	(void)state;
	vt_board_init(&b, &sim_config, now);
	vt_board_hold(&b, VT_HOLD_USER, "test", now);
	assert_true(vt_board_drives(&b));
	assert_false(vt_board_stands(&b, now));
	vt_board_check(&b, false, now + CHECK);
	assert_true(vt_board_stands(&b, now + CHECK));
	assert_int_equal(b.counters.faults, 1);
	vt_board_froze(&b, now + CHECK, now + CHECK);
	vt_board_release(&b, VT_HOLD_USER);
	assert_false(vt_board_stands(&b, now + 3 * CHECK));
	assert_int_equal(vt_board_start_at(&b, now + 3 * CHECK), now + 3 * CHECK);
	vt_board_thawed(&b, now + 3 * CHECK, now + 3 * CHECK);
	assert_int_equal(b.frozen_ns, b.wire_ns);
}

static void without_a_wire(void **state)
{
	const struct vt_board_config config = { .limit_ns = 1000 * MS, .latch_ns = LATCH };
	struct vt_board b;

	(void)state;
	vt_board_init(&b, &config, 0);
	assert_int_equal(vt_board_deadline(&b, 0), INT64_MAX);
	vt_board_hold(&b, VT_HOLD_USER, "one", 10);
	vt_board_hold(&b, VT_HOLD_STEP, "two", 20);
	assert_true(vt_board_stands(&b, 30) && vt_board_drives(&b));
	vt_board_froze(&b, 30, 30);
	assert_int_equal(vt_board_deadline(&b, 30), 1000 * MS + 11);
	assert_false(vt_board_is_over_limit(&b, 1000 * MS));
	assert_true(vt_board_is_over_limit(&b, 1000 * MS + 11));
	assert_int_equal(vt_board_deadline(&b, 1000 * MS + 11), INT64_MAX);
	vt_board_release(&b, VT_HOLD_USER);
	assert_true(vt_board_stands(&b, 40));
	vt_board_release(&b, VT_HOLD_STEP);
	assert_false(vt_board_stands(&b, 40) || vt_board_drives(&b));
}

static void a_pulse_that_nobody_was_quick_enough_for(void **state)
{
	struct vt_board b;
	int64_t now = 1000 * MS, at = now + 50 * MS;

	(void)state;
	vt_board_init(&b, &sim_config, now);
	vt_board_edge(&b, 1, true, now, at);
	vt_board_edge(&b, 2, false, now + 20 * MS, at);
	assert_true(vt_board_stands(&b, at));
	vt_board_froze(&b, vt_board_stop_at(&b, at), at);
	assert_true(vt_board_stands(&b, at + 19 * MS));
	assert_int_equal(vt_board_deadline(&b, at), at + 20 * MS - LATCH);
	assert_false(vt_board_stands(&b, at + 20 * MS - LATCH));
	assert_int_equal(vt_board_start_at(&b, at + 20 * MS - LATCH), at + 20 * MS);
}

static void a_pulse_shorter_than_the_latch(void **state)
{
	struct vt_board b;
	int64_t now = 1000 * MS;

	(void)state;
	vt_board_init(&b, &sim_config, now);
	vt_board_edge(&b, 1, true, now, now + 50 * US);
	vt_board_froze(&b, vt_board_stop_at(&b, now + 50 * US), now + 50 * US);
	vt_board_edge(&b, 2, false, now + 100 * US, now + 150 * US);
	assert_true(vt_board_stands(&b, now + LATCH - 1));
	assert_int_equal(vt_board_deadline(&b, now + 150 * US), now + LATCH);
	assert_false(vt_board_stands(&b, now + LATCH));
	assert_int_equal(vt_board_start_at(&b, now + LATCH), now + LATCH + 100 * US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("a hold of the dead holds nobody, and is back after a restart",
			 the_dead_hold_nobody),
		SENTENCE("who dies frozen by the wire is thawed after a restart", a_follower_dies_frozen),
		SENTENCE("a freeze while nobody watched is a user's hold", frozen_while_nobody_watched),
		SENTENCE("a thaw by hand against the wire is undone, counted and made up for",
			 thawed_against_the_wire),
		SENTENCE("with a broken wire local holds act after a check interval", a_broken_wire),
		SENTENCE("without a wire local holds act at once", without_a_wire),
		SENTENCE("a freeze that is over before the clock stops lasts as long as the wire said",
			 a_pulse_shorter_than_the_latch),
		SENTENCE("a freeze that was over when it was heard of is made up for",
			 a_pulse_that_nobody_was_quick_enough_for),
		SENTENCE("2 boards, 10000 cycles: frozen totals are the same to the ns", two_undisturbed),
		SENTENCE("4 boards, 10000 cycles: frozen totals are the same to the ns", four_undisturbed),
		SENTENCE("doubled and delayed edges and glitches leave no difference", no_edge_is_lost),
		SENTENCE("freezes and thaws by hand leave no difference", frozen_by_hand),
		SENTENCE("lost edges are counted, and no wrong state stays", edges_are_lost),
		SENTENCE("after 1000 kills at any moment all agree", daemons_are_killed),
		SENTENCE("10000 steps of one are steps of all, and leave no difference", steps),
		SENTENCE("a step that another board interrupts goes on to its end", a_step_is_interrupted),
		SENTENCE("an end that is taken away holds nobody", an_end_that_is_taken_away),
		SENTENCE("control: boards that follow edges alone disagree", edges_alone),
		SENTENCE("control: boards that stop when they get round to it drift apart",
			 without_instants),
		SENTENCE("all of it at once: 1 to 4 boards agree in the end", everything_at_once),
	};

	rng_seed();
	return cmocka_run_group_tests_name("boards", tests, NULL, NULL);
}
