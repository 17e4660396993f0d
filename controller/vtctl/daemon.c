/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* open_memstream, vasprintf */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"

#define RUN_DIR "/run/vt"
#define PATIENCE_S 10

static char reason[512];
static bool by_daemon;

const char *vtctl_daemon_why(void)
{
	return by_daemon ? reason : vt_message();
}

/* ---- the wire to vtd ------------------------------------------------------------------------- */

static int call(bool control)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *dir = getenv("VT_RUN");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir && *dir ? dir : RUN_DIR,
		 control ? "control" : "read");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One line, to be freed. */
static char *listen_to(int fd)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;

	if (!in) {
		close(fd);
		return NULL;
	}
	if (getline(&line, &size, in) < 0) {
		free(line);
		line = NULL;
	}
	fclose(in);
	return line;
}

static struct json_object *ask(bool control, const char *request)
{
	struct json_object *said = NULL;
	int fd = call(control);
	char *line;

	if (fd < 0)
		return NULL;
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request) ||
	    send(fd, "\n", 1, MSG_NOSIGNAL) != 1) {
		close(fd);
		return NULL;
	}
	line = listen_to(fd);
	if (line)
		said = json_tokener_parse(line);
	free(line);
	return said;
}

struct json_object *vtctl_daemon_ask(bool control, const char *format, ...)
{
	struct json_object *said = NULL;
	char *request = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&request, format, ap) >= 0) {
		said = ask(control, request);
		free(request);
	}
	va_end(ap);
	return said;
}

/* ---- answers ------------------------------------------------------------------------------- */

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *found = NULL;

	json_object_object_get_ex(o, key, &found);
	return found;
}

struct json_object *vtctl_daemon_board(struct json_object *said)
{
	struct json_object *boards = member(said, "boards");

	return boards && json_object_is_type(boards, json_type_array) &&
			       json_object_array_length(boards) == 1
		       ? json_object_array_get_idx(boards, 0) : NULL;
}

/* 1 done, 0 not vtd's, or a negative errno. */
static int tell(const char *what, struct vt_group *g)
{
	struct json_object *said = vtctl_daemon_ask(true, "%s %s", what, vt_group_name(g));
	struct json_object *error = member(said, "error");
	int err = error ? json_object_get_int(member(said, "errno")) : 0;

	if (error)
		snprintf(reason, sizeof(reason), "%s", json_object_get_string(error));
	err = !said || err == ENOENT ? 0 : error ? -(err > 0 ? err : EIO) : 1;
	by_daemon = err < 0;
	json_object_put(said);
	return err;
}

int vtctl_hold(struct vt_group *g)
{
	int err = tell("hold user", g);

	return err ? (err > 0 ? 0 : err) : vt_group_freeze(g);
}

/* What no user holds a step may. Held by nobody here, frozen all the same: the wire's doing, which who
 * waits will be told. */
int vtctl_release(struct vt_group *g)
{
	int err = tell("release user", g);

	if (err == -EALREADY)
		err = tell("release step", g);
	if (err == -EALREADY)
		return 0;
	return err ? (err > 0 ? 0 : err) : vt_group_thaw(g);
}

bool vtctl_is_wired(struct vt_group *g)
{
	struct json_object *said = vtctl_daemon_ask(false, "show %s", vt_group_name(g));
	bool is_wired = member(vtctl_daemon_board(said), "input");

	json_object_put(said);
	return is_wired;
}

bool vtctl_is_held_by_wire(struct vt_group *g)
{
	struct json_object *said = vtctl_daemon_ask(false, "show %s", vt_group_name(g));
	struct json_object *board = vtctl_daemon_board(said);
	bool is_held = json_object_get_boolean(member(board, "wire")) &&
		       !json_object_get_boolean(member(board, "drives"));

	json_object_put(said);
	return is_held;
}

static void write_holds(FILE *out, struct json_object *holds)
{
	size_t n = json_object_array_length(holds);

	for (size_t i = 0; i < n; i++) {
		struct json_object *hold = json_object_array_get_idx(holds, i);

		fprintf(out, "%s%s: %s", i ? ", " : "", json_object_get_string(member(hold, "kind")),
			json_object_get_string(member(hold, "owner")));
	}
}

char *vtctl_holders(struct vt_group *g)
{
	struct json_object *said = vtctl_daemon_ask(false, "show %s", vt_group_name(g));
	struct json_object *holds = member(vtctl_daemon_board(said), "holds");
	char *text = NULL;
	size_t size;
	FILE *out;

	if (holds && json_object_array_length(holds) > 0) {
		out = open_memstream(&text, &size);
		if (out) {
			write_holds(out, holds);
			fclose(out);
		}
	}
	json_object_put(said);
	return text;
}
