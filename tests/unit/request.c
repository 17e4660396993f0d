// SPDX-License-Identifier: MIT
#include "request.h"
#include "unit.h"

static char line[256];

static int parse(const char *text, struct vt_ask_line *out)
{
	snprintf(line, sizeof(line), "%s", text);
	return vt_parse_request(line, out);
}

static void good_requests(void **state)
{
	struct vt_ask_line ask;

	(void)state;
	assert_int_equal(parse("show", &ask), 0);
	assert_int_equal(ask.ask, VT_ASK_SHOW);
	assert_null(ask.group);
	assert_int_equal(parse("show lab", &ask), 0);
	assert_string_equal(ask.group, "lab");
	assert_int_equal(parse("hold user lab/a b", &ask), 0);
	assert_int_equal(ask.ask, VT_ASK_HOLD);
	assert_int_equal(ask.kind, VT_HOLD_USER);
	assert_string_equal(ask.group, "lab/a b");
	assert_int_equal(parse("release step /x.slice", &ask), 0);
	assert_int_equal(ask.ask, VT_ASK_RELEASE);
	assert_int_equal(ask.kind, VT_HOLD_STEP);
	assert_int_equal(parse("may 12 lab", &ask), 0);
	assert_int_equal(ask.pid, 12);
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"", " ", "sho", "shows", "Show", " show", "show ", "show a//b", "show ..", "hold", "hold user",
		"hold user ", "hold wire lab", "hold lab", "hold  lab", "release user", "may", "may 12",
		"may x lab", "may -1 lab", "may 0 lab", "show \x01",
	};
	struct vt_ask_line ask;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (parse(bad[i], &ask) == 0)
			fail_msg("'%s' is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("requests are understood", good_requests),
		SENTENCE("what is no request is refused whole", bad_requests),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
