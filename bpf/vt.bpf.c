// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF object: freezer events, membership and control programs over one set of maps.
 *
 * One compilation unit, for the static linker of libbpf before 1.5 refuses objects that declare
 * the same kfunc. The model of each concern stands at the top of its file.
 */
#include "freeze.bpf.h"
#include "groups.bpf.h"
#include "clocks.bpf.h"
#include "steps.bpf.h"

char LICENSE[] SEC("license") = "GPL";
