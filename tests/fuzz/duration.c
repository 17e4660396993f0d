// SPDX-License-Identifier: MIT
#include "fuzz.h"

void check(const char *text)
{
	char again[64];
	int64_t ns, back;
	int err = vt_parse_duration(text, &ns);

	CHECK(err == 0 || ((err == -EINVAL || err == -ERANGE) && errno == -err));
	if (err)
		return;
	CHECK(ns >= 0);
	vt_format_duration(ns, again, sizeof(again));
	CHECK(strlen(again) < 24);
	snprintf(again, sizeof(again), "%lld.%09llds", (long long)(ns / 1000000000),
		 (long long)(ns % 1000000000));
	CHECK(!vt_parse_duration(again, &back) && back == ns);
}
