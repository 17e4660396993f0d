// SPDX-License-Identifier: MIT
#include "vt.h"

static const char *const names[] = {
	[VT_REC_CREATE] = "create",
	[VT_REC_DELETE] = "delete",
	[VT_REC_FREEZE] = "freeze",
	[VT_REC_FROZEN] = "frozen",
	[VT_REC_THAW] = "thaw",
	[VT_REC_RUNNING] = "running",
	[VT_REC_RATE] = "rate",
	[VT_REC_JOIN] = "join",
	[VT_REC_LEAVE] = "leave",
	[VT_REC_STEP_ASKED] = "step-asked",
	[VT_REC_STEP_GRANTED] = "step-granted",
	[VT_REC_STEP_REACHED] = "step-reached",
	[VT_REC_EDGE_IN] = "edge-in",
	[VT_REC_EDGE_OUT] = "edge-out",
	[VT_REC_HOLD_ON] = "hold-on",
	[VT_REC_HOLD_OFF] = "hold-off",
	[VT_REC_LOST] = "lost",
};

const char *vt_record_name(enum vt_record_kind kind)
{
	const char *name = kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;

	return name ? name : "unknown";
}
