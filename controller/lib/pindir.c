// SPDX-License-Identifier: MIT
/* The directory of the pins, seen from the bpffs mount: who loads and who unloads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib.h"

/* Every pin in dir, and dir itself. */
int vt_pins_remove(int root_fd, const char *dir)
{
	int fd = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -errno;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(fd, e->d_name, 0) && errno == EISDIR)
			unlinkat(fd, e->d_name, AT_REMOVEDIR);
	closedir(d);
	return unlinkat(root_fd, dir, AT_REMOVEDIR) ? -errno : 0;
}

/* The bpffs mount, opened and locked against others who load or unload. */
int vt_pins_root(char *mount, size_t size)
{
	int fd;

	if (vt_bpffs_mount(mount, size))
		return vt_error_no_bpffs();
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		int err = vt_error_errno("cannot open", mount);

		if (fd >= 0)
			close(fd);
		return err;
	}
	return fd;
}
