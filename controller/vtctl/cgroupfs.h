/* SPDX-License-Identifier: MIT */
/* What vtctl itself reads and writes below the cgroup mount: who holds a cgroup, and where a
 * process was before a command that fails. */
#ifndef VTCTL_CGROUPFS_H
#define VTCTL_CGROUPFS_H

#include <stdbool.h>
#include <sys/types.h>

#include "vt.h"

/* cgroup.freeze of this directory says 1. */
bool vtctl_is_held(const char *directory);

/* Cut the last component off: the directory above, in place. False at the root of the hierarchy,
 * which has no cgroup.freeze. */
bool vtctl_go_up(char *directory);

/* The cgroup path of a directory: what follows the mount point. A part of the argument. */
const char *vtctl_cgroup_path(const char *directory);

/* The cgroup2 path of a process, to be freed; NULL if it is gone. */
char *vtctl_where(pid_t pid);

/* Put a process back where vtctl_where() found it: as a member if that is a group. */
void vtctl_put_back(struct vt *vt, pid_t pid, const char *path);

#endif /* VTCTL_CGROUPFS_H */
