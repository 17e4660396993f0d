/* SPDX-License-Identifier: MIT */
/* Names of groups by their ids; a group that has gone keeps the name that it was last known by. */
#ifndef VTCTL_NAMES_H
#define VTCTL_NAMES_H

#include "vt.h"

struct vtctl_name {
	uint64_t id;
	char *name;
};

struct vtctl_names {
	struct vtctl_name *items; /* by id */
	size_t count;
};

/* Learn the names of all groups that there are. 0 or a negative errno, said by libvt. */
int vtctl_names_fill(struct vtctl_names *names, struct vt *vt);
/* "#ID" for one that had gone before it was asked for. Valid as long as names. */
const char *vtctl_name_of(struct vtctl_names *names, struct vt *vt, uint64_t id);
void vtctl_names_free(struct vtctl_names *names);

#endif /* VTCTL_NAMES_H */
