// SPDX-License-Identifier: MIT
#include "fuzz.h"

void check(const char *text)
{
	const char *digits = text + (*text == '-');
	bool is_number = *digits && !digits[strspn(digits, "0123456789")];
	char again[16];
	pid_t pid;
	int err = vt_parse_pid(text, &pid);

	CHECK(err == 0 || ((err == -EINVAL || err == -ERANGE) && errno == -err));
	if (strlen(text) <= 32)
		CHECK((err == -EINVAL) == !is_number);
	if (err)
		return;
	CHECK(is_number && digits == text && pid >= 1 && pid <= 4194304);
	snprintf(again, sizeof(again), "%d", pid);
	CHECK(!strcmp(again, digits + strspn(digits, "0")));
}
