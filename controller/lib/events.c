// SPDX-License-Identifier: MIT
/*
 * The stream of records.
 *
 * Records are made only while somebody listens, so that a full ring buffer means that the reader
 * was too slow. Two records made at the same time on two CPUs may stand in the buffer in either
 * order: what is found in one go is sorted. A lock on a directory among the pins tells whether
 * there is a reader; it goes with a reader that dies.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib.h"

struct vt_events {
	struct vt *vt;
	struct ring_buffer *ring;
	int lock_fd;
	struct vt_record *found;
	size_t count, room;
};

static int gather(void *arg, void *data, size_t size)
{
	struct vt_events *ev = arg;

	if (size < sizeof(struct vt_record))
		return 0;
	if (ev->count == ev->room) {
		size_t room = ev->room ? 2 * ev->room : 64;
		struct vt_record *more = realloc(ev->found, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		ev->found = more;
		ev->room = room;
	}
	memcpy(&ev->found[ev->count++], data, sizeof(struct vt_record));
	return 0;
}

static int lock_reader(struct vt_events *ev)
{
	char path[PATH_MAX + sizeof(VT_LISTENER_LOCK)];

	snprintf(path, sizeof(path), "%s/" VT_LISTENER_LOCK, ev->vt->pins);
	ev->lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ev->lock_fd < 0)
		return -errno;
	return flock(ev->lock_fd, LOCK_EX | LOCK_NB) ? -EBUSY : 0;
}

static int open_ring(struct vt_events *ev)
{
	int fd = vt_pin_get(ev->vt->pins, "vt_records"), err = 0;

	if (fd < 0)
		return fd;
	ev->ring = ring_buffer__new(fd, gather, ev, NULL);
	if (!ev->ring)
		err = -errno;
	close(fd);
	return err;
}

/* What a dead reader has left is not ours. */
static int start(struct vt_events *ev)
{
	int err = vt_listen(ev->vt, false);

	if (!err && ring_buffer__consume(ev->ring) < 0)
		err = -ENOMEM;
	ev->count = 0;
	return err ? err : vt_listen(ev->vt, true);
}

int vt_events_open(struct vt *vt, struct vt_events **out)
{
	struct vt_events *ev = calloc(1, sizeof(*ev));
	int err;

	if (!ev)
		return vt_error(ENOMEM, "cannot listen to events", NULL, NULL);
	ev->vt = vt;
	err = lock_reader(ev);
	if (!err)
		err = open_ring(ev);
	if (!err)
		err = start(ev);
	if (err) {
		ring_buffer__free(ev->ring);
		if (ev->lock_fd >= 0)
			close(ev->lock_fd);
		free(ev->found);
		free(ev);
		return vt_error(-err, "cannot listen to events", NULL,
				err == -EBUSY ? "somebody else does" : NULL);
	}
	*out = ev;
	return 0;
}

int vt_events_fd(const struct vt_events *ev)
{
	return ring_buffer__epoll_fd(ev->ring);
}

static int by_seq(const void *a, const void *b)
{
	const struct vt_record *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

int vt_events_read(struct vt_events *ev, void (*each)(const struct vt_record *r, void *arg),
		   void *arg)
{
	int err;

	ev->count = 0;
	err = ring_buffer__consume(ev->ring);
	if (err < 0)
		return vt_error(-err, "cannot read events", NULL, NULL);
	if (ev->count)
		qsort(ev->found, ev->count, sizeof(*ev->found), by_seq);
	for (size_t i = 0; i < ev->count; i++)
		each(&ev->found[i], arg);
	return (int)ev->count;
}

void vt_events_close(struct vt_events *ev)
{
	if (!ev)
		return;
	vt_listen(ev->vt, false);
	ring_buffer__free(ev->ring);
	close(ev->lock_fd);
	free(ev->found);
	free(ev);
}
