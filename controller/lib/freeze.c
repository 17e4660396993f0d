// SPDX-License-Identifier: MIT
/*
 * Freezing, thawing and waiting for it.
 *
 * One byte into cgroup.freeze does it all: the clock stands when the write returns. Groups below
 * a frozen cgroup are frozen whatever their own file says; freezing such a group makes it stay
 * so when the one above is thawed.
 */
#include <errno.h>

#include "lib.h"

/* Looks at the books, which are quick, before cgroup.events are looked at as well. */
#define BOOKS_ONLY 100
/* How long cgroup.events may be ahead of the books before they alone are believed. */
#define BOOKS_GRACE_NS 100000000

static int cannot(int error, const char *what, const struct vt_group *g, const char *reason)
{
	return vt_error(error, what, g->name, reason);
}

int vt_group_freeze(struct vt_group *g)
{
	struct vt_cgroup_events ev;
	int err;

	if (vt_cgroup_read_freeze(g->freeze_fd) == 1)
		return cannot(EALREADY, "cannot freeze group", g, "it is frozen or freezing");
	err = vt_cgroup_read_events(g->events_fd, &ev);
	if (!err && !ev.populated)
		return cannot(ENODATA, "cannot freeze group", g, "it has no tasks");
	if (!err)
		err = vt_cgroup_write_freeze(g->freeze_fd, true);
	return err ? cannot(-err, "cannot freeze group", g, NULL) : 0;
}

static bool is_held_from_above(struct vt_group *g)
{
	int state = vt_books_state(g->vt, g->id);

	if (state == VT_RUNNING || state == VT_THAWING)
		return false;
	return vt_cgroup_is_told_from_above(g->vt, g->path);
}

int vt_group_thaw(struct vt_group *g)
{
	int told = vt_cgroup_read_freeze(g->freeze_fd), policy, err;

	if (told < 0)
		return cannot(-told, "cannot thaw group", g, NULL);
	if (told) {
		policy = vt_priority_raise();
		err = vt_cgroup_write_freeze(g->freeze_fd, false);
		vt_priority_restore(policy);
		if (err)
			return cannot(-err, "cannot thaw group", g, NULL);
	}
	if (is_held_from_above(g))
		return cannot(EBUSY, "cannot thaw group", g, "a cgroup above it is frozen");
	return told ? 0 : cannot(EALREADY, "cannot thaw group", g, "it is not frozen");
}

struct goal {
	struct vt_group *g;
	enum vt_state state;
	int looks;
	int64_t since_ns; /* cgroup.events say that the goal is reached; 0: not yet */
};

/*
 * The kernel calls a cgroup with cgroups below frozen when either its own tasks have stopped or
 * the cgroups below are frozen, so there the tasks themselves have to be asked as well.
 */
bool vt_group_has_stopped(struct vt_group *g)
{
	struct vt_straggler any;

	return !vt_cgroup_has_children(g->dir_fd) || vt_group_stragglers(g, &any, 1) == 0;
}

/* The books miss nothing that the kernel tells, unless they are broken. */
static bool is_told_by_events(struct goal *goal)
{
	struct vt_cgroup_events ev;

	if (vt_cgroup_read_events(goal->g->events_fd, &ev) ||
	    ev.frozen != (goal->state == VT_FROZEN))
		return false;
	if (!goal->since_ns)
		goal->since_ns = vt_now_ns();
	return vt_now_ns() - goal->since_ns > BOOKS_GRACE_NS;
}

static bool is_reached(void *arg)
{
	struct goal *goal = arg;

	if (vt_books_state(goal->g->vt, goal->g->id) != (int)goal->state &&
	    (goal->looks++ < BOOKS_ONLY || !is_told_by_events(goal)))
		return false;
	return goal->state != VT_FROZEN || vt_group_has_stopped(goal->g);
}

int vt_group_wait(struct vt_group *g, enum vt_state state, int64_t timeout_ns)
{
	struct goal goal = { .g = g, .state = state };
	int err;

	if (state != VT_FROZEN && state != VT_RUNNING)
		return vt_error(EINVAL, "cannot wait for group", g->name,
				"only 'frozen' and 'running' can be waited for");
	err = vt_wait_until(g->events_fd, is_reached, &goal, timeout_ns);
	if (err)
		return vt_error(-err, "waited in vain for group", g->name,
				state == VT_FROZEN ? "some task does not stop" : "it stays frozen");
	return 0;
}
