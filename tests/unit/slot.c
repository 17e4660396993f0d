// SPDX-License-Identifier: MIT
#include "unit.h"

#include "../../controller/core/slot.h"

#define TURN 1000

static struct vt_clock_piece piece(uint64_t real_ns, uint64_t virtual_ns, uint64_t rate, bool stopped)
{
	return (struct vt_clock_piece){
		.real_ns = real_ns,
		.virtual_ns = virtual_ns,
		.rate = rate,
		.stopped = stopped,
		.stop_virtual_ns = VT_ENDLESS,
	};
}

static int64_t at(struct vt_clock_piece freezer, struct vt_clock_piece caller, int64_t real_ns)
{
	const struct vt_clock_slot slot = { .by_freezer = freezer, .by_caller = caller };

	return vt_slot_at(&slot, (vt_real){ real_ns }).ns;
}

static void later_turn(void **state)
{
	const struct vt_clock_piece early = piece(TURN, 10, VT_RATE_ONE, false);
	const struct vt_clock_piece late = piece(TURN + 5, 20, 2 * VT_RATE_ONE, false);

	(void)state;
	assert_int_equal(at(early, late, TURN + 7), 24);
	assert_int_equal(at(late, early, TURN + 7), 24);
	assert_int_equal(at((struct vt_clock_piece){ 0 }, early, TURN + 7), 17);
}

static void same_instant(void **state)
{
	const struct vt_clock_piece stopped = piece(TURN, 10, VT_RATE_ONE, true);
	const struct vt_clock_piece old = piece(TURN, 10, VT_RATE_ONE, false);
	const struct vt_clock_piece new = piece(TURN, 10, 2 * VT_RATE_ONE, false);

	(void)state;
	assert_int_equal(at(stopped, new, TURN + 4), 10); /* a rate, then a stop */
	assert_int_equal(at(new, stopped, TURN + 4), 18); /* a rate for a clock that stood, then a start */
	assert_int_equal(at(old, new, TURN + 4), 18);     /* a start, then a rate */
}

static void standing(void **state)
{
	const struct vt_clock_piece stopped = piece(TURN, 10, VT_RATE_MAX, true);

	(void)state;
	assert_int_equal(at(stopped, stopped, TURN), 10);
	assert_int_equal(at(stopped, stopped, INT64_MAX), 10);
}

static void its_own_stop(void **state)
{
	struct vt_clock_piece p = piece(TURN, 10, VT_RATE_ONE, false);

	(void)state;
	p.stop_virtual_ns = 15;
	assert_int_equal(at(p, p, TURN + 4), 14);
	assert_int_equal(at(p, p, TURN + 5), 15);
	assert_int_equal(at(p, p, TURN + 6), 15);
	assert_int_equal(at(p, p, INT64_MAX), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("the piece of the later turn holds", later_turn),
		SENTENCE("turns at the same instant leave no doubt", same_instant),
		SENTENCE("a clock that stands does so for ever", standing),
		SENTENCE("a clock stops where it was told to stop by itself", its_own_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
