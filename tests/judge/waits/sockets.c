// SPDX-License-Identifier: MIT
/* Sockets with time limits; the peer is silent, or full */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "waiter.h"

enum { BATCH = 1024, COUNT_BEFORE = 4, COUNT_AFTER = 1000 };

struct pair {
	int here, there;
};

static void limit(struct wait *w, int fd, int option)
{
	struct timeval tv = to_timeval(&w->asked);

	need(w, setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)));
}

static struct pair unix_pair(struct wait *w, int type)
{
	int fds[2];

	need(w, socketpair(AF_UNIX, type, 0, fds));
	return (struct pair){ own(w, fds[0]), own(w, fds[1]) };
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listener(struct wait *w, struct sockaddr_in *address, int backlog)
{
	socklen_t size = sizeof(*address);
	int fd = own(w, socket(AF_INET, SOCK_STREAM, 0));

	*address = loopback();
	need(w, bind(fd, (struct sockaddr *)address, size));
	need(w, listen(fd, backlog));
	need(w, getsockname(fd, (struct sockaddr *)address, &size));
	return fd;
}

static struct pair tcp_pair(struct wait *w)
{
	struct sockaddr_in address;
	int listening = listener(w, &address, 1), here = own(w, socket(AF_INET, SOCK_STREAM, 0));
	int bytes = 4096; /* fixed: else the kernel finds more room while nobody looks */

	need(w, setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)));
	need(w, setsockopt(here, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)));
	need(w, connect(here, (struct sockaddr *)&address, sizeof(address)));
	return (struct pair){ here, own(w, accept(listening, NULL, NULL)) };
}

static int udp_socket(struct wait *w, struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = own(w, socket(AF_INET, SOCK_DGRAM, 0));

	*address = loopback();
	need(w, bind(fd, (struct sockaddr *)address, size));
	need(w, getsockname(fd, (struct sockaddr *)address, &size));
	return fd;
}

/* Until no byte more goes in */
static void fill(int fd)
{
	static const char bytes[4096];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	while (send(fd, bytes, 1, MSG_DONTWAIT) > 0)
		;
}

/* TCP moves some on when it next asks the peer, with doubled patience once there is no room. */
static void fill_tcp(struct wait *w, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	while (!info.tcpi_backoff) {
		usleep(1000);
		need(w, getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
		fill(fd);
	}
}

/* ---- receiving and sending ------------------------------------------------------------------- */

static void receive(struct wait *w, int fd)
{
	char byte;

	limit(w, fd, SO_RCVTIMEO);
	begin(w);
	ended(w, none(recv(fd, &byte, 1, 0)));
}

static void by_rcvtimeo_unix(struct wait *w)
{
	receive(w, unix_pair(w, SOCK_STREAM).here);
}

static void by_rcvtimeo_unix_dgram(struct wait *w)
{
	receive(w, unix_pair(w, SOCK_DGRAM).here);
}

static void by_rcvtimeo_tcp(struct wait *w)
{
	receive(w, tcp_pair(w).here);
}

static void by_rcvtimeo_udp(struct wait *w)
{
	struct sockaddr_in address;

	receive(w, udp_socket(w, &address));
}

static void by_read_rcvtimeo(struct wait *w)
{
	int fd = tcp_pair(w).here;
	char byte;

	limit(w, fd, SO_RCVTIMEO);
	begin(w);
	ended(w, none(read(fd, &byte, 1)));
}

static void transmit(struct wait *w, int fd)
{
	char byte = 0;

	limit(w, fd, SO_SNDTIMEO);
	begin(w);
	ended(w, none(send(fd, &byte, 1, MSG_NOSIGNAL)));
}

static void by_sndtimeo_unix(struct wait *w)
{
	int fd = unix_pair(w, SOCK_STREAM).here;

	fill(fd);
	transmit(w, fd);
}

static void by_sndtimeo_unix_dgram(struct wait *w)
{
	int fd = unix_pair(w, SOCK_DGRAM).here;

	fill(fd);
	transmit(w, fd);
}

static void by_sndtimeo_tcp(struct wait *w)
{
	int fd = tcp_pair(w).here;

	fill_tcp(w, fd);
	transmit(w, fd);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void by_accept(struct wait *w)
{
	struct sockaddr_in address;
	int fd = listener(w, &address, 1);

	limit(w, fd, SO_RCVTIMEO);
	begin(w);
	ended(w, none(accept(fd, NULL, NULL)));
}

/* Connections that nobody accepts fill the queue; the next one waits. */
static int unconnected(struct wait *w, struct sockaddr_in *address)
{
	int fd;

	listener(w, address, 0);
	for (int i = 0; i < 4; i++) {
		fd = own(w, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		(void)connect(fd, (struct sockaddr *)address, sizeof(*address));
		usleep(1000);
	}
	return own(w, socket(AF_INET, SOCK_STREAM, 0));
}

static void by_connect(struct wait *w)
{
	struct sockaddr_in address;
	int fd = unconnected(w, &address);

	limit(w, fd, SO_SNDTIMEO);
	begin(w);
	ended(w, failed(connect(fd, (struct sockaddr *)&address, sizeof(address))));
}

static void by_connect_unix(struct wait *w)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	int listening = own(w, socket(AF_UNIX, SOCK_STREAM, 0)), fd;

	need(w, bind(listening, (struct sockaddr *)&address, sizeof(sa_family_t)));
	need(w, listen(listening, 0));
	need(w, getsockname(listening, (struct sockaddr *)&address, &size));
	fd = own(w, socket(AF_UNIX, SOCK_STREAM, 0));
	need(w, connect(fd, (struct sockaddr *)&address, size));
	fd = own(w, socket(AF_UNIX, SOCK_STREAM, 0));
	limit(w, fd, SO_SNDTIMEO);
	begin(w);
	ended(w, failed(connect(fd, (struct sockaddr *)&address, size)));
}

/* close() waits until the peer has taken all, which it never does. */
static void by_linger(struct wait *w)
{
	struct linger linger = { .l_onoff = 1, .l_linger = (int)w->asked.tv_sec };
	int fd = tcp_pair(w).here, copy = need(w, dup(fd));

	fill_tcp(w, fd);
	need(w, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(fd);
	need(w, dup2(silent(w), fd)); /* what finish() may close instead */
	begin(w);
	ended(w, failed(close(copy)));
}

/* ---- recvmmsg -------------------------------------------------------------------------------- */

/*
 * Looks at the time only when a datagram comes: so some come all along, and many when it is over, for as
 * long as it may begin late.
 * By relative sleeps: the process may be moved to another clock meanwhile.
 */
struct sender {
	int fd;
	struct wait *w;
	pthread_t thread;
	atomic_bool over;
};

static void *send_along(void *sender)
{
	struct sender *s = sender;
	struct timespec t = from_ns(to_ns(&s->w->asked) / COUNT_BEFORE);

	for (int i = 0; i < COUNT_BEFORE + COUNT_AFTER && !atomic_load(&s->over); i++) {
		if (i == COUNT_BEFORE)
			t = from_ns(MS / 4);
		else if (i > COUNT_BEFORE)
			t = from_ns(to_ns(&t) + to_ns(&t) / 64);
		nanosleep(&t, NULL);
		send(s->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	return NULL;
}

static void start_sender(struct sender *s)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	errno = pthread_create(&s->thread, NULL, send_along, s);
	need(s->w, errno ? -1 : 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void receive_batch(struct wait *w, long (*call)(struct wait *w, int fd))
{
	struct pair pair = unix_pair(w, SOCK_DGRAM);
	struct sender s = { .fd = pair.there, .w = w };
	long rc;

	begin(w);
	start_sender(&s);
	rc = call(w, pair.here);
	ended(w, rc == BATCH ? E2BIG : failed(rc));
	atomic_store(&s.over, true);
	pthread_join(s.thread, NULL);
}

static long call_recvmmsg(struct wait *w, int fd)
{
	struct mmsghdr *batch = need_memory(w, calloc(BATCH, sizeof(*batch)));
	long rc = syscall(SYS_recvmmsg, fd, batch, BATCH, 0, &w->when);

	free(batch);
	return rc;
}

static void by_recvmmsg(struct wait *w)
{
	receive_batch(w, call_recvmmsg);
}

#ifdef __x86_64__

struct low_messages {
	struct time32 time;
	struct timespec time64;
	struct {
		int32_t header[7], length;
	} batch[BATCH];
};

static struct low_messages *low_messages(struct wait *w)
{
	struct low_messages *m = low(w);

	m->time = to_time32(&w->when);
	m->time64 = w->when;
	return m;
}

static long call_i386_recvmmsg(struct wait *w, int fd)
{
	struct low_messages *m = low_messages(w);

	return i386(337, fd, address_of(m->batch), BATCH, 0, address_of(&m->time));
}

static long call_i386_recvmmsg64(struct wait *w, int fd)
{
	struct low_messages *m = low_messages(w);

	return i386(417, fd, address_of(m->batch), BATCH, 0, address_of(&m->time64));
}

static void by_i386_recvmmsg(struct wait *w)
{
	receive_batch(w, call_i386_recvmmsg);
}

static void by_i386_recvmmsg64(struct wait *w)
{
	receive_batch(w, call_i386_recvmmsg64);
}

#endif

const struct row socket_rows[] = {
	{ "recv_RCVTIMEO_unix", by_rcvtimeo_unix, "m", "r", US, EAGAIN, COARSE },
	{ "recv_RCVTIMEO_unix_dgram", by_rcvtimeo_unix_dgram, "m", "r", US, EAGAIN, COARSE },
	{ "recv_RCVTIMEO_tcp", by_rcvtimeo_tcp, "m", "r", US, EAGAIN, COARSE },
	{ "recv_RCVTIMEO_udp", by_rcvtimeo_udp, "m", "r", US, EAGAIN, COARSE },
	{ "read_RCVTIMEO_tcp", by_read_rcvtimeo, "m", "r", US, EAGAIN, COARSE },
	{ "send_SNDTIMEO_unix", by_sndtimeo_unix, "m", "r", US, EAGAIN, COARSE },
	{ "send_SNDTIMEO_unix_dgram", by_sndtimeo_unix_dgram, "m", "r", US, EAGAIN, COARSE },
	{ "send_SNDTIMEO_tcp", by_sndtimeo_tcp, "m", "r", US, EAGAIN, COARSE },
	{ "accept_RCVTIMEO", by_accept, "m", "r", US, EAGAIN, COARSE },
	{ "connect_SNDTIMEO_tcp", by_connect, "m", "r", US, EINPROGRESS, COARSE },
	{ "connect_SNDTIMEO_unix", by_connect_unix, "m", "r", US, EAGAIN, COARSE },
	{ "close_LINGER", by_linger, "m", "r", S, 0, COARSE },
	{ "recvmmsg", by_recvmmsg, "m", "r", 1, 0, 0 },
#ifdef __x86_64__
	{ "i386_recvmmsg", by_i386_recvmmsg, "m", "r", 1, 0, 0 },
	{ "i386_recvmmsg64", by_i386_recvmmsg64, "m", "r", 1, 0, 0 },
#endif
	{ 0 }
};
