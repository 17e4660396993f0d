// SPDX-License-Identifier: MIT
/* What this machine can do. Nothing is changed and nothing is an error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib.h"

#define CAP_SYS_ADMIN 21
#define CAP_PERFMON 38
#define CAP_BPF 39

static unsigned long long effective_capabilities(void)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	fclose(f);
	return caps;
}

static bool may_use_bpf(void)
{
	const unsigned long long caps = effective_capabilities();
	const unsigned long long both = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;

	return caps & 1ULL << CAP_SYS_ADMIN || (caps & both) == both;
}

int vt_probe(struct vt_machine *m)
{
	char pins[sizeof(m->bpffs_mount) + sizeof("/" VT_PIN_DIR)];
	struct utsname name;

	memset(m, 0, sizeof(*m));
	m->has_cgroup2 = vt_cgroup_mount(m->cgroup_mount, sizeof(m->cgroup_mount)) == 0;
	m->has_bpffs = vt_bpffs_mount(m->bpffs_mount, sizeof(m->bpffs_mount)) == 0;
	m->has_btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	m->has_clock = vt_kernel_has_clock();
	m->can_bpf = may_use_bpf();
	m->is_root = geteuid() == 0;
	if (uname(&name) == 0)
		snprintf(m->release, sizeof(m->release), "%s", name.release);
	if (m->has_bpffs) {
		snprintf(pins, sizeof(pins), "%s/" VT_PIN_DIR, m->bpffs_mount);
		m->pinned_layout = vt_pinned_layout(pins);
		m->loaded = m->pinned_layout == VT_LAYOUT_VERSION;
	}
	return 0;
}
