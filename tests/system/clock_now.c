// SPDX-License-Identifier: MIT
/* vt_clock_now(): on kernels without clocks those of freeze-only groups, which are the host's. */
#include "system.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/syscall.h>

static struct vt_machine machine;

static struct vt_group *make(const char *name)
{
	const struct vt_group_options options = { .freeze_only = !machine.has_clock };
	struct vt_group *g;

	OK(vt_group_create(vt, name, &options, &g));
	return g;
}

static int one(void **state)
{
	*state = make(own_name("now"));
	spawn_into(*state, sleeping);
	return 0;
}

static void set_rate(struct vt_group *g, uint64_t rate)
{
	if (machine.has_clock)
		OK(vt_group_set_rate(g, rate));
}

/* One reading by each way between two by the other; one ns may be lost by rounding at birth. */
static void agree(struct vt_group *g, const struct vt_clock *c)
{
	vt_virtual before, between, after;
	vt_real first, second, third;

	for (int i = 0; i < 100; i++) {
		OK(vt_clock_now(c, &before, &first));
		OK(vt_clock_read(g, &between, &second));
		OK(vt_clock_now(c, &after, &third));
		assert_in_range(between.ns, before.ns, after.ns + 1);
		assert_in_range(second.ns, first.ns, third.ns);
		if (!machine.has_clock)
			assert_int_equal(after.ns, third.ns);
	}
}

static void agrees(void **state)
{
	static const uint64_t rates[] = { VT_RATE_ONE / 2, VT_RATE_ONE * 10, VT_RATE_MIN, VT_RATE_MAX,
					  VT_RATE_ONE };
	struct vt_clock *c;

	OK(vt_clock_open(*state, &c));
	agree(*state, c);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		freeze_fully(*state);
		agree(*state, c);
		set_rate(*state, rates[i]);
		agree(*state, c);
		thaw_fully(*state);
		agree(*state, c);
		set_rate(*state, VT_RATE_ONE);
		agree(*state, c);
		set_rate(*state, rates[i]);
		agree(*state, c);
	}
	vt_clock_close(c);
}

static void stands(void **state)
{
	struct vt_clock *c;
	vt_virtual now;

	if (!machine.has_clock)
		skip();
	OK(vt_clock_open(*state, &c));
	freeze_fully(*state);
	for (int i = 0; i < 10; i++) {
		OK(vt_clock_now(c, &now, NULL));
		assert_int_equal(now.ns, books_of(*state).virtual_a_ns);
		pass_ms(1);
	}
	thaw_fully(*state);
	vt_clock_close(c);
}

/* ---- readers that watch for a step back ----------------------------------------------------------- */

struct reader {
	pthread_t thread;
	const struct vt_clock *clock;
	volatile bool *stop;
	volatile uint64_t reads;
	int64_t worst_ns; /* step back */
	volatile int err;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	vt_virtual last = { INT64_MIN }, now;

	while (!*r->stop && !r->err) {
		r->err = vt_clock_now(r->clock, &now, NULL);
		if (!r->err && last.ns - now.ns > r->worst_ns && last.ns != INT64_MIN)
			r->worst_ns = last.ns - now.ns;
		last = now;
		r->reads++;
	}
	return NULL;
}

static struct vt_group *turned;

static void turn_rate(void)
{
	for (int i = 0;; i++)
		if (vt_group_set_rate(turned, i % 2 ? VT_RATE_ONE / 3 : VT_RATE_ONE * 7))
			_exit(1);
}

static bool have_read_enough(const struct reader readers[2])
{
	return (readers[0].reads > 1000 || readers[0].err) && (readers[1].reads > 1000 || readers[1].err);
}

/* Frozen and thawed while two threads read c. */
static void never_back(struct vt_group *g, const struct vt_clock *c)
{
	volatile bool stop = false;
	struct reader readers[2] = { { .clock = c, .stop = &stop }, { .clock = c, .stop = &stop } };

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	for (int i = 0; i < 200 || (!have_read_enough(readers) && i < 20000); i++) {
		OK(vt_group_freeze(g));
		pass_ms(1);
		OK(vt_group_thaw(g));
		pass_ms(1);
	}
	stop = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].err, 0);
		assert_int_equal(readers[i].worst_ns, 0);
		assert_true(readers[i].reads > 1000);
	}
}

static void goes_on(void **state)
{
	struct vt_clock *c;

	OK(vt_clock_open(*state, &c));
	never_back(*state, c);
	vt_clock_close(c);
}

static void goes_on_at_any_rate(void **state)
{
	struct vt_clock *c;
	pid_t pid;

	if (!machine.has_clock)
		skip();
	OK(vt_clock_open(*state, &c));
	turned = *state;
	pid = spawn(turn_rate);
	never_back(*state, c);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	reap(pid);
	vt_clock_close(c);
}

/* What is frozen is the group above. */
static void goes_on_below(void **state)
{
	char name[128];
	struct vt_group *below;
	struct vt_clock *c;

	snprintf(name, sizeof(name), "%s/below", vt_group_name(*state));
	below = make(name);
	spawn_into(below, sleeping);
	OK(vt_clock_open(below, &c));
	never_back(*state, c);
	freeze_fully(*state);
	agree(below, c);
	thaw_fully(*state);
	agree(below, c);
	OK(vt_group_freeze(below)); /* no event of its own when the one above is frozen, too */
	freeze_fully(*state);
	agree(below, c);
	OK(vt_group_thaw(*state));
	agree(below, c);
	OK(vt_group_thaw(below));
	agree(below, c);
	vt_clock_close(c);
	drop_group(below);
}

/* ---- clocks that stop by themselves ---------------------------------------------------------------- */

#define STEPS 50
#define STEP_NS INT64_C(3000000)

static void stops_by_itself(void **state)
{
	struct vt_clock *c;
	vt_virtual start, now;

	if (!machine.has_clock)
		skip();
	OK(vt_clock_open(*state, &c));
	freeze_fully(*state);
	OK(vt_clock_read(*state, &start, NULL));
	for (int i = 1; i <= STEPS; i++) {
		struct vt_step *step;

		OK(vt_step_begin((struct vt_group *const *)state, 1, STEP_NS, &step));
		do {
			OK(vt_clock_now(c, &now, NULL));
			assert_in_range(now.ns, start.ns + (i - 1) * STEP_NS, start.ns + i * STEP_NS);
		} while (!vt_step_is_done(step));
		OK(vt_clock_now(c, &now, NULL));
		assert_int_equal(now.ns, start.ns + i * STEP_NS);
		vt_step_close(step);
	}
	agree(*state, c);
	thaw_fully(*state);
	agree(*state, c);
	vt_clock_close(c);
}

/* As boards on a wire do it. */
static void stops_at_an_instant(void **state)
{
	struct vt_clock *c;
	struct vt_status s;
	vt_virtual now;
	vt_real real;

	if (!machine.has_clock)
		skip();
	OK(vt_clock_open(*state, &c));
	for (int i = 0; i < 20; i++) {
		OK(vt_clock_now(c, &now, &real));
		real.ns += 2000000;
		if (i % 4 == 3)
			pass_ms(6); /* too late, for the start as well */
		OK(vt_clock_stop_at(*state, real, NULL));
		freeze_fully(*state);
		pass_ms(3);
		agree(*state, c);
		s = status_of(*state);
		OK(vt_clock_now(c, &now, NULL));
		assert_int_equal(now.ns, s.virt.ns);
		real.ns += 1500000; /* long ago by now */
		OK(vt_clock_start_at(*state, real));
		thaw_fully(*state);
		agree(*state, c);
	}
	vt_clock_close(c);
}

/* ---- no system call ------------------------------------------------------------------------------- */

static const struct vt_clock *read_strictly;

/* Whoever makes another call than exit is killed. Not the strict mode: that one forbids to read the
 * processor's counter. */
static void forbid_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(2);
}

static void read_without_calls(void)
{
	struct timespec t;
	vt_virtual now;

	clock_gettime(CLOCK_MONOTONIC, &t); /* finds the vDSO */
	forbid_calls();
	for (int i = 0; i < 1000; i++)
		if (vt_clock_now(read_strictly, &now, NULL))
			syscall(SYS_exit, 3);
	syscall(SYS_exit, 0);
}

static void host_without_calls(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	forbid_calls();
	clock_gettime(CLOCK_MONOTONIC, &t);
	syscall(SYS_exit, 0);
}

static int status_after(void (*body)(void))
{
	pid_t pid = spawn(body);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void no_calls(void **state)
{
	struct vt_clock *c;

	OK(vt_clock_open(*state, &c));
	read_strictly = c;
	if (status_after(host_without_calls) != 0)
		skip(); /* no seccomp, or the host's clock takes a call */
	assert_int_equal(status_after(read_without_calls), 0);
	vt_clock_close(c);
}

/* ---- many, and none --------------------------------------------------------------------------------- */

#define MANY 100 /* some of their places lie across a page's end */

static void many(void **state)
{
	struct vt_group *groups[MANY];
	struct vt_clock *clocks[MANY];
	char name[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%s-%d", own_name("many"), i);
		groups[i] = make(name);
		OK(vt_clock_open(groups[i], &clocks[i]));
	}
	for (int i = 0; i < MANY; i++) {
		set_rate(groups[i], VT_RATE_ONE * (uint64_t)(i + 1));
		agree(groups[i], clocks[i]);
	}
	for (int i = 0; i < MANY; i++) {
		vt_virtual now;

		drop_group(groups[i]);
		FAILS(ENOENT, vt_clock_now(clocks[i], &now, NULL));
		vt_clock_close(clocks[i]);
	}
}

/* Another group has the place of one that was deleted. */
static void deleted(void **state)
{
	struct vt_group *g = make(own_name("gone")), *next;
	struct vt_clock *c, *late;
	vt_virtual now;

	(void)state;
	OK(vt_clock_open(g, &c));
	OK(vt_group_delete(g, true));
	FAILS(ENOENT, vt_clock_now(c, &now, NULL));
	next = make(own_name("next"));
	FAILS(ENOENT, vt_clock_now(c, &now, NULL));
	FAILS(ENOENT, vt_clock_open(g, &late));
	vt_group_close(g);
	vt_clock_close(c);
	vt_clock_close(NULL);
	drop_group(next);
}

static void by_hand(void **state)
{
	struct vt_group *g = make(own_name("hand"));
	struct vt_clock *c;
	vt_virtual now;

	(void)state;
	OK(vt_clock_open(g, &c));
	assert_int_equal(rmdir(vt_group_path(g)), 0);
	FAILS(ENOENT, vt_clock_now(c, &now, NULL));
	vt_group_close(g);
	vt_clock_close(c);
}

static void unloaded(void **state)
{
	struct vt_group *g = make(own_name("unload"));
	struct vt_clock *c;
	vt_virtual now;

	(void)state;
	OK(vt_clock_open(g, &c));
	OK(vt_unload(true));
	FAILS(ENOENT, vt_clock_now(c, &now, NULL));
	vt_clock_close(c);
	assert_int_equal(rmdir(vt_group_path(g)), 0);
	vt_group_close(g);
	vt_close(vt);
	OK(vt_load());
	OK(vt_open(&vt));
}

#define WITH_ONE(text, function) { text, function, one, no_group, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ONE("both ways to read a clock agree, whatever it does", agrees),
		WITH_ONE("a frozen group's clock stands where it stopped", stands),
		WITH_ONE("no reader sees a clock go back, frozen and thawed", goes_on),
		WITH_ONE("no reader sees a clock go back, at changing rates", goes_on_at_any_rate),
		WITH_ONE("no reader sees a clock go back, frozen from above", goes_on_below),
		WITH_ONE("no reading is beyond the end of a step", stops_by_itself),
		WITH_ONE("a clock that stops and starts at given instants is read as such", stops_at_an_instant),
		WITH_ONE("reading takes no system call", no_calls),
		SENTENCE("many groups have clocks to read", many),
		SENTENCE("the clock of a deleted group cannot be read", deleted),
		SENTENCE("nor if its directory was removed by hand", by_hand),
		SENTENCE("nor if the programs have been unloaded", unloaded),
	};

	machine = prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
