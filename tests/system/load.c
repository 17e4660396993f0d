// SPDX-License-Identifier: MIT
#include "system.h"

#include <bpf/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define PINS "/sys/fs/bpf/vt"

/* Each test in a child of its own, in mounts of its own: 0 is success. */
static void apart(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(1);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* In the child cmocka's assertions have nowhere to jump to. */
#define EXPECT(condition)                                                              \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "# %d: %s, %s\n", __LINE__, #condition, vt_message()); \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

#define REFUSED(error, call, word)                                                     \
	do {                                                                           \
		EXPECT((call) == -(error) && errno == (error));                        \
		EXPECT(strstr(vt_message(), word));                                    \
	} while (0)

static struct vt_machine probe(void)
{
	struct vt_machine m;

	vt_probe(&m);
	return m;
}

static void load_body(void)
{
	struct vt *other;

	EXPECT(vt_unload(false) == 0);
	EXPECT(!probe().loaded && probe().pinned_layout == 0);
	REFUSED(ENOENT, vt_open(&other), "vtctl load");
	REFUSED(ENOENT, vt_unload(false), "vtctl load");
	EXPECT(vt_load() == 0 && vt_load() == 0);
	EXPECT(probe().loaded && probe().pinned_layout == VT_LAYOUT_VERSION);
	EXPECT(vt_open(&other) == 0);
	vt_close(other);
}

static void load_and_unload(void **state)
{
	(void)state;
	apart(load_body);
}

static void loaders_body(void)
{
	int status;

	for (int round = 0; round < 3; round++) {
		vt_unload(false);
		for (int i = 0; i < 4; i++)
			if (fork() == 0)
				_exit(vt_load() ? 1 : 0);
		for (int i = 0; i < 4; i++)
			EXPECT(wait(&status) > 0 && status == 0);
	}
}

static void loaders_at_once(void **state)
{
	(void)state;
	apart(loaders_body);
}

static void set_layout(uint32_t layout)
{
	int fd = bpf_obj_get(PINS "/vt_meta");
	struct vt_meta meta;
	uint32_t zero = 0;

	EXPECT(fd >= 0 && bpf_map_lookup_elem(fd, &zero, &meta) == 0);
	meta.layout = layout;
	EXPECT(bpf_map_update_elem(fd, &zero, &meta, BPF_ANY) == 0);
	close(fd);
}

static void stale_body(void)
{
	struct vt *other;

	EXPECT(vt_load() == 0);
	set_layout(99);
	REFUSED(ESTALE, vt_open(&other), "layout 99");
	REFUSED(ESTALE, vt_load(), "vtctl unload");
	EXPECT(!probe().loaded && probe().pinned_layout == 99);
	EXPECT(vt_unload(false) == 0 && vt_load() == 0);
	EXPECT(vt_unload(false) == 0 && mkdir(PINS, 0700) == 0);
	REFUSED(ESTALE, vt_load(), "layout 0");
	REFUSED(ESTALE, vt_open(&other), "layout 0");
	EXPECT(vt_unload(false) == 0 && vt_load() == 0);
}

static void stale_pins(void **state)
{
	(void)state;
	apart(stale_body);
}

static void no_bpffs_body(void)
{
	struct vt *other;

	while (umount2("/sys/fs/bpf", MNT_DETACH) == 0)
		;
	EXPECT(!probe().has_bpffs);
	REFUSED(ENOENT, vt_load(), "mount -t bpf");
	REFUSED(ENOENT, vt_open(&other), "not loaded");
	REFUSED(ENOENT, vt_unload(true), "mount -t bpf");
}

static void no_bpffs(void **state)
{
	(void)state;
	apart(no_bpffs_body);
}

static void no_cgroup2_body(void)
{
	char mount_point[256];

	for (;;) {
		snprintf(mount_point, sizeof(mount_point), "%s", probe().cgroup_mount);
		if (!*mount_point)
			break;
		EXPECT(umount2(mount_point, MNT_DETACH) == 0);
	}
	EXPECT(!probe().has_cgroup2);
	REFUSED(ENOTSUP, vt_load(), "mount -t cgroup2");
	REFUSED(ENOTSUP, vt_open(&vt), "cgroup v2");
}

static void no_cgroup2(void **state)
{
	(void)state;
	apart(no_cgroup2_body);
}

static void no_btf_body(void)
{
	EXPECT(mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL) == 0);
	EXPECT(!probe().has_btf);
	REFUSED(ENOTSUP, vt_load(), "BTF");
}

static void no_btf(void **state)
{
	(void)state;
	apart(no_btf_body);
}

static void not_root_body(void)
{
	struct vt *other;

	EXPECT(vt_load() == 0);
	EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
	EXPECT(!probe().is_root && !probe().can_bpf);
	REFUSED(EPERM, vt_open(&other), PINS);
	REFUSED(EPERM, vt_unload(true), "");
}

static void not_root_load_body(void)
{
	vt_unload(false);
	EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
	REFUSED(EPERM, vt_load(), "root");
	EXPECT(access(PINS, F_OK) != 0);
}

static void not_root(void **state)
{
	(void)state;
	apart(not_root_body);
	apart(not_root_load_body);
}

/* What a container's filter or a lockdown does. */
static void refuse_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void refused_body(void)
{
	struct vt *other;

	vt_unload(false);
	refuse_bpf();
	REFUSED(EPERM, vt_load(), "CAP_BPF");
	EXPECT(access(PINS, F_OK) != 0);
	REFUSED(ENOENT, vt_open(&other), "vtctl load");
}

static void refused(void **state)
{
	(void)state;
	apart(refused_body);
}

/* The group's own directory, after the pins have gone. */
static void unloaded_body(void)
{
	const struct vt_group_options options = { .freeze_only = true };
	const char *name = own_name("plain");
	struct vt_group *g;
	char path[4200];
	pid_t pid = fork();

	vt_load();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleeping();
	}
	EXPECT(vt_open(&vt) == 0 && vt_group_create(vt, name, &options, &g) == 0);
	EXPECT(vt_group_attach(g, pid, 0) == 0 && vt_group_freeze(g) == 0);
	EXPECT(vt_group_wait(g, VT_FROZEN, PATIENCE_NS) == 0);
	EXPECT(vt_unload(false) == 0);
	EXPECT(vt_group_create(vt, own_name("late"), &options, NULL) == -ENOENT);
	EXPECT(vt_group_delete(g, true) == -ENOENT);
	snprintf(path, sizeof(path), "%s/cgroup.events", vt_group_path(g));
	EXPECT(access(path, F_OK) == 0);
	kill(pid, SIGKILL);
	EXPECT(waitpid(pid, NULL, 0) == pid);
	while (rmdir(vt_group_path(g)) && errno == EBUSY)
		pass_ms(1);
	vt_group_close(g);
	vt_close(vt);
	EXPECT(vt_load() == 0);
}

static void groups_stay_plain(void **state)
{
	(void)state;
	apart(unloaded_body);
}

static void load_in_child(void)
{
	_exit(vt_load() ? 1 : 0);
}

/* The loader has gone, nobody holds a descriptor of libvt. */
static void nobody_alive_body(void)
{
	const struct vt_group_options options = { .freeze_only = true };
	const char *name = own_name("alone");
	struct vt_group *g;
	struct vt_status s;
	char freeze[4200];
	pid_t pid, loader;
	int status, fd;

	vt_unload(false);
	loader = fork();
	if (loader == 0)
		load_in_child();
	EXPECT(waitpid(loader, &status, 0) == loader && status == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleeping();
	}
	EXPECT(vt_open(&vt) == 0 && vt_group_create(vt, name, &options, &g) == 0);
	EXPECT(vt_group_attach(g, pid, 0) == 0);
	snprintf(freeze, sizeof(freeze), "%s/cgroup.freeze", vt_group_path(g));
	vt_group_close(g);
	vt_close(vt);
	fd = open(freeze, O_WRONLY);
	EXPECT(write(fd, "1", 1) == 1);
	pass_ms(50);
	EXPECT(write(fd, "0", 1) == 1);
	close(fd);
	EXPECT(vt_open(&vt) == 0 && vt_group_open(vt, name, &g) == 0);
	EXPECT(vt_group_wait(g, VT_RUNNING, PATIENCE_NS) == 0 && vt_group_status(g, &s) == 0);
	EXPECT(s.books.freezes == 1 && s.frozen_ns >= 50000000 && s.frozen_ns < 10 * SECOND_NS);
	EXPECT(vt_group_delete(g, true) == 0);
	vt_group_close(g);
	vt_close(vt);
}

static void nobody_alive(void **state)
{
	(void)state;
	apart(nobody_alive_body);
}

static int begin(void **state)
{
	if (load_privately(state))
		return -1;
	vt_close(vt);
	vt = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("loading twice is loading once, unloading takes all away", load_and_unload),
		SENTENCE("loaders at once leave one set of pins", loaders_at_once),
		SENTENCE("pins of another layout are refused and can be unloaded", stale_pins),
		SENTENCE("without bpffs the message says how to mount it", no_bpffs),
		SENTENCE("without cgroup v2 nothing is loaded", no_cgroup2),
		SENTENCE("without BTF nothing is loaded", no_btf),
		SENTENCE("who is not root is refused", not_root),
		SENTENCE("a kernel that refuses BPF is named, nothing is left behind", refused),
		SENTENCE("after unloading groups are plain cgroups", groups_stay_plain),
		SENTENCE("with no process of libvt alive freezes are booked", nobody_alive),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, begin, unload_privately);
}
