// SPDX-License-Identifier: MIT
#include <errno.h>

#include "settings.h"
#include "unit.h"

static int take(const char *key, const char *value, struct vt_settings *s)
{
	vt_settings_init(s);
	return vt_settings_take(s, key, value);
}

static void every_key_has_a_range(void **state)
{
	struct vt_settings s;

	(void)state;
	for (int i = 0; vt_settings_keys[i]; i++) {
		assert_true(*vt_settings_legal(vt_settings_keys[i]));
		assert_int_equal(take(vt_settings_keys[i], "", &s), -EINVAL);
		assert_int_equal(take(vt_settings_keys[i], "nonsense", &s), -EINVAL);
	}
	assert_int_equal(take("latches", "1ms", &s), -ENOENT);
	assert_string_equal(vt_settings_legal("latches"), "");
}

static void good_values(void **state)
{
	struct vt_settings s;

	(void)state;
	assert_int_equal(take("latch", "500us", &s), 0);
	assert_int_equal(s.latch_ns, 500000);
	assert_int_equal(take("latch", "100ms", &s), 0);
	assert_int_equal(take("check", "10ms", &s), 0);
	assert_int_equal(s.check_ns, 10000000);
	assert_int_equal(take("hold-limit", "5m", &s), 0);
	assert_int_equal(s.limit_ns, 300000000000);
	assert_int_equal(take("hold-limit", "none", &s), 0);
	assert_int_equal(s.limit_ns, 0);
	assert_int_equal(take("active-low", "yes", &s), 0);
	assert_true(s.active_low);
	assert_int_equal(take("active-low", "no", &s), 0);
	assert_false(s.active_low);
	assert_int_equal(take("bias", "pull-down", &s), 0);
	assert_int_equal(s.bias, 3);
	assert_int_equal(take("drive", "open-drain", &s), 0);
	assert_int_equal(s.drive, 1);
	assert_int_equal(take("on-stop", "keep", &s), 0);
	assert_true(s.keep);
}

static void values_out_of_range(void **state)
{
	struct vt_settings s;

	(void)state;
	assert_int_equal(take("latch", "100001us", &s), -ERANGE);
	assert_int_equal(s.latch_ns, VT_LATCH_DEFAULT_NS);
	assert_int_equal(take("latch", "-1us", &s), -ERANGE);
	assert_int_equal(take("check", "9ms", &s), -ERANGE);
	assert_int_equal(take("check", "61s", &s), -ERANGE);
	assert_int_equal(take("hold-limit", "1ms", &s), -ERANGE);
	assert_int_equal(take("latch", "5", &s), -EINVAL);
	assert_int_equal(take("bias", "pull", &s), -EINVAL);
}

static void priorities(void **state)
{
	int n = 7;

	(void)state;
	assert_int_equal(vt_parse_priority("1", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(vt_parse_priority("98", &n), 0);
	assert_int_equal(n, 98);
	assert_int_equal(vt_parse_priority("99", &n), -ERANGE);
	assert_int_equal(vt_parse_priority("0", &n), -ERANGE);
	assert_int_equal(vt_parse_priority("", &n), -EINVAL);
	assert_int_equal(vt_parse_priority("9x", &n), -EINVAL);
	assert_int_equal(vt_parse_priority("1000", &n), -EINVAL);
	assert_int_equal(n, 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("every key of a board says what is legal, and takes nothing else",
			 every_key_has_a_range),
		SENTENCE("good values are taken", good_values),
		SENTENCE("values out of range are refused, and change nothing", values_out_of_range),
		SENTENCE("priorities are 1 to 98", priorities),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
