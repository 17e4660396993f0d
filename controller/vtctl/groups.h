/* SPDX-License-Identifier: MIT */
/* What several verbs do with groups: open them, describe them, look at the holds on them. */
#ifndef VTCTL_GROUPS_H
#define VTCTL_GROUPS_H

#include "report.h"
#include "verbs.h"

/* Say that this kernel has no clock to give, unless --freeze-only asks for none. */
bool vtctl_lacks_clock(struct vt *vt, const struct vtctl_args *args);

/* Each opens, and says why if it cannot; exit status. */

int vtctl_open(struct vt **vt);
/* The group that the first operand names, and vt to be closed. */
int vtctl_open_group(const struct vtctl_args *args, struct vt **vt, struct vt_group **g);

/* Several groups, parents before children. */
struct vtctl_groups {
	struct vt *vt;
	struct vt_group **items;
	bool *asked; /* this command has told items[i] to freeze */
	int count;
};

/* All groups if args have --all, else those that the operands name. Exit status. */
int vtctl_groups_open(const struct vtctl_args *args, struct vtctl_groups *groups);
void vtctl_groups_close(struct vtctl_groups *groups);

/* Print a row for each group, filled by fill(); only: for those with a true. Exit status. */
int vtctl_print_filled(const struct vtctl_groups *groups, const bool *only,
		       const struct vtctl_table *table, void (*fill)(void *row, struct vt_group *g));

/* ---- the record of a group ------------------------------------------------------------------ */

struct vtctl_hold {
	const char *kind; /* "user": its own cgroup.freeze, "step": a step has ended, "ancestor": one
			   * above; of a board also "wire" */
	char *owner;      /* cgroup path; of a board who it is */
	int64_t age_ns;   /* at least, for an ancestor that is no group */
};

struct vtctl_group {
	char *name, *path;
	const char *level, *state;
	char rate[32], tdf[32];
	bool is_virtual;
	int64_t virtual_ns, real_ns, end_ns, lag_ns, epoch_ns, frozen_ns;
	int64_t a_ns, b_ns, c_ns;
	uint64_t freezes, tasks, joins, leaves, forks, steps_back;
	struct vtctl_rows holds; /* of struct vtctl_hold */
};

extern const struct vtctl_table vtctl_group_table;

/* Fill *record; to be freed. Exit status. */
int vtctl_describe(struct vt *vt, struct vt_group *g, struct vtctl_group *record);
void vtctl_describe_free(struct vtctl_group *record);

/* Print the record of one group. Exit status. */
int vtctl_print_group(struct vt *vt, struct vt_group *g);
/* The end of a command that was to change a group: with -j print its record, if the status is EXIT_OK;
 * close both. Exit status. */
int vtctl_close_changed(struct vt *vt, struct vt_group *g, int status);

/* Print all groups with one of the vtctl_print_… functions. Exit status. */
int vtctl_print_groups(void (*print)(const struct vtctl_rows *rows));

#endif /* VTCTL_GROUPS_H */
