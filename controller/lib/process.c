// SPDX-License-Identifier: MIT
/* What /proc/PID/stat says about a task. Nothing here reports. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"

#define PF_KTHREAD 0x00200000

int vt_process_file(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

/* "PID (comm) S ppid pgrp session tty tpgid flags …"; comm may hold anything. */
int vt_process_read(pid_t pid, struct vt_process *out)
{
	char text[512], *open, *close;
	unsigned int flags;
	int err = vt_process_file(pid, "stat", text, sizeof(text));

	if (err)
		return err;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close ||
	    sscanf(close + 1, " %c %*d %*d %*d %*d %*d %u", &out->state, &flags) != 2)
		return -ESRCH;
	*close = '\0';
	snprintf(out->comm, sizeof(out->comm), "%.15s", open + 1);
	out->is_kernel = flags & PF_KTHREAD;
	return 0;
}

int vt_process_wchan(pid_t tid, char *buf, size_t size)
{
	return vt_process_file(tid, "wchan", buf, size);
}
