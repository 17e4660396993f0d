// SPDX-License-Identifier: MIT
#include <string.h>

#include "request.h"
#include "text.h"
#include "vt.h"

/* The word in front, ended; *s goes behind its one blank, or is NULL if nothing follows. */
static char *take_word(char **s)
{
	char *word = *s, *end = strchr(word, ' ');

	*s = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return word;
}

static int take_kind(const char *word, enum vt_hold_kind *kind)
{
	for (int i = 0; i < VT_HOLDS; i++)
		if (strcmp(word, vt_hold_name((enum vt_hold_kind)i)) == 0) {
			*kind = (enum vt_hold_kind)i;
			return 0;
		}
	return vt_fail(-EINVAL);
}

static int take_ask(const char *word, enum vt_ask *ask)
{
	static const char *const words[] = {
		[VT_ASK_SHOW] = "show",
		[VT_ASK_MAY] = "may",
		[VT_ASK_HOLD] = "hold",
		[VT_ASK_RELEASE] = "release",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			*ask = (enum vt_ask)i;
			return 0;
		}
	return vt_fail(-EINVAL);
}

int vt_parse_request(char *line, struct vt_ask_line *out)
{
	int err;

	*out = (struct vt_ask_line){ .ask = VT_ASK_SHOW };
	err = take_ask(take_word(&line), &out->ask);
	if (!err && out->ask != VT_ASK_SHOW && !line)
		return vt_fail(-EINVAL);
	if (!err && out->ask == VT_ASK_MAY)
		err = vt_parse_pid(take_word(&line), &out->pid);
	else if (!err && out->ask != VT_ASK_SHOW)
		err = take_kind(take_word(&line), &out->kind);
	if (err)
		return err;
	if (!line)
		return out->ask == VT_ASK_SHOW ? 0 : vt_fail(-EINVAL);
	out->group = line;
	return vt_check_name(line);
}
