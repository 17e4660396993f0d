/* SPDX-License-Identifier: MIT */
/* vtctl help [COMMAND]: the tables of verbs and options, for people and with -j for programs. */
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

struct option_record {
	const char *name, *letter, *value, *help;
	char letter_text[2];
};

struct verb_record {
	const char *name, *synonym, *synopsis, *help;
	struct vtctl_rows options;
	struct option_record items[sizeof(unsigned int) * 8];
};

struct help_record {
	const char *name, *version;
	struct vtctl_rows commands;
};

enum { VERBS_MAX = 64 };

#define FIELD(record, key, kind) { #key, NULL, NULL, kind, offsetof(struct record, key) }

static const struct vtctl_table option_table = {
	sizeof(struct option_record),
	(const struct vtctl_field[]){ FIELD(option_record, name, KIND_TEXT),
				      FIELD(option_record, letter, KIND_TEXT),
				      FIELD(option_record, value, KIND_TEXT),
				      FIELD(option_record, help, KIND_TEXT),
				      { 0 } },
};

static const struct vtctl_table verb_table = {
	sizeof(struct verb_record),
	(const struct vtctl_field[]){ FIELD(verb_record, name, KIND_TEXT),
				      FIELD(verb_record, synonym, KIND_TEXT),
				      FIELD(verb_record, synopsis, KIND_TEXT),
				      FIELD(verb_record, help, KIND_TEXT),
				      FIELD(verb_record, options, KIND_ROWS),
				      { 0 } },
};

static const struct vtctl_table help_table = {
	sizeof(struct help_record),
	(const struct vtctl_field[]){ FIELD(help_record, name, KIND_TEXT),
				      FIELD(help_record, version, KIND_TEXT),
				      FIELD(help_record, commands, KIND_ROWS),
				      { 0 } },
};

static void fill_option(struct option_record *r, const struct vtctl_option *o)
{
	*r = (struct option_record){ .name = o->name, .value = o->value, .help = o->help };
	r->letter_text[0] = o->letter;
	r->letter = o->letter ? r->letter_text : NULL;
}

static void fill_verb(struct verb_record *r, const struct vtctl_verb *v)
{
	const struct vtctl_option *o;
	int n = 0;

	*r = (struct verb_record){ v->name, v->synonym, v->synopsis, v->help, { 0 }, { { 0 } } };
	for (o = vtctl_options; o->name; o++)
		if ((v->options | OPT_EVERYWHERE) & o->bit)
			fill_option(&r->items[n++], o);
	r->options = (struct vtctl_rows){ &option_table, r->items, n };
}

static void print_json(const struct vtctl_verb *only)
{
	static struct verb_record records[VERBS_MAX];
	struct help_record help = { "vtctl", VT_VERSION, { &verb_table, records, 0 } };
	const struct vtctl_verb *v;

	for (v = vtctl_verbs; v->name; v++)
		if (!only || v == only)
			fill_verb(&records[help.commands.count++], v);
	vtctl_print_record(&help_table, &help);
}

static void print_all(void)
{
	const struct vtctl_verb *v;

	puts("usage: vtctl [-j] COMMAND [ARGUMENT...]\n\n"
	     "Stop, slow down and speed up time for groups of processes.\n");
	for (v = vtctl_verbs; v->name; v++)
		printf("  %-9s  %s\n", v->name, v->help);
	puts("\nvtctl help COMMAND tells more; vtctl(8) and vt(7) tell all. With -j output and errors\n"
	     "are JSON. Exit status: 0, 1 for a failure, 2 for wrong usage.");
}

static void print_one(const struct vtctl_verb *v)
{
	const struct vtctl_option *o;
	char text[64];

	printf("usage: vtctl %s %s\n", v->name, v->synopsis);
	if (v->synonym)
		printf("       vtctl %s %s\n", v->synonym, v->synopsis);
	printf("\n%s\n\n", v->help);
	for (o = vtctl_options; o->name; o++) {
		if (!((v->options | OPT_EVERYWHERE) & o->bit))
			continue;
		snprintf(text, sizeof(text), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
		printf("  %c%c%c %-16s  %s\n", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		       o->letter ? ',' : ' ', text, o->help);
	}
}

/* `vtctl help COMMAND` and `vtctl COMMAND --help` are the same. */
int vtctl_help(struct vtctl_args *args)
{
	bool asked_there = strcmp(args->verb->name, "help") != 0;
	const struct vtctl_verb *verb = asked_there ? args->verb : NULL;

	if (!asked_there && args->count > 0) {
		verb = vtctl_find_verb(args->operands[0]);
		if (!verb)
			return vtctl_usage_error("unknown command '%s'", args->operands[0]);
	}
	if (vtctl_speaks_json())
		print_json(verb);
	else if (verb)
		print_one(verb);
	else
		print_all();
	return EXIT_OK;
}
