// SPDX-License-Identifier: MIT
/*
 * memory [GROUPS]: what stays in the kernel for BPF once vt is loaded, without groups and with many.
 *
 * Counted are the pinned programs (instructions, code for the processor, types), and the maps that
 * they use, pinned or not, each once.
 */
#include "groups.h"

#include <bpf/bpf.h>

#define GROUPS 1000
#define TARGET_KIB 2048
#define OBJECTS_MAX 256

struct ids {
	__u32 id[OBJECTS_MAX];
	int count;
};

struct usage {
	long programs, code, types, maps;
};

static void note(struct ids *ids, __u32 id)
{
	for (int i = 0; i < ids->count; i++)
		if (ids->id[i] == id)
			return;
	if (ids->count == OBJECTS_MAX)
		die("too many BPF objects");
	ids->id[ids->count++] = id;
}

/* A number from /proc/self/fdinfo; -1: there is no such line. */
static long fdinfo(int fd, const char *key)
{
	char path[64], line[256];
	long value = -1;
	size_t n = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			value = strtol(line + n + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* Links are pinned, too: what they hold is their program. */
static void note_pin(const char *path, struct ids *programs, struct ids *maps)
{
	int fd = bpf_obj_get(path);
	long id;

	if (fd < 0)
		return;
	id = fdinfo(fd, "map_id");
	if (id > 0)
		note(maps, (__u32)id);
	id = fdinfo(fd, "prog_id");
	if (id > 0)
		note(programs, (__u32)id);
	close(fd);
}

static void note_pins(struct ids *programs, struct ids *maps)
{
	DIR *dir = opendir("/sys/fs/bpf/" VT_PIN_DIR);
	char path[PATH_MAX];
	struct dirent *e;

	if (!dir)
		die("cannot read the pins");
	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/fs/bpf/" VT_PIN_DIR "/%s", e->d_name);
		if (e->d_type == DT_REG)
			note_pin(path, programs, maps);
	}
	closedir(dir);
}

static void add_types(struct usage *u, struct ids *seen, __u32 id)
{
	struct bpf_btf_info info = { 0 };
	__u32 size = sizeof(info);
	int fd, known = seen->count;

	note(seen, id);
	fd = seen->count == known ? -1 : bpf_btf_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		u->types += info.btf_size;
	if (fd >= 0)
		close(fd);
}

static void add_program(struct usage *u, __u32 id, struct ids *maps, struct ids *types)
{
	__u32 used[OBJECTS_MAX];
	struct bpf_prog_info info = { .nr_map_ids = OBJECTS_MAX, .map_ids = (uintptr_t)used };
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		die("cannot ask for BPF program %u: %s", id, strerror(errno));
	for (__u32 i = 0; i < info.nr_map_ids; i++)
		note(maps, used[i]);
	u->programs += fdinfo(fd, "memlock");
	u->code += info.jited_prog_len;
	if (info.btf_id)
		add_types(u, types, info.btf_id);
	close(fd);
}

static void add_map(struct usage *u, __u32 id)
{
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		die("cannot ask for BPF map %u: %s", id, strerror(errno));
	u->maps += fdinfo(fd, "memlock");
	close(fd);
}

static void print_usage(int groups)
{
	struct ids programs = { .count = 0 }, maps = { .count = 0 }, types = { .count = 0 };
	struct usage u = { 0 };
	double kib;

	note_pins(&programs, &maps);
	for (int i = 0; i < programs.count; i++)
		add_program(&u, programs.id[i], &maps, &types);
	for (int i = 0; i < maps.count; i++)
		add_map(&u, maps.id[i]);
	kib = (double)(u.programs + u.code + u.types + u.maps) / 1024;
	printf("  %6d %9d %9.1f %7.1f %7.1f %6d %9.1f %11.1f   target %d%s\n", groups, programs.count,
	       (double)u.programs / 1024, (double)u.code / 1024, (double)u.types / 1024, maps.count,
	       (double)u.maps / 1024, kib, TARGET_KIB, kib > TARGET_KIB ? ", missed" : "");
	fflush(stdout);
}

static void make_groups(int count)
{
	const struct vt_group_options options = { .freeze_only = !here.has_clock };
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "bench-memory-%d-%d", (int)getppid(), i);
		ok(vt_group_create(vt, name, &options, NULL));
	}
}

static void bench(int groups)
{
	load();
	title("BPF memory, KiB");
	printf("  %6s %9s %9s %7s %7s %6s %9s %11s\n", "groups", "programs", "take", "code", "types", "maps",
	       "take", "all");
	print_usage(0);
	make_groups(groups);
	print_usage(groups);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, GROUPS));
}
