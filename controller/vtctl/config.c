/* SPDX-License-Identifier: MIT */
/* vtctl config check [FILE]: every mistake in the configuration of vtd, in a line of its own. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "report.h"
#include "verbs.h"

struct config_record {
	uint64_t files, boards;
};

static const struct vtctl_table table = {
	sizeof(struct config_record),
	(const struct vtctl_field[]){
		{ "files", "files", NULL, KIND_COUNT, offsetof(struct config_record, files) },
		{ "boards", "boards", NULL, KIND_COUNT, offsetof(struct config_record, boards) },
		{ 0 } },
};

static void tell(const char *mistake)
{
	vtctl_failure("%s", mistake);
}

int vtctl_config(struct vtctl_args *args)
{
	struct config_record record;
	struct vt_config config;
	int mistakes;

	if (strcmp(args->operands[0], "check") != 0)
		return vtctl_usage_error("unknown word '%s'; usage: vtctl config check [FILE]",
					 args->operands[0]);
	mistakes = vt_config_read(&config, args->operands[1], tell);
	record = (struct config_record){ (uint64_t)config.files, (uint64_t)config.count };
	vt_config_free(&config);
	if (mistakes)
		return EXIT_FAILED;
	vtctl_print_record(&table, &record);
	return EXIT_OK;
}
