// SPDX-License-Identifier: MIT
#include "vt.h"

const char *vt_state_name(enum vt_state state)
{
	switch (state) {
	case VT_RUNNING:
		return "running";
	case VT_FREEZING:
		return "freezing";
	case VT_FROZEN:
		return "frozen";
	case VT_THAWING:
		return "thawing";
	}
	return "unknown";
}
