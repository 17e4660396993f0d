// SPDX-License-Identifier: MIT
#include <time.h>

#include "fuzz.h"

void check(const char *text)
{
	char date[32], again[64];
	int64_t ns, back;
	time_t second;
	long fraction;
	struct tm tm;
	int err = vt_parse_time(text, &ns);

	CHECK(err == 0 || ((err == -EINVAL || err == -ERANGE) && errno == -err));
	if (err)
		return;
	CHECK(ns >= -INT64_MAX);
	fraction = (long)((ns % 1000000000 + 1000000000) % 1000000000);
	second = ns / 1000000000 - (ns < 0 && fraction);
	gmtime_r(&second, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(again, sizeof(again), "%s.%09ldZ", date, fraction);
	CHECK(!vt_parse_time(again, &back) && back == ns);
}
