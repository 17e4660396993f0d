/* SPDX-License-Identifier: MIT */
/*
 * A machine of its own for a benchmark, as far as bpffs goes, and cgroups full of sleepers: groups,
 * and plain ones that whoever has no vt would freeze by hand.
 *
 * The benchmark runs in a child; whatever becomes of that, the parent takes everything away that it
 * made. On a kernel without the series groups are freeze-only.
 */
#ifndef VT_BENCH_GROUPS_H
#define VT_BENCH_GROUPS_H

#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "vt.h"

#define PATIENCE_NS INT64_C(20000000000)

static struct vt *vt;
static struct vt_machine here;
static char plain_root[320]; /* the cgroup above the plain ones, which are as deep as groups */

static inline void ok(int err)
{
	if (err < 0)
		die("%s", vt_message());
}

/* ---- a machine of its own --------------------------------------------------------------------- */

static inline void load(void)
{
	ok(vt_load());
	ok(vt_open(&vt));
}

static inline void unload(void)
{
	vt_close(vt);
	vt = NULL;
	ok(vt_unload(false));
}

static inline void write_to(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("cannot write '%s' to '%s': %s", text, path, strerror(errno));
	close(fd);
}

static inline int remove_group(struct vt_group *g, void *arg)
{
	(void)arg;
	vt_group_delete(g, true);
	return 0;
}

/* Whoever was inside is dead, but the cgroup may take a moment to notice. */
static inline void remove_empty(const char *path)
{
	for (int i = 0; i < 1000 && rmdir(path) && errno == EBUSY; i++)
		pass_us(1000);
}

static inline void remove_plain(void)
{
	DIR *dir = opendir(plain_root);
	struct dirent *e;
	char path[PATH_MAX];

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", plain_root, e->d_name);
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		remove_empty(path);
	}
	if (dir)
		closedir(dir);
	rmdir(plain_root);
}

/* The bpffs is private: all groups in it are the benchmark's. */
static inline void clean(void)
{
	if (vt_open(&vt) == 0) {
		vt_group_each(vt, remove_group, NULL);
		vt_close(vt);
		vt_unload(true);
	}
	remove_plain();
}

static inline void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static pid_t benchmark;

static inline void stop(int signal)
{
	(void)signal;
	kill(benchmark, SIGKILL);
}

static inline int run_privately(void (*body)(int rounds), int rounds)
{
	int status = 0;
	pid_t parent = getpid();

	vt_probe(&here);
	if (!here.is_root || !here.has_cgroup2 || !here.has_btf)
		die("needs root, cgroup v2 and BTF");
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		die("cannot mount a bpffs of its own: %s", strerror(errno));
	snprintf(plain_root, sizeof(plain_root), "%s/bench-%d", here.cgroup_mount, (int)parent);
	benchmark = fork();
	if (benchmark == 0) {
		die_with_parent(parent);
		body(rounds);
		exit(0);
	}
	if (benchmark < 0)
		die("cannot fork: %s", strerror(errno));
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	waitpid(benchmark, &status, 0);
	clean();
	return status != 0;
}

/* ---- sleepers ---------------------------------------------------------------------------------- */

struct crew {
	char name[64];
	char path[512];
	struct vt_group *g; /* NULL: plain */
	int freeze_fd, events_fd;
	pid_t *pids;
	int count;
};

static inline pid_t start(void (*body)(void))
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		die_with_parent(parent);
		body();
		_exit(0);
	}
	return pid;
}

static inline void sleeping(void)
{
	for (;;)
		pause();
}

static inline int open_in(const struct crew *c, const char *file, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", c->path, file);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die("cannot open '%s': %s", path, strerror(errno));
	return fd;
}

static inline void make_group(struct crew *c)
{
	const struct vt_group_options options = { .freeze_only = !here.has_clock };

	ok(vt_group_create(vt, c->name, &options, &c->g));
	snprintf(c->path, sizeof(c->path), "%s", vt_group_path(c->g));
}

static inline void make_plain(struct crew *c)
{
	snprintf(c->path, sizeof(c->path), "%s/%s", plain_root, c->name);
	mkdir(plain_root, 0755);
	if (mkdir(c->path, 0755))
		die("cannot make '%s': %s", c->path, strerror(errno));
}

static inline void put_in(struct crew *c, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (c->g)
		ok(vt_group_attach(c->g, pid, 0));
	else
		write_to(c->path, "cgroup.procs", text);
}

/* So many processes in a new cgroup. No other benchmark has its name. */
static inline struct crew make_crew(const char *name, bool is_group, int count, void (*body)(void))
{
	struct crew c = { .count = count };

	snprintf(c.name, sizeof(c.name), "bench-%s-%d-%d", name, (int)getppid(), count);
	if (is_group)
		make_group(&c);
	else
		make_plain(&c);
	c.freeze_fd = open_in(&c, "cgroup.freeze", O_WRONLY);
	c.events_fd = open_in(&c, "cgroup.events", O_RDONLY);
	c.pids = calloc((size_t)count + 1, sizeof(*c.pids));
	for (int i = 0; c.pids && i < count; i++) {
		c.pids[i] = start(body);
		put_in(&c, c.pids[i]);
	}
	return c;
}

static inline void end_crew(struct crew *c)
{
	for (int i = 0; i < c->count; i++)
		kill(c->pids[i], SIGKILL);
	for (int i = 0; i < c->count; i++)
		waitpid(c->pids[i], NULL, 0);
	free(c->pids);
	close(c->freeze_fd);
	close(c->events_fd);
	if (c->g) {
		ok(vt_group_delete(c->g, true));
		vt_group_close(c->g);
	} else {
		remove_empty(c->path);
	}
}

/* ---- freezing by hand, as fast as it goes -------------------------------------------------------- */

static inline void write_freeze(const struct crew *c, bool freeze)
{
	if (write(c->freeze_fd, freeze ? "1" : "0", 1) != 1)
		die("cannot write to '%s': %s", c->path, strerror(errno));
}

static inline void wait_frozen(const struct crew *c, bool frozen)
{
	const char *want = frozen ? "frozen 1" : "frozen 0";
	char text[128];
	ssize_t n;

	do {
		n = pread(c->events_fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
	} while (!strstr(text, want));
}

/* By libvt for a group, by hand for a plain cgroup. */
static inline void freeze(struct crew *c)
{
	if (c->g) {
		ok(vt_group_freeze(c->g));
		ok(vt_group_wait(c->g, VT_FROZEN, PATIENCE_NS));
	} else {
		write_freeze(c, true);
		wait_frozen(c, true);
	}
}

static inline void thaw(struct crew *c)
{
	if (c->g) {
		ok(vt_group_thaw(c->g));
		ok(vt_group_wait(c->g, VT_RUNNING, PATIENCE_NS));
	} else {
		write_freeze(c, false);
		wait_frozen(c, false);
	}
}

/* ---- commands ------------------------------------------------------------------------------------ */

static inline const char *built(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int turn;
	char *s = path[turn++ % 4];

	snprintf(s, PATH_MAX, "%s/%s", getenv("B") ? getenv("B") : "build", name);
	return s;
}

/* From exec to exit, in us; its output goes nowhere. */
static inline double time_command(const char *const *argv)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	int64_t start_ns;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	start_ns = now_ns();
	if (posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		die("'%s %s' failed", argv[0], argv[1] ? argv[1] : "");
	start_ns = now_ns() - start_ns;
	posix_spawn_file_actions_destroy(&actions);
	return (double)start_ns / 1000;
}

#define COMMAND(...) time_command((const char *const[]){ __VA_ARGS__, NULL })

#endif
