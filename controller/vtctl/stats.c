/* SPDX-License-Identifier: MIT */
/* vtctl stats: what was lost or raced and tolerated since load. */
#include "groups.h"

#define FIELD(key, label) { #key, label, NULL, KIND_COUNT, offsetof(struct vt_counters, key) }

static const struct vtctl_table table = {
	sizeof(struct vt_counters),
	(const struct vtctl_field[]){
		FIELD(records, "records written"),
		FIELD(records_lost, "records lost"),
		FIELD(clock_errors, "clock errors"),
		FIELD(double_freezes, "double freezes"),
		FIELD(double_thaws, "double thaws"),
		FIELD(groups_released, "groups released"),
		FIELD(hand_joins, "hand joins"),
		FIELD(untracked, "untracked"),
		FIELD(too_deep, "too deep"),
		{ 0 } },
};

int vtctl_stats(struct vtctl_args *args)
{
	struct vt_counters counters;
	struct vt *vt;
	int err, status = vtctl_open(&vt);

	(void)args;
	if (status != EXIT_OK)
		return status;
	err = vt_counters(vt, &counters);
	vt_close(vt);
	if (err)
		return vtctl_failure_of_vt();
	vtctl_print_record(&table, &counters);
	return EXIT_OK;
}
