/* SPDX-License-Identifier: MIT */
/*
 * vtctl doctor: one row per thing that vt needs. What a missing one costs and what to do about it
 * stands next to it. Exit status 0 if groups can at least be frozen here, or could after load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

struct check {
	const char *check, *state, *found, *costs, *remedy;
};

struct diagnosis {
	const char *level, *release;
	struct vtctl_rows checks;
};

#define CHECK(key, column) { #key, NULL, column, KIND_TEXT, offsetof(struct check, key) }

static const struct vtctl_table check_table = {
	sizeof(struct check),
	(const struct vtctl_field[]){ CHECK(check, "CHECK"),
				      CHECK(state, "STATE"),
				      CHECK(found, "FOUND"),
				      CHECK(costs, "WITHOUT IT"),
				      CHECK(remedy, "WHAT TO DO"),
				      { 0 } },
};

static const struct vtctl_table diagnosis_table = {
	sizeof(struct diagnosis),
	(const struct vtctl_field[]){
		{ "level", "level", NULL, KIND_TEXT, offsetof(struct diagnosis, level) },
		{ "release", NULL, NULL, KIND_TEXT, offsetof(struct diagnosis, release) },
		{ "checks", NULL, NULL, KIND_ROWS, offsetof(struct diagnosis, checks) },
		{ 0 } },
};

static struct check check(const char *name, bool ok, const char *found, const char *costs,
			  const char *remedy)
{
	return (struct check){ name, ok ? "ok" : "missing", *found ? found : "-", ok ? "" : costs,
			       ok ? "" : remedy };
}

static bool is_new_enough(const char *release)
{
	char *dot = NULL;
	long major = strtol(release, &dot, 10);
	long minor = *dot == '.' ? strtol(dot + 1, NULL, 10) : 0;

	return major > 6 || (major == 6 && minor >= 1);
}

static const char *kind_of(const struct vt_machine *m)
{
	return !m->has_cgroup2 ? "" : strcmp(m->cgroup_mount, "/sys/fs/cgroup") == 0 ? "unified" : "hybrid";
}

static int examine(const struct vt_machine *m, struct check *c, char *layout, size_t size)
{
	bool fits = !m->pinned_layout || m->pinned_layout == VT_LAYOUT_VERSION;
	int n = 0;

	snprintf(layout, size, m->pinned_layout ? "%u" : "none", m->pinned_layout);
	c[n++] = check("kernel", is_new_enough(m->release), m->release, "nothing was tried before 6.1",
		       "use 6.1 or newer");
	c[n++] = check("root", m->is_root, m->is_root ? "yes" : "no", "no command works",
		       "run vtctl as root");
	c[n++] = check("cgroup2", m->has_cgroup2, m->cgroup_mount, "no groups",
		       "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	c[n++] = check("hierarchy", m->has_cgroup2, kind_of(m), "no groups", "as above");
	c[n++] = check("BTF", m->has_btf, m->has_btf ? "/sys/kernel/btf/vmlinux" : "",
		       "the BPF programs cannot load", "a kernel with CONFIG_DEBUG_INFO_BTF=y");
	c[n++] = check("bpffs", m->has_bpffs, m->bpffs_mount, "nothing can be pinned",
		       "mount -t bpf bpf /sys/fs/bpf");
	c[n++] = check("BPF", m->can_bpf, m->can_bpf ? "permitted" : "",
		       "the BPF programs cannot load", "run as root, with CAP_BPF and CAP_PERFMON");
	c[n++] = check("vt series", m->has_clock, m->has_clock ? "yes" : "no",
		       "groups freeze, but their clocks go on (create --freeze-only)",
		       "boot a kernel with the patches in kernel/");
	c[n++] = check("loaded", m->loaded, m->loaded ? "yes" : "no", "no groups", "vtctl load");
	c[n++] = check("layout", fits, layout, "pins of another version are in the way",
		       "vtctl unload --force && vtctl load");
	return n;
}

static bool can_freeze(const struct vt_machine *m)
{
	bool fits = !m->pinned_layout || m->pinned_layout == VT_LAYOUT_VERSION;

	return m->is_root && m->has_cgroup2 && m->has_btf && m->has_bpffs && m->can_bpf && fits;
}

int vtctl_doctor(struct vtctl_args *args)
{
	struct vt_machine m;
	struct check checks[16];
	char layout[16];
	struct diagnosis d = { "none", m.release, { &check_table, checks, 0 } };

	(void)args;
	vt_probe(&m);
	d.checks.count = examine(&m, checks, layout, sizeof(layout));
	if (can_freeze(&m))
		d.level = m.has_clock ? "patched" : "stock";
	vtctl_print_record(&diagnosis_table, &d);
	if (!vtctl_speaks_json())
		vtctl_print_rows(&d.checks);
	return can_freeze(&m) ? EXIT_OK : EXIT_FAILED;
}
