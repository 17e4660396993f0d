// SPDX-License-Identifier: MIT
/*
 * Is a group idle: does every member sleep, and for nothing but time and other members?
 *
 * Two looks at all tasks that find them asleep, and none of them to have run in between, have an
 * instant between them at which nobody ran. What could wake a member from outside then is told by
 * the system call that it sleeps in: one that waits for a file is idle only if the file is one that
 * this process alone writes to, or that time does.
 *
 * Not seen: futexes and semaphores in memory that is shared with processes outside, and signals.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib.h"

#define FDS_MAX 64

struct looks {
	uint64_t tasks;
	uint64_t switches; /* how often they have begun to run, all together */
	bool asleep;       /* all */
	bool enclosed;     /* nothing outside can end what they wait for */
};

/* ---- one file ------------------------------------------------------------------------------ */

static bool read_link(pid_t tid, int fd, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tid, fd);
	n = readlink(path, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool is_closed_on_exec(pid_t tid, int fd)
{
	char file[32], text[256];
	const char *flags;

	snprintf(file, sizeof(file), "fdinfo/%d", fd);
	if (vt_process_file(tid, file, text, sizeof(text)))
		return false;
	flags = strstr(text, "flags:");
	return flags && strtoul(flags + strlen("flags:"), NULL, 8) & O_CLOEXEC;
}

/*
 * Are both ends of that pipe here, and have not been inherited? Then it is how the threads of a
 * program wake one another.
 */
static bool has_both_ends(pid_t tid, const char *pipe)
{
	char target[64];
	int ends = 0;

	for (int fd = 0; fd < FDS_MAX * 4 && ends < 2; fd++)
		ends += read_link(tid, fd, target, sizeof(target)) && strcmp(target, pipe) == 0 &&
			is_closed_on_exec(tid, fd);
	return ends == 2;
}

static bool is_enclosed_fd(pid_t tid, int fd);

/* Lines "tfd: 5 events: ..." of what an epoll looks at */
static bool is_enclosed_epoll(pid_t tid, int epfd)
{
	char path[64], line[256];
	bool enclosed = true;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, epfd);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (enclosed && fgets(line, sizeof(line), f))
		if (sscanf(line, "tfd: %d", &fd) == 1)
			enclosed = fd != epfd && is_enclosed_fd(tid, fd);
	fclose(f);
	return enclosed;
}

static bool is_enclosed_fd(pid_t tid, int fd)
{
	char target[64];

	if (!read_link(tid, fd, target, sizeof(target)))
		return false;
	if (strcmp(target, "anon_inode:[timerfd]") == 0 ||
	    strcmp(target, "anon_inode:[eventfd]") == 0)
		return true;
	return strncmp(target, "pipe:", 5) == 0 && has_both_ends(tid, target);
}

/* ---- one call ------------------------------------------------------------------------------ */

static bool is_enclosed_poll(pid_t tid, uint64_t address, uint64_t count)
{
	struct pollfd fds[FDS_MAX];
	struct iovec here = { fds, (size_t)count * sizeof(fds[0]) };
	struct iovec there = { (void *)(uintptr_t)address, here.iov_len };

	if (count > FDS_MAX ||
	    process_vm_readv(tid, &here, 1, &there, 1, 0) != (ssize_t)here.iov_len)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (fds[i].fd >= 0 && !is_enclosed_fd(tid, fds[i].fd))
			return false;
	return true;
}

/* Of a task that sleeps in system call `number` */
static bool is_enclosed_call(pid_t tid, long number, const uint64_t *args)
{
	switch (number) {
#ifdef __NR_pause
	case __NR_pause:
#endif
	case __NR_nanosleep:
	case __NR_clock_nanosleep:
	case __NR_futex:
#ifdef __NR_futex_waitv
	case __NR_futex_waitv:
#endif
	case __NR_rt_sigtimedwait:
	case __NR_rt_sigsuspend:
	case __NR_wait4:
	case __NR_waitid:
	case __NR_semop:
	case __NR_semtimedop:
		return true;
#ifdef __NR_poll
	case __NR_poll:
#endif
	case __NR_ppoll:
		return args[1] == 0 || is_enclosed_poll(tid, args[0], args[1]);
#ifdef __NR_select
	case __NR_select:
#endif
	case __NR_pselect6:
		return args[0] == 0;
#ifdef __NR_epoll_wait
	case __NR_epoll_wait:
#endif
	case __NR_epoll_pwait:
#ifdef __NR_epoll_pwait2
	case __NR_epoll_pwait2:
#endif
		return is_enclosed_epoll(tid, (int)args[0]);
	case __NR_read:
		return is_enclosed_fd(tid, (int)args[0]);
	}
	return false;
}

/* "35 0x7ffe... 0x0 ..."; "running"; "-1 ..." outside of any call */
static bool is_enclosed(pid_t tid)
{
	char text[256];
	uint64_t args[2];
	long number;

	return vt_process_file(tid, "syscall", text, sizeof(text)) == 0 &&
		sscanf(text, "%ld %" SCNx64 " %" SCNx64, &number, &args[0], &args[1]) == 3 &&
		is_enclosed_call(tid, number, args);
}

/* ---- the group ----------------------------------------------------------------------------- */

static uint64_t count_switches(pid_t tid)
{
	static const char *const keys[] = { "\nvoluntary_ctxt_switches:",
					    "\nnonvoluntary_ctxt_switches:" };
	char text[4096];
	uint64_t sum = 0;

	if (vt_process_file(tid, "status", text, sizeof(text)))
		return 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *line = strstr(text, keys[i]);

		sum += line ? strtoull(line + strlen(keys[i]), NULL, 10) : 0;
	}
	return sum;
}

static int look_at(pid_t tid, void *arg)
{
	struct looks *looks = arg;
	struct vt_process p;

	looks->switches += count_switches(tid);
	if (vt_process_read(tid, &p))
		return 0;
	looks->tasks++;
	if (p.state == 'Z' || p.state == 'X')
		return 0;
	looks->asleep &= p.state == 'S';
	looks->enclosed &= is_enclosed(tid);
	return 0;
}

static int look_into(int dir_fd, void *arg)
{
	int err = vt_cgroup_each_task(dir_fd, look_at, arg);

	return err == -ENODEV ? 0 : err;
}

static int look(struct vt_group *g, struct looks *looks)
{
	int err;

	*looks = (struct looks){ .asleep = true, .enclosed = true };
	err = vt_cgroup_walk(g->dir_fd, look_into, looks);
	return err ? vt_error(-err, "cannot list the tasks of group", g->name, NULL) : 0;
}

int vt_group_is_idle(struct vt_group *g)
{
	struct looks before, after;
	int err = look(g, &before);

	if (err || !before.asleep || !before.enclosed)
		return err;
	err = look(g, &after);
	if (err)
		return err;
	return after.asleep && after.enclosed && after.tasks == before.tasks &&
		after.switches == before.switches;
}
