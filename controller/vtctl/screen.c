/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"

#define ALTERNATE_ON "\033[?1049h"
#define ALTERNATE_OFF "\033[?1049l"
#define CURSOR_OFF "\033[?25l"
#define CURSOR_ON "\033[?25h"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

static struct termios before;
static bool is_raw, has_keys;

bool vtctl_screen_is_there(void)
{
	return isatty(STDOUT_FILENO);
}

/* Keys come one by one and unseen; ^C is SIGINT still, ^Z would leave the screen as it is. */
static void take_keys(void)
{
	struct termios raw;

	is_raw = has_keys = tcgetattr(STDIN_FILENO, &before) == 0;
	if (!is_raw)
		return;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void vtctl_screen_begin(void)
{
	take_keys();
	fputs(ALTERNATE_ON CURSOR_OFF, stdout);
	fflush(stdout);
}

void vtctl_screen_end(void)
{
	fputs(CURSOR_ON ALTERNATE_OFF, stdout);
	fflush(stdout);
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void vtctl_screen_size(int *lines, int *columns)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*lines = size.ws_row ? size.ws_row : 24;
	*columns = size.ws_col ? size.ws_col : 80;
}

void vtctl_screen_show(const char *text)
{
	int lines, columns, line;

	vtctl_screen_size(&lines, &columns);
	fputs(HOME, stdout);
	for (line = 0; line < lines && *text; line++) {
		int len = (int)strcspn(text, "\n");

		printf("%s%.*s" CLEAR_LINE, line ? "\r\n" : "", len < columns ? len : columns, text);
		text += len;
		text += *text == '\n';
	}
	fputs(CLEAR_BELOW, stdout);
	fflush(stdout);
}

int vtctl_screen_fd(void)
{
	return has_keys ? STDIN_FILENO : -1;
}

int vtctl_screen_key(void)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;

	if (!has_keys || poll(&keys, 1, 0) != 1)
		return 0;
	if (read(STDIN_FILENO, &key, 1) == 1)
		return key;
	has_keys = false; /* the terminal has gone */
	return 0;
}
