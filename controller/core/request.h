/* SPDX-License-Identifier: MIT */
/*
 * What vtd is asked through its sockets. A request is one line:
 *
 *     show [GROUP]                what vtd knows of a board, or of all
 *     may PID GROUP               whether a process may become a member
 *     hold user|step GROUP        freeze, and keep frozen until released
 *     release user|step GROUP
 *
 * The group's name is the rest of the line. The answer is one line of JSON. The last two are for who
 * may control.
 */
#ifndef VT_CORE_REQUEST_H
#define VT_CORE_REQUEST_H

#include <sys/types.h>

#include "board.h"

#define VT_REQUEST_MAX 4200 /* bytes, without the end of the line */

enum vt_ask {
	VT_ASK_SHOW,
	VT_ASK_MAY,
	VT_ASK_HOLD,
	VT_ASK_RELEASE,
};

struct vt_ask_line {
	enum vt_ask ask;
	enum vt_hold_kind kind; /* HOLD, RELEASE */
	pid_t pid;              /* MAY */
	const char *group;      /* in line; SHOW: NULL is all */
};

/* line: without its end; it is cut into pieces. -EINVAL, -ERANGE for the PID. */
int vt_parse_request(char *line, struct vt_ask_line *out);

#endif
