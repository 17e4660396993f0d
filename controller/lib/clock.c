// SPDX-License-Identifier: MIT
/*
 * A group's clock and its books, from outside. All readings are taken in the kernel: the caller
 * may be a member of a group itself, and its own clock virtual.
 */
#include <errno.h>

#include "lib.h"

int vt_clock_ask(struct vt_group *g, struct vt_request *req)
{
	*req = (struct vt_request){ .group = g->id };
	return vt_run(g->vt, VT_PROG_READ, req);
}

static int read_clock(struct vt_group *g, struct vt_request *req)
{
	int err = vt_clock_ask(g, req);

	if (err == -ENOENT)
		return vt_error(ENOENT, "no such group", g->name, "it has been deleted");
	return err ? vt_error(-err, "cannot read the clock of group", g->name, NULL) : 0;
}

int vt_clock_read(struct vt_group *g, vt_virtual *out, vt_real *real)
{
	struct vt_request req;
	int err = read_clock(g, &req);

	if (err)
		return err;
	out->ns = (int64_t)req.virtual_ns;
	if (real)
		real->ns = (int64_t)req.real_ns;
	return 0;
}

int vt_group_has_caller(struct vt_group *g)
{
	struct vt_request req;
	int err = read_clock(g, &req);

	return err ? err : req.has_caller != 0;
}

static int count_one(pid_t tid, void *arg)
{
	(void)tid;
	++*(uint64_t *)arg;
	return 0;
}

static int count_tasks(int dir_fd, void *arg)
{
	int err = vt_cgroup_each_task(dir_fd, count_one, arg);

	return err == -ENODEV ? 0 : err;
}

/*
 * Clocks below a cgroup that is thawed start with its own, the books of those groups follow: until
 * then they call a group frozen whose clock has run for a while already.
 */
static bool is_behind(const struct vt_group_rec *books, const struct vt_request *req)
{
	return (books->flags & VT_GROUP_VIRTUAL) && !req->stopped && req->real_ns > books->a_ns &&
	       (books->state == VT_FREEZING || books->state == VT_FROZEN);
}

/* The same books before and after the clock was read, and no news in the clock that they lack. */
static int read_both(struct vt_group *g, struct vt_request *req, struct vt_group_rec *books)
{
	struct vt_group_rec after;
	int err;

	for (int i = 0; i < VT_READ_TRIES; i++) {
		err = vt_group_books(g, books);
		if (!err)
			err = read_clock(g, req);
		if (!err)
			err = vt_group_books(g, &after);
		if (err || (after.gen == books->gen && !is_behind(books, req)))
			return err;
		vt_retry_pause(i);
	}
	return vt_error(EAGAIN, "cannot read group", g->name, "it changes all the time");
}

/* The last freeze may not have ended. */
static int64_t frozen_until(const struct vt_group_rec *books, uint64_t real_ns)
{
	uint64_t frozen_ns = books->frozen_ns;

	if ((books->state == VT_FREEZING || books->state == VT_FROZEN) && real_ns > books->a_ns)
		frozen_ns += real_ns - books->a_ns;
	return (int64_t)frozen_ns;
}

int vt_group_status(struct vt_group *g, struct vt_status *out)
{
	struct vt_group_rec *books = &out->books;
	struct vt_request req;
	int err;

	*out = (struct vt_status){};
	err = read_both(g, &req, books);
	if (err)
		return err;
	err = vt_cgroup_walk(g->dir_fd, count_tasks, &out->tasks);
	if (err)
		return vt_error(-err, "cannot list the tasks of group", g->name, NULL);
	out->state = books->state;
	out->is_virtual = books->flags & VT_GROUP_VIRTUAL;
	out->clock_stopped = req.stopped;
	out->rate = req.rate;
	out->real.ns = (int64_t)req.real_ns;
	out->virt.ns = (int64_t)req.virtual_ns;
	out->lag_ns = out->real.ns - out->virt.ns;
	out->frozen_ns = frozen_until(books, req.real_ns);
	out->epoch_ns = req.epoch_ns;
	out->has_end = req.stop_ns != VT_ENDLESS;
	out->end.ns = out->has_end ? (int64_t)req.stop_ns : 0;
	return 0;
}

int vt_clock_late(struct vt_group *g, struct vt_late *out)
{
	struct vt_group_rec books;
	struct vt_request req;
	int err = read_both(g, &req, &books);

	if (err)
		return err;
	*out = (struct vt_late){
		.virt = { (int64_t)req.virtual_ns },
		.real = { (int64_t)req.real_ns },
		.lag_ns = (int64_t)(req.real_ns - req.virtual_ns),
		.frozen_ns = frozen_until(&books, req.real_ns),
		.freezes = books.freezes,
		.a = { (int64_t)books.a_ns },
		.b = { (int64_t)books.b_ns },
		.c = { (int64_t)books.c_ns },
		.d = { (int64_t)books.d_ns },
		.worst_stop_ns = (int64_t)books.worst_stop_ns,
		.worst_start_ns = (int64_t)books.worst_start_ns,
	};
	return 0;
}

int vt_group_set_rate(struct vt_group *g, uint64_t rate)
{
	struct vt_request req = { .group = g->id, .rate = rate };
	const char *what = "cannot set the rate of group";
	int err = vt_run(g->vt, VT_PROG_RATE, &req);

	if (err == -ERANGE)
		return vt_error(ERANGE, what, g->name, "outside 0.001 ... 1000");
	if (err == -EOPNOTSUPP)
		return vt_error(EOPNOTSUPP, what, g->name, "it is freeze-only and has no clock");
	if (err == -ENOENT)
		return vt_error(ENOENT, what, g->name, "it has been deleted");
	return err ? vt_error(-err, what, g->name, NULL) : 0;
}
