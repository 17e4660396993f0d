// SPDX-License-Identifier: MIT
#include "system.h"

#include <poll.h>

#define ROOM 4096

static struct vt_record records[ROOM];
static int count;

static void keep(const struct vt_record *r, void *arg)
{
	(void)arg;
	if (count < ROOM)
		records[count++] = *r;
}

static struct vt_events *listen_anew(void)
{
	struct vt_events *ev;

	count = 0;
	OK(vt_events_open(vt, &ev));
	return ev;
}

static void expect_kinds(const uint32_t *kinds, int n)
{
	assert_int_equal(count, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(records[i].kind, kinds[i]);
}

static void a_life(void **state)
{
	static const uint32_t kinds[] = {
		VT_REC_CREATE, VT_REC_JOIN, VT_REC_FREEZE, VT_REC_FROZEN, VT_REC_THAW, VT_REC_RUNNING,
		VT_REC_LEAVE, VT_REC_DELETE,
	};
	struct vt_events *ev = listen_anew();
	struct vt_group *g = make_group(own_name("life"));
	struct vt_group_rec books;
	pid_t pid = spawn_into(g, sleeping);

	(void)state;
	freeze_fully(g);
	thaw_fully(g);
	books = books_of(g);
	OK(vt_detach(vt, pid));
	drop_group(g);
	assert_int_equal(vt_events_read(ev, keep, NULL), 8);
	expect_kinds(kinds, 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(records[i].group, records[0].group);
		assert_int_equal(records[i].virtual_ns, records[i].real_ns);
		assert_true(i == 0 || records[i].seq == records[i - 1].seq + 1);
		assert_true(i == 0 || records[i].real_ns >= records[i - 1].real_ns);
	}
	assert_int_equal(records[1].pid, pid);
	assert_int_equal(records[2].real_ns, books.a_ns);
	assert_int_equal(records[3].real_ns, books.b_ns);
	assert_int_equal(records[4].real_ns, books.c_ns);
	assert_int_equal(records[2].pid, getpid());
	vt_events_close(ev);
	reap(pid);
}

static void readable(void **state)
{
	struct vt_events *ev = listen_anew();
	struct pollfd fd = { .fd = vt_events_fd(ev), .events = POLLIN };

	assert_int_equal(poll(&fd, 1, 0), 0);
	spawn_into(*state, sleeping);
	assert_int_equal(poll(&fd, 1, 5000), 1);
	assert_int_equal(vt_events_read(ev, keep, NULL), 1);
	assert_int_equal(vt_events_read(ev, keep, NULL), 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
	vt_events_close(ev);
}

static void nobody_listens(void **state)
{
	struct vt_counters before = counters_now();

	spawn_into(*state, sleeping);
	for (int i = 0; i < 10; i++) {
		freeze_fully(*state);
		thaw_fully(*state);
	}
	assert_int_equal(counters_now().records, before.records);
	assert_int_equal(counters_now().records_lost, before.records_lost);
}

/* ---- several listeners -------------------------------------------------------------------------- */

static void two_hear_the_same(void **state)
{
	struct vt_record first[ROOM];
	struct vt_events *one = listen_anew(), *other;
	int n;

	OK(vt_events_open(vt, &other));
	spawn_into(*state, sleeping);
	for (int i = 0; i < 10; i++) {
		freeze_fully(*state);
		thaw_fully(*state);
	}
	assert_int_equal(vt_events_read(one, keep, NULL), 1 + 10 * 4);
	n = count;
	memcpy(first, records, sizeof(first));
	count = 0;
	assert_int_equal(vt_events_read(other, keep, NULL), n);
	assert_memory_equal(first, records, (size_t)n * sizeof(*records));
	vt_events_close(one);
	OK(vt_group_freeze(*state));
	assert_true(vt_events_read(other, keep, NULL) > 0);
	vt_events_close(other);
}

static int told[2];

static void listen_and_die(void)
{
	struct vt_events *ev;

	if (vt_events_open(vt, &ev) || write(told[1], "x", 1) != 1)
		_exit(1);
	sleeping();
}

static void the_dead_make_room(void **state)
{
	struct vt_events *living[VT_LISTENERS_MAX], *late;
	char x;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = spawn(listen_and_die);
	assert_int_equal(read(told[0], &x, 1), 1);
	for (int i = 1; i < VT_LISTENERS_MAX; i++)
		OK(vt_events_open(vt, &living[i]));
	FAILS(EBUSY, vt_events_open(vt, &late));
	reap(pid);
	spawn_into(*state, sleeping); /* a record that the dead one will not read */
	OK(vt_events_open(vt, &late));
	spawn_into(*state, sleeping);
	count = 0;
	assert_int_equal(vt_events_read(late, keep, NULL), 1);
	assert_int_equal(records[0].kind, VT_REC_JOIN);
	for (int i = 1; i < VT_LISTENERS_MAX; i++) {
		assert_int_equal(vt_events_read(living[i], keep, NULL), 2);
		vt_events_close(living[i]);
	}
	vt_events_close(late);
	close(told[0]);
	close(told[1]);
}

static void bad_sizes(void **state)
{
	struct vt_events *ev;

	(void)state;
	FAILS(EINVAL, vt_events_open_sized(vt, 0, &ev));
	FAILS(EINVAL, vt_events_open_sized(vt, 64, &ev));
	FAILS(EINVAL, vt_events_open_sized(vt, 12288, &ev));
	FAILS(EINVAL, vt_events_open_sized(vt, (size_t)1 << 31, &ev));
}

/* ---- notes -------------------------------------------------------------------------------------- */

static void notes(void **state)
{
	struct vt_events *ev = listen_anew();
	struct vt_status before = status_of(*state), after;

	OK(vt_events_note(*state, VT_REC_EDGE_IN, 7, 123456789));
	OK(vt_events_note(*state, VT_REC_HOLD_OFF, 8, 0));
	after = status_of(*state);
	assert_int_equal(vt_events_read(ev, keep, NULL), 2);
	assert_int_equal(records[0].kind, VT_REC_EDGE_IN);
	assert_int_equal(records[0].id, 7);
	assert_int_equal(records[0].value, 123456789);
	assert_int_equal(records[0].pid, getpid());
	assert_in_range(records[0].real_ns, before.real.ns, after.real.ns);
	assert_in_range(records[0].virtual_ns, before.virt.ns, after.virt.ns);
	assert_int_equal(records[1].kind, VT_REC_HOLD_OFF);
	assert_int_equal(records[1].id, 8);
	assert_int_equal(records[1].seq, records[0].seq + 1);
	vt_events_close(ev);
}

static void no_such_notes(void **state)
{
	struct vt_group *gone = make_group(own_name("gone"));

	FAILS(EINVAL, vt_events_note(*state, VT_REC_FREEZE, 0, 0));
	FAILS(EINVAL, vt_events_note(*state, VT_REC_LOST, 0, 0));
	FAILS(EINVAL, vt_events_note(*state, (enum vt_record_kind)0, 0, 0));
	OK(vt_group_delete(gone, true));
	FAILS(ENOENT, vt_events_note(gone, VT_REC_EDGE_IN, 0, 0));
	vt_group_close(gone);
}

/* ---- losses --------------------------------------------------------------------------------------- */

/* The kernel keeps one byte of a ring buffer free. */
#define SMALL 4096
#define SMALL_RECORDS (SMALL / 64 - 1)

static void note_many(struct vt_group *g, int n)
{
	for (int i = 0; i < n; i++)
		OK(vt_events_note(g, VT_REC_EDGE_IN, 0, (uint64_t)i));
}

static void full(void **state)
{
	struct vt_counters before = counters_now();
	struct vt_events *ev, *roomy = listen_anew();
	struct vt_record *lost = &records[SMALL_RECORDS];

	OK(vt_events_open_sized(vt, SMALL, &ev));
	note_many(*state, SMALL_RECORDS);
	assert_int_equal(counters_now().records_lost, before.records_lost);
	note_many(*state, 37);
	assert_int_equal(counters_now().records_lost, before.records_lost + 37);
	assert_int_equal(vt_events_read(ev, keep, NULL), SMALL_RECORDS + 1);
	assert_int_equal(lost->kind, VT_REC_LOST);
	assert_int_equal(lost->value, 37);
	assert_int_equal(lost->seq, lost[-1].seq + 37);
	assert_true(lost->real_ns >= lost[-1].real_ns);
	note_many(*state, 1);
	count = 0;
	assert_int_equal(vt_events_read(ev, keep, NULL), 1);
	assert_int_equal(records[0].kind, VT_REC_EDGE_IN);
	assert_int_equal(vt_events_read(ev, keep, NULL), 0);
	vt_events_close(ev);
	count = 0;
	assert_int_equal(vt_events_read(roomy, keep, NULL), SMALL_RECORDS + 38);
	for (int i = 0; i < count; i++)
		assert_int_equal(records[i].kind, VT_REC_EDGE_IN);
	vt_events_close(roomy);
}

static struct vt_group *noted;
#define HASTE 20000

static void note_in_haste(void)
{
	for (int i = 0; i < HASTE; i++)
		if (vt_events_note(noted, VT_REC_EDGE_IN, 0, 0))
			_exit(1);
	_exit(0);
}

struct sum {
	uint64_t found, lost, last;
};

static void add_up(const struct vt_record *r, void *arg)
{
	struct sum *sum = arg;

	if (r->seq <= sum->last)
		fail_msg("kind %u, number %lu after %lu", r->kind, (unsigned long)r->seq,
			 (unsigned long)sum->last);
	sum->last = r->seq;
	if (r->kind == VT_REC_LOST)
		sum->lost += r->value;
	else
		sum->found++;
}

/* The only writer, so that numbers and losses add up exactly. */
static void no_loss_untold(void **state)
{
	struct vt_counters before = counters_now();
	struct sum sum = { 0 };
	struct vt_events *ev;
	int status;
	pid_t pid;

	noted = *state;
	OK(vt_events_open_sized(vt, SMALL, &ev));
	pid = spawn(note_in_haste);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		/* Whoever reads from the beginning loses nothing to a writer that is slow */
		if (counters_now().records_lost > before.records_lost)
			vt_events_read(ev, add_up, &sum);
		pass_ms(1);
	}
	assert_int_equal(status, 0);
	vt_events_read(ev, add_up, &sum);
	assert_true(sum.lost > 0);
	assert_int_equal(sum.found + sum.lost, HASTE);
	assert_int_equal(counters_now().records_lost - before.records_lost, sum.lost);
	vt_events_close(ev);
}

/* ---- many groups ---------------------------------------------------------------------------------- */

struct stress {
	struct vt_group *groups[2];
};

/* Two groups at once, each frozen by a process of its own, and a third process that makes and
 * deletes groups. */
static struct stress stress;

static void freeze_one(struct vt_group *g)
{
	for (int i = 0; i < 200; i++)
		if (vt_group_freeze(g) || vt_group_wait(g, VT_FROZEN, PATIENCE_NS) ||
		    vt_group_thaw(g) || vt_group_wait(g, VT_RUNNING, PATIENCE_NS))
			_exit(1);
	_exit(0);
}

static void freeze_first(void)
{
	freeze_one(stress.groups[0]);
}

static void freeze_second(void)
{
	freeze_one(stress.groups[1]);
}

static void make_and_delete(void)
{
	for (int i = 0; i < 200; i++)
		drop_group(make_group(own_name("short")));
	_exit(0);
}

static int by_seq(const void *a, const void *b)
{
	const struct vt_record *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void check_sequence(void)
{
	qsort(records, (size_t)count, sizeof(records[0]), by_seq);
	for (int i = 1; i < count; i++)
		assert_int_equal(records[i].seq, records[i - 1].seq + 1);
}

static int count_kind(uint32_t kind)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n += records[i].kind == kind;
	return n;
}

static void no_gaps(void **state)
{
	void (*const bodies[])(void) = { freeze_first, freeze_second, make_and_delete };
	struct vt_counters before = counters_now();
	struct vt_events *ev;
	pid_t pids[3];
	int status, ended = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		stress.groups[i] = make_group(own_name(i ? "second" : "first"));
		spawn_into(stress.groups[i], spinning);
	}
	ev = listen_anew();
	for (int i = 0; i < 3; i++)
		pids[i] = spawn(bodies[i]);
	while (ended < 3) {
		while (ended < 3 && waitpid(pids[ended], &status, WNOHANG) == pids[ended]) {
			assert_int_equal(status, 0);
			ended++;
		}
		vt_events_read(ev, keep, NULL);
		pass_ms(1);
	}
	vt_events_read(ev, keep, NULL);
	vt_events_close(ev);
	check_sequence();
	assert_int_equal(count_kind(VT_REC_FREEZE), 2 * 200);
	assert_int_equal(count_kind(VT_REC_THAW), 2 * 200);
	assert_int_equal(count_kind(VT_REC_RUNNING), 2 * 200);
	assert_int_equal(count_kind(VT_REC_CREATE), 200);
	assert_int_equal(count_kind(VT_REC_DELETE), 200);
	assert_true(count_kind(VT_REC_FROZEN) >= 2 * 200); /* a task may leave for a moment */
	assert_int_equal(counters_now().records - before.records, count);
	assert_int_equal(counters_now().records_lost, before.records_lost);
	drop_group(stress.groups[0]);
	drop_group(stress.groups[1]);
}

static void unloaded(void **state)
{
	struct vt_events *ev = listen_anew();
	struct pollfd fd = { .fd = vt_events_fd(ev), .events = POLLIN };

	(void)state;
	assert_int_equal(poll(&fd, 1, 0), 0);
	OK(vt_unload(true));
	assert_int_equal(poll(&fd, 1, 5000), 1);
	FAILS(ENODEV, vt_events_read(ev, keep, NULL));
	FAILS(ENODEV, vt_events_read(ev, keep, NULL));
	vt_events_close(ev);
	vt_close(vt);
	OK(vt_load());
	OK(vt_open(&vt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("a group's life is told in order, with its instants", a_life),
		WITH_GROUP("the descriptor is readable when records wait", readable),
		WITH_GROUP("no records are made while nobody listens", nobody_listens),
		WITH_GROUP("two listeners hear the same records", two_hear_the_same),
		WITH_GROUP("a listener that was killed makes room for another", the_dead_make_room),
		SENTENCE("sizes of ring buffers are powers of two within limits", bad_sizes),
		WITH_GROUP("notes stand among the records, with their cause", notes),
		WITH_GROUP("notes are of the kinds that are for them, and of groups", no_such_notes),
		WITH_GROUP("records that found no room are told, with their number", full),
		WITH_GROUP("records that a slow listener hears or has lost are all that were made",
			   no_loss_untold),
		SENTENCE("records of groups that change at once have no gaps", no_gaps),
		SENTENCE("a listener is told when the programs are unloaded", unloaded),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
