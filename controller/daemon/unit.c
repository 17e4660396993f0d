// SPDX-License-Identifier: MIT
/*
 * One board: what the machine wants is done to its group and its lines, and what happens to them is
 * told to the machine. Between an edge and the write to cgroup.freeze there are few system calls and
 * no allocation.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vtd.h"

/* ---- lines --------------------------------------------------------------------------------- */

static struct vt_line_spec spec_of(const struct unit *u, const struct vt_config_line *line)
{
	const struct vt_settings *s = &u->config->settings;

	return (struct vt_line_spec){
		.chip = line->chip,
		.line = line->line,
		.active_low = s->active_low,
		.bias = (enum vt_line_bias)s->bias,
		.drive = (enum vt_line_drive)s->drive,
		.consumer = "vtd",
	};
}

/* No more than the kernel keeps: from a wire that chatters more may come all the time. */
static void take_edges(struct unit *u)
{
	struct vt_line_edge e;
	int n = 0;

	for (int i = 0; i < VT_LINE_EDGES && (n = vt_line_next_edge(u->input, &e)) > 0; i++) {
		if (u->board)
			vt_board_edge(u->board, e.seq, e.asserted, e.stamp_ns, vtd_now_ns());
		notes_edge(u, &e);
	}
	if (n < 0) {
		vtd_log("group '%s': cannot read edges: %s", u->config->group, strerror(-n));
		u->is_cut_off = true;
	}
	u->look = true;
}

static void serve_line(struct source *s)
{
	take_edges(s->owner);
}

static int open_input(struct unit *u)
{
	struct vt_line_spec spec = spec_of(u, &u->config->input);
	int err = vt_line_open_input(&spec, &u->input);

	if (err)
		return err;
	u->source = (struct source){ .fd = vt_line_fd(u->input), .is_urgent = true, .serve = serve_line,
				     .vtd = u->vtd, .owner = u };
	return vtd_watch(&u->source);
}

int unit_open_lines(struct unit *u)
{
	struct vt_line_spec spec = spec_of(u, &u->config->output);
	int err = 0;

	if (u->config->output.chip)
		err = vt_line_open_output(&spec, false, &u->output);
	if (!err && u->config->input.chip)
		err = open_input(u);
	if (err)
		vtd_log("%s:%d: group '%s': %s", u->config->file, u->config->line, u->config->group,
			vt_line_message());
	return err;
}

static void close_lines(struct unit *u)
{
	vt_line_close(u->output);
	vt_line_close(u->input);
	u->output = u->input = NULL;
	u->driven = false;
}

static bool level_of(struct unit *u, bool otherwise)
{
	int level = u->input ? vt_line_level(u->input) : 0;

	if (level >= 0)
		return level;
	vtd_log("group '%s': cannot read the level: %s", u->config->group, strerror(-level));
	return otherwise;
}

/* A line that cannot be driven is tried again at each check. */
static void drive(struct unit *u)
{
	bool wanted = u->board && vt_board_drives(u->board);
	int err;

	if (!u->output || wanted == u->driven)
		return;
	err = vt_line_set(u->output, wanted);
	if (err)
		vtd_log("group '%s': cannot drive the line: %s", u->config->group, strerror(-err));
	else
		u->driven = wanted;
	u->look = true;
}

/* ---- the group ----------------------------------------------------------------------------- */

static int write_freeze(struct unit *u, const char *text)
{
	if (pwrite(u->freeze_fd, text, 1, 0) == 1)
		return 0;
	if (errno != ENODEV) /* it goes, and a record will say so */
		vtd_log("group '%s': cannot write cgroup.freeze: %s", u->config->group, strerror(errno));
	return -errno;
}

static void count_delay(struct unit *u, int64_t stop_ns)
{
	const struct vt_board *b = u->board;
	int64_t delay_ns = vtd_now_ns() - b->turned_ns[true];

	if (!b->wire || b->end_ns)
		return;
	u->last_ns = delay_ns;
	if (delay_ns > u->worst_ns)
		u->worst_ns = delay_ns;
	if (stop_ns <= b->turned_ns[true] + b->config.latch_ns || u->overrun_told ||
	    !b->config.has_clock)
		return;
	u->overrun_told = true;
	vtd_log("group '%s': froze %lld us after the edge, later than the latch of %lld us allows",
		u->config->group, (long long)(delay_ns / 1000),
		(long long)(b->config.latch_ns / 1000));
}

/* An instant to stop at would take the place of a step's end; so a step stops at once. */
static void freeze(struct unit *u, int64_t now_ns)
{
	struct vt_board *b = u->board;
	int64_t stop_ns;

	vt_board_will_freeze(b, u->freezes + 1);
	stop_ns = b->end_ns ? now_ns : instant_stop(u->group, vt_board_stop_at(b, now_ns));
	if (write_freeze(u, "1") == 0) {
		count_delay(u, stop_ns);
		vt_board_froze(b, stop_ns, now_ns);
	}
}

/* One that only a cgroup above keeps frozen says nothing to that: somebody holds it there. */
static void look_above(struct unit *u)
{
	struct vt_status status;

	groups_read(u->vtd);
	if (!u->board || u->told_to_start || vt_group_status(u->group, &status) != 0)
		return;
	if (status.state == VT_FREEZING || status.state == VT_FROZEN)
		vt_board_frozen_by(u->board, "a cgroup above", u->freezes, vtd_now_ns());
}

static void thaw(struct unit *u, int64_t now_ns)
{
	int64_t start_ns = instant_start(u->group, vt_board_start_at(u->board, now_ns));

	u->told_to_start = false;
	if (write_freeze(u, "0") != 0)
		return;
	vt_board_thawed(u->board, start_ns, now_ns);
	look_above(u);
}

static void tell_limit(struct unit *u, int64_t now_ns)
{
	const struct vt_board *b = u->board;

	if (!vt_board_is_over_limit(b, now_ns)) {
		u->limit_told = false;
		return;
	}
	if (u->limit_told)
		return;
	u->limit_told = true;
	for (int i = 0; i < VT_HOLDS; i++)
		if (b->holds[i].on)
			vtd_log("group '%s' has been held beyond the limit: %s, by %s", u->config->group,
				vt_hold_name((enum vt_hold_kind)i), b->holds[i].owner);
	if (vt_board_held_by_wire(b))
		vtd_log("group '%s' has been held beyond the limit: wire, by another board",
			u->config->group);
}

/* The level counts only where no edge waits that tells the same. */
static void look(struct unit *u)
{
	int64_t now_ns;
	bool level;

	take_edges(u);
	level = level_of(u, u->board->wire);
	if (level != u->board->wire)
		take_edges(u);
	u->look = false;
	now_ns = vtd_now_ns();
	if (vt_board_deadline(u->board, now_ns) <= now_ns)
		vt_board_check(u->board, level, now_ns);
	else
		vt_board_level(u->board, level, now_ns);
}

/* ---- steps ----------------------------------------------------------------------------------- */

void unit_will_end(struct unit *u, const struct vt_piece *piece, vt_virtual end)
{
	vt_board_will_end(u->board, NULL, vt_clock_when(piece, end).ns);
}

/* Nobody tells when an end is taken away. */
static void hold_for_step(struct unit *u)
{
	struct vt_status status;

	if (vt_group_status(u->group, &status) == 0 && !status.has_end)
		vt_board_will_end(u->board, NULL, 0);
	else
		vt_board_hold(u->board, VT_HOLD_STEP, u->board->ends_for, vtd_now_ns());
}

/* Its chip is gone. What only the wire has frozen goes on, as on a board that was never on one. */
static void leave_wire(struct unit *u)
{
	vtd_log("group '%s' is on no wire any more, until vtd is started again", u->config->group);
	vtd_unwatch(&u->source);
	close_lines(u);
	u->is_cut_off = false;
	unit_let_go(u);
	groups_find(u->vtd);
}

void unit_settle(struct unit *u)
{
	int64_t now_ns;

	if (u->is_cut_off)
		leave_wire(u);
	if (u->board && vt_board_step_due(u->board) <= vtd_now_ns())
		hold_for_step(u);
	drive(u);
	if (!u->board)
		return;
	now_ns = vtd_now_ns();
	if (u->input && (u->look || vt_board_deadline(u->board, now_ns) <= now_ns))
		look(u);
	if (vt_board_stands(u->board, now_ns) != u->board->frozen) {
		if (u->board->frozen)
			thaw(u, now_ns);
		else
			freeze(u, now_ns);
	}
	if (u->board)
		tell_limit(u, now_ns);
	notes_tell(u);
}

/* ---- taking charge, and letting go ----------------------------------------------------------- */

static int identify(struct unit *u)
{
	char path[PATH_MAX];

	u->id = vt_group_id(u->group);
	snprintf(path, sizeof(path), "%s/cgroup.freeze", vt_group_path(u->group));
	u->freeze_fd = open(path, O_RDWR | O_CLOEXEC);
	return u->freeze_fd < 0 ? -errno : 0;
}

static void begin(struct unit *u, const struct vt_status *status)
{
	const struct vt_settings *s = &u->config->settings;
	const struct vt_board_config config = {
		.is_wired = u->input,
		.has_clock = status->is_virtual,
		.latch_ns = s->latch_ns,
		.check_ns = s->check_ns,
		.limit_ns = s->limit_ns,
	};
	const struct vt_board_found found = {
		.level = level_of(u, false),
		.frozen = status->state == VT_FREEZING || status->state == VT_FROZEN,
		.stepped = status->books.flags & VT_GROUP_STEPPED,
		.freezes = status->books.freezes,
		.stop_ns = (int64_t)status->books.a_ns,
	};
	bool is_known;

	u->board = memory_open(u->vtd->run_dir, u->id, &is_known);
	if (!u->board) {
		snprintf(u->refused, sizeof(u->refused), "no memory for it under '%s': %s",
			 u->vtd->run_dir, strerror(errno));
		return;
	}
	if (!is_known)
		vt_board_init(u->board, &config, vtd_now_ns());
	/* Without memory, who froze it? If the wire is asserted, it was the wire. */
	if (!is_known && found.level)
		vt_board_will_freeze(u->board, found.freezes);
	u->freezes = found.freezes;
	u->rate = status->rate;
	vt_board_restart(u->board, &config, &found, vtd_now_ns());
	if (status->has_end && !found.frozen)
		unit_will_end(u, &(struct vt_piece){ status->real, status->virt, status->rate }, status->end);
}

void unit_adopt(struct unit *u, struct vt_group *g)
{
	struct vt_status status;

	u->group = g;
	if (identify(u) != 0)
		snprintf(u->refused, sizeof(u->refused), "cannot open it: %s", strerror(errno));
	else if (vt_group_status(g, &status) != 0)
		snprintf(u->refused, sizeof(u->refused), "%.200s", vt_message());
	else if (!members_any_refused(u->vtd->priority, g, u->refused, sizeof(u->refused)))
		begin(u, &status);
	if (u->refused[0])
		vtd_log("group '%s' is not taken charge of: %s", u->config->group, u->refused);
	u->look = true;
}

void unit_let_go(struct unit *u)
{
	memory_close(u->board);
	u->board = NULL;
	if (u->freeze_fd >= 0)
		close(u->freeze_fd);
	u->freeze_fd = -1;
	vt_group_close(u->group);
	u->group = NULL;
	u->refused[0] = '\0';
}

void unit_drop(struct unit *u)
{
	memory_remove(u->vtd->run_dir, u->id);
	unit_let_go(u);
}

void unit_end(struct unit *u)
{
	if (u->board && !u->config->settings.keep && !u->vtd->keeps) {
		for (int i = 0; i < VT_HOLDS; i++)
			vt_board_release(u->board, (enum vt_hold_kind)i);
		if (u->board->frozen)
			write_freeze(u, "0");
		memory_remove(u->vtd->run_dir, u->id);
	}
	unit_let_go(u);
	close_lines(u);
}
