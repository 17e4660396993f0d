/* SPDX-License-Identifier: MIT */
/*
 * The one strict reader behind all parsers of vt.h.
 *
 * A cursor walks over NUL-terminated text; each vt_take_… moves it over what it accepts or leaves
 * it alone. A parser takes the parts of its grammar and then demands the end, so that nothing is
 * accepted in part. Digits are ASCII; no locale, no blanks, no plus sign, no base prefix.
 *
 * -EINVAL means "this is not such a text", -ERANGE "this is one, but the number is not allowed". A
 * minus sign in front of a good number is the second: the number is understood.
 */
#ifndef VT_CORE_TEXT_H
#define VT_CORE_TEXT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 vt_u128;

/* More significant digits than any rate or duration needs, and few enough that products by the
 * powers of ten that are met stay below 2^127. */
#define VT_DIGITS_MAX 32

/* The exact value digits * 10^exponent. Digits has no trailing zero, except that 0 is 0 * 10^0. */
struct vt_decimal {
	vt_u128 digits;
	int exponent;
	bool has_point;
};

/* vt.h: negative errno returned and errno set. */
static inline int vt_fail(int negative_errno)
{
	errno = -negative_errno;
	return negative_errno;
}

static inline bool vt_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool vt_take(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

/* Exactly count digits, no more: fields of a date. */
bool vt_take_field(const char **s, int count, int *out);

/* DIGITS[.DIGITS], at least one digit on each side of the point. */
bool vt_take_decimal(const char **s, struct vt_decimal *out);

/* 10^n for 0 <= n <= 38. */
vt_u128 vt_pow10(int n);

/* d * unit as an exact whole number up to INT64_MAX. -EINVAL if it is not whole, -ERANGE. */
int vt_decimal_scale(const struct vt_decimal *d, uint64_t unit, int64_t *out);

/* Write value / 10^decimals and then suffix, cut to size as snprintf does. Returns buf. */
char *vt_put_decimal(bool minus, vt_u128 value, int decimals, const char *suffix, char *buf,
		     size_t size);

#endif
