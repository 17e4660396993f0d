// SPDX-License-Identifier: MIT
#include "system.h"

static struct vt_group *make_clock(const char *name, uint64_t rate)
{
	const struct vt_group_options options = { .rate = rate };
	struct vt_group *g;

	OK(vt_group_create(vt, name, &options, &g));
	return g;
}

static void begins_as_the_host(void **state)
{
	struct vt_status s = status_of(*state);

	assert_true(s.is_virtual);
	assert_false(s.clock_stopped);
	assert_int_equal(s.lag_ns, 0);
	assert_int_equal(s.rate, VT_RATE_ONE);
	assert_int_equal(s.books.flags, VT_GROUP_VIRTUAL | VT_GROUP_CREATED);
}

static void stands_from_a_to_c(void **state)
{
	struct vt_group *g = *state;
	struct vt_status before, s;

	spawn_into(g, sleeping);
	for (int i = 1; i <= 10; i++) {
		freeze_fully(g);
		before = status_of(g);
		assert_true(before.clock_stopped);
		assert_int_equal(before.virt.ns, before.books.virtual_a_ns);
		pass_ms(5);
		assert_int_equal(status_of(g).virt.ns, before.virt.ns);
		thaw_fully(g);
		s = status_of(g);
		assert_false(s.clock_stopped);
		assert_int_equal(s.lag_ns, s.frozen_ns);
		assert_int_equal(s.books.freezes, i);
	}
}

static void rates(void **state)
{
	static const uint64_t all[] = { VT_RATE_ONE / 2, VT_RATE_ONE * 10, VT_RATE_MIN, VT_RATE_MAX };
	struct vt_group *g = *state;
	struct vt_status a, b;
	vt_virtual last, now;

	OK(vt_clock_read(g, &last, NULL));
	for (int i = 0; i < 4; i++) {
		OK(vt_group_set_rate(g, all[i]));
		a = status_of(g);
		assert_int_equal(a.rate, all[i]);
		pass_ms(5);
		b = status_of(g);
		assert_in_range((b.virt.ns - a.virt.ns) + 2,
				(int64_t)((__int128)(b.real.ns - a.real.ns) * all[i] >> VT_RATE_SHIFT),
				(int64_t)((__int128)(b.real.ns - a.real.ns) * all[i] >> VT_RATE_SHIFT) + 4);
		OK(vt_clock_read(g, &now, NULL));
		assert_true(now.ns >= last.ns);
		last = now;
	}
	FAILS(ERANGE, vt_group_set_rate(g, 0));
	FAILS(ERANGE, vt_group_set_rate(g, VT_RATE_MAX + 1));
	assert_int_equal(status_of(g).rate, VT_RATE_MAX);
}

static void rate_of_frozen(void **state)
{
	struct vt_group *g = *state;
	struct vt_status s;

	spawn_into(g, sleeping);
	freeze_fully(g);
	s = status_of(g);
	OK(vt_group_set_rate(g, VT_RATE_ONE * 3));
	assert_int_equal(status_of(g).virt.ns, s.virt.ns);
	assert_int_equal(status_of(g).rate, VT_RATE_ONE * 3);
	thaw_fully(g);
	assert_int_equal(status_of(g).rate, VT_RATE_ONE * 3);
}

static void freeze_only_has_no_rate(void **state)
{
	struct vt_group *g = make_group(own_name("plain"));

	(void)state;
	FAILS(EOPNOTSUPP, vt_group_set_rate(g, VT_RATE_ONE));
	assert_false(status_of(g).is_virtual);
	drop_group(g);
}

static void step_back(void **state)
{
	struct vt_group *slow = make_clock(own_name("slow"), VT_RATE_ONE / 2), *g = *state;
	pid_t pid = spawn(sleeping), late = spawn(sleeping);

	pass_ms(20);
	FAILS(EXDEV, vt_group_attach(slow, pid, 0));
	assert_non_null(strstr(vt_message(), "step back by"));
	assert_int_equal(status_of(slow).tasks, 0);
	OK(vt_group_attach(g, pid, 0));
	FAILS(EXDEV, vt_group_attach(slow, pid, 0));
	assert_int_equal(books_of(g).leaves, 0);
	OK(vt_group_attach(slow, pid, VT_ATTACH_ALLOW_STEP));
	assert_int_equal(books_of(slow).steps_back, 1);
	OK(vt_group_attach(g, pid, 0));
	assert_int_equal(books_of(g).steps_back, 0);
	move_by_hand(slow, late);
	assert_int_equal(books_of(slow).steps_back, 2);
	drop_group(slow);
}

static int64_t wall_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void epoch(void **state)
{
	struct vt_group_options options = { .has_epoch = true, .epoch_ns = 1893456000 * SECOND_NS };
	struct vt_group *g;
	int64_t before = wall_clock_ns(), created;
	pid_t pid = spawn(sleeping);

	(void)state;
	OK(vt_group_create(vt, own_name("epoch"), &options, &g));
	created = options.epoch_ns - status_of(g).epoch_ns;
	assert_in_range(created, before, wall_clock_ns());
	OK(vt_group_attach(g, pid, 0));
	drop_group(g);
	options.epoch_ns = SECOND_NS;
	OK(vt_group_create(vt, own_name("past"), &options, &g));
	FAILS(EXDEV, vt_group_attach(g, pid = spawn(sleeping), 0));
	assert_non_null(strstr(vt_message(), "wall clock"));
	drop_group(g);
	options.epoch_ns = -SECOND_NS;
	FAILS(ERANGE, vt_group_create(vt, own_name("before-1970"), &options, NULL));
}

static void one_instant(void **state)
{
	struct vt_group *parent = *state, *child;
	struct vt_group_rec p, c;
	char name[256];

	snprintf(name, sizeof(name), "%s/child", vt_group_name(parent));
	child = make_clock(name, VT_RATE_ONE);
	spawn_into(child, sleeping);
	for (int i = 0; i < 10; i++) {
		freeze_fully(parent);
		thaw_fully(parent);
		OK(vt_group_wait(child, VT_RUNNING, PATIENCE_NS));
		p = books_of(parent);
		c = books_of(child);
		assert_int_equal(p.a_ns, c.a_ns);
		assert_int_equal(p.c_ns, c.c_ns);
	}
	assert_int_equal(status_of(child).lag_ns, status_of(parent).lag_ns);
	drop_group(child);
}

static void bound_frozen(void **state)
{
	struct vt_group *parent = *state, *child;
	struct vt_status s;
	char name[256];

	spawn_into(parent, sleeping);
	freeze_fully(parent);
	snprintf(name, sizeof(name), "%s/late", vt_group_name(parent));
	child = make_clock(name, VT_RATE_ONE);
	s = status_of(child);
	assert_true(s.clock_stopped);
	assert_int_equal(s.state, VT_FROZEN);
	assert_int_equal(s.virt.ns, status_of(parent).virt.ns);
	thaw_fully(parent);
	OK(vt_group_wait(child, VT_RUNNING, PATIENCE_NS));
	assert_false(status_of(child).clock_stopped);
	drop_group(child);
}

/* A storm of freezes, rate changes and readings; the clock must not go back. */
static struct vt_group *stormy;

static void freezing_storm(void)
{
	for (;;) {
		vt_group_freeze(stormy);
		vt_group_thaw(stormy);
	}
}

static void rate_storm(void)
{
	for (uint64_t i = 0;; i++)
		vt_group_set_rate(stormy, VT_RATE_ONE / 10 * (1 + i % 50));
}

static void never_back(void **state)
{
	struct vt_group *g = *state;
	struct vt_status s, last = status_of(g);
	pid_t a, b;

	stormy = g;
	spawn_into(g, spinning);
	a = spawn(freezing_storm);
	b = spawn(rate_storm);
	for (int i = 0; i < 2000; i++) {
		s = status_of(g);
		assert_true(s.virt.ns >= last.virt.ns && s.real.ns >= last.real.ns);
		assert_true(s.frozen_ns >= last.frozen_ns);
		last = s;
	}
	reap(a);
	reap(b);
	if (status_of(g).state != VT_RUNNING)
		thaw_fully(g);
	assert_int_equal(counters_now().clock_errors, 0);
}

/* What is told last of a thaw above: the cgroups before it take their time. */
static struct vt_group *make_last_of_many(struct vt_group *parent)
{
	char name[256];

	for (int i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "%s/%d", vt_group_path(parent), i);
		assert_int_equal(mkdir(name, 0755), 0);
	}
	snprintf(name, sizeof(name), "%s/last", vt_group_name(parent));
	return make_clock(name, VT_RATE_ONE);
}

static void remove_the_many(struct vt_group *parent)
{
	char name[256];

	for (int i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "%s/%d", vt_group_path(parent), i);
		assert_int_equal(rmdir(name), 0);
	}
}

static void never_back_below(void **state)
{
	struct vt_group *g = *state, *last_of_many = make_last_of_many(g);
	struct vt_status s, last = status_of(last_of_many);
	pid_t pid;

	stormy = g;
	spawn_into(last_of_many, sleeping);
	pid = spawn(freezing_storm);
	for (int i = 0; i < 2000; i++) {
		s = status_of(last_of_many);
		assert_true(s.frozen_ns >= last.frozen_ns);
		last = s;
	}
	reap(pid);
	if (status_of(g).state != VT_RUNNING)
		thaw_fully(g);
	drop_group(last_of_many);
	remove_the_many(g);
}

static void unload_with_clocks(void **state)
{
	(void)state;
	FAILS(EBUSY, vt_unload(false));
	assert_int_equal(status_of(*state).lag_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLOCK("a clock begins as the host's", begins_as_the_host),
		WITH_CLOCK("a clock stands from a to c, and its lag is the frozen time", stands_from_a_to_c),
		WITH_CLOCK("a clock follows its rate and is continuous", rates),
		WITH_CLOCK("a rate set while frozen holds from the thaw on", rate_of_frozen),
		SENTENCE("a freeze-only group has no rate", freeze_only_has_no_rate),
		WITH_CLOCK("a move that would step time back is refused, or counted", step_back),
		SENTENCE("an epoch moves the wall clock only", epoch),
		WITH_CLOCK("clocks below are stopped and started at the same instant", one_instant),
		WITH_CLOCK("a clock made below a frozen group stands", bound_frozen),
		WITH_CLOCK("a clock never goes back in a storm of freezes and rates", never_back),
		WITH_CLOCK("nor does the frozen time below a storm of freezes", never_back_below),
		WITH_CLOCK("unloading is refused while there are clocks", unload_with_clocks),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
