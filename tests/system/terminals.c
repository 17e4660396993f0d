// SPDX-License-Identifier: MIT
/* A read of a terminal that the freezer interrupts goes on where it was, and meanwhile holds up nobody. */
#include "system.h"

#include <poll.h>
#include <sys/mman.h>
#include <termios.h>

#define PENDING (-1000)

/* Of the terminal in turn: the reader's end, and what its read returned */
static int master, slave;
static volatile struct {
	ssize_t rc;
	char bytes[8];
} *answer;

static void open_terminal(unsigned char least, unsigned char decis)
{
	struct termios t;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	t.c_cc[VMIN] = least;
	t.c_cc[VTIME] = decis;
	assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
	answer->rc = PENDING;
}

static void read_once(void)
{
	char bytes[8];
	ssize_t rc;

	close(master);
	rc = read(slave, bytes, sizeof(bytes));
	memcpy((void *)answer->bytes, bytes, sizeof(bytes));
	answer->rc = rc;
	sleeping();
}

static bool is_answered_within(int ms)
{
	for (int i = 0; i < ms && answer->rc == PENDING; i++)
		pass_ms(1);
	return answer->rc != PENDING;
}

/* Frozen in the middle of its read */
static pid_t freeze_reader(struct vt_group *g)
{
	pid_t pid = spawn_into(g, read_once);

	await_wait_in(pid, "schedule_timeout");
	assert_int_equal(answer->rc, PENDING);
	freeze_fully(g);
	return pid;
}

static void end_reader(pid_t pid)
{
	reap(pid);
	close(slave);
}

static void type(const char *text)
{
	assert_int_equal(write(master, text, strlen(text)), (ssize_t)strlen(text));
}

static void keeps_bytes(void **state)
{
	pid_t pid;

	open_terminal(3, 0);
	type("a");
	pid = freeze_reader(*state);
	type("b");
	thaw_fully(*state);
	assert_false(is_answered_within(300));
	freeze_fully(*state);
	thaw_fully(*state);
	type("c");
	assert_true(is_answered_within(5000));
	assert_int_equal(answer->rc, 3);
	assert_memory_equal((void *)answer->bytes, "abc", 3);
	close(master);
	end_reader(pid);
}

/* Of 3 s a part has passed before; what is left does not run while it is frozen. */
static void keeps_time(void **state)
{
	pid_t pid;

	open_terminal(0, 30);
	pid = freeze_reader(*state);
	pass_ms(3500);
	assert_int_equal(answer->rc, PENDING);
	thaw_fully(*state);
	assert_true(is_answered_within(5000));
	assert_int_equal(answer->rc, 0);
	close(master);
	end_reader(pid);
}

static void closing(void)
{
	close(slave);
	close(master);
}

/* Whoever closes the other end hangs the terminal up. */
static void lets_hang_up(void **state)
{
	pid_t pid, closer;

	open_terminal(2, 0);
	type("a");
	pid = freeze_reader(*state);
	closer = spawn(closing);
	close(master);
	assert_int_equal(waitpid(closer, NULL, 0), closer);
	thaw_fully(*state);
	assert_true(is_answered_within(5000));
	assert_int_equal(answer->rc, 1);
	end_reader(pid);
}

static void lets_others_read(void **state)
{
	struct pollfd in;
	char byte = 0;
	pid_t pid;

	open_terminal(1, 0);
	pid = freeze_reader(*state);
	type("a");
	in = (struct pollfd){ .fd = slave, .events = POLLIN };
	assert_int_equal(poll(&in, 1, 5000), 1);
	assert_int_equal(read(slave, &byte, 1), 1);
	assert_int_equal(byte, 'a');
	thaw_fully(*state);
	assert_false(is_answered_within(300));
	close(master);
	end_reader(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLOCK("a frozen reader of a terminal keeps what it has read", keeps_bytes),
		WITH_CLOCK("a frozen reader of a terminal keeps the time that it has left", keeps_time),
		WITH_CLOCK("a terminal with a frozen reader is hung up at once", lets_hang_up),
		WITH_CLOCK("others read a terminal that has a frozen reader", lets_others_read),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		skip_all("no memory to share");
	alarm(300); /* a read or a close that never comes back is a failure */
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
