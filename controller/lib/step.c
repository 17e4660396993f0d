// SPDX-License-Identifier: MIT
/*
 * Clocks that stop by themselves, and waiting for them.
 *
 * The kernel does the work. Here an end is asked for, the group thawed, and then slept until the
 * clock will have stopped, with a look now and then; after that the books are looked at ever more rarely.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib.h"

#define NAP_FIRST_NS 20000
#define SKIP_PATIENCE_NS INT64_C(10000000000)
#define NAP_LAST_NS 5000000
#define NAP_FAR_NS 100000000 /* from an end that may be taken away, or come nearer at another rate */

struct goal {
	struct vt_group *g;
	bool done, has_end;
};

struct vt_step {
	int timer_fd;
	int64_t nap_ns;
	int64_t stopped_ns; /* real, first look at which all clocks stood; 0: not yet */
	int count;
	struct goal goals[];
};

static int cannot(int err, const char *what, const struct vt_group *g)
{
	switch (err) {
	case -ETIME:
		return vt_error(ETIME, what, g->name, "that instant has passed");
	case -EBUSY:
		return vt_error(EBUSY, what, g->name, "another step is under way");
	case -EOPNOTSUPP:
		return vt_error(EOPNOTSUPP, what, g->name, "it is freeze-only and has no clock");
	case -ENOENT:
		return vt_error(ENOENT, what, g->name, "it has been deleted");
	}
	return vt_error(-err, what, g->name, NULL);
}

static int set_end(struct vt_group *g, uint64_t end_ns, uint64_t lead_max_ns, const char *what)
{
	struct vt_request req = { .group = g->id, .at_ns = end_ns, .lead_max_ns = lead_max_ns };
	int err = vt_run(g->vt, VT_PROG_RUN_UNTIL, &req);

	return err ? cannot(err, what, g) : 0;
}

int vt_clock_run_on(struct vt_group *g)
{
	return set_end(g, VT_ENDLESS, 0, "cannot let run on group");
}

/* How long it takes to get from the reading to `end`, real ns */
static int64_t way_to(const struct vt_request *req, vt_virtual end)
{
	const struct vt_piece piece = {
		.virtual_start = { (int64_t)req->virtual_ns },
		.rate = req->rate,
	};

	return vt_clock_when(&piece, end).ns;
}

int vt_clock_run_until(struct vt_group *g, vt_virtual end)
{
	const char *what = "cannot give an end to group";
	struct vt_request req;
	int err = vt_clock_ask(g, &req);

	/* The kernel knows no times before 0 */
	if (!err && end.ns <= (int64_t)req.virtual_ns)
		err = -ETIME;
	if (err)
		return cannot(err, what, g);
	return set_end(g, (uint64_t)end.ns, (uint64_t)way_to(&req, end) / 2, what);
}

int vt_clock_stop_at(struct vt_group *g, vt_real at, int64_t *late_ns)
{
	struct vt_request req = { .group = g->id, .at_ns = (uint64_t)at.ns };
	int err = vt_run(g->vt, VT_PROG_STOP_AT, &req);

	if (err)
		return cannot(err, "cannot stop group", g);
	if (late_ns)
		*late_ns = (int64_t)req.real_ns > at.ns ? (int64_t)req.real_ns - at.ns : 0;
	return 0;
}

int vt_clock_start_at(struct vt_group *g, vt_real at)
{
	struct vt_request req = { .group = g->id, .at_ns = (uint64_t)at.ns };
	int err = vt_run(g->vt, VT_PROG_START_AT, &req);

	if (err == -EBUSY)
		return vt_error(EBUSY, "cannot set the start of group", g->name, "it runs");
	return err ? cannot(err, "cannot set the start of group", g) : 0;
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* For the timerfd, which counts from when it is set. */
static void look_again_in(struct vt_step *step, int64_t ns)
{
	const struct itimerspec t = { .it_value = { ns / 1000000000, ns % 1000000000 } };

	timerfd_settime(step->timer_fd, 0, &t, NULL);
}

/* Not if it was stopped on its way, by somebody else */
static bool is_at_end(const struct vt_request *req)
{
	return req->stopped && (req->stop_ns == VT_ENDLESS || req->virtual_ns >= req->stop_ns);
}

/* Somebody may take the end away. */
static int check_end(struct goal *goal, const struct vt_request *req)
{
	if (goal->has_end && req->stop_ns == VT_ENDLESS)
		return vt_error(ECANCELED, "cannot follow group", goal->g->name, "it has no end any more");
	goal->has_end = req->stop_ns != VT_ENDLESS;
	return 0;
}

/* 1: stands at its end, all have stopped. Else *left_ns is when to look again. */
static int look(struct goal *goal, bool *stands, int64_t *left_ns)
{
	struct vt_group *g = goal->g;
	struct vt_request req;
	int err = vt_clock_ask(g, &req);

	if (err)
		return cannot(err, "cannot follow group", g);
	err = check_end(goal, &req);
	if (err)
		return err;
	*stands = is_at_end(&req);
	if (!req.stopped && req.stop_ns != VT_ENDLESS)
		*left_ns = way_to(&req, (vt_virtual){ (int64_t)req.stop_ns });
	return *stands && vt_books_state(g->vt, g->id) == VT_FROZEN && vt_group_has_stopped(g);
}

int vt_step_is_done(struct vt_step *step)
{
	int64_t nap_ns = step->nap_ns, left_ns;
	bool stands = false, all_stand = true, done = true;

	for (int i = 0; i < step->count; i++) {
		struct goal *goal = &step->goals[i];
		int answer;

		if (goal->done)
			continue;
		left_ns = 0;
		answer = look(goal, &stands, &left_ns);
		if (answer < 0)
			return answer;
		goal->done = answer;
		done &= goal->done;
		all_stand &= stands;
		if (left_ns > nap_ns)
			nap_ns = left_ns < NAP_FAR_NS ? left_ns : NAP_FAR_NS;
	}
	if (done)
		nap_ns = 1;
	else if (nap_ns == step->nap_ns && nap_ns < NAP_LAST_NS)
		step->nap_ns += nap_ns / 2; /* it is not known when */
	if (all_stand && !step->stopped_ns)
		step->stopped_ns = vt_now_ns();
	look_again_in(step, nap_ns);
	return done;
}

int vt_step_wait(struct vt_step *step, int64_t timeout_ns)
{
	struct pollfd fd = { .fd = step->timer_fd, .events = POLLIN };
	int done;

	while ((done = vt_step_is_done(step)) == 0) {
		if (timeout_ns >= 0 && step->stopped_ns &&
		    vt_now_ns() - step->stopped_ns > timeout_ns)
			return vt_error(ETIMEDOUT, "waited in vain for group", step->goals[0].g->name,
					"some task does not stop");
		if (poll(&fd, 1, -1) < 0)
			return vt_error(errno, "cannot wait for group", step->goals[0].g->name, NULL);
	}
	return done < 0 ? done : 0;
}

int vt_clock_skip(struct vt_group *g, vt_virtual to)
{
	struct vt_request req = { .group = g->id, .at_ns = (uint64_t)to.ns };
	int err = vt_run(g->vt, VT_PROG_SKIP, &req);

	if (err == -EBUSY)
		return vt_error(EBUSY, "cannot skip in group", g->name, "it is not frozen");
	return err ? cannot(err, "cannot skip in group", g) : 0;
}

/*
 * Frozen by us. If a timer has expired since the group was found idle, whoever waited for it has
 * something to do before more time may pass. The end may have come by itself: then it stays frozen.
 */
static int skip_and_thaw(struct vt_group *g, uint64_t expiries)
{
	struct vt_request req = { 0 };
	int err = vt_group_wait(g, VT_FROZEN, SKIP_PATIENCE_NS);

	if (!err)
		err = vt_clock_ask(g, &req);
	if (!err && req.expiries == expiries) {
		err = vt_clock_skip(g, (vt_virtual){ INT64_MAX });
		if (!err)
			err = vt_clock_ask(g, &req);
	}
	if (!err && is_at_end(&req))
		return 1;
	vt_group_thaw(g);
	return err;
}

int vt_step_skip(struct vt_step *step)
{
	struct vt_group *g = step->goals[0].g;
	struct vt_request before;
	int idle, err;

	if (step->count != 1)
		return vt_error(EINVAL, "cannot skip", NULL, "groups that step together have one time");
	err = vt_clock_ask(g, &before);
	if (err)
		return cannot(err, "cannot skip in group", g);
	err = check_end(&step->goals[0], &before);
	if (err)
		return err;
	if (is_at_end(&before))
		return 1;
	if (before.expiries % 2) /* somebody is being woken */
		return 0;
	idle = vt_group_is_idle(g);
	if (idle <= 0)
		return idle;
	if (vt_cgroup_read_freeze(g->freeze_fd) == 1)
		return 0;
	err = vt_cgroup_write_freeze(g->freeze_fd, true); /* also if all tasks have ended */
	return err ? cannot(err, "cannot skip in group", g) : skip_and_thaw(g, before.expiries);
}

int vt_step_fd(const struct vt_step *step)
{
	return step->timer_fd;
}

void vt_step_close(struct vt_step *step)
{
	if (!step)
		return;
	close(step->timer_fd);
	free(step);
}

int vt_step_watch(struct vt_group *const *groups, int count, struct vt_step **out)
{
	const char *what = "cannot follow groups";
	struct vt_step *step;

	if (count < 1)
		return vt_error(EINVAL, what, NULL, "there is none");
	step = calloc(1, sizeof(*step) + (size_t)count * sizeof(step->goals[0]));
	if (!step)
		return vt_error(ENOMEM, what, NULL, NULL);
	step->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (step->timer_fd < 0) {
		free(step);
		return vt_error(errno, what, NULL, NULL);
	}
	step->nap_ns = NAP_FIRST_NS;
	step->count = count;
	for (int i = 0; i < count; i++) {
		struct vt_request req;

		step->goals[i].g = groups[i];
		step->goals[i].has_end = vt_clock_ask(groups[i], &req) == 0 && req.stop_ns != VT_ENDLESS;
	}
	look_again_in(step, 1);
	*out = step;
	return 0;
}

/* ---- stepping ------------------------------------------------------------------------------ */

static const char *const stepping = "cannot step group";

/* Frozen by itself, with tasks to run: a thaw will let it go on. */
static int check_frozen(struct vt_group *g)
{
	struct vt_cgroup_events ev;
	int state = vt_books_state(g->vt, g->id), err;

	if (state < 0)
		return cannot(state, stepping, g);
	if (state != VT_FROZEN)
		return vt_error(EAGAIN, stepping, g->name, "it is not frozen");
	if (vt_cgroup_read_freeze(g->freeze_fd) != 1)
		return vt_error(EBUSY, stepping, g->name, "a cgroup above it is frozen");
	err = vt_cgroup_read_events(g->events_fd, &ev);
	if (!err && !ev.populated)
		return vt_error(ENODATA, stepping, g->name, "it has no tasks");
	return err ? cannot(err, stepping, g) : 0;
}

/* The end that is step_ns from where the clock stands; the reading is left in *req. */
static int set_step(struct vt_group *g, int64_t step_ns, struct vt_request *req)
{
	int64_t end_ns;
	int err = vt_clock_ask(g, req);

	if (err)
		return cannot(err, stepping, g);
	if (__builtin_add_overflow((int64_t)req->virtual_ns, step_ns, &end_ns))
		return vt_error(ERANGE, stepping, g->name, "the clock does not go that far");
	return set_end(g, (uint64_t)end_ns, (uint64_t)way_to(req, (vt_virtual){ end_ns }) / 2,
		       stepping);
}

static void take_back(struct vt_group *const *groups, int count)
{
	while (count-- > 0)
		set_end(groups[count], VT_ENDLESS, 0, stepping);
}

static int set_steps(struct vt_group *const *groups, int count, int64_t step_ns, vt_real *start)
{
	struct vt_request req = {};
	int i, err = 0;

	for (i = 0; i < count && !err; i++) {
		err = check_frozen(groups[i]);
		if (!err)
			err = set_step(groups[i], step_ns, &req);
	}
	if (err)
		take_back(groups, i - 1);
	else
		start->ns = (int64_t)req.real_ns;
	return err;
}

/* What has been thawed when one fails is on its way and cannot be called back. */
static int thaw(struct vt_group *const *groups, int count)
{
	int policy = vt_priority_raise(), err = 0;

	for (int i = 0; i < count && !err; i++) {
		err = vt_cgroup_write_freeze(groups[i]->freeze_fd, false);
		if (err) {
			take_back(groups + i, count - i);
			cannot(err, stepping, groups[i]);
		}
	}
	vt_priority_restore(policy);
	return err;
}

static int start(struct vt_group *const *groups, int count, vt_real at)
{
	int err = 0;

	for (int i = 0; i < count && count > 1 && !err; i++)
		err = vt_clock_start_at(groups[i], at);
	return err ? err : thaw(groups, count);
}

int vt_step_begin(struct vt_group *const *groups, int count, int64_t step_ns, struct vt_step **out)
{
	struct vt_step *step = NULL;
	vt_real at;
	int err;

	if (step_ns < 1)
		return vt_error(ERANGE, "cannot step", NULL, "a step is 1 ns or more");
	err = vt_step_watch(groups, count, &step);
	if (err || !step)
		return err;
	err = set_steps(groups, count, step_ns, &at);
	if (!err)
		err = start(groups, count, at);
	if (err) {
		vt_step_close(step);
		return vt_return(err);
	}
	for (int i = 0; i < count; i++)
		step->goals[i].has_end = true;
	*out = step;
	return 0;
}

int vt_clock_step(struct vt_group *g, int64_t step_ns)
{
	struct vt_step *step = NULL;
	int err = vt_step_begin(&g, 1, step_ns, &step);

	if (err || !step)
		return err;
	err = vt_step_wait(step, -1);
	vt_step_close(step);
	return err;
}
