// SPDX-License-Identifier: MIT
/*
 * Where cgroup v2 is mounted: the one user of libcgroup.
 *
 * libcgroup 2.0 knows hierarchies by their controllers. On a unified machine every controller
 * leads to the v2 mount point. On a hybrid machine all controllers may sit on v1 hierarchies:
 * then the v2 hierarchy has none and does not exist for libcgroup, whose calls that move tasks,
 * list tasks or walk a tree all begin with a controller's mount point. So its list of mount
 * points is asked where the usual places hold none, then mountinfo, and the rest of the work is done on
 * cgroupfs itself.
 */
#include <errno.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "lib.h"

static bool is_v2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int ask_libcgroup(char *buf, size_t size)
{
	struct cgroup_mount_point mount;
	void *handle = NULL;
	int err, found = -ENOENT;

	if (cgroup_init())
		return -ENOENT;
	err = cgroup_get_controller_begin(&handle, &mount);
	while (!err && found) {
		if (is_v2(mount.path) && (size_t)snprintf(buf, size, "%s", mount.path) < size)
			found = 0;
		err = cgroup_get_controller_next(&handle, &mount);
	}
	cgroup_get_controller_end(&handle);
	return found;
}

/* Where it is on nearly every machine. libcgroup reads the controllers and all mounts first, which
 * takes longer than all else that vtctl freeze does. */
static int look_in_usual_places(char *buf, size_t size)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (is_v2(places[i]) && (size_t)snprintf(buf, size, "%s", places[i]) < size)
			return 0;
	return -ENOENT;
}

int vt_cgroup_mount(char *buf, size_t size)
{
	if (look_in_usual_places(buf, size) == 0 || ask_libcgroup(buf, size) == 0)
		return 0;
	return vt_find_mount("cgroup2", buf, size) ? -ENOTSUP : 0;
}
