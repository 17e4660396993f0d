/* SPDX-License-Identifier: MIT */
/* vtctl detach PID...: members leave for the cgroup2 root and the host's time. */
#include "groups.h"
#include "moves.h"

static int detach(struct vt *vt, pid_t pid, void *arg)
{
	(void)arg;
	return vt_detach(vt, pid);
}

int vtctl_detach(struct vtctl_args *args)
{
	struct vtctl_moves moves;
	struct vt *vt;
	int status = vtctl_moves_take(args->operands, args->count, &moves);

	if (status == EXIT_OK)
		status = vtctl_open(&vt);
	if (status == EXIT_OK) {
		status = vtctl_moves_do(&moves, vt, detach, NULL);
		vt_close(vt);
	}
	vtctl_moves_free(&moves);
	return status;
}
