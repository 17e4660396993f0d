/* SPDX-License-Identifier: MIT */
/* vtctl create GROUP: a group with a clock, or without one if that is asked for. */
#include "groups.h"

static int check(const struct vtctl_args *args)
{
	unsigned int of_a_clock = OPT_RATE | OPT_TDF | OPT_EPOCH;

	if ((args->given & OPT_FREEZE_ONLY) && (args->given & of_a_clock))
		return vtctl_usage_error("--freeze-only makes a group without a clock: "
					 "--rate, --tdf and --epoch do not go with it");
	return EXIT_OK;
}

static int create(struct vt *vt, const struct vtctl_args *args)
{
	struct vt_group_options options = {
		.rate = args->rate,
		.has_epoch = args->given & OPT_EPOCH,
		.epoch_ns = args->epoch_ns,
		.freeze_only = args->given & OPT_FREEZE_ONLY,
	};
	struct vt_group *g = NULL;
	int status = EXIT_OK;

	if (vtctl_lacks_clock(vt, args))
		return EXIT_FAILED;
	if (vt_group_create(vt, args->operands[0], &options, &g) != 0)
		return vtctl_failure_of_vt();
	if (vtctl_speaks_json())
		status = vtctl_print_group(vt, g);
	vt_group_close(g);
	return status;
}

/* With --create of `vtctl run` as well. */
bool vtctl_lacks_clock(struct vt *vt, const struct vtctl_args *args)
{
	if (vt_has_clock(vt) || (args->given & OPT_FREEZE_ONLY))
		return false;
	vtctl_failure("cannot create '%s': this kernel has no virtual clocks (the vt series is "
		      "missing); vtctl create --freeze-only makes a group without one",
		      args->operands[0]);
	return true;
}

int vtctl_create(struct vtctl_args *args)
{
	struct vt *vt;
	int status = check(args);

	if (status == EXIT_OK)
		status = vtctl_open(&vt);
	if (status != EXIT_OK)
		return status;
	status = create(vt, args);
	vt_close(vt);
	return status;
}
