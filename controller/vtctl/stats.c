/* SPDX-License-Identifier: MIT */
/* vtctl stats: what was lost or raced and tolerated since load, and who listens to events. */
#include "groups.h"

struct listener {
	pid_t pid;
	uint64_t lost;
};

struct stats {
	struct vt_counters counters;
	struct vtctl_rows listeners;
};

#define FIELD(key, label) { #key, label, NULL, KIND_COUNT, offsetof(struct vt_counters, key) }
#define LISTENER(key, kind) { #key, #key, NULL, kind, offsetof(struct listener, key) }

static const struct vtctl_table listener_table = {
	sizeof(struct listener),
	(const struct vtctl_field[]){ LISTENER(pid, KIND_PID), LISTENER(lost, KIND_COUNT), { 0 } },
};

static const struct vtctl_table table = {
	sizeof(struct stats),
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
		{ "listeners", "listeners, lost", NULL, KIND_ROWS, offsetof(struct stats, listeners) },
		{ 0 } },
};

static void print(const struct vt_counters *counters, const struct vt_listener *found, int count)
{
	struct listener items[VT_LISTENERS_MAX];
	struct stats stats = { *counters, { &listener_table, items, count } };
	int i;

	for (i = 0; i < count; i++)
		items[i] = (struct listener){ (pid_t)found[i].pid, found[i].lost };
	vtctl_print_record(&table, &stats);
}

int vtctl_stats(struct vtctl_args *args)
{
	struct vt_listener found[VT_LISTENERS_MAX];
	struct vt_counters counters;
	struct vt *vt;
	int count, status = vtctl_open(&vt);

	(void)args;
	if (status != EXIT_OK)
		return status;
	count = vt_counters(vt, &counters);
	if (!count)
		count = vt_events_listeners(vt, found);
	vt_close(vt);
	if (count < 0)
		return vtctl_failure_of_vt();
	print(&counters, found, count);
	return EXIT_OK;
}
