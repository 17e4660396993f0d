/* SPDX-License-Identifier: MIT */
/* The kernel's own interface, for inputs: <linux/gpio.h>, version 2, since Linux 5.10. */
#ifndef VT_LINE_UAPI_H
#define VT_LINE_UAPI_H

#include "line.h"

/* The descriptor of the request. */
int vt_uapi_open_input(const char *chip_path, unsigned int offset, const struct vt_line_spec *spec);
int vt_uapi_level(int fd);
int vt_uapi_next_edge(int fd, struct vt_line_edge *edge);

#endif
