// SPDX-License-Identifier: MIT
#include <errno.h>

#include "unit.h"

#define S 1000000000LL

static void good_text(void **state)
{
	static const struct { const char *text; int64_t ns; } cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01 00:00:00Z", 0 },
		{ "1970-01-01T00:00:00+00:00", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T18:30:00-05:30", 0 },
		{ "1969-12-31T23:59:59.999999999Z", -1 },
		{ "2030-01-01T00:00:00Z", 1893456000 * S },
		{ "2030-01-01T00:00:00.5Z", 1893456000 * S + S / 2 },
		{ "2000-02-29T12:34:56Z", 951827696 * S },
		{ "2038-01-19T03:14:08Z", 2147483648 * S },
		{ "1900-03-01T00:00:00Z", -2203891200 * S },
		{ "2262-04-11T23:47:16.854775807Z", INT64_MAX },
		{ "1677-09-21T00:12:43.145224193Z", -INT64_MAX },
		{ "@0", 0 }, { "@-0", 0 }, { "@1893456000", 1893456000 * S }, { "@1.5", S * 3 / 2 },
		{ "@-1.000000001", -S - 1 }, { "@9223372036.854775807", INT64_MAX },
		{ "@-9223372036.854775807", -INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns;

		if (vt_parse_time(cases[i].text, &ns) || ns != cases[i].ns)
			fail_msg("'%s' is not read as expected", cases[i].text);
	}
}

static void refused(const char *text, int error)
{
	int64_t ns = 12345;

	errno = 0;
	if (vt_parse_time(text, &ns) != error || errno != -error || ns != 12345)
		fail_msg("'%s' is not refused with %d", text, error);
}

static void bad_text(void **state)
{
	static const char *const bad[] = {
		"", "@", "@-", "@+1", "@ 1", "@1 ", "@1s", "@1e9", "@.5", "@1.", "@nan", "@@1",
		"@1.0000000001", "1893456000", "now", "2030", "2030-01-01", "2030-01-01T00:00Z",
		"2030-01-01T00:00:00", "2030-01-01T00:00:00z", "2030-01-01t00:00:00Z",
		"2030-01-01T00:00:00 Z", " 2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z ",
		"2030-01-01T00:00:00ZZ", "2030-01-01  00:00:00Z", "2030-00-01T00:00:00Z",
		"2030-13-01T00:00:00Z", "2030-01-00T00:00:00Z", "2030-01-32T00:00:00Z",
		"2030-04-31T00:00:00Z", "2030-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2000-02-30T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z",
		"2030-01-01T00:00:60Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00,5Z",
		"2030-01-01T00:00:00.0000000001Z", "2030-1-1T0:0:0Z", "30-01-01T00:00:00Z",
		"12030-01-01T00:00:00Z", "-2030-01-01T00:00:00Z", "+2030-01-01T00:00:00Z",
		"2030/01/01T00:00:00Z", "2030-01-01T00-00-00Z", "2030-01-01T00:00:00+1",
		"2030-01-01T00:00:00+0100", "2030-01-01T00:00:00+01", "2030-01-01T00:00:00+24:00",
		"2030-01-01T00:00:00+01:60", "2030-01-01T00:00:00+01:00Z", "2030-01-01T00:00:000Z",
		"2030-01-01T00:00:00UTC", "20300101T000000Z", "@0x10",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(bad[i], -EINVAL);
}

static void out_of_range(void **state)
{
	static const char *const bad[] = {
		"2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224192Z",
		"0000-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z",
		"2262-04-11T23:47:17-00:00", "@9223372036.854775808", "@-9223372036.854775808",
		"@9223372037", "@18446744073709551616", "@-99999999999999999999999999999999",
		"@1000000000000000000000000000000000000000000000000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(bad[i], -ERANGE);
}

/* The date that the C library makes of it. */
static void every_day(void **state)
{
	char text[64];

	(void)state;
	for (time_t day = -106750; day <= 106750; day++) {
		time_t second = day * 86400 + (time_t)rng_below(86400);
		struct tm tm;
		int64_t ns;

		gmtime_r(&second, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (vt_parse_time(text, &ns) || ns != second * S)
			fail_msg("%s is not %lld s", text, (long long)second);
	}
}

static void month_ends(void **state)
{
	static const int last[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	char text[64];

	(void)state;
	for (int month = 1; month <= 12; month++) {
		int64_t ns;

		snprintf(text, sizeof(text), "2030-%02d-%02dT00:00:00Z", month, last[month - 1]);
		assert_int_equal(vt_parse_time(text, &ns), 0);
		snprintf(text, sizeof(text), "2030-%02d-%02dT00:00:00Z", month, last[month - 1] + 1);
		refused(text, -EINVAL);
	}
}

/* Local time east of UTC is later on the face of the clock: subtracting the offset gives UTC. */
static void offsets(void **state)
{
	char text[64], date[32];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		time_t utc = rng_ns() / S / 2, ahead = (time_t)rng_below(2 * 1439 + 1) - 1439, local;
		long long fraction = (long long)rng_below(S), minutes = ahead < 0 ? -ahead : ahead;
		struct tm tm;
		int64_t ns;

		local = utc + ahead * 60;
		gmtime_r(&local, &tm);
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		snprintf(text, sizeof(text), "%s.%09lld%c%02lld:%02lld", date, fraction,
			 ahead < 0 ? '-' : '+', minutes / 60, minutes % 60);
		if (vt_parse_time(text, &ns) || ns != utc * S + fraction)
			fail_msg("%s is not %lld s", text, (long long)utc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("good wall times are read exactly", good_text),
		SENTENCE("text that is no time is refused with EINVAL", bad_text),
		SENTENCE("times beyond 292 years from 1970 are refused with ERANGE", out_of_range),
		SENTENCE("every day of the 584 years is the C library's day", every_day),
		SENTENCE("no month has a day more", month_ends),
		SENTENCE("offsets from UTC are taken off", offsets),
	};

	rng_seed();
	return cmocka_run_group_tests_name("wall_time", tests, NULL, NULL);
}
