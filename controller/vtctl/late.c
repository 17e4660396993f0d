/* SPDX-License-Identifier: MIT */
/* vtctl late [GROUP...]: how late groups are, and what freezing them cost. */
#include <stdlib.h>

#include "groups.h"

struct late {
	const char *name;
	int64_t virtual_ns, real_ns, lag_ns, frozen_ns;
	uint64_t freezes;
	int64_t a_ns, b_ns, c_ns, d_ns, worst_stop_ns, worst_start_ns;
};

#define FIELD(key, label, kind) { #key, label, NULL, kind, offsetof(struct late, key) }

static const struct vtctl_table table = {
	sizeof(struct late),
	(const struct vtctl_field[]){ FIELD(name, "group", KIND_TEXT),
				      FIELD(virtual_ns, "virtual time", KIND_INSTANT),
				      FIELD(real_ns, "real time", KIND_INSTANT),
				      FIELD(lag_ns, "lag", KIND_DURATION),
				      FIELD(frozen_ns, "frozen", KIND_DURATION),
				      FIELD(freezes, "freezes", KIND_COUNT),
				      FIELD(a_ns, "a, freeze", KIND_INSTANT),
				      FIELD(b_ns, "b, stopped", KIND_INSTANT),
				      FIELD(c_ns, "c, thaw", KIND_INSTANT),
				      FIELD(d_ns, "d, running", KIND_INSTANT),
				      FIELD(worst_stop_ns, "worst b - a", KIND_DURATION),
				      FIELD(worst_start_ns, "worst d - c", KIND_DURATION),
				      { 0 } },
};

static int fill(struct late *l, struct vt_group *g)
{
	struct vt_late late;

	if (vt_clock_late(g, &late) != 0)
		return vtctl_failure_of_vt();
	*l = (struct late){
		.name = vt_group_name(g),
		.virtual_ns = late.virt.ns,
		.real_ns = late.real.ns,
		.lag_ns = late.lag_ns,
		.frozen_ns = late.frozen_ns,
		.freezes = late.freezes,
		.a_ns = late.a.ns,
		.b_ns = late.b.ns,
		.c_ns = late.c.ns,
		.d_ns = late.d.ns,
		.worst_stop_ns = late.worst_stop_ns,
		.worst_start_ns = late.worst_start_ns,
	};
	return EXIT_OK;
}

static int print(const struct vtctl_groups *groups)
{
	struct late *items = calloc((size_t)groups->count + 1, sizeof(*items));
	int i, status = EXIT_OK;

	if (!items)
		return vtctl_failure("out of memory");
	for (i = 0; i < groups->count && status == EXIT_OK; i++)
		status = fill(&items[i], groups->items[i]);
	if (status == EXIT_OK)
		vtctl_print_records(&(struct vtctl_rows){ &table, items, groups->count });
	free(items);
	return status;
}

int vtctl_late(struct vtctl_args *args)
{
	struct vtctl_groups groups;
	int status;

	if (args->count == 0)
		args->given |= OPT_ALL; /* no names: all of them */
	status = vtctl_groups_open(args, &groups);
	if (status != EXIT_OK)
		return status;
	status = print(&groups);
	vtctl_groups_close(&groups);
	return status;
}
