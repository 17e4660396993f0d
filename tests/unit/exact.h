/* SPDX-License-Identifier: MIT */
/*
 * Whole numbers of 320 bits in schoolbook arithmetic, 32 bits at a time: a reference that shares no
 * trick with the code under test. There is no division: a quotient is checked by multiplying back.
 */
#ifndef VT_EXACT_H
#define VT_EXACT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define EXACT_LIMBS 10

struct exact {
	uint32_t limb[EXACT_LIMBS]; /* the lowest first */
};

static inline struct exact exact(uint64_t n)
{
	return (struct exact){ { (uint32_t)n, (uint32_t)(n >> 32) } };
}

static inline struct exact exact_add(struct exact a, struct exact b)
{
	uint64_t carry = 0;

	for (int i = 0; i < EXACT_LIMBS; i++) {
		carry += (uint64_t)a.limb[i] + b.limb[i];
		a.limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert(!carry);
	return a;
}

static inline struct exact exact_mul(struct exact a, struct exact b)
{
	struct exact sum = { 0 };

	for (int i = 0; i < EXACT_LIMBS; i++) {
		uint64_t carry = 0;

		for (int j = 0; i + j < EXACT_LIMBS; j++) {
			carry += (uint64_t)a.limb[i] * b.limb[j] + sum.limb[i + j];
			sum.limb[i + j] = (uint32_t)carry;
			carry >>= 32;
		}
		assert(!carry);
	}
	return sum;
}

/* n * 2^54 */
static inline struct exact exact_fixed(uint64_t n)
{
	return exact_mul(exact(n), exact(1ULL << 54));
}

static inline bool exact_less(struct exact a, struct exact b)
{
	for (int i = EXACT_LIMBS - 1; i >= 0; i--)
		if (a.limb[i] != b.limb[i])
			return a.limb[i] < b.limb[i];
	return false;
}

#endif
