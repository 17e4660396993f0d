// SPDX-License-Identifier: MIT
/*
 * Which of our groups are there, and what others do to them: the stream of records. Records of our
 * own doing are known by our process ID.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vtd.h"

#define RING_BYTES 65536
#define MACHINES_PIDS "pid:[4026531836]" /* PROC_PID_INIT_INO */

/* ---- who we are --------------------------------------------------------------------------------- */

/* Records have the PIDs of the machine. In a PID namespace ours is another: a record of our own doing
 * tells, before any of a freeze of ours. */
static void find_self(struct vtd *d, struct unit *u)
{
	char name[64] = "";

	if (d->self || !u->board)
		return;
	if (readlink("/proc/self/ns/pid", name, sizeof(name) - 1) > 0 && strcmp(name, MACHINES_PIDS) == 0) {
		d->self = getpid();
		return;
	}
	d->secret = (uint64_t)vtd_now_ns();
	vt_events_note(u->group, VT_REC_HOLD_OFF, VT_HOLDS, d->secret);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static struct unit *unit_of(struct vtd *d, uint64_t id)
{
	for (int i = 0; i < d->count; i++)
		if (d->units[i].group && d->units[i].id == id)
			return &d->units[i];
	return NULL;
}

void groups_find(struct vtd *d)
{
	for (int i = 0; i < d->count; i++) {
		struct vt_group *g;

		if (!d->units[i].group && vt_group_open(d->vt, d->units[i].config->group, &g) == 0) {
			unit_adopt(&d->units[i], g);
			find_self(d, &d->units[i]);
		}
	}
}

static void on_join(struct unit *u, pid_t pid)
{
	char why[VTD_REASON_MAX];

	if (members_refuses(u->vtd->priority, pid, why, sizeof(why)))
		vtd_log("group '%s': %s: it may keep vtd from freezing the group", u->config->group, why);
}

static void on_freeze(struct unit *u, const struct vt_record *r, bool is_ours)
{
	char owner[VT_OWNER_MAX];

	u->freezes++;
	if (!u->board)
		return;
	if (is_ours) {
		vt_board_stopped_at(u->board, u->freezes, (int64_t)r->real_ns);
		return;
	}
	members_name((pid_t)r->pid, owner, sizeof(owner));
	vt_board_frozen_by(u->board, owner, u->freezes, (int64_t)r->real_ns);
}

/* A group that stands goes on to its end when it is thawed, which is another record. */
static void on_step(struct unit *u, const struct vt_record *r, bool is_ours)
{
	const struct vt_piece piece = { { (int64_t)r->real_ns }, { (int64_t)r->virtual_ns }, u->rate };
	char owner[VT_OWNER_MAX];

	if (!u->board)
		return;
	if (r->kind == VT_REC_STEP_REACHED && !is_ours)
		vt_board_ended(u->board, (int64_t)r->real_ns);
	if (r->kind == VT_REC_STEP_ASKED) {
		members_name((pid_t)r->pid, owner, sizeof(owner));
		vt_board_will_end(u->board, owner, 0);
	}
	if (r->kind != VT_REC_STEP_REACHED)
		unit_will_end(u, &piece, (vt_virtual){ (int64_t)r->value });
}

static void on_rate(struct unit *u, const struct vt_record *r)
{
	struct vt_status status;

	u->rate = r->value;
	if (u->board && u->board->end_ns && vt_group_status(u->group, &status) == 0 && status.has_end)
		unit_will_end(u, &(struct vt_piece){ status.real, status.virt, status.rate }, status.end);
}

static void on_record_of(struct unit *u, const struct vt_record *r)
{
	bool is_ours = (pid_t)r->pid == u->vtd->self;

	switch (r->kind) {
	case VT_REC_FREEZE:
		on_freeze(u, r, is_ours);
		break;
	case VT_REC_THAW:
		u->told_to_start = true;
		if (!is_ours && u->board)
			vt_board_thawed_by_other(u->board, (int64_t)r->real_ns);
		break;
	case VT_REC_STEP_ASKED:
	case VT_REC_STEP_GRANTED:
	case VT_REC_STEP_REACHED:
		on_step(u, r, is_ours);
		break;
	case VT_REC_RATE:
		on_rate(u, r);
		break;
	case VT_REC_JOIN:
		on_join(u, (pid_t)r->pid);
		break;
	case VT_REC_DELETE:
		unit_drop(u);
		break;
	}
}

/* What was lost may have been anything, a group's end and another's beginning: look at all as after a
 * restart. */
static void look_anew(struct vtd *d)
{
	vtd_log("records were lost, looking at all groups anew");
	for (int i = 0; i < d->count; i++)
		unit_let_go(&d->units[i]);
	groups_find(d);
}

static void on_record(const struct vt_record *r, void *arg)
{
	struct vtd *d = arg;
	struct unit *u = unit_of(d, r->group);

	if (r->kind == VT_REC_HOLD_OFF && d->secret && r->value == d->secret)
		d->self = (pid_t)r->pid;
	else if (r->kind == VT_REC_LOST)
		look_anew(d);
	else if (r->kind == VT_REC_CREATE)
		groups_find(d);
	else if (u)
		on_record_of(u, r);
}

void groups_read(struct vtd *d)
{
	if (vt_events_read(d->events, on_record, d) == -ENODEV && !d->stopping) {
		vtd_log("the BPF programs were unloaded; ending, frozen groups stay so");
		d->stopping = d->keeps = true;
	}
}

/* The round reads them anyway, before it decides. */
static void serve_records(struct source *s)
{
	(void)s;
}

int groups_open(struct vtd *d)
{
	int err = vt_open(&d->vt);

	if (!err)
		err = vt_events_open_sized(d->vt, RING_BYTES, &d->events);
	if (err) {
		vtd_log("%s", vt_message());
		return err;
	}
	d->records = (struct source){ .fd = vt_events_fd(d->events), .is_urgent = true, .serve = serve_records,
				      .vtd = d };
	return vtd_watch(&d->records);
}
