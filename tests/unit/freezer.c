// SPDX-License-Identifier: MIT
#include "unit.h"

#define STATES 4
#define TRANSITIONS 4

static void the_whole_table(void **state)
{
	/* [before][ask freeze, all stopped, ask thaw, not all stopped] */
	static const enum vt_state next[STATES][TRANSITIONS] = {
		[VT_RUNNING] = { VT_FREEZING, VT_RUNNING, VT_RUNNING, VT_RUNNING },
		[VT_FREEZING] = { VT_FREEZING, VT_FROZEN, VT_RUNNING, VT_FREEZING },
		[VT_FROZEN] = { VT_FROZEN, VT_FROZEN, VT_THAWING, VT_FREEZING },
		[VT_THAWING] = { VT_FREEZING, VT_THAWING, VT_THAWING, VT_RUNNING },
	};

	(void)state;
	for (int s = 0; s < STATES; s++)
		for (int t = 0; t < TRANSITIONS; t++)
			assert_int_equal(vt_freezer_next((enum vt_state)s, (enum vt_transition)t),
					 next[s][t]);
}

typedef enum vt_state next_fn(enum vt_state state, enum vt_transition t);

/*
 * What the states mean, from the history alone: whether a freeze is wanted, and whether all have
 * stopped since it was asked for. Returns what is broken, or NULL.
 */
static const char *walk(next_fn *next, int steps)
{
	enum vt_state s = VT_RUNNING;
	bool wanted = false, stopped = false;

	while (steps--) {
		enum vt_transition t = (enum vt_transition)rng_below(TRANSITIONS);

		s = next(s, t);
		if (t == VT_ASK_FREEZE && !wanted)
			stopped = false;
		if (t == VT_ASK_FREEZE)
			wanted = true;
		if (t == VT_ALL_STOPPED && wanted)
			stopped = true;
		if (t == VT_NOT_ALL_STOPPED)
			stopped = false;
		if (t == VT_ASK_THAW)
			wanted = false;
		if (wanted != (s == VT_FREEZING || s == VT_FROZEN))
			return "a freeze that is wanted is under way, and no other";
		if ((s == VT_FROZEN) != (wanted && stopped))
			return "frozen means that all have stopped since it was asked";
		if (s == VT_THAWING && !stopped)
			return "thawing lasts until the first task runs";
	}
	return NULL;
}

static void random_walks(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		const char *broken = walk(vt_freezer_next, 1000);

		if (broken)
			fail_msg("broken: %s", broken);
	}
}

/* frozen as soon as asked */
static enum vt_state too_early(enum vt_state state, enum vt_transition t)
{
	return t == VT_ASK_FREEZE ? VT_FROZEN : vt_freezer_next(state, t);
}

/* the ancestors' pause flag: a second freeze or thaw turns it over */
static enum vt_state toggles(enum vt_state state, enum vt_transition t)
{
	return t == VT_ASK_FREEZE && state == VT_FROZEN ? VT_RUNNING : vt_freezer_next(state, t);
}

/* a task that joins in the middle of a freeze ends it */
static enum vt_state joining_ends_it(enum vt_state state, enum vt_transition t)
{
	return t == VT_NOT_ALL_STOPPED ? VT_RUNNING : vt_freezer_next(state, t);
}

static void wrong_machines_are_caught(void **state)
{
	static next_fn *const wrong[] = { too_early, toggles, joining_ends_it };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_non_null(walk(wrong[i], 100000));
}

static void freezing_twice_and_thawing_twice(void **state)
{
	enum vt_state s = VT_RUNNING;

	(void)state;
	assert_int_equal(vt_freezer_next(s, VT_ASK_THAW), VT_RUNNING);
	s = vt_freezer_next(s, VT_ASK_FREEZE);
	assert_int_equal(vt_freezer_next(s, VT_ASK_FREEZE), VT_FREEZING);
	s = vt_freezer_next(s, VT_ALL_STOPPED);
	assert_int_equal(vt_freezer_next(s, VT_ASK_FREEZE), VT_FROZEN);
	s = vt_freezer_next(s, VT_ASK_THAW);
	assert_int_equal(vt_freezer_next(s, VT_ASK_THAW), VT_THAWING);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vt_state_name(VT_RUNNING), "running");
	assert_string_equal(vt_state_name(VT_FREEZING), "freezing");
	assert_string_equal(vt_state_name(VT_FROZEN), "frozen");
	assert_string_equal(vt_state_name(VT_THAWING), "thawing");
	assert_string_equal(vt_state_name((enum vt_state)4), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("every state answers every transition as the table says", the_whole_table),
		SENTENCE("random walks keep what the states mean", random_walks),
		SENTENCE("control: wrong state machines are caught by the same walk",
			 wrong_machines_are_caught),
		SENTENCE("freezing twice, thawing twice and thawing without a freeze change nothing",
			 freezing_twice_and_thawing_twice),
		SENTENCE("every state has its name", names),
	};

	rng_seed();
	return cmocka_run_group_tests_name("freezer", tests, NULL, NULL);
}
