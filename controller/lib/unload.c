// SPDX-License-Identifier: MIT
/*
 * Unloading. The pins are moved out of sight by one rename before they are taken apart; what still
 * has them open goes on with programs that no event reaches any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib.h"

/* Take their clocks from all groups. -EBUSY if there are some and not force. */
static int release_clocks(bool force)
{
	struct vt_group_rec books;
	struct vt_request req;
	uint64_t id, *after = NULL;
	struct vt *vt;
	int err = vt_open(&vt);

	if (err)
		return err == -ESTALE ? 0 : err;
	while (!err && vt_books_next(vt, after, &id) == 0) {
		after = &id;
		if (vt_books_read(vt, id, &books) || !(books.flags & VT_GROUP_VIRTUAL))
			continue;
		if (!force) {
			err = vt_error_text(EBUSY, "cannot unload: groups with clocks exist");
			break;
		}
		memset(&req, 0, sizeof(req));
		req.group = id;
		vt_run(vt, VT_PROG_UNBIND, &req);
	}
	if (!err)
		vt_clocks_wipe(vt);
	vt_close(vt);
	return err;
}

/* With the pins locked against those who create and delete groups. */
static int unload_locked(int root_fd, const char *mount, bool force)
{
	int err = release_clocks(force);

	if (err)
		return err;
	vt_pins_remove(root_fd, VT_PIN_HIDDEN);
	err = renameat(root_fd, VT_PIN_DIR, root_fd, VT_PIN_HIDDEN) ? -errno : 0;
	if (!err)
		err = vt_pins_remove(root_fd, VT_PIN_HIDDEN);
	return err ? vt_error(-err, "cannot remove the pins in", mount, NULL) : 0;
}

int vt_unload(bool force)
{
	char mount[VT_MOUNT_MAX];
	int root_fd, pins_fd, err;

	root_fd = vt_pins_root(mount, sizeof(mount));
	if (root_fd < 0)
		return root_fd;
	pins_fd = openat(root_fd, VT_PIN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins_fd >= 0) {
		flock(pins_fd, LOCK_EX);
		err = unload_locked(root_fd, mount, force);
		close(pins_fd);
	} else if (errno == ENOENT) {
		err = vt_error_not_loaded();
	} else {
		err = vt_error_errno("cannot open the pins in", mount);
	}
	close(root_fd);
	return vt_return(err);
}
