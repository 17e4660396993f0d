/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

/* Where the id is, or where it would have to be. */
static size_t place_of(const struct vtctl_names *names, uint64_t id)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (names->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *add(struct vtctl_names *names, size_t at, uint64_t id, const char *name)
{
	struct vtctl_name *items = realloc(names->items, (names->count + 1) * sizeof(*items));
	char *copy = strdup(name);

	if (items)
		names->items = items;
	if (!items || !copy) {
		free(copy);
		return "?";
	}
	memmove(&items[at + 1], &items[at], (names->count - at) * sizeof(*items));
	items[at] = (struct vtctl_name){ id, copy };
	names->count++;
	return copy;
}

static int learn(struct vt_group *g, void *arg)
{
	struct vtctl_names *names = arg;
	uint64_t id = vt_group_id(g);
	size_t at = place_of(names, id);

	if (at == names->count || names->items[at].id != id)
		add(names, at, id, vt_group_name(g));
	return 0;
}

int vtctl_names_fill(struct vtctl_names *names, struct vt *vt)
{
	return vt_group_each(vt, learn, names);
}

const char *vtctl_name_of(struct vtctl_names *names, struct vt *vt, uint64_t id)
{
	size_t at = place_of(names, id);
	char name[PATH_MAX];

	if (at < names->count && names->items[at].id == id)
		return names->items[at].name;
	if (vt_group_name_of(vt, id, name, sizeof(name)) != 0)
		snprintf(name, sizeof(name), "#%llu", (unsigned long long)id);
	return add(names, at, id, name);
}

void vtctl_names_free(struct vtctl_names *names)
{
	while (names->count > 0)
		free(names->items[--names->count].name);
	free(names->items);
}
