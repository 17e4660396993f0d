// SPDX-License-Identifier: MIT
/*
 * Moving processes in and out.
 *
 * The kernel moves a whole process when the ID of any of its threads is written. Before that it
 * is worked out what its clocks would do: a process outside of all groups has lag 0, a member
 * its group's. Members read CLOCK - lag (+ epoch for the wall clock), so going to a larger lag
 * steps back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"

static int cannot(int error, const struct vt_group *g, pid_t pid, const char *reason)
{
	return vt_error_text(error, "cannot move process '%d' to group '%s': %s", (int)pid, g->name,
			     reason);
}

static bool is_caller(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)pid);
	return access(path, F_OK) == 0;
}

static int check_process(const struct vt_group *g, pid_t pid)
{
	struct vt_process process;

	if (pid <= 0)
		return cannot(EINVAL, g, pid, "process IDs begin at 1");
	if (pid == 1)
		return cannot(EINVAL, g, pid, "the machine's first process stays outside");
	if (is_caller(pid))
		return cannot(EINVAL, g, pid, "it is the caller itself");
	if (vt_process_read(pid, &process))
		return cannot(ESRCH, g, pid, "no such process");
	if (process.is_kernel)
		return cannot(EINVAL, g, pid, "it is a kernel thread");
	if (process.state == 'Z' || process.state == 'X')
		return cannot(ESRCH, g, pid, "it is dead");
	return 0;
}

struct offsets {
	int64_t mono_ns; /* what members see, minus the host's clock */
	int64_t wall_ns;
};

static struct offsets offsets_of(struct vt *vt, uint64_t group)
{
	struct vt_request req = { .group = group };
	struct offsets o = { 0, 0 };

	if (group && vt_run(vt, VT_PROG_READ, &req) == 0) {
		o.mono_ns = (int64_t)(req.virtual_ns - req.real_ns);
		o.wall_ns = o.mono_ns + req.epoch_ns;
	}
	return o;
}

static int step_back(const struct vt_group *g, pid_t pid, const char *clock, int64_t ns)
{
	char text[64];

	return vt_error_text(EXDEV, "cannot move process '%d' to group '%s': its %s would step "
			     "back by %s", (int)pid, g->name, clock,
			     vt_format_duration(ns, text, sizeof(text)));
}

static int check_step(struct vt_group *g, pid_t pid)
{
	struct offsets from, to;
	char cgroup[PATH_MAX];

	if (!g->vt->has_clock)
		return 0;
	if (vt_cgroup_of(pid, cgroup, sizeof(cgroup)))
		return cannot(ESRCH, g, pid, "no such process");
	from = offsets_of(g->vt, vt_group_around(g->vt, cgroup));
	to = offsets_of(g->vt, g->id);
	if (to.mono_ns < from.mono_ns)
		return step_back(g, pid, "clocks", from.mono_ns - to.mono_ns);
	if (to.wall_ns < from.wall_ns)
		return step_back(g, pid, "wall clock", from.wall_ns - to.wall_ns);
	return 0;
}

static int move(struct vt *vt, int dir_fd, pid_t pid)
{
	char text[16];
	int err;

	snprintf(text, sizeof(text), "%d", (int)pid);
	vt_expect_begin(vt);
	err = vt_cgroup_write(dir_fd, "cgroup.procs", text);
	vt_expect_end(vt);
	return err;
}

static int why_not_moved(int err, const struct vt_group *g, pid_t pid)
{
	switch (err) {
	case -ESRCH:
		return cannot(ESRCH, g, pid, "no such process");
	case -EOPNOTSUPP:
		return cannot(EOPNOTSUPP, g, pid, "the cgroup is threaded or not a domain");
	case -EBUSY:
		return cannot(EBUSY, g, pid,
			      "controllers are enabled for the cgroups inside the group");
	case -EACCES:
		return cannot(EPERM, g, pid, "not permitted");
	case -ENODEV:
		return cannot(ENOENT, g, pid, "the group has been deleted");
	}
	return vt_error_text(-err, "cannot move process '%d' to group '%s': %m", (int)pid, g->name);
}

int vt_group_attach(struct vt_group *g, pid_t pid, unsigned int flags)
{
	struct vt_group_rec books;
	int err;

	err = vt_group_books(g, &books);
	if (!err)
		err = check_process(g, pid);
	if (!err && !(flags & VT_ATTACH_ALLOW_STEP))
		err = check_step(g, pid);
	if (err)
		return err;
	err = move(g->vt, g->dir_fd, pid);
	errno = -err;
	return err ? why_not_moved(err, g, pid) : 0;
}

int vt_group_join(struct vt_group *g)
{
	struct vt_group_rec books;
	int err;

	err = vt_group_books(g, &books);
	if (err)
		return err;
	err = move(g->vt, g->dir_fd, 0);
	errno = -err;
	return err ? why_not_moved(err, g, getpid()) : 0;
}

static int leave_to_root(struct vt *vt, pid_t pid)
{
	int fd = open(vt->cgroup_mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = move(vt, fd, pid);
	close(fd);
	return err;
}

int vt_detach(struct vt *vt, pid_t pid)
{
	char cgroup[PATH_MAX], subject[16];
	int err;

	snprintf(subject, sizeof(subject), "%d", (int)pid);
	if (pid <= 0)
		return vt_error(EINVAL, "cannot detach process", subject, "process IDs begin at 1");
	err = vt_cgroup_of(pid, cgroup, sizeof(cgroup));
	if (err)
		return vt_error(-err, "cannot detach process", subject, NULL);
	if (!vt_group_around(vt, cgroup))
		return vt_error(ENOENT, "cannot detach process", subject, "it is in no group");
	err = leave_to_root(vt, pid);
	return err ? vt_error(-err, "cannot detach process", subject, NULL) : 0;
}
