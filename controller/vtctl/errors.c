/* SPDX-License-Identifier: MIT */
/*
 * Errors. Whatever a name given by the user contains, the message stays one line: bytes that would
 * break it are shown as \xNN.
 */
#define _GNU_SOURCE /* vasprintf */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "verbs.h"

static struct {
	const char *verb;
	bool json;
} speech;

void vtctl_speak(const char *verb, bool json)
{
	speech.verb = verb;
	speech.json = json;
}

bool vtctl_speaks_json(void)
{
	return speech.json;
}

static char *one_line(const char *message)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	for (; *message; message++)
		if ((unsigned char)*message < ' ' || *message == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*message);
		else
			fputc(*message, out);
	fclose(out);
	return line;
}

static void print_json(int status, const char *line)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "error", vtctl_json_text(line));
	json_object_object_add(o, "command", vtctl_json_text(speech.verb));
	json_object_object_add(o, "status", json_object_new_int(status));
	fprintf(stderr, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static int complain(int status, const char *format, va_list ap)
{
	char *message = NULL, *line = NULL;

	if (vasprintf(&message, format, ap) >= 0)
		line = one_line(message);
	if (!line)
		fprintf(stderr, "vtctl: out of memory\n");
	else if (speech.json)
		print_json(status, line);
	else
		fprintf(stderr, "vtctl%s%s: %s\n", speech.verb ? " " : "",
			speech.verb ? speech.verb : "", line);
	free(line);
	free(message);
	return status;
}

int vtctl_usage_error(const char *format, ...)
{
	va_list ap;
	int status;

	va_start(ap, format);
	status = complain(EXIT_USAGE, format, ap);
	va_end(ap);
	return status;
}

int vtctl_failure(const char *format, ...)
{
	va_list ap;
	int status;

	va_start(ap, format);
	status = complain(EXIT_FAILED, format, ap);
	va_end(ap);
	return status;
}

int vtctl_failure_of_vt(void)
{
	return vtctl_failure("%s", vt_message());
}

int vtctl_bad_number(const char *what, const char *text, int err, const char *legal)
{
	return vtctl_usage_error("bad %s '%s': %s; legal: %s", what, text,
				 err == -ERANGE ? "out of range" : "malformed", legal);
}
