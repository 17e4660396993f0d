// SPDX-License-Identifier: MIT
/* "KEY VALUE": what is taken is legal, what is not changes nothing. */
#include "board.h"
#include "fuzz.h"
#include "settings.h"

void check(const char *text)
{
	char *key = strdup(text), *value = key ? strchr(key, ' ') : NULL;
	struct vt_settings before, s;
	int err;

	if (value)
		*value++ = '\0';
	if (value) {
		vt_settings_init(&before);
		vt_settings_init(&s);
		err = vt_settings_take(&s, key, value);
		CHECK(err == 0 || ((err == -EINVAL || err == -ERANGE || err == -ENOENT) && errno == -err));
		CHECK(err == 0 || (s.latch_ns == before.latch_ns && s.check_ns == before.check_ns &&
				   s.bias == before.bias && s.drive == before.drive));
		CHECK(s.latch_ns >= 0 && s.latch_ns <= VT_LATCH_MAX_NS);
		CHECK(s.check_ns >= VT_CHECK_MIN_NS && s.check_ns <= VT_CHECK_MAX_NS);
		CHECK(s.bias < 4 && s.drive < 3);
	}
	free(key);
}
