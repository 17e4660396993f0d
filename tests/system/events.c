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

static void die_listening(void)
{
	struct vt_events *ev;

	_exit(vt_events_open(vt, &ev) ? 1 : 0);
}

static void second_reader(void **state)
{
	struct vt_events *ev, *second;
	pid_t pid = spawn(die_listening);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	spawn_into(*state, sleeping); /* a record that nobody has read */
	ev = listen_anew();
	FAILS(EBUSY, vt_events_open(vt, &second));
	assert_int_equal(vt_events_read(ev, keep, NULL), 0);
	vt_events_close(ev);
}

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

static void check_sequence(void)
{
	for (int i = 1; i < count; i++)
		assert_int_equal(records[i].seq, records[i - 1].seq + 1);
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
	assert_int_equal(count, 2 * 200 * 4 + 200 * 2);
	check_sequence();
	assert_int_equal(counters_now().records - before.records, count);
	assert_int_equal(counters_now().records_lost, 0);
	drop_group(stress.groups[0]);
	drop_group(stress.groups[1]);
}

static void full(void **state)
{
	struct vt_events *ev = listen_anew();
	uint64_t lost;

	spawn_into(*state, sleeping);
	for (int i = 0; i < 1500; i++) {
		OK(vt_group_freeze(*state));
		OK(vt_group_thaw(*state));
	}
	lost = counters_now().records_lost;
	vt_events_read(ev, keep, NULL);
	assert_true(count == ROOM || lost == 0);
	OK(vt_group_freeze(*state));
	OK(vt_group_thaw(*state));
	count = 0;
	assert_in_range(vt_events_read(ev, keep, NULL), 2, 4);
	assert_int_equal(records[count - 1].seq, counters_now().records);
	vt_events_close(ev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("a group's life is told in order, with its instants", a_life),
		WITH_GROUP("the descriptor is readable when records wait", readable),
		WITH_GROUP("no records are made while nobody listens", nobody_listens),
		WITH_GROUP("one reader at a time, and a dead one does not count", second_reader),
		SENTENCE("records of groups that change at once have no gaps", no_gaps),
		WITH_GROUP("a reader that is too slow loses records and hears of it", full),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
