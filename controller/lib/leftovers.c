// SPDX-License-Identifier: MIT
/* What stays frozen below the vt root when nobody keeps books on it any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib.h"

/* One that goes away meanwhile is nobody's any more. */
static int thaw_one(int dir_fd, void *arg)
{
	int fd = openat(dir_fd, "cgroup.freeze", O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (vt_cgroup_read_freeze(fd) == 1) {
		err = vt_cgroup_write_freeze(fd, false);
		if (!err)
			++*(int *)arg;
	}
	close(fd);
	return err == -ENODEV ? 0 : err;
}

int vt_thaw_leftovers(void)
{
	char mount[VT_MOUNT_MAX], root[VT_MOUNT_MAX + 8];
	int fd, err, thawed = 0;

	if (vt_cgroup_mount(mount, sizeof(mount)))
		return vt_error_no_cgroup2();
	snprintf(root, sizeof(root), "%s/%s", mount, VT_ROOT);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : vt_error_errno("cannot open", root);
	err = vt_cgroup_walk(fd, thaw_one, &thawed);
	close(fd);
	return err ? vt_error(-err, "cannot thaw all below", root, NULL) : thawed;
}
