/* SPDX-License-Identifier: MIT */
/*
 * vtctl freeze GROUP...|--all: returns at b, when all tasks of all groups have stopped. All are
 * asked first and waited for then, so that they stop side by side. If one fails, those frozen by
 * this command are thawed again, also when it is interrupted.
 */
#define _GNU_SOURCE /* open_memstream */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "groups.h"

#define SLICE_NS 100000000LL /* how soon an interruption is seen */
#define STRAGGLERS_MAX 8

struct frozen {
	const char *name;
	int64_t a_ns, b_ns, took_ns, virtual_ns;
	uint64_t tasks;
};

#define FIELD(key, column, kind) { #key, NULL, column, kind, offsetof(struct frozen, key) }

static const struct vtctl_table table = {
	sizeof(struct frozen),
	(const struct vtctl_field[]){ FIELD(name, "GROUP", KIND_TEXT),
				      FIELD(tasks, "TASKS", KIND_COUNT),
				      FIELD(a_ns, NULL, KIND_INSTANT),
				      FIELD(b_ns, NULL, KIND_INSTANT),
				      FIELD(took_ns, "STOPPED WITHIN", KIND_DURATION),
				      FIELD(virtual_ns, NULL, KIND_INSTANT),
				      { 0 } },
};

static volatile sig_atomic_t interrupted;

static void note_interruption(int signal)
{
	interrupted = signal;
}

static void watch_interruptions(void)
{
	struct sigaction action = { .sa_handler = note_interruption };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void thaw_first(const struct vtctl_groups *groups, int count)
{
	while (count-- > 0)
		vt_group_thaw(groups->items[count]);
}

/* Take a group that stays as it is out of the set. */
static void drop(struct vtctl_groups *groups, int i)
{
	vt_group_close(groups->items[i]);
	groups->count--;
	memmove(&groups->items[i], &groups->items[i + 1],
		(size_t)(groups->count - i) * sizeof(*groups->items));
}

static bool is_fine_for_all(int err)
{
	return err == -EALREADY || err == -ENODATA || err == -ENOENT;
}

/* *asked counts the groups that this command has frozen: they come first. */
static int ask(struct vtctl_groups *groups, bool all, int *asked)
{
	for (*asked = 0; *asked < groups->count;) {
		struct vt_group *g = groups->items[*asked];
		int err = vt_group_has_caller(g);

		/* It would never come back to report the freeze, or to undo it. */
		if (err > 0)
			return vtctl_failure("cannot freeze '%s': vtctl itself is inside",
					     vt_group_name(g));
		if (!err)
			err = vt_group_freeze(g);
		if (!err)
			++*asked;
		else if (all && is_fine_for_all(err))
			drop(groups, *asked);
		else
			return vtctl_failure_of_vt();
	}
	return EXIT_OK;
}

static int wait_until(struct vt_group *g, int64_t deadline_ns)
{
	int err;

	do {
		int64_t left_ns = deadline_ns - now_ns();

		if (interrupted)
			return -EINTR;
		if (left_ns < 0)
			return -ETIMEDOUT;
		err = vt_group_wait(g, VT_FROZEN, left_ns < SLICE_NS ? left_ns : SLICE_NS);
	} while (err == -ETIMEDOUT || err == -EINTR);
	return err;
}

/* "12 (dd): uninterruptible sleep in nfs_wait, 13 (gdb): traced"; to be freed. */
static char *stragglers(struct vt_group *g)
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
	who = stragglers(g);
	status = vtctl_failure("'%s' did not stop within %s: %s; thawed again", vt_group_name(g),
			       vt_format_duration(timeout_ns, text, sizeof(text)),
			       who && *who ? who : "nobody to blame is left");
	free(who);
	return status;
}

static int wait_for_all(const struct vtctl_groups *groups, int64_t timeout_ns)
{
	int64_t now = now_ns(), deadline_ns;
	int i, err;

	if (__builtin_add_overflow(now, timeout_ns, &deadline_ns))
		deadline_ns = INT64_MAX;
	for (i = 0; i < groups->count; i++) {
		err = wait_until(groups->items[i], deadline_ns);
		if (err)
			return did_not_stop(groups->items[i], err, timeout_ns);
	}
	return EXIT_OK;
}

static void fill(struct frozen *f, struct vt_group *g)
{
	struct vt_status s = { 0 };

	vt_group_status(g, &s);
	*f = (struct frozen){
		.name = vt_group_name(g),
		.a_ns = (int64_t)s.books.a_ns,
		.b_ns = (int64_t)s.books.b_ns,
		.took_ns = (int64_t)(s.books.b_ns - s.books.a_ns),
		.virtual_ns = s.virt.ns,
		.tasks = s.tasks,
	};
}

static int print(const struct vtctl_groups *groups)
{
	struct frozen *items = calloc((size_t)groups->count + 1, sizeof(*items));
	int i;

	if (!items)
		return vtctl_failure("out of memory");
	for (i = 0; i < groups->count; i++)
		fill(&items[i], groups->items[i]);
	vtctl_print_rows(&(struct vtctl_rows){ &table, items, groups->count });
	free(items);
	return EXIT_OK;
}

int vtctl_freeze(struct vtctl_args *args)
{
	struct vtctl_groups groups;
	int asked, status = vtctl_groups_open(args, &groups);

	if (status != EXIT_OK)
		return status;
	watch_interruptions();
	status = ask(&groups, args->given & OPT_ALL, &asked);
	if (status == EXIT_OK)
		status = wait_for_all(&groups, args->timeout_ns);
	if (status != EXIT_OK)
		thaw_first(&groups, asked);
	else if ((args->given & OPT_VERBOSE) || vtctl_speaks_json())
		status = print(&groups);
	vtctl_groups_close(&groups);
	return status;
}
