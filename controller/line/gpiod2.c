// SPDX-License-Identifier: MIT
/* libgpiod 2: the library has all that is needed, but no search for a chip by name or label. */
#include <dirent.h>
#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

struct vt_line {
	struct gpiod_line_request *request;
	struct gpiod_edge_event_buffer *events; /* of one */
	unsigned int offset;
};

static bool is_chip(struct gpiod_chip *chip, const char *name)
{
	struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
	bool is = info && (strcmp(gpiod_chip_info_get_name(info), name) == 0 ||
			   strcmp(gpiod_chip_info_get_label(info), name) == 0);

	gpiod_chip_info_free(info);
	return is;
}

static struct gpiod_chip *open_if(const char *file, const char *name)
{
	struct gpiod_chip *chip = NULL;
	char path[300];

	snprintf(path, sizeof(path), "/dev/%s", file);
	if (gpiod_is_gpiochip_device(path))
		chip = gpiod_chip_open(path);
	if (chip && !is_chip(chip, name)) {
		gpiod_chip_close(chip);
		chip = NULL;
	}
	return chip;
}

static int find_chip(const struct vt_line_spec *spec, struct gpiod_chip **chip)
{
	DIR *dir = opendir("/dev");
	struct dirent *entry;

	*chip = NULL;
	while (dir && !*chip && (entry = readdir(dir)))
		if (strncmp(entry->d_name, "gpiochip", 8) == 0)
			*chip = open_if(entry->d_name, spec->chip);
	if (dir)
		closedir(dir);
	return *chip ? 0 : vt_line_error(ENOENT, spec, "no such chip");
}

/* Who has it is told now: a request that is refused does not say. */
static int check_line(struct gpiod_chip *chip, const struct vt_line_spec *spec, unsigned int offset)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip, offset);
	int err = 0;

	if (!info)
		return vt_line_error(ENOENT, spec, "the chip has no such line");
	if (gpiod_line_info_is_used(info))
		err = vt_line_error_busy(spec, gpiod_line_info_get_consumer(info));
	gpiod_line_info_free(info);
	return err;
}

static int find_line(struct gpiod_chip *chip, const struct vt_line_spec *spec, unsigned int *offset)
{
	int found;

	if (!vt_line_is_offset(spec->line, offset)) {
		found = gpiod_chip_get_line_offset_from_name(chip, spec->line);
		if (found < 0)
			return vt_line_error(ENOENT, spec, "the chip has no such line");
		*offset = (unsigned int)found;
	}
	return check_line(chip, spec, *offset);
}

static void set_direction(struct gpiod_line_settings *s, const struct vt_line_spec *spec,
			  bool is_input, bool asserted)
{
	static const enum gpiod_line_drive drive[] = {
		[VT_DRIVE_PUSH_PULL] = GPIOD_LINE_DRIVE_PUSH_PULL,
		[VT_DRIVE_OPEN_DRAIN] = GPIOD_LINE_DRIVE_OPEN_DRAIN,
		[VT_DRIVE_OPEN_SOURCE] = GPIOD_LINE_DRIVE_OPEN_SOURCE,
	};

	if (is_input) {
		gpiod_line_settings_set_direction(s, GPIOD_LINE_DIRECTION_INPUT);
		gpiod_line_settings_set_edge_detection(s, GPIOD_LINE_EDGE_BOTH);
		gpiod_line_settings_set_event_clock(s, GPIOD_LINE_CLOCK_MONOTONIC);
	} else {
		gpiod_line_settings_set_direction(s, GPIOD_LINE_DIRECTION_OUTPUT);
		gpiod_line_settings_set_drive(s, drive[spec->drive]);
		gpiod_line_settings_set_output_value(s, asserted ? GPIOD_LINE_VALUE_ACTIVE
								 : GPIOD_LINE_VALUE_INACTIVE);
	}
}

static struct gpiod_line_settings *settings_of(const struct vt_line_spec *spec, bool is_input,
					       bool asserted)
{
	static const enum gpiod_line_bias bias[] = {
		[VT_BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS,
		[VT_BIAS_DISABLED] = GPIOD_LINE_BIAS_DISABLED,
		[VT_BIAS_PULL_UP] = GPIOD_LINE_BIAS_PULL_UP,
		[VT_BIAS_PULL_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN,
	};
	struct gpiod_line_settings *s = gpiod_line_settings_new();

	if (!s)
		return NULL;
	set_direction(s, spec, is_input, asserted);
	gpiod_line_settings_set_bias(s, bias[spec->bias]);
	gpiod_line_settings_set_active_low(s, spec->active_low);
	return s;
}

static struct gpiod_line_request *request(struct gpiod_chip *chip, unsigned int offset,
					  struct gpiod_line_settings *settings, const char *consumer)
{
	struct gpiod_request_config *config = gpiod_request_config_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_line_request *r = NULL;

	if (config && lines && settings &&
	    gpiod_line_config_add_line_settings(lines, &offset, 1, settings) == 0) {
		gpiod_request_config_set_consumer(config, consumer);
		gpiod_request_config_set_event_buffer_size(config, VT_LINE_EDGES);
		r = gpiod_chip_request_lines(chip, config, lines);
	}
	gpiod_line_config_free(lines);
	gpiod_request_config_free(config);
	return r;
}

static int open_line(const struct vt_line_spec *spec, bool is_input, bool asserted,
		     struct vt_line *l)
{
	struct gpiod_line_settings *settings;
	struct gpiod_chip *chip;
	int err = find_chip(spec, &chip);

	if (err)
		return err;
	err = find_line(chip, spec, &l->offset);
	if (!err) {
		settings = settings_of(spec, is_input, asserted);
		l->request = request(chip, l->offset, settings, spec->consumer);
		if (!l->request)
			err = vt_line_error_request(errno, spec, is_input, NULL);
		gpiod_line_settings_free(settings);
	}
	gpiod_chip_close(chip);
	return err;
}

static int open_any(const struct vt_line_spec *spec, bool is_input, bool asserted,
		    struct vt_line **out)
{
	struct vt_line *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return vt_line_error(ENOMEM, spec, NULL);
	l->events = gpiod_edge_event_buffer_new(1);
	err = l->events ? open_line(spec, is_input, asserted, l) : vt_line_error(ENOMEM, spec, NULL);
	if (err) {
		vt_line_close(l);
		return err;
	}
	*out = l;
	return 0;
}

int vt_line_open_output(const struct vt_line_spec *spec, bool asserted, struct vt_line **out)
{
	return open_any(spec, false, asserted, out);
}

int vt_line_open_input(const struct vt_line_spec *spec, struct vt_line **out)
{
	return open_any(spec, true, false, out);
}

void vt_line_close(struct vt_line *l)
{
	if (!l)
		return;
	if (l->request)
		gpiod_line_request_release(l->request);
	if (l->events)
		gpiod_edge_event_buffer_free(l->events);
	free(l);
}

int vt_line_set(struct vt_line *l, bool asserted)
{
	enum gpiod_line_value value = asserted ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;

	return gpiod_line_request_set_value(l->request, l->offset, value) ? -errno : 0;
}

int vt_line_level(struct vt_line *l)
{
	enum gpiod_line_value value = gpiod_line_request_get_value(l->request, l->offset);

	return value == GPIOD_LINE_VALUE_ERROR ? -errno : value == GPIOD_LINE_VALUE_ACTIVE;
}

int vt_line_fd(const struct vt_line *l)
{
	return gpiod_line_request_get_fd(l->request);
}

int vt_line_next_edge(struct vt_line *l, struct vt_line_edge *edge)
{
	struct gpiod_edge_event *event;
	int n = gpiod_line_request_wait_edge_events(l->request, 0);

	if (n <= 0)
		return n ? -errno : 0;
	if (gpiod_line_request_read_edge_events(l->request, l->events, 1) != 1)
		return -errno;
	event = gpiod_edge_event_buffer_get_event(l->events, 0);
	edge->seq = (uint32_t)gpiod_edge_event_get_line_seqno(event);
	edge->asserted = gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE;
	edge->stamp_ns = (int64_t)gpiod_edge_event_get_timestamp_ns(event);
	return 1;
}
