/* SPDX-License-Identifier: MIT */
/*
 * A trace in the format that Perfetto and chrome://tracing read: one JSON array of events, whose end
 * may be missing, so that a trace that was cut off opens as well.
 *
 * Every group has two tracks, one below each of two "processes": on the axis of real time, and on
 * that of its own time, on which a freeze takes none. A state is a slice, written when it ends, with
 * its virtual instants in its arguments; what else happens is an instant; lag and rate are counters.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "report.h"

enum { REAL = 1, VIRTUAL = 2 }; /* the "processes" */

struct instant {
	uint64_t real_ns, virtual_ns;
};

struct track {
	uint64_t id;
	int number;      /* the "thread" */
	char *name;
	char *label;     /* the name as JSON, without its quotes */
	bool is_live;    /* a slice is under way */
	enum vt_state state;
	uint64_t rate;   /* while running */
	struct instant since, last;
	uint64_t looked_ns; /* real, when the state was not taken from a record; 0: never */
};

struct vtctl_trace {
	FILE *out;
	struct vt *vt;
	bool has_events;
	struct track *tracks;
	int count;
};

/* ---- events -------------------------------------------------------------------------------- */

static void separate(struct vtctl_trace *t)
{
	fputs(t->has_events ? ",\n" : "[\n", t->out);
	t->has_events = true;
}

/* Instants and durations are in microseconds. */
static void write_us(struct vtctl_trace *t, const char *key, uint64_t ns)
{
	fprintf(t->out, ",\"%s\":%" PRIu64 ".%03" PRIu64, key, ns / 1000, ns % 1000);
}

static void name_process(struct vtctl_trace *t, int process, const char *name)
{
	separate(t);
	fprintf(t->out, "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"tid\":0,"
		"\"args\":{\"name\":\"%s\"}}", process, name);
}

static void name_track(struct vtctl_trace *t, const struct track *k, int process)
{
	separate(t);
	fprintf(t->out, "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%d,"
		"\"args\":{\"name\":\"%s\"}}", process, k->number, k->label);
}

static void write_slice(struct vtctl_trace *t, const struct track *k, int process, uint64_t start_ns,
			uint64_t end_ns, const struct instant *end)
{
	separate(t);
	fprintf(t->out, "{\"ph\":\"X\",\"cat\":\"state\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d",
		vt_state_name(k->state), process, k->number);
	write_us(t, "ts", start_ns);
	write_us(t, "dur", end_ns > start_ns ? end_ns - start_ns : 0);
	fprintf(t->out, ",\"args\":{\"real_ns\":%" PRIu64 ",\"real_end_ns\":%" PRIu64
		",\"virtual_ns\":%" PRIu64 ",\"virtual_end_ns\":%" PRIu64 "}}",
		k->since.real_ns, end->real_ns, k->since.virtual_ns, end->virtual_ns);
}

static void write_counters(struct vtctl_trace *t, const struct track *k)
{
	bool runs = k->is_live && (k->state == VT_RUNNING || k->state == VT_THAWING);
	char rate[32] = "0";

	if (runs)
		vt_format_rate(k->rate, rate, sizeof(rate));
	separate(t);
	fprintf(t->out, "{\"ph\":\"C\",\"name\":\"lag %s\",\"pid\":%d,\"tid\":%d", k->label, REAL, k->number);
	write_us(t, "ts", k->last.real_ns);
	fprintf(t->out, ",\"args\":{\"ns\":%" PRId64 "}}",
		(int64_t)(k->last.real_ns - k->last.virtual_ns));
	separate(t);
	fprintf(t->out, "{\"ph\":\"C\",\"name\":\"rate %s\",\"pid\":%d,\"tid\":%d", k->label, REAL, k->number);
	write_us(t, "ts", k->last.real_ns);
	fprintf(t->out, ",\"args\":{\"rate\":%s}}", rate);
}

static void write_instant(struct vtctl_trace *t, int number, int process, uint64_t at_ns,
			  const struct vt_record *r)
{
	separate(t);
	fprintf(t->out, "{\"ph\":\"i\",\"s\":\"%c\",\"cat\":\"event\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d",
		number ? 't' : 'g', vt_record_name(r->kind), process, number);
	write_us(t, "ts", at_ns);
	fprintf(t->out, ",\"args\":{\"seq\":%" PRIu64 ",\"pid\":%u,\"id\":%u,\"value\":%" PRIu64
		",\"real_ns\":%" PRIu64 ",\"virtual_ns\":%" PRIu64 "}}", (uint64_t)r->seq, r->pid, r->id,
		(uint64_t)r->value, (uint64_t)r->real_ns, (uint64_t)r->virtual_ns);
}

/* ---- tracks -------------------------------------------------------------------------------- */

/* What stands between the quotes of a JSON string. */
static char *label_of(const char *name)
{
	struct json_object *o = vtctl_json_text(name);
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t len = strlen(text);
	char *label = len >= 2 ? strndup(text + 1, len - 2) : strdup("?");

	json_object_put(o);
	return label;
}

static struct track *find_track(struct vtctl_trace *t, uint64_t id)
{
	int i;

	for (i = 0; i < t->count; i++)
		if (t->tracks[i].id == id)
			return &t->tracks[i];
	return NULL;
}

static struct track *add_track(struct vtctl_trace *t, uint64_t id, const char *name)
{
	struct track *tracks = realloc(t->tracks, ((size_t)t->count + 1) * sizeof(*tracks)), *k;

	if (!tracks)
		return NULL;
	t->tracks = tracks;
	k = &tracks[t->count];
	*k = (struct track){ .id = id, .number = t->count + 1, .name = strdup(name),
			     .label = label_of(name), .rate = VT_RATE_ONE };
	if (!k->name || !k->label)
		return NULL;
	t->count++;
	name_track(t, k, REAL);
	name_track(t, k, VIRTUAL);
	return k;
}

static void end_slice(struct vtctl_trace *t, struct track *k, const struct instant *at)
{
	if (!k->is_live)
		return;
	write_slice(t, k, REAL, k->since.real_ns, at->real_ns, at);
	write_slice(t, k, VIRTUAL, k->since.virtual_ns, at->virtual_ns, at);
	k->is_live = false;
}

static void go_on(struct vtctl_trace *t, struct track *k, enum vt_state state, const struct instant *at)
{
	end_slice(t, k, at);
	k->state = state;
	k->since = k->last = *at;
	k->is_live = true;
	write_counters(t, k);
}

/* The group as it is now. False: it has gone. */
static bool look(struct vtctl_trace *t, const struct track *k, struct vt_status *s)
{
	struct vt_group *g;
	bool is_there = false;

	if (vt_group_open(t->vt, k->name, &g) != 0)
		return false;
	if (vt_group_id(g) == k->id)
		is_there = vt_group_status(g, s) == 0;
	vt_group_close(g);
	return is_there;
}

static struct instant instant_of(const struct vt_status *s)
{
	return (struct instant){ (uint64_t)s->real.ns, (uint64_t)s->virt.ns };
}

/* What is known may be wrong: take the state that is. */
static void look_again(struct vtctl_trace *t, struct track *k)
{
	struct vt_status s;
	struct instant now;

	if (!look(t, k, &s)) {
		end_slice(t, k, &k->last);
		return;
	}
	now = instant_of(&s);
	k->rate = s.rate;
	if (k->is_live && s.state == k->state)
		return;
	k->looked_ns = now.real_ns;
	go_on(t, k, s.state, &now);
}

/* ---- records ------------------------------------------------------------------------------- */

/* A directory that was frozen already makes a group that is. */
static enum vt_state state_at_birth(struct vtctl_trace *t, const struct track *k, const struct vt_record *r)
{
	struct vt_status s;

	if (look(t, k, &s) && s.books.a_ns == r->real_ns)
		return s.books.b_ns == r->real_ns ? VT_FROZEN : VT_FREEZING;
	return VT_RUNNING;
}

/* A step's tasks stop, or are let go early, before its clock gets to the end where the freeze begins. */
static struct instant instant_on(const struct track *k, const struct vt_record *r)
{
	if (k->is_live && r->real_ns < k->since.real_ns)
		return k->since;
	return (struct instant){ r->real_ns, r->virtual_ns };
}

static void follow(struct vtctl_trace *t, struct track *k, const struct vt_record *r)
{
	struct instant at = instant_on(k, r);

	switch (r->kind) {
	case VT_REC_CREATE:
		k->rate = r->value;
		go_on(t, k, state_at_birth(t, k, r), &at);
		break;
	case VT_REC_FREEZE:
		go_on(t, k, VT_FREEZING, &at);
		break;
	case VT_REC_FROZEN:
		go_on(t, k, VT_FROZEN, &at);
		break;
	case VT_REC_THAW:
		go_on(t, k, VT_THAWING, &at);
		break;
	case VT_REC_RUNNING:
		go_on(t, k, VT_RUNNING, &at);
		break;
	case VT_REC_DELETE:
		end_slice(t, k, &at);
		break;
	case VT_REC_RATE:
		k->rate = r->value;
		k->last = at;
		write_counters(t, k);
		break;
	default:
		k->last = at;
		break;
	}
}

static bool is_state(uint32_t kind)
{
	return kind >= VT_REC_FREEZE && kind <= VT_REC_RUNNING;
}

static void tell_loss(struct vtctl_trace *t, const struct vt_record *r)
{
	int i;

	write_instant(t, 0, REAL, r->real_ns, r);
	for (i = 0; i < t->count; i++)
		look_again(t, &t->tracks[i]);
}

void vtctl_trace_add(struct vtctl_trace *t, const struct vt_record *r, const char *group)
{
	struct track *k;

	if (r->kind == VT_REC_LOST) {
		tell_loss(t, r);
		return;
	}
	k = find_track(t, r->group);
	if (!k)
		k = add_track(t, r->group, group);
	if (!k || (k->is_live && r->real_ns < k->looked_ns))
		return; /* older than what was looked at */
	follow(t, k, r);
	if (!is_state(r->kind)) {
		write_instant(t, k->number, REAL, r->real_ns, r);
		write_instant(t, k->number, VIRTUAL, r->virtual_ns, r);
	}
}

/* ---- the file ------------------------------------------------------------------------------ */

struct vtctl_trace *vtctl_trace_open(const char *file, struct vt *vt)
{
	struct vtctl_trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vt = vt;
	t->out = fopen(file, "we");
	if (!t->out) {
		free(t);
		return NULL;
	}
	name_process(t, REAL, "groups in real time");
	name_process(t, VIRTUAL, "groups in their own time");
	return t;
}

void vtctl_trace_begin(struct vtctl_trace *t, struct vt_group *g)
{
	struct track *k = find_track(t, vt_group_id(g));

	if (!k)
		k = add_track(t, vt_group_id(g), vt_group_name(g));
	if (k)
		look_again(t, k);
}

int vtctl_trace_flush(struct vtctl_trace *t)
{
	return fflush(t->out) == 0 && !ferror(t->out) ? 0 : -errno;
}

/* Slices that are under way end now. */
int vtctl_trace_close(struct vtctl_trace *t)
{
	struct vt_status s;
	int err = 0;

	while (t->count > 0) {
		struct track *k = &t->tracks[--t->count];
		struct instant end = k->is_live && look(t, k, &s) ? instant_of(&s) : k->last;

		if (k->is_live) {
			k->last = end;
			write_counters(t, k);
		}
		end_slice(t, k, &end);
		free(k->name);
		free(k->label);
	}
	fputs("\n]\n", t->out);
	if (ferror(t->out))
		err = -EIO;
	if (fclose(t->out) != 0)
		err = -errno;
	free(t->tracks);
	free(t);
	return err;
}
