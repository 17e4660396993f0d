// SPDX-License-Identifier: MIT
/*
 * Deleting groups.
 *
 * A directory that vt made is removed first: if that fails nothing has happened, and the BPF
 * program that sees it go strikes the group out of the books. A directory of somebody else
 * stays; the group is only struck out.
 */
#include <errno.h>
#include <unistd.h>

#include "lib.h"

#define KILL_TIMEOUT_NS INT64_C(10000000000)

static int cannot(int error, const struct vt_group *g, const char *reason)
{
	return vt_error(error, "cannot delete group", g->name, reason);
}

static bool is_empty(void *arg)
{
	struct vt_group *g = arg;
	struct vt_cgroup_events ev;

	return vt_cgroup_read_events(g->events_fd, &ev) == 0 && !ev.populated;
}

/* The kernel lets frozen tasks die as well. */
static int kill_all(struct vt_group *g)
{
	int err = vt_cgroup_write(g->dir_fd, "cgroup.kill", "1");

	if (err)
		return cannot(-err, g, "its tasks cannot be killed, that needs a kernel from 5.14");
	if (vt_wait_until(g->events_fd, is_empty, g, KILL_TIMEOUT_NS))
		return cannot(EBUSY, g, "its tasks do not die within 10 s");
	return 0;
}

static int unbind(struct vt_group *g)
{
	struct vt_request req = { .group = g->id };
	int err = vt_run(g->vt, VT_PROG_UNBIND, &req);

	return err ? cannot(-err, g, NULL) : 0;
}

/* Nobody could thaw it by name afterwards. */
static int check_thawed(struct vt_group *g)
{
	if (vt_cgroup_read_freeze(g->freeze_fd) == 1)
		return cannot(EBUSY, g, "it is frozen and its directory stays, thaw it first");
	return 0;
}

static int remove_own(struct vt_group *g, bool with_children)
{
	int err = with_children ? vt_cgroup_remove_children(g->dir_fd) : 0;

	if (!err && rmdir(g->path))
		err = -errno;
	if (err == -EBUSY || err == -ENOTEMPTY)
		return cannot(EBUSY, g, "tasks or cgroups are inside");
	return err ? cannot(-err, g, NULL) : 0;
}

static int delete_own(struct vt_group *g, bool with_children)
{
	int err;

	vt_expect_begin(g->vt);
	err = remove_own(g, with_children);
	vt_expect_end(g->vt);
	if (err)
		return err;
	if (vt_books_has(g->vt, g->id))
		unbind(g);
	rmdir(g->vt->root); /* which refuses as long as something is in it */
	return 0;
}

static int delete_locked(struct vt_group *g, bool kill_members)
{
	struct vt_group_rec books;
	int err;

	err = vt_group_books(g, &books);
	if (!err && kill_members)
		err = kill_all(g);
	if (err)
		return err;
	if (books.flags & VT_GROUP_CREATED)
		return delete_own(g, kill_members);
	err = check_thawed(g);
	return err ? err : unbind(g);
}

int vt_group_delete(struct vt_group *g, bool kill_members)
{
	int err = vt_lock(g->vt);

	if (err)
		return err;
	err = delete_locked(g, kill_members);
	vt_unlock(g->vt);
	return vt_return(err);
}
