// SPDX-License-Identifier: MIT
/* plain_freeze CGROUP 0|1: what a command that knows nothing of vt has to do at least. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_in(const char *dir, const char *file, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return open(path, flags);
}

int main(int argc, char **argv)
{
	char want[] = "frozen ?", text[128];
	int freeze_fd, events_fd;
	ssize_t n;

	if (argc != 3)
		return 2;
	freeze_fd = open_in(argv[1], "cgroup.freeze", O_WRONLY);
	events_fd = open_in(argv[1], "cgroup.events", O_RDONLY);
	want[7] = argv[2][0];
	if (freeze_fd < 0 || events_fd < 0 || write(freeze_fd, argv[2], 1) != 1)
		return 1;
	do {
		n = pread(events_fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
	} while (!strstr(text, want));
	return 0;
}
