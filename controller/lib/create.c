// SPDX-License-Identifier: MIT
/*
 * Creating groups: the directory, then the entry in the books (with the clock), with the pins
 * locked; taken back in the reverse order if something fails.
 */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define BIND_TRIES 8
#define ROOT_TRIES 3

static enum vt_state state_in_cgroupfs(struct vt_group *g)
{
	struct vt_cgroup_events ev = {};

	if (vt_cgroup_read_freeze(g->freeze_fd) != 1 && !vt_cgroup_is_told_from_above(g->vt, g->path))
		return VT_RUNNING;
	vt_cgroup_read_events(g->events_fd, &ev);
	return ev.frozen ? VT_FROZEN : VT_FREEZING;
}

static void unbind(struct vt_group *g)
{
	struct vt_request req = { .group = g->id };

	vt_run(g->vt, VT_PROG_UNBIND, &req);
}

/* A freeze may pass between the look at the cgroup and the entry: then enter it anew. */
static int bind_freeze_only(struct vt_group *g, struct vt_request *req)
{
	int err;

	for (int i = 0; i < BIND_TRIES; i++) {
		req->state = state_in_cgroupfs(g);
		err = vt_run(g->vt, VT_PROG_BIND, req);
		if (err || state_in_cgroupfs(g) == (enum vt_state)req->state)
			return err;
		unbind(g);
	}
	return -EAGAIN;
}

static int64_t epoch_offset(const struct vt_group_options *options)
{
	struct timespec now;

	if (!options->has_epoch)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return options->epoch_ns - (now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
}

static int bind_group(struct vt_group *g, const struct vt_group_options *options, bool made)
{
	struct vt_request req = {
		.group = g->id,
		.rate = options->rate ? options->rate : VT_RATE_ONE,
		.flags = made ? VT_GROUP_CREATED : 0,
	};
	int err = vt_clocks_find_free(g->vt, &req.slot);

	if (err)
		return err;
	if (options->freeze_only)
		return bind_freeze_only(g, &req);
	req.flags |= VT_GROUP_VIRTUAL;
	req.epoch_ns = epoch_offset(options);
	return vt_run(g->vt, VT_PROG_BIND, &req);
}

static int why_not_made(int err, const struct vt_place *place)
{
	if (err == EEXIST)
		return vt_error(EEXIST, "cannot create group", place->name, "it exists");
	if (err == ENOENT)
		return vt_error(ENOENT, "cannot create group", place->name,
				"the cgroup above it does not exist");
	return vt_error(err == EACCES ? EPERM : err, "cannot create group", place->name, NULL);
}

static int why_not_bound(int err, const struct vt_place *place)
{
	const char *reason = NULL;

	if (err == -EEXIST)
		reason = "it is a group already";
	else if (err == -ERANGE)
		reason = "the epoch is before 1970 or too far in the future";
	else if (err == -EPERM)
		reason = "CAP_SYS_TIME is needed for a clock";
	else if (err == -ENOSPC)
		reason = "there are too many groups";
	else if (err == -EOPNOTSUPP)
		reason = "the kernel cannot give it a clock, the cgroup may be threaded";
	else if (err == -EAGAIN)
		reason = "it is being frozen and thawed all the time";
	return vt_error(-err, "cannot create group", place->name, reason);
}

static int open_and_bind(struct vt *vt, const struct vt_place *place, bool made,
			 const struct vt_group_options *options, struct vt_group **out)
{
	struct vt_group *g;
	int err;

	err = vt_group_open_place(vt, place, &g);
	if (err == -ENOENT)
		return vt_error(ENOENT, "cannot create group", place->name,
				"there is no such cgroup, or it is the root");
	if (err)
		return why_not_made(-err, place);
	err = bind_group(g, options, made);
	if (err) {
		vt_group_close(g);
		return why_not_bound(err, place);
	}
	*out = g;
	return 0;
}

/* The vt root goes with its last group, which may be just now, by way of another set of pins. */
static int make_directory(const struct vt *vt, const struct vt_place *place)
{
	int err = ENOENT;

	for (int i = 0; i < ROOT_TRIES && err == ENOENT; i++) {
		if (mkdir(vt->root, 0755) && errno != EEXIST)
			return vt_error_errno("cannot make the vt root", vt->root);
		err = mkdir(place->path, 0755) ? errno : 0;
	}
	return err ? why_not_made(err, place) : 0;
}

static int create_below_root(struct vt *vt, const struct vt_place *place,
			     const struct vt_group_options *options, struct vt_group **out)
{
	int err = make_directory(vt, place);

	if (err)
		goto remove_root;
	err = open_and_bind(vt, place, true, options, out);
	if (!err)
		return 0;
	rmdir(place->path);
remove_root:
	rmdir(vt->root); /* refused as long as something is in it */
	return vt_return(err);
}

static int check_options(const struct vt *vt, const struct vt_place *place,
			 const struct vt_group_options *options)
{
	if (options->freeze_only && (options->rate || options->has_epoch))
		return vt_error(EINVAL, "cannot create group", place->name,
				"a freeze-only group has neither a rate nor an epoch");
	if (options->rate && (options->rate < VT_RATE_MIN || options->rate > VT_RATE_MAX))
		return vt_error(ERANGE, "cannot create group", place->name,
				"the rate is outside 0.001 ... 1000");
	if (!options->freeze_only && !vt->has_clock)
		return vt_error(EOPNOTSUPP, "cannot create group", place->name,
				"this kernel has no virtual clocks, only freeze-only groups");
	return 0;
}

int vt_group_create(struct vt *vt, const char *name, const struct vt_group_options *options,
		    struct vt_group **out)
{
	static const struct vt_group_options defaults;
	struct vt_group *g = NULL;
	struct vt_place place;
	int err;

	if (!options)
		options = &defaults;
	err = vt_place_of(vt, name, &place);
	if (!err)
		err = check_options(vt, &place, options);
	if (!err)
		err = vt_lock(vt);
	if (err)
		return err;
	if (place.below_root)
		err = create_below_root(vt, &place, options, &g);
	else
		err = open_and_bind(vt, &place, false, options, &g);
	vt_unlock(vt);
	if (err)
		return vt_return(err);
	if (out)
		*out = g;
	else
		vt_group_close(g);
	return 0;
}
