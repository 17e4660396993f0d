// SPDX-License-Identifier: MIT
/*
 * Rates and time dilation factors as text: a decimal with an optional exponent ("0.5", "1e-3") or
 * a fraction of whole numbers ("1/3"), at most 32 significant digits.
 *
 * Text is an exact ratio a/b * 10^x. It becomes the nearest fixed point value by long division in
 * base 2, which needs no room beyond the ratio itself. The legal range is that of the fixed point
 * value: 0.001 lies just above VT_RATE_MIN and rounds away from it.
 */
#include <stdio.h>

#include "text.h"
#include "vt.h"

struct ratio {
	vt_u128 num, den; /* below 2^126 */
};

/* Round num / den * 2^54 to nearest. */
static uint64_t to_fixed(struct ratio q)
{
	vt_u128 fixed = q.num / q.den, rest = q.num % q.den;

	if (fixed > UINT64_MAX >> VT_RATE_SHIFT)
		return UINT64_MAX;
	for (int bit = 0; bit < VT_RATE_SHIFT; bit++) {
		rest <<= 1;
		fixed = fixed << 1 | (rest >= q.den);
		rest -= rest >= q.den ? q.den : 0;
	}
	fixed += 2 * rest >= q.den;
	return fixed > UINT64_MAX ? UINT64_MAX : (uint64_t)fixed;
}

static int count_digits(vt_u128 n)
{
	int count = 1;

	while (n /= 10)
		count++;
	return count;
}

/* a/b * 10^x; refuses what is far out of range, so that the rest fits. */
static int to_ratio(vt_u128 a, vt_u128 b, int x, struct ratio *q)
{
	int magnitude = count_digits(a) - count_digits(b) + x;

	if (!a || magnitude < -4 || magnitude > 5)
		return -ERANGE;
	q->num = a * vt_pow10(x > 0 ? x : 0);
	q->den = b * vt_pow10(x < 0 ? -x : 0);
	return 0;
}

/* [+-]DIGITS; an absurd one is cut to what is out of range all the same. */
static bool take_exponent(const char **s, int *exponent)
{
	bool minus = vt_take(s, '-');
	int value = 0;

	if (!minus)
		vt_take(s, '+');
	if (!vt_is_digit(**s))
		return false;
	for (; vt_is_digit(**s); ++*s)
		value = value < 100000000 ? value * 10 + (**s - '0') : value;
	*exponent += minus ? -value : value;
	return true;
}

static int parse_ratio(const char *s, struct ratio *q)
{
	struct vt_decimal a, b = { .digits = 1 };
	bool minus = vt_take(&s, '-');

	if (!vt_take_decimal(&s, &a))
		return -EINVAL;
	if (vt_take(&s, '/')) {
		if (!vt_take_decimal(&s, &b) || a.has_point || b.has_point || !b.digits)
			return -EINVAL;
	} else if (*s == 'e' || *s == 'E') {
		s++;
		if (!take_exponent(&s, &a.exponent))
			return -EINVAL;
	}
	if (*s)
		return -EINVAL;
	return minus ? -ERANGE : to_ratio(a.digits, b.digits, a.exponent - b.exponent, q);
}

static int parse(const char *text, bool inverse, uint64_t *rate)
{
	struct ratio q;
	int err = parse_ratio(text, &q);
	uint64_t fixed;

	if (err)
		return vt_fail(err);
	fixed = to_fixed(inverse ? (struct ratio){ q.den, q.num } : q);
	if (fixed < VT_RATE_MIN || fixed > VT_RATE_MAX)
		return vt_fail(-ERANGE);
	*rate = fixed;
	return 0;
}

int vt_parse_rate(const char *text, uint64_t *rate)
{
	return parse(text, false, rate);
}

int vt_parse_tdf(const char *text, uint64_t *rate)
{
	return parse(text, true, rate);
}

/* Long division in base 10, until the digits so far, cut or rounded up, name this rate alone. */
static char *format(struct ratio q, bool inverse, uint64_t rate, char *buf, size_t size)
{
	vt_u128 digits = q.num / q.den, rest = q.num % q.den, one = 1;

	for (int decimals = 0;; decimals++) {
		bool up = 2 * rest >= q.den;

		for (int other = 0; other < 2; other++, up = !up) {
			vt_u128 near = digits + up;
			struct ratio r = inverse ? (struct ratio){ one, near }
						 : (struct ratio){ near, one };

			if (r.den && to_fixed(r) == rate)
				return vt_put_decimal(false, near, decimals, "", buf, size);
		}
		rest *= 10;
		digits = digits * 10 + rest / q.den;
		rest %= q.den;
		one *= 10;
	}
}

char *vt_format_rate(uint64_t rate, char *buf, size_t size)
{
	return format((struct ratio){ rate, VT_RATE_ONE }, false, rate, buf, size);
}

char *vt_format_tdf(uint64_t rate, char *buf, size_t size)
{
	if (!rate) {
		snprintf(buf, size, "inf");
		return buf;
	}
	return format((struct ratio){ VT_RATE_ONE, rate }, true, rate, buf, size);
}
