// SPDX-License-Identifier: MIT
/*
 * The only place that knows libconfuse. It finds syntax errors and unknown keys; values are strings
 * to it, and are converted one by one as they are read, for then the line is known. A bad value does
 * not end the reading: all mistakes are told in one go, up to the first error of syntax in each file.
 *
 * libconfuse passes its callbacks no argument, hence the one static pointer.
 */
#define _GNU_SOURCE /* vasprintf */
#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "vt.h"

static struct reading {
	struct vt_config *config;
	void (*tell)(const char *mistake);
	struct vt_settings settings; /* of the section that is being read */
	bool anew;                   /* none is */
} now;

__attribute__((format(printf, 3, 4)))
static void mistake(const char *file, int line, const char *format, ...)
{
	char *text = NULL, *whole = NULL;
	va_list ap;

	now.config->mistakes++;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) >= 0 &&
	    (line ? asprintf(&whole, "%s:%d: %s", file, line, text)
		  : asprintf(&whole, "%s: %s", file, text)) >= 0)
		now.tell(whole);
	va_end(ap);
	free(whole);
	free(text);
}

static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
	char text[400];

	vsnprintf(text, sizeof(text), format, ap);
	mistake(cfg->filename ? cfg->filename : "configuration", cfg->line, "%s%s", text,
		strncmp(text, "no such option", 14) != 0 ? "" :
		cfg->opts && strcmp(cfg_name(cfg), "group") == 0
			? "; legal: output, input, active-low, bias, drive, latch, check, hold-limit, on-stop"
			: "; legal: priority, group");
}

static const char *why(int err)
{
	return err == -ERANGE ? "out of range" : "malformed";
}

/* ---- values, as they are read -------------------------------------------------------------------- */

static const char *last_value(cfg_opt_t *opt)
{
	unsigned int n = cfg_opt_size(opt);

	return n ? cfg_opt_getnstr(opt, n - 1) : "";
}

static int on_setting(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = last_value(opt);
	int err;

	if (now.anew)
		vt_settings_init(&now.settings);
	now.anew = false;
	err = vt_settings_take(&now.settings, cfg_opt_name(opt), value);
	if (err)
		mistake(cfg->filename, cfg->line, "bad %s '%.64s': %s; legal: %s", cfg_opt_name(opt), value,
			why(err), vt_settings_legal(cfg_opt_name(opt)));
	return 0;
}

static int on_priority(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = last_value(opt);
	int err = vt_parse_priority(value, &now.config->priority);

	if (err)
		mistake(cfg->filename, cfg->line, "bad priority '%.64s': %s; legal: 1 to 98", value, why(err));
	return 0;
}

/* ---- a board, at the end of its section ------------------------------------------------------------ */

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s)
		abort();
	return s;
}

static void take_line(cfg_t *section, const char *key, struct vt_config_line *out)
{
	unsigned int n = cfg_size(section, key);

	if (n == 2 && *cfg_getnstr(section, key, 0) && *cfg_getnstr(section, key, 1)) {
		out->chip = copy(cfg_getnstr(section, key, 0));
		out->line = copy(cfg_getnstr(section, key, 1));
	} else if (n) {
		mistake(section->filename, section->line,
			"bad %s of group '%.200s': legal: { CHIP, LINE }, as in { \"gpiochip0\", \"17\" }", key,
			cfg_title(section));
	}
}

static bool is_same_line(const struct vt_config_line *a, const struct vt_config_line *b)
{
	return a->chip && b->chip && strcmp(a->chip, b->chip) == 0 && strcmp(a->line, b->line) == 0;
}

static void check_pair(const struct vt_config_board *b, const struct vt_config_line *line,
		       const struct vt_config_board *other)
{
	const struct vt_config_line *lines[] = { &other->output, &other->input };

	for (int i = 0; i < 2; i++)
		if (lines[i] != line && is_same_line(line, lines[i]))
			mistake(b->file, b->line, "line '%.100s' of chip '%.100s' is used twice, also %s:%d",
				line->line, line->chip, other->file, other->line);
}

static void check_board(const struct vt_config_board *b)
{
	const struct vt_config *c = now.config;

	if (vt_check_name(b->group) != 0)
		mistake(b->file, b->line, "bad group name '%.200s'; legal: a path of components of 1 to 255 "
			"bytes, none '.' or '..', no control characters", b->group);
	if (b->input.chip && !b->output.chip)
		mistake(b->file, b->line, "group '%.200s' has an input without an output", b->group);
	check_pair(b, &b->output, b);
	for (int i = 0; i < c->count - 1; i++) {
		if (strcmp(c->boards[i].group, b->group) == 0)
			mistake(b->file, b->line, "group '%.200s' is there twice, also %s:%d", b->group,
				c->boards[i].file, c->boards[i].line);
		check_pair(b, &b->output, &c->boards[i]);
		check_pair(b, &b->input, &c->boards[i]);
	}
}

static int on_board(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct vt_config *c = now.config;
	struct vt_config_board *boards = realloc(c->boards, ((size_t)c->count + 1) * sizeof(*boards));
	struct vt_config_board *b;

	if (!boards)
		return -1;
	c->boards = boards;
	b = &boards[c->count++];
	*b = (struct vt_config_board){ .group = copy(cfg_title(section)), .file = copy(cfg->filename),
				       .line = section->line };
	if (now.anew)
		vt_settings_init(&now.settings);
	b->settings = now.settings;
	now.anew = true;
	take_line(section, "output", &b->output);
	take_line(section, "input", &b->input);
	check_board(b);
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------- */

static cfg_t *new_parser(void)
{
	static cfg_opt_t board_options[] = {
		CFG_STR_LIST("output", NULL, CFGF_NODEFAULT), CFG_STR_LIST("input", NULL, CFGF_NODEFAULT),
		CFG_STR("active-low", NULL, CFGF_NODEFAULT), CFG_STR("bias", NULL, CFGF_NODEFAULT),
		CFG_STR("drive", NULL, CFGF_NODEFAULT), CFG_STR("latch", NULL, CFGF_NODEFAULT),
		CFG_STR("check", NULL, CFGF_NODEFAULT), CFG_STR("hold-limit", NULL, CFGF_NODEFAULT),
		CFG_STR("on-stop", NULL, CFGF_NODEFAULT), CFG_END()
	};
	static cfg_opt_t options[] = {
		CFG_STR("priority", NULL, CFGF_NODEFAULT),
		CFG_SEC("group", board_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END()
	};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	char name[64];

	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	cfg_set_validate_func(cfg, "priority", on_priority);
	cfg_set_validate_func(cfg, "group", on_board);
	for (int i = 0; vt_settings_keys[i]; i++) {
		snprintf(name, sizeof(name), "group|%s", vt_settings_keys[i]);
		cfg_set_validate_func(cfg, name, on_setting);
	}
	return cfg;
}

static void read_file(const char *file)
{
	cfg_t *cfg = new_parser();
	FILE *in = fopen(file, "re");

	now.anew = true;
	if (!cfg || !in) {
		mistake(file, 0, "cannot read it: %s", strerror(errno));
	} else {
		cfg->filename = copy(file);
		cfg_parse_fp(cfg, in);
		now.config->files++;
	}
	if (in)
		fclose(in);
	if (cfg)
		cfg_free(cfg);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static void read_drop_ins(const char *file)
{
	struct dirent **entries;
	char *path;
	int n;

	if (asprintf(&path, "%s.d", file) < 0)
		abort();
	n = scandir(path, &entries, is_drop_in, alphasort);
	free(path);
	for (int i = 0; i < n; i++) {
		if (asprintf(&path, "%s.d/%s", file, entries[i]->d_name) < 0)
			abort();
		read_file(path);
		free(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static bool exists(const char *file)
{
	FILE *in = fopen(file, "re");

	if (in)
		fclose(in);
	return in || errno != ENOENT;
}

int vt_config_read(struct vt_config *config, const char *file, void (*tell)(const char *mistake))
{
	*config = (struct vt_config){ .priority = VT_PRIORITY_DEFAULT };
	now = (struct reading){ .config = config, .tell = tell, .anew = true };
	if (file || exists(VT_CONFIG_FILE))
		read_file(file ? file : VT_CONFIG_FILE);
	read_drop_ins(file ? file : VT_CONFIG_FILE);
	return config->mistakes;
}

void vt_config_free(struct vt_config *config)
{
	while (config->count > 0) {
		struct vt_config_board *b = &config->boards[--config->count];

		free(b->group);
		free(b->output.chip);
		free(b->output.line);
		free(b->input.chip);
		free(b->input.line);
		free(b->file);
	}
	free(config->boards);
	config->boards = NULL;
}
