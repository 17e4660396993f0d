/* SPDX-License-Identifier: MIT */
/* vtctl list: a line per group. */
#include "groups.h"

int vtctl_list(struct vtctl_args *args)
{
	(void)args;
	return vtctl_print_groups(vtctl_print_rows);
}
