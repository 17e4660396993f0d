/* SPDX-License-Identifier: MIT */
/* What the harnesses share: libFuzzer's bytes as text in a buffer of exactly that size, so that
 * the address sanitizer sees a read beyond the end. */
#ifndef VT_FUZZ_H
#define VT_FUZZ_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vt.h"

#define CHECK(condition)                                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			fprintf(stderr, "broken: %s, text '%s'\n", #condition, text); \
			abort();                                             \
		}                                                            \
	} while (0)

void check(const char *text);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check(text);
	free(text);
	return 0;
}

#endif
