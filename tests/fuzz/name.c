// SPDX-License-Identifier: MIT
#include "fuzz.h"

/* The rule once more, component by component with the C library. */
static bool is_good(const char *text)
{
	const char *s = *text == '/' ? text + 1 : text;

	if (strlen(text) > 4000)
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return false;
	for (;;) {
		size_t n = strcspn(s, "/");

		if (n < 1 || n > 255 || !strncmp(s, "./", n + 1) || !strncmp(s, "../", n + 1) ||
		    !strcmp(s, ".") || !strcmp(s, ".."))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

void check(const char *text)
{
	int err = vt_check_name(text);

	CHECK(err == (is_good(text) ? 0 : -EINVAL));
	CHECK(!err || errno == EINVAL);
}
