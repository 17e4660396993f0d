// SPDX-License-Identifier: MIT
/*
 * Who keeps a freezing group from being frozen.
 *
 * A task has stopped when it sleeps in the freezer, or where the kernel counts it as frozen
 * all the same: stopped by a signal or a tracer, or waiting for its vfork child. Everybody else
 * is listed, with the reason as far as /proc tells.
 *
 * A signal (a child's death, say) lets a frozen task go once around in the kernel, without a step
 * in its program; so only who is seen awake several times counts. And where the kernel's own
 * count is good, in a cgroup without cgroups below, its word is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"

#define LOOKS 3
#define LOOKS_APART_US 300

struct search {
	struct vt_straggler *out;
	int max;
	int found;
};

static bool is_stopped(const struct vt_process *p, const char *wchan)
{
	static const char *const places[] = {
		"do_freezer_trap", "get_signal", "do_signal_stop", "ptrace_stop", "do_jobctl_trap",
		"wait_for_vfork_done", "kernel_clone",
		/* of the series: in the middle of a wait */
		"__vtclk_signal_pending", "freezer_sleep",
	};

	if (p->state == 'T' || p->state == 't' || p->state == 'Z' || p->state == 'X')
		return true;
	if (p->state == 'R')
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(wchan, places[i]) == 0)
			return true;
	return false;
}

static void explain(const struct vt_process *p, const char *wchan, char *why, size_t size)
{
	if (p->is_kernel)
		snprintf(why, size, "a kernel thread");
	else if (p->state == 'R')
		snprintf(why, size, "running");
	else
		snprintf(why, size, "%ssleep in %.38s", p->state == 'D' ? "uninterruptible " : "",
			 strcmp(wchan, "0") == 0 || !*wchan ? "the kernel" : wchan);
}

static bool is_awake(pid_t tid, int looks, struct vt_process *p, char *wchan, size_t size)
{
	for (int i = 0; i < looks; i++) {
		if (i)
			usleep(LOOKS_APART_US);
		wchan[0] = '\0';
		if (vt_process_read(tid, p))
			return false;
		vt_process_wchan(tid, wchan, size);
		if (is_stopped(p, wchan))
			return false;
	}
	return true;
}

static int look(pid_t tid, void *arg)
{
	struct search *search = arg;
	struct vt_straggler *s;
	struct vt_process p;
	char wchan[128];

	/* Beyond max it is only a number. */
	if (!is_awake(tid, search->found < search->max ? LOOKS : 1, &p, wchan, sizeof(wchan)))
		return 0;
	if (search->found < search->max) {
		s = &search->out[search->found];
		s->pid = tid;
		memcpy(s->comm, p.comm, sizeof(s->comm));
		explain(&p, wchan, s->why, sizeof(s->why));
	}
	search->found++;
	return 0;
}

static bool is_frozen_leaf(int dir_fd)
{
	struct vt_cgroup_events ev = {};
	int fd;

	if (vt_cgroup_has_children(dir_fd))
		return false;
	fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	vt_cgroup_read_events(fd, &ev);
	close(fd);
	return ev.frozen;
}

static int look_into(int dir_fd, void *arg)
{
	int err;

	if (is_frozen_leaf(dir_fd))
		return 0;
	err = vt_cgroup_each_task(dir_fd, look, arg);
	return err == -ENODEV ? 0 : err;
}

int vt_group_stragglers(struct vt_group *g, struct vt_straggler *out, int max)
{
	struct search search = { out, max, 0 };
	int err = vt_cgroup_walk(g->dir_fd, look_into, &search);

	if (err)
		return vt_error(-err, "cannot list the tasks of group", g->name, NULL);
	return search.found;
}
