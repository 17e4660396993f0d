/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests share: cmocka, test names that are sentences, and random numbers that can be
 * had again (VT_SEED=… in the environment; every run prints its seed).
 */
#ifndef VT_UNIT_H
#define VT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vt.h"

#define SENTENCE(text, function) { text, function, NULL, NULL, NULL }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t rng_state;

static inline void rng_seed(void)
{
	const char *given = getenv("VT_SEED");

	rng_state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("# VT_SEED=%llu\n", (unsigned long long)rng_state);
	fflush(stdout);
}

/* splitmix64 */
static inline uint64_t rng(void)
{
	uint64_t z = (rng_state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline uint64_t rng_below(uint64_t n)
{
	return rng() % n;
}

/* Of any magnitude, both signs, the ends included. */
static inline int64_t rng_ns(void)
{
	int64_t n = (int64_t)(rng() >> (1 + rng_below(63)));

	switch (rng_below(16)) {
	case 0:
		n = INT64_MAX - (n & 0xffff);
		break;
	case 1:
		n &= 3;
		break;
	}
	return rng() & 1 ? -n : n;
}

/* A legal rate: any magnitude, both limits, 1 and its neighbours. */
static inline uint64_t rng_rate(void)
{
	switch (rng_below(8)) {
	case 0:
		return VT_RATE_MIN + rng_below(4);
	case 1:
		return VT_RATE_MAX - rng_below(4);
	case 2:
		return VT_RATE_ONE - 2 + rng_below(5);
	case 3:
		return VT_RATE_ONE / (1 + rng_below(1000));
	case 4:
		return VT_RATE_ONE * (1 + rng_below(1000));
	}
	for (;;) {
		uint64_t rate = rng() >> rng_below(21);

		if (rate >= VT_RATE_MIN && rate <= VT_RATE_MAX)
			return rate;
	}
}

#endif
