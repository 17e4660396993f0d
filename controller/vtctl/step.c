/* SPDX-License-Identifier: MIT */
/*
 * vtctl step GROUP... D and vtctl run-until GROUP INSTANT: return when the clocks stand at their ends
 * and all tasks have stopped. The kernel sees to that; if vtctl is interrupted or killed the step goes
 * on without it. vtctl run-until GROUP never takes an end away.
 */
#include <stdlib.h>
#include <time.h>

#include "daemon.h"
#include "host_time.h"
#include "signals.h"
#include "stop.h"

#define LATCH_MAX_NS 100000000

struct stepped {
	const char *name;
	int64_t virtual_ns, a_ns, b_ns, overrun_ns;
};

#define FIELD(key, column, kind) { #key, NULL, column, kind, offsetof(struct stepped, key) }

static const struct vtctl_table table = {
	sizeof(struct stepped),
	(const struct vtctl_field[]){ FIELD(name, "GROUP", KIND_TEXT),
				      FIELD(virtual_ns, "VIRTUAL TIME", KIND_DURATION),
				      FIELD(a_ns, NULL, KIND_INSTANT),
				      FIELD(b_ns, NULL, KIND_INSTANT),
				      FIELD(overrun_ns, "RAN ON FOR", KIND_DURATION),
				      { 0 } },
};

/* How long tasks have run with a clock that stood */
static void fill(void *row, struct vt_group *g)
{
	struct stepped *f = row;
	struct vt_status s = { 0 };

	vt_group_status(g, &s);
	*f = (struct stepped){
		.name = vt_group_name(g),
		.virtual_ns = s.virt.ns,
		.a_ns = (int64_t)s.books.a_ns,
		.b_ns = (int64_t)s.books.b_ns,
		.overrun_ns = s.books.b_ns > s.books.a_ns ? (int64_t)(s.books.b_ns - s.books.a_ns) : 0,
	};
}

static int print(const struct vtctl_groups *groups, const struct vtctl_args *args)
{
	if (!(args->given & OPT_VERBOSE) && !vtctl_speaks_json())
		return EXIT_OK;
	return vtctl_print_filled(groups, NULL, &table, fill);
}

static int cannot_wait(const struct vtctl_groups *groups, int err)
{
	char *who;
	int status;

	if (err == -EINTR && vtctl_signals_came())
		return vtctl_failure("interrupted; '%s' goes on to its end and stops there",
				     vt_group_name(groups->items[0]));
	if (err != -ETIMEDOUT)
		return vtctl_failure_of_vt();
	who = vtctl_stragglers(groups->items[0]);
	status = vtctl_failure("'%s' is at its end but does not stop: %s",
			       vt_group_name(groups->items[0]), who ? who : "out of memory");
	free(who);
	return status;
}

/* Who has just been woken needs a moment to do what he wants. */
static int skip_on(struct vt_step *step)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	int at_end;

	while ((at_end = vt_step_skip(step)) == 0) {
		nanosleep(&moment, NULL);
		if (vtctl_signals_came())
			return -EINTR;
	}
	return at_end < 0 ? at_end : 0;
}

static int finish(const struct vtctl_groups *groups, struct vt_step *step,
		  const struct vtctl_args *args)
{
	int err = args->given & OPT_IDLE_SKIP ? skip_on(step) : 0;

	if (!err)
		err = vt_step_wait(step, args->timeout_ns);
	vt_step_close(step);
	return err ? cannot_wait(groups, err) : print(groups, args);
}

/* It would go on when that one lets go, whenever that is. */
static int check_wire(const struct vtctl_groups *groups, const struct vtctl_args *args)
{
	if (args->given & OPT_IDLE_SKIP && vtctl_is_wired(groups->items[0]))
		return vtctl_failure("cannot skip in '%s': other boards on its wire would not",
				     vt_group_name(groups->items[0]));
	for (int i = 0; i < groups->count; i++)
		if (vtctl_is_held_by_wire(groups->items[i]))
			return vtctl_failure("cannot step '%s': another board holds the wire",
					     vt_group_name(groups->items[i]));
	return EXIT_OK;
}

/* On a wire tasks stop a latch before their clock does. */
static void let_stop(struct vt_group *g)
{
	const struct timespec moment = { .tv_nsec = 100000 };
	struct vt_status s;

	for (int64_t ns = 0; ns < LATCH_MAX_NS; ns += moment.tv_nsec) {
		if (vt_group_status(g, &s) || s.state != VT_FROZEN || s.clock_stopped)
			return;
		nanosleep(&moment, NULL);
	}
}

static bool is_fine_if_frozen(int err)
{
	return err == -EALREADY;
}

/* A freeze would hold up whoever steps the group already. */
static int check_free(const struct vtctl_groups *groups)
{
	struct vt_status s;

	for (int i = 0; i < groups->count; i++) {
		if (vt_group_status(groups->items[i], &s))
			return vtctl_failure_of_vt();
		if (s.has_end && s.virt.ns < s.end.ns)
			return vtctl_failure("cannot step group '%s': another step is under way",
					     vt_group_name(groups->items[i]));
	}
	return EXIT_OK;
}

static int freeze_first(struct vtctl_groups *groups, const struct vtctl_args *args)
{
	int status = check_free(groups);

	if (status == EXIT_OK)
		status = vtctl_tell_to_freeze(groups, is_fine_if_frozen);
	if (status == EXIT_OK)
		status = vtctl_wait_frozen(groups, args->timeout_ns);
	if (status != EXIT_OK)
		vtctl_thaw_asked(groups);
	return status;
}

static int step(struct vtctl_groups *groups, int64_t step_ns, const struct vtctl_args *args)
{
	struct vt_step *under_way;
	int status = vtctl_check_outside(groups);

	if (status == EXIT_OK)
		status = check_wire(groups, args);
	if (status == EXIT_OK && args->given & OPT_FREEZE_FIRST)
		status = freeze_first(groups, args);
	if (status != EXIT_OK)
		return status;
	for (int i = 0; i < groups->count; i++)
		let_stop(groups->items[i]);
	if (vt_step_begin(groups->items, groups->count, step_ns, &under_way)) {
		status = vtctl_failure_of_vt();
		vtctl_thaw_asked(groups);
		return status;
	}
	return finish(groups, under_way, args);
}

int vtctl_step(struct vtctl_args *args)
{
	struct vtctl_groups groups;
	const char *text = args->operands[--args->count];
	int64_t step_ns;
	int status = vtctl_take_duration(text, &step_ns);

	if (status != EXIT_OK)
		return status;
	if (step_ns < 1)
		return vtctl_usage_error("bad step '%s': a step is 1 ns or more", text);
	if (args->given & OPT_IDLE_SKIP && args->count > 1)
		return vtctl_usage_error("--idle-skip is for one group: others have no time to skip");
	status = vtctl_groups_open(args, &groups);
	if (status != EXIT_OK)
		return status;
	vtctl_signals_note();
	status = step(&groups, step_ns, args);
	vtctl_groups_close(&groups);
	return status;
}

/* ---- run-until ------------------------------------------------------------------------------- */

/* Wall time of a group is the host's distance from its CLOCK_MONOTONIC, and the epoch, ahead. */
static bool end_of(const struct vtctl_instant *at, const struct vt_status *s, vt_virtual *end)
{
	if (at->after_now)
		return !__builtin_add_overflow(s->virt.ns, at->ns, &end->ns);
	return !__builtin_sub_overflow(at->ns, vtctl_wall_ahead_ns(), &end->ns) &&
		!__builtin_sub_overflow(end->ns, s->epoch_ns, &end->ns);
}

static int let_go(struct vt_group *g, const struct vtctl_instant *at)
{
	struct vt_status s;
	vt_virtual end;

	if (vt_group_status(g, &s))
		return vtctl_failure_of_vt();
	if (s.tasks == 0)
		return vtctl_failure("cannot run group '%s': it has no tasks", vt_group_name(g));
	if (!end_of(at, &s, &end))
		return vtctl_failure("cannot run group '%s': its clock does not go that far",
				     vt_group_name(g));
	if (vt_clock_run_until(g, end))
		return vtctl_failure_of_vt();
	if (s.state == VT_RUNNING || vt_group_thaw(g) == 0)
		return EXIT_OK;
	vt_clock_run_on(g);
	return vtctl_failure_of_vt();
}

/* Or it has been taken away before anybody followed it, and would never come. */
static int check_end(struct vt_group *g)
{
	struct vt_status s;

	if (vt_group_status(g, &s))
		return vtctl_failure_of_vt();
	return s.has_end ? EXIT_OK : vtctl_failure("'%s' has no end any more", vt_group_name(g));
}

static int follow(const struct vtctl_groups *groups, const struct vtctl_args *args)
{
	struct vt_step *under_way;
	int status;

	if (vt_step_watch(groups->items, 1, &under_way))
		return vtctl_failure_of_vt();
	status = check_end(groups->items[0]);
	if (status == EXIT_OK)
		return finish(groups, under_way, args);
	vt_step_close(under_way);
	return status;
}

static int run_until(struct vtctl_args *args, const struct vtctl_instant *at)
{
	struct vtctl_groups groups;
	int status;

	args->count = 1;
	status = vtctl_groups_open(args, &groups);
	if (status != EXIT_OK)
		return status;
	vtctl_signals_note();
	status = vtctl_check_outside(&groups);
	if (status == EXIT_OK)
		status = check_wire(&groups, args);
	if (status == EXIT_OK)
		status = let_go(groups.items[0], at);
	if (status == EXIT_OK)
		status = follow(&groups, args);
	vtctl_groups_close(&groups);
	return status;
}

/* Frozen or not, the group stays so. */
static int take_end_away(const struct vtctl_args *args)
{
	struct vt_group *g;
	struct vt_status s;
	struct vt *vt;
	int status = vtctl_open_group(args, &vt, &g), err;

	if (status != EXIT_OK)
		return status;
	err = vt_group_status(g, &s);
	if (!err && (!s.has_end || s.virt.ns >= s.end.ns))
		status = vtctl_failure("cannot take the end of group '%s' away: it has none to come",
				       vt_group_name(g));
	else if (err || vt_clock_run_on(g))
		status = vtctl_failure_of_vt();
	return vtctl_close_changed(vt, g, status);
}

int vtctl_run_until(struct vtctl_args *args)
{
	struct vtctl_instant at;
	int status = vtctl_take_instant_or_never(args->operands[1], &at);

	if (status != EXIT_OK)
		return status;
	return at.is_never ? take_end_away(args) : run_until(args, &at);
}
