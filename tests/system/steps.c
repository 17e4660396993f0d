// SPDX-License-Identifier: MIT
/*
 * Clocks that stop by themselves. VT_STEPS, VT_STEPS_TOGETHER, VT_READS and VT_ROUNDS make the numbers
 * large.
 */
#include "system.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define MS INT64_C(1000000)
#define HOUR (3600 * SECOND_NS)
#define GROUPS 16

static struct vt_group *make_virtual(const char *name)
{
	struct vt_group *g;

	OK(vt_group_create(vt, name, NULL, &g));
	return g;
}

static int one_frozen(void **state)
{
	struct vt_group *g = make_virtual(own_name("step"));

	spawn_into(g, sleeping);
	freeze_fully(g);
	*state = g;
	return 0;
}

static int64_t stands_at(struct vt_group *g)
{
	struct vt_status s = status_of(g);

	assert_true(s.clock_stopped);
	assert_int_equal(s.state, VT_FROZEN);
	return s.virt.ns;
}

static void steps_add_up(void **state)
{
	static const uint64_t rates[] = { VT_RATE_ONE, VT_RATE_ONE / 3, VT_RATE_ONE * 7, VT_RATE_ONE };
	struct vt_group *g = *state;
	int64_t start = stands_at(g), sum = 0;

	for (int i = 0; i < 80; i++) {
		int64_t step = 1 + random() % (3 * MS);

		OK(vt_group_set_rate(g, rates[i / 20]));
		OK(vt_clock_step(g, step));
		sum += step;
		assert_int_equal(stands_at(g), start + sum);
	}
	assert_int_equal(counters_now().clock_errors, 0);
}

static int64_t reading_of(struct vt_group *g)
{
	vt_virtual now;

	OK(vt_clock_read(g, &now, NULL));
	return now.ns;
}

static void any_number_of_steps_adds_up(void **state)
{
	struct vt_group *g = *state;
	int64_t start = stands_at(g), steps = times("VT_STEPS", 100);

	for (int64_t i = 1; i <= steps; i++) {
		OK(vt_clock_step(g, MS));
		assert_int_equal(reading_of(g), start + i * MS);
	}
	assert_int_equal(stands_at(g), start + steps * MS);
	assert_int_equal(counters_now().clock_errors, 0);
}

static void a_rate_leaves_the_end(void **state)
{
	struct vt_group *g = *state;
	int64_t start = stands_at(g);
	struct vt_step *step;

	OK(vt_step_begin(&g, 1, 200 * MS, &step));
	for (int i = 1; i < 20; i++)
		OK(vt_group_set_rate(g, VT_RATE_ONE / 4 * i));
	OK(vt_step_wait(step, PATIENCE_NS));
	vt_step_close(step);
	assert_int_equal(stands_at(g), start + 200 * MS);
}

static void the_lag_is_what_the_books_say(void **state)
{
	struct vt_group *g = *state;
	struct vt_status s;

	for (int i = 0; i < 10; i++)
		OK(vt_clock_step(g, MS));
	pass_ms(3);
	thaw_fully(g);
	s = status_of(g);
	assert_int_equal(s.lag_ns, s.frozen_ns);
	assert_false(s.has_end);
}

/* ---- who reads too much? -------------------------------------------------------------------------- */

static struct latest {
	_Atomic int64_t ns;
	_Atomic uint64_t reads;
	_Atomic bool begun;
} *latest;

static int64_t read_somehow(uint64_t turn)
{
	struct timespec t;

	if (turn & 1)
		clock_gettime(CLOCK_MONOTONIC, &t);
	else
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void *read_on(void *unused)
{
	for (uint64_t turn = 0;; turn++) {
		int64_t now = read_somehow(turn), last = latest->ns;

		while (now > last && !atomic_compare_exchange_weak(&latest->ns, &last, now))
			;
		latest->reads++;
	}
	return unused;
}

static void reading(void)
{
	pthread_t other;

	while (!latest->begun) /* outside it is later */
		pass_ms(1);
	if (pthread_create(&other, NULL, read_on, NULL) == 0)
		read_on(NULL);
}

static int64_t latest_read(void)
{
	return latest->ns;
}

static void nobody_reads_past_the_end(void **state)
{
	uint64_t reads = (uint64_t)times("VT_READS", 2000);
	struct vt_group *g = *state;
	pid_t readers[4];

	latest = mmap(NULL, sizeof(*latest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(latest != MAP_FAILED);
	thaw_fully(g);
	for (int i = 0; i < 4; i++) {
		readers[i] = spawn(reading);
		OK(vt_group_attach(g, readers[i], VT_ATTACH_ALLOW_STEP));
	}
	latest->begun = true;
	freeze_fully(g);
	for (int i = 0; i < 30 || latest->reads < reads; i++) {
		OK(vt_clock_step(g, 1 + random() % (20 * MS)));
		assert_in_range(latest_read(), 0, reading_of(g));
	}
	/* Does the judge notice at all? Without an end they do read on. */
	int64_t end = stands_at(g);
	thaw_fully(g);
	for (int i = 0; i < 1000 && latest_read() <= end; i++)
		pass_ms(10);
	assert_true(latest_read() > end);
	for (int i = 0; i < 4; i++)
		reap(readers[i]);
	munmap(latest, sizeof(*latest));
}

/* ---- several ----------------------------------------------------------------------------------- */

static void make_all(struct vt_group **groups)
{
	char name[64];

	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "many-%d-%d", i, (int)getpid());
		OK(vt_group_create(vt, name, NULL, &groups[i]));
		spawn_into(groups[i], sleeping);
		freeze_fully(groups[i]);
	}
}

static void all_stop_at_one_instant(void **state)
{
	struct vt_group *groups[GROUPS];
	int64_t start[GROUPS], sum = 0;
	long steps = times("VT_STEPS_TOGETHER", 20);
	struct vt_late first, late;
	struct vt_step *step;

	(void)state;
	make_all(groups);
	for (int i = 0; i < GROUPS; i++)
		start[i] = stands_at(groups[i]);
	for (long n = 0; n < steps; n++) {
		int64_t step_ns = 1 + random() % (5 * MS);

		OK(vt_step_begin(groups, GROUPS, step_ns, &step));
		OK(vt_step_wait(step, PATIENCE_NS));
		vt_step_close(step);
		sum += step_ns;
		OK(vt_clock_late(groups[0], &first));
		for (int i = 0; i < GROUPS; i++) {
			OK(vt_clock_late(groups[i], &late));
			assert_int_equal(late.virt.ns, start[i] + sum);
			assert_int_equal(late.a.ns, first.a.ns);
			assert_int_equal(late.c.ns, first.c.ns);
		}
	}
	for (int i = 0; i < GROUPS; i++) {
		assert_int_equal(stands_at(groups[i]), start[i] + sum);
		drop_group(groups[i]);
	}
}

/* ---- interference ------------------------------------------------------------------------------ */

static struct vt_group *stepped;

static void stepping(void)
{
	vt_clock_step(stepped, 300 * MS);
}

static void wait_until_frozen(struct vt_group *g)
{
	OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
}

static void ends_without_its_caller(void **state)
{
	struct vt_group *g = stepped = *state;
	int64_t start = stands_at(g);
	pid_t pid;

	OK(vt_group_set_rate(g, VT_RATE_MIN)); /* however late we are, it is under way */
	pid = spawn(stepping);
	OK(vt_group_wait(g, VT_RUNNING, PATIENCE_NS));
	reap(pid);
	OK(vt_group_set_rate(g, VT_RATE_ONE));
	wait_until_frozen(g);
	while (!status_of(g).clock_stopped) /* the tasks may stop a little earlier */
		pass_ms(1);
	assert_int_equal(stands_at(g), start + 300 * MS);
}

static void stepping_on(void)
{
	while (vt_clock_step(stepped, 2 * MS) == 0)
		;
}

/* One who dies before the thaw leaves a group that a thaw lets go on to the end of that step. */
static int64_t where_it_ends(struct vt_group *g)
{
	struct vt_status s = status_of(g);

	if (s.state == VT_FROZEN && s.clock_stopped && s.virt.ns < s.end.ns)
		OK(vt_group_thaw(g));
	wait_until_frozen(g);
	while (!status_of(g).clock_stopped)
		pass_ms(1);
	return stands_at(g);
}

static void ends_whenever_its_caller_dies(void **state)
{
	struct vt_group *g = stepped = *state;
	int64_t start = stands_at(g);
	long kills = times("VT_ROUNDS", 200) / 10;

	for (long i = 0; i < kills || (stands_at(g) == start && i < 100 * kills); i++) {
		pid_t pid = spawn(stepping_on);

		usleep((useconds_t)(random() % 20000));
		reap(pid);
		assert_int_equal((where_it_ends(g) - start) % (2 * MS), 0);
	}
	assert_true(stands_at(g) > start);
}

static void a_freeze_in_between(void **state)
{
	struct vt_group *g = *state;
	int64_t start = stands_at(g), stood;
	struct vt_step *step;

	OK(vt_group_set_rate(g, VT_RATE_MIN));
	OK(vt_step_begin(&g, 1, 300 * MS, &step));
	OK(vt_group_wait(g, VT_RUNNING, PATIENCE_NS));
	freeze_fully(g);
	OK(vt_group_set_rate(g, VT_RATE_ONE));
	stood = stands_at(g);
	assert_in_range(stood, start, start + 300 * MS - 1);
	assert_int_equal(vt_step_is_done(step), 0);
	pass_ms(5);
	assert_int_equal(stands_at(g), stood);
	OK(vt_group_thaw(g));
	OK(vt_step_wait(step, PATIENCE_NS));
	vt_step_close(step);
	assert_int_equal(stands_at(g), start + 300 * MS);
	thaw_fully(g);
	assert_false(status_of(g).has_end);
}

static void a_running_group_gets_an_end(void **state)
{
	struct vt_group *g = *state;
	struct vt_step *step;
	vt_virtual end;

	OK(vt_group_set_rate(g, VT_RATE_MIN));
	thaw_fully(g);
	OK(vt_clock_read(g, &end, NULL));
	end.ns += 50 * MS;
	OK(vt_clock_run_until(g, end));
	FAILS(EBUSY, vt_clock_run_until(g, (vt_virtual){ end.ns + 1 }));
	OK(vt_group_set_rate(g, VT_RATE_ONE));
	OK(vt_step_watch(&g, 1, &step));
	OK(vt_step_wait(step, PATIENCE_NS));
	vt_step_close(step);
	assert_int_equal(stands_at(g), end.ns);
	FAILS(ETIME, vt_clock_run_until(g, end));
	thaw_fully(g);
	OK(vt_clock_read(g, &end, NULL));
	OK(vt_clock_run_until(g, (vt_virtual){ end.ns + HOUR }));
	assert_true(status_of(g).has_end);
	OK(vt_clock_run_on(g));
	assert_false(status_of(g).has_end);
}

static void no_wait_for_an_end_that_is_gone(void **state)
{
	struct vt_group *g = *state;
	struct vt_step *step;

	OK(vt_step_begin(&g, 1, HOUR, &step));
	OK(vt_clock_run_on(g));
	FAILS(ECANCELED, vt_step_wait(step, PATIENCE_NS));
	vt_step_close(step);
	OK(vt_clock_run_until(g, (vt_virtual){ status_of(g).virt.ns + HOUR }));
	OK(vt_step_watch(&g, 1, &step));
	OK(vt_clock_run_on(g));
	FAILS(ECANCELED, vt_step_is_done(step));
	vt_step_close(step);
	assert_int_equal(status_of(g).state, VT_RUNNING);
}

/* Whoever thaws a group may find it frozen at its end already. */
static void an_end_right_after_the_thaw(void **state)
{
	struct vt_group *g = *state;

	for (int i = 0; i < 200; i++) {
		OK(vt_clock_run_until(g, (vt_virtual){ stands_at(g) + 1 }));
		OK(vt_group_thaw(g));
		wait_until_frozen(g);
		while (!status_of(g).clock_stopped)
			pass_ms(1);
	}
}

static void clocks_below_end_with_it(void **state)
{
	const struct vt_group_options fast = { .rate = VT_RATE_ONE * 4 };
	struct vt_group *g = *state, *child;
	struct vt_group_rec p, c;
	char name[256];

	thaw_fully(g);
	snprintf(name, sizeof(name), "%s/child", vt_group_name(g));
	OK(vt_group_create(vt, name, &fast, &child));
	spawn_into(child, sleeping);
	freeze_fully(g);
	for (int i = 0; i < 10; i++) {
		OK(vt_clock_step(g, 1 + random() % (5 * MS)));
		p = books_of(g);
		c = books_of(child);
		assert_true(status_of(child).clock_stopped);
		assert_in_range(p.a_ns - c.a_ns + 1, 0, 2); /* ends of ns at rate 4 */
		assert_int_equal(p.c_ns, c.c_ns);
	}
	drop_group(child);
}

/* ---- idle time --------------------------------------------------------------------------------- */

static void sleeping_hours(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	for (;;) {
		nanosleep(&hour, NULL);
		latest->ns = read_somehow(0);
		latest->reads++;
	}
}

static int an_outsiders_pipe[2];

static void reading_a_pipe(void)
{
	char c;

	if (read(an_outsiders_pipe[0], &c, 1) == 1)
		sleeping();
}

static void skip_to_the_end(struct vt_step *step)
{
	int at_end;

	while ((at_end = vt_step_skip(step)) == 0)
		pass_ms(1);
	OK(at_end);
	OK(vt_step_wait(step, -1));
	vt_step_close(step);
}

static void idle_hours_pass_at_once(void **state)
{
	struct vt_group *g = *state;
	struct timespec began, now;
	int64_t start, woken;
	struct vt_step *step;
	pid_t pid;

	latest = mmap(NULL, sizeof(*latest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	thaw_fully(g);
	pid = spawn(sleeping_hours);
	OK(vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP));
	while (vt_group_is_idle(g) != 1)
		pass_ms(1);
	freeze_fully(g);
	start = stands_at(g);
	clock_gettime(CLOCK_MONOTONIC, &began);
	OK(vt_step_begin(&g, 1, 5 * HOUR / 2, &step));
	skip_to_the_end(step);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_in_range(now.tv_sec - began.tv_sec, 0, 60);
	assert_int_equal(stands_at(g), start + 5 * HOUR / 2);
	assert_int_equal(latest->reads, 2); /* the third would wake beyond the end */
	woken = latest->ns - start;
	assert_in_range(woken, 2 * HOUR - 60 * SECOND_NS, 2 * HOUR + 60 * SECOND_NS);
	reap(pid);
	munmap(latest, sizeof(*latest));
}

static void napping(void)
{
	const struct timespec nap = { .tv_nsec = 300000 };

	for (;;)
		nanosleep(&nap, NULL);
}

/* Often a nap ends just between being found idle and being frozen. */
static void who_was_woken_goes_first(void **state)
{
	struct vt_group *g = *state;
	struct vt_step *step;
	pid_t pid;

	thaw_fully(g);
	pid = spawn(napping);
	OK(vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP));
	freeze_fully(g);
	OK(vt_step_begin(&g, 1, 100 * HOUR, &step));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vt_step_skip(step), 0);
	vt_step_close(step);
	OK(vt_clock_run_on(g));
	reap(pid);
}

static void ending_in_an_hour(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	nanosleep(&hour, NULL);
}

static void an_empty_group_is_idle(void **state)
{
	struct vt_group *g = make_virtual(own_name("ending"));
	struct vt_step *step;
	int64_t start;
	pid_t pid;

	(void)state;
	pid = spawn_into(g, ending_in_an_hour);
	while (vt_group_is_idle(g) != 1)
		pass_ms(1);
	freeze_fully(g);
	start = stands_at(g);
	OK(vt_step_begin(&g, 1, 3 * HOUR, &step));
	skip_to_the_end(step);
	assert_int_equal(stands_at(g), start + 3 * HOUR);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	drop_group(g);
}

static void who_waits_for_others_is_not_idle(void **state)
{
	struct vt_group *g = *state;
	pid_t pid;

	FAILS(EBUSY, (thaw_fully(g), vt_clock_skip(g, (vt_virtual){ INT64_MAX })));
	while (vt_group_is_idle(g) != 1)
		pass_ms(1);
	assert_int_equal(pipe(an_outsiders_pipe), 0);
	pid = spawn(reading_a_pipe);
	await_wait_in(pid, "pipe");
	OK(vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP));
	close(an_outsiders_pipe[0]);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vt_group_is_idle(g), 0);
		pass_ms(1);
	}
	assert_int_equal(write(an_outsiders_pipe[1], "x", 1), 1);
	for (int i = 0; i < 10000 && vt_group_is_idle(g) != 1; i++)
		pass_ms(1);
	assert_int_equal(vt_group_is_idle(g), 1);
	close(an_outsiders_pipe[1]);
}

/* ---- boards ------------------------------------------------------------------------------------ */

static vt_real now_and(int64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (vt_real){ t.tv_sec * SECOND_NS + t.tv_nsec + ns };
}

static void stops_and_starts_at_instants(void **state)
{
	struct vt_group *g = *state;
	int64_t lag, late;
	vt_real stop, start;
	int in_time = 0;

	FAILS(EBUSY, (thaw_fully(g), vt_clock_start_at(g, now_and(0))));
	for (int i = 0; i < 10; i++) {
		lag = status_of(g).lag_ns;
		stop = now_and(500 * MS);
		OK(vt_clock_stop_at(g, stop, &late));
		freeze_fully(g);
		while (now_and(0).ns < stop.ns)
			pass_ms(1);
		in_time += late == 0;
		stop.ns += late;
		assert_int_equal(stands_at(g), stop.ns - lag);
		start.ns = stop.ns + 7 * MS;
		while (now_and(0).ns < start.ns)
			pass_ms(1);
		OK(vt_clock_start_at(g, start));
		thaw_fully(g);
		assert_int_equal(status_of(g).lag_ns, lag + 7 * MS);
	}
	assert_true(in_time > 0);
	stop = now_and(-MS);
	OK(vt_clock_stop_at(g, stop, &late));
	assert_in_range(late, MS, 20 * SECOND_NS);
	freeze_fully(g);
	assert_int_equal(stands_at(g), stop.ns + late - status_of(g).books.frozen_ns);
}

static void start_in_the_future(void **state)
{
	struct vt_group *g = *state;
	int64_t stood = stands_at(g);
	vt_real start = now_and(200 * MS);
	vt_virtual v;
	vt_real r;

	OK(vt_clock_start_at(g, start));
	thaw_fully(g);
	/* Whatever sets the clock anew until then leaves that where it is */
	OK(vt_group_set_rate(g, VT_RATE_ONE));
	OK(vt_clock_run_until(g, (vt_virtual){ stood + HOUR }));
	do {
		OK(vt_clock_read(g, &v, &r));
		assert_int_equal(v.ns, r.ns < start.ns ? stood : stood + r.ns - start.ns);
	} while (r.ns < start.ns + 10 * MS);
}

static struct vt_group *make_below(struct vt_group *g)
{
	struct vt_group *child;
	char name[256];

	snprintf(name, sizeof(name), "%s/child", vt_group_name(g));
	OK(vt_group_create(vt, name, NULL, &child));
	OK(vt_group_attach(child, spawn(sleeping), VT_ATTACH_ALLOW_STEP));
	return child;
}

/* By the kernel, and by what readers outside map. */
static void assert_stands(struct vt_group *g)
{
	int64_t stood = stands_at(g);
	struct vt_clock *clock;
	vt_virtual now;

	pass_ms(5);
	assert_int_equal(stands_at(g), stood);
	OK(vt_clock_open(g, &clock));
	OK(vt_clock_now(clock, &now, NULL));
	vt_clock_close(clock);
	assert_int_equal(now.ns, stood);
}

/* It has been frozen for exactly as long as its clock has stood. */
static void goes_on_with_all_its_time(struct vt_group *child, int64_t lag)
{
	thaw_fully(child);
	assert_false(status_of(child).clock_stopped);
	assert_int_equal(status_of(child).frozen_ns, status_of(child).lag_ns - lag);
	drop_group(child);
}

/* What is told to stop in an hour and thawed before that goes on, but nobody who is frozen himself. */
static void frozen_below_what_goes_on(void **state)
{
	struct vt_group *g = *state, *child;
	int64_t lag;

	thaw_fully(g);
	child = make_below(g);
	lag = status_of(child).lag_ns;
	OK(vt_clock_stop_at(g, now_and(HOUR), NULL));
	freeze_fully(g);
	assert_false(status_of(child).clock_stopped);
	OK(vt_group_freeze(child));
	thaw_fully(g);
	assert_stands(child);
	assert_false(status_of(g).clock_stopped);
	goes_on_with_all_its_time(child, lag);
}

/* Of two ends the sooner counts. */
static void stops_with_one_above(void **state)
{
	struct vt_group *g = *state, *child;
	vt_real stop;
	int64_t lag;

	thaw_fully(g);
	child = make_below(g);
	lag = status_of(child).lag_ns;
	OK(vt_clock_stop_at(child, now_and(HOUR), NULL));
	freeze_fully(child);
	stop = now_and(3 * SECOND_NS);
	OK(vt_clock_stop_at(g, stop, NULL));
	freeze_fully(g);
	assert_false(status_of(child).clock_stopped);
	while (now_and(0).ns < stop.ns)
		pass_ms(1);
	assert_stands(child);
	assert_int_equal(books_of(child).a_ns, stop.ns);
	thaw_fully(g);
	assert_stands(child);
	goes_on_with_all_its_time(child, lag);
}

static void refusals(void **state)
{
	struct vt_group *g = *state, *plain = make_group(own_name("plain"));
	struct vt_status before = status_of(g);
	struct vt_step *step;

	FAILS(ERANGE, vt_clock_step(g, 0));
	FAILS(ERANGE, vt_clock_step(g, -MS));
	FAILS(ERANGE, vt_clock_step(g, INT64_MAX));
	FAILS(ETIME, vt_clock_run_until(g, (vt_virtual){ before.virt.ns - 1 }));
	FAILS(ETIME, vt_clock_run_until(g, (vt_virtual){ -HOUR }));
	FAILS(EAGAIN, vt_clock_step(plain, MS));
	FAILS(EOPNOTSUPP, vt_clock_stop_at(plain, now_and(0), NULL));
	FAILS(EINVAL, vt_step_watch(&g, 0, &step));
	assert_int_equal(stands_at(g), before.virt.ns);
	assert_false(status_of(g).has_end);
	/* One that cannot keeps all */
	FAILS(EAGAIN, vt_step_begin((struct vt_group *[]){ g, plain }, 2, MS, &step));
	assert_int_equal(stands_at(g), before.virt.ns);
	assert_false(status_of(g).has_end);
	OK(vt_step_begin(&g, 1, HOUR, &step));
	FAILS(EAGAIN, vt_clock_step(g, MS));
	vt_step_close(step);
	drop_group(plain);
}

#define WITH_FROZEN(text, function) { text, function, one_frozen, no_group, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FROZEN("steps add up to the nanosecond, at every rate", steps_add_up),
		WITH_FROZEN("any number of steps of 1 ms adds up", any_number_of_steps_adds_up),
		WITH_FROZEN("a change of rate leaves the end of a step where it is", a_rate_leaves_the_end),
		WITH_FROZEN("the lag is the time between stops and starts", the_lag_is_what_the_books_say),
		WITH_FROZEN("no member reads a time past the end", nobody_reads_past_the_end),
		SENTENCE("groups that step together stop at one instant", all_stop_at_one_instant),
		WITH_FROZEN("a step ends although its caller was killed", ends_without_its_caller),
		WITH_FROZEN("whenever that was", ends_whenever_its_caller_dies),
		WITH_FROZEN("a freeze in the middle of a step puts it off", a_freeze_in_between),
		WITH_FROZEN("a running group can be given an end", a_running_group_gets_an_end),
		WITH_FROZEN("nobody waits for an end that is taken away", no_wait_for_an_end_that_is_gone),
		WITH_FROZEN("an end right after the thaw is no failure of that", an_end_right_after_the_thaw),
		WITH_FROZEN("clocks below end at the same instant", clocks_below_end_with_it),
		WITH_FROZEN("idle hours pass at once, and sleepers wake at their time", idle_hours_pass_at_once),
		WITH_FROZEN("whoever was woken goes on before time passes", who_was_woken_goes_first),
		SENTENCE("so do those after the last task has ended", an_empty_group_is_idle),
		WITH_FROZEN("who waits for a process outside is not idle", who_waits_for_others_is_not_idle),
		WITH_FROZEN("clocks stop and start at given instants", stops_and_starts_at_instants),
		WITH_FROZEN("a start in the future", start_in_the_future),
		WITH_FROZEN("who is frozen below a group that goes on stands", frozen_below_what_goes_on),
		WITH_FROZEN("who has an end to come stops with a group above that has a sooner one", stops_with_one_above),
		WITH_FROZEN("steps that cannot be are refused, and change nothing", refusals),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	srandom(1);
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
