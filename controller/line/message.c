// SPDX-License-Identifier: MIT
/* What went wrong with a line, in one line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

static char message[512] = "nothing has failed";

const char *vt_line_message(void)
{
	return message;
}

int vt_line_error(int error, const struct vt_line_spec *spec, const char *reason)
{
	snprintf(message, sizeof(message), "cannot open line '%.200s' of chip '%.100s': %.150s",
		 spec->line, spec->chip, reason ? reason : strerror(error));
	return -error;
}

int vt_line_error_busy(const struct vt_line_spec *spec, const char *consumer)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "line busy (consumer '%.64s')",
		 consumer && *consumer ? consumer : "unknown");
	return vt_line_error(EBUSY, spec, reason);
}

int vt_line_error_request(int error, const struct vt_line_spec *spec, bool is_input,
			  const char *consumer)
{
	if (error == EBUSY)
		return vt_line_error_busy(spec, consumer);
	if (is_input && (error == ENXIO || error == EOPNOTSUPP || error == 524)) /* ENOTSUPP */
		return vt_line_error(EOPNOTSUPP, spec, "it has no edges (no interrupt)");
	return vt_line_error(error, spec, NULL);
}

bool vt_line_is_offset(const char *text, unsigned int *offset)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*end || errno || n > 65535)
		return false;
	*offset = (unsigned int)n;
	return true;
}
