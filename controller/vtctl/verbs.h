/* SPDX-License-Identifier: MIT */
/*
 * The verbs of vtctl: one row each in verbs.c, one file each for what they do. Usage, options and
 * `vtctl help -j` come from the rows; scripts/check-docs holds man page and completion to them.
 */
#ifndef VTCTL_VERBS_H
#define VTCTL_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vt.h"

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

enum vtctl_option_bit {
	OPT_JSON = 1 << 0,
	OPT_HELP = 1 << 1,
	OPT_RATE = 1 << 2,
	OPT_TDF = 1 << 3,
	OPT_EPOCH = 1 << 4,
	OPT_FREEZE_ONLY = 1 << 5,
	OPT_KILL = 1 << 6,
	OPT_FORCE = 1 << 7,
	OPT_CREATE = 1 << 8,
	OPT_ALLOW_STEP = 1 << 9,
	OPT_ALL = 1 << 10,
	OPT_TIMEOUT = 1 << 11,
	OPT_VERBOSE = 1 << 12,
	OPT_FREEZE_FIRST = 1 << 13,
	OPT_AT = 1 << 14,
	OPT_FOLLOW = 1 << 15,
	OPT_COUNT = 1 << 16,
	OPT_FOR = 1 << 17,
	OPT_TRACE = 1 << 18,
	OPT_INTERVAL = 1 << 19,
	OPT_IDLE_SKIP = 1 << 20,
	OPT_EVERYWHERE = OPT_JSON | OPT_HELP,
};

/* What the operands of a verb are. */
enum vtctl_operands {
	OPERANDS_NONE,
	OPERANDS_OTHER,         /* the verb looks at them itself */
	OPERANDS_GROUP,         /* a group, then what the verb looks at itself */
	OPERANDS_GROUPS,        /* groups */
	OPERANDS_GROUPS_OTHER,  /* groups, and last what the verb looks at itself */
	OPERANDS_GROUP_COMMAND, /* a group, then a command whose options are its own */
};

/* An instant: so long after now, a point of wall time, or never. */
struct vtctl_instant {
	bool after_now, is_never;
	int64_t ns;
};

struct vtctl_args {
	const struct vtctl_verb *verb;
	unsigned int given; /* enum vtctl_option_bit */
	uint64_t rate;      /* OPT_RATE, OPT_TDF */
	int64_t epoch_ns;   /* OPT_EPOCH */
	int64_t timeout_ns; /* OPT_TIMEOUT, or its default */
	struct vtctl_instant at; /* OPT_AT */
	int64_t count_max;  /* OPT_COUNT */
	int64_t for_ns;     /* OPT_FOR */
	int64_t interval_ns; /* OPT_INTERVAL */
	const char *trace;  /* OPT_TRACE */
	char **operands;    /* NULL at the end */
	int count;          /* of operands */
};

struct vtctl_verb {
	const char *name;
	const char *synonym; /* or NULL */
	const char *synopsis;
	const char *help;
	int (*run)(struct vtctl_args *args); /* exit status */
	unsigned int options;
	enum vtctl_operands operands;
	int min, max; /* operands; with OPT_ALL none */
};

struct vtctl_option {
	unsigned int bit;
	const char *name;
	char letter;       /* or 0 */
	const char *value; /* its name in the synopsis; NULL for a flag */
	const char *help;
	int (*take)(const char *text, struct vtctl_args *args); /* NULL for a flag; exit status */
};

extern const struct vtctl_verb vtctl_verbs[];
extern const struct vtctl_option vtctl_options[];

/* The row of this name or synonym; partial words are nobody's. */
const struct vtctl_verb *vtctl_find_verb(const char *name);

/* Sort argv (what follows the verb) into *args. Exit status. */
int vtctl_parse(const struct vtctl_verb *verb, char **argv, struct vtctl_args *args);

/* Read one number and complain in one line; exit status. */
int vtctl_take_rate(const char *text, struct vtctl_args *args);
int vtctl_take_pid(const char *text, pid_t *pid);
int vtctl_take_duration(const char *text, int64_t *ns);
int vtctl_take_instant_or_never(const char *text, struct vtctl_instant *at);

int vtctl_attach(struct vtctl_args *args);
int vtctl_boards(struct vtctl_args *args);
int vtctl_config(struct vtctl_args *args);
int vtctl_create(struct vtctl_args *args);
int vtctl_delete(struct vtctl_args *args);
int vtctl_detach(struct vtctl_args *args);
int vtctl_doctor(struct vtctl_args *args);
int vtctl_events(struct vtctl_args *args);
int vtctl_freeze(struct vtctl_args *args);
int vtctl_help(struct vtctl_args *args);
int vtctl_late(struct vtctl_args *args);
int vtctl_list(struct vtctl_args *args);
int vtctl_load(struct vtctl_args *args);
int vtctl_rate(struct vtctl_args *args);
int vtctl_run(struct vtctl_args *args);
int vtctl_run_until(struct vtctl_args *args);
int vtctl_show(struct vtctl_args *args);
int vtctl_stats(struct vtctl_args *args);
int vtctl_step(struct vtctl_args *args);
int vtctl_thaw(struct vtctl_args *args);
int vtctl_unload(struct vtctl_args *args);
int vtctl_watch(struct vtctl_args *args);

#endif /* VTCTL_VERBS_H */
