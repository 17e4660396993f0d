// SPDX-License-Identifier: MIT
/*
 * Stops and starts at an instant. Where they cannot be had (a freeze-only group) the clock does it when
 * the freezer is told to, just after this.
 */
#include "vtd.h"

int64_t instant_stop(struct vt_group *g, int64_t at_ns)
{
	const vt_real at = { at_ns };
	int64_t late_ns = 0;

	return vt_clock_stop_at(g, at, &late_ns) == 0 ? at_ns + late_ns : vtd_now_ns();
}

int64_t instant_start(struct vt_group *g, int64_t at_ns)
{
	const vt_real at = { at_ns };

	return vt_clock_start_at(g, at) == 0 ? at_ns : vtd_now_ns();
}
