/* SPDX-License-Identifier: MIT */
/*
 * Text for JSON, which is UTF-8. Names of cgroups and of processes may hold any bytes: those that
 * are no UTF-8 become U+FFFD, each of them.
 */
#define _GNU_SOURCE /* open_memstream */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* By the first byte; 0xc0, 0xc1 and from 0xf5 on there is none. */
static int length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Characters that have a shorter form, surrogates, and what is beyond U+10FFFF. */
static bool is_forbidden(const unsigned char *s)
{
	return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	       (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f);
}

/* How many bytes the character takes that s begins with; 0: it begins with none. */
static int character(const unsigned char *s)
{
	int n = length_of(s[0]);

	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n && is_forbidden(s) ? 0 : n;
}

static void write_utf8(FILE *out, const char *text)
{
	while (*text) {
		int n = character((const unsigned char *)text);

		fprintf(out, "%.*s", n ? n : 3, n ? text : REPLACEMENT);
		text += n ? n : 1;
	}
}

struct json_object *vtctl_json_text(const char *text)
{
	struct json_object *o = NULL;
	char *clean = NULL;
	size_t size;
	FILE *out = text ? open_memstream(&clean, &size) : NULL;

	if (!out)
		return NULL;
	write_utf8(out, text);
	if (fclose(out) == 0)
		o = json_object_new_string(clean);
	free(clean);
	return o;
}
