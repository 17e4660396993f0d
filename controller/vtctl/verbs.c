/* SPDX-License-Identifier: MIT */
/* The two tables that usage, parsing, man page and completion follow: verbs and their options. */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

#define MANY 4096
#define INTERVAL_MIN_NS 10000000

const struct vtctl_verb vtctl_verbs[] = {
	{ "doctor", NULL, "", "tell what this machine can do, what is missing and what that costs",
	  vtctl_doctor, 0, OPERANDS_NONE, 0, 0 },
	{ "load", NULL, "", "load and pin the BPF programs, once after boot",
	  vtctl_load, 0, OPERANDS_NONE, 0, 0 },
	{ "unload", NULL, "[--force]", "remove the BPF programs; groups go on as plain cgroups",
	  vtctl_unload, OPT_FORCE, OPERANDS_NONE, 0, 0 },
	{ "create", NULL, "GROUP [--rate R | --tdf K] [--epoch TIME] [--freeze-only]",
	  "make a group with a clock of its own",
	  vtctl_create, OPT_RATE | OPT_TDF | OPT_EPOCH | OPT_FREEZE_ONLY, OPERANDS_GROUP, 1, 1 },
	{ "delete", NULL, "GROUP [--kill]", "take a group's clock away, and its directory if vt made it",
	  vtctl_delete, OPT_KILL, OPERANDS_GROUP, 1, 1 },
	{ "run", NULL, "GROUP [--create] [--] CMD...", "start a command in a group, and become it",
	  vtctl_run, OPT_CREATE, OPERANDS_GROUP_COMMAND, 2, MANY },
	{ "attach", NULL, "GROUP PID... [--allow-step]", "move running processes into a group",
	  vtctl_attach, OPT_ALLOW_STEP, OPERANDS_GROUP, 2, MANY },
	{ "detach", NULL, "PID...", "move processes out of their groups, back to the host's time",
	  vtctl_detach, 0, OPERANDS_OTHER, 1, MANY },
	{ "freeze", NULL, "GROUP...|--all [--at INSTANT] [--timeout D] [-v]",
	  "stop groups: their tasks and their clocks",
	  vtctl_freeze, OPT_ALL | OPT_AT | OPT_TIMEOUT | OPT_VERBOSE, OPERANDS_GROUPS, 1, MANY },
	{ "thaw", "unfreeze", "GROUP...|--all", "let groups go on as if nothing had happened",
	  vtctl_thaw, OPT_ALL, OPERANDS_GROUPS, 1, MANY },
	{ "step", NULL, "GROUP... D [--freeze-first] [--idle-skip] [--timeout D] [-v]",
	  "let frozen groups go on by exactly D and stop",
	  vtctl_step, OPT_FREEZE_FIRST | OPT_IDLE_SKIP | OPT_TIMEOUT | OPT_VERBOSE, OPERANDS_GROUPS_OTHER, 2, MANY },
	{ "run-until", NULL, "GROUP INSTANT|never [--timeout D] [-v]",
	  "let a group go on until its own time is INSTANT",
	  vtctl_run_until, OPT_TIMEOUT | OPT_VERBOSE, OPERANDS_GROUP, 2, 2 },
	{ "rate", NULL, "GROUP R|--tdf K", "set how fast a group's time runs",
	  vtctl_rate, OPT_TDF, OPERANDS_GROUP, 1, 2 },
	{ "list", NULL, "", "list the groups, one line each",
	  vtctl_list, 0, OPERANDS_NONE, 0, 0 },
	{ "show", NULL, "[GROUP]", "show all there is to know of a group, or of each",
	  vtctl_show, 0, OPERANDS_GROUP, 0, 1 },
	{ "late", NULL, "[GROUP...]", "tell how late groups are, and what their last freeze cost",
	  vtctl_late, 0, OPERANDS_GROUPS, 0, MANY },
	{ "events", NULL, "[--follow] [--count N] [--for D] [--trace FILE] [GROUP...]",
	  "print what happens to groups as it happens, or write a trace of it",
	  vtctl_events, OPT_FOLLOW | OPT_COUNT | OPT_FOR | OPT_TRACE, OPERANDS_GROUPS, 0, MANY },
	{ "watch", NULL, "[--interval D] [--count N]", "show all groups live, on the whole screen",
	  vtctl_watch, OPT_INTERVAL | OPT_COUNT, OPERANDS_NONE, 0, 0 },
	{ "boards", NULL, "", "show what vtd knows of its boards and their wires",
	  vtctl_boards, 0, OPERANDS_NONE, 0, 0 },
	{ "config", NULL, "check [FILE]", "check the configuration of vtd",
	  vtctl_config, 0, OPERANDS_OTHER, 1, 2 },
	{ "stats", NULL, "", "show the counters of tolerated races and losses",
	  vtctl_stats, 0, OPERANDS_NONE, 0, 0 },
	{ "help", NULL, "[COMMAND]", "show the commands, or one with its options",
	  vtctl_help, 0, OPERANDS_OTHER, 0, 1 },
	{ 0 },
};

static int take_tdf(const char *text, struct vtctl_args *args)
{
	int err = vt_parse_tdf(text, &args->rate);

	return err ? vtctl_bad_number("time dilation factor", text, err,
				      "0.001 to 1000, as in 10, 0.5 or 1/3") : EXIT_OK;
}

static int take_epoch(const char *text, struct vtctl_args *args)
{
	int err = vt_parse_time(text, &args->epoch_ns);

	return err ? vtctl_bad_number("time", text, err,
				      "2030-01-01T00:00:00Z, +hh:mm instead of the Z, or @SECONDS, "
				      "1677 to 2262") : EXIT_OK;
}

/* For times that have to pass. */
static int take_positive(const char *text, int64_t *ns)
{
	int err = vt_parse_duration(text, ns);

	if (!err && *ns <= 0)
		err = -ERANGE;
	return err ? vtctl_bad_number("duration", text, err,
				      "1ns to 292 years, as in 10ms, 1.5s or 1m30s") : EXIT_OK;
}

static int take_for(const char *text, struct vtctl_args *args)
{
	return take_positive(text, &args->for_ns);
}

static int take_interval(const char *text, struct vtctl_args *args)
{
	int status = take_positive(text, &args->interval_ns);

	if (status == EXIT_OK && args->interval_ns < INTERVAL_MIN_NS)
		return vtctl_bad_number("interval", text, -ERANGE, "10ms or more");
	return status;
}

static int take_count(const char *text, struct vtctl_args *args)
{
	bool is_number = *text && strspn(text, "0123456789") == strlen(text);

	errno = 0;
	args->count_max = is_number ? strtoll(text, NULL, 10) : 0;
	if (is_number && !errno && args->count_max > 0)
		return EXIT_OK;
	return vtctl_bad_number("count", text, is_number ? -ERANGE : -EINVAL, "1 to 9223372036854775807");
}

static int take_trace(const char *text, struct vtctl_args *args)
{
	args->trace = text;
	return *text ? EXIT_OK : vtctl_usage_error("--trace needs the name of a file");
}

int vtctl_take_duration(const char *text, int64_t *ns)
{
	int err = vt_parse_duration(text, ns);

	if (!err && *ns < 0)
		err = -ERANGE;
	return err ? vtctl_bad_number("duration", text, err,
				      "0s to 292 years, as in 10ms, 1.5s or 1m30s") : EXIT_OK;
}

static int take_timeout(const char *text, struct vtctl_args *args)
{
	return vtctl_take_duration(text, &args->timeout_ns);
}

#define INSTANTS "+DURATION, 2030-01-01T00:00:00Z, +hh:mm instead of the Z, or @SECONDS, 1677 to 2262"

static int take_instant(const char *text, struct vtctl_instant *at, const char *legal)
{
	int err;

	*at = (struct vtctl_instant){ .after_now = *text == '+' };
	if (at->after_now)
		return vtctl_take_duration(text + 1, &at->ns);
	err = vt_parse_time(text, &at->ns);
	return err ? vtctl_bad_number("instant", text, err, legal) : EXIT_OK;
}

int vtctl_take_instant_or_never(const char *text, struct vtctl_instant *at)
{
	if (strcmp(text, "never") != 0)
		return take_instant(text, at, "never, " INSTANTS);
	*at = (struct vtctl_instant){ .is_never = true };
	return EXIT_OK;
}

static int take_at(const char *text, struct vtctl_args *args)
{
	return take_instant(text, &args->at, INSTANTS);
}

int vtctl_take_rate(const char *text, struct vtctl_args *args)
{
	int err = vt_parse_rate(text, &args->rate);

	return err ? vtctl_bad_number("rate", text, err, "0.001 to 1000, as in 0.5, 2, 1e-3 or 1/3")
		   : EXIT_OK;
}

int vtctl_take_pid(const char *text, pid_t *pid)
{
	int err = vt_parse_pid(text, pid);

	return err ? vtctl_bad_number("PID", text, err, "1 to 4194304") : EXIT_OK;
}

const struct vtctl_option vtctl_options[] = {
	{ OPT_JSON, "json", 'j', NULL, "print JSON, errors included", NULL },
	{ OPT_HELP, "help", 'h', NULL, "print the usage", NULL },
	{ OPT_RATE, "rate", 0, "R", "virtual seconds per real second, 0.001 to 1000", vtctl_take_rate },
	{ OPT_TDF, "tdf", 0, "K", "time dilation factor: the rate is 1/K", take_tdf },
	{ OPT_EPOCH, "epoch", 0, "TIME", "wall time that the group starts at", take_epoch },
	{ OPT_FREEZE_ONLY, "freeze-only", 0, NULL, "no clock: tasks stop, their time does not", NULL },
	{ OPT_KILL, "kill", 0, NULL, "kill whoever is inside first", NULL },
	{ OPT_FORCE, "force", 0, NULL, "even while groups with clocks exist", NULL },
	{ OPT_CREATE, "create", 0, NULL, "make the group if there is none", NULL },
	{ OPT_ALLOW_STEP, "allow-step", 0, NULL, "even if the process sees its time step back", NULL },
	{ OPT_ALL, "all", 0, NULL, "all groups that are not in that state yet", NULL },
	{ OPT_AT, "at", 0, "INSTANT", "stop then: +D from now, or the host's wall time", take_at },
	{ OPT_FREEZE_FIRST, "freeze-first", 0, NULL, "freeze groups that run", NULL },
	{ OPT_IDLE_SKIP, "idle-skip", 0, NULL, "while all members sleep, go to where the first wakes", NULL },
	{ OPT_TIMEOUT, "timeout", 0, "D", "give up after D, 10s if not given", take_timeout },
	{ OPT_VERBOSE, "verbose", 'v', NULL, "print how long it took", NULL },
	{ OPT_FOLLOW, "follow", 0, NULL, "until interrupted, as without --count and --for", NULL },
	{ OPT_COUNT, "count", 0, "N", "end after N of them", take_count },
	{ OPT_FOR, "for", 0, "D", "end after D, as in 10s", take_for },
	{ OPT_TRACE, "trace", 0, "FILE", "write a trace for Perfetto or chrome://tracing instead",
	  take_trace },
	{ OPT_INTERVAL, "interval", 0, "D", "look at least so often, 1s if not given", take_interval },
	{ 0 },
};

static bool is_name(const char *name, const struct vtctl_verb *v)
{
	return strcmp(name, v->name) == 0 || (v->synonym && strcmp(name, v->synonym) == 0);
}

const struct vtctl_verb *vtctl_find_verb(const char *name)
{
	const struct vtctl_verb *v;

	for (v = vtctl_verbs; v->name; v++)
		if (is_name(name, v))
			return v;
	return NULL;
}
