/* SPDX-License-Identifier: MIT */
/* One record as text or as JSON, a line each. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "events.h"
#include "report.h"

/* What vt_record.value means. */
static const char *value_key(uint32_t kind)
{
	switch (kind) {
	case VT_REC_CREATE:
	case VT_REC_RATE:
		return "rate";
	case VT_REC_LOST:
		return "lost";
	case VT_REC_STEP_ASKED:
	case VT_REC_STEP_GRANTED:
	case VT_REC_STEP_REACHED:
		return "target_ns";
	case VT_REC_EDGE_IN:
	case VT_REC_EDGE_OUT:
		return "edge_ns";
	case VT_REC_HOLD_ON:
	case VT_REC_HOLD_OFF:
		return "value";
	default:
		return NULL;
	}
}

static bool is_rate(uint32_t kind)
{
	return kind == VT_REC_CREATE || kind == VT_REC_RATE;
}

static bool has_id(uint32_t kind)
{
	return kind >= VT_REC_STEP_ASKED && kind <= VT_REC_HOLD_OFF;
}

/* ---- text ---------------------------------------------------------------------------------- */

void vtctl_print_event_titles(void)
{
	if (!vtctl_speaks_json())
		printf("%18s %18s  %-12s  %s\n", "REAL", "VIRTUAL", "EVENT", "GROUP, CAUSE");
}

static void print_seconds(uint64_t ns)
{
	printf("%8" PRIu64 ".%09" PRIu64 " ", ns / 1000000000, ns % 1000000000);
}

static void print_line(const struct vt_record *r, const char *group)
{
	const char *key = value_key(r->kind);
	char rate[32];

	print_seconds(r->real_ns);
	print_seconds(r->virtual_ns);
	printf(" %-12s ", vt_record_name(r->kind));
	if (group)
		printf(" %s", group);
	if (r->pid)
		printf(" pid %u", r->pid);
	if (has_id(r->kind))
		printf(" id %u", r->id);
	if (is_rate(r->kind))
		printf(" rate %s", vt_format_rate(r->value, rate, sizeof(rate)));
	else if (key)
		printf(" %s %" PRIu64, key, (uint64_t)r->value);
	putchar('\n');
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void add(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void add_value(struct json_object *o, const struct vt_record *r)
{
	const char *key = value_key(r->kind);
	char rate[32];

	if (is_rate(r->kind)) {
		vt_format_rate(r->value, rate, sizeof(rate));
		json_object_object_add(o, key, json_object_new_double_s(strtod(rate, NULL), rate));
	} else if (key) {
		add(o, key, r->value);
	}
}

static void print_json(const struct vt_record *r, const char *group)
{
	struct json_object *o = json_object_new_object();

	add(o, "seq", r->seq);
	add(o, "real_ns", r->real_ns);
	add(o, "virtual_ns", r->virtual_ns);
	json_object_object_add(o, "event", vtctl_json_text(vt_record_name(r->kind)));
	json_object_object_add(o, "group", vtctl_json_text(group));
	add(o, "group_id", r->group);
	add(o, "pid", r->pid);
	if (has_id(r->kind))
		add(o, "id", r->id);
	add_value(o, r);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void vtctl_print_event(const struct vt_record *r, const char *group)
{
	if (vtctl_speaks_json())
		print_json(r, group);
	else
		print_line(r, group);
}
