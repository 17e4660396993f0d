// SPDX-License-Identifier: MIT
/*
 * Files of cgroupfs, all of them. Nothing here reports: callers know what they wanted.
 *
 * A cgroup's id is the inode number of its directory, and what open_by_handle_at() takes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"

#define FILEID_KERNFS 0xfe

int vt_cgroup_id(int dir_fd, uint64_t *id)
{
	struct stat st;

	if (fstat(dir_fd, &st))
		return -errno;
	*id = st.st_ino;
	return 0;
}

static int mount_fd(struct vt *vt)
{
	if (vt->mount_fd < 0)
		vt->mount_fd = open(vt->cgroup_mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return vt->mount_fd < 0 ? -errno : vt->mount_fd;
}

static int open_id(struct vt *vt, uint64_t id)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	int mount = mount_fd(vt), fd;

	if (mount < 0)
		return mount;
	memcpy(handle.head.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount, &handle.head, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vt_cgroup_path(struct vt *vt, uint64_t id, char *buf, size_t size)
{
	char link[64], path[PATH_MAX];
	size_t skip = strlen(vt->cgroup_mount);
	struct stat st;
	ssize_t n;
	int fd = open_id(vt, id);

	if (fd < 0)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (strncmp(path, vt->cgroup_mount, skip) != 0 || path[skip] != '/')
		return -ESTALE;
	if (stat(path, &st) || st.st_ino != id)
		return -ESTALE;
	return (size_t)snprintf(buf, size, "%s", path + skip) < size ? 0 : -ENAMETOOLONG;
}

/* The line of the unified hierarchy: "0::/path". */
int vt_cgroup_of(pid_t pid, char *buf, size_t size)
{
	char file[64], *line = NULL;
	size_t room = 0;
	int err = -ENOENT;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	f = fopen(file, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (err == -ENOENT && getline(&line, &room, f) > 0) {
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		err = (size_t)snprintf(buf, size, "%s", line + 3) < size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(f);
	return err;
}

int vt_cgroup_write(int dir_fd, const char *file, const char *text)
{
	int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int vt_cgroup_read_events(int events_fd, struct vt_cgroup_events *ev)
{
	char text[256];
	ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	ev->populated = strstr(text, "populated 1");
	ev->frozen = strstr(text, "frozen 1");
	return 0;
}

int vt_cgroup_read_freeze(int freeze_fd)
{
	char digit;
	ssize_t n = pread(freeze_fd, &digit, 1, 0);

	if (n < 0)
		return -errno;
	return n == 1 && digit == '1';
}

int vt_cgroup_write_freeze(int freeze_fd, bool freeze)
{
	return pwrite(freeze_fd, freeze ? "1" : "0", 1, 0) == 1 ? 0 : -errno;
}

static bool is_told(const char *path)
{
	char file[PATH_MAX + 32];
	int fd, told;

	snprintf(file, sizeof(file), "%s/cgroup.freeze", path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	told = vt_cgroup_read_freeze(fd);
	close(fd);
	return told == 1;
}

bool vt_cgroup_is_told_from_above(const struct vt *vt, const char *path)
{
	size_t top = strlen(vt->cgroup_mount);
	char up[PATH_MAX];
	bool told = false;

	snprintf(up, sizeof(up), "%s", path);
	while (!told && strlen(up) > top) {
		*strrchr(up, '/') = '\0';
		told = is_told(up); /* the root has no such file */
	}
	return told;
}

/* A directory's link count is two and one for each directory in it. */
bool vt_cgroup_has_children(int dir_fd)
{
	struct stat st;

	return fstat(dir_fd, &st) == 0 && st.st_nlink > 2;
}

int vt_cgroup_each_task(int dir_fd, int (*each)(pid_t tid, void *arg), void *arg)
{
	int fd = openat(dir_fd, "cgroup.threads", O_RDONLY | O_CLOEXEC), tid, ret = 0;
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (!ret && fscanf(f, "%d", &tid) == 1)
		ret = each(tid, arg);
	fclose(f);
	return ret;
}
