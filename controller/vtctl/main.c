/* SPDX-License-Identifier: MIT */
/*
 * vtctl: virtual time for process groups, from the command line. Finds the verb's row, sorts the
 * arguments by it and runs it. Exit status: 0, 1 for a failure, 2 for wrong usage.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

static bool is(const char *arg, const char *name, const char *letter)
{
	return strcmp(arg, name) == 0 || strcmp(arg, letter) == 0;
}

/* What was printed has to have arrived: a full disk is a failure. */
static int flush(int status)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_OK)
		return vtctl_failure("cannot write the output: %s", strerror(errno));
	return status;
}

static int run(const char *name, char **argv)
{
	const struct vtctl_verb *verb = vtctl_find_verb(name);
	struct vtctl_args args;
	int status;

	if (!verb)
		return vtctl_usage_error("unknown command '%s'; see vtctl help", name);
	status = vtctl_parse(verb, argv, &args);
	if (status != EXIT_OK)
		return status;
	if (args.given & OPT_HELP)
		return flush(vtctl_help(&args));
	return flush(verb->run(&args));
}

int main(int argc, char **argv)
{
	(void)argc;
	for (argv++; *argv && is(*argv, "--json", "-j"); argv++)
		vtctl_speak(NULL, true);
	if (!*argv)
		return vtctl_usage_error("no command given; see vtctl help");
	if (is(*argv, "--help", "-h"))
		return run("help", argv + 1);
	if (is(*argv, "--version", "-V"))
		return printf("vtctl %s\n", VT_VERSION) < 0 ? EXIT_FAILED : flush(EXIT_OK);
	return run(*argv, argv + 1);
}
