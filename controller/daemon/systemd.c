// SPDX-License-Identifier: MIT
/*
 * systemd's two small protocols, in place of its library: with all that this needs itself locked
 * into memory vtd would be twice as big. Without systemd nothing of this does anything.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vtd.h"

#define FIRST_FD 3

void systemd_notify(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		vtd_log("cannot notify systemd");
	close(fd);
}

static bool is_socket_of(int fd, const char *name)
{
	struct sockaddr_un at = { 0 };
	socklen_t size = sizeof(at) - 1;
	const char *slash;

	if (getsockname(fd, (struct sockaddr *)&at, &size) || at.sun_family != AF_UNIX)
		return false;
	slash = strrchr(at.sun_path, '/');
	return slash && strcmp(slash + 1, name) == 0;
}

int systemd_socket(const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = fds ? atoi(fds) : 0;

	if (!pid || atol(pid) != (long)getpid())
		return -1;
	for (int fd = FIRST_FD; fd < FIRST_FD + n && n < 16; fd++)
		if (is_socket_of(fd, name))
			return fd;
	return -1;
}
