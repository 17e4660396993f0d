// SPDX-License-Identifier: MIT
#include "text.h"
#include "vt.h"

#define COMPONENT_MAX 255
#define NAME_MAX_TOTAL 4000

/* Length of the component that begins at s, 0 if it is not a good one. */
static size_t component(const char *s)
{
	size_t n = 0;

	for (; s[n] && s[n] != '/'; n++)
		if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f || n == COMPONENT_MAX)
			return 0;
	if (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.')))
		return 0;
	return n;
}

/* A slash in front makes it a path from the cgroup root; else each slash stands between two. */
int vt_check_name(const char *name)
{
	const char *s = name;
	size_t n;

	vt_take(&s, '/');
	do {
		n = component(s);
		s += n;
		if (!n || s - name > NAME_MAX_TOTAL)
			return vt_fail(-EINVAL);
	} while (vt_take(&s, '/'));
	return 0;
}
