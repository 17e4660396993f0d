/* SPDX-License-Identifier: MIT */
/* vtctl show [GROUP]: all there is to know. */
#include "groups.h"

int vtctl_show(struct vtctl_args *args)
{
	struct vt_group *g;
	struct vt *vt;
	int status;

	if (args->count == 0)
		return vtctl_print_groups(vtctl_print_records);
	status = vtctl_open_group(args, &vt, &g);
	if (status != EXIT_OK)
		return status;
	status = vtctl_print_group(vt, g);
	vt_group_close(g);
	vt_close(vt);
	return status;
}
