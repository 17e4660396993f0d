// SPDX-License-Identifier: MIT
/*
 * What only vtd knows goes into the stream of records: edges of the lines and holds. Told when the
 * group has been frozen or thawed, since nobody waits for it.
 */
#include "vtd.h"

static void note(struct unit *u, enum vt_record_kind kind, uint32_t id, int64_t value)
{
	if (u->group)
		vt_events_note(u->group, kind, id, (uint64_t)value);
}

void notes_edge(struct unit *u, const struct vt_line_edge *e)
{
	if (u->edge_count == UNIT_EDGES_MAX)
		notes_tell(u);
	u->edges[u->edge_count++] = *e;
}

static bool is_held(const struct unit *u, int kind)
{
	if (!u->board)
		return false;
	return kind < VT_HOLDS ? u->board->holds[kind].on : vt_board_held_by_wire(u->board);
}

void notes_tell(struct unit *u)
{
	for (int i = 0; i < u->edge_count; i++)
		note(u, VT_REC_EDGE_IN, u->edges[i].asserted, u->edges[i].stamp_ns);
	u->edge_count = 0;
	if (u->driven != u->noted_driven)
		note(u, VT_REC_EDGE_OUT, u->driven, vtd_now_ns());
	u->noted_driven = u->driven;
	for (int kind = 0; kind <= VT_HOLDS; kind++) {
		bool held = is_held(u, kind);

		if (held != u->noted_hold[kind])
			note(u, held ? VT_REC_HOLD_ON : VT_REC_HOLD_OFF, (uint32_t)kind, 0);
		u->noted_hold[kind] = held;
	}
}
