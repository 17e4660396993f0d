// SPDX-License-Identifier: MIT
/*
 * family FILE: processes and threads of every descent, all in one memory-mapped FILE that somebody
 * outside can look into: a thread, a child, a grandchild, a session leader, a double-forked daemon,
 * programs started by exec, by vfork and under another user, and storms of short-lived children.
 *
 * Members beat: they count, and when `ask` has changed they read the clock and answer. Storms clone
 * without pause and check that time passes from parent to child and back without a step: a clone
 * that races a freeze or a thaw must be on the same clock. `spawn` asks the leader for children.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 63

extern char **environ;

/* The judge unpacks these by offset: 64 bytes each. */
struct slot {
	_Atomic uint32_t tid, answered;
	char kind[16];
	_Atomic uint64_t beats;
	int64_t mono_ns, sys_mono_ns, real_ns;
	uint64_t unused;
};

static struct shared {
	_Atomic uint32_t ask, spawn, used, unused;
	_Atomic uint64_t clones, backs;
	uint64_t unused_too[4];
	struct slot slots[SLOTS];
} *shared;

_Static_assert(sizeof(struct slot) == 64, "the judge expects 64");
_Static_assert(offsetof(struct shared, slots) == 64, "the judge expects 64");

static char *self, *file;

static int64_t read_clock(int id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int64_t read_by_kernel(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void answer(struct slot *s, uint32_t ask)
{
	s->mono_ns = read_clock(CLOCK_MONOTONIC);
	s->sys_mono_ns = read_by_kernel();
	s->real_ns = read_clock(CLOCK_REALTIME);
	atomic_store(&s->answered, ask);
}

static struct slot *join(const char *kind)
{
	uint32_t i = atomic_fetch_add(&shared->used, 1);
	struct slot *s = &shared->slots[i];

	if (i >= SLOTS)
		exit(3);
	snprintf(s->kind, sizeof(s->kind), "%s", kind);
	atomic_store(&s->tid, (uint32_t)syscall(SYS_gettid));
	return s;
}

static void beat(struct slot *s)
{
	uint32_t ask = atomic_load(&shared->ask);

	atomic_fetch_add(&s->beats, 1);
	if (atomic_load(&s->answered) != ask)
		answer(s, ask);
	usleep(2000);
}

static void member(const char *kind)
{
	for (struct slot *s = join(kind);;)
		beat(s);
}

static void *thread(void *kind)
{
	member(kind);
	return NULL;
}

static void check(int64_t before, int64_t after)
{
	if (after < before)
		atomic_fetch_add(&shared->backs, 1);
}

/* ---- storms ------------------------------------------------------------------------------- */

static void *short_lived_thread(void *before)
{
	check(*(int64_t *)before, read_clock(CLOCK_MONOTONIC));
	return NULL;
}

static void clone_thread(void)
{
	int64_t before = read_clock(CLOCK_MONOTONIC);
	pthread_t t;

	if (!pthread_create(&t, NULL, short_lived_thread, &before))
		pthread_join(t, NULL);
}

/* Every eighth child checks in a new program. */
static void clone_child(uint64_t n)
{
	int64_t before = read_clock(CLOCK_MONOTONIC), *child = mmap(
		NULL, sizeof(*child), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char text[32];
	pid_t pid = fork();

	if (!pid && n % 8 == 0) {
		snprintf(text, sizeof(text), "%lld", (long long)before);
		execl(self, self, file, "check", text, NULL);
	} else if (!pid) {
		*child = read_by_kernel();
		check(before, *child);
		check(*child, read_clock(CLOCK_MONOTONIC));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	check(*child, read_clock(CLOCK_MONOTONIC));
	munmap(child, sizeof(*child));
}

static void storm(void)
{
	signal(SIGCHLD, SIG_DFL);
	for (uint64_t n = 0;; n++) {
		if (n & 1)
			clone_thread();
		else
			clone_child(n);
		atomic_fetch_add(&shared->clones, 1);
	}
}

/* ---- descent ------------------------------------------------------------------------------ */

static void exec_member(const char *kind)
{
	execl(self, self, file, "member", kind, NULL);
	_exit(1);
}

static void daemonize(void)
{
	if (fork())
		_exit(0);
	setsid();
	if (fork())
		_exit(0);
	member("daemon");
}

static void as_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		_exit(1);
	exec_member("nobody");
}

static void found_family(void)
{
	char *const spawned[] = { self, file, "member", "vfork", NULL };
	pthread_t t;
	pid_t pid;

	if (pthread_create(&t, NULL, thread, "thread"))
		exit(1);
	if (!fork())
		member("child");
	if (!fork()) {
		if (!fork())
			member("grandchild");
		member("parent");
	}
	if (!fork()) {
		setsid();
		member("setsid");
	}
	if (!fork())
		daemonize();
	if (!fork())
		exec_member("exec");
	if (posix_spawn(&pid, self, NULL, NULL, spawned, environ))
		exit(1);
	if (!getuid() && !fork())
		as_nobody();
	for (int i = 0; i < 2; i++)
		if (!fork())
			storm();
}

static void lead(void)
{
	struct slot *s = join("leader");

	signal(SIGCHLD, SIG_IGN);
	found_family();
	for (uint32_t spawned = 0;; beat(s))
		for (; spawned < atomic_load(&shared->spawn); spawned++)
			if (!fork())
				member("born later");
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 2)
		return 2;
	self = argv[0];
	file = argv[1];
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof(*shared)))
		return 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return 1;
	if (argc == 2)
		lead();
	if (argc == 4 && !strcmp(argv[2], "member"))
		member(argv[3]);
	if (argc == 4 && !strcmp(argv[2], "check"))
		check(strtoll(argv[3], NULL, 10), read_clock(CLOCK_MONOTONIC));
	return 0;
}
