/* SPDX-License-Identifier: MIT */
/* What vtctl asks vtd, where one runs. Groups that are no board of its are not its business. */
#ifndef VTCTL_DAEMON_H
#define VTCTL_DAEMON_H

#include "vt.h"

struct json_object;

/* The answer to a request of core/request.h, to be put; NULL: no vtd answers. */
struct json_object *vtctl_daemon_ask(bool control, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Of an answer about one board: the board, or NULL. Belongs to the answer. */
struct json_object *vtctl_daemon_board(struct json_object *said);

/* Freeze, thaw: by vtd if the group is a board, else vt_group_freeze(), vt_group_thaw(). 0 or a
 * negative errno; vtctl_daemon_why() has the reason then. With a wire 0 means that it has begun. */
int vtctl_hold(struct vt_group *g);
int vtctl_release(struct vt_group *g);
const char *vtctl_daemon_why(void);

/* It is a board with an input. */
bool vtctl_is_wired(struct vt_group *g);
/* It is a board, and what keeps it frozen is another one. */
bool vtctl_is_held_by_wire(struct vt_group *g);
/* "wire: another board, user: …": who holds a board; to be freed, NULL if nobody does or it is none. */
char *vtctl_holders(struct vt_group *g);

#endif
