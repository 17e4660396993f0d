// SPDX-License-Identifier: MIT
/*
 * Clocks read from the memory that the BPF programs publish them in.
 *
 * The order of a reading: both sequences, the pieces, the host's clock, both sequences again. No turn
 * began in between, so the sample of the host's clock is older than the first turn that the pieces do
 * not tell of.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/slot.h"
#include "lib.h"

#define SLOTS_BYTES (VT_GROUPS_MAX * sizeof(struct vt_clock_slot))
#define SKEW_NS 1000000 /* that two readings of one clock may seem to be out of order by */

struct vt_clock {
	const struct vt_clock_slot *slot;
	uint64_t group;
	void *pages;
	size_t size;
};

/* ---- mapping ------------------------------------------------------------------------------- */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* NULL and errno. */
static void *map_pages(struct vt *vt, size_t offset, size_t size, int access)
{
	int fd = vt_pin_get(vt->pins, "vt_clocks");
	void *pages;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	pages = mmap(NULL, size, access, MAP_SHARED, fd, (off_t)offset);
	close(fd);
	return pages == MAP_FAILED ? NULL : pages;
}

static size_t whole_pages(size_t size)
{
	return (size + page_size() - 1) / page_size() * page_size();
}

static int map_slot(struct vt *vt, uint32_t number, struct vt_clock *c)
{
	size_t begin = number * sizeof(struct vt_clock_slot);
	size_t first = begin / page_size() * page_size();

	c->size = whole_pages(begin + sizeof(struct vt_clock_slot) - first);
	c->pages = map_pages(vt, first, c->size, PROT_READ);
	if (!c->pages)
		return -errno;
	c->slot = (const struct vt_clock_slot *)((const char *)c->pages + (begin - first));
	return 0;
}

int vt_clocks_find_free(struct vt *vt, __u64 *slot)
{
	struct vt_clock_slot *slots = map_pages(vt, 0, whole_pages(SLOTS_BYTES), PROT_READ);

	if (!slots)
		return -errno;
	for (*slot = 0; *slot < VT_GROUPS_MAX && slots[*slot].group;)
		++*slot;
	munmap(slots, whole_pages(SLOTS_BYTES));
	return *slot < VT_GROUPS_MAX ? 0 : -ENOSPC;
}

void vt_clocks_wipe(struct vt *vt)
{
	struct vt_clock_slot *slots = map_pages(vt, 0, whole_pages(SLOTS_BYTES), PROT_READ | PROT_WRITE);

	if (!slots)
		return;
	for (int i = 0; i < VT_GROUPS_MAX; i++)
		__atomic_store_n(&slots[i].group, 0, __ATOMIC_RELAXED);
	munmap(slots, whole_pages(SLOTS_BYTES));
}

/* ---- reading ------------------------------------------------------------------------------- */

/* What follows must not be read before the processor's counter has been. */
static void after_clock(void)
{
#ifdef __x86_64__
	__builtin_ia32_lfence();
#endif
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static uint32_t seq_of(const struct vt_clock_piece *p)
{
	return __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);
}

/* False: the clock is being turned. */
static bool try_to_read(const struct vt_clock_slot *slot, struct vt_clock_slot *copy, vt_real *now)
{
	uint32_t freezer = seq_of(&slot->by_freezer), caller = seq_of(&slot->by_caller);

	if ((freezer | caller) & 1)
		return false;
	memcpy(copy, slot, sizeof(*copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	now->ns = vt_now_ns();
	after_clock();
	return seq_of(&slot->by_freezer) == freezer && seq_of(&slot->by_caller) == caller;
}

int vt_clock_now(const struct vt_clock *c, vt_virtual *out, vt_real *real)
{
	struct vt_clock_slot copy;
	vt_real now;

	for (int i = 0; i < VT_READ_TRIES; i++) {
		if (__atomic_load_n(&c->slot->group, __ATOMIC_RELAXED) != c->group)
			return vt_error_text(ENOENT, "cannot read the clock: its group has been deleted");
		if (try_to_read(c->slot, &copy, &now) && copy.group == c->group) {
			*out = vt_slot_at(&copy, now);
			if (real)
				*real = now;
			return 0;
		}
		vt_retry_pause(i);
	}
	return vt_error_text(EAGAIN, "cannot read the clock: it turns all the time");
}

/* ---- opening ------------------------------------------------------------------------------- */

/* The kernel's reading lies between two of the caller's, if both mean the same clock. */
static int check_host_clock(struct vt_group *g)
{
	int64_t before = vt_now_ns(), after;
	vt_virtual unused;
	vt_real kernel;
	int err = vt_clock_read(g, &unused, &kernel);

	after = vt_now_ns();
	if (err || (kernel.ns >= before - SKEW_NS && kernel.ns <= after + SKEW_NS))
		return err;
	return vt_error(EXDEV, "cannot observe the clock of group", g->name,
			"the caller's own clock is not the host's");
}

int vt_clock_open(struct vt_group *g, struct vt_clock **out)
{
	struct vt_group_rec books;
	struct vt_clock *c;
	int err = vt_group_books(g, &books);

	if (!err)
		err = check_host_clock(g);
	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	err = c ? map_slot(g->vt, books.slot, c) : -ENOMEM;
	if (err) {
		free(c);
		return vt_error(-err, "cannot map the clock of group", g->name, NULL);
	}
	c->group = g->id;
	*out = c;
	return 0;
}

void vt_clock_close(struct vt_clock *c)
{
	if (!c)
		return;
	munmap(c->pages, c->size);
	free(c);
}
