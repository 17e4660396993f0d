/* SPDX-License-Identifier: MIT */
/* The signals are blocked but for the time of a wait, so that none comes between a look at the flag
 * and the wait. */
#define _GNU_SOURCE /* ppoll */
#include <signal.h>

#include "signals.h"

static volatile sig_atomic_t asked;
static sigset_t waiting; /* what is blocked while waiting */

static void ask(int signal)
{
	if (signal != SIGWINCH)
		asked = 1;
}

void vtctl_signals_heed(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	struct sigaction action = { .sa_handler = ask };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigdelset(&waiting, signals[i]);
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
