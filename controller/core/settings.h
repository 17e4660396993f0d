/* SPDX-License-Identifier: MIT */
/*
 * The settings of a board as text: one table of keys for the configuration file, its manual page
 * and the messages about mistakes. Pure: what reads files is in controller/config.
 */
#ifndef VT_CORE_SETTINGS_H
#define VT_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define VT_PRIORITY_DEFAULT 90
#define VT_LATCH_DEFAULT_NS 1000000
#define VT_CHECK_DEFAULT_NS 200000000
#define VT_CHECK_MIN_NS 10000000
#define VT_CHECK_MAX_NS 60000000000

/* Values are those of vt_line_bias and vt_line_drive. */
struct vt_settings {
	bool active_low;
	unsigned int bias;
	unsigned int drive;
	int64_t latch_ns;
	int64_t check_ns;
	int64_t limit_ns; /* 0: none */
	bool keep;        /* on a clean stop groups stay frozen */
};

void vt_settings_init(struct vt_settings *s);

/* The keys, NULL at the end, and what is legal for each. */
extern const char *const vt_settings_keys[];
const char *vt_settings_legal(const char *key);

/* Take one. -ENOENT no such key, -EINVAL malformed, -ERANGE not legal. */
int vt_settings_take(struct vt_settings *s, const char *key, const char *value);
/* A SCHED_FIFO priority, 1 to 98: something has to be above. */
int vt_parse_priority(const char *text, int *priority);

#endif
