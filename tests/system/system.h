/* SPDX-License-Identifier: MIT */
/*
 * What the tests of libvt on a running kernel share. They are run as root, load the BPF programs
 * into a bpffs of their own (in a mount namespace of their own) and make groups whose names no
 * other test has; whatever they start dies with them.
 */
#ifndef VT_SYSTEM_H
#define VT_SYSTEM_H

#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vt.h"

#define SECOND_NS INT64_C(1000000000)
#define PATIENCE_NS (20 * SECOND_NS)

/* A libvt call that has to succeed; says why it did not. */
#define OK(call)                                                                 \
	do {                                                                     \
		int ok_ = (call);                                                \
		if (ok_ < 0)                                                     \
			fail_msg("%s: %d, %s", #call, ok_, vt_message());        \
	} while (0)

#define FAILS(error, call)                                                       \
	do {                                                                     \
		int fails_ = (call);                                             \
		if (fails_ != -(error) || errno != (error))                      \
			fail_msg("%s: %d, not %d", #call, fails_, -(error));     \
		if (strchr(vt_message(), '\n') || !*vt_message())                \
			fail_msg("%s: message '%s'", #call, vt_message());       \
	} while (0)

static struct vt *vt;

static inline int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

/* First thing in main(): a plan has not been printed yet. The mount namespace and with it the bpffs
 * end with the process. VT_CASE is a pattern of the cases to run, * for any text. */
static inline struct vt_machine prepare_or_skip(void)
{
	struct vt_machine machine;

	if (getenv("VT_CASE"))
		cmocka_set_test_filter(getenv("VT_CASE"));
	vt_probe(&machine);
	if (!machine.is_root || !machine.has_cgroup2 || !machine.has_btf)
		skip_all("needs root, cgroup v2 and BTF");
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		skip_all("cannot mount a bpffs of its own");
	return machine;
}

static inline int load_privately(void **state)
{
	(void)state;
	if (vt_load() || vt_open(&vt)) {
		fprintf(stderr, "%s\n", vt_message());
		return -1;
	}
	return 0;
}

static inline int unload_privately(void **state)
{
	(void)state;
	vt_close(vt);
	if (vt_unload(true)) {
		fprintf(stderr, "%s\n", vt_message());
		return -1;
	}
	return umount2("/sys/fs/bpf", MNT_DETACH);
}

/* "PREFIX-PID": names that no other run uses. */
static inline const char *own_name(const char *prefix)
{
	static char name[4][128];
	static unsigned int turn;
	char *s = name[turn++ % 4];

	snprintf(s, sizeof(name[0]), "%s-%d", prefix, (int)getpid());
	return s;
}

static inline struct vt_group *make_group(const char *name)
{
	const struct vt_group_options options = { .freeze_only = true };
	struct vt_group *g;

	OK(vt_group_create(vt, name, &options, &g));
	return g;
}

/* Its tasks die later than the library waits for where the machine is slow and others keep it busy. */
static inline int delete_patiently(struct vt_group *g, bool kill_all)
{
	int err = vt_group_delete(g, kill_all);

	for (int i = 0; i < 6 && kill_all && err == -EBUSY; i++)
		err = vt_group_delete(g, kill_all);
	return err;
}

static inline void drop_group(struct vt_group *g)
{
	OK(delete_patiently(g, true));
	vt_group_close(g);
}

/* For tests of one group: setup and teardown. */
static inline int one_group(void **state)
{
	*state = make_group(own_name("test"));
	return 0;
}

static inline int one_clock(void **state)
{
	const struct vt_group_options options = { .rate = VT_RATE_ONE };
	struct vt_group *g;

	OK(vt_group_create(vt, own_name("clock"), &options, &g));
	*state = g;
	return 0;
}

static inline int no_group(void **state)
{
	drop_group(*state);
	return 0;
}

/* A process that sleeps, and dies with this one. */
static inline pid_t spawn(void (*body)(void))
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		body();
	_exit(0);
}

static inline void sleeping(void)
{
	for (;;)
		pause();
}

static inline void spinning(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

static inline pid_t spawn_into(struct vt_group *g, void (*body)(void))
{
	pid_t pid = spawn(body);

	OK(vt_group_attach(g, pid, 0));
	return pid;
}

static inline void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline void pass_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

/* Until it waits in a function of the kernel with that in its name. */
static inline void await_wait_in(pid_t pid, const char *name)
{
	char path[32], where[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)pid);
	for (int i = 0; i < 20000 && !strstr(where, name); i++) {
		pass_ms(1);
		f = fopen(path, "r");
		if (f && !fgets(where, sizeof(where), f))
			where[0] = '\0';
		if (f)
			fclose(f);
	}
	if (!strstr(where, name))
		fail_msg("process %d waits in '%s', not in '%s'", (int)pid, where, name);
}

static inline struct vt_status status_of(struct vt_group *g)
{
	struct vt_status s;

	OK(vt_group_status(g, &s));
	return s;
}

static inline struct vt_group_rec books_of(struct vt_group *g)
{
	return status_of(g).books;
}

static inline struct vt_counters counters_now(void)
{
	struct vt_counters c;

	OK(vt_counters(vt, &c));
	return c;
}

/* What somebody without vt would do. -errno. */
static inline int write_by_hand(const struct vt_group *g, const char *file, const char *text)
{
	char path[4200];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", vt_group_path(g), file);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static inline void move_by_hand(const struct vt_group *g, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	assert_int_equal(write_by_hand(g, "cgroup.procs", text), 0);
}

static inline void freeze_fully(struct vt_group *g)
{
	OK(vt_group_freeze(g));
	OK(vt_group_wait(g, VT_FROZEN, PATIENCE_NS));
}

static inline void thaw_fully(struct vt_group *g)
{
	OK(vt_group_thaw(g));
	OK(vt_group_wait(g, VT_RUNNING, PATIENCE_NS));
}

/* How often to do a thing that is a proof by number: few times, unless that variable says otherwise. */
static inline long times(const char *variable, long few)
{
	const char *text = getenv(variable);

	return text && *text ? strtol(text, NULL, 10) : few;
}

#define SENTENCE(text, function) { text, function, NULL, NULL, NULL }
#define WITH_GROUP(text, function) { text, function, one_group, no_group, NULL }
#define WITH_CLOCK(text, function) { text, function, one_clock, no_group, NULL }

#endif
