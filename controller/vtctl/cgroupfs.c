/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* asprintf */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroupfs.h"

static int open_freeze(const char *directory)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/cgroup.freeze", directory) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	return fd;
}

bool vtctl_is_held(const char *directory)
{
	char digit = '0';
	int fd = open_freeze(directory);
	bool held;

	if (fd < 0)
		return false;
	held = read(fd, &digit, 1) == 1 && digit == '1';
	close(fd);
	return held;
}

static bool is_below_root(const char *directory)
{
	int fd = open_freeze(directory);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool vtctl_go_up(char *directory)
{
	char *slash = strrchr(directory, '/');

	if (!slash || slash == directory)
		return false;
	*slash = '\0';
	return is_below_root(directory);
}

const char *vtctl_cgroup_path(const char *directory)
{
	char *above = strdup(directory);
	size_t len = 0;

	if (!above)
		return directory;
	while (vtctl_go_up(above))
		;
	len = strlen(above);
	free(above);
	return directory + len;
}

/* The line of the unified hierarchy, "0::/path". */
char *vtctl_where(pid_t pid)
{
	char name[64], *line = NULL, *path = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return NULL;
	while (!path && getline(&line, &size, f) > 0)
		if (strncmp(line, "0::", 3) == 0)
			path = strndup(line + 3, strcspn(line + 3, "\n"));
	free(line);
	fclose(f);
	return path;
}

static void write_pid(const char *path, pid_t pid)
{
	struct vt_machine machine;
	char *procs;
	FILE *f;

	vt_probe(&machine);
	if (asprintf(&procs, "%s%s/cgroup.procs", machine.cgroup_mount, path) < 0)
		return;
	f = fopen(procs, "we");
	if (f) {
		fprintf(f, "%d", (int)pid);
		fclose(f);
	}
	free(procs);
}

/* A member goes back by the same way as it came, so that the books do not call it a hand join. */
void vtctl_put_back(struct vt *vt, pid_t pid, const char *path)
{
	struct vt_group *g = NULL;

	if (strcmp(path, "/") != 0 && vt_group_open(vt, path, &g) == 0) {
		vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP);
		vt_group_close(g);
	} else {
		write_pid(path, pid);
	}
}
