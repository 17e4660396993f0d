/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: who is in which group, and when a group ends.
 *
 * Membership is the cgroup's and needs no books; what is kept is how it came about. The event
 * of a move names the destination only and comes after the move, so the group that a process
 * was in is remembered with the task: written when it is moved in and when a member forks. It
 * goes away with the task. Processes that were in a directory before it was made a group have
 * no such note: when they are moved out, that is not counted as a leave.
 *
 * A move, or a removal of the directory, by libvt is told from one by hand: libvt announces
 * itself (vt_expect) for the time of the system call that causes the event.
 *
 * The fork program runs for every fork of the machine: it returns at once without groups.
 */
#ifndef VT_BPF_GROUPS_H
#define VT_BPF_GROUPS_H

#include "books.h"

/* The group that a process was last seen to be in. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} vt_members SEC(".maps");

/* Processes in the middle of a libvt call; the start time unmasks a reused PID. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} vt_callers SEC(".maps");

static __always_inline __u64 current_start(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->group_leader->start_boottime;
}

static __always_inline bool is_by_hand(void)
{
	__u32 process = current_process();
	__u64 *start = bpf_map_lookup_elem(&vt_callers, &process);

	return !start || *start != current_start();
}

/* req->group: not 0 announces the calling process, 0 ends that. */
SEC("syscall")
int vt_expect(struct vt_request *req)
{
	__u32 process = current_process();
	__u64 start = current_start();

	if (req->group)
		return bpf_map_update_elem(&vt_callers, &process, &start, BPF_ANY);
	bpf_map_delete_elem(&vt_callers, &process);
	return 0;
}

/*
 * The task's note, made if there is none. The kernel may be short of memory, or another program of
 * the CPU in the middle of its notes (before 6.2 a look is refused then, too): no note.
 */
static __always_inline __u64 *note_of(struct task_struct *task)
{
	__u64 *note = bpf_task_storage_get(&vt_members, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!note)
		VT_COUNT(untracked);
	return note;
}

static __always_inline void remember(struct task_struct *task, __u64 group)
{
	__u64 *note = note_of(task);

	if (note)
		*note = group;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(vt_on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct vt_group_rec *rec;
	__u64 group;

	if (!group_count)
		return 0;
	group = nearest_group(child->cgroups->dfl_cgrp);
	if (!group)
		return 0;
	if (child->pid == child->tgid)
		remember(child, group);
	rec = books_of(group);
	if (rec)
		__sync_fetch_and_add(&rec->forks, 1);
	return 0;
}

static __always_inline __s64 lag_of(const struct instant *at)
{
	return at->real_ns - at->virtual_ns;
}

static __always_inline void leave(__u64 group, const struct instant *at, __u32 pid)
{
	struct vt_group_rec *rec = books_of(group);

	if (!rec)
		return;
	__sync_fetch_and_add(&rec->leaves, 1);
	record(VT_REC_LEAVE, group, at, 0, pid);
}

static __always_inline void join(__u64 group, const struct instant *at, __s64 lag_before,
				 __u32 pid)
{
	struct vt_group_rec *rec = books_of(group);

	if (!rec)
		return;
	__sync_fetch_and_add(&rec->joins, 1);
	if (lag_of(at) > lag_before)
		__sync_fetch_and_add(&rec->steps_back, 1);
	if (is_by_hand())
		VT_COUNT(hand_joins);
	record(VT_REC_JOIN, group, at, 0, pid);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(vt_on_attach, struct cgroup *cgrp, const char *path, struct task_struct *task)
{
	__u64 *note, from, to;
	struct instant before, after;
	__u32 pid = task->pid;

	if (!group_count || !is_v2(cgrp))
		return 0;
	note = note_of(task);
	from = note ? *note : 0;
	to = nearest_group(cgrp);
	if (from == to)
		return 0;
	if (note)
		*note = to;
	before = clock_of(from);
	after = clock_of(to);
	if (from)
		leave(from, &before, pid);
	if (to)
		join(to, &after, lag_of(&before), pid);
	return 0;
}

/* The kernel drops the clock of a cgroup that goes; its books go with it. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(vt_on_rmdir, struct cgroup *cgrp)
{
	struct instant now;

	if (!group_count || !is_v2(cgrp))
		return 0;
	now = read_clock(cgrp);
	if (!books_delete(cgrp->kn->id, &now) && is_by_hand())
		VT_COUNT(groups_released);
	return 0;
}

#endif /* VT_BPF_GROUPS_H */
