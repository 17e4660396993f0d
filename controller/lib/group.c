// SPDX-License-Identifier: MIT
/* Groups: opening them and going through all of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vt_group_close(struct vt_group *g)
{
	if (!g)
		return;
	close_fd(g->events_fd);
	close_fd(g->freeze_fd);
	close_fd(g->dir_fd);
	free(g->path);
	free(g->name);
	free(g);
}

const char *vt_group_name(const struct vt_group *g)
{
	return g->name;
}

const char *vt_group_path(const struct vt_group *g)
{
	return g->path;
}

uint64_t vt_group_id(const struct vt_group *g)
{
	return g->id;
}

int vt_group_name_of(struct vt *vt, uint64_t id, char *buf, size_t size)
{
	char cgroup[PATH_MAX], text[32];
	int err = vt_cgroup_path(vt, id, cgroup, sizeof(cgroup));

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	if (err == -ESTALE)
		return vt_error(ENOENT, "no group has the id", text, NULL);
	if (err)
		return vt_error(-err, "cannot find the group with the id", text, NULL);
	if (snprintf(buf, size, "%s", vt_shown_name(cgroup)) >= (int)size)
		return vt_error(ENAMETOOLONG, "cannot name the group with the id", text, NULL);
	return 0;
}

static struct vt_group *alloc_group(struct vt *vt, const struct vt_place *place)
{
	struct vt_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->vt = vt;
	g->dir_fd = g->freeze_fd = g->events_fd = -1;
	g->name = strdup(place->name);
	g->path = strdup(place->path);
	if (g->name && g->path)
		return g;
	vt_group_close(g);
	return NULL;
}

static int open_files(struct vt_group *g)
{
	g->dir_fd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir_fd < 0)
		return -errno;
	g->freeze_fd = openat(g->dir_fd, "cgroup.freeze", O_RDWR | O_CLOEXEC);
	if (g->freeze_fd < 0)
		return -errno;
	g->events_fd = openat(g->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (g->events_fd < 0)
		return -errno;
	return vt_cgroup_id(g->dir_fd, &g->id);
}

int vt_group_open_place(struct vt *vt, const struct vt_place *place, struct vt_group **out)
{
	struct vt_group *g = alloc_group(vt, place);
	int err;

	if (!g)
		return -ENOMEM;
	err = open_files(g);
	if (err) {
		vt_group_close(g);
		return err;
	}
	*out = g;
	return 0;
}

int vt_group_open(struct vt *vt, const char *name, struct vt_group **out)
{
	struct vt_place place;
	struct vt_group *g;
	int err;

	err = vt_place_of(vt, name, &place);
	if (err)
		return err;
	err = vt_group_open_place(vt, &place, &g);
	if (err == -ENOENT)
		return vt_error(ENOENT, "no such group", place.name, "no such directory");
	if (err)
		return vt_error(-err, "cannot open group", place.name, NULL);
	if (!vt_books_has(vt, g->id)) {
		vt_group_close(g);
		return vt_error(ENOENT, "no such group", place.name,
				"the cgroup is there but is no group");
	}
	*out = g;
	return 0;
}

int vt_group_books(struct vt_group *g, struct vt_group_rec *out)
{
	int err = vt_books_read(g->vt, g->id, out);

	if (err == -ENOENT)
		return vt_error(ENOENT, "no such group", g->name, "it has been deleted");
	if (err)
		return vt_error(-err, "cannot read the books of group", g->name, NULL);
	return 0;
}

uint64_t vt_group_around(struct vt *vt, const char *cgroup)
{
	size_t top = strlen(vt->cgroup_mount);
	struct vt_place place;
	struct stat st;

	if (vt_place_of_cgroup(vt, cgroup, &place))
		return 0;
	while (strlen(place.path) > top + 1) {
		if (stat(place.path, &st) == 0 && vt_books_has(vt, st.st_ino))
			return st.st_ino;
		*strrchr(place.path, '/') = '\0';
	}
	return 0;
}

struct list {
	char **cgroups;
	size_t count, room;
};

static int list_add(struct list *list, const char *cgroup)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		char **more = realloc(list->cgroups, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->cgroups = more;
		list->room = room;
	}
	list->cgroups[list->count] = strdup(cgroup);
	return list->cgroups[list->count] ? (int)++list->count : -ENOMEM;
}

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->cgroups[i]);
	free(list->cgroups);
}

/* The map may change meanwhile, and the walk over it begin anew: bounded, and with doubles. */
static int list_fill(struct vt *vt, struct list *list)
{
	uint64_t id, *after = NULL;
	char cgroup[PATH_MAX];
	int err;

	for (int n = 0; n < 2 * VT_GROUPS_MAX && vt_books_next(vt, after, &id) == 0; n++) {
		after = &id;
		err = vt_cgroup_path(vt, id, cgroup, sizeof(cgroup));
		if (!err)
			err = list_add(list, cgroup);
		if (err < 0 && err != -ESTALE)
			return err;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(vt_shown_name(*(char *const *)a), vt_shown_name(*(char *const *)b));
}

static int call_one(struct vt *vt, const char *cgroup, int (*each)(struct vt_group *, void *),
		    void *arg)
{
	struct vt_place place;
	struct vt_group *g;
	int ret = 0;

	if (vt_place_of_cgroup(vt, cgroup, &place) || vt_group_open_place(vt, &place, &g))
		return 0; /* gone meanwhile */
	if (vt_books_has(vt, g->id))
		ret = each(g, arg);
	vt_group_close(g);
	return ret;
}

int vt_group_each(struct vt *vt, int (*each)(struct vt_group *g, void *arg), void *arg)
{
	struct list list = {};
	int ret = list_fill(vt, &list);

	if (ret) {
		list_free(&list);
		return vt_error(-ret, "cannot list the groups", NULL, NULL);
	}
	if (list.count)
		qsort(list.cgroups, list.count, sizeof(*list.cgroups), by_name);
	for (size_t i = 0; i < list.count && !ret; i++)
		if (i == 0 || strcmp(list.cgroups[i - 1], list.cgroups[i]) != 0)
			ret = call_one(vt, list.cgroups[i], each, arg);
	list_free(&list);
	return ret;
}
