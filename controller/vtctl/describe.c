/* SPDX-License-Identifier: MIT */
/* The record of a group, as show, list, create and rate print it. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cgroupfs.h"
#include "daemon.h"
#include "groups.h"

#define FIELD(key, label, column, kind) { #key, label, column, kind, offsetof(struct vtctl_group, key) }
#define HOLD(key, label, kind) { #key, label, NULL, kind, offsetof(struct vtctl_hold, key) }

static const struct vtctl_table hold_table = {
	sizeof(struct vtctl_hold),
	(const struct vtctl_field[]){ HOLD(kind, "kind", KIND_TEXT),
				      HOLD(owner, "owner", KIND_TEXT),
				      HOLD(age_ns, "age", KIND_DURATION),
				      { 0 } },
};

const struct vtctl_table vtctl_group_table = {
	sizeof(struct vtctl_group),
	(const struct vtctl_field[]){
		FIELD(name, "group", "GROUP", KIND_TEXT),
		FIELD(path, "path", NULL, KIND_TEXT),
		FIELD(level, "level", NULL, KIND_TEXT),
		FIELD(is_virtual, "virtual", "VIRTUAL", KIND_FLAG),
		FIELD(state, "state", "STATE", KIND_TEXT),
		FIELD(rate, "rate", "RATE", KIND_NUMBER),
		FIELD(tdf, "tdf", NULL, KIND_NUMBER),
		FIELD(virtual_ns, "virtual time", NULL, KIND_INSTANT),
		FIELD(real_ns, "real time", NULL, KIND_INSTANT),
		FIELD(end_ns, "stops by itself at", NULL, KIND_INSTANT),
		FIELD(lag_ns, "lag", "LAG", KIND_DURATION),
		FIELD(epoch_ns, "epoch", NULL, KIND_DURATION),
		FIELD(frozen_ns, "frozen", "FROZEN", KIND_DURATION),
		FIELD(freezes, "freezes", "FREEZES", KIND_COUNT),
		FIELD(tasks, "tasks", "TASKS", KIND_COUNT),
		FIELD(holds, "holds", NULL, KIND_ROWS),
		FIELD(joins, "joins", NULL, KIND_COUNT),
		FIELD(leaves, "leaves", NULL, KIND_COUNT),
		FIELD(forks, "forks", NULL, KIND_COUNT),
		FIELD(steps_back, "steps back", NULL, KIND_COUNT),
		FIELD(a_ns, "a, freeze", NULL, KIND_INSTANT),
		FIELD(b_ns, "b, stopped", NULL, KIND_INSTANT),
		FIELD(c_ns, "c, thaw", NULL, KIND_INSTANT),
		{ 0 } },
};

/* ---- holds --------------------------------------------------------------------------------- */

static int64_t age_of(const struct vt_status *s)
{
	int64_t age = s->books.a_ns ? s->real.ns - (int64_t)s->books.a_ns : 0;

	/* The end of a step is known before it is there. */
	return age > 0 ? age : 0;
}

/* An ancestor that is a group knows when its freeze began; else this group's own began no later. */
static int64_t age_of_ancestor(struct vt *vt, const char *owner, const struct vt_status *s)
{
	struct vt_status above;
	struct vt_group *g = NULL;
	int64_t age = age_of(s);

	if (vt_group_open(vt, owner, &g) == 0) {
		if (vt_group_status(g, &above) == 0)
			age = age_of(&above);
		vt_group_close(g);
	}
	return age;
}

static void add_hold(struct vtctl_rows *rows, const char *kind, const char *owner, int64_t age)
{
	struct vtctl_hold *holds = realloc((void *)rows->items, ((size_t)rows->count + 1) * sizeof(*holds));

	if (!holds)
		return;
	rows->items = holds;
	holds[rows->count] = (struct vtctl_hold){ kind, strdup(owner), age };
	rows->count++;
}

/* One of the kinds of vtd, which outlives the answer. */
static const char *kind_of(const char *kind)
{
	static const char *const kinds[] = { "user", "step", "wire" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kind && strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	return "other";
}

static void add_holds_of(struct vtctl_rows *rows, struct json_object *holds)
{
	size_t n = json_object_array_length(holds);
	struct json_object *kind, *owner, *age;

	for (size_t i = 0; i < n; i++) {
		struct json_object *hold = json_object_array_get_idx(holds, i);

		if (json_object_object_get_ex(hold, "kind", &kind) &&
		    json_object_object_get_ex(hold, "owner", &owner) &&
		    json_object_object_get_ex(hold, "age_ns", &age))
			add_hold(rows, kind_of(json_object_get_string(kind)), json_object_get_string(owner),
				 json_object_get_int64(age));
	}
}

/* The group is a board, and vtd knows better than cgroup.freeze who holds it. */
static bool ask_daemon(struct vtctl_group *r)
{
	struct json_object *said = vtctl_daemon_ask(false, "show %s", r->name), *holds = NULL;
	struct json_object *board = vtctl_daemon_board(said);
	bool known = board && json_object_object_get_ex(board, "holds", &holds);

	if (known)
		add_holds_of(&r->holds, holds);
	json_object_put(said);
	return known;
}

static void find_holds(struct vt *vt, const struct vt_status *s, struct vtctl_group *r)
{
	char *directory = strdup(r->path);

	r->holds.table = &hold_table;
	if (!directory)
		return;
	if (!ask_daemon(r) && vtctl_is_held(directory))
		add_hold(&r->holds, s->books.flags & VT_GROUP_STEPPED ? "step" : "user",
			 vtctl_cgroup_path(directory), age_of(s));
	while (vtctl_go_up(directory))
		if (vtctl_is_held(directory))
			add_hold(&r->holds, "ancestor", vtctl_cgroup_path(directory),
				 age_of_ancestor(vt, vtctl_cgroup_path(directory), s));
	free(directory);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void copy_books(const struct vt_group_rec *books, struct vtctl_group *r)
{
	r->a_ns = (int64_t)books->a_ns;
	r->b_ns = (int64_t)books->b_ns;
	r->c_ns = (int64_t)books->c_ns;
	r->freezes = books->freezes;
	r->joins = books->joins;
	r->leaves = books->leaves;
	r->forks = books->forks;
	r->steps_back = books->steps_back;
}

static void copy_status(const struct vt_status *s, struct vtctl_group *r)
{
	r->state = vt_state_name(s->state);
	r->is_virtual = s->is_virtual;
	r->virtual_ns = s->virt.ns;
	r->end_ns = s->end.ns;
	r->real_ns = s->real.ns;
	r->lag_ns = s->lag_ns;
	r->epoch_ns = s->epoch_ns;
	r->frozen_ns = s->frozen_ns;
	r->tasks = s->tasks;
	vt_format_rate(s->rate, r->rate, sizeof(r->rate));
	vt_format_tdf(s->rate, r->tdf, sizeof(r->tdf));
}

int vtctl_describe(struct vt *vt, struct vt_group *g, struct vtctl_group *record)
{
	struct vt_status s;

	*record = (struct vtctl_group){ 0 };
	if (vt_group_status(g, &s) != 0)
		return vtctl_failure_of_vt();
	record->name = strdup(vt_group_name(g));
	record->path = strdup(vt_group_path(g));
	if (!record->name || !record->path) {
		vtctl_describe_free(record);
		return vtctl_failure("out of memory");
	}
	record->level = vt_has_clock(vt) ? "patched" : "stock";
	copy_status(&s, record);
	copy_books(&s.books, record);
	find_holds(vt, &s, record);
	return EXIT_OK;
}

void vtctl_describe_free(struct vtctl_group *record)
{
	struct vtctl_hold *holds = (struct vtctl_hold *)record->holds.items;

	while (record->holds.count > 0)
		free(holds[--record->holds.count].owner);
	free(holds);
	free(record->name);
	free(record->path);
}

int vtctl_print_group(struct vt *vt, struct vt_group *g)
{
	struct vtctl_group record;
	int status = vtctl_describe(vt, g, &record);

	if (status != EXIT_OK)
		return status;
	vtctl_print_record(&vtctl_group_table, &record);
	vtctl_describe_free(&record);
	return EXIT_OK;
}

int vtctl_close_changed(struct vt *vt, struct vt_group *g, int status)
{
	if (status == EXIT_OK && vtctl_speaks_json())
		status = vtctl_print_group(vt, g);
	vt_group_close(g);
	vt_close(vt);
	return status;
}

struct collection {
	struct vt *vt;
	struct vtctl_rows rows;
	int status;
};

static int collect(struct vt_group *g, void *arg)
{
	struct collection *c = arg;
	struct vtctl_group *records = realloc((void *)c->rows.items,
					      ((size_t)c->rows.count + 1) * sizeof(*records));

	if (!records) {
		c->status = vtctl_failure("out of memory");
		return -ENOMEM;
	}
	c->rows.items = records;
	c->status = vtctl_describe(c->vt, g, &records[c->rows.count]);
	c->rows.count += c->status == EXIT_OK;
	return c->status == EXIT_OK ? 0 : -ECANCELED;
}

int vtctl_print_groups(void (*print)(const struct vtctl_rows *rows))
{
	struct collection c = { .rows = { &vtctl_group_table, NULL, 0 } };

	c.status = vtctl_open(&c.vt);
	if (c.status != EXIT_OK)
		return c.status;
	if (vt_group_each(c.vt, collect, &c) != 0 && c.status == EXIT_OK)
		c.status = vtctl_failure_of_vt();
	if (c.status == EXIT_OK)
		print(&c.rows);
	while (c.rows.count > 0)
		vtctl_describe_free((struct vtctl_group *)c.rows.items + --c.rows.count);
	free((void *)c.rows.items);
	vt_close(c.vt);
	return c.status;
}
