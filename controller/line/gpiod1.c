// SPDX-License-Identifier: MIT
/* libgpiod 1.6: finds chips and lines, drives outputs. Inputs are uapi.c's. */
#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "uapi.h"

struct vt_line {
	struct gpiod_chip *chip; /* of an output */
	struct gpiod_line *line;
	int fd; /* of an input */
};

static int find_chip(const struct vt_line_spec *spec, struct gpiod_chip **chip)
{
	*chip = gpiod_chip_open_lookup(spec->chip);
	if (*chip)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return vt_line_error(errno, spec, NULL);
	return vt_line_error(ENOENT, spec, "no such chip");
}

static int find_line(struct gpiod_chip *chip, const struct vt_line_spec *spec,
		     struct gpiod_line **line)
{
	unsigned int offset;

	if (vt_line_is_offset(spec->line, &offset))
		*line = gpiod_chip_get_line(chip, offset);
	else
		*line = gpiod_chip_find_line(chip, spec->line);
	if (*line)
		return 0;
	if (errno == EINVAL && gpiod_chip_num_lines(chip) > 0 && !gpiod_chip_get_line(chip, 0))
		return vt_line_error(ENOTSUP, spec, "libgpiod 1.6 needs a kernel with GPIO_CDEV_V1");
	return vt_line_error(ENOENT, spec, "the chip has no such line");
}

static int find(const struct vt_line_spec *spec, struct gpiod_chip **chip, struct gpiod_line **line)
{
	int err = find_chip(spec, chip);

	if (err)
		return err;
	err = find_line(*chip, spec, line);
	if (!err && gpiod_line_is_used(*line))
		err = vt_line_error_busy(spec, gpiod_line_consumer(*line));
	if (err)
		gpiod_chip_close(*chip);
	return err;
}

static int flags_of(const struct vt_line_spec *spec)
{
	static const int bias[] = {
		[VT_BIAS_DISABLED] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
		[VT_BIAS_PULL_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
		[VT_BIAS_PULL_DOWN] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN,
	};
	static const int drive[] = {
		[VT_DRIVE_OPEN_DRAIN] = GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN,
		[VT_DRIVE_OPEN_SOURCE] = GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE,
	};

	return bias[spec->bias] | drive[spec->drive] |
	       (spec->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0);
}

static struct vt_line *new_line(void)
{
	struct vt_line *l = calloc(1, sizeof(*l));

	if (l)
		l->fd = -1;
	return l;
}

int vt_line_open_output(const struct vt_line_spec *spec, bool asserted, struct vt_line **out)
{
	const struct gpiod_line_request_config config = {
		.consumer = spec->consumer,
		.request_type = GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
		.flags = flags_of(spec),
	};
	struct vt_line *l = new_line();
	int err;

	if (!l)
		return vt_line_error(ENOMEM, spec, NULL);
	err = find(spec, &l->chip, &l->line);
	if (!err && gpiod_line_request(l->line, &config, asserted) != 0) {
		err = vt_line_error_request(errno, spec, false, NULL);
		gpiod_chip_close(l->chip);
	}
	if (err) {
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

int vt_line_open_input(const struct vt_line_spec *spec, struct vt_line **out)
{
	struct vt_line *l = new_line();
	struct gpiod_line *line;
	struct gpiod_chip *chip;
	char path[64];
	int err;

	if (!l)
		return vt_line_error(ENOMEM, spec, NULL);
	err = find(spec, &chip, &line);
	if (!err) {
		snprintf(path, sizeof(path), "/dev/%s", gpiod_chip_name(chip));
		l->fd = vt_uapi_open_input(path, gpiod_line_offset(line), spec);
		err = l->fd < 0 ? l->fd : 0;
		gpiod_chip_close(chip);
	}
	if (err) {
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

void vt_line_close(struct vt_line *l)
{
	if (!l)
		return;
	if (l->chip)
		gpiod_chip_close(l->chip);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

int vt_line_set(struct vt_line *l, bool asserted)
{
	return gpiod_line_set_value(l->line, asserted) ? -errno : 0;
}

int vt_line_level(struct vt_line *l)
{
	int level = l->line ? gpiod_line_get_value(l->line) : vt_uapi_level(l->fd);

	return l->line && level < 0 ? -errno : level;
}

int vt_line_fd(const struct vt_line *l)
{
	return l->fd;
}

int vt_line_next_edge(struct vt_line *l, struct vt_line_edge *edge)
{
	return vt_uapi_next_edge(l->fd, edge);
}
