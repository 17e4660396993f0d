// SPDX-License-Identifier: MIT
/* The last failure of each thread, as one line: what failed, 'subject', reason. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib.h"

static __thread char message[4096 + 256];

const char *vt_message(void)
{
	return message;
}

/* A subject may hold anything that a file name may: keep the message on one line. */
static void flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

int vt_error_text(int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	flatten(message);
	errno = error;
	return -error;
}

int vt_error(int error, const char *what, const char *subject, const char *reason)
{
	if (!reason)
		reason = strerror(error);
	if (!subject)
		return vt_error_text(error, "%s: %s", what, reason);
	return vt_error_text(error, "%s '%s': %s", what, subject, reason);
}

int vt_error_errno(const char *what, const char *subject)
{
	return vt_error(errno == EACCES ? EPERM : errno, what, subject, NULL);
}

int vt_error_no_cgroup2(void)
{
	return vt_error(ENOTSUP, "cannot find cgroup v2", NULL,
			"not mounted, try: mount -t cgroup2 none /sys/fs/cgroup");
}

int vt_error_no_bpffs(void)
{
	return vt_error(ENOENT, "cannot find bpffs", NULL,
			"not mounted, try: mount -t bpf bpf /sys/fs/bpf");
}

int vt_error_not_loaded(void)
{
	return vt_error(ENOENT, "cannot find the BPF programs", NULL,
			"not loaded, try: vtctl load");
}

int vt_error_unloaded(const char *what)
{
	return vt_error(ENODEV, what, NULL, "the BPF programs have been unloaded");
}

int vt_error_stale(const char *dir, unsigned int layout)
{
	return vt_error_text(ESTALE, "cannot use the pins in '%s': layout %u, this program needs "
			     "%u, try: vtctl unload, vtctl load", dir, layout, VT_LAYOUT_VERSION);
}
