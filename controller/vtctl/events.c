/* SPDX-License-Identifier: MIT */
/*
 * vtctl events: what happens, as it happens. A stream has no past, so this goes on until it is
 * interrupted, or has heard as much, or listened as long, as it was told to.
 *
 * Between two reads it rests for some ms: one wake then serves all records of that time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "groups.h"
#include "host_time.h"
#include "names.h"
#include "signals.h"

#define REST_NS 5000000

struct listener {
	const struct vtctl_args *args;
	struct vtctl_groups groups; /* those that were named */
	struct vt *vt;
	struct vt_events *events;
	struct vtctl_names names;
	struct vtctl_trace *trace;
	int64_t count, end_ns;
};

static bool is_wanted(const struct listener *l, const struct vt_record *r)
{
	int i;

	if (l->groups.count == 0 || r->kind == VT_REC_LOST)
		return true;
	for (i = 0; i < l->groups.count; i++)
		if (vt_group_id(l->groups.items[i]) == r->group)
			return true;
	return false;
}

static bool is_enough(const struct listener *l)
{
	return (l->args->given & OPT_COUNT) && l->count >= l->args->count_max;
}

static void show(const struct vt_record *r, void *arg)
{
	struct listener *l = arg;
	const char *name;

	if (is_enough(l) || !is_wanted(l, r))
		return;
	l->count++;
	name = r->kind == VT_REC_LOST ? NULL : vtctl_name_of(&l->names, l->vt, r->group);
	if (l->trace)
		vtctl_trace_add(l->trace, r, name);
	else
		vtctl_print_event(r, name);
}

static int64_t left_ns(const struct listener *l)
{
	int64_t left;

	if (!(l->args->given & OPT_FOR))
		return -1;
	left = l->end_ns - vtctl_now_ns();
	return left > 0 ? left : 0;
}

static int flush(struct listener *l)
{
	int err;

	if (l->trace) {
		err = vtctl_trace_flush(l->trace);
		return err ? vtctl_failure("cannot write '%s': %s", l->args->trace, strerror(-err))
			   : EXIT_OK;
	}
	if (fflush(stdout) != 0)
		return vtctl_failure("cannot write the output: %s", strerror(errno));
	return EXIT_OK;
}

static int listen_on(struct listener *l)
{
	struct pollfd file = { .fd = vt_events_fd(l->events), .events = POLLIN };
	int status = EXIT_OK;

	while (status == EXIT_OK && !vtctl_signals_came() && !is_enough(l) && left_ns(l) != 0) {
		vtctl_signals_wait(&file, 1, left_ns(l));
		if (vt_events_read(l->events, show, l) < 0)
			return vtctl_failure_of_vt();
		status = flush(l);
		if (!is_enough(l))
			vtctl_signals_wait(NULL, 0, REST_NS);
	}
	return status;
}

static int begin_group(struct vt_group *g, void *arg)
{
	struct listener *l = arg;

	if (is_wanted(l, &(struct vt_record){ .group = vt_group_id(g) }))
		vtctl_trace_begin(l->trace, g);
	return 0;
}

static int trace(struct listener *l)
{
	int err, status;

	l->trace = vtctl_trace_open(l->args->trace, l->vt);
	if (!l->trace)
		return vtctl_failure("cannot write '%s': %s", l->args->trace, strerror(errno));
	if (vt_group_each(l->vt, begin_group, l) != 0)
		status = vtctl_failure_of_vt();
	else
		status = flush(l);
	if (status == EXIT_OK)
		status = listen_on(l);
	err = vtctl_trace_close(l->trace);
	if (err && status == EXIT_OK)
		return vtctl_failure("cannot write '%s': %s", l->args->trace, strerror(-err));
	return status;
}

/* Names are learned once records are made, so that no group falls between. */
static int listen_to_groups(struct listener *l)
{
	int status;

	if (vt_events_open(l->vt, &l->events) != 0)
		return vtctl_failure_of_vt();
	if (vtctl_names_fill(&l->names, l->vt) != 0) {
		status = vtctl_failure_of_vt();
	} else if (l->args->given & OPT_TRACE) {
		status = trace(l);
	} else {
		vtctl_print_event_titles();
		status = flush(l);
		if (status == EXIT_OK)
			status = listen_on(l);
	}
	vtctl_names_free(&l->names);
	vt_events_close(l->events);
	return status;
}

int vtctl_events(struct vtctl_args *args)
{
	struct listener l = { .args = args };
	int64_t now_ns = vtctl_now_ns();
	int status;

	if ((args->given & OPT_FOLLOW) && (args->given & (OPT_COUNT | OPT_FOR)))
		return vtctl_usage_error("--follow goes on until interrupted: without --count and --for");
	status = vtctl_groups_open(args, &l.groups);
	if (status != EXIT_OK)
		return status;
	l.vt = l.groups.vt;
	if (__builtin_add_overflow(now_ns, args->for_ns, &l.end_ns))
		l.end_ns = INT64_MAX;
	vtctl_signals_heed();
	status = listen_to_groups(&l);
	vtctl_groups_close(&l.groups);
	return status;
}
