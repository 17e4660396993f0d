// SPDX-License-Identifier: MIT
/*
 * Mount points from /proc/self/mountinfo: what the process itself sees, in the order of mounting.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "lib.h"

#define BPFFS_USUAL "/sys/fs/bpf"

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw": the fifth field if the type fits
 * and the whole filesystem is mounted there, not a directory of it. */
static char *mount_point_of(char *line, const char *type)
{
	char *kind = strstr(line, " - "), *save = NULL, *field = NULL, *root = NULL;
	size_t n = strlen(type);

	if (!kind || strncmp(kind + 3, type, n) != 0 || kind[3 + n] != ' ')
		return NULL;
	for (int i = 0; i < 5; i++) {
		root = field;
		field = strtok_r(i ? NULL : line, " ", &save);
		if (!field)
			return NULL;
	}
	return strcmp(root, "/") == 0 ? field : NULL;
}

int vt_find_mount(const char *type, char *buf, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *point;
	size_t room = 0;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err == -ENOENT && getline(&line, &room, f) > 0) {
		point = mount_point_of(line, type);
		if (!point)
			continue;
		unescape(point);
		err = (size_t)snprintf(buf, size, "%s", point) < size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(f);
	return err;
}

int vt_bpffs_mount(char *buf, size_t size)
{
	struct statfs fs;

	if (statfs(BPFFS_USUAL, &fs) == 0 && fs.f_type == BPF_FS_MAGIC) {
		snprintf(buf, size, "%s", BPFFS_USUAL);
		return 0;
	}
	return vt_find_mount("bpf", buf, size);
}
