// SPDX-License-Identifier: MIT
/* A line from a socket of vtd. */
#include "fuzz.h"
#include "request.h"

void check(const char *text)
{
	char *line = strdup(text);
	struct vt_ask_line ask;
	int err = line ? vt_parse_request(line, &ask) : -EINVAL;

	CHECK(err == 0 || err == -EINVAL || err == -ERANGE);
	if (!err) {
		CHECK(!ask.group || vt_check_name(ask.group) == 0);
		CHECK(ask.group || ask.ask == VT_ASK_SHOW);
		CHECK(ask.ask != VT_ASK_MAY || ask.pid > 0);
		CHECK(ask.kind < VT_HOLDS);
	}
	free(line);
}
