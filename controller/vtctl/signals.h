/* SPDX-License-Identifier: MIT */
/* Commands that wait until they are told to end: by SIGINT, SIGTERM or SIGHUP. */
#ifndef VTCTL_SIGNALS_H
#define VTCTL_SIGNALS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* How soon a wait that a signal does not end sees that one came. */
#define VTCTL_SIGNALS_SLICE_NS 100000000LL

/* From now on these signals only end what they come in the middle of. */
void vtctl_signals_note(void);
/* From now on these signals only end a vtctl_signals_wait(), and SIGWINCH, too. */
void vtctl_signals_heed(void);
bool vtctl_signals_came(void);

/* Wait for one of the files, a signal, or so long; for ever if it is negative. */
void vtctl_signals_wait(struct pollfd *files, int count, int64_t timeout_ns);

#endif /* VTCTL_SIGNALS_H */
