// SPDX-License-Identifier: MIT
/*
 * A board lives in a mapped file under the run directory, by the ID of its cgroup: whatever was
 * stored before kill -9 is there after it, without a system call on the way. It is gone with the
 * machine's run directory, as the groups are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vtd.h"

static void path_of(const char *run_dir, uint64_t id, char *buf, size_t size)
{
	snprintf(buf, size, "%s/boards/%" PRIu64, run_dir, id);
}

struct vt_board *memory_open(const char *run_dir, uint64_t id, bool *is_known)
{
	char path[PATH_MAX];
	struct vt_board *b = MAP_FAILED;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/boards", run_dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return NULL;
	path_of(run_dir, id, path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && ftruncate(fd, sizeof(*b)) == 0)
		b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (b == MAP_FAILED)
		return NULL;
	*is_known = st.st_size == (off_t)sizeof(*b) && b->version == VT_BOARD_VERSION;
	return b;
}

void memory_close(struct vt_board *b)
{
	if (b)
		munmap(b, sizeof(*b));
}

void memory_remove(const char *run_dir, uint64_t id)
{
	char path[PATH_MAX];

	path_of(run_dir, id, path, sizeof(path));
	unlink(path);
}
