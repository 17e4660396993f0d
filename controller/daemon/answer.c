// SPDX-License-Identifier: MIT
/*
 * What is said on the sockets. An answer is an object: "boards" with what is known of them, or
 * "error" in one line.
 */
#define _GNU_SOURCE /* vasprintf */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h" /* vtctl's text for JSON */
#include "vtd.h"

/* ---- what is known of a board -------------------------------------------------------------------- */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, vtctl_json_text(text));
}

static void add_number(struct json_object *o, const char *key, int64_t number)
{
	json_object_object_add(o, key, json_object_new_int64(number));
}

static void add_flag(struct json_object *o, const char *key, bool flag)
{
	json_object_object_add(o, key, json_object_new_boolean(flag));
}

static void add_line(struct json_object *o, const char *key, const struct vt_config_line *line)
{
	char text[512];

	snprintf(text, sizeof(text), "%.200s %.200s", line->chip ? line->chip : "",
		 line->line ? line->line : "");
	add_text(o, key, line->chip ? text : NULL);
}

static void add_hold(struct json_object *holds, const char *kind, const char *owner, int64_t age_ns)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "kind", kind);
	add_text(o, "owner", owner);
	add_number(o, "age_ns", age_ns);
	json_object_array_add(holds, o);
}

static struct json_object *holds_of(const struct unit *u)
{
	struct json_object *holds = json_object_new_array();
	const struct vt_board *b = u->board;
	int64_t now_ns = vtd_now_ns();

	for (int i = 0; i < VT_HOLDS; i++)
		if (b->holds[i].on)
			add_hold(holds, vt_hold_name((enum vt_hold_kind)i), b->holds[i].owner,
				 now_ns - b->holds[i].since_ns);
	if (b->wire)
		add_hold(holds, "wire",
			 vt_board_held_by_wire(b) ? "another board" : "this board, perhaps others",
			 now_ns - b->turned_ns[true]);
	return holds;
}

static void add_counters(struct json_object *o, const struct vt_board_counters *c)
{
	add_number(o, "edges", (int64_t)c->edges);
	add_number(o, "lost", (int64_t)c->lost);
	add_number(o, "spurious", (int64_t)c->spurious);
	add_number(o, "late", (int64_t)c->late);
	add_number(o, "healed", (int64_t)c->healed);
	add_number(o, "overruns", (int64_t)c->overruns);
	add_number(o, "faults", (int64_t)c->faults);
	add_number(o, "fights", (int64_t)c->fights);
	add_number(o, "resyncs", (int64_t)c->resyncs);
}

static void add_board(struct json_object *o, const struct unit *u)
{
	const struct vt_board *b = u->board;

	add_flag(o, "wire", b->wire);
	add_flag(o, "drives", vt_board_drives(b));
	add_flag(o, "frozen", b->frozen);
	add_flag(o, "fault", b->fault);
	add_number(o, "latch_ns", b->config.latch_ns);
	add_number(o, "last_ns", u->last_ns);
	add_number(o, "worst_ns", u->worst_ns);
	add_number(o, "wire_ns", b->wire_ns);
	add_number(o, "frozen_ns", b->frozen_ns);
	json_object_object_add(o, "holds", holds_of(u));
	add_counters(o, &b->counters);
}

static struct json_object *describe(const struct unit *u)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "group", u->config->group);
	add_line(o, "output", &u->config->output);
	add_line(o, "input", &u->config->input);
	add_flag(o, "present", u->group);
	add_text(o, "refused", u->refused[0] ? u->refused : NULL);
	if (u->board)
		add_board(o, u);
	return o;
}

static struct json_object *boards(const struct vtd *d, const struct unit *only)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (int i = 0; i < d->count; i++)
		if (!only || only == &d->units[i])
			json_object_array_add(list, describe(&d->units[i]));
	add_number(o, "priority", d->priority);
	json_object_object_add(o, "boards", list);
	return o;
}

__attribute__((format(printf, 2, 3)))
static struct json_object *error(int error, const char *format, ...)
{
	struct json_object *o = json_object_new_object();
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) >= 0)
		add_text(o, "error", text);
	va_end(ap);
	free(text);
	add_number(o, "errno", error);
	return o;
}

/* ---- requests ------------------------------------------------------------------------------ */

static struct unit *find(struct vtd *d, const char *group)
{
	for (int i = 0; i < d->count; i++)
		if (strcmp(d->units[i].config->group, group) == 0 ||
		    (d->units[i].group && strcmp(vt_group_name(d->units[i].group), group) == 0))
			return &d->units[i];
	return NULL;
}

static struct json_object *hold(struct unit *u, const struct vt_ask_line *ask, const struct peer *peer)
{
	const struct vt_hold *h = &u->board->holds[ask->kind];

	if (h->on)
		return error(EALREADY, "cannot hold group '%s': %s holds it already", ask->group, h->owner);
	vt_board_hold(u->board, ask->kind, peer->name, vtd_now_ns());
	unit_settle(u);
	return boards(u->vtd, u);
}

static struct json_object *release(struct unit *u, const struct vt_ask_line *ask)
{
	if (!u->board->holds[ask->kind].on)
		return error(EALREADY, "cannot release group '%s': no %s holds it", ask->group,
			     vt_hold_name(ask->kind));
	vt_board_release(u->board, ask->kind);
	unit_settle(u);
	return boards(u->vtd, u);
}

static struct json_object *may(struct unit *u, const struct vt_ask_line *ask)
{
	char why[VTD_REASON_MAX];

	if (members_refuses(u->vtd->priority, ask->pid, why, sizeof(why)))
		return error(EPERM, "%s", why);
	return boards(u->vtd, u);
}

static struct json_object *control(struct unit *u, const struct vt_ask_line *ask,
				   const struct peer *peer)
{
	struct json_object *said;

	if (!peer->may_control)
		return error(EPERM, "not permitted: to hold and release is for root and the group 'vt', at "
			     "the socket 'control'");
	if (u->refused[0])
		return error(EPERM, "group '%s' is not taken charge of: %s", ask->group, u->refused);
	if (!u->board)
		return error(ENODEV, "there is no group '%s' yet", ask->group);
	said = ask->ask == VT_ASK_HOLD ? hold(u, ask, peer) : release(u, ask);
	return said;
}

static struct json_object *serve(struct vtd *d, const struct peer *peer, const struct vt_ask_line *ask)
{
	struct unit *u = ask->group ? find(d, ask->group) : NULL;

	if (ask->ask == VT_ASK_SHOW && !ask->group)
		return boards(d, NULL);
	if (!u)
		return error(ENOENT, "vtd has no board '%s'", ask->group);
	if (ask->ask == VT_ASK_SHOW)
		return boards(d, u);
	return ask->ask == VT_ASK_MAY ? may(u, ask) : control(u, ask, peer);
}

char *answer(struct vtd *d, const struct peer *peer, char *line)
{
	struct vt_ask_line ask;
	struct json_object *o;
	char *text = NULL;

	if (vt_parse_request(line, &ask))
		o = error(EINVAL, "bad request; legal: show [GROUP], may PID GROUP, "
			  "hold or release, user or step, GROUP");
	else
		o = serve(d, peer, &ask);
	if (asprintf(&text, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		text = NULL;
	json_object_put(o);
	return text;
}
