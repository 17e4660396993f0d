/* SPDX-License-Identifier: MIT */
/*
 * Sorts a command line by the tables in verbs.c. Not getopt_long(): that one takes partial words
 * ("--fo" for --force), and takes the number -1 for an option, so that the message would be about
 * the wrong thing.
 */
#include <ctype.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

#define TIMEOUT_DEFAULT_NS (10 * 1000000000LL)
#define INTERVAL_DEFAULT_NS 1000000000LL

static bool is_option(const char *arg)
{
	bool is_number = isdigit((unsigned char)arg[1]) || arg[1] == '.';

	return arg[0] == '-' && arg[1] != '\0' && !is_number;
}

/* Does the command of `run` begin here, with its own options behind it? */
static bool begins_command(const struct vtctl_args *args)
{
	return args->verb->operands == OPERANDS_GROUP_COMMAND && args->count >= 2;
}

/* Looked for first, so that mistakes in front of it are reported as JSON, too. */
static bool asks_for_json(const struct vtctl_verb *verb, char *const *argv)
{
	int operands = verb->operands == OPERANDS_GROUP_COMMAND ? 2 : -1;

	for (; *argv && strcmp(*argv, "--") != 0 && operands != 0; argv++) {
		if (strcmp(*argv, "-j") == 0 || strcmp(*argv, "--json") == 0)
			return true;
		operands -= !is_option(*argv);
	}
	return false;
}

static bool is_named(const struct vtctl_option *o, const char *arg, size_t len)
{
	if (arg[1] != '-')
		return o->letter && arg[1] == o->letter && len == 2;
	return strlen(o->name) == len - 2 && strncmp(o->name, arg + 2, len - 2) == 0;
}

static const struct vtctl_option *find_option(const struct vtctl_verb *verb, const char *arg)
{
	const struct vtctl_option *o;
	size_t len = strcspn(arg, "=");

	for (o = vtctl_options; o->name; o++)
		if (((verb->options | OPT_EVERYWHERE) & o->bit) && is_named(o, arg, len))
			return o;
	return NULL;
}

/* argv is at the option; it is left at what the option used last. */
static int take_option(char ***argv, struct vtctl_args *args)
{
	const struct vtctl_option *o = find_option(args->verb, **argv);
	const char *equals = strchr(**argv, '=');

	if (!o)
		return vtctl_usage_error("unknown option '%s'; see vtctl help %s", **argv, args->verb->name);
	args->given |= o->bit;
	if (!o->value)
		return equals ? vtctl_usage_error("'%s': the option takes no value", **argv) : EXIT_OK;
	if (equals)
		return o->take(equals + 1, args);
	if (!(*argv)[1])
		return vtctl_usage_error("option '%s' needs a value: %s %s", **argv, **argv, o->value);
	return o->take(*++*argv, args);
}

/* Operands are collected at the front of argv itself. */
static int sort(char **argv, struct vtctl_args *args)
{
	bool options = true;
	int status = EXIT_OK;

	for (args->operands = argv; *argv && status == EXIT_OK; argv++) {
		if (options && strcmp(*argv, "--") == 0) {
			options = false;
		} else if (options && is_option(*argv)) {
			status = take_option(&argv, args);
		} else {
			args->operands[args->count++] = *argv;
			options = options && !begins_command(args);
		}
	}
	args->operands[args->count] = NULL;
	return status;
}

static int wrong_count(const struct vtctl_args *args, const char *what)
{
	return vtctl_usage_error("%s; usage: vtctl %s%s%s", what, args->verb->name,
				 *args->verb->synopsis ? " " : "", args->verb->synopsis);
}

static int check_count(const struct vtctl_args *args)
{
	int min = args->given & OPT_ALL ? 0 : args->verb->min;
	int max = args->given & OPT_ALL ? 0 : args->verb->max;

	if (args->given & OPT_RATE && args->given & OPT_TDF)
		return wrong_count(args, "--rate and --tdf exclude each other");
	if (args->count < min)
		return wrong_count(args, "too few arguments");
	if (args->count > max)
		return wrong_count(args, args->given & OPT_ALL ? "--all goes without names"
							       : "too many arguments");
	return EXIT_OK;
}

static int count_groups(const struct vtctl_args *args)
{
	switch (args->verb->operands) {
	case OPERANDS_GROUP:
	case OPERANDS_GROUP_COMMAND:
		return args->count > 0;
	case OPERANDS_GROUPS:
		return args->count;
	case OPERANDS_GROUPS_OTHER:
		return args->count - 1;
	default:
		return 0;
	}
}

static int check_groups(const struct vtctl_args *args)
{
	int i, n = count_groups(args);

	for (i = 0; i < n; i++)
		if (vt_check_name(args->operands[i]) != 0)
			return vtctl_usage_error(
				"bad group name '%.300s': legal is a path of components of 1 to 255 bytes, "
				"none '.' or '..', no control characters", args->operands[i]);
	return EXIT_OK;
}

int vtctl_parse(const struct vtctl_verb *verb, char **argv, struct vtctl_args *args)
{
	int status;

	*args = (struct vtctl_args){ .verb = verb, .timeout_ns = TIMEOUT_DEFAULT_NS,
				      .interval_ns = INTERVAL_DEFAULT_NS };
	vtctl_speak(verb->name, vtctl_speaks_json() || asks_for_json(verb, argv));
	status = sort(argv, args);
	if (status == EXIT_OK && !(args->given & OPT_HELP)) {
		status = check_count(args);
		if (status == EXIT_OK)
			status = check_groups(args);
	}
	return status;
}
