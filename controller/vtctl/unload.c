/* SPDX-License-Identifier: MIT */
/* vtctl unload [--force]: without force only while no clock would be lost. */
#include "report.h"
#include "verbs.h"

struct unload_record {
	bool loaded;
};

static const struct vtctl_table table = {
	sizeof(struct unload_record),
	(const struct vtctl_field[]){
		{ "loaded", NULL, NULL, KIND_FLAG, offsetof(struct unload_record, loaded) }, { 0 } },
};

int vtctl_unload(struct vtctl_args *args)
{
	struct unload_record record = { false };
	int err = vt_unload(args->given & OPT_FORCE);

	if (err == -EBUSY)
		return vtctl_failure("%s; vtctl delete them first, or use --force", vt_message());
	if (err)
		return vtctl_failure_of_vt();
	vtctl_print_record(&table, &record);
	return EXIT_OK;
}
