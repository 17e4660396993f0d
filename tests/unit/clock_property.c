// SPDX-License-Identifier: MIT
/*
 * Properties of the clock arithmetic on random pieces, checked by multiplying back in exact.h, and
 * the proof that the checker sees mistakes: seven plausible wrong clocks must each be caught.
 */
#include "exact.h"
#include "unit.h"

#define TRIALS 200000
#define TURNS 1000000

struct arithmetic {
	const char *name;
	vt_virtual (*at)(const struct vt_piece *p, vt_real r);
	vt_real (*when)(const struct vt_piece *p, vt_virtual v);
	int (*turn)(const struct vt_piece *p, vt_real r, uint64_t rate, struct vt_piece *out);
};

static const struct arithmetic good = { "good", vt_clock_at, vt_clock_when, vt_clock_turn };

/* (b - a) * rate, which is virtual ns * 2^54 */
static struct exact passed(int64_t a, int64_t b, uint64_t rate)
{
	return exact_mul(exact((uint64_t)b - (uint64_t)a), exact(rate));
}

static bool at_is_exact(const struct vt_piece *p, int64_t r, int64_t v)
{
	uint64_t gone = (uint64_t)v - (uint64_t)p->virtual_start.ns;
	struct exact product;

	if (v < p->virtual_start.ns)
		return false;
	if (r <= p->real_start.ns)
		return v == p->virtual_start.ns;
	product = passed(p->real_start.ns, r, p->rate);
	if (exact_less(product, exact_fixed(gone)))
		return false;
	return v == INT64_MAX || exact_less(product, exact_fixed(gone + 1));
}

static bool when_is_exact(const struct vt_piece *p, int64_t v, int64_t r)
{
	struct exact wanted;

	if (v <= p->virtual_start.ns)
		return r == p->real_start.ns;
	if (r <= p->real_start.ns)
		return r == INT64_MAX; /* began at the end of time: never */
	wanted = exact_fixed((uint64_t)v - (uint64_t)p->virtual_start.ns);
	if (!exact_less(passed(p->real_start.ns, r - 1, p->rate), wanted))
		return false;
	return r == INT64_MAX || !exact_less(passed(p->real_start.ns, r, p->rate), wanted);
}

static struct vt_piece random_piece(void)
{
	struct vt_piece p = { { rng_ns() }, { rng_ns() }, rng_below(16) ? rng_rate() : 0 };

	return p;
}

/* An instant after the piece's start more often than before it, near or far. */
static int64_t random_instant(const struct vt_piece *p)
{
	int64_t r, far = rng_ns();

	if (!rng_below(8))
		return far;
	far = far < 0 ? -far : far;
	return __builtin_add_overflow(p->real_start.ns, far, &r) ? INT64_MAX : r;
}

/* What is broken, or NULL. */
static const char *check_once(const struct arithmetic *m)
{
	struct vt_piece p = random_piece(), q;
	int64_t r1 = random_instant(&p), r2 = random_instant(&p), v = random_instant(&p), w;
	int64_t low = r1 < r2 ? r1 : r2, high = r1 < r2 ? r2 : r1;

	if (!at_is_exact(&p, r1, m->at(&p, (vt_real){ r1 }).ns))
		return "exactness";
	if (m->at(&p, (vt_real){ low }).ns > m->at(&p, (vt_real){ high }).ns)
		return "monotony";

	w = m->when(&p, (vt_virtual){ v }).ns;
	if (!when_is_exact(&p, v, w))
		return "inverse";
	if (w < INT64_MAX && m->at(&p, (vt_real){ w }).ns < v)
		return "at(when(v)) >= v";
	if (w > p.real_start.ns && m->at(&p, (vt_real){ w - 1 }).ns >= v)
		return "at(when(v) - 1) < v";

	if (m->turn(&p, (vt_real){ r1 }, rng_rate(), &q))
		return "turn refused";
	if (q.virtual_start.ns != m->at(&p, q.real_start).ns || q.real_start.ns < r1 ||
	    q.real_start.ns < p.real_start.ns)
		return "continuity";
	if (m->at(&q, (vt_real){ high }).ns < q.virtual_start.ns)
		return "monotony across a turn";
	return NULL;
}

static const char *check(const struct arithmetic *m, int *trials)
{
	const char *broken = NULL;

	for (*trials = 0; *trials < TRIALS && !broken; ++*trials)
		broken = check_once(m);
	return broken;
}

static void random_pieces(void **state)
{
	int trials;
	const char *broken = check(&good, &trials);

	(void)state;
	if (broken)
		fail_msg("%s fails in trial %d", broken, trials);
}

/* Bound: each turn rounds down once, by less than 1 ns of virtual time. */
static void long_chain(void **state)
{
	struct vt_piece p = { { 0 }, { 0 }, VT_RATE_ONE }, before;
	struct exact sum = { 0 };
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < TURNS; i++) {
		before = p;
		now += (int64_t)rng_below(1 << rng_below(24));
		sum = exact_add(sum, passed(p.real_start.ns, now, p.rate));
		assert_int_equal(vt_clock_turn(&p, (vt_real){ now },
					       rng_below(4) ? rng_rate() : 0, &p), 0);
		assert_int_equal(p.virtual_start.ns, vt_clock_at(&before, (vt_real){ now }).ns);
		assert_true(p.virtual_start.ns >= before.virtual_start.ns);
	}
	assert_false(exact_less(sum, exact_fixed((uint64_t)p.virtual_start.ns)));
	assert_true(exact_less(sum, exact_fixed((uint64_t)p.virtual_start.ns + TURNS)));
	for (uint64_t lost = TURNS;; lost--)
		if (!exact_less(sum, exact_fixed((uint64_t)p.virtual_start.ns + lost))) {
			printf("# %d turns lost %llu ns of %lld\n", TURNS, (unsigned long long)lost,
			       (long long)p.virtual_start.ns);
			break;
		}
}

/* ---- clocks that are wrong ---------------------------------------------------------------- */

static int64_t since(const struct vt_piece *p, vt_real r)
{
	return r.ns > p->real_start.ns ? (int64_t)((uint64_t)r.ns - (uint64_t)p->real_start.ns) : 0;
}

static vt_virtual plus(const struct vt_piece *p, unsigned __int128 passed_ns)
{
	__int128 v = p->virtual_start.ns + (__int128)passed_ns;

	return (vt_virtual){ v > INT64_MAX ? INT64_MAX : (int64_t)v };
}

static vt_virtual at_32_32(const struct vt_piece *p, vt_real r)
{
	return plus(p, (unsigned __int128)(uint64_t)since(p, r) * (p->rate >> 22) >> 32);
}

static vt_virtual at_64_bit_product(const struct vt_piece *p, vt_real r)
{
	return plus(p, (uint64_t)since(p, r) * p->rate >> VT_RATE_SHIFT);
}

static vt_virtual at_double(const struct vt_piece *p, vt_real r)
{
	return plus(p, (unsigned __int128)((double)(uint64_t)since(p, r) *
					   ((double)p->rate / (double)VT_RATE_ONE)));
}

static vt_virtual at_rounded(const struct vt_piece *p, vt_real r)
{
	unsigned __int128 product = (unsigned __int128)(uint64_t)since(p, r) * p->rate;

	return plus(p, (product + VT_RATE_ONE / 2) >> VT_RATE_SHIFT);
}

static vt_virtual at_without_clamp(const struct vt_piece *p, vt_real r)
{
	unsigned __int128 product = (unsigned __int128)(uint64_t)since(p, r) * p->rate;

	return (vt_virtual){ (int64_t)((uint64_t)p->virtual_start.ns +
				       (uint64_t)(product >> VT_RATE_SHIFT)) };
}

static vt_real when_floor(const struct vt_piece *p, vt_virtual v)
{
	vt_real r = vt_clock_when(p, v);

	return (vt_real){ r.ns > p->real_start.ns && r.ns < INT64_MAX ? r.ns - 1 : r.ns };
}

/* The ancestors' change of the dilation factor: the new rate applied to all the past. */
static int turn_jumps(const struct vt_piece *p, vt_real r, uint64_t rate, struct vt_piece *out)
{
	struct vt_piece q = *p;
	int err = vt_clock_turn(p, r, rate, out);

	q.rate = rate;
	if (!err)
		out->virtual_start = vt_clock_at(&q, r);
	return err;
}

static void wrong_clocks_are_caught(void **state)
{
	static const struct arithmetic wrong[] = {
		{ "a 32.32 rate", at_32_32, vt_clock_when, vt_clock_turn },
		{ "a product cut to 64 bits", at_64_bit_product, vt_clock_when, vt_clock_turn },
		{ "floating point", at_double, vt_clock_when, vt_clock_turn },
		{ "rounding to nearest", at_rounded, vt_clock_when, vt_clock_turn },
		{ "no clamp", at_without_clamp, vt_clock_when, vt_clock_turn },
		{ "an inverse rounded down", vt_clock_at, when_floor, vt_clock_turn },
		{ "a rate change that jumps", vt_clock_at, vt_clock_when, turn_jumps },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		int trials;
		const char *broken = check(&wrong[i], &trials);

		if (!broken)
			fail_msg("%s went unseen in %d trials", wrong[i].name, trials);
		printf("# %s: %s fails in trial %d\n", wrong[i].name, broken, trials);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("random pieces are exact, monotonic, continuous and invertible",
			 random_pieces),
		SENTENCE("a million turns lose less than 1 ns each and never go back", long_chain),
		SENTENCE("control: wrong clocks are caught by the same checks",
			 wrong_clocks_are_caught),
	};

	rng_seed();
	return cmocka_run_group_tests_name("clock_property", tests, NULL, NULL);
}
