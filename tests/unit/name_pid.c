// SPDX-License-Identifier: MIT
#include <errno.h>

#include "unit.h"

static const char *fill(char *buf, size_t n, char c)
{
	memset(buf, c, n);
	buf[n] = '\0';
	return buf;
}

static void good_names(void **state)
{
	static const char *const good[] = {
		"lab", "a", "lab/plant", "lab/plant/1", "/lab", "/system.slice/foo.service",
		"/sys/fs/cgroup/vt/lab", "...", ".hidden", "..a", "a..", "with blank", "-x", "--all",
		"\xc3\xbc", "\xff", "a:b", "user@1000.service", "dev-disk\\x2d1", "'\"$;&*",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (vt_check_name(good[i]))
			fail_msg("'%s' is refused", good[i]);
}

static void name_refused(const char *name)
{
	errno = 0;
	if (vt_check_name(name) != -EINVAL || errno != EINVAL)
		fail_msg("'%.40s' is accepted", name);
}

static void bad_names(void **state)
{
	static const char *const bad[] = {
		"", "/", "//", ".", "..", "/.", "/..", "../x", "x/..", "x/../y", "x/.", "./x",
		"x/./y", "/../x", "x/", "x//y", "//x", "/x/", "x\n", "\n", "a\tb", "a/\x01/b",
		"\x1b[31m", "del\x7f", "a/b\r",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		name_refused(bad[i]);
}

static void lengths(void **state)
{
	static char name[6000];
	size_t n = 0;

	(void)state;
	assert_int_equal(vt_check_name(fill(name, 255, 'x')), 0);
	name_refused(fill(name, 256, 'x'));
	name_refused(fill(name, 5999, 'x'));
	fill(name, 257, 'x');
	name[0] = '/';
	name_refused(name);
	name[256] = '\0';
	assert_int_equal(vt_check_name(name), 0);

	for (n = 0; n < 4001; n++)
		name[n] = n % 100 == 99 ? '/' : 'x';
	name[4001] = '\0';
	name_refused(name);
	name[4000] = '\0';
	name[3999] = 'x';
	assert_int_equal(vt_check_name(name), 0);
}

static void every_byte(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char name[] = { 'a', (char)c, 'b', '\0' };
		bool control = c < 32 || c == 127;

		assert_int_equal(vt_check_name(name), control ? -EINVAL : 0);
	}
}

static void good_pids(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(vt_parse_pid("1", &pid), 0);
	assert_int_equal(pid, 1);
	assert_int_equal(vt_parse_pid("4194304", &pid), 0);
	assert_int_equal(pid, 4194304);
	assert_int_equal(vt_parse_pid("10000", &pid), 0);
	assert_int_equal(pid, 10000);
	for (int i = 1; i <= 4194304; i += 1 + (int)rng_below(97)) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(vt_parse_pid(text, &pid), 0);
		assert_int_equal(pid, i);
	}
}

static void pid_refused(const char *text, int error)
{
	pid_t pid = 12345;

	errno = 0;
	if (vt_parse_pid(text, &pid) != error || errno != -error || pid != 12345)
		fail_msg("'%s' is not refused with %d", text, error);
}

static void bad_pids(void **state)
{
	static const char *const text[] = {
		"", " ", "x", "self", "1x", "x1", " 1", "1 ", "1\n", "+1", "--1", "-", "-x", "1.0",
		"1.5", "1e3", "0x10", "1,000", "1/1", ".", "1.", "\xd9\xa1",
	};
	static const char *const range[] = {
		"0", "-0", "-1", "-4194304", "4194305", "2147483647", "2147483648", "4294967296",
		"4294967297", "9223372036854775807", "18446744073709551616", "18446744073709551617",
		"99999999999999999999999999999999",
		"1000000000000000000000000000000000000000000000000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(text); i++)
		pid_refused(text[i], -EINVAL);
	for (size_t i = 0; i < COUNT(range); i++)
		pid_refused(range[i], -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("good group names are accepted", good_names),
		SENTENCE("names that leave the tree, are empty or hold control characters are refused",
			 bad_names),
		SENTENCE("a component has up to 255 bytes and a name up to 4000", lengths),
		SENTENCE("every byte but NUL, slash and the control characters may be in a name",
			 every_byte),
		SENTENCE("good PIDs are read", good_pids),
		SENTENCE("PID 0, negative, 2^32, partial words and other text are refused", bad_pids),
	};

	rng_seed();
	return cmocka_run_group_tests_name("name_pid", tests, NULL, NULL);
}
