// SPDX-License-Identifier: MIT
/*
 * Durations as text: "10ms", "1.5s", "1m30s". Every number has its unit; units come in falling
 * order, each at most once; only the last number may have a fraction. What is not a whole number of
 * ns is refused, not rounded.
 */
#include "text.h"
#include "vt.h"

static const struct unit {
	char name[3];
	uint64_t ns;
} units[] = {
	{ "d", 86400000000000 }, { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
	{ "ms", 1000000 },	 { "us", 1000 },	 { "ns", 1 },
};

#define UNITS ((int)(sizeof(units) / sizeof(units[0])))

/* The letters up to the next number must be one unit: "ms" is not "m" and then "s". */
static int take_unit(const char **s)
{
	size_t length = 0;

	while ((*s)[length] >= 'a' && (*s)[length] <= 'z')
		length++;
	for (int i = 0; i < UNITS; i++) {
		const char *name = units[i].name;

		if (length == (name[1] ? 2 : 1) && (*s)[0] == name[0] &&
		    (!name[1] || (*s)[1] == name[1])) {
			*s += length;
			return i;
		}
	}
	return -1;
}

int vt_parse_duration(const char *text, int64_t *ns)
{
	bool minus = vt_take(&text, '-');
	int64_t sum = 0, part;
	int last = -1, range = 0;

	do {
		struct vt_decimal number;
		int unit, err;

		if (!vt_take_decimal(&text, &number))
			return vt_fail(-EINVAL);
		unit = take_unit(&text);
		if (unit <= last || (number.has_point && *text))
			return vt_fail(-EINVAL);
		last = unit;
		err = vt_decimal_scale(&number, units[unit].ns, &part);
		if (err == -EINVAL)
			return vt_fail(err);
		/* remember it, but read on: the rest may not be a duration at all */
		if (err || __builtin_add_overflow(sum, part, &sum))
			range = -ERANGE;
	} while (*text);
	if (minus || range)
		return vt_fail(-ERANGE);
	*ns = sum;
	return 0;
}

/* The largest unit in which the rounded figure is at least 1; hours and days stay seconds, which
 * are easier to compare. */
char *vt_format_duration(int64_t ns, char *buf, size_t size)
{
	uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	if (n < 1000)
		return vt_put_decimal(ns < 0, n, 0, " ns", buf, size);
	if (n < 999950)
		return vt_put_decimal(ns < 0, (n + 50) / 100, 1, " us", buf, size);
	if (n < 999950000)
		return vt_put_decimal(ns < 0, (n + 50000) / 100000, 1, " ms", buf, size);
	return vt_put_decimal(ns < 0, (n + 500000) / 1000000, 3, " s", buf, size);
}
