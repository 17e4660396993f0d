/* SPDX-License-Identifier: MIT */
/* vtctl attach GROUP PID...: running processes become members. */
#include "groups.h"
#include "moves.h"

struct target {
	struct vt_group *g;
	unsigned int flags;
};

static int attach(struct vt *vt, pid_t pid, void *arg)
{
	const struct target *t = arg;

	(void)vt;
	return vt_group_attach(t->g, pid, t->flags);
}

static int attach_all(const struct vtctl_args *args, struct vtctl_moves *moves)
{
	struct target t = { NULL, args->given & OPT_ALLOW_STEP ? VT_ATTACH_ALLOW_STEP : 0 };
	struct vt *vt;
	int status = vtctl_open_group(args, &vt, &t.g);

	if (status != EXIT_OK)
		return status;
	status = vtctl_moves_do(moves, vt, attach, &t);
	vt_group_close(t.g);
	vt_close(vt);
	return status;
}

int vtctl_attach(struct vtctl_args *args)
{
	struct vtctl_moves moves;
	int status = vtctl_moves_take(args->operands + 1, args->count - 1, &moves);

	if (status == EXIT_OK)
		status = attach_all(args, &moves);
	vtctl_moves_free(&moves);
	return status;
}
