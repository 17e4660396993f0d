// SPDX-License-Identifier: MIT
/*
 * The stream of records, as one listener hears it.
 *
 * Two records made at the same time on two CPUs may stand in the ring buffer in either order: what is
 * found in one go is sorted. One go has room for all that the ring buffer holds.
 *
 * What found it full was only counted, together with the number of the last record that did: a record
 * that tells so takes that one's place in the order. The count is looked at once the ring buffer is
 * empty, so that everything older has been found.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"
#include "listener.h"

#define RECORD_BYTES 64 /* in the ring buffer, with the kernel's header */
#define BYTES_MAX (1U << 30)

struct vt_events {
	struct vt_listening listening;
	struct ring_buffer *ring;
	struct vt_record *found;
	size_t count, room; /* room for one more, which tells of losses */
	uint64_t told;      /* losses that the listener has heard of */
};

/* A negative answer ends the round, with this record taken. */
static int gather(void *arg, void *data, size_t size)
{
	struct vt_events *ev = arg;

	if (size < sizeof(struct vt_record))
		return 0;
	memcpy(&ev->found[ev->count++], data, sizeof(struct vt_record));
	return ev->count < ev->room ? 0 : -ECANCELED;
}

static int open_ring(struct vt_events *ev, size_t bytes)
{
	ev->room = bytes / RECORD_BYTES;
	ev->found = malloc((ev->room + 1) * sizeof(*ev->found));
	ev->ring = ring_buffer__new(ev->listening.ring_fd, gather, ev, NULL);
	if (!ev->ring)
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
		return vt_error(-err, what, NULL, err == -EBUSY ? "too many do" : NULL);
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

static void add_losses(struct vt_events *ev)
{
	struct vt_listener l;

	if (vt_listening_look(&ev->listening, &l) || l.lost == ev->told)
		return;
	ev->found[ev->count++] = (struct vt_record){
		.seq = l.lost_seq,
		.real_ns = l.lost_real_ns,
		.virtual_ns = l.lost_virtual_ns,
		.value = l.lost - ev->told,
		.kind = VT_REC_LOST,
	};
	ev->told = l.lost;
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
	err = ring_buffer__consume(ev->ring);
	if (err < 0 && err != -ECANCELED)
		return vt_error(-err, "cannot read events", NULL, NULL);
	if (err >= 0)
		add_losses(ev);
	if (!ev->count && vt_listening_is_over(&ev->listening))
		return vt_error(ENODEV, "cannot read events", NULL, "the BPF programs have been unloaded");
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
