/* SPDX-License-Identifier: MIT */
/* One listener's slot. Functions return 0 or a negative errno that is not reported. */
#ifndef VT_LISTENER_H
#define VT_LISTENER_H

#include "vt.h"

struct vt_listening {
	int rings_fd, listeners_fd; /* maps vt_rings, vt_listeners */
	int lock_fd;                /* the slot's directory, locked */
	int pins_fd;                /* readable when a pin has been removed */
	int ring_fd;                /* the ring buffer in it */
	uint32_t slot;
	bool is_over;
};

/* Take a slot and fill it with a ring buffer of that size. -EBUSY: all are taken. Nothing is to be
 * ended if it fails. */
int vt_listening_begin(struct vt_listening *l, const char *pins, size_t bytes);
void vt_listening_end(struct vt_listening *l);
/* What the programs have noted about this listener. */
int vt_listening_look(const struct vt_listening *l, struct vt_listener *out);
/* The pins have been removed: no record will come any more. */
bool vt_listening_is_over(struct vt_listening *l);

#endif /* VT_LISTENER_H */
