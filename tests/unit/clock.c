// SPDX-License-Identifier: MIT
#include <errno.h>

#include "unit.h"

#define S 1000000000LL
#define HALF (VT_RATE_ONE / 2)

static struct vt_piece piece(int64_t real, int64_t virt, uint64_t rate)
{
	return (struct vt_piece){ { real }, { virt }, rate };
}

static int64_t at(struct vt_piece p, int64_t r)
{
	return vt_clock_at(&p, (vt_real){ r }).ns;
}

static int64_t when(struct vt_piece p, int64_t v)
{
	return vt_clock_when(&p, (vt_virtual){ v }).ns;
}

static void reads_by_hand(void **state)
{
	(void)state;
	assert_int_equal(at(piece(100, 7, VT_RATE_ONE), 100), 7);
	assert_int_equal(at(piece(100, 7, VT_RATE_ONE), 150), 57);
	assert_int_equal(at(piece(0, 0, HALF), 3), 1);
	assert_int_equal(at(piece(0, 0, VT_RATE_MAX), S), 1000 * S);
	/* 0.001 rounded down loses 1 ns against 0.001 in a second */
	assert_int_equal(at(piece(0, 0, VT_RATE_MIN), S), S / 1000 - 1);
	assert_int_equal(at(piece(0, -5, HALF), 3), -4);
	/* one year: 31536000 s / 3, from exact fractions */
	assert_int_equal(at(piece(0, 0, 6004799503160661), 31536000 * S), 10511999999999999);
}

static void stands_before_its_start_and_at_rate_0(void **state)
{
	(void)state;
	assert_int_equal(at(piece(100, 7, VT_RATE_ONE), 99), 7);
	assert_int_equal(at(piece(100, 7, VT_RATE_ONE), INT64_MIN), 7);
	assert_int_equal(at(piece(100, 7, 0), INT64_MAX), 7);
	assert_int_equal(when(piece(100, 7, 0), 8), INT64_MAX);
	assert_int_equal(when(piece(100, 7, 0), 7), 100);
}

static void ends_at_292_years(void **state)
{
	(void)state;
	assert_int_equal(at(piece(0, 0, VT_RATE_MAX), INT64_MAX), INT64_MAX);
	assert_int_equal(at(piece(0, 0, VT_RATE_ONE), INT64_MAX), INT64_MAX);
	assert_int_equal(at(piece(0, 0, VT_RATE_ONE), INT64_MAX - 1), INT64_MAX - 1);
	assert_int_equal(at(piece(INT64_MIN, -INT64_MAX, VT_RATE_MAX), INT64_MAX), INT64_MAX);
	assert_int_equal(at(piece(INT64_MIN, -INT64_MAX, VT_RATE_ONE), INT64_MAX), INT64_MAX);
	assert_int_equal(at(piece(0, INT64_MIN, 0), 0), -INT64_MAX);
	assert_int_equal(at(piece(INT64_MAX, 3, VT_RATE_ONE), INT64_MAX), 3);
	assert_int_equal(when(piece(0, 0, VT_RATE_MIN), INT64_MAX), INT64_MAX);
	assert_int_equal(when(piece(INT64_MIN, -INT64_MAX, VT_RATE_ONE), INT64_MAX), INT64_MAX - 1);
	assert_int_equal(when(piece(0, INT64_MIN, VT_RATE_MIN), -INT64_MAX), 0);
}

static void the_inverse_is_the_first_instant(void **state)
{
	(void)state;
	assert_int_equal(when(piece(0, 0, HALF), 1), 2);
	assert_int_equal(when(piece(0, 0, HALF), 2), 4);
	assert_int_equal(when(piece(50, 9, VT_RATE_ONE), 4), 50);
	assert_int_equal(when(piece(0, 0, VT_RATE_MAX), 1), 1);
	assert_int_equal(when(piece(0, 0, VT_RATE_MAX), 1001), 2);
}

static void a_turn_is_continuous(void **state)
{
	struct vt_piece p = piece(10, 1000, HALF);

	(void)state;
	assert_int_equal(vt_clock_turn(&p, (vt_real){ 31 }, VT_RATE_MAX, &p), 0);
	assert_int_equal(p.real_start.ns, 31);
	assert_int_equal(p.virtual_start.ns, 1010);
	assert_int_equal(p.rate, VT_RATE_MAX);
	/* asked for before the piece began: from its start on */
	assert_int_equal(vt_clock_turn(&p, (vt_real){ 5 }, HALF, &p), 0);
	assert_int_equal(p.real_start.ns, 31);
	assert_int_equal(p.virtual_start.ns, 1010);
}

static void a_turn_to_an_illegal_rate_changes_nothing(void **state)
{
	static const uint64_t bad[] = { 1, VT_RATE_MIN - 1, VT_RATE_MAX + 1, UINT64_MAX };
	struct vt_piece p = piece(1, 2, 3), out = piece(4, 5, 6);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		errno = 0;
		assert_int_equal(vt_clock_turn(&p, (vt_real){ 9 }, bad[i], &out), -ERANGE);
		assert_int_equal(errno, ERANGE);
		assert_int_equal(out.real_start.ns, 4);
		assert_int_equal(out.rate, 6);
	}
	assert_int_equal(vt_clock_turn(&p, (vt_real){ 9 }, 0, &out), 0);
	assert_int_equal(vt_clock_turn(&p, (vt_real){ 9 }, VT_RATE_MIN, &out), 0);
	assert_int_equal(vt_clock_turn(&p, (vt_real){ 9 }, VT_RATE_MAX, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("a clock reads what is worked out by hand", reads_by_hand),
		SENTENCE("a clock stands before its start and at rate 0",
			 stands_before_its_start_and_at_rate_0),
		SENTENCE("a clock is clamped at 292 years", ends_at_292_years),
		SENTENCE("the inverse is the first instant that reads so",
			 the_inverse_is_the_first_instant),
		SENTENCE("a turn is continuous and works in place", a_turn_is_continuous),
		SENTENCE("a turn to an illegal rate changes nothing",
			 a_turn_to_an_illegal_rate_changes_nothing),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
