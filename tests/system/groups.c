// SPDX-License-Identifier: MIT
#include "system.h"

#include <bpf/bpf.h>

static const struct vt_group_options freeze_only = { .freeze_only = true };

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void create_and_delete(void **state)
{
	const char *name = own_name("group");
	struct vt_group *g = make_group(name), *again;
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s", vt_group_path(g));
	assert_string_equal(vt_group_name(g), name);
	assert_true(is_directory(path));
	OK(vt_group_open(vt, name, &again));
	assert_string_equal(vt_group_path(again), path);
	vt_group_close(again);
	OK(vt_group_delete(g, false));
	assert_false(is_directory(path));
	FAILS(ENOENT, vt_group_open(vt, name, &again));
	FAILS(ENOENT, vt_group_delete(g, false));
	vt_group_close(g);
	assert_int_equal(counters_now().groups_released, 0);
}

static void refused_names(void **state)
{
	static char long_name[257];
	static const char *const bad[] = {
		"", "/", ".", "..", "a/..", "a//b", "a/", "../x", "/../x", "a\nb", "a\x7f", "a/./b",
		long_name,
	};

	(void)state;
	memset(long_name, 'x', 256);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FAILS(EINVAL, vt_group_create(vt, bad[i], &freeze_only, NULL));
		FAILS(EINVAL, vt_group_open(vt, bad[i], NULL));
	}
}

static void refused_options(void **state)
{
	const struct vt_group_options fast = { .rate = VT_RATE_MAX + 1 };
	const struct vt_group_options slow = { .rate = VT_RATE_MIN - 1 };
	const struct vt_group_options both = { .rate = VT_RATE_ONE, .freeze_only = true };
	const struct vt_group_options clock = { .freeze_only = false };
	const char *name = own_name("refused");

	(void)state;
	FAILS(ERANGE, vt_group_create(vt, name, &fast, NULL));
	FAILS(ERANGE, vt_group_create(vt, name, &slow, NULL));
	FAILS(EINVAL, vt_group_create(vt, name, &both, NULL));
	if (!vt_has_clock(vt))
		FAILS(EOPNOTSUPP, vt_group_create(vt, name, &clock, NULL));
	FAILS(ENOENT, vt_group_create(vt, "/no/such/cgroup", &freeze_only, NULL));
	FAILS(ENOENT, vt_group_create(vt, "no-such-group/child", &freeze_only, NULL));
	FAILS(ENOENT, vt_group_open(vt, name, NULL));
}

static void existing(void **state)
{
	struct vt_group *g = *state;
	char absolute[4200];

	FAILS(EEXIST, vt_group_create(vt, vt_group_name(g), &freeze_only, NULL));
	snprintf(absolute, sizeof(absolute), "/vt/%s", vt_group_name(g));
	FAILS(EEXIST, vt_group_create(vt, absolute, &freeze_only, NULL));
	FAILS(EEXIST, vt_group_create(vt, vt_group_path(g), &freeze_only, NULL));
	assert_int_equal(books_of(g).freezes, 0);
}

/* A directory that is there and not ours: a slice, a container. */
static void in_place(void **state)
{
	struct vt_machine machine;
	struct vt_group *g;
	char path[512], name[256];
	pid_t pid;

	(void)state;
	vt_probe(&machine);
	snprintf(name, sizeof(name), "/%s", own_name("foreign"));
	snprintf(path, sizeof(path), "%s%s", machine.cgroup_mount, name);
	assert_int_equal(mkdir(path, 0755), 0);
	g = make_group(path);
	assert_string_equal(vt_group_name(g), name);
	assert_string_equal(vt_group_path(g), path);
	pid = spawn_into(g, sleeping);
	freeze_fully(g);
	FAILS(EBUSY, vt_group_delete(g, false));
	thaw_fully(g);
	OK(vt_group_delete(g, false));
	vt_group_close(g);
	assert_true(is_directory(path));
	reap(pid);
	while (rmdir(path) && errno == EBUSY)
		pass_ms(1);
}

static void populated(void **state)
{
	struct vt_group *g = *state;
	pid_t pid = spawn_into(g, sleeping);

	FAILS(EBUSY, vt_group_delete(g, false));
	assert_int_equal(status_of(g).tasks, 1);
	assert_int_equal(kill(pid, 0), 0);
}

static void kill_frozen(void **state)
{
	struct vt_group *g = make_group(own_name("killed")), *child;
	char name[512];

	(void)state;
	snprintf(name, sizeof(name), "%s/child", vt_group_name(g));
	child = make_group(name);
	for (int i = 0; i < 10; i++)
		spawn_into(i & 1 ? g : child, spinning);
	freeze_fully(g);
	FAILS(EBUSY, vt_group_delete(g, false));
	OK(vt_group_delete(g, true));
	FAILS(ENOENT, vt_group_status(child, &(struct vt_status){}));
	vt_group_close(child);
	vt_group_close(g);
	assert_int_equal(counters_now().groups_released, 0);
}

static void removed_by_hand(void **state)
{
	struct vt_group *g = make_group(own_name("released"));
	struct vt_counters before = counters_now();
	struct vt_status s;

	(void)state;
	assert_int_equal(rmdir(vt_group_path(g)), 0);
	FAILS(ENOENT, vt_group_status(g, &s));
	FAILS(ENOENT, vt_group_delete(g, false));
	FAILS(ENOENT, vt_group_attach(g, getppid(), 0));
	vt_group_close(g);
	assert_int_equal(counters_now().groups_released, before.groups_released + 1);
}

#define CREATORS 8

static void create_same(void)
{
	struct vt *own; /* a handle is shared with the parent, its lock as well */
	int made = 0;
	char name[64];

	if (vt_open(&own))
		_exit(201);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "race-%d-%d", (int)getppid(), i);
		if (vt_group_create(own, name, &freeze_only, NULL) == 0)
			made++;
		else if (errno != EEXIST)
			_exit(200);
	}
	_exit(made);
}

static int delete_one(struct vt_group *g, void *count)
{
	if (strncmp(vt_group_name(g), "race-", 5) == 0) {
		OK(vt_group_delete(g, false));
		++*(int *)count;
	}
	return 0;
}

static void creators_at_once(void **state)
{
	int made = 0, deleted = 0, status;
	pid_t pids[CREATORS];

	(void)state;
	for (int i = 0; i < CREATORS; i++)
		pids[i] = spawn(create_same);
	for (int i = 0; i < CREATORS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 50);
		made += WEXITSTATUS(status);
	}
	assert_int_equal(made, 50);
	OK(vt_group_each(vt, delete_one, &deleted));
	assert_int_equal(deleted, 50);
}

struct seen {
	char last[256];
	int count;
};

static int in_order(struct vt_group *g, void *arg)
{
	struct seen *seen = arg;

	assert_true(strcmp(seen->last, vt_group_name(g)) < 0);
	snprintf(seen->last, sizeof(seen->last), "%s", vt_group_name(g));
	return seen->count++ == 2 ? 42 : 0;
}

static void each_in_order(void **state)
{
	static const char *const names[] = { "b", "a", "d", "c" };
	struct vt_group *groups[4];
	struct seen seen = {};

	(void)state;
	for (int i = 0; i < 4; i++)
		groups[i] = make_group(own_name(names[i]));
	assert_int_equal(vt_group_each(vt, in_order, &seen), 42);
	assert_int_equal(seen.count, 3);
	for (int i = 0; i < 4; i++)
		drop_group(groups[i]);
}

/* What the kernel says that the map takes; fdinfo has it since 4.10, exactly since 6.4. */
static long map_bytes(const char *name)
{
	char path[256], line[128];
	int fd;
	long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/fs/bpf/vt/%s", name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %ld", &bytes) == 1)
			break;
	fclose(f);
	close(fd);
	return bytes;
}

static long pinned_bytes(void)
{
	return map_bytes("vt_groups") + map_bytes("vt_counters") + map_bytes("vt_meta") +
	       map_bytes("vt_rings") + map_bytes("vt_listeners");
}

static int delete_many(struct vt_group *g, void *count)
{
	++*(int *)count;
	return vt_group_delete(g, false);
}

static void a_thousand(void **state)
{
	char name[64];
	int count = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "many-%d-%d", (int)getpid(), i);
		OK(vt_group_create(vt, name, &freeze_only, NULL));
	}
	assert_true(pinned_bytes() > 1000 * (long)sizeof(struct vt_group_rec));
	print_message("# %ld bytes of pinned maps for 1000 groups\n", pinned_bytes());
	assert_true(pinned_bytes() <= 2 << 20);
	OK(vt_group_each(vt, delete_many, &count));
	assert_int_equal(count, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("a group is made, found by name and deleted", create_and_delete),
		SENTENCE("bad names are refused", refused_names),
		SENTENCE("bad options are refused and leave nothing behind", refused_options),
		WITH_GROUP("a group that exists is refused by any of its names", existing),
		SENTENCE("a cgroup of somebody else becomes a group in place", in_place),
		WITH_GROUP("a populated group is not deleted", populated),
		SENTENCE("a frozen tree of groups is killed and deleted", kill_frozen),
		SENTENCE("a group removed by rmdir leaves the books", removed_by_hand),
		SENTENCE("creators at once make each group once", creators_at_once),
		SENTENCE("groups are visited in the order of their names", each_in_order),
		SENTENCE("1000 groups take at most 2 MiB", a_thousand),
	};

	prepare_or_skip();
	return cmocka_run_group_tests(tests, load_privately, unload_privately);
}
