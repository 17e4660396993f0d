/* SPDX-License-Identifier: MIT */
/* Telling groups to freeze, waiting until they have, and undoing it. */
#ifndef VTCTL_STOP_H
#define VTCTL_STOP_H

#include "groups.h"

/* Exit status, after a message: */

/* Fail if vtctl itself is in one of the groups: it would never come back. */
int vtctl_check_outside(const struct vtctl_groups *groups);
/* Tell them to freeze, but for those that cannot be and is_fine() says so. */
int vtctl_tell_to_freeze(struct vtctl_groups *groups, bool (*is_fine)(int err));
/* Wait until the tasks of those that were told have stopped. */
int vtctl_wait_frozen(const struct vtctl_groups *groups, int64_t timeout_ns);

/* Thaw those that were told. */
void vtctl_thaw_asked(const struct vtctl_groups *groups);
/* "PID 12 (dd): uninterruptible sleep in nfs_wait, ..."; to be freed. NULL: out of memory. */
char *vtctl_stragglers(struct vt_group *g);

#endif /* VTCTL_STOP_H */
