// SPDX-License-Identifier: MIT
#include "fuzz.h"

void check(const char *text)
{
	char again[64];
	uint64_t rate, back;
	int err = vt_parse_tdf(text, &rate);

	CHECK(err == 0 || ((err == -EINVAL || err == -ERANGE) && errno == -err));
	if (err)
		return;
	CHECK(rate >= VT_RATE_MIN && rate <= VT_RATE_MAX);
	vt_format_tdf(rate, again, sizeof(again));
	CHECK(!vt_parse_tdf(again, &back) && back == rate);
}
