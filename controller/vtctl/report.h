/* SPDX-License-Identifier: MIT */
/*
 * What vtctl says: errors in one line, and records. A record is a C struct with a table that
 * describes its fields; text and JSON are two readings of the same table.
 */
#ifndef VTCTL_REPORT_H
#define VTCTL_REPORT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- errors: one line on stderr, with -j as an object {"error", "command", "status"} ----------- */

/* Set once, before anything is said. */
void vtctl_speak(const char *verb, bool json);
bool vtctl_speaks_json(void);

/* Each returns the exit status that goes with it. */
__attribute__((format(printf, 1, 2))) int vtctl_usage_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) int vtctl_failure(const char *format, ...);
/* What libvt said about the last call that failed. */
int vtctl_failure_of_vt(void);
int vtctl_bad_number(const char *what, const char *text, int err, const char *legal);

/* A string of JSON; null for NULL. Bytes that are no UTF-8 are replaced. */
struct json_object *vtctl_json_text(const char *text);

/* ---- records ------------------------------------------------------------------------------- */

enum vtctl_kind {
	KIND_TEXT,     /* const char *; NULL is null, and nothing in text */
	KIND_NUMBER,   /* char[], a decimal number */
	KIND_COUNT,    /* uint64_t */
	KIND_PID,      /* pid_t */
	KIND_FLAG,     /* bool */
	KIND_DURATION, /* int64_t, ns */
	KIND_INSTANT,  /* int64_t, ns of a clock; 0 in text is "never" */
	KIND_ROWS,     /* struct vtctl_rows */
};

struct vtctl_field {
	const char *key;    /* in JSON; a unit is part of it */
	const char *label;  /* in text, one line per field; NULL: not shown */
	const char *column; /* in text, one line per record; NULL: not shown */
	enum vtctl_kind kind;
	size_t offset;
};

struct vtctl_table {
	size_t size; /* of a record */
	const struct vtctl_field *fields; /* the last has no key */
};

struct vtctl_rows {
	const struct vtctl_table *table;
	const void *items;
	int count;
};

/* One record: an object, or a line per field. */
void vtctl_print_record(const struct vtctl_table *table, const void *record);
/* Many: an array, or a line per record below a line of titles. */
void vtctl_print_rows(const struct vtctl_rows *rows);
/* Many: an array, or the lines of each record with an empty line between them. */
void vtctl_print_records(const struct vtctl_rows *rows);

#endif /* VTCTL_REPORT_H */
