// SPDX-License-Identifier: MIT
/*
 * Two sockets: RUN/read for everybody, RUN/control for root and the group `vt`. Who is asking is the
 * kernel's word (SO_PEERCRED, SO_PEERGROUPS), not his own; the rights hold whatever became of the
 * sockets' modes.
 */
#define _GNU_SOURCE /* struct ucred */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vtd.h"

#define CLIENTS_MAX 64
#define READERS_MAX 48 /* everybody may read: the rest is kept for those who control */
#define GROUPS_MAX 1024
#define CONTROL_GROUP "vt"
#define REST_NS 1000000

struct client {
	struct source source;
	struct peer peer;
	size_t length;
	char line[VT_REQUEST_MAX + 2];
};

/* ---- rights -------------------------------------------------------------------------------- */

static bool has_group(int fd, const struct ucred *who, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (who->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_allowed(const struct vtd *d, int fd, const struct ucred *who)
{
	return who->uid == 0 || (d->has_control_group && has_group(fd, who, d->control_group));
}

static void identify(const struct vtd *d, int fd, bool is_control, struct peer *peer)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(who);
	char name[32];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return;
	peer->may_control = is_control && is_allowed(d, fd, &who);
	members_name(who.pid, name, sizeof(name));
	snprintf(peer->name, sizeof(peer->name), "%s uid %u", name, (unsigned int)who.uid);
}

/* ---- clients ------------------------------------------------------------------------------- */

/* Freed when the round is over: its event may still be in it. */
static void hang_up(struct client *c)
{
	vtd_unwatch(&c->source);
	close(c->source.fd);
	c->source.is_gone = true;
	c->source.vtd->clients--;
}

/* Edges come through threads of the kernel whose priority is below ours; so who only reads is answered with
 * a rest before it, in which we see to what has come meanwhile. */
static void rest(struct client *c)
{
	struct vtd *d = c->source.vtd;
	int64_t now_ns = vtd_now_ns();

	vtd_heed(d, !c->peer.may_control && now_ns - d->told_ns < REST_NS ? REST_NS / 1000000 : 0);
	d->told_ns = vtd_now_ns();
}

/* A client that does not read what it asked for is no client. */
static bool reply(struct client *c)
{
	char *text;
	size_t length;
	bool sent;

	rest(c);
	text = answer(c->source.vtd, &c->peer, c->line);
	length = text ? strlen(text) : 0;
	sent = text && send(c->source.fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) ==
				    (ssize_t)length;

	free(text);
	return sent;
}

/* A line with its end, or a piece of one. */
static bool serve_line(struct client *c)
{
	bool is_whole = c->line[c->length - 1] == '\n', is_text;

	if (!is_whole)
		return c->length < sizeof(c->line);
	c->line[c->length - 1] = '\0';
	is_text = strlen(c->line) + 1 == c->length;
	c->length = 0;
	return is_text && reply(c);
}

/* One line at a time: others wait, too. What is behind it stays in the socket. */
static void serve_client(struct source *s)
{
	struct client *c = s->owner;
	char *at = c->line + c->length, *end;
	ssize_t n = recv(s->fd, at, sizeof(c->line) - c->length, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	end = n > 0 ? memchr(at, '\n', (size_t)n) : NULL;
	if (end)
		n = end + 1 - at;
	c->length += n > 0 ? (size_t)n : 0;
	if (n <= 0 || recv(s->fd, at, (size_t)n, MSG_DONTWAIT) != n || !serve_line(c))
		hang_up(c);
}

static void admit(struct vtd *d, int fd, bool is_control)
{
	bool has_room = d->clients < (is_control ? CLIENTS_MAX : READERS_MAX);
	struct client *c = has_room ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	c->source = (struct source){ .fd = fd, .serve = serve_client, .vtd = d, .owner = c };
	identify(d, fd, is_control, &c->peer);
	if (vtd_watch(&c->source) != 0) {
		close(fd);
		free(c);
		return;
	}
	d->clients++;
}

/* Who cannot be accepted, for want of a descriptor, waits for the next one to come. */
static void accept_clients(struct source *s)
{
	int fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		admit(s->vtd, fd, s == &s->vtd->control);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static int bind_socket(const struct vtd *d, const char *path, mode_t mode)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 16) == 0 &&
	    (!d->has_control_group || chown(path, 0, d->control_group) == 0) && chmod(path, mode) == 0)
		return fd;
	close(fd);
	return -errno;
}

static int open_socket(struct vtd *d, struct source *s, const char *name, mode_t mode)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int n = snprintf(path, sizeof(path), "%s/%s", d->run_dir, name);

	*s = (struct source){ .serve = accept_clients, .is_told_once = true, .vtd = d, .fd = systemd_socket(name) };
	if (s->fd < 0)
		s->fd = n < (int)sizeof(path) ? bind_socket(d, path, mode) : -ENAMETOOLONG;
	if (s->fd >= 0 && fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0) /* systemd's would block */
		return vtd_watch(s);
	vtd_log("cannot listen at '%s/%s': %s", d->run_dir, name, strerror(-s->fd));
	return s->fd;
}

int control_open(struct vtd *d)
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	int err;

	d->has_control_group = group;
	if (group)
		d->control_group = group->gr_gid;
	err = open_socket(d, &d->control, "control", 0660);

	return err ? err : open_socket(d, &d->read, "read", 0666);
}

/* The files go with a clean end, unless they are systemd's. */
void control_close(struct vtd *d)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	static const char *const names[] = { "control", "read" };
	const struct source *sockets[] = { &d->control, &d->read };

	for (int i = 0; i < 2; i++)
		if (sockets[i]->fd > 0 && systemd_socket(names[i]) < 0 &&
		    snprintf(path, sizeof(path), "%s/%s", d->run_dir, names[i]) < (int)sizeof(path))
			unlink(path);
}
