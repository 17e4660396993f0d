// SPDX-License-Identifier: MIT
#include "system.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void one_freeze(void **state)
{
	struct vt_group *g = *state;
	struct vt_group_rec books;

	spawn_into(g, sleeping);
	freeze_fully(g);
	books = books_of(g);
	assert_int_equal(books.state, VT_FROZEN);
	assert_int_equal(books.freezes, 1);
	assert_true(books.b_ns >= books.a_ns);
	pass_ms(20);
	thaw_fully(g);
	books = books_of(g);
	assert_int_equal(books.state, VT_RUNNING);
	assert_true(books.c_ns > books.b_ns);
	assert_int_equal(books.frozen_ns, books.c_ns - books.a_ns);
	assert_true(books.frozen_ns >= 20000000);
}

static void frozen_time_adds_up(void **state)
{
	struct vt_group *g = *state;
	struct vt_group_rec books = {};
	uint64_t sum_ns = 0;

	spawn_into(g, spinning);
	for (int i = 0; i < 20; i++) {
		freeze_fully(g);
		pass_ms(i % 4);
		thaw_fully(g);
		books = books_of(g);
		sum_ns += books.c_ns - books.a_ns;
	}
	assert_int_equal(books.freezes, 20);
	assert_int_equal(books.frozen_ns, sum_ns);
	assert_int_equal(status_of(g).frozen_ns, sum_ns);
}

static void a_freeze_under_way_counts(void **state)
{
	struct vt_group *g = *state;
	struct vt_status s;

	spawn_into(g, sleeping);
	freeze_fully(g);
	pass_ms(10);
	s = status_of(g);
	assert_int_equal(s.state, VT_FROZEN);
	assert_int_equal(s.books.frozen_ns, 0);
	assert_int_equal(s.frozen_ns, s.real.ns - (int64_t)s.books.a_ns);
	assert_int_equal(s.lag_ns, 0);
	assert_false(s.is_virtual);
	thaw_fully(g);
}

static void by_hand(void **state)
{
	struct vt_group *g = *state;

	spawn_into(g, sleeping);
	assert_int_equal(write_by_hand(g, "cgroup.freeze", "1"), 0);
	OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
	assert_int_equal(books_of(g).freezes, 1);
	assert_int_equal(write_by_hand(g, "cgroup.freeze", "0"), 0);
	OK(vt_group_wait(g, VT_RUNNING, PATIENCE_NS));
	assert_int_equal(books_of(g).frozen_ns, books_of(g).c_ns - books_of(g).a_ns);
}

static void twice(void **state)
{
	struct vt_group *g = *state;

	spawn_into(g, sleeping);
	freeze_fully(g);
	FAILS(EALREADY, vt_group_freeze(g));
	assert_int_equal(write_by_hand(g, "cgroup.freeze", "1"), 0);
	assert_int_equal(books_of(g).freezes, 1);
	assert_int_equal(counters_now().double_freezes, 0);
	thaw_fully(g);
}

static void thaw_of_running(void **state)
{
	struct vt_group *g = *state;
	struct vt_group_rec before = books_of(g), after;

	spawn_into(g, sleeping);
	FAILS(EALREADY, vt_group_thaw(g));
	after = books_of(g);
	assert_int_equal(after.gen, before.gen);
	assert_int_equal(counters_now().double_thaws, 0);
}

static void empty(void **state)
{
	struct vt_group *g = *state;

	FAILS(ENODATA, vt_group_freeze(g));
	assert_int_equal(books_of(g).freezes, 0);
	assert_int_equal(status_of(g).state, VT_RUNNING);
}

static void many_tasks(void **state)
{
	struct vt_group *g = *state;

	for (int i = 0; i < 100; i++)
		spawn_into(g, sleeping);
	assert_int_equal(status_of(g).tasks, 100);
	for (int i = 0; i < 20; i++) {
		freeze_fully(g);
		thaw_fully(g);
	}
	assert_int_equal(books_of(g).freezes, 20);
}

static void quick_thaw(void **state)
{
	struct vt_group *g = *state;
	struct vt_group_rec books;

	for (int i = 0; i < 10; i++)
		spawn_into(g, spinning);
	for (int i = 0; i < 200; i++) {
		OK(vt_group_freeze(g));
		OK(vt_group_thaw(g));
	}
	OK(vt_group_wait(g, VT_RUNNING, PATIENCE_NS));
	books = books_of(g);
	assert_int_equal(books.freezes, 200);
	assert_int_equal(books.state, VT_RUNNING);
	assert_int_equal(counters_now().double_freezes, 0);
	assert_int_equal(counters_now().double_thaws, 0);
}

static struct vt_group *stormy;

static void storm(void)
{
	for (;;) {
		vt_group_freeze(stormy);
		vt_group_thaw(stormy);
	}
}

static void never_torn(void **state)
{
	struct vt_group *g = *state;
	struct vt_status s, last = status_of(g);
	pid_t pid;

	stormy = g;
	spawn_into(g, spinning);
	pid = spawn(storm);
	for (long i = 0; i < 5000 || (last.books.freezes <= 10 && i < 10000000); i++) {
		s = status_of(g);
		assert_false(s.books.gen & 1);
		assert_true(s.frozen_ns >= last.frozen_ns && s.books.freezes >= last.books.freezes);
		if (s.state == VT_RUNNING || s.state == VT_THAWING)
			assert_true(s.books.c_ns >= s.books.a_ns);
		else
			assert_true(s.books.a_ns > s.books.c_ns);
		last = s;
	}
	assert_true(last.books.freezes > 10);
	reap(pid);
	if (status_of(g).state != VT_RUNNING)
		thaw_fully(g);
}

static void no_stragglers(void **state)
{
	struct vt_group *g = *state;
	struct vt_straggler who[4];

	spawn_into(g, sleeping);
	spawn_into(g, spinning);
	assert_int_equal(vt_group_stragglers(g, who, 4), 2);
	freeze_fully(g);
	assert_int_equal(vt_group_stragglers(g, who, 4), 0);
	thaw_fully(g);
}

/* Reads into a page that nobody will ever provide: only death ends that. */
static void stuck(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), zero = open("/dev/zero", O_RDONLY);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	area.range.start = (uintptr_t)page;
	area.range.len = 4096;
	if (ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &area) == 0 &&
	    read(zero, page, 4096) >= 0)
		sleeping();
}

/* Others have stopped by then, sooner or later. */
static struct vt_straggler the_one_straggler(struct vt_group *g)
{
	struct vt_straggler who[4];

	for (int i = 0; i < 20000 && vt_group_stragglers(g, who, 4) > 1; i++)
		pass_ms(1);
	assert_int_equal(vt_group_stragglers(g, who, 4), 1);
	return who[0];
}

static void a_straggler_is_named(void **state)
{
	struct vt_group *g = *state;
	struct vt_straggler who;
	pid_t pid;

	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0)
		skip();
	pid = spawn_into(g, stuck);
	spawn_into(g, sleeping);
	await_wait_in(pid, "userfault");
	OK(vt_group_freeze(g));
	FAILS(ETIMEDOUT, vt_group_wait(g, VT_FROZEN, 200000000));
	assert_int_equal(status_of(g).state, VT_FREEZING);
	who = the_one_straggler(g);
	assert_int_equal(who.pid, pid);
	assert_true(who.why[0] && who.comm[0]);
	kill(pid, SIGKILL);
	OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
	thaw_fully(g);
}

static void patience(void **state)
{
	FAILS(ETIMEDOUT, vt_group_wait(*state, VT_FROZEN, 10000000));
	FAILS(EINVAL, vt_group_wait(*state, VT_FREEZING, 0));
	OK(vt_group_wait(*state, VT_RUNNING, 0));
}

/* ---- groups in groups ---- */

struct family {
	struct vt_group *parent, *child;
};

static int make_family(void **state)
{
	static struct family f;
	char name[256];

	f.parent = make_group(own_name("parent"));
	snprintf(name, sizeof(name), "%s/child", vt_group_name(f.parent));
	f.child = make_group(name);
	spawn_into(f.child, sleeping);
	*state = &f;
	return 0;
}

static int drop_family(void **state)
{
	struct family *f = *state;

	drop_group(f->child);
	drop_group(f->parent);
	return 0;
}

static void parent_freezes_child(void **state)
{
	struct family *f = *state;
	struct vt_group_rec child, parent;

	freeze_fully(f->parent);
	assert_int_equal(status_of(f->child).state, VT_FROZEN);
	thaw_fully(f->parent);
	OK(vt_group_wait(f->child, VT_RUNNING, PATIENCE_NS));
	child = books_of(f->child);
	parent = books_of(f->parent);
	assert_int_equal(child.freezes, 1);
	assert_int_equal(parent.freezes, 1);
	assert_true(child.a_ns >= parent.a_ns && child.b_ns <= parent.b_ns);
	assert_int_equal(child.frozen_ns, child.c_ns - child.a_ns);
}

static void child_stays_frozen(void **state)
{
	struct family *f = *state;

	freeze_fully(f->parent);
	OK(vt_group_freeze(f->child));
	thaw_fully(f->parent);
	assert_int_equal(status_of(f->child).state, VT_FROZEN);
	assert_int_equal(books_of(f->child).freezes, 1);
	thaw_fully(f->child);
	assert_int_equal(books_of(f->child).frozen_ns,
			 books_of(f->child).c_ns - books_of(f->child).a_ns);
}

static void thaw_below_frozen(void **state)
{
	struct family *f = *state;

	freeze_fully(f->child);
	freeze_fully(f->parent);
	FAILS(EBUSY, vt_group_thaw(f->child));
	assert_int_equal(status_of(f->child).state, VT_FROZEN);
	FAILS(EBUSY, vt_group_thaw(f->child));
	thaw_fully(f->parent);
	OK(vt_group_wait(f->child, VT_RUNNING, PATIENCE_NS));
	assert_int_equal(books_of(f->child).freezes, 1);
}

static void child_frozen_alone(void **state)
{
	struct family *f = *state;

	spawn_into(f->parent, sleeping);
	freeze_fully(f->child);
	assert_int_equal(status_of(f->parent).state, VT_RUNNING);
	assert_int_equal(books_of(f->parent).freezes, 0);
	thaw_fully(f->child);
}

static void tasks_on_both_levels(void **state)
{
	struct family *f = *state;
	struct vt_straggler who;

	for (int i = 0; i < 8; i++) {
		spawn_into(f->parent, spinning);
		spawn_into(f->child, spinning);
	}
	for (int i = 0; i < 20; i++) {
		freeze_fully(f->parent);
		assert_int_equal(vt_group_stragglers(f->parent, &who, 1), 0);
		thaw_fully(f->parent);
		OK(vt_group_wait(f->child, VT_RUNNING, PATIENCE_NS));
	}
	assert_int_equal(books_of(f->parent).freezes, 20);
	assert_int_equal(books_of(f->child).freezes, 20);
}

/* Kernels call the parent frozen as soon as either its own tasks or its children are. */
static void straggler_in_parent(void **state)
{
	struct family *f = *state;
	pid_t pid;

	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0)
		skip();
	pid = spawn_into(f->parent, stuck);
	await_wait_in(pid, "userfault");
	OK(vt_group_freeze(f->parent));
	FAILS(ETIMEDOUT, vt_group_wait(f->parent, VT_FROZEN, 300000000));
	assert_int_equal(the_one_straggler(f->parent).pid, pid);
	thaw_fully(f->parent);
	kill(pid, SIGKILL);
}

static void straggler_in_child(void **state)
{
	struct family *f = *state;
	pid_t pid;

	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0)
		skip();
	spawn_into(f->parent, sleeping);
	pid = spawn_into(f->child, stuck);
	await_wait_in(pid, "userfault");
	OK(vt_group_freeze(f->parent));
	FAILS(ETIMEDOUT, vt_group_wait(f->parent, VT_FROZEN, 300000000));
	assert_int_equal(the_one_straggler(f->parent).pid, pid);
	thaw_fully(f->parent);
	kill(pid, SIGKILL);
}

static void made_below_frozen(void **state)
{
	struct family *f = *state;
	struct vt_group *late;
	char name[256];

	freeze_fully(f->parent);
	snprintf(name, sizeof(name), "%s/late", vt_group_name(f->parent));
	late = make_group(name);
	assert_int_equal(status_of(late).state, VT_FROZEN);
	assert_int_equal(books_of(late).freezes, 1);
	thaw_fully(f->parent);
	OK(vt_group_wait(late, VT_RUNNING, PATIENCE_NS));
	assert_int_equal(books_of(late).frozen_ns, books_of(late).c_ns - books_of(late).a_ns);
	drop_group(late);
}

#define WITH_FAMILY(text, function) { text, function, make_family, drop_family, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GROUP("a freeze and a thaw are entered with a, b and c", one_freeze),
		WITH_GROUP("the frozen time is the sum of all c - a", frozen_time_adds_up),
		WITH_GROUP("a freeze under way counts as frozen time", a_freeze_under_way_counts),
		WITH_GROUP("a freeze by writing cgroup.freeze is seen", by_hand),
		WITH_GROUP("freezing twice is refused and counted once", twice),
		WITH_GROUP("thawing a running group is refused and changes nothing", thaw_of_running),
		WITH_GROUP("freezing an empty group is refused and changes nothing", empty),
		WITH_GROUP("100 tasks are frozen again and again", many_tasks),
		WITH_GROUP("200 freezes that are taken back at once leave the group running", quick_thaw),
		WITH_GROUP("books read during a storm of freezes are never torn", never_torn),
		WITH_GROUP("tasks that run are stragglers until they are frozen", no_stragglers),
		WITH_GROUP("who keeps a group from being frozen is named", a_straggler_is_named),
		WITH_GROUP("waiting in vain ends in time", patience),
		WITH_FAMILY("a freeze of the parent is a freeze of the child", parent_freezes_child),
		WITH_FAMILY("a child frozen under its parent stays frozen", child_stays_frozen),
		WITH_FAMILY("thawing below a frozen parent says so", thaw_below_frozen),
		WITH_FAMILY("a freeze of the child leaves the parent running", child_frozen_alone),
		WITH_FAMILY("frozen means the tasks of parent and child alike", tasks_on_both_levels),
		WITH_FAMILY("a parent with a straggler of its own is not frozen", straggler_in_parent),
		WITH_FAMILY("a parent with a straggler in its child is not frozen", straggler_in_child),
		WITH_FAMILY("a group made below a frozen one begins frozen", made_below_frozen),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
