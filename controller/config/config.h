/* SPDX-License-Identifier: MIT */
/* The configuration of vtd: /etc/vt/vt.conf and then /etc/vt/vt.conf.d/<name>.conf, see vt.conf(5). */
#ifndef VT_CONFIG_H
#define VT_CONFIG_H

#include "settings.h"

#define VT_CONFIG_FILE "/etc/vt/vt.conf"

struct vt_config_line {
	char *chip, *line; /* NULL: there is none */
};

struct vt_config_board {
	char *group;
	struct vt_config_line output, input;
	struct vt_settings settings;
	char *file; /* where it stands */
	int line;
};

struct vt_config {
	int priority;
	struct vt_config_board *boards;
	int count;
	int mistakes;
	int files;
};

/* Read file and the drop-ins in the directory file.d. Every mistake is passed to tell, in one line, as
 * "FILE:LINE: …". file NULL: VT_CONFIG_FILE, which need not be there. Returns the number of mistakes,
 * or -ENOMEM. To be freed in any case. */
int vt_config_read(struct vt_config *config, const char *file, void (*tell)(const char *mistake));
void vt_config_free(struct vt_config *config);

#endif
