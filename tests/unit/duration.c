// SPDX-License-Identifier: MIT
#include <errno.h>

#include "unit.h"

#define S 1000000000LL

static void good_text(void **state)
{
	static const struct { const char *text; int64_t ns; } cases[] = {
		{ "0s", 0 }, { "3ns", 3 }, { "250us", 250000 }, { "10ms", 10000000 }, { "2s", 2 * S },
		{ "2m", 120 * S }, { "2h", 7200 * S }, { "1d", 86400 * S }, { "1m30s", 90 * S },
		{ "1.5s", S * 3 / 2 }, { "1h0m0.000000001s", 3600 * S + 1 }, { "1.0ns", 1 },
		{ "0.001us", 1 }, { "1s1ms1us1ns", S + 1001001 }, { "007s", 7 * S },
		{ "0.0000000000625d", 5400 },
		{ "9223372036854775807ns", INT64_MAX },
		{ "9223372036.854775807s", INT64_MAX },
		{ "106751d23h47m16s854ms775us807ns", INT64_MAX },
		{ "0.50000000000000000000000000000000000000000000000000s", S / 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = -1;

		if (vt_parse_duration(cases[i].text, &ns) || ns != cases[i].ns)
			fail_msg("'%s' is not read as expected", cases[i].text);
	}
}

static void refused(const char *text, int error)
{
	int64_t ns = 12345;

	errno = 0;
	if (vt_parse_duration(text, &ns) != error || errno != -error || ns != 12345)
		fail_msg("'%s' is not refused with %d", text, error);
}

static void bad_text(void **state)
{
	static const char *const bad[] = {
		"", "0", "1", "1.5", "s", "ms", " 1s", "1s ", "1 s", "1S", "1MS", "1sec", "1min",
		"1x", "1sx", "1s1", "1s,1ms", "+1s", "--1s", "-", "-1", ".5s", "5.s", "1e3s", "0x1s",
		"1,5s", "1.5m30s", "30s1m", "1s1s", "1ms1m", "1s-1ms", "1.5ns", "0.0000000001s", "0.00000000000000625d",
		"1ss", "1mss", "1mx", "1nx", "1uz", "1sz", "1m`", "1ns{", "infs", "nans", "1\xc2\xb5s", "1s\n", "1/2s", "1s2ns3us",
		"9223372036854775808ns1", "-1s1",
		"1.000000000000000000000000000000001s",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(bad[i], -EINVAL);
}

static void out_of_range(void **state)
{
	static const char *const bad[] = {
		"-1s", "-0s", "-1m30s", "9223372036854775808ns", "9223372036.854775808s",
		"106752d", "106751d24h", "18446744073709551616ns", "340282366920938463463374607431s",
		"10000000000000000000000000000000000000000000000000000000000000000d",
		"9223372036854775807us", "100000000000000000000d",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(bad[i], -ERANGE);
}

static void written_for_people(void **state)
{
	static const struct { int64_t ns; const char *text; } cases[] = {
		{ 0, "0 ns" }, { 1, "1 ns" }, { 999, "999 ns" }, { 1000, "1.0 us" },
		{ 12345, "12.3 us" }, { 999949, "999.9 us" }, { 999950, "1.0 ms" },
		{ 999949999, "999.9 ms" }, { 999950000, "1.000 s" }, { 1500 * 1000000LL, "1.500 s" },
		{ 59999500000, "60.000 s" }, { -12345, "-12.3 us" }, { -S, "-1.000 s" },
		{ INT64_MAX, "9223372036.855 s" }, { INT64_MIN, "-9223372036.855 s" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(vt_format_duration(cases[i].ns, text, sizeof(text)),
				    cases[i].text);
	assert_string_equal(vt_format_duration(S, text, 4), "1.0");
}

/* Any split over the units adds up. */
static void random_sums(void **state)
{
	static const char *const names[] = { "d", "h", "m", "s", "ms", "us", "ns" };
	static const int64_t units[] = { 86400 * S, 3600 * S, 60 * S, S, 1000000, 1000, 1 };
	char text[256];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t left = rng_ns(), total, back;
		size_t at = 0, units_used = 1 + rng_below(COUNT(units));

		left = left < 0 ? -left : left;
		total = left;
		for (size_t u = COUNT(units) - units_used; u < COUNT(units); u++) {
			int64_t n = left / units[u];

			if (!rng_below(3) && u + 1 < COUNT(units))
				continue;
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%lld%s", (long long)n,
					       names[u]);
			left -= n * units[u];
		}
		assert_int_equal(vt_parse_duration(text, &back), 0);
		assert_int_equal(back, total);
		snprintf(text, sizeof(text), "%lld.%09llds", (long long)(total / S),
			 (long long)(total % S));
		assert_int_equal(vt_parse_duration(text, &back), 0);
		assert_int_equal(back, total);
	}
}

/* Never further from the figure than half its last digit. */
static void written_to_nearest(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t ns = rng_ns();
		char *unit;
		long double figure, half;

		vt_format_duration(ns, text, sizeof(text));
		figure = strtold(text, &unit);
		half = !strcmp(unit, " ns") ? 0 : !strcmp(unit, " us") ? 50 : !strcmp(unit, " ms") ?
			50000 : 500000;
		figure *= half == 0 ? 1 : half == 50 ? 1000 : half == 50000 ? 1000000 : 1000000000;
		if (figure - ns > half + 0.5L || ns - figure > half + 0.5L)
			fail_msg("%lld ns is written as %s", (long long)ns, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("good durations are read exactly", good_text),
		SENTENCE("text that is no duration is refused with EINVAL", bad_text),
		SENTENCE("negative and too long durations are refused with ERANGE", out_of_range),
		SENTENCE("any split over the units adds up", random_sums),
		SENTENCE("durations are written for people", written_for_people),
		SENTENCE("a written duration is off by half its last digit at most",
			 written_to_nearest),
	};

	rng_seed();
	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
