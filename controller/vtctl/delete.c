/* SPDX-License-Identifier: MIT */
/* vtctl delete GROUP [--kill]. */
#include "groups.h"

struct delete_record {
	const char *deleted;
};

static const struct vtctl_table table = {
	sizeof(struct delete_record),
	(const struct vtctl_field[]){
		{ "deleted", NULL, NULL, KIND_TEXT, offsetof(struct delete_record, deleted) }, { 0 } },
};

int vtctl_delete(struct vtctl_args *args)
{
	struct delete_record record = { args->operands[0] };
	struct vt_group *g;
	struct vt *vt;
	int err, status = vtctl_open_group(args, &vt, &g);

	if (status != EXIT_OK)
		return status;
	err = vt_group_delete(g, args->given & OPT_KILL);
	if (err == -EBUSY && !(args->given & OPT_KILL))
		status = vtctl_failure("%s; detach them, or use --kill", vt_message());
	else if (err)
		status = vtctl_failure_of_vt();
	else
		vtctl_print_record(&table, &record);
	vt_group_close(g);
	vt_close(vt);
	return status;
}
