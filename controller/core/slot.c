// SPDX-License-Identifier: MIT
/* What two published pieces say about a clock, see vt_clock_slot in vt_layout.h. */
#include "slot.h"

/* Both sides tell of the turn that came last when they tell of the same one; a start or a stop that
 * is at the same instant as a change of rate is known to the freezer only. */
static const struct vt_clock_piece *latest(const struct vt_clock_slot *slot)
{
	const struct vt_clock_piece *f = &slot->by_freezer, *c = &slot->by_caller;

	if (f->real_ns != c->real_ns)
		return f->real_ns > c->real_ns ? f : c;
	return f->stopped || c->stopped ? f : c;
}

vt_virtual vt_slot_at(const struct vt_clock_slot *slot, vt_real r)
{
	const struct vt_clock_piece *p = latest(slot);
	const struct vt_piece piece = {
		.real_start = { (int64_t)p->real_ns },
		.virtual_start = { (int64_t)p->virtual_ns },
		.rate = p->stopped ? 0 : p->rate,
	};
	vt_virtual v = vt_clock_at(&piece, r);

	if (p->stop_virtual_ns != VT_ENDLESS && v.ns > (int64_t)p->stop_virtual_ns)
		v.ns = (int64_t)p->stop_virtual_ns;
	return v;
}
