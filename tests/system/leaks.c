// SPDX-License-Identifier: MIT
/*
 * Making, joining, leaving and deleting groups over and over leaves nothing behind: no cgroup, no
 * clock, no page, whatever the members do meanwhile and whoever dies in the middle. VT_ROUNDS makes
 * it many times.
 *
 * What the kernel keeps for a clock is charged to the memory cgroup of who makes it. So this process
 * is in one of its own, and looks at what its cgroup pays; at the machine's unaccounted memory, with
 * more noise; and at how many cgroups there are, the dying ones included.
 */
#include "fuse.h"

#define CLOCK_BYTES 4096 /* at the least: its page */

static char root[256], measured[512];

/* ---- what there is -------------------------------------------------------------------------------- */

static void write_file(const char *dir, const char *file, const char *text)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		fail_msg("cannot write '%s' to '%s': %s", text, path, strerror(errno));
}

/* The number behind a name at the start of a line, -1 without. */
static long number_in(const char *dir, const char *file, const char *name)
{
	char path[1024], line[256];
	size_t len = strlen(name);
	long number = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && strchr(" :", line[len]))
			number = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return number;
}

struct usage {
	long cgroups, dying;
	long charged;   /* bytes: kernel memory of this process's cgroup */
	long kernel_kb; /* of the machine, for things that cannot be given back on demand */
};

static struct usage usage_now(void)
{
	static const char *const kinds[] = { "SUnreclaim", "KernelStack", "PageTables", "Percpu" };
	struct usage u;

	write_file("/proc/sys/vm", "drop_caches", "2"); /* directories that were looked at */
	u = (struct usage){
		.cgroups = number_in(root, "cgroup.stat", "nr_descendants"),
		.dying = number_in(root, "cgroup.stat", "nr_dying_descendants"),
		.charged = number_in(measured, "memory.stat", "kernel") -
			   number_in(measured, "memory.stat", "slab_reclaimable"),
	};

	for (int i = 0; i < 4; i++)
		u.kernel_kb += number_in("/proc", "meminfo", kinds[i]);
	return u;
}

/* Once those that are going have gone. */
static struct usage usage_at_rest(void)
{
	struct usage u = usage_now(), now;

	for (int still = 0; still < 10; u = now) {
		pass_ms(100);
		now = usage_now();
		still = now.dying == u.dying ? still + 1 : 0;
	}
	return u;
}

static bool kernel_has(const char *symbol)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], name[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %255s", name) == 1 && strcmp(name, symbol) == 0;
	if (f)
		fclose(f);
	return found;
}

/* KASAN keeps what was freed for a while: it is charged to nobody, but not there for others. */
static long quarantine_kb(void)
{
	static long kb = -1;

	if (kb < 0)
		kb = kernel_has("kasan_quarantine_put") ? number_in("/proc", "meminfo", "MemTotal") / 32 : 0;
	return kb;
}

/* A clock that stays costs more than its page; the machine's memory has noise of its own. */
static bool is_back(const struct usage *before, const struct usage *now, long rounds)
{
	return now->cgroups == before->cgroups && now->dying <= before->dying &&
	       now->charged - before->charged < rounds * CLOCK_BYTES / 2 &&
	       now->kernel_kb - before->kernel_kb < 1024 + rounds / 8 + quarantine_kb();
}

/* What goes goes after grace periods. */
static bool comes_back(const struct usage *before, long rounds, int patience_s)
{
	struct usage now = usage_now();

	for (int i = 0; i < patience_s * 10; i++) {
		if (is_back(before, &now, rounds))
			return true;
		pass_ms(100);
		now = usage_now();
	}
	fprintf(stderr, "# cgroups %ld, %ld; dying %ld, %ld; charged %ld, %ld; kernel %ld kB, %ld kB\n",
		before->cgroups, now.cgroups, before->dying, now.dying, before->charged, now.charged,
		before->kernel_kb, now.kernel_kb);
	return false;
}

/* ---- rounds ------------------------------------------------------------------------------------- */

static long rounds(void)
{
	return times("VT_ROUNDS", 200);
}

static struct vt_group *make_clock(struct vt *by)
{
	const struct vt_group_options options = { .rate = VT_RATE_ONE * 2 };
	static int turn;
	struct vt_group *g;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "leak%d", turn++);
	OK(vt_group_create(by, own_name(prefix), &options, &g));
	return g;
}

/* In and out, or to its end inside; sometimes it is frozen on the way. */
static void one_round(long n, pid_t mover)
{
	struct vt_group *g = make_clock(vt);
	bool stays = n % 4 == 3;
	pid_t pid = stays ? spawn(sleeping) : mover;

	OK(vt_group_attach(g, pid, VT_ATTACH_ALLOW_STEP));
	if (n % 8 == 7)
		OK(vt_group_freeze(g));
	if (!stays)
		OK(vt_detach(vt, pid));
	OK(delete_patiently(g, stays));
	vt_group_close(g);
	if (stays)
		reap(pid);
}

static void do_rounds(long count)
{
	pid_t mover = spawn(sleeping);

	for (long n = 0; n < count; n++)
		one_round(n, mover);
	reap(mover);
}

static void nothing_stays(void **state)
{
	struct usage before;

	(void)state;
	do_rounds(20);
	before = usage_at_rest();
	do_rounds(rounds());
	assert_true(comes_back(&before, rounds(), 20));
}

/* Known-bad: groups that are not deleted. */
static void kept_groups_are_seen(void **state)
{
	enum { COUNT = 100 };
	struct vt_group *kept[COUNT];
	struct usage before, now;

	(void)state;
	do_rounds(20);
	before = usage_at_rest();
	for (int i = 0; i < COUNT; i++)
		kept[i] = make_clock(vt);
	assert_false(comes_back(&before, COUNT, 2));
	now = usage_now();
	before.cgroups = now.cgroups; /* memory alone tells as well */
	before.dying = now.dying;
	assert_false(is_back(&before, &now, COUNT));
	for (int i = 0; i < COUNT; i++)
		drop_group(kept[i]);
}

/* ---- a fork bomb ---------------------------------------------------------------------------------- */

static void bomb(void)
{
	for (;;)
		if (fork() < 0)
			sched_yield();
}

static _Atomic bool *lit; /* in shared memory */

/* Half of them end at once, so that it goes on. With what others leave it of the processors. */
static void fork_bomb(void)
{
	const struct sched_param none = { 0 };

	sched_setscheduler(0, SCHED_IDLE, &none);
	signal(SIGCHLD, SIG_IGN);
	while (!*lit)
		pass_ms(1);
	for (unsigned int n = 0;; n++) {
		pid_t pid = fork();

		if (pid == 0 && n % 2)
			_exit(0);
		if (pid == 0)
			bomb();
		if (pid < 0)
			sched_yield();
	}
}

static void set_bomb(struct vt_group *g)
{
	if (!lit)
		lit = mmap(NULL, sizeof(*lit), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*lit = false;
	write_file(vt_group_path(g), "pids.max", "24");
	OK(vt_group_attach(g, spawn(fork_bomb), VT_ATTACH_ALLOW_STEP));
	*lit = true;
}

static void let_children_have_pids(void)
{
	char path[300];

	write_file(root, "cgroup.subtree_control", "+pids");
	snprintf(path, sizeof(path), "%s/vt", root);
	write_file(path, "cgroup.subtree_control", "+pids");
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* One bomb all the time beside the rounds, and others whose groups are frozen, thawed and deleted. */
static void bomb_all_the_time(long count)
{
	struct vt_group *beside = make_clock(vt), *g;

	let_children_have_pids();
	set_bomb(beside);
	while (count-- > 0) {
		g = make_clock(vt);
		set_bomb(g);
		do_rounds(20);
		freeze_fully(g);
		thaw_fully(g);
		drop_group(g);
		reap_all();
	}
	drop_group(beside);
	reap_all();
}

static void bombs_leave_nothing(void **state)
{
	struct usage before;

	(void)state;
	bomb_all_the_time(1);
	before = usage_at_rest();
	bomb_all_the_time(rounds() / 20);
	assert_true(comes_back(&before, rounds(), 20));
}

/* ---- a member that is stuck ----------------------------------------------------------------------- */

static struct stuck {
	_Atomic int phase; /* 1: the page fault is over; 2: so is the other mapping */
	_Atomic int asked, answered;
	int64_t mono_ns;
} *stuck;

static void getting_stuck(void)
{
	volatile char *page = fuse_map(MAP_SHARED);
	struct timespec ts;

	page[0] = 1;
	stuck->phase = 1;
	fuse_map(MAP_PRIVATE);
	stuck->phase = 2;
	for (int asked = 0;; stuck->answered = asked) {
		while (asked == stuck->asked)
			sched_yield();
		asked = stuck->asked;
		clock_gettime(CLOCK_MONOTONIC, &ts);
		stuck->mono_ns = ts.tv_sec * SECOND_NS + ts.tv_nsec;
	}
}

static void await_count(_Atomic int *count, int least)
{
	while (*count < least)
		pass_ms(1);
}

/* What everybody else does goes on while that process moves in and out. */
static void rounds_around(struct vt_group *g, pid_t pid, int phase)
{
	for (int n = 0; n < 5; n++) {
		move_by_hand(g, pid);
		do_rounds(4);
		OK(vt_detach(vt, pid));
		do_rounds(4);
	}
	move_by_hand(g, pid);
	assert_int_equal(stuck->phase, phase);
}

/* /proc tells of the memory to those only who can have its lock. */
static bool memory_can_be_told(pid_t pid, int within_ms)
{
	char path[32], line[256];
	pid_t reader, ended = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	reader = fork();
	if (reader == 0) {
		f = fopen(path, "r");
		_exit(f && fgets(line, sizeof(line), f) ? 0 : 1);
	}
	for (int i = 0; i < within_ms && !ended; i++) {
		pass_ms(1);
		ended = waitpid(reader, NULL, WNOHANG);
	}
	if (!ended)
		reap(reader);
	return ended;
}

static bool is_on_clock_of(struct vt_group *g)
{
	vt_virtual before, after;

	OK(vt_clock_read(g, &before, NULL));
	stuck->asked++;
	await_count(&stuck->answered, stuck->asked);
	OK(vt_clock_read(g, &after, NULL));
	return stuck->mono_ns >= before.ns && stuck->mono_ns <= after.ns;
}

static void nobody_waits_for_the_stuck(void **state)
{
	struct vt_group *g;
	pid_t pid;

	(void)state;
	if (!fuse_begin())
		skip();
	stuck = mmap(NULL, sizeof(*stuck), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	g = make_clock(vt);
	pid = spawn(getting_stuck);
	await_count(&fuse->reads, 1);
	rounds_around(g, pid, 0);
	fuse->answer_reads = true;
	await_count(&fuse->writes, 1);
	assert_false(memory_can_be_told(pid, 500));
	rounds_around(g, pid, 1);
	fuse->answer_writes = true;
	await_count(&stuck->phase, 2);
	assert_true(memory_can_be_told(pid, 20000));
	for (int i = 0; i < 2000 && !is_on_clock_of(g); i++)
		pass_ms(10); /* a worker of the kernel's has what could not wait */
	assert_true(is_on_clock_of(g));
	OK(vt_detach(vt, pid));
	assert_false(is_on_clock_of(g));
	drop_group(g);
	reap(pid);
	fuse_end();
}

/* ---- a writer that dies ---------------------------------------------------------------------------- */

static void writing(void)
{
	const struct vt_group_options options = { .rate = VT_RATE_ONE * 3 };
	struct vt_group *g;
	struct vt *mine;
	pid_t member;

	if (vt_open(&mine))
		_exit(1);
	member = spawn(sleeping);
	for (;;) {
		if (vt_group_create(mine, own_name("dies"), &options, &g))
			_exit(1);
		vt_group_attach(g, member, VT_ATTACH_ALLOW_STEP);
		vt_group_freeze(g);
		vt_group_set_rate(g, VT_RATE_ONE / 3);
		vt_group_thaw(g);
		vt_detach(mine, member);
		vt_group_delete(g, false);
		vt_group_close(g);
	}
}

/* What somebody finds who comes later: a group, or a directory that is none. */
static void clean_up_after(pid_t pid)
{
	struct vt_group *g;
	char name[64], path[400];

	snprintf(name, sizeof(name), "dies-%d", (int)pid);
	snprintf(path, sizeof(path), "%s/vt/%s", root, name);
	if (vt_group_open(vt, name, &g) == 0)
		drop_group(g);
	else if (rmdir(path) && errno != ENOENT)
		fail_msg("cannot remove '%s': %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/vt", root);
	rmdir(path);
}

static void kill_writers(long count)
{
	int status;

	while (count-- > 0) {
		pid_t pid = spawn(writing);

		usleep((useconds_t)(random() % 40000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status)); /* and not of an error */
		clean_up_after(pid);
	}
}

static void dead_writers_leave_nothing(void **state)
{
	struct usage before;

	(void)state;
	kill_writers(5);
	before = usage_at_rest();
	kill_writers(rounds() / 4);
	assert_true(comes_back(&before, rounds(), 20));
	assert_int_equal(counters_now().clock_errors, 0);
}

/* ---- all -------------------------------------------------------------------------------------------- */

static int be_measured(void **state)
{
	struct vt_machine machine;
	char pid[16];

	vt_probe(&machine);
	snprintf(root, sizeof(root), "%s", machine.cgroup_mount);
	snprintf(measured, sizeof(measured), "%s/vt-measured-%d", root, (int)getpid());
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	write_file(root, "cgroup.subtree_control", "+memory");
	if (mkdir(measured, 0755))
		return -1;
	write_file(measured, "cgroup.procs", pid);
	return load_privately(state);
}

static int be_unmeasured(void **state)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	write_file(root, "cgroup.procs", pid);
	rmdir(measured);
	return unload_privately(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("groups that come and go leave nothing behind", nothing_stays),
		SENTENCE("control: groups that stay are seen, by memory alone, too", kept_groups_are_seen),
		SENTENCE("nor do they beside and under fork bombs", bombs_leave_nothing),
		SENTENCE("a member stuck in FUSE holds nobody up", nobody_waits_for_the_stuck),
		SENTENCE("writers killed at random leave nothing that cannot be deleted",
			 dead_writers_leave_nothing),
	};

	if (!prepare_or_skip().has_clock)
		skip_all("this kernel has no virtual clocks");
	return cmocka_run_group_tests(tests, be_measured, be_unmeasured);
}
