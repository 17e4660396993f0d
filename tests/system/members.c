// SPDX-License-Identifier: MIT
#include "system.h"

#include <pthread.h>

static pid_t a_dead_pid(void)
{
	pid_t pid = spawn(sleeping);

	reap(pid);
	return pid;
}

static pid_t a_kernel_thread(void)
{
	FILE *f = fopen("/proc/2/comm", "r");
	char comm[32] = "";

	if (!f)
		return 0;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return strcmp(comm, "kthreadd\n") == 0 ? 2 : 0;
}

static void refused_processes(void **state)
{
	struct vt_group *g = *state;

	FAILS(EINVAL, vt_group_attach(g, 0, 0));
	FAILS(EINVAL, vt_group_attach(g, 1, 0));
	FAILS(EINVAL, vt_group_attach(g, -5, 0));
	FAILS(EINVAL, vt_group_attach(g, getpid(), 0));
	FAILS(ESRCH, vt_group_attach(g, 4194304, 0));
	FAILS(ESRCH, vt_group_attach(g, a_dead_pid(), 0));
	if (a_kernel_thread())
		FAILS(EINVAL, vt_group_attach(g, a_kernel_thread(), 0));
	assert_int_equal(status_of(g).tasks, 0);
	assert_int_equal(books_of(g).joins, 0);
}

static void zombie(void **state)
{
	pid_t pid = spawn(sleeping);
	siginfo_t info;

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	FAILS(ESRCH, vt_group_attach(*state, pid, 0));
	reap(pid);
}

static void attach_and_detach(void **state)
{
	struct vt_group *g = *state;
	struct vt_counters before = counters_now();
	pid_t pid = spawn_into(g, sleeping);

	assert_int_equal(books_of(g).joins, 1);
	OK(vt_group_attach(g, pid, 0));
	assert_int_equal(books_of(g).joins, 1);
	OK(vt_detach(vt, pid));
	FAILS(ENOENT, vt_detach(vt, pid));
	assert_int_equal(books_of(g).leaves, 1);
	assert_int_equal(status_of(g).tasks, 0);
	assert_int_equal(counters_now().hand_joins, before.hand_joins);
	reap(pid);
	FAILS(ESRCH, vt_detach(vt, pid));
	FAILS(EINVAL, vt_detach(vt, 0));
}

static void joined_by_hand(void **state)
{
	struct vt_group *g = *state;
	struct vt_counters before = counters_now();

	move_by_hand(g, spawn(sleeping));
	assert_int_equal(books_of(g).joins, 1);
	assert_int_equal(books_of(g).steps_back, 0);
	assert_int_equal(counters_now().hand_joins, before.hand_joins + 1);
}

static void join_and_exec(void **state)
{
	struct vt_group *g = *state;
	struct vt_counters before = counters_now();
	pid_t pid = fork();

	if (pid == 0) {
		if (vt_group_join(g))
			_exit(1);
		execlp("sleep", "sleep", "1000", (char *)NULL);
		_exit(1);
	}
	while (books_of(g).joins == 0 && waitpid(pid, NULL, WNOHANG) == 0)
		pass_ms(1);
	freeze_fully(g);
	assert_int_equal(status_of(g).tasks, 1);
	assert_int_equal(counters_now().hand_joins, before.hand_joins);
	thaw_fully(g);
}

static void make_below(const struct vt_group *g, const char *below)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", vt_group_path(g), below);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void ask_inside(struct vt_group *g, const char *file)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(write_by_hand(g, file, "0") ? 2 : vt_group_has_caller(g));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void caller_inside(void **state)
{
	struct vt_group *g = *state;

	assert_int_equal(vt_group_has_caller(g), 0);
	ask_inside(g, "cgroup.procs");
	make_below(g, "d");
	ask_inside(g, "d/cgroup.procs");
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* Seven processes and three threads. */
static void have_children(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, do_nothing, NULL);
	for (int i = 0; i < 7; i++)
		if (fork() == 0)
			_exit(0);
	sleeping();
}

static void await_start(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
}

/* A member whose body begins with await_start(): the signal must not find it unprepared. */
static pid_t spawn_waiting(struct vt_group *g, void (*body)(void))
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return spawn_into(g, body);
}

static void have_children_later(void)
{
	await_start();
	have_children();
}

static void births(void **state)
{
	struct vt_group *g = *state;
	pid_t pid = spawn_waiting(g, have_children_later);

	spawn(have_children); /* outside: not counted */
	kill(pid, SIGUSR1);
	for (int i = 0; i < 20000 && books_of(g).forks < 10; i++)
		pass_ms(1);
	pass_ms(20);
	assert_int_equal(books_of(g).forks, 10);
	assert_int_equal(books_of(g).joins, 1);
}

/* The child dies with its parent, so that a test that fails leaves nobody behind. */
static void have_child_later(void)
{
	await_start();
	spawn(sleeping);
	sleeping();
}

static pid_t child_of(pid_t pid)
{
	char path[64];
	FILE *f;
	int child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	while (!child) {
		f = fopen(path, "r");
		if (!f)
			return 0;
		if (fscanf(f, "%d", &child) != 1)
			child = 0;
		fclose(f);
	}
	return child;
}

/* Without a note of the birth, which the kernel may have no room for, there is nothing to count by. */
static void child_leaves(void **state)
{
	struct vt_group *g = *state;
	uint64_t untracked = counters_now().untracked;
	pid_t pid = spawn_waiting(g, have_child_later), child;

	kill(pid, SIGUSR1);
	child = child_of(pid);
	if (!child)
		skip();
	while (books_of(g).forks == 0)
		pass_ms(1); /* the child can be seen before its birth is entered */
	OK(vt_detach(vt, child));
	if (counters_now().untracked > untracked)
		skip();
	assert_int_equal(books_of(g).leaves, 1);
}

static void move_below(const struct vt_group *g, const char *below, pid_t pid)
{
	char file[256], text[16];

	snprintf(file, sizeof(file), "%s/cgroup.procs", below);
	snprintf(text, sizeof(text), "%d", (int)pid);
	assert_int_equal(write_by_hand(g, file, text), 0);
}

/* "d/d/d": a cgroup so many levels down. */
static const char *down(size_t levels)
{
	static char path[2 * VT_DEPTH_MAX];

	for (size_t i = 0; i < levels; i++) {
		path[2 * i] = 'd';
		path[2 * i + 1] = '/';
	}
	path[2 * levels - 1] = '\0';
	return path;
}

/* The last cgroup but one has the group among those that are looked at. */
static void deep_below(void **state)
{
	struct vt_group *g = *state;
	uint64_t too_deep = counters_now().too_deep;
	pid_t pid = spawn(sleeping);

	for (size_t i = 1; i <= VT_DEPTH_MAX; i++)
		make_below(g, down(i));
	move_below(g, down(VT_DEPTH_MAX - 1), pid);
	assert_int_equal(books_of(g).joins, 1);
	assert_int_equal(counters_now().too_deep, too_deep);
	move_below(g, down(VT_DEPTH_MAX), pid);
	assert_int_equal(counters_now().too_deep, too_deep + 1);
}

static void from_group_to_group(void **state)
{
	struct vt_group *g = *state, *other = make_group(own_name("other"));
	pid_t pid = spawn_into(g, sleeping);

	OK(vt_group_attach(other, pid, 0));
	assert_int_equal(books_of(g).leaves, 1);
	assert_int_equal(books_of(other).joins, 1);
	drop_group(other);
}

static void *sleep_in_thread(void *arg)
{
	sleeping();
	return arg;
}

static void threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, sleep_in_thread, NULL);
	sleeping();
}

static int count_threads(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return stat(path, &st) ? 0 : (int)st.st_nlink - 2;
}

static void moved_by_thread(void **state)
{
	struct vt_group *g = *state;
	pid_t pid = spawn(threads);

	while (count_threads(pid) < 5)
		pass_ms(1);
	OK(vt_group_attach(g, pid, 0));
	assert_int_equal(status_of(g).tasks, 5);
	assert_int_equal(books_of(g).joins, 1);
	freeze_fully(g);
	thaw_fully(g);
}

static void into_frozen(void **state)
{
	struct vt_group *g = *state;
	pid_t pid;

	spawn_into(g, sleeping);
	freeze_fully(g);
	pid = spawn_into(g, spinning);
	OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
	assert_int_equal(books_of(g).freezes, 1);
	OK(vt_detach(vt, pid));
	assert_int_equal(status_of(g).state, VT_FROZEN);
	thaw_fully(g);
	assert_int_equal(books_of(g).frozen_ns, books_of(g).c_ns - books_of(g).a_ns);
	reap(pid);
}

static void forking(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void fork_storm(void **state)
{
	struct vt_group *g = *state;
	struct vt_straggler who;

	for (int i = 0; i < 4; i++)
		spawn_into(g, forking);
	for (int i = 0; i < 100; i++) {
		freeze_fully(g);
		if (vt_group_stragglers(g, &who, 1) != 0)
			fail_msg("%d (%s): %s", (int)who.pid, who.comm, who.why);
		thaw_fully(g);
	}
	assert_int_equal(books_of(g).freezes, 100);
	assert_true(books_of(g).forks > 0);
	print_message("# %llu of %llu births could not be noted\n",
		      (unsigned long long)counters_now().untracked,
		      (unsigned long long)books_of(g).forks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GROUP("what is no process to move is refused", refused_processes),
		WITH_GROUP("a dead process is refused", zombie),
		WITH_GROUP("a process is moved in and out", attach_and_detach),
		WITH_GROUP("a join by writing cgroup.procs is counted as one", joined_by_hand),
		WITH_GROUP("a process joins and becomes another program", join_and_exec),
		WITH_GROUP("a caller learns whether it is inside", caller_inside),
		WITH_GROUP("births of processes and threads are counted inside only", births),
		WITH_GROUP("a child born inside is counted when it leaves", child_leaves),
		WITH_GROUP("a cgroup too deep for its group to be found is counted", deep_below),
		WITH_GROUP("a move between groups is a leave and a join", from_group_to_group),
		WITH_GROUP("a process is moved with all its threads", moved_by_thread),
		WITH_GROUP("a running process moved into a frozen group is frozen", into_frozen),
		WITH_GROUP("processes that fork all the time are frozen", fork_storm),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
