/* SPDX-License-Identifier: MIT */
/*
 * GPIO lines, as vtd needs them: one output, one input with edges. Behind it is libgpiod 1.6
 * (gpiod1.c, with the kernel's own interface for inputs in uapi.c, since that library has no
 * sequence numbers) or libgpiod 2 (gpiod2.c). Asserted is the logical level: active-low is the
 * kernel's business.
 */
#ifndef VT_LINE_H
#define VT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vt_line_bias {
	VT_BIAS_AS_IS,
	VT_BIAS_DISABLED,
	VT_BIAS_PULL_UP,
	VT_BIAS_PULL_DOWN,
};

enum vt_line_drive {
	VT_DRIVE_PUSH_PULL,
	VT_DRIVE_OPEN_DRAIN,
	VT_DRIVE_OPEN_SOURCE,
};

struct vt_line_spec {
	const char *chip; /* name (gpiochip0) or label */
	const char *line; /* offset or name */
	bool active_low;
	enum vt_line_bias bias;
	enum vt_line_drive drive; /* of an output */
	const char *consumer;
};

struct vt_line_edge {
	uint32_t seq; /* of this line, from 1 */
	bool asserted;
	int64_t stamp_ns; /* real, by the kernel */
};

struct vt_line;

/* The last failure: one line, no full stop; never NULL. */
const char *vt_line_message(void);

/* *out is owned by the caller: vt_line_close(). -ENOENT no such chip or line, -EBUSY (the message
 * has the consumer), -EOPNOTSUPP the line has no edges, others of the kernel's. */
int vt_line_open_output(const struct vt_line_spec *spec, bool asserted, struct vt_line **out);
int vt_line_open_input(const struct vt_line_spec *spec, struct vt_line **out);
/* Lets go of it: what becomes of an output's level is the driver's business. */
void vt_line_close(struct vt_line *line);

int vt_line_set(struct vt_line *line, bool asserted);
/* 1 asserted, 0 not, or a negative errno. */
int vt_line_level(struct vt_line *line);

/* Of an input: readable when edges wait. */
int vt_line_fd(const struct vt_line *line);
/* 1 and *edge, 0 if none waits, or a negative errno. */
int vt_line_next_edge(struct vt_line *line, struct vt_line_edge *edge);

/* ---- inside -------------------------------------------------------------------------------- */

/* Edges that the kernel keeps for us. */
#define VT_LINE_EDGES 1024

/* Sets the message; returns -error. */
int vt_line_error(int error, const struct vt_line_spec *spec, const char *reason);
int vt_line_error_busy(const struct vt_line_spec *spec, const char *consumer);
/* What a request has failed with. */
int vt_line_error_request(int error, const struct vt_line_spec *spec, bool is_input,
			  const char *consumer);
/* "17" is an offset, all else a name. */
bool vt_line_is_offset(const char *text, unsigned int *offset);

#endif
