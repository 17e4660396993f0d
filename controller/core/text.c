// SPDX-License-Identifier: MIT
#include "text.h"

bool vt_take_field(const char **s, int count, int *out)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!vt_is_digit((*s)[i]))
			return false;
		value = value * 10 + ((*s)[i] - '0');
	}
	if (vt_is_digit((*s)[count]))
		return false;
	*s += count;
	*out = value;
	return true;
}

/* Zeros behind the last significant digit go into the exponent, so that 1, 1.0 and 1.000 are one
 * value and any number of zeros may be written. */
static bool take_digits(const char **s, struct vt_decimal *d, int *zeros, bool fraction)
{
	if (!vt_is_digit(**s))
		return false;
	for (; vt_is_digit(**s); ++*s) {
		d->exponent -= fraction;
		++*zeros;
		if (**s == '0')
			continue;
		for (; *zeros; --*zeros) {
			if (d->digits >= vt_pow10(VT_DIGITS_MAX - 1))
				return false;
			d->digits *= 10;
		}
		d->digits += (unsigned int)(**s - '0');
	}
	return true;
}

bool vt_take_decimal(const char **s, struct vt_decimal *out)
{
	struct vt_decimal d = { 0 };
	int zeros = 0;

	if (!take_digits(s, &d, &zeros, false))
		return false;
	d.has_point = vt_take(s, '.');
	if (d.has_point && !take_digits(s, &d, &zeros, true))
		return false;
	d.exponent = d.digits ? d.exponent + zeros : 0;
	*out = d;
	return true;
}

vt_u128 vt_pow10(int n)
{
	vt_u128 p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

int vt_decimal_scale(const struct vt_decimal *d, uint64_t unit, int64_t *out)
{
	vt_u128 tens;

	/* No unit has more than 16 factors 2 or 5 to offer to a fraction without trailing zeros. */
	if (d->exponent < -16)
		return -EINVAL;
	if (d->exponent > 18)
		return -ERANGE;
	if (d->exponent >= 0) {
		tens = vt_pow10(d->exponent);
		if (d->digits > (vt_u128)INT64_MAX / tens / unit)
			return -ERANGE;
		*out = (int64_t)(d->digits * tens * unit);
		return 0;
	}
	tens = vt_pow10(-d->exponent);
	if (d->digits > INT64_MAX * tens / unit)
		return -ERANGE;
	if (d->digits * unit % tens)
		return -EINVAL;
	*out = (int64_t)(d->digits * unit / tens);
	return 0;
}

char *vt_put_decimal(bool minus, vt_u128 value, int decimals, const char *suffix, char *buf,
		     size_t size)
{
	char reversed[64];
	int n = 0;
	size_t at = 0;

	do {
		reversed[n++] = (char)('0' + (int)(value % 10));
		value /= 10;
		if (n == decimals)
			reversed[n++] = '.';
	} while (value || n <= decimals || reversed[n - 1] == '.');
	if (minus)
		reversed[n++] = '-';
	if (!size)
		return buf;
	while (n && at + 1 < size)
		buf[at++] = reversed[--n];
	while (*suffix && at + 1 < size)
		buf[at++] = *suffix++;
	buf[at] = '\0';
	return buf;
}
