/* SPDX-License-Identifier: MIT */
/* Move several processes, or none: those that were moved before one fails go back. */
#ifndef VTCTL_MOVES_H
#define VTCTL_MOVES_H

#include "verbs.h"

struct vtctl_moved {
	pid_t pid;
	char *from; /* cgroup path, once it is moved */
};

struct vtctl_moves {
	struct vtctl_moved *items;
	int count;
};

/* Read PIDs, before anything is opened or done. To be freed also if it fails. Exit status. */
int vtctl_moves_take(char *const *texts, int count, struct vtctl_moves *moves);
void vtctl_moves_free(struct vtctl_moves *moves);

/* Call move for each: 0 or a negative errno. With -j print where each came from. Exit status. */
int vtctl_moves_do(struct vtctl_moves *moves, struct vt *vt,
		   int (*move)(struct vt *vt, pid_t pid, void *arg), void *arg);

#endif /* VTCTL_MOVES_H */
