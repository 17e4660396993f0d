// SPDX-License-Identifier: MIT
#include <errno.h>

#include "exact.h"
#include "unit.h"

typedef int parse_fn(const char *text, uint64_t *rate);

static void good_text(void **state)
{
	/* from exact fractions, rounded to nearest */
	static const struct { const char *text; uint64_t rate, inverse; } cases[] = {
		{ "1", VT_RATE_ONE, VT_RATE_ONE },
		{ "1.000", VT_RATE_ONE, VT_RATE_ONE },
		{ "0.5", VT_RATE_ONE / 2, VT_RATE_ONE * 2 },
		{ "2", VT_RATE_ONE * 2, VT_RATE_ONE / 2 },
		{ "0.001", 18014398509482, VT_RATE_MAX },
		{ "1e-3", 18014398509482, VT_RATE_MAX },
		{ "1/1000", 18014398509482, VT_RATE_MAX },
		{ "1000", VT_RATE_MAX, 18014398509482 },
		{ "1e3", VT_RATE_MAX, 18014398509482 },
		{ "1E+3", VT_RATE_MAX, 18014398509482 },
		{ "100000e-2", VT_RATE_MAX, 18014398509482 },
		{ "0.1", 1801439850948198, 180143985094819840 },
		{ "0.3", 5404319552844595, 60047995031606613 },
		{ "1/3", 6004799503160661, 54043195528445952 },
		{ "1/7", 2573485501354569, 126100789566373888 },
		{ "2/3", 12009599006321323, 27021597764222976 },
		{ "999.999", 18014380495083474518U, 18014416523899 },
		{ "3.14159265358979323846264338", 56593902016227522, 5734161139222659 },
		{ "0.0078125", VT_RATE_ONE / 128, VT_RATE_ONE * 128 },
		{ "22/7", 56616681029800521, 5731854071198813 },
		{ "22000000000000000000000000000000000000000000/7000000000000000000000000000"
		  "000000000000000", 56616681029800521, 5731854071198813 },
		{ "0.0000000000000000000000000000000000000000000000002e49", VT_RATE_ONE * 2,
		  VT_RATE_ONE / 2 },
		/* 1 + 2^-55, a tie: up */
		{ "36028797018963969/36028797018963968", VT_RATE_ONE + 1, VT_RATE_ONE },
		{ "0001.5", 27021597764222976, 12009599006321323 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t rate, inverse;

		if (vt_parse_rate(cases[i].text, &rate) || rate != cases[i].rate ||
		    vt_parse_tdf(cases[i].text, &inverse) || inverse != cases[i].inverse)
			fail_msg("'%s' is not read as expected", cases[i].text);
	}
}

static void refused(parse_fn *parse, const char *text, int error)
{
	uint64_t rate = 12345;

	errno = 0;
	if (parse(text, &rate) != error || errno != -error || rate != 12345)
		fail_msg("'%s' is not refused with %d", text, error);
}

static void bad_text(void **state)
{
	static const char *const bad[] = {
		"", " ", " 2", "2 ", "2x", "x2", "+2", "--2", "-", "-x", "0x10", "1,5", ".5", "5.",
		".", "1..2", "1.2.3", "nan", "NaN", "-nan", "inf", "-inf", "infinity", "1e", "1e+",
		"1e-", "1e1.5", "1e 1", "e1", "1e1e1", "1/0", "0/0", "/2", "1/", "1//2", "1/2/3",
		"1.5/2", "1/2.5", "1/-2", "1/+2", "1e1/2", "1/2e1", "1 / 2", "1/3x", "2\n", "2%",
		"1_000", "1'000", "\xd9\xa1", "2\xc2\xa0",
		"1.00000000000000000000000000000001", /* 33 digits */
		"333333333333333333333333333333333/1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		refused(vt_parse_rate, bad[i], -EINVAL);
		refused(vt_parse_tdf, bad[i], -EINVAL);
	}
}

static void out_of_range(void **state)
{
	static const char *const bad[] = {
		"0", "0.0", "-0", "0/5", "0e9", "-1", "-0.5", "-1/2", "-1e9", "1e9", "1001",
		"1000.001", "1000.0001", "0.0009", "0.0009999", "1/1001", "1001/1", "1e-4",
		"1e99999999999999999999", "1e-99999999999999999999", "18446744073709551616",
		"99999999999999999999999999999999", "1/99999999999999999999999999999999",
		"99999999999999999999999999999999/1",
		"10000000000000000000000000000000000000000000000000000000000000000000000000000",
		"0.00000000000000000000000000000000000000000000000000000000000000000000000001",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		refused(vt_parse_rate, bad[i], -ERANGE);
		refused(vt_parse_tdf, bad[i], -ERANGE);
	}
}

static void limits(void **state)
{
	uint64_t rate;

	(void)state;
	/* VT_RATE_MIN is rounded down, so a text just below 0.001 still names it */
	assert_int_equal(vt_parse_rate("0.00099999999999994549", &rate), 0);
	assert_int_equal(rate, VT_RATE_MIN);
	refused(vt_parse_rate, "0.0009999999999998", -ERANGE);
	/* nearest to 1000 from above, and the next one */
	assert_int_equal(vt_parse_rate("1000.00000000000000002", &rate), 0);
	assert_int_equal(rate, VT_RATE_MAX);
	refused(vt_parse_rate, "1000.00000000000000004", -ERANGE);
	assert_int_equal(vt_parse_tdf("1000", &rate), 0);
	assert_int_equal(vt_parse_tdf("0.001", &rate), 0);
	assert_int_equal(rate, VT_RATE_MAX);
}

/* Whether rate is the nearest to num/den: |num * 2^54 - rate * den| * 2 <= den. */
static bool is_nearest(uint64_t rate, uint64_t num, uint64_t den)
{
	struct exact twice = exact_mul(exact_fixed(num), exact(2));
	struct exact low = exact_mul(exact_mul(exact(rate), exact(2)), exact(den));
	struct exact d = exact(den);

	return !exact_less(exact_add(low, d), twice) && !exact_less(exact_add(twice, d), low);
}

static uint64_t power_of_ten(int n)
{
	uint64_t power = 1;

	while (n-- > 0)
		power *= 10;
	return power;
}

static void random_text_is_rounded_to_nearest(void **state)
{
	char text[80];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t den = 1 + (rng() >> rng_below(63)), num = 1 + (rng() >> rng_below(63));
		uint64_t rate;
		int decimals = (int)rng_below(20), err;

		if (i & 1) {
			den = power_of_ten(decimals);
			snprintf(text, sizeof(text), "%llue-%d", (unsigned long long)num, decimals);
		} else {
			snprintf(text, sizeof(text), "%llu/%llu", (unsigned long long)num,
				 (unsigned long long)den);
		}
		err = vt_parse_rate(text, &rate);
		if (!err && !is_nearest(rate, num, den))
			fail_msg("%s is not nearest", text);
		if (err && num / den >= 1 && num / den < 1000)
			fail_msg("%s is refused", text);
		err = vt_parse_tdf(text, &rate);
		if (!err && !is_nearest(rate, den, num))
			fail_msg("TDF %s is not nearest", text);
	}
}

/* text without its last decimal, rounded down (up = 0) or up, as text / 10^n in exponent form */
static bool shorter(const char *text, int up, char *out, size_t size)
{
	const char *point = strchr(text, '.');
	unsigned __int128 digits = 0;
	int decimals;

	if (!point)
		return false;
	decimals = (int)strlen(point + 1) - 1;
	for (const char *s = text; s[1]; s++)
		if (*s != '.')
			digits = digits * 10 + (unsigned int)(*s - '0');
	digits += (unsigned int)up;
	snprintf(out, size, "%llu%018llue-%d", (unsigned long long)(digits / 1000000000000000000),
		 (unsigned long long)(digits % 1000000000000000000), decimals);
	return true;
}

static void round_trip(parse_fn *parse, char *(*format)(uint64_t, char *, size_t), uint64_t rate)
{
	char text[64], less[64];
	uint64_t back;

	assert_ptr_equal(format(rate, text, sizeof(text)), text);
	if (parse(text, &back) || back != rate)
		fail_msg("%llu is written as %s", (unsigned long long)rate, text);
	for (int up = 0; up < 2; up++)
		if (shorter(text, up, less, sizeof(less)) && !parse(less, &back) && back == rate)
			fail_msg("%s is not the shortest, %s is", text, less);
}

static void round_trips(void **state)
{
	(void)state;
	for (int i = 0; i < 50000; i++) {
		uint64_t rate = i == 0 ? VT_RATE_MIN : i == 1 ? VT_RATE_MAX : rng_rate();

		round_trip(vt_parse_rate, vt_format_rate, rate);
		round_trip(vt_parse_tdf, vt_format_tdf, rate);
	}
}

static void writes(uint64_t rate, const char *as_rate, const char *as_tdf)
{
	char text[64];

	assert_string_equal(vt_format_rate(rate, text, sizeof(text)), as_rate);
	assert_string_equal(vt_format_tdf(rate, text, sizeof(text)), as_tdf);
}

static void written_as_people_write_them(void **state)
{
	char text[4];

	(void)state;
	writes(VT_RATE_ONE, "1", "1");
	writes(VT_RATE_ONE / 2, "0.5", "2");
	writes(VT_RATE_ONE * 10, "10", "0.1");
	writes(VT_RATE_MAX, "1000", "0.001");
	writes(18014398509482, "0.001", "1000");
	writes(1801439850948198, "0.1", "10");
	writes(6004799503160661, "0.3333333333333333", "3");
	writes(0, "0", "inf");
	assert_string_equal(vt_format_rate(VT_RATE_ONE / 8, text, sizeof(text)), "0.1");
	assert_string_equal(vt_format_rate(VT_RATE_ONE / 8, text, 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("good rates and factors are read to the nearest fixed point", good_text),
		SENTENCE("text that is no number is refused with EINVAL", bad_text),
		SENTENCE("numbers outside 0.001 to 1000 are refused with ERANGE", out_of_range),
		SENTENCE("both limits are legal and their neighbours outside are not", limits),
		SENTENCE("random numbers are rounded to nearest",
			 random_text_is_rounded_to_nearest),
		SENTENCE("every rate is written as its shortest decimal and read back", round_trips),
		SENTENCE("plain rates are written plainly", written_as_people_write_them),
	};

	rng_seed();
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
