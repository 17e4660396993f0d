/* SPDX-License-Identifier: MIT */
#ifndef VT_CORE_SLOT_H
#define VT_CORE_SLOT_H

#include "vt.h"

/* The clock at r, not before its last turn, from a consistent copy of its slot. */
vt_virtual vt_slot_at(const struct vt_clock_slot *slot, vt_real r);

#endif
