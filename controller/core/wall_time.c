// SPDX-License-Identifier: MIT
/*
 * Wall times as text: "2030-01-01T00:00:00Z" (also a blank for the T, a fraction of the second,
 * ±hh:mm for the Z) or "@SECONDS[.FRACTION]" since 1970. The zone is needed: a time without one
 * would mean different instants on different machines. Every day has 86400 seconds, as everywhere
 * in Unix: 23:59:60 is refused. Legal are the instants within INT64_MAX ns (292 years) of 1970.
 */
#include "text.h"
#include "vt.h"

#define NS_PER_S 1000000000

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
	static const signed char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* days_from_civil of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms", for years
 * after 0, as year 0 is out of range in any case: count from 1 March, so that the leap day is the
 * last of its year. */
static int days_since_1970(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = y / 400;
	int year_of_era = y - era * 400;
	int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static bool take_date(const char **s, int *days)
{
	int year, month, day;

	if (!vt_take_field(s, 4, &year) || !vt_take(s, '-') || !vt_take_field(s, 2, &month) ||
	    !vt_take(s, '-') || !vt_take_field(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*days = days_since_1970(year, month, day);
	return true;
}

static bool take_hour_minute(const char **s, int *minutes)
{
	int hour, minute;

	if (!vt_take_field(s, 2, &hour) || !vt_take(s, ':') || !vt_take_field(s, 2, &minute))
		return false;
	*minutes = hour * 60 + minute;
	return hour < 24 && minute < 60;
}

/* ss[.fraction], in ns */
static bool take_second(const char **s, int64_t *ns)
{
	struct vt_decimal second;
	const char *copy = *s;
	int whole;

	return vt_take_field(&copy, 2, &whole) && whole < 60 && vt_take_decimal(s, &second) &&
	       !vt_decimal_scale(&second, NS_PER_S, ns);
}

/* Z or ±hh:mm, as minutes ahead of UTC */
static bool take_zone(const char **s, int *minutes)
{
	bool west = **s == '-';

	*minutes = 0;
	if (vt_take(s, 'Z'))
		return true;
	if (!vt_take(s, west ? '-' : '+') || !take_hour_minute(s, minutes))
		return false;
	*minutes = west ? -*minutes : *minutes;
	return true;
}

static int parse_iso(const char *s, int64_t *ns)
{
	int days, minutes, ahead;
	int64_t second_ns;
	__int128 sum;

	if (!take_date(&s, &days) || !(vt_take(&s, 'T') || vt_take(&s, ' ')) ||
	    !take_hour_minute(&s, &minutes) || !vt_take(&s, ':') || !take_second(&s, &second_ns) ||
	    !take_zone(&s, &ahead) || *s)
		return -EINVAL;
	sum = ((__int128)days * 1440 + minutes - ahead) * 60 * NS_PER_S + second_ns;
	if (sum > INT64_MAX || sum < -INT64_MAX)
		return -ERANGE;
	*ns = (int64_t)sum;
	return 0;
}

static int parse_seconds(const char *s, int64_t *ns)
{
	bool minus = vt_take(&s, '-');
	struct vt_decimal seconds;
	int64_t value;
	int err;

	if (!vt_take_decimal(&s, &seconds) || *s)
		return -EINVAL;
	err = vt_decimal_scale(&seconds, NS_PER_S, &value);
	if (!err)
		*ns = minus ? -value : value;
	return err;
}

int vt_parse_time(const char *text, int64_t *ns_since_1970)
{
	int err = vt_take(&text, '@') ? parse_seconds(text, ns_since_1970)
				      : parse_iso(text, ns_since_1970);

	return err ? vt_fail(err) : 0;
}
