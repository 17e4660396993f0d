/* SPDX-License-Identifier: MIT */
/* vtctl rate GROUP R|--tdf K: continuous, also for waits under way. */
#include "groups.h"

static int take(struct vtctl_args *args)
{
	bool has_tdf = args->given & OPT_TDF;

	if (has_tdf != (args->count == 1))
		return vtctl_usage_error("give one of R and --tdf K; usage: vtctl rate %s",
					 args->verb->synopsis);
	return has_tdf ? EXIT_OK : vtctl_take_rate(args->operands[1], args);
}

int vtctl_rate(struct vtctl_args *args)
{
	struct vt_group *g;
	struct vt *vt;
	int status = take(args);

	if (status == EXIT_OK)
		status = vtctl_open_group(args, &vt, &g);
	if (status != EXIT_OK)
		return status;
	if (vt_group_set_rate(g, args->rate) != 0)
		status = vtctl_failure_of_vt();
	return vtctl_close_changed(vt, g, status);
}
