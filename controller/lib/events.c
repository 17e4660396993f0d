// SPDX-License-Identifier: MIT
/*
 * The stream of records, as one listener hears it.
 *
 * Two records made at the same time on two CPUs may stand in the ring buffer in either order: what is
 * found in one go is sorted. One go has room for all that the ring buffer holds, with a loss before each.
 *
 * What found it full was only counted. Every record says how many were lost before it, so that a
 * record which tells of a loss is put in front of the first that comes after it. If none comes, the
 * count is told as soon as the ring buffer is found empty: everything older has been heard then.
 *
 * The ring buffer is never polled by libbpf, so that its epoll can have the removal of pins besides.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib.h"
#include "listener.h"

#define RECORD_BYTES 64 /* in the ring buffer, with the kernel's header */
#define BYTES_MAX ((size_t)1 << 30)

struct vt_events {
	struct vt_listening listening;
	struct ring_buffer *ring;
	struct vt_record *found;
	size_t count, room;
	uint64_t told;      /* losses that the listener has heard of */
	uint64_t last;      /* the greatest number that it has */
};

static void add(struct vt_events *ev, const struct vt_record *r)
{
	ev->found[ev->count++] = *r;
	if (r->seq > ev->last)
		ev->last = r->seq;
}

static void add_loss(struct vt_events *ev, uint64_t lost, uint64_t seq, uint64_t real_ns,
		     uint64_t virtual_ns)
{
	const struct vt_record r = {
		.seq = seq,
		.real_ns = real_ns,
		.virtual_ns = virtual_ns,
		.value = lost,
		.kind = VT_REC_LOST,
	};

	add(ev, &r);
	ev->told += lost;
}

/* A negative answer ends the round, with this record taken. */
static int gather(void *arg, void *data, size_t size)
{
	struct vt_events *ev = arg;
	struct vt_record r;
	int32_t lost;

	if (size < sizeof(r))
		return 0;
	memcpy(&r, data, sizeof(r));
	lost = (int32_t)(r.lost - (uint32_t)ev->told);
	if (lost > 0) /* one with an older count may come later */
		add_loss(ev, (uint32_t)lost, r.seq - 1, r.real_ns, r.virtual_ns);
	r.lost = 0;
	add(ev, &r);
	return ev->count < ev->room ? 0 : -ECANCELED;
}

static int open_ring(struct vt_events *ev, size_t bytes)
{
	struct epoll_event removed = { .events = EPOLLIN };

	ev->room = 2 * (bytes / RECORD_BYTES);
	ev->found = malloc((ev->room + 2) * sizeof(*ev->found));
	ev->ring = ring_buffer__new(ev->listening.ring_fd, gather, ev, NULL);
	if (!ev->ring || epoll_ctl(ring_buffer__epoll_fd(ev->ring), EPOLL_CTL_ADD, ev->listening.pins_fd,
				   &removed))
		return -errno;
	return ev->found ? 0 : -ENOMEM;
}

static int start(struct vt_events *ev, const char *pins, size_t bytes)
{
	int err = vt_listening_begin(&ev->listening, pins, bytes);

	if (err)
		return err;
	err = open_ring(ev, bytes);
	if (err) {
		ring_buffer__free(ev->ring);
		free(ev->found);
		vt_listening_end(&ev->listening);
	}
	return err;
}

static bool is_size(size_t bytes)
{
	return bytes >= (size_t)sysconf(_SC_PAGESIZE) && bytes <= BYTES_MAX && !(bytes & (bytes - 1));
}

int vt_events_open_sized(struct vt *vt, size_t bytes, struct vt_events **out)
{
	const char *what = "cannot listen to events";
	struct vt_events *ev;
	int err;

	if (!is_size(bytes))
		return vt_error(EINVAL, what, NULL, "the size is no power of two, or not between a "
				"page and 1 GiB");
	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return vt_error(ENOMEM, what, NULL, NULL);
	err = start(ev, vt->pins, bytes);
	if (err) {
		free(ev);
		return vt_error(-err, what, NULL, err == -EBUSY ? "as many as can do already" : NULL);
	}
	*out = ev;
	return 0;
}

int vt_events_open(struct vt *vt, struct vt_events **out)
{
	return vt_events_open_sized(vt, VT_RECORDS_BYTES, out);
}

int vt_events_fd(const struct vt_events *ev)
{
	return ring_buffer__epoll_fd(ev->ring);
}

/* Until nothing waits; then also what was lost last: the numbers after the last one are its. */
static int hear_all(struct vt_events *ev)
{
	struct vt_listener l;
	int found;

	for (;;) {
		found = ring_buffer__consume(ev->ring);
		if (found < 0 || vt_listening_look(&ev->listening, &l) || l.lost == ev->told)
			return found;
		found = ring_buffer__consume(ev->ring);
		if (found < 0)
			return found;
		if (!found && l.lost > ev->told)
			add_loss(ev, l.lost - ev->told, ev->last + l.lost - ev->told,
				 l.lost_real_ns, l.lost_virtual_ns);
	}
}

static int by_seq(const void *a, const void *b)
{
	const struct vt_record *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool is_in_order(const struct vt_events *ev)
{
	for (size_t i = 1; i < ev->count; i++)
		if (ev->found[i - 1].seq > ev->found[i].seq)
			return false;
	return true;
}

int vt_events_read(struct vt_events *ev, void (*each)(const struct vt_record *r, void *arg),
		   void *arg)
{
	int err;

	ev->count = 0;
	err = hear_all(ev);
	if (err < 0 && err != -ECANCELED)
		return vt_error(-err, "cannot read events", NULL, NULL);
	if (!ev->count && vt_listening_is_over(&ev->listening))
		return vt_error_unloaded("cannot read events");
	if (!is_in_order(ev))
		qsort(ev->found, ev->count, sizeof(*ev->found), by_seq);
	for (size_t i = 0; i < ev->count; i++)
		each(&ev->found[i], arg);
	return (int)ev->count;
}

void vt_events_close(struct vt_events *ev)
{
	if (!ev)
		return;
	ring_buffer__free(ev->ring);
	vt_listening_end(&ev->listening);
	free(ev->found);
	free(ev);
}

int vt_events_listeners(struct vt *vt, struct vt_listener *out)
{
	int fd = vt_pin_get(vt->pins, "vt_listeners"), count = 0;

	if (fd < 0)
		return vt_error(-fd, "cannot open the map", "vt_listeners", NULL);
	for (uint32_t slot = 0; slot < VT_LISTENERS_MAX; slot++)
		if (bpf_map_lookup_elem(fd, &slot, &out[count]) == 0 && out[count].pid)
			count++;
	close(fd);
	return count;
}

int vt_events_note(struct vt_group *g, enum vt_record_kind kind, uint32_t id, uint64_t value)
{
	struct vt_note note = { .group = g->id, .value = value, .kind = kind, .id = id };
	const char *what = "cannot note an event of group";
	int err = vt_run_on(g->vt, VT_PROG_NOTE, &note, sizeof(note));

	if (err == -ENOENT)
		return vt_error(ENOENT, what, g->name, "it has been deleted");
	if (err == -EINVAL)
		return vt_error(EINVAL, what, g->name, "no such kind, or not for notes");
	return err ? vt_error(-err, what, g->name, NULL) : 0;
}
