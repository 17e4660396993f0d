/* SPDX-License-Identifier: MIT */
/* Records, as text and as JSON, from one description. */
#define _GNU_SOURCE /* open_memstream */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "vt.h"

static const void *at(const void *record, const struct vtctl_field *f)
{
	return (const char *)record + f->offset;
}

static const void *row(const struct vtctl_rows *rows, int i)
{
	return (const char *)rows->items + (size_t)i * rows->table->size;
}

/* The kernel's __u64 and C's uint64_t are not always the same type. */
static uint64_t count_at(const void *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static struct json_object *array_of(const struct vtctl_rows *rows);

static struct json_object *json_of(const struct vtctl_field *f, const void *p)
{
	switch (f->kind) {
	case KIND_TEXT:
		return vtctl_json_text(*(const char *const *)p);
	case KIND_NUMBER:
		return json_object_new_double_s(strtod(p, NULL), p);
	case KIND_COUNT:
		return json_object_new_uint64(count_at(p));
	case KIND_PID:
		return json_object_new_int(*(const pid_t *)p);
	case KIND_FLAG:
		return json_object_new_boolean(*(const bool *)p);
	case KIND_DURATION:
	case KIND_INSTANT:
		return json_object_new_int64(*(const int64_t *)p);
	case KIND_ROWS:
		return array_of(p);
	}
	return NULL;
}

static struct json_object *object_of(const struct vtctl_table *table, const void *record)
{
	struct json_object *o = json_object_new_object();
	const struct vtctl_field *f;

	for (f = table->fields; f->key; f++)
		json_object_object_add(o, f->key, json_of(f, at(record, f)));
	return o;
}

static struct json_object *array_of(const struct vtctl_rows *rows)
{
	struct json_object *array = json_object_new_array();
	int i;

	for (i = 0; i < rows->count; i++)
		json_object_array_add(array, object_of(rows->table, row(rows, i)));
	return array;
}

static void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write_rows(FILE *out, const struct vtctl_rows *rows);

static void write_instant(FILE *out, int64_t ns)
{
	if (ns == 0)
		fputs("never", out);
	else
		fprintf(out, "%.6f s", (double)ns / 1e9);
}

static void write_field(FILE *out, const struct vtctl_field *f, const void *p)
{
	char buf[64];

	switch (f->kind) {
	case KIND_TEXT:
		fputs(*(const char *const *)p ? *(const char *const *)p : "", out);
		break;
	case KIND_NUMBER:
		fputs(p, out);
		break;
	case KIND_COUNT:
		fprintf(out, "%" PRIu64, count_at(p));
		break;
	case KIND_PID:
		fprintf(out, "%d", (int)*(const pid_t *)p);
		break;
	case KIND_FLAG:
		fputs(*(const bool *)p ? "yes" : "no", out);
		break;
	case KIND_DURATION:
		fputs(vt_format_duration(*(const int64_t *)p, buf, sizeof(buf)), out);
		break;
	case KIND_INSTANT:
		write_instant(out, *(const int64_t *)p);
		break;
	case KIND_ROWS:
		write_rows(out, p);
		break;
	}
}

/* A list inside a record: "user /vt/lab 1.5 s, ancestor /vt 3.0 s". */
static void write_rows(FILE *out, const struct vtctl_rows *rows)
{
	const struct vtctl_field *f;
	int i;

	if (rows->count == 0)
		fputs("none", out);
	for (i = 0; i < rows->count; i++)
		for (f = rows->table->fields; f->key; f++) {
			fputs(f != rows->table->fields ? " " : i ? ", " : "", out);
			write_field(out, f, at(row(rows, i), f));
		}
}

static int label_width(const struct vtctl_table *table)
{
	const struct vtctl_field *f;
	int widest = 0;

	for (f = table->fields; f->key; f++)
		if (f->label && (int)strlen(f->label) > widest)
			widest = (int)strlen(f->label);
	return widest;
}

static void print_lines(const struct vtctl_table *table, const void *record)
{
	const struct vtctl_field *f;

	for (f = table->fields; f->key; f++)
		if (f->label) {
			printf("%-*s  ", label_width(table), f->label);
			write_field(stdout, f, at(record, f));
			putchar('\n');
		}
}

/* The text of one cell; to be freed. */
static char *cell(const struct vtctl_field *f, const void *record)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return strdup("");
	write_field(out, f, at(record, f));
	fclose(out);
	return text;
}

static int width(const struct vtctl_field *f, const struct vtctl_rows *rows)
{
	int widest = (int)strlen(f->column), i;

	for (i = 0; i < rows->count; i++) {
		char *text = cell(f, row(rows, i));
		int len = text ? (int)strlen(text) : 0;

		widest = len > widest ? len : widest;
		free(text);
	}
	return widest;
}

/* Blanks are owed until something follows them: none at the end of a line. */
static int pad(int blanks, const char *text, int columns)
{
	if (*text)
		printf("%*s%s", blanks, "", text);
	return columns + 2 - (int)strlen(text) + (*text ? 0 : blanks);
}

enum { FIELDS_MAX = 32 };

static void print_titles(const struct vtctl_rows *rows, int *columns)
{
	const struct vtctl_field *f, *fields = rows->table->fields;
	int blanks = 0;

	for (f = fields; f->key; f++)
		if (f->column) {
			columns[f - fields] = width(f, rows);
			blanks = pad(blanks, f->column, columns[f - fields]);
		}
	putchar('\n');
}

static void print_line(const struct vtctl_table *table, const void *record, const int *columns)
{
	const struct vtctl_field *f;
	int blanks = 0;

	for (f = table->fields; f->key; f++)
		if (f->column) {
			char *text = cell(f, record);

			blanks = pad(blanks, text ? text : "", columns[f - table->fields]);
			free(text);
		}
	putchar('\n');
}

static void print_columns(const struct vtctl_rows *rows)
{
	int columns[FIELDS_MAX], i;

	print_titles(rows, columns);
	for (i = 0; i < rows->count; i++)
		print_line(rows->table, row(rows, i), columns);
}

/* ---- both ---------------------------------------------------------------------------------- */

void vtctl_print_record(const struct vtctl_table *table, const void *record)
{
	if (vtctl_speaks_json())
		print_json(object_of(table, record));
	else
		print_lines(table, record);
}

void vtctl_print_rows(const struct vtctl_rows *rows)
{
	if (vtctl_speaks_json())
		print_json(array_of(rows));
	else
		print_columns(rows);
}

void vtctl_print_records(const struct vtctl_rows *rows)
{
	int i;

	if (vtctl_speaks_json()) {
		print_json(array_of(rows));
		return;
	}
	for (i = 0; i < rows->count; i++) {
		if (i)
			putchar('\n');
		print_lines(rows->table, row(rows, i));
	}
}
