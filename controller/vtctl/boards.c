/* SPDX-License-Identifier: MIT */
/* vtctl boards: what vtd knows of its boards. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "report.h"
#include "verbs.h"

struct board {
	const char *group, *output, *input, *refused;
	bool present, wire, drives, frozen, fault;
	int64_t latch_ns, last_ns, worst_ns, wire_ns, frozen_ns;
	uint64_t edges, lost, spurious, late, healed, overruns, faults, fights, resyncs;
};

#define FIELD(key, column, kind) { #key, NULL, column, kind, offsetof(struct board, key) }

static const struct vtctl_table table = {
	sizeof(struct board),
	(const struct vtctl_field[]){ FIELD(group, "GROUP", KIND_TEXT),
				      FIELD(output, NULL, KIND_TEXT),
				      FIELD(input, NULL, KIND_TEXT),
				      FIELD(present, "PRESENT", KIND_FLAG),
				      FIELD(wire, "WIRE", KIND_FLAG),
				      FIELD(drives, "DRIVES", KIND_FLAG),
				      FIELD(frozen, "FROZEN", KIND_FLAG),
				      FIELD(fault, NULL, KIND_FLAG),
				      FIELD(latch_ns, "LATCH", KIND_DURATION),
				      FIELD(last_ns, NULL, KIND_DURATION),
				      FIELD(worst_ns, "WORST", KIND_DURATION),
				      FIELD(wire_ns, NULL, KIND_DURATION),
				      FIELD(frozen_ns, NULL, KIND_DURATION),
				      FIELD(edges, "EDGES", KIND_COUNT),
				      FIELD(lost, "LOST", KIND_COUNT),
				      FIELD(spurious, "SPURIOUS", KIND_COUNT),
				      FIELD(late, "LATE", KIND_COUNT),
				      FIELD(healed, "HEALED", KIND_COUNT),
				      FIELD(overruns, "OVERRUNS", KIND_COUNT),
				      FIELD(faults, "FAULTS", KIND_COUNT),
				      FIELD(fights, "FIGHTS", KIND_COUNT),
				      FIELD(resyncs, "RESYNCS", KIND_COUNT),
				      FIELD(refused, "REFUSED", KIND_TEXT),
				      { 0 } },
};

/* The keys of the answer are those of the table. */
static void take(struct json_object *o, const struct vtctl_field *f, void *record)
{
	void *to = (char *)record + f->offset;
	struct json_object *value = NULL;

	json_object_object_get_ex(o, f->key, &value);
	if (f->kind == KIND_TEXT)
		*(const char **)to = json_object_get_string(value);
	else if (f->kind == KIND_FLAG)
		*(bool *)to = json_object_get_boolean(value);
	else
		*(int64_t *)to = json_object_get_int64(value);
}

static int print(struct json_object *list)
{
	size_t n = json_object_array_length(list);
	struct board *boards = calloc(n + 1, sizeof(*boards));

	if (!boards)
		return vtctl_failure("out of memory");
	for (size_t i = 0; i < n; i++)
		for (const struct vtctl_field *f = table.fields; f->key; f++)
			take(json_object_array_get_idx(list, i), f, &boards[i]);
	vtctl_print_rows(&(struct vtctl_rows){ &table, boards, (int)n });
	free(boards);
	return EXIT_OK;
}

int vtctl_boards(struct vtctl_args *args)
{
	struct json_object *said = vtctl_daemon_ask(false, "show"), *list = NULL;
	int status;

	(void)args;
	if (!said)
		return vtctl_failure("no vtd answers");
	if (json_object_object_get_ex(said, "boards", &list) && json_object_is_type(list, json_type_array))
		status = print(list);
	else
		status = vtctl_failure("vtd's answer is not understood");
	json_object_put(said);
	return status;
}
