/* SPDX-License-Identifier: MIT */
/*
 * The wire's piece in another machine: levels go there and come from there through a port of both
 * machines (tests/vm/run --pair). How long a message takes is measured, there and back.
 *
 * The process that is the wire has the port; the test, in another process, meets the other machine's
 * test by stages.
 */
#ifndef VT_BOARDS_PEER_H
#define VT_BOARDS_PEER_H

#include "wire.h"

#include <dirent.h>

struct message {
	int64_t sent_ns; /* by the sender's clock; comes back with the answer */
	int32_t is_answer, level;
	int64_t stage, value;
};

static struct peer {
	int fd;
	/* of the test */
	volatile int64_t stage, value;
	/* of the wire */
	struct message told, heard;
	size_t have; /* bytes of next */
	struct message next;
	volatile int64_t their_stage, their_value;
	volatile long trips;
	volatile int64_t sum_ns, worst_ns; /* there and back */
} *peer;

static inline bool send_message(const struct message *m)
{
	return write(peer->fd, m, sizeof(*m)) == (ssize_t)sizeof(*m);
}

static inline void take_answer(const struct message *m)
{
	int64_t ns = real_ns() - m->sent_ns;

	peer->trips++;
	peer->sum_ns += ns;
	if (ns > peer->worst_ns)
		peer->worst_ns = ns;
}

static inline void take_message(struct message *m)
{
	if (m->is_answer) {
		take_answer(m);
		return;
	}
	peer->heard = *m;
	peer->their_value = m->value;
	peer->their_stage = m->stage;
	m->is_answer = true;
	send_message(m);
}

static inline void hear(void)
{
	char *to = (char *)&peer->next;
	ssize_t n;

	while ((n = read(peer->fd, to + peer->have, sizeof(peer->next) - peer->have)) > 0) {
		peer->have += (size_t)n;
		if (peer->have < sizeof(peer->next))
			continue;
		peer->have = 0;
		take_message(&peer->next);
	}
}

/* As long as nobody listens there, it is said again. */
static inline bool far_machine(bool level)
{
	struct message m = { .sent_ns = real_ns(), .level = level, .stage = peer->stage,
			     .value = peer->value };

	if ((m.level != peer->told.level || m.stage != peer->told.stage) && send_message(&m))
		peer->told = m;
	hear();
	return peer->heard.level;
}

static inline int open_port(void)
{
	char path[512], name[32];
	struct dirent *entry;
	int fd = -1;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		get(path, name, sizeof(name));
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		if (strcmp(name, "vt.peer") == 0)
			fd = open(path, O_RDWR | O_NONBLOCK);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* The host tells the names of ports when it gets to it; VT_PEER: there will be one. */
static inline int await_port(void)
{
	int fd = open_port();

	for (int i = 0; fd < 0 && getenv("VT_PEER") && i < 600; i++) {
		pass_ms(100);
		fd = open_port();
	}
	return fd;
}

/* Before the wire is there. False: this machine has no such port. */
static inline bool find_peer(void)
{
	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peer == MAP_FAILED)
		return false;
	peer->fd = await_port();
	far_end = far_machine;
	return peer->fd >= 0;
}

/* Both have got here; each finds what the other has said in their_value. */
static inline void meet(int64_t value, int64_t patience_ns)
{
	int64_t stage = peer->stage + 1, end_ns = real_ns() + patience_ns;

	peer->value = value;
	__atomic_store_n(&peer->stage, stage, __ATOMIC_RELEASE);
	while (peer->their_stage < stage) {
		if (real_ns() > end_ns)
			fail_msg("the other machine does not get to stage %lld", (long long)stage);
		usleep(2000);
	}
}

#endif
