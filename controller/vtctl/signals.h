/* SPDX-License-Identifier: MIT */
/* Commands that go on until they are told to end: by SIGINT, SIGTERM or SIGHUP. */
#ifndef VTCTL_SIGNALS_H
#define VTCTL_SIGNALS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* From now on these signals only end a wait, and SIGWINCH, too. */
void vtctl_signals_heed(void);
bool vtctl_signals_came(void);

/* Wait for one of the files, a signal, or so long; for ever if it is negative. */
void vtctl_signals_wait(struct pollfd *files, int count, int64_t timeout_ns);

#endif /* VTCTL_SIGNALS_H */
