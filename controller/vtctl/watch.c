/* SPDX-License-Identifier: MIT */
/*
 * vtctl watch: all groups, live. It looks when something happens, but not more often than is good for
 * the eye, and once in every interval, for clocks go on without events.
 */
#define _GNU_SOURCE /* open_memstream */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroupfs.h"
#include "daemon.h"
#include "groups.h"
#include "screen.h"
#include "signals.h"

#define REST_NS 50000000 /* between two looks */
#define NAME_MIN 17      /* makes 80 columns with the others */
#define OTHERS 63
#define HEAD 2           /* lines */

struct row {
	char *name;
	const char *state, *holds;
	char rate[32];
	int64_t virtual_ns, lag_ns, froze_ns;
	uint64_t tasks;
	bool is_frozen_once;
};

struct watch {
	const struct vtctl_args *args;
	struct vt *vt;
	struct vt_events *events; /* NULL: all places are taken, the interval has to do */
	struct row *rows;
	int count;
	uint64_t events_seen, lost;
};

#define FIELD(key, kind) { #key, NULL, NULL, kind, offsetof(struct row, key) }

static const struct vtctl_table table = {
	sizeof(struct row),
	(const struct vtctl_field[]){ FIELD(name, KIND_TEXT),
				      FIELD(state, KIND_TEXT),
				      FIELD(virtual_ns, KIND_INSTANT),
				      FIELD(rate, KIND_NUMBER),
				      FIELD(lag_ns, KIND_DURATION),
				      FIELD(tasks, KIND_COUNT),
				      FIELD(holds, KIND_TEXT),
				      FIELD(froze_ns, KIND_DURATION),
				      { 0 } },
};

/* ---- looking ------------------------------------------------------------------------------- */

static const char *own_hold(struct vt_group *g, const struct vt_status *s)
{
	if (vtctl_is_held_by_wire(g))
		return "wire";
	return s->books.flags & VT_GROUP_STEPPED ? "step" : "user";
}

/* Who holds it: somebody itself, the cgroups above, or both. */
static const char *holds_of(struct vt_group *g, const struct vt_status *s)
{
	char *directory = strdup(vt_group_path(g));
	bool own, above = false;

	if (!directory)
		return "?";
	own = vtctl_is_held(directory);
	while (!above && vtctl_go_up(directory))
		above = vtctl_is_held(directory);
	free(directory);
	return own ? above ? "both" : own_hold(g, s) : above ? "above" : "none";
}

static void fill(struct row *row, struct vt_group *g, const struct vt_status *s)
{
	const struct vt_group_rec *books = &s->books;

	*row = (struct row){
		.name = strdup(vt_group_name(g)),
		.state = vt_state_name(s->state),
		.holds = holds_of(g, s),
		.virtual_ns = s->virt.ns,
		.lag_ns = s->lag_ns,
		.tasks = s->tasks,
		.is_frozen_once = books->b_ns && books->b_ns >= books->a_ns,
	};
	if (row->is_frozen_once)
		row->froze_ns = (int64_t)(books->b_ns - books->a_ns);
	vt_format_rate(s->rate, row->rate, sizeof(row->rate));
}

/* A group that goes while it is looked at is none any more. */
static int look_at(struct vt_group *g, void *arg)
{
	struct watch *w = arg;
	struct vt_status s;
	struct row *rows;

	if (vt_group_status(g, &s) != 0)
		return 0;
	rows = realloc(w->rows, ((size_t)w->count + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	w->rows = rows;
	fill(&rows[w->count], g, &s);
	if (rows[w->count].name)
		w->count++;
	return 0;
}

static int look(struct watch *w)
{
	while (w->count > 0)
		free(w->rows[--w->count].name);
	return vt_group_each(w->vt, look_at, w) < 0 ? vtctl_failure_of_vt() : EXIT_OK;
}

/* ---- showing ------------------------------------------------------------------------------- */

/* The end of a long name says more than its beginning. What is not ASCII may be of any width. */
static void write_name(FILE *out, const char *name, int width)
{
	int len = (int)strlen(name), i;

	if (len > width) {
		fputc('~', out);
		name += len - (width - 1);
		len = width - 1;
		width--;
	}
	for (i = 0; i < width; i++)
		fputc(i >= len ? ' ' : (unsigned char)name[i] < 0x80 ? name[i] : '?', out);
}

static void write_row(FILE *out, const struct row *row, int width)
{
	char lag[32], froze[32] = "never";

	vt_format_duration(row->lag_ns, lag, sizeof(lag));
	if (row->is_frozen_once)
		vt_format_duration(row->froze_ns, froze, sizeof(froze));
	write_name(out, row->name, width);
	fprintf(out, " %-8s %12.3f %7.7s %10.10s %5" PRIu64 " %-5s %9.9s\n", row->state,
		(double)row->virtual_ns / 1e9, row->rate, lag, row->tasks, row->holds, froze);
}

static void write_titles(FILE *out, const struct watch *w, int width)
{
	fprintf(out, "vt: %d group%s, %" PRIu64 " events, %" PRIu64 " lost%s\n", w->count,
		w->count == 1 ? "" : "s", w->events_seen, w->lost,
		w->events ? "" : " (too many listen to hear more)");
	fprintf(out, "%-*s %-8s %12s %7s %10s %5s %-5s %9s\n", width, "GROUP", "STATE", "VIRTUAL s",
		"RATE", "LAG", "TASKS", "HELD", "FROZE IN");
}

/* lines < 0: all. */
static void write_table(FILE *out, const struct watch *w, int lines, int columns)
{
	int width = columns > NAME_MIN + OTHERS ? columns - OTHERS : NAME_MIN;
	int shown = w->count, i;

	if (lines >= 0 && shown > lines - HEAD)
		shown = lines > HEAD ? lines - HEAD - 1 : 0;
	write_titles(out, w, width);
	for (i = 0; i < shown; i++)
		write_row(out, &w->rows[i], width);
	if (shown < w->count)
		fprintf(out, "and %d more\n", w->count - shown);
}

static int show_on_screen(const struct watch *w)
{
	int lines, columns;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return vtctl_failure("out of memory");
	vtctl_screen_size(&lines, &columns);
	write_table(out, w, lines, columns);
	if (fclose(out) == 0)
		vtctl_screen_show(text);
	free(text);
	return EXIT_OK;
}

static int show(const struct watch *w, bool on_screen)
{
	if (on_screen)
		return show_on_screen(w);
	if (vtctl_speaks_json())
		vtctl_print_rows(&(struct vtctl_rows){ &table, w->rows, w->count });
	else
		write_table(stdout, w, -1, NAME_MIN + OTHERS);
	if (fflush(stdout) != 0)
		return vtctl_failure("cannot write the output: %s", strerror(errno));
	return EXIT_OK;
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void hear(const struct vt_record *r, void *arg)
{
	struct watch *w = arg;

	if (r->kind == VT_REC_LOST)
		w->lost += r->value;
	else
		w->events_seen++;
}

static int catch_up(struct watch *w)
{
	return w->events ? vt_events_read(w->events, hear, w) : vt_check(w->vt);
}

static bool is_key(char key)
{
	return key == 'q' || key == 'Q';
}

/* False: that was the end. */
static bool wait_for_news(struct watch *w, bool on_screen)
{
	struct pollfd files[] = {
		{ .fd = on_screen ? vtctl_screen_fd() : -1, .events = POLLIN },
		{ .fd = w->events ? vt_events_fd(w->events) : -1, .events = POLLIN },
	};

	vtctl_signals_wait(NULL, 0, REST_NS);
	if (!vtctl_signals_came())
		vtctl_signals_wait(files, 2, w->args->interval_ns > REST_NS ? w->args->interval_ns - REST_NS : 0);
	return !vtctl_signals_came() && !(on_screen && is_key((char)vtctl_screen_key()));
}

static int watch(struct watch *w, bool on_screen)
{
	int64_t looks = 0;
	int status;

	do {
		if (catch_up(w) < 0)
			return vtctl_failure_of_vt();
		status = look(w);
		if (status == EXIT_OK)
			status = show(w, on_screen);
		if ((w->args->given & OPT_COUNT) && ++looks >= w->args->count_max)
			break;
	} while (status == EXIT_OK && wait_for_news(w, on_screen));
	return status;
}

/* Without a place among the listeners, watch all the same. */
static int begin_to_listen(struct watch *w)
{
	int err = vt_events_open(w->vt, &w->events);

	return err && err != -EBUSY ? vtctl_failure_of_vt() : EXIT_OK;
}

static int watch_to_the_end(struct watch *w)
{
	bool on_screen = vtctl_screen_is_there() && !vtctl_speaks_json();
	int status;

	vtctl_signals_heed();
	if (on_screen)
		vtctl_screen_begin();
	status = watch(w, on_screen);
	if (on_screen)
		vtctl_screen_end();
	while (w->count > 0)
		free(w->rows[--w->count].name);
	free(w->rows);
	vt_events_close(w->events);
	return status;
}

int vtctl_watch(struct vtctl_args *args)
{
	struct watch w = { .args = args };
	int status = vtctl_open(&w.vt);

	if (status != EXIT_OK)
		return status;
	status = begin_to_listen(&w);
	if (status == EXIT_OK)
		status = watch_to_the_end(&w);
	vt_close(w.vt);
	return status;
}
