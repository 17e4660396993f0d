// SPDX-License-Identifier: MIT
/*
 * splice() waits for a socket with the lock of its pipe. Whoever is frozen meanwhile lets go of that, or
 * processes outside that use the pipe would wait with it.
 */
#include "system.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define ROOM 65536

static int ends[2], tube[2];

static void connect_tcp(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(here);

	ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&here, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&here, &size), 0);
	assert_int_equal(connect(ends[1], (struct sockaddr *)&here, size), 0);
	ends[0] = accept(listening, NULL, NULL);
	assert_true(ends[0] >= 0);
	close(listening);
}

static void splice_in(void)
{
	while (splice(ends[0], NULL, tube[1], NULL, ROOM, 0) > 0)
		;
	_exit(1);
}

static void splice_out(void)
{
	while (splice(tube[0], NULL, ends[0], NULL, ROOM, 0) > 0)
		;
	_exit(1);
}

/* Needs the lock, and nothing else. */
static void ask_pipe(void)
{
	_exit(fcntl(tube[0], F_SETPIPE_SZ, ROOM) < 0);
}

static bool ends_within(pid_t pid, int ms)
{
	int status;

	for (int i = 0; i < ms; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		pass_ms(1);
	}
	return false;
}

static void close_all(void)
{
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(tube[i]);
	}
}

/* While it is frozen, and that it really waits with the lock otherwise. */
static void freeze_in(struct vt_group *g, void (*body)(void))
{
	pid_t splicer = spawn_into(g, body), asker = -1;
	bool has_lock = false, is_free;

	for (int i = 0; i < 2000 && !has_lock; i++) {
		asker = spawn(ask_pipe);
		has_lock = !ends_within(asker, 300);
	}
	freeze_fully(g);
	is_free = !has_lock || ends_within(asker, 5000);
	thaw_fully(g);
	reap(splicer);
	close_all();
	assert_true(has_lock);
	assert_true(is_free);
}

static void from_unix(void **state)
{
	assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	freeze_in(*state, splice_in);
}

static void from_tcp(void **state)
{
	assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
	connect_tcp();
	freeze_in(*state, splice_in);
}

/* Nobody reads what comes out. */
static void to_unix(void **state)
{
	static const char full[ROOM];

	assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	while (send(ends[0], full, sizeof(full), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(write(tube[1], full, sizeof(full)), ROOM);
	freeze_in(*state, splice_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLOCK("a frozen splice() from a local socket lets others use its pipe", from_unix),
		WITH_CLOCK("a frozen splice() from TCP lets others use its pipe", from_tcp),
		WITH_CLOCK("a frozen splice() to a local socket lets others use its pipe", to_unix),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
