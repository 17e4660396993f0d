// SPDX-License-Identifier: MIT
/*
 * A piece of a clock is a line through (real_start, virtual_start) with slope rate / 2^54.
 *
 *   at(r)   = virtual_start + floor((r - real_start) * rate / 2^54)
 *   when(v) = real_start + ceil((v - virtual_start) * 2^54 / rate)
 *
 * A difference of two instants is below 2^64 and so is a rate: the product is exact in 128 bits.
 * Floor and ceil make when() the exact inverse: at(when(v)) >= v > at(when(v) - 1). Turning rounds
 * the virtual start down to a whole ns, so a clock loses less than 1 ns at each turn and never goes
 * back.
 */
#include "text.h"
#include "vt.h"

/* Symmetrical, so that an instant can be negated. */
static int64_t clamp(__int128 ns)
{
	return ns > INT64_MAX ? INT64_MAX : ns < -INT64_MAX ? -INT64_MAX : (int64_t)ns;
}

/* b - a for a <= b: always fits. */
static uint64_t span(int64_t a, int64_t b)
{
	return (uint64_t)b - (uint64_t)a;
}

vt_virtual vt_clock_at(const struct vt_piece *p, vt_real r)
{
	int64_t start = clamp(p->virtual_start.ns);
	vt_u128 product;

	if (r.ns <= p->real_start.ns)
		return (vt_virtual){ start };
	product = (vt_u128)span(p->real_start.ns, r.ns) * p->rate;
	return (vt_virtual){ clamp(start + (__int128)(product >> VT_RATE_SHIFT)) };
}

vt_real vt_clock_when(const struct vt_piece *p, vt_virtual v)
{
	int64_t start = clamp(p->virtual_start.ns);
	vt_u128 scaled, wait;

	if (v.ns <= start)
		return p->real_start;
	if (!p->rate)
		return (vt_real){ INT64_MAX };
	scaled = (vt_u128)span(start, v.ns) << VT_RATE_SHIFT;
	wait = (scaled + p->rate - 1) / p->rate;
	/* also keeps the sum below 2^127 */
	if (wait > span(p->real_start.ns, INT64_MAX))
		return (vt_real){ INT64_MAX };
	return (vt_real){ (int64_t)(p->real_start.ns + (__int128)wait) };
}

int vt_clock_turn(const struct vt_piece *p, vt_real r, uint64_t rate, struct vt_piece *out)
{
	struct vt_piece next = { .rate = rate };

	if (rate && (rate < VT_RATE_MIN || rate > VT_RATE_MAX))
		return vt_fail(-ERANGE);
	/* A turn asked for before the piece began must not make it begin earlier. */
	next.real_start.ns = r.ns > p->real_start.ns ? r.ns : p->real_start.ns;
	next.virtual_start = vt_clock_at(p, next.real_start);
	*out = next;
	return 0;
}
