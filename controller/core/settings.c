// SPDX-License-Identifier: MIT
#include <string.h>

#include "board.h"
#include "settings.h"
#include "text.h"
#include "vt.h"

static int take_word(const char *value, const char *const *words, unsigned int *out)
{
	for (unsigned int i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0) {
			*out = i;
			return 0;
		}
	return vt_fail(-EINVAL);
}

static int take_flag(const char *value, const char *const *words, bool *out)
{
	unsigned int word;
	int err = take_word(value, words, &word);

	if (!err)
		*out = word & 1;
	return err;
}

static int take_duration(const char *value, int64_t min_ns, int64_t max_ns, int64_t *out)
{
	int64_t ns;
	int err = vt_parse_duration(value, &ns);

	if (err)
		return err;
	if (ns < min_ns || ns > max_ns)
		return vt_fail(-ERANGE);
	*out = ns;
	return 0;
}

static int take_active_low(struct vt_settings *s, const char *value)
{
	static const char *const words[] = { "no", "yes", "false", "true", NULL };

	return take_flag(value, words, &s->active_low);
}

static int take_bias(struct vt_settings *s, const char *value)
{
	static const char *const words[] = { "as-is", "disabled", "pull-up", "pull-down", NULL };

	return take_word(value, words, &s->bias);
}

static int take_drive(struct vt_settings *s, const char *value)
{
	static const char *const words[] = { "push-pull", "open-drain", "open-source", NULL };

	return take_word(value, words, &s->drive);
}

static int take_latch(struct vt_settings *s, const char *value)
{
	return take_duration(value, 0, VT_LATCH_MAX_NS, &s->latch_ns);
}

static int take_check(struct vt_settings *s, const char *value)
{
	return take_duration(value, VT_CHECK_MIN_NS, VT_CHECK_MAX_NS, &s->check_ns);
}

static int take_limit(struct vt_settings *s, const char *value)
{
	if (strcmp(value, "none") == 0) {
		s->limit_ns = 0;
		return 0;
	}
	return take_duration(value, VT_CHECK_MIN_NS, INT64_MAX / 2, &s->limit_ns);
}

static int take_on_stop(struct vt_settings *s, const char *value)
{
	static const char *const words[] = { "thaw", "keep", NULL };

	return take_flag(value, words, &s->keep);
}

static const struct setting {
	const char *key, *legal;
	int (*take)(struct vt_settings *s, const char *value);
} settings[] = {
	{ "active-low", "yes or no", take_active_low },
	{ "bias", "as-is, disabled, pull-up or pull-down", take_bias },
	{ "drive", "push-pull, open-drain or open-source", take_drive },
	{ "latch", "0us to 100ms, as in 500us", take_latch },
	{ "check", "10ms to 60s, as in 200ms", take_check },
	{ "hold-limit", "none, or 10ms to 146 years, as in 5m", take_limit },
	{ "on-stop", "thaw or keep", take_on_stop },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

const char *const vt_settings_keys[] = { "active-low", "bias",       "drive",   "latch",
					 "check",      "hold-limit", "on-stop", NULL };

static const struct setting *find(const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(key, settings[i].key) == 0)
			return &settings[i];
	return NULL;
}

void vt_settings_init(struct vt_settings *s)
{
	*s = (struct vt_settings){ .latch_ns = VT_LATCH_DEFAULT_NS, .check_ns = VT_CHECK_DEFAULT_NS };
}

const char *vt_settings_legal(const char *key)
{
	const struct setting *setting = find(key);

	return setting ? setting->legal : "";
}

int vt_settings_take(struct vt_settings *s, const char *key, const char *value)
{
	const struct setting *setting = find(key);

	return setting ? setting->take(s, value) : vt_fail(-ENOENT);
}

int vt_parse_priority(const char *text, int *priority)
{
	int n = 0, digits = 0;

	for (; vt_is_digit(*text) && digits < 3; text++, digits++)
		n = 10 * n + (*text - '0');
	if (!digits || *text)
		return vt_fail(-EINVAL);
	if (n < 1 || n > 98)
		return vt_fail(-ERANGE);
	*priority = n;
	return 0;
}
