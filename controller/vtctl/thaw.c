/* SPDX-License-Identifier: MIT */
/*
 * vtctl thaw GROUP...|--all. All are looked at before the first is let go: one that is not frozen,
 * or that an ancestor would keep frozen, fails the command with nothing changed. With --all those
 * are passed over, since --all is what brings a machine back after a crash: it also thaws what is
 * frozen below the vt root and no group, and does so when nothing is loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "cgroupfs.h"
#include "daemon.h"
#include "groups.h"

#define WIRE_NS 500000000LL /* longer than a wire takes to follow */
#define WAIT_NS 10000000000LL /* the first task to leave the freezer: microseconds, normally */

struct thawed {
	const char *name;
	int64_t c_ns, frozen_ns, virtual_ns;
	uint64_t freezes;
};

#define FIELD(key, kind) { #key, NULL, NULL, kind, offsetof(struct thawed, key) }

static const struct vtctl_table table = {
	sizeof(struct thawed),
	(const struct vtctl_field[]){ FIELD(name, KIND_TEXT),
				      FIELD(freezes, KIND_COUNT),
				      FIELD(c_ns, KIND_INSTANT),
				      FIELD(frozen_ns, KIND_DURATION),
				      FIELD(virtual_ns, KIND_INSTANT),
				      { 0 } },
};

static bool is_in(const struct vtctl_groups *groups, const char *directory)
{
	int i;

	for (i = 0; i < groups->count; i++)
		if (strcmp(vt_group_path(groups->items[i]), directory) == 0)
			return true;
	return false;
}

/* The nearest frozen ancestor that this command does not thaw as well; to be freed, or NULL. */
static char *held_by(const struct vtctl_groups *groups, const struct vt_group *g)
{
	char *directory = strdup(vt_group_path(g));

	while (directory && vtctl_go_up(directory))
		if (vtctl_is_held(directory) && !is_in(groups, directory))
			return directory;
	free(directory);
	return NULL;
}

static int check(const struct vtctl_groups *groups, const struct vt_group *g)
{
	char *above = held_by(groups, g);
	int status = EXIT_OK;

	if (above)
		status = vtctl_failure("cannot thaw '%s': '%s' above it is frozen", vt_group_name(g),
				       vtctl_cgroup_path(above));
	else if (!vtctl_is_held(vt_group_path(g)))
		status = vtctl_failure("cannot thaw '%s': it is not frozen", vt_group_name(g));
	free(above);
	return status;
}

static int check_all(const struct vtctl_groups *groups)
{
	int i, status = EXIT_OK;

	for (i = 0; i < groups->count && status == EXIT_OK; i++)
		status = check(groups, groups->items[i]);
	return status;
}

static void keep_held(struct vtctl_groups *groups)
{
	int i, kept = 0;

	for (i = 0; i < groups->count; i++)
		if (vtctl_is_held(vt_group_path(groups->items[i])))
			groups->items[kept++] = groups->items[i];
		else
			vt_group_close(groups->items[i]);
	groups->count = kept;
}

static void freeze_again(const struct vtctl_groups *groups, int count)
{
	while (count-- > 0)
		vtctl_hold(groups->items[count]);
}

/* Parents come first, so that no child is let go under a frozen parent. */
static int let_go(const struct vtctl_groups *groups, bool all)
{
	int i, err, status;

	for (i = 0; i < groups->count; i++) {
		err = vtctl_release(groups->items[i]);
		if (err && !(all && (err == -EALREADY || err == -EBUSY))) {
			status = vtctl_failure("%s", vtctl_daemon_why());
			freeze_again(groups, err == -EBUSY ? i + 1 : i);
			return status;
		}
	}
	return EXIT_OK;
}

/* What holds a board besides will not go by itself: the wire has had its time to follow. */
static int wait_for(struct vt_group *g)
{
	char *holders;
	int status;

	if (vt_group_wait(g, VT_RUNNING, WIRE_NS) == 0)
		return EXIT_OK;
	holders = vtctl_holders(g);
	if (holders)
		status = vtctl_failure("'%s' stays frozen, held by %s", vt_group_name(g), holders);
	else
		status = vt_group_wait(g, VT_RUNNING, WAIT_NS) ? vtctl_failure_of_vt() : EXIT_OK;
	free(holders);
	return status;
}

static int wait_for_all(const struct vtctl_groups *groups)
{
	int i, status = EXIT_OK;

	for (i = 0; i < groups->count && status == EXIT_OK; i++)
		status = wait_for(groups->items[i]);
	return status;
}

static void fill(void *row, struct vt_group *g)
{
	struct thawed *t = row;
	struct vt_status s = { 0 };

	vt_group_status(g, &s);
	*t = (struct thawed){ vt_group_name(g), (int64_t)s.books.c_ns, s.frozen_ns, s.virt.ns,
			      s.books.freezes };
}

static int thaw_leftovers(void)
{
	return vt_thaw_leftovers() < 0 ? vtctl_failure_of_vt() : EXIT_OK;
}

static bool is_loaded(void)
{
	struct vt_machine machine;

	vt_probe(&machine);
	return machine.loaded;
}

int vtctl_thaw(struct vtctl_args *args)
{
	struct vtctl_groups groups;
	bool all = args->given & OPT_ALL;
	int status;

	if (all && !is_loaded())
		return thaw_leftovers();
	status = vtctl_groups_open(args, &groups);
	if (status != EXIT_OK)
		return status;
	if (all)
		keep_held(&groups);
	else
		status = check_all(&groups);
	if (status == EXIT_OK)
		status = let_go(&groups, all);
	if (status == EXIT_OK)
		status = all ? thaw_leftovers() : wait_for_all(&groups);
	if (status == EXIT_OK && vtctl_speaks_json())
		status = vtctl_print_filled(&groups, NULL, &table, fill);
	vtctl_groups_close(&groups);
	return status;
}
