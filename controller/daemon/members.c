// SPDX-License-Identifier: MIT
/*
 * Priorities. Who is to stop others at an instant runs before them: SCHED_FIFO above all members, and
 * with all memory locked. A member that is not below could keep us from freezing it.
 */
#define _GNU_SOURCE /* SCHED_RESET_ON_FORK, MCL_ONFAULT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vtd.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

/* Our own code whole, of all else what has been touched once: libraries bring much that never is. */
static int lock_memory(void)
{
	extern const char __executable_start, etext;
	uintptr_t start = (uintptr_t)&__executable_start, end = (uintptr_t)&etext;

	if (mlock(&__executable_start, end - start) != 0)
		return -1;
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

int members_rise(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (lock_memory() != 0)
		vtd_log("cannot lock memory: %s", strerror(errno));
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0)
		return priority;
	vtd_log("cannot have real-time priority %d: %s; busy members may delay freezes", priority,
		strerror(errno));
	return 0;
}

void members_name(pid_t pid, char *buf, size_t size)
{
	char path[64], comm[32] = "?";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, comm, sizeof(comm) - 1);
		close(fd);
	}
	if (n > 0)
		comm[n - (comm[n - 1] == '\n')] = '\0';
	for (char *c = comm; *c; c++) /* a name is part of a line in the log */
		if (iscntrl((unsigned char)*c))
			*c = '?';
	snprintf(buf, size, "%.16s[%d]", comm, (int)pid);
}

/* Without real-time priority of our own everybody is admitted: nobody is below then. */
static bool is_above(int priority, pid_t tid, char *why, size_t size)
{
	struct sched_param param = { 0 };
	int policy = sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK;
	char name[VT_OWNER_MAX];

	if (!priority || policy < 0 || sched_getparam(tid, &param) != 0)
		return false;
	members_name(tid, name, sizeof(name));
	if (policy == SCHED_DEADLINE) {
		snprintf(why, size, "%s has policy SCHED_DEADLINE, above vtd's priority %d", name, priority);
		return true;
	}
	if ((policy != SCHED_FIFO && policy != SCHED_RR) || param.sched_priority < priority)
		return false;
	snprintf(why, size, "%s has real-time priority %d, not below vtd's %d", name,
		 param.sched_priority, priority);
	return true;
}

bool members_refuses(int priority, pid_t pid, char *why, size_t size)
{
	char path[64];
	struct dirent *entry;
	bool refused = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && !refused && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			refused = is_above(priority, atoi(entry->d_name), why, size);
	if (dir)
		closedir(dir);
	return refused;
}

bool members_any_refused(int priority, const struct vt_group *g, char *why, size_t size)
{
	char path[PATH_MAX], line[32];
	bool refused = false;
	FILE *in;

	snprintf(path, sizeof(path), "%s/cgroup.threads", vt_group_path(g));
	in = fopen(path, "re");
	while (in && !refused && fgets(line, sizeof(line), in))
		if (atoi(line)) /* 0 is in another PID namespace; it would be taken for ourselves */
			refused = is_above(priority, atoi(line), why, size);
	if (in)
		fclose(in);
	return refused;
}
