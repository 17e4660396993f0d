/* SPDX-License-Identifier: MIT */
/*
 * Inside vtd. One epoll loop, no threads, nothing that is looked at again and again:
 *   main.c     options, signals, the loop
 *   unit.c     one board: the machine of core/board.h, its group, its lines
 *   groups.c   which groups are there, and what others do to them: the records
 *   memory.c   what survives kill -9
 *   instant.c  stops and starts at an instant
 *   notes.c    edges and holds for those who listen to events
 *   members.c  real-time priorities: our own, and those of members
 *   control.c  the sockets
 *   answer.c   what is said there
 *   systemd.c  its two small protocols
 */
#ifndef VTD_H
#define VTD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"
#include "config.h"
#include "line.h"
#include "request.h"
#include "vt.h"

#define VTD_RUN_DIR "/run/vt"
#define VTD_REASON_MAX 256
#define UNIT_EDGES_MAX 16

struct vtd;

/* Something that epoll watches. */
struct source {
	int fd;
	bool is_urgent;    /* served before others, and between them */
	bool is_told_once; /* when it becomes ready, not for as long as it is */
	bool is_gone;      /* closed; freed after the round */
	void (*serve)(struct source *s);
	struct vtd *vtd;
	void *owner;
};

struct unit {
	struct vtd *vtd;
	const struct vt_config_board *config;
	struct vt_line *output, *input;
	struct source source; /* the input's edges */
	bool driven;
	bool look; /* the level may have changed */
	bool is_cut_off; /* the input is gone */

	/* while the group is there */
	struct vt_group *group;
	uint64_t id;
	int freeze_fd;
	struct vt_board *board; /* mapped memory; NULL: no group */
	uint64_t freezes;       /* of the group, so far */
	uint64_t rate;          /* of its clock */
	bool told_to_start;     /* a record said so since we asked for it */
	bool limit_told, overrun_told;
	int64_t last_ns, worst_ns; /* from an edge's stamp to the freeze written */
	char refused[VTD_REASON_MAX]; /* why the group is not ours; empty: it is */

	/* what listeners have been told of, and what not yet */
	struct vt_line_edge edges[UNIT_EDGES_MAX];
	int edge_count;
	bool noted_driven, noted_hold[VT_HOLDS + 1]; /* the last: another board's, on the wire */
};

struct vtd {
	struct vt_config config;
	const char *run_dir;
	int priority; /* that we really have; 0: none */
	pid_t self;      /* as records have it; 0: not known yet */
	uint64_t secret; /* of the record that will tell */
	struct vt *vt;
	struct vt_events *events;
	struct unit *units;
	int count;
	int epoll_fd;
	struct source urgent; /* an epoll of its own, for lines and the next two */
	struct source timer, records, signals, control, read;
	int64_t told_ns;      /* when somebody was answered last */
	int clients;
	bool has_control_group;
	gid_t control_group;
	bool stopping;
	bool keeps; /* whatever the configuration says of a clean end */
};

/* ---- main.c ---- */
__attribute__((format(printf, 1, 2))) void vtd_log(const char *format, ...);
int64_t vtd_now_ns(void);
int vtd_watch(struct source *s);
void vtd_unwatch(struct source *s);
/* See to all that is urgent; wait for that so long, if there is none. */
void vtd_heed(struct vtd *d, int patience_ms);

/* ---- unit.c ---- */
/* Its lines; exit says why not. */
int unit_open_lines(struct unit *u);
/* Take charge of the group, as it is; or say why not in u->refused. */
void unit_adopt(struct unit *u, struct vt_group *g);
/* The group has gone. */
void unit_drop(struct unit *u);
/* Nothing changes; groups_find() takes charge again of a group that is there. */
void unit_let_go(struct unit *u);
/* Do what the board wants now. */
void unit_settle(struct unit *u);
/* Its clock runs on this piece, and will stop by itself at that end. */
void unit_will_end(struct unit *u, const struct vt_piece *piece, vt_virtual end);
/* Ends: with keep nothing changes, else the group goes on. */
void unit_end(struct unit *u);

/* ---- groups.c ---- */
int groups_open(struct vtd *d);
/* What others have done since; before anything is decided. */
void groups_read(struct vtd *d);
/* Groups in our configuration that are there by now. */
void groups_find(struct vtd *d);

/* ---- memory.c ---- */
/* The board of that cgroup in a mapped file; *is_known: it was left by another vtd. NULL and errno. */
struct vt_board *memory_open(const char *run_dir, uint64_t id, bool *is_known);
void memory_close(struct vt_board *b);
void memory_remove(const char *run_dir, uint64_t id);

/* ---- instant.c ---- */
/* Before the freeze, or the thaw, is written: the instant that becomes true. */
int64_t instant_stop(struct vt_group *g, int64_t at_ns);
int64_t instant_start(struct vt_group *g, int64_t at_ns);

/* ---- notes.c ---- */
void notes_edge(struct unit *u, const struct vt_line_edge *e);
/* All that has changed since. */
void notes_tell(struct unit *u);

/* ---- members.c ---- */
int members_rise(int priority);
/* Why this process may not be a member, where its priority is not below ours; false: it may. */
bool members_refuses(int priority, pid_t pid, char *why, size_t size);
/* The same for whoever is in the group already. */
bool members_any_refused(int priority, const struct vt_group *g, char *why, size_t size);
void members_name(pid_t pid, char *buf, size_t size);

/* ---- control.c ---- */
int control_open(struct vtd *d);
void control_close(struct vtd *d);

/* ---- answer.c ---- */
struct peer {
	bool may_control;
	char name[VT_OWNER_MAX];
};
/* One line of JSON with its end, to be freed; NULL: no memory. line is cut up. */
char *answer(struct vtd *d, const struct peer *peer, char *line);

/* ---- systemd.c ---- */
void systemd_notify(const char *state);
/* A socket that was passed on to us, by the name of its file; -1. */
int systemd_socket(const char *name);

#endif
