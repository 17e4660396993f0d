/* SPDX-License-Identifier: MIT */
/*
 * Boards for tests: groups with a vtd each on one emulated wire (wire.h), in one machine. BOARDS in the
 * environment is how many, LATCH their latch and LOOK how often the wire looks, in us, VT_SEED what
 * random() begins with.
 */
#ifndef VT_BOARDS_BOARD_H
#define VT_BOARDS_BOARD_H

#include "wire.h"

#include <sys/socket.h>
#include <sys/un.h>

#define CHECK_MS 200

static struct board {
	char dir[64], config[96], group[24];
	struct vt_group *g;
	pid_t member, vtd;
} boards[BOARDS_MAX];

static int count = 4;
static long latch_us = 20000; /* emulators are slow */
static const char *vtd_path;

static inline long number(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? atol(text) : otherwise;
}

/* ---- vtd ----------------------------------------------------------------------------------- */

static inline int call(const struct board *b, const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%.80s/%.20s", b->dir, name);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The answer, in a buffer that the next call uses again; NULL: nobody answers. */
static inline const char *ask(const struct board *b, const char *name, const char *request)
{
	static char said[8192];
	size_t length = 0;
	int fd = call(b, name);
	ssize_t n = fd < 0 ? -1 : write(fd, request, strlen(request));

	while (n > 0 && !memchr(said, '\n', length) && length < sizeof(said) - 1) {
		n = read(fd, said + length, sizeof(said) - 1 - length);
		length += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	said[length] = '\0';
	return length ? said : NULL;
}

static inline const char *tell(const struct board *b, const char *what)
{
	char request[128];

	snprintf(request, sizeof(request), "%s %s\n", what, b->group);
	return ask(b, "control", request);
}

static inline int64_t value_of(const struct board *b, const char *key)
{
	char quoted[64];
	const char *said = ask(b, "read", "show\n"), *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = said ? strstr(said, quoted) : NULL;
	if (!at)
		fail_msg("board '%s' does not tell '%s': %s", b->group, key, said ? said : "no answer");
	return at ? strtoll(at + strlen(quoted), NULL, 10) : -1;
}

static inline void start_vtd(struct board *b)
{
	b->vtd = fork();
	assert_true(b->vtd >= 0);
	if (b->vtd == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(vtd_path, "vtd", "--config", b->config, "--run", b->dir, NULL);
		_exit(127);
	}
}

static inline void await_vtd(const struct board *b)
{
	for (int i = 0; i < 2000; i++) {
		if (ask(b, "read", "show\n"))
			return;
		usleep(10000);
	}
	fail_msg("the vtd of board '%s' does not answer", b->group);
}

static inline void kill_vtd(struct board *b)
{
	kill(b->vtd, SIGKILL);
	waitpid(b->vtd, NULL, 0);
}

/* ---- boards -------------------------------------------------------------------------------- */

static inline void write_config(const struct board *b, int i)
{
	FILE *out = fopen(b->config, "we");

	assert_non_null(out);
	fprintf(out, "group %s {\n\toutput = { vtwire, \"%s\" }\n\tinput = { %s, \"%d\" }\n"
		"\tlatch = %ldus\n\tcheck = %dms\n}\n", b->group, i ? (char[]){ (char)('0' + 2 * i), 0 } : "OUT0",
		wire->chip, 2 * i + 1, latch_us, CHECK_MS);
	fclose(out);
}

static inline void make_board(int i)
{
	const struct vt_group_options options = { .freeze_only = !vt_has_clock(vt) };
	struct board *b = &boards[i];

	snprintf(b->dir, sizeof(b->dir), "/run/vt-board%d", i);
	snprintf(b->config, sizeof(b->config), "/run/vt-board%d.conf", i);
	snprintf(b->group, sizeof(b->group), "board%d", i);
	OK(vt_group_create(vt, b->group, &options, &b->g));
	b->member = spawn_into(b->g, sleeping);
	write_config(b, i);
	start_vtd(b);
}

static inline int make_boards(void **state)
{
	(void)state;
	if (load_privately(NULL))
		return -1;
	start_wire(count);
	for (int i = 0; i < count; i++)
		make_board(i);
	for (int i = 0; i < count; i++)
		await_vtd(&boards[i]);
	return 0;
}

static inline int drop_boards(void **state)
{
	(void)state;
	for (int i = 0; i < count; i++) {
		kill(boards[i].vtd, SIGTERM);
		waitpid(boards[i].vtd, NULL, 0);
		drop_group(boards[i].g);
	}
	stop_wire();
	return unload_privately(NULL);
}

static inline struct board *any_board(void)
{
	return &boards[random() % count];
}

static inline void await_all(enum vt_state state, const char *when)
{
	for (int i = 0; i < count; i++)
		if (vt_group_wait(boards[i].g, state, PATIENCE_NS))
			fail_msg("%s: %s; %s", when, vt_message(), ask(&boards[i], "read", "show\n"));
}

static inline void must(const struct board *b, const char *what)
{
	const char *said = tell(b, what);

	if (!said || strstr(said, "\"error\""))
		fail_msg("board '%s' does not %s: %s", b->group, what, said ? said : "no answer");
}

static inline void hold(const struct board *b)
{
	must(b, "hold user");
}

static inline void release(const struct board *b)
{
	must(b, "release user");
}

/* Before make_boards(): a machine of one's own. */
static inline void prepare_boards(void)
{
	const char *build = getenv("B");
	static char path[4096];

	prepare_or_skip();
	if (access(GPIO_SIM, F_OK) != 0)
		skip_all("no gpio-sim in this kernel");
	snprintf(path, sizeof(path), "%s/vtd", build ? build : "build");
	vtd_path = path;
}

static inline int run_boards(const char *name, const struct CMUnitTest *tests, size_t n)
{
	prepare_boards();
	count = (int)number("BOARDS", 4);
	latch_us = number("LATCH", latch_us);
	look_every_ns = 1000 * number("LOOK", look_every_ns / 1000);
	if (count < 1 || count > BOARDS_MAX)
		skip_all("BOARDS is 1 to 4");
	srandom((unsigned int)number("VT_SEED", 1));
	return _cmocka_run_group_tests(name, tests, n, make_boards, drop_boards);
}

#endif
