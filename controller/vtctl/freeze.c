/* SPDX-License-Identifier: MIT */
/*
 * vtctl freeze GROUP...|--all [--at INSTANT]: returns at b, when all tasks of all groups have stopped.
 * If one fails, those frozen by this command are thawed again, also when it is interrupted.
 *
 * With --at the clocks are given ends, and the kernel freezes the groups when they get there.
 */
#include <time.h>

#include "host_time.h"
#include "signals.h"
#include "stop.h"

struct frozen {
	const char *name;
	int64_t a_ns, b_ns, took_ns, virtual_ns;
	uint64_t tasks;
};

#define FIELD(key, column, kind) { #key, NULL, column, kind, offsetof(struct frozen, key) }

static const struct vtctl_table table = {
	sizeof(struct frozen),
	(const struct vtctl_field[]){ FIELD(name, "GROUP", KIND_TEXT),
				      FIELD(tasks, "TASKS", KIND_COUNT),
				      FIELD(a_ns, NULL, KIND_INSTANT),
				      FIELD(b_ns, NULL, KIND_INSTANT),
				      FIELD(took_ns, "STOPPED WITHIN", KIND_DURATION),
				      FIELD(virtual_ns, NULL, KIND_INSTANT),
				      { 0 } },
};

static bool nothing_is_fine(int err)
{
	(void)err;
	return false;
}

static bool is_fine_for_all(int err)
{
	return err == -EALREADY || err == -ENODATA || err == -ENOENT;
}

static void fill(void *row, struct vt_group *g)
{
	struct frozen *f = row;
	struct vt_status s = { 0 };

	vt_group_status(g, &s);
	*f = (struct frozen){
		.name = vt_group_name(g),
		.a_ns = (int64_t)s.books.a_ns,
		.b_ns = (int64_t)s.books.b_ns,
		.took_ns = (int64_t)(s.books.b_ns - s.books.a_ns),
		.virtual_ns = s.virt.ns,
		.tasks = s.tasks,
	};
}

/* ---- at an instant --------------------------------------------------------------------------- */

/* On the host's CLOCK_MONOTONIC */
static vt_real real_instant(const struct vtctl_instant *at)
{
	vt_real real;

	if (at->after_now && __builtin_add_overflow(vtctl_now_ns(), at->ns, &real.ns))
		real.ns = INT64_MAX;
	else if (!at->after_now && __builtin_sub_overflow(at->ns, vtctl_wall_ahead_ns(), &real.ns))
		real.ns = INT64_MIN;
	return real;
}

static int set_end(struct vt_group *g, vt_real at)
{
	struct vt_status s;
	struct vt_piece piece;
	int err = vt_group_status(g, &s);

	if (err)
		return vtctl_failure_of_vt();
	if (s.state != VT_RUNNING)
		return vtctl_failure("cannot freeze group '%s': it is %s", vt_group_name(g),
				     vt_state_name(s.state));
	if (s.tasks == 0)
		return vtctl_failure("cannot freeze group '%s': it has no tasks", vt_group_name(g));
	piece = (struct vt_piece){ s.real, s.virt, s.rate };
	return vt_clock_run_until(g, vt_clock_at(&piece, at)) ? vtctl_failure_of_vt() : EXIT_OK;
}

static void take_ends_back(const struct vtctl_groups *groups)
{
	for (int i = 0; i < groups->count; i++)
		if (groups->asked[i])
			vt_clock_run_on(groups->items[i]);
}

static int set_ends(struct vtctl_groups *groups, vt_real at)
{
	int status = EXIT_OK;

	for (int i = 0; i < groups->count && status == EXIT_OK; i++) {
		status = set_end(groups->items[i], at);
		groups->asked[i] = status == EXIT_OK;
	}
	return status;
}

static int sleep_until(vt_real at)
{
	for (int64_t left_ns; (left_ns = at.ns - vtctl_now_ns()) > 0;) {
		const struct timespec t = { .tv_nsec = left_ns < VTCTL_SIGNALS_SLICE_NS
							       ? left_ns : VTCTL_SIGNALS_SLICE_NS };

		if (vtctl_signals_came())
			return vtctl_failure("interrupted; nothing is frozen");
		nanosleep(&t, NULL);
	}
	return EXIT_OK;
}

static int freeze_at(struct vtctl_groups *groups, const struct vtctl_args *args)
{
	vt_real at = real_instant(&args->at);
	int status = set_ends(groups, at);

	if (status == EXIT_OK)
		status = sleep_until(at);
	if (status != EXIT_OK) {
		take_ends_back(groups);
		return status;
	}
	status = vtctl_wait_frozen(groups, args->timeout_ns);
	if (status != EXIT_OK)
		vtctl_thaw_asked(groups);
	return status;
}

static int freeze_now(struct vtctl_groups *groups, const struct vtctl_args *args)
{
	bool all = args->given & OPT_ALL;
	int status = vtctl_tell_to_freeze(groups, all ? is_fine_for_all : nothing_is_fine);

	if (status == EXIT_OK)
		status = vtctl_wait_frozen(groups, args->timeout_ns);
	if (status != EXIT_OK)
		vtctl_thaw_asked(groups);
	return status;
}

int vtctl_freeze(struct vtctl_args *args)
{
	struct vtctl_groups groups;
	int status = vtctl_groups_open(args, &groups);

	if (status != EXIT_OK)
		return status;
	vtctl_signals_note();
	status = vtctl_check_outside(&groups);
	if (status == EXIT_OK)
		status = args->given & OPT_AT ? freeze_at(&groups, args) : freeze_now(&groups, args);
	if (status == EXIT_OK && ((args->given & OPT_VERBOSE) || vtctl_speaks_json()))
		status = vtctl_print_filled(&groups, groups.asked, &table, fill);
	vtctl_groups_close(&groups);
	return status;
}
