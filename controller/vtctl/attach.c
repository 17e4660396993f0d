/* SPDX-License-Identifier: MIT */
/* vtctl attach GROUP PID...: running processes become members. */
#include <json-c/json.h>

#include "daemon.h"
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

/* A board takes nobody who could keep vtd from freezing it. */
static int ask_daemon(struct vt_group *g, pid_t pid)
{
	struct json_object *said = vtctl_daemon_ask(false, "may %d %s", (int)pid, vt_group_name(g));
	struct json_object *error = NULL, *number = NULL;
	int status = EXIT_OK;

	if (said && json_object_object_get_ex(said, "error", &error) &&
	    json_object_object_get_ex(said, "errno", &number) && json_object_get_int(number) == EPERM)
		status = vtctl_failure("cannot move process '%d' to group '%s': %s", (int)pid,
				       vt_group_name(g), json_object_get_string(error));
	json_object_put(said);
	return status;
}

static int ask_for_all(struct vt_group *g, const struct vtctl_moves *moves)
{
	int i, status = EXIT_OK;

	for (i = 0; i < moves->count && status == EXIT_OK; i++)
		status = ask_daemon(g, moves->items[i].pid);
	return status;
}

static int attach_all(const struct vtctl_args *args, struct vtctl_moves *moves)
{
	struct target t = { NULL, args->given & OPT_ALLOW_STEP ? VT_ATTACH_ALLOW_STEP : 0 };
	struct vt *vt;
	int status = vtctl_open_group(args, &vt, &t.g);

	if (status != EXIT_OK)
		return status;
	status = ask_for_all(t.g, moves);
	if (status == EXIT_OK)
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
