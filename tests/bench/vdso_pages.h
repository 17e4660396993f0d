/* SPDX-License-Identifier: MIT */
/*
 * The data pages of the vDSO of Linux 6.12 on x86-64, and a world to put into them.
 *
 * A page tells the time of one instant (cycle_last) for each clock, and how fast the cycle counter
 * runs. The page of a time namespace, or of a virtual clock, has seq 1 and a mode that sends readers
 * on to the host's page, three pages further.
 */
#ifndef VT_BENCH_VDSO_PAGES_H
#define VT_BENCH_VDSO_PAGES_H

#include <stdint.h>
#include <time.h>

#define CLOCK_IDS 12
#define MODE_TSC 1
#define MODE_ELSEWHERE INT32_MAX
#define MODE_MEMBER (INT32_MAX - 1)
#define RATE_SHIFT 54
#define RATE_ONE (UINT64_C(1) << RATE_SHIFT)
#define RATE_ONE_ENDING (RATE_ONE + 1) /* of a clock that will stop by itself */
#define ENDLESS UINT64_MAX
#define MEMBER_MARK 1

struct instant_words {
	uint64_t sec, ns; /* ns shifted by the page's shift, except those of coarse clocks */
};

struct host_words {
	uint32_t seq;
	int32_t mode;
	uint64_t cycle_last, max_cycles, mask;
	uint32_t mult, shift;
	struct instant_words clock[CLOCK_IDS];
	int32_t zone[2];
	uint32_t resolution, unused;
};

/* In place of a host's clock[]: what a time namespace adds. */
struct offset_words {
	int64_t sec;
	uint64_t ns;
};

struct member_words {
	uint32_t seq;
	int32_t mode;
	uint64_t real_start, virt_start, mult;
	uint32_t piece_seq, start_sec;
	uint64_t mark, span;
	uint32_t ahead_ns[CLOCK_IDS];
	int64_t ahead_sec[CLOCK_IDS];
};

/* What a coarse clock of a member is ahead by, so many ids on, on the second page: at rate 1, else 0, in place
 * of seconds a word with seconds above 30 bits of ns, of which there are 1 to a second; then all in ns. */
#define AHEAD_APART 5
#define AHEAD_NS_BITS 30

/* The second is that of CLOCK_MONOTONIC_RAW. */
struct host_page {
	struct host_words hres, raw;
};

_Static_assert(sizeof(struct host_words) == 248, "not the kernel's layout");
_Static_assert(sizeof(struct offset_words) == sizeof(struct instant_words), "they share a place");
_Static_assert(sizeof(struct member_words) <= sizeof(struct host_words), "too long");

#endif
