/* SPDX-License-Identifier: MIT */
/* Open one group, or many. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "groups.h"

int vtctl_open(struct vt **vt)
{
	return vt_open(vt) ? vtctl_failure_of_vt() : EXIT_OK;
}

int vtctl_open_group(const struct vtctl_args *args, struct vt **vt, struct vt_group **g)
{
	int status = vtctl_open(vt);

	if (status == EXIT_OK && vt_group_open(*vt, args->operands[0], g) != 0) {
		status = vtctl_failure_of_vt();
		vt_close(*vt);
	}
	return status;
}

struct names {
	char **items;
	int count;
};

static int add_name(struct vt_group *g, void *arg)
{
	struct names *names = arg;
	char **items = realloc(names->items, ((size_t)names->count + 1) * sizeof(*items));
	char *name = strdup(vt_group_name(g));

	if (items)
		names->items = items;
	if (!items || !name) {
		free(name);
		return -ENOMEM;
	}
	names->items[names->count++] = name;
	return 0;
}

static void free_names(struct names *names)
{
	while (names->count > 0)
		free(names->items[--names->count]);
	free(names->items);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(vt_group_path(*(struct vt_group *const *)a),
		      vt_group_path(*(struct vt_group *const *)b));
}

/* A group that has gone since it was listed is no mistake. */
static int open_names(struct vtctl_groups *groups, char *const *names, int count, bool may_be_gone)
{
	int i, err;

	groups->items = calloc((size_t)count + 1, sizeof(*groups->items));
	groups->asked = calloc((size_t)count + 1, sizeof(*groups->asked));
	if (!groups->items || !groups->asked)
		return vtctl_failure("out of memory");
	for (i = 0; i < count; i++) {
		err = vt_group_open(groups->vt, names[i], &groups->items[groups->count]);
		if (err == 0)
			groups->count++;
		else if (err != -ENOENT || !may_be_gone)
			return vtctl_failure_of_vt();
	}
	qsort(groups->items, (size_t)groups->count, sizeof(*groups->items), by_path);
	return EXIT_OK;
}

static int open_all(struct vtctl_groups *groups)
{
	struct names names = { 0 };
	int status;

	if (vt_group_each(groups->vt, add_name, &names) != 0)
		status = vtctl_failure_of_vt();
	else
		status = open_names(groups, names.items, names.count, true);
	free_names(&names);
	return status;
}

/* A group keeps two files open, and there may be thousands. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int vtctl_groups_open(const struct vtctl_args *args, struct vtctl_groups *groups)
{
	int status;

	*groups = (struct vtctl_groups){ 0 };
	status = vtctl_open(&groups->vt);
	if (status != EXIT_OK)
		return status;
	allow_many_files();
	if (args->given & OPT_ALL)
		status = open_all(groups);
	else
		status = open_names(groups, args->operands, args->count, false);
	if (status != EXIT_OK)
		vtctl_groups_close(groups);
	return status;
}

void vtctl_groups_close(struct vtctl_groups *groups)
{
	while (groups->count > 0)
		vt_group_close(groups->items[--groups->count]);
	free(groups->items);
	free(groups->asked);
	vt_close(groups->vt);
}

int vtctl_print_filled(const struct vtctl_groups *groups, const bool *only,
		       const struct vtctl_table *table, void (*fill)(void *row, struct vt_group *g))
{
	char *rows = calloc((size_t)groups->count + 1, table->size);
	int i, n = 0;

	if (!rows)
		return vtctl_failure("out of memory");
	for (i = 0; i < groups->count; i++)
		if (!only || only[i])
			fill(rows + (size_t)n++ * table->size, groups->items[i]);
	vtctl_print_rows(&(struct vtctl_rows){ table, rows, n });
	free(rows);
	return EXIT_OK;
}
