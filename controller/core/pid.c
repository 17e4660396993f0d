// SPDX-License-Identifier: MIT
#include "text.h"
#include "vt.h"

#define PID_MAX 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

int vt_parse_pid(const char *text, pid_t *pid)
{
	bool minus = vt_take(&text, '-');
	struct vt_decimal number;
	int64_t value;

	if (!vt_take_decimal(&text, &number) || number.has_point || *text)
		return vt_fail(-EINVAL);
	if (minus || vt_decimal_scale(&number, 1, &value) || value < 1 || value > PID_MAX)
		return vt_fail(-ERANGE);
	*pid = (pid_t)value;
	return 0;
}
