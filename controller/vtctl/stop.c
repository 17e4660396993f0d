/* SPDX-License-Identifier: MIT */
/*
 * All groups are told to freeze first and waited for then, so that they stop side by side. Whoever
 * fails half-way thaws those that he has told.
 */
#define _GNU_SOURCE /* open_memstream */
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"
#include "host_time.h"
#include "signals.h"
#include "stop.h"

#define STRAGGLERS_MAX 8

int vtctl_check_outside(const struct vtctl_groups *groups)
{
	for (int i = 0; i < groups->count; i++) {
		int inside = vt_group_has_caller(groups->items[i]);

		if (inside > 0)
			return vtctl_failure("cannot freeze '%s': vtctl itself is inside",
					     vt_group_name(groups->items[i]));
		/* Who waits for all does not mind one that has gone */
		if (inside < 0 && inside != -ENOENT)
			return vtctl_failure_of_vt();
	}
	return EXIT_OK;
}

int vtctl_tell_to_freeze(struct vtctl_groups *groups, bool (*is_fine)(int err))
{
	for (int i = 0; i < groups->count; i++) {
		int err = vtctl_hold(groups->items[i]);

		groups->asked[i] = err == 0;
		if (err && !is_fine(err))
			return vtctl_failure("%s", vtctl_daemon_why());
	}
	return EXIT_OK;
}

void vtctl_thaw_asked(const struct vtctl_groups *groups)
{
	for (int i = groups->count - 1; i >= 0; i--)
		if (groups->asked[i])
			vtctl_release(groups->items[i]);
}

static int wait_until(struct vt_group *g, int64_t deadline_ns)
{
	int err;

	do {
		int64_t left_ns = deadline_ns - vtctl_now_ns();

		if (vtctl_signals_came())
			return -EINTR;
		if (left_ns < 0)
			return -ETIMEDOUT;
		err = vt_group_wait(g, VT_FROZEN, left_ns < VTCTL_SIGNALS_SLICE_NS
						  ? left_ns : VTCTL_SIGNALS_SLICE_NS);
	} while (err == -ETIMEDOUT || err == -EINTR);
	return err;
}

char *vtctl_stragglers(struct vt_group *g)
{
	struct vt_straggler s[STRAGGLERS_MAX];
	int i, n = vt_group_stragglers(g, s, STRAGGLERS_MAX);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (i = 0; i < n && i < STRAGGLERS_MAX; i++)
		fprintf(out, "%sPID %d (%.16s): %.64s", i ? ", " : "", (int)s[i].pid, s[i].comm, s[i].why);
	if (n > STRAGGLERS_MAX)
		fprintf(out, " and %d more", n - STRAGGLERS_MAX);
	if (n <= 0)
		fputs("nobody to blame is left", out);
	fclose(out);
	return text;
}

static int did_not_stop(struct vt_group *g, int err, int64_t timeout_ns)
{
	char text[32], *who;
	int status;

	if (err == -EINTR)
		return vtctl_failure("interrupted while '%s' was stopping; thawed again", vt_group_name(g));
	if (err != -ETIMEDOUT)
		return vtctl_failure_of_vt();
	who = vtctl_stragglers(g);
	status = vtctl_failure("'%s' did not stop within %s: %s; thawed again", vt_group_name(g),
			       vt_format_duration(timeout_ns, text, sizeof(text)),
			       who ? who : "out of memory");
	free(who);
	return status;
}

int vtctl_wait_frozen(const struct vtctl_groups *groups, int64_t timeout_ns)
{
	int64_t now = vtctl_now_ns(), deadline_ns;

	if (__builtin_add_overflow(now, timeout_ns, &deadline_ns))
		deadline_ns = INT64_MAX;
	for (int i = 0; i < groups->count; i++) {
		int err = groups->asked[i] ? wait_until(groups->items[i], deadline_ns) : 0;

		if (err)
			return did_not_stop(groups->items[i], err, timeout_ns);
	}
	return EXIT_OK;
}
