// SPDX-License-Identifier: MIT
/*
 * A listener's place among the readers of the stream: one of a few slots, each with a directory among
 * the pins to lock and a place for a ring buffer, see vt_layout.h.
 *
 * The lock goes with its holder, however that ends, the ring buffer does not: the kernel's map keeps
 * it until the next one who listens finds it without a lock. Taking a ring buffer away waits until no
 * program writes to it any more.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"
#include "listener.h"

#define TAKE_TRIES 20

/* The locked directory of a slot; -EWOULDBLOCK somebody has it. */
static int lock_slot(const char *pins, uint32_t slot)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/" VT_LISTENER_DIR "%u", pins, slot);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* With the slot locked. To delete what is not there would wait all the same. */
static void clear_slot(const struct vt_listening *l, uint32_t slot)
{
	struct vt_listener nobody = {};
	uint32_t id;

	if (bpf_map_lookup_elem(l->rings_fd, &slot, &id) == 0)
		bpf_map_delete_elem(l->rings_fd, &slot);
	bpf_map_update_elem(l->listeners_fd, &slot, &nobody, BPF_ANY);
}

/* Somebody may hold a lock for as long as it takes to bury the dead. */
static int take_slot(struct vt_listening *l, const char *pins)
{
	for (int i = 0; i < TAKE_TRIES; i++) {
		for (l->slot = 0; l->slot < VT_LISTENERS_MAX; l->slot++) {
			l->lock_fd = lock_slot(pins, l->slot);
			if (l->lock_fd >= 0)
				return 0;
			if (l->lock_fd != -EWOULDBLOCK)
				return l->lock_fd;
		}
		vt_retry_pause(i);
	}
	return -EBUSY;
}

static void bury_dead(const struct vt_listening *l, const char *pins)
{
	for (uint32_t slot = 0; slot < VT_LISTENERS_MAX; slot++) {
		int fd = slot == l->slot ? -1 : lock_slot(pins, slot);

		if (fd < 0)
			continue;
		clear_slot(l, slot);
		close(fd);
	}
}

static int put_ring(struct vt_listening *l, size_t bytes)
{
	struct vt_listener me = { .pid = (uint32_t)getpid() };

	l->ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "vt_ring", 0, 0, (uint32_t)bytes, NULL);
	if (l->ring_fd < 0)
		return -errno;
	clear_slot(l, l->slot);
	if (bpf_map_update_elem(l->listeners_fd, &l->slot, &me, BPF_ANY) ||
	    bpf_map_update_elem(l->rings_fd, &l->slot, &l->ring_fd, BPF_ANY))
		return -errno;
	return 0;
}

/* An unload tells nobody; but the slot's directory goes with all that is beside it. */
static int watch_pins(struct vt_listening *l)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/..", l->lock_fd);
	l->pins_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->pins_fd < 0 || inotify_add_watch(l->pins_fd, path, IN_DELETE) < 0)
		return -errno;
	return fstat(l->lock_fd, &st) == 0 && st.st_nlink == 0 ? -ENOENT : 0;
}

int vt_listening_begin(struct vt_listening *l, const char *pins, size_t bytes)
{
	int err;

	*l = (struct vt_listening){ .rings_fd = -1, .listeners_fd = -1, .lock_fd = -1, .pins_fd = -1,
				    .ring_fd = -1 };
	l->rings_fd = vt_pin_get(pins, "vt_rings");
	l->listeners_fd = vt_pin_get(pins, "vt_listeners");
	if (l->rings_fd < 0 || l->listeners_fd < 0)
		err = l->rings_fd < 0 ? l->rings_fd : l->listeners_fd;
	else
		err = take_slot(l, pins);
	if (!err)
		err = watch_pins(l);
	if (!err) {
		bury_dead(l, pins);
		err = put_ring(l, bytes);
	}
	if (err)
		vt_listening_end(l);
	return err;
}

/* The lock last. */
void vt_listening_end(struct vt_listening *l)
{
	if (l->lock_fd >= 0)
		clear_slot(l, l->slot);
	vt_close_fd(l->ring_fd);
	vt_close_fd(l->rings_fd);
	vt_close_fd(l->listeners_fd);
	vt_close_fd(l->pins_fd);
	vt_close_fd(l->lock_fd);
}

int vt_listening_look(const struct vt_listening *l, struct vt_listener *out)
{
	return bpf_map_lookup_elem(l->listeners_fd, &l->slot, out) ? -errno : 0;
}

/* Only if something was removed the slot's directory may be. */
bool vt_listening_is_over(struct vt_listening *l)
{
	char events[4096];
	struct stat st;

	while (read(l->pins_fd, events, sizeof(events)) > 0)
		l->is_over = fstat(l->lock_fd, &st) == 0 && st.st_nlink == 0;
	return l->is_over;
}
