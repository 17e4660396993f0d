// SPDX-License-Identifier: MIT
/*
 * Loading: the one user of libbpf's loader.
 *
 * Everything is pinned in a directory that others do not look into and then moved into place by
 * one rename: pins are complete or absent. Links are pinned too, so the programs stay attached
 * when the loader has gone.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"
#include "vt.skel.h"

#ifndef VT_VERSION
#define VT_VERSION "0"
#endif

#define PIN_DIR_MAX (VT_MOUNT_MAX + sizeof("/" VT_PIN_HIDDEN))

static int print_debug(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	return vfprintf(stderr, format, ap);
}

static bool is_debugging(void)
{
	const char *debug = getenv("VT_DEBUG");

	return debug && *debug;
}

/* libbpf and the verifier write pages; a message is one line. */
static void set_printing(void)
{
	libbpf_set_print(is_debugging() ? print_debug : NULL);
}

bool vt_kernel_has_clock(void)
{
	struct btf *btf;
	bool has;

	set_printing();
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return false;
	/* The youngest of what the programs call */
	has = btf__find_by_name_kind(btf, "vtclk_skip", BTF_KIND_FUNC) > 0;
	btf__free(btf);
	return has;
}

static bool is_locked_down(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	bool locked = false;

	if (!f)
		return false;
	if (fgets(text, sizeof(text), f))
		locked = strstr(text, "[confidentiality]");
	fclose(f);
	return locked;
}

static int refused(int err)
{
	const char *what = "cannot load the BPF programs";

	if (is_locked_down())
		return vt_error(EPERM, what, NULL, "the kernel is locked down for confidentiality, "
				"boot with lockdown=integrity or less");
	if (err == -EPERM)
		return vt_error(EPERM, what, NULL, "bpf(2) is not permitted, run as root (or "
				"with CAP_BPF and CAP_PERFMON) and outside of a container");
	return vt_error(-err, what, NULL, is_debugging() ? NULL :
			"the kernel refused them, VT_DEBUG=1 shows why");
}

static int pin_programs(struct vt_bpf *skel, const char *dir)
{
	struct bpf_program *prog;
	struct bpf_link *link;
	char path[PIN_DIR_MAX + BPF_OBJ_NAME_LEN];
	int err = 0;

	bpf_object__for_each_program(prog, skel->obj) {
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_program__name(prog));
		if (bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL) {
			err = bpf_program__pin(prog, path);
		} else {
			link = bpf_program__attach(prog);
			if (!link)
				return -errno;
			err = bpf_link__pin(link, path);
			bpf_link__destroy(link);
		}
		if (err)
			break;
	}
	return err;
}

static int pin_maps(struct vt_bpf *skel, const char *dir)
{
	struct bpf_map *const maps[] = {
		skel->maps.vt_groups, skel->maps.vt_counters, skel->maps.vt_meta,
		skel->maps.vt_clocks, skel->maps.vt_rings, skel->maps.vt_listeners,
	};
	char path[PIN_DIR_MAX + BPF_OBJ_NAME_LEN];
	int err;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(maps[i]));
		err = bpf_map__pin(maps[i], path);
		if (err)
			return err;
	}
	return 0;
}

static int write_meta(struct vt_bpf *skel)
{
	struct vt_meta meta = {
		.layout = VT_LAYOUT_VERSION,
		.has_clock = skel->rodata->has_clock,
		.version = VT_VERSION,
	};
	struct timespec now;
	__u32 zero = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	meta.loaded_ns = (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
	return bpf_map_update_elem(bpf_map__fd(skel->maps.vt_meta), &zero, &meta, BPF_ANY);
}

static int load_into(const char *dir)
{
	struct vt_bpf *skel = vt_bpf__open();
	int err;

	if (!skel)
		return -errno;
	skel->rodata->has_clock = vt_kernel_has_clock();
	err = vt_bpf__load(skel);
	if (!err)
		err = write_meta(skel);
	if (!err)
		err = pin_maps(skel, dir);
	if (!err)
		err = pin_programs(skel, dir);
	vt_bpf__destroy(skel);
	return err;
}

/* The pins', and in it one for each listener to lock. */
static int make_directories(int root_fd)
{
	char path[sizeof(VT_PIN_HIDDEN "/" VT_LISTENER_DIR) + 16];

	if (mkdirat(root_fd, VT_PIN_HIDDEN, 0700))
		return -errno;
	for (unsigned int slot = 0; slot < VT_LISTENERS_MAX; slot++) {
		snprintf(path, sizeof(path), VT_PIN_HIDDEN "/" VT_LISTENER_DIR "%u", slot);
		if (mkdirat(root_fd, path, 0700))
			return -errno;
	}
	return 0;
}

static int load_and_rename(int root_fd, const char *mount)
{
	char dir[PIN_DIR_MAX];
	int err;

	vt_pins_remove(root_fd, VT_PIN_HIDDEN);
	if (make_directories(root_fd))
		return vt_error_errno("cannot make pins in", mount);
	snprintf(dir, sizeof(dir), "%s/" VT_PIN_HIDDEN, mount);
	err = load_into(dir);
	if (err)
		err = refused(err);
	else if (renameat(root_fd, VT_PIN_HIDDEN, root_fd, VT_PIN_DIR))
		err = vt_error(errno, "cannot make pins in", mount, NULL);
	if (err)
		vt_pins_remove(root_fd, VT_PIN_HIDDEN);
	return err;
}

/* 1: pins of this version are there, 0: none. */
static int check_pins(int root_fd, const char *mount)
{
	char dir[PIN_DIR_MAX];
	unsigned int layout;

	if (faccessat(root_fd, VT_PIN_DIR, F_OK, 0))
		return 0;
	snprintf(dir, sizeof(dir), "%s/" VT_PIN_DIR, mount);
	layout = vt_pinned_layout(dir);
	if (layout == VT_LAYOUT_VERSION)
		return 1;
	return vt_error_stale(dir, layout);
}

int vt_load(void)
{
	char mount[VT_MOUNT_MAX], cgroup[VT_MOUNT_MAX];
	int fd, err;

	set_printing();
	if (vt_cgroup_mount(cgroup, sizeof(cgroup)))
		return vt_error_no_cgroup2();
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return vt_error(ENOTSUP, "cannot load the BPF programs", NULL,
				"the kernel has no BTF, it needs CONFIG_DEBUG_INFO_BTF=y");
	fd = vt_pins_root(mount, sizeof(mount));
	if (fd < 0)
		return fd;
	err = check_pins(fd, mount);
	if (!err)
		err = load_and_rename(fd, mount);
	close(fd);
	return vt_return(err < 0 ? err : 0);
}
