/* SPDX-License-Identifier: MIT */
/*
 * vtctl run GROUP [--create] [--] CMD...: joins, then becomes CMD. A command that cannot be started
 * gives 127 (not found) or 126, as in a shell, and does not leave a group behind.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"

enum {
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
};

static int open_or_create(struct vt *vt, const struct vtctl_args *args, struct vt_group **g, bool *made)
{
	int err = vt_group_open(vt, args->operands[0], g);

	if (err == -ENOENT && (args->given & OPT_CREATE)) {
		if (vtctl_lacks_clock(vt, args))
			return EXIT_FAILED;
		err = vt_group_create(vt, args->operands[0], &(struct vt_group_options){ 0 }, g);
		*made = err == 0;
	}
	return err ? vtctl_failure_of_vt() : EXIT_OK;
}

static int become(char **command)
{
	int err;

	execvp(command[0], command);
	err = errno;
	vtctl_failure("cannot run '%s': %s", command[0], strerror(err));
	return err == ENOENT || err == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

static int join_and_become(struct vt_group *g, char **command)
{
	if (vt_group_join(g) != 0)
		return vtctl_failure_of_vt();
	return become(command);
}

int vtctl_run(struct vtctl_args *args)
{
	struct vt_group *g = NULL;
	struct vt *vt;
	bool made = false;
	int status = vtctl_open(&vt);

	if (status != EXIT_OK)
		return status;
	status = open_or_create(vt, args, &g, &made);
	if (status == EXIT_OK)
		status = join_and_become(g, args->operands + 1);
	if (made) {
		vt_detach(vt, getpid());
		vt_group_delete(g, false);
	}
	vt_group_close(g);
	vt_close(vt);
	return status;
}
