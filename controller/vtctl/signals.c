/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* ppoll */
#include <signal.h>

#include "signals.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

static volatile sig_atomic_t asked;
static sigset_t waiting; /* what is blocked while waiting */

static void ask(int signal)
{
	if (signal != SIGWINCH)
		asked = 1;
}

static void take(int signal)
{
	const struct sigaction action = { .sa_handler = ask };

	sigaction(signal, &action, NULL);
}

void vtctl_signals_note(void)
{
	for (size_t i = 0; i < COUNT(ends); i++)
		take(ends[i]);
}

/* Blocked but for the time of a wait, so that none comes between a look at the flag and the wait. */
void vtctl_signals_heed(void)
{
	sigset_t blocked;

	vtctl_signals_note();
	take(SIGWINCH);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGWINCH);
	for (size_t i = 0; i < COUNT(ends); i++)
		sigaddset(&blocked, ends[i]);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	sigdelset(&waiting, SIGWINCH);
	for (size_t i = 0; i < COUNT(ends); i++)
		sigdelset(&waiting, ends[i]);
}

bool vtctl_signals_came(void)
{
	return asked;
}

void vtctl_signals_wait(struct pollfd *files, int count, int64_t timeout_ns)
{
	struct timespec timeout = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };

	ppoll(files, (nfds_t)count, timeout_ns < 0 ? NULL : &timeout, &waiting);
}
