// SPDX-License-Identifier: MIT
/*
 * Names and directories.
 *
 *   "lab/plant"                   <mount>/vt/lab/plant
 *   "/system.slice/a.service"     <mount>/system.slice/a.service
 *   "<mount>/system.slice/…"      the same
 *   "/vt/lab"                     the same as "lab", and shown so
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib.h"

static const char *skip_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 && s[n] == '/' ? s + n : NULL;
}

const char *vt_shown_name(const char *cgroup)
{
	const char *inside = skip_prefix(cgroup, "/" VT_ROOT);

	return inside ? inside + 1 : cgroup;
}

int vt_place_of_cgroup(const struct vt *vt, const char *cgroup, struct vt_place *place)
{
	int n;

	n = snprintf(place->path, sizeof(place->path), "%s%s", vt->cgroup_mount, cgroup);
	if (n >= (int)sizeof(place->path))
		return vt_error(ENAMETOOLONG, "cannot use group", cgroup, NULL);
	snprintf(place->name, sizeof(place->name), "%s", vt_shown_name(cgroup));
	place->below_root = place->name[0] != '/';
	return 0;
}

int vt_place_of(const struct vt *vt, const char *name, struct vt_place *place)
{
	char below[PATH_MAX];
	const char *inside;

	if (vt_check_name(name))
		return vt_error(EINVAL, "bad group name", name, "components have 1 to 255 bytes, "
				"no control characters and are neither '.' nor '..'");
	if (name[0] == '/') {
		inside = skip_prefix(name, vt->cgroup_mount);
		return vt_place_of_cgroup(vt, inside ? inside : name, place);
	}
	snprintf(below, sizeof(below), "/" VT_ROOT "/%s", name);
	return vt_place_of_cgroup(vt, below, place);
}
