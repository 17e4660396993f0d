/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cgroupfs.h"
#include "moves.h"
#include "report.h"

static const struct vtctl_table table = {
	sizeof(struct vtctl_moved),
	(const struct vtctl_field[]){
		{ "pid", NULL, NULL, KIND_PID, offsetof(struct vtctl_moved, pid) },
		{ "from", NULL, NULL, KIND_TEXT, offsetof(struct vtctl_moved, from) },
		{ 0 } },
};

int vtctl_moves_take(char *const *texts, int count, struct vtctl_moves *moves)
{
	int i, status = EXIT_OK;

	*moves = (struct vtctl_moves){ calloc((size_t)count, sizeof(*moves->items)), count };
	if (!moves->items)
		return vtctl_failure("out of memory");
	for (i = 0; i < count && status == EXIT_OK; i++)
		status = vtctl_take_pid(texts[i], &moves->items[i].pid);
	return status;
}

void vtctl_moves_free(struct vtctl_moves *moves)
{
	int i;

	for (i = 0; moves->items && i < moves->count; i++)
		free(moves->items[i].from);
	free(moves->items);
}

/* Last moved, first back: a process named twice ends where it was at first. */
static void undo(struct vt *vt, const struct vtctl_moved *moved, int count)
{
	while (count-- > 0)
		if (moved[count].from)
			vtctl_put_back(vt, moved[count].pid, moved[count].from);
}

static int refused(int err)
{
	if (err == -EXDEV)
		return vtctl_failure("%s; --allow-step does it", vt_message());
	return vtctl_failure_of_vt();
}

int vtctl_moves_do(struct vtctl_moves *moves, struct vt *vt,
		   int (*move)(struct vt *vt, pid_t pid, void *arg), void *arg)
{
	int i, err, status;

	for (i = 0; i < moves->count; i++) {
		moves->items[i].from = vtctl_where(moves->items[i].pid);
		err = move(vt, moves->items[i].pid, arg);
		if (err) {
			status = refused(err);
			undo(vt, moves->items, i);
			return status;
		}
	}
	if (vtctl_speaks_json())
		vtctl_print_rows(&(struct vtctl_rows){ &table, moves->items, moves->count });
	return EXIT_OK;
}
