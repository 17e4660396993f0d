// SPDX-License-Identifier: MIT
/*
 * Two machines with a board each, on one wire that levels are carried along through a port between them
 * (peer.h). The same program runs in both; VT_PEER in the environment says which one this is. CYCLES
 * makes it longer.
 *
 * Each machine has a clock of its own, so lengths are compared, not instants. What the port takes is
 * much longer than a wire does, and differs from edge to edge: by that the two may be apart.
 */
#include "board.h"
#include "peer.h"

#define BOOT_NS (300 * SECOND_NS)
#define STEPS 5
#define STEP_NS INT64_C(500000000)

static bool is_first;
static struct board *const own = &boards[0];

/* What was said last stays said. */
static void meet_soon(void)
{
	meet(peer->value, 2 * PATIENCE_NS);
}

static int64_t ask_other(int64_t value)
{
	meet(value, 2 * PATIENCE_NS);
	value = peer->their_value;
	meet_soon();
	return value;
}

static void both_meet(void **state)
{
	(void)state;
	meet(0, BOOT_NS);
}

/* One of the two does it; then both have to be there. */
static void by(bool first, void (*action)(const struct board *b), enum vt_state state, const char *when)
{
	meet_soon();
	if (first == is_first)
		action(own);
	await_all(state, when);
	meet_soon();
}

static void cycle(bool first)
{
	by(first, hold, VT_FROZEN, "held");
	by(first, release, VT_RUNNING, "released");
}

static void whoever_freezes_freezes_both(void **state)
{
	(void)state;
	cycle(true);
	cycle(false);
}

static void the_last_lets_go(void **state)
{
	(void)state;
	by(true, hold, VT_FROZEN, "held by one");
	by(false, hold, VT_FROZEN, "held by both");
	meet_soon();
	if (is_first)
		release(own);
	pass_ms(500);
	assert_int_equal(status_of(own->g).state, VT_FROZEN);
	by(false, release, VT_RUNNING, "released by both");
}

/* What a message between the two has taken at most, there and back. */
static int64_t worst_of_both(void)
{
	int64_t theirs_ns = ask_other(peer->worst_ns);

	return theirs_ns > peer->worst_ns ? theirs_ns : peer->worst_ns;
}

static void tell_port(void)
{
	printf("# the port between the machines: %ld messages, there and back in %.1f us mean, %.1f us worst\n",
	       peer->trips, (double)peer->sum_ns / 1e3 / (double)(peer->trips ? peer->trips : 1),
	       (double)peer->worst_ns / 1e3);
}

/* For how much longer the clock has stood than its own edges say. */
static int64_t longer_than_edges(void)
{
	return status_of(own->g).lag_ns - value_of(own, "wire_ns");
}

static void assert_as_long_as_edges(int64_t before_ns, long edges)
{
	if (llabs(longer_than_edges() - before_ns) > 1000 * edges)
		fail_msg("the clock differs from its edges: %s", ask(own, "read", "show\n"));
}

/* Each clock has stood for exactly as long as its own edges say; the machines differ by what the port
 * has made of those. */
static void many_cycles(void **state)
{
	long cycles = number("CYCLES", 10);
	int64_t lag_ns, longer_ns, theirs_ns;

	(void)state;
	if (!vt_has_clock(vt))
		skip();
	pass_ms(500); /* a clock may still wait for the instant of its start */
	lag_ns = status_of(own->g).lag_ns;
	longer_ns = longer_than_edges();
	for (long i = 0; i < cycles; i++)
		cycle(i % 2);
	pass_ms(500);
	lag_ns = status_of(own->g).lag_ns - lag_ns;
	theirs_ns = ask_other(lag_ns);
	tell_port();
	printf("# %ld cycles: the clock has stood for %.6f s, by its edges %lld ns less, the other machine's "
	       "for %.1f us less\n", cycles, (double)lag_ns / 1e9,
	       (long long)(longer_than_edges() - longer_ns),
	       (double)(lag_ns - theirs_ns) / 1e3);
	assert_as_long_as_edges(longer_ns, cycles);
	assert_true(llabs(lag_ns - theirs_ns) <= 2 * cycles * worst_of_both());
	assert_int_equal(value_of(own, "lost"), 0);
}

/* The two are apart by what vtd and the port are late by; but one has made all steps, and the other what
 * it saw of them. */
static void a_step(void **state)
{
	int64_t start_ns, ran_ns, longer_ns;

	(void)state;
	if (!vt_has_clock(vt))
		skip();
	longer_ns = longer_than_edges();
	by(true, hold, VT_FROZEN, "held");
	pass_ms(500);
	start_ns = status_of(own->g).virt.ns;
	meet_soon();
	for (int i = 0; is_first && i < STEPS; i++) {
		OK(vt_clock_step(own->g, STEP_NS));
		pass_ms(500);
	}
	meet_soon();
	await_all(VT_FROZEN, "after the steps");
	ran_ns = status_of(own->g).virt.ns - start_ns;
	printf("# after %d steps of %d ms the two are %.1f us apart\n", STEPS, (int)(STEP_NS / 1000000),
	       (double)llabs(ran_ns - ask_other(ran_ns)) / 1e3);
	if (is_first) {
		assert_int_equal(ran_ns, STEPS * STEP_NS);
		must(own, "release step");
	}
	await_all(VT_RUNNING, "released");
	pass_ms(500);
	if (!is_first)
		assert_as_long_as_edges(longer_ns, STEPS + 1);
	meet_soon();
}

static void who_holds_dies(void **state)
{
	(void)state;
	by(true, hold, VT_FROZEN, "held");
	if (is_first)
		kill_vtd(own);
	else
		await_all(VT_RUNNING, "when the other's vtd has died");
	meet_soon();
	if (is_first) {
		assert_int_equal(status_of(own->g).state, VT_FROZEN);
		start_vtd(own);
		await_vtd(own);
	}
	await_all(VT_FROZEN, "after its restart");
	by(true, release, VT_RUNNING, "released");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("two machines meet", both_meet),
		SENTENCE("whoever freezes freezes both", whoever_freezes_freezes_both),
		SENTENCE("with two holds time goes on when the last lets go", the_last_lets_go),
		SENTENCE("many cycles lose nothing", many_cycles),
		SENTENCE("a step on one is a step on both", a_step),
		SENTENCE("when who holds dies the other goes on, and stops again with his restart", who_holds_dies),
	};

	is_first = number("VT_PEER", 0) == 0;
	if (!find_peer())
		skip_all("no port to another machine: tests/vm/run --pair");
	return run_boards("pair", tests, sizeof(tests) / sizeof(tests[0]));
}
