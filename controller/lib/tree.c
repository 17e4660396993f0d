// SPDX-License-Identifier: MIT
/* Walks over trees of cgroups, children first. A cgroup that goes away meanwhile is passed over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib.h"

typedef int step_fn(int parent_fd, const char *name, int dir_fd, void *arg);

static int descend(int parent_fd, const char *name, step_fn *step, void *arg);

static int for_children(int dir_fd, step_fn *step, void *arg)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while (!ret && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			ret = descend(dir_fd, e->d_name, step, arg);
	closedir(d);
	return ret;
}

static int descend(int parent_fd, const char *name, step_fn *step, void *arg)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = for_children(fd, step, arg);
	if (!ret)
		ret = step(parent_fd, name, fd, arg);
	close(fd);
	return ret;
}

struct call {
	int (*each)(int dir_fd, void *arg);
	void *arg;
};

static int call_each(int parent_fd, const char *name, int dir_fd, void *arg)
{
	struct call *call = arg;

	(void)parent_fd;
	(void)name;
	return call->each(dir_fd, call->arg);
}

int vt_cgroup_walk(int dir_fd, int (*each)(int dir_fd, void *arg), void *arg)
{
	struct call call = { each, arg };
	int ret = 0;

	if (vt_cgroup_has_children(dir_fd))
		ret = for_children(dir_fd, call_each, &call);
	return ret ? ret : each(dir_fd, arg);
}

static int remove_one(int parent_fd, const char *name, int dir_fd, void *arg)
{
	(void)dir_fd;
	(void)arg;
	return unlinkat(parent_fd, name, AT_REMOVEDIR) && errno != ENOENT ? -errno : 0;
}

int vt_cgroup_remove_children(int dir_fd)
{
	return for_children(dir_fd, remove_one, NULL);
}
