/* SPDX-License-Identifier: MIT */
/* vtctl load: once after boot; the programs then work without any process of ours. */
#include "report.h"
#include "verbs.h"

struct load_record {
	bool loaded, has_clock;
	uint64_t layout;
};

static const struct vtctl_table table = {
	sizeof(struct load_record),
	(const struct vtctl_field[]){
		{ "loaded", NULL, NULL, KIND_FLAG, offsetof(struct load_record, loaded) },
		{ "has_clock", NULL, NULL, KIND_FLAG, offsetof(struct load_record, has_clock) },
		{ "layout", NULL, NULL, KIND_COUNT, offsetof(struct load_record, layout) },
		{ 0 } },
};

int vtctl_load(struct vtctl_args *args)
{
	struct load_record record = { true, false, VT_LAYOUT_VERSION };
	struct vt *vt;

	(void)args;
	if (vt_load() != 0 || vt_open(&vt) != 0)
		return vtctl_failure_of_vt();
	record.has_clock = vt_has_clock(vt);
	vt_close(vt);
	vtctl_print_record(&table, &record);
	return EXIT_OK;
}
