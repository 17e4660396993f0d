// SPDX-License-Identifier: MIT
/* A terminal on which nobody types */
#define _GNU_SOURCE
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "waiter.h"

#define DECISECOND (S / 10)

/* Its slave; what is read there ends after the time, or with so many bytes */
static int terminal(struct wait *w, unsigned char least)
{
	int master = own(w, posix_openpt(O_RDWR | O_NOCTTY)), slave;
	struct termios t;

	need(w, grantpt(master));
	need(w, unlockpt(master));
	slave = own(w, open(ptsname(master), O_RDWR | O_NOCTTY));
	need(w, tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = least;
	t.c_cc[VTIME] = (unsigned char)(to_ns(&w->asked) / DECISECOND);
	need(w, tcsetattr(slave, TCSANOW, &t));
	if (least)
		need(w, write(master, "x", 1));
	return slave;
}

static void by_vtime(struct wait *w)
{
	int fd = terminal(w, 0);
	char byte;

	begin(w);
	ended(w, none(read(fd, &byte, 1)));
}

/* One byte of two is there: the time runs between them. */
static void by_vtime_between(struct wait *w)
{
	int fd = terminal(w, 2);
	char bytes[2];
	long rc;

	begin(w);
	rc = read(fd, bytes, 2);
	ended(w, rc == 1 ? 0 : rc < 0 ? errno : E2BIG);
}

const struct row tty_rows[] = {
	{ "read_tty_VTIME", by_vtime, "m", "r", DECISECOND, 0, COARSE },
	{ "read_tty_VTIME_between", by_vtime_between, "m", "r", DECISECOND, 0, COARSE },
	{ 0 }
};
