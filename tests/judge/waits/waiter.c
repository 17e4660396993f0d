// SPDX-License-Identifier: MIT
/*
 * waiter: waits on request, each time in a new child or thread of its own.
 *
 *   waiter --list     one row a line: FAMILY HOW CLOCK MODE GRAIN_NS ENDS TRAITS PERIODS
 *
 * A line of standard input is a request:
 *
 *   ID child|thread HOW CLOCK MODE SECONDS NANOSECONDS TIMES [COMMAND…]
 *   ID go
 *   ID counter
 *   ID stop
 *
 * HOW is that of a row or "run", which runs COMMAND. MODE: rel; abs, so long after the present time
 * of CLOCK; per and abs-per, which divide the time into PERIODS periods; at, that very time; bad,
 * an address where nothing is. A child prepares its wait and begins at the next go, a thread at once.
 * The wait is repeated TIMES times; stop ends repetitions. The answers, one line each:
 *
 *   ID ready pid=N by=N
 *   ID asleep
 *   ID done error=… rem=… begin=… end=… mono_before=… mono_after=… clock_before=…
 *           clock_after=… rounds=… shortest=… longest=… own_shortest=… ticks=COUNT@CYCLES,…
 *   ID needs error=…
 *   ID counter before=… cycles=… after=…
 *
 * error: 0, an errno, or minus what the call returned although nothing came. begin, end, shortest
 * and longest count cycles: the CPU's counter is the one clock that neither the kernel nor vt can
 * bend. begin is taken before the present time that an absolute wait starts from, and after it for
 * a relative one: between begin and end lies at least the time asked for. mono and clock are
 * CLOCK_MONOTONIC and CLOCK in ns by plain system calls, rem what the call left there, in ns; all
 * of the last round. Of all rounds: the extremes, and own_shortest in ns of CLOCK. counter tells the
 * cycles between two readings of CLOCK_MONOTONIC.
 *
 * pid is the process that waits, by the one that waits for it if there is one. At start it says
 * "0 ready". SIGUSR1 interrupts a wait and does nothing; SIGUSR2 lets it be restarted.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "waiter.h"

#define STACK_BYTES 65536
#define WORDS_MAX 32
#define LINE_MAX_BYTES 2048

extern char **environ;

static const struct family families[] = {
	{ "sleep", sleep_rows },     { "poll", poll_rows },   { "futex", futex_rows },
	{ "pthread", pthread_rows }, { "timer", timer_rows }, { "timerfd", timerfd_rows },
	{ "socket", socket_rows },   { "ipc", ipc_rows },     { "aio", aio_rows },
	{ "io_uring", uring_rows },  { "tty", tty_rows },
};

struct request {
	char line[1024];
	const char *words[WORDS_MAX + 1];
	int count;
	const struct row *row;
	int gate;
	bool is_child;
};

/* Of all rounds */
struct tally {
	uint64_t rounds, shortest, longest;
	int64_t own_shortest;
};

static atomic_bool *stopping; /* shared with children */
static _Thread_local const char *current_id;

/* ---- the list ------------------------------------------------------------------------------- */

static int clock_of(char letter)
{
	switch (letter) {
	case 'r': return CLOCK_REALTIME;
	case 'b': return CLOCK_BOOTTIME;
	case 't': return CLOCK_TAI;
	case 'R': return CLOCK_REALTIME_ALARM;
	case 'B': return CLOCK_BOOTTIME_ALARM;
	default: return CLOCK_MONOTONIC;
	}
}

static const char *mode_of(char letter)
{
	switch (letter) {
	case 'a': return "abs";
	case 'p': return "per";
	case 'q': return "abs-per";
	default: return "rel";
	}
}

static void list_row(const char *family, const struct row *r)
{
	for (const char *c = r->clocks; *c; c++)
		for (const char *m = r->modes; *m; m++)
			printf("%s %s %d %s %" PRId64 " %d %u %d\n", family, r->how, clock_of(*c),
			       mode_of(*m), r->grain_ns, r->ends, r->traits, PERIODS);
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct row *r = families[i].rows; r->how; r++)
			list_row(families[i].name, r);
	return 0;
}

static const struct row *find_row(const char *how)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct row *r = families[i].rows; r->how; r++)
			if (!strcmp(r->how, how))
				return r;
	return NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* One write each: lines of different children do not mix. */
static void answer(const char *line, int length)
{
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		_exit(1);
}

static void say_ready(const struct request *r, int pid)
{
	char line[64];

	answer(line, snprintf(line, sizeof(line), "%s ready pid=%d by=%d\n", r->words[0], pid,
			      (int)getpid()));
}

static void say_asleep(const struct request *r)
{
	char line[64];

	answer(line, snprintf(line, sizeof(line), "%s asleep\n", r->words[0]));
}

static int print_ticks(char *line, size_t size, const struct wait *w)
{
	int length = 0;

	for (size_t i = 0; i < w->tick_count; i++)
		length += snprintf(line + length, size - (size_t)length, "%s%" PRIu64 "@%" PRIu64,
				   i ? "," : "", w->ticks[i].count, w->ticks[i].cycles);
	return length;
}

static void say_done(const struct request *r, const struct wait *w, const struct tally *t)
{
	char line[LINE_MAX_BYTES];
	int length = snprintf(line, sizeof(line),
		"%s done error=%d rem=%" PRId64 " begin=%" PRIu64 " end=%" PRIu64
		" mono_before=%" PRId64 " mono_after=%" PRId64 " clock_before=%" PRId64
		" clock_after=%" PRId64 " rounds=%" PRIu64 " shortest=%" PRIu64 " longest=%" PRIu64
		" own_shortest=%" PRId64 " ticks=",
		r->words[0], w->error, to_ns(&w->rem), w->begin, w->end, w->mono[0], w->mono[1],
		w->own[0], w->own[1], t->rounds, t->shortest, t->longest, t->own_shortest);

	length += print_ticks(line + length, sizeof(line) - (size_t)length - 1, w);
	line[length++] = '\n';
	answer(line, length);
}

int need(struct wait *w, long rc)
{
	char line[64];

	(void)w;
	if (rc >= 0)
		return (int)rc;
	answer(line, snprintf(line, sizeof(line), "%s needs error=%d\n", current_id, errno));
	_exit(1);
}

void *need_memory(struct wait *w, void *memory)
{
	need(w, memory && memory != MAP_FAILED ? 0 : -1);
	return memory;
}

/* The narrowest of many tries */
static void say_counter(const struct request *r)
{
	int64_t before, after, best[2] = { 0, INT64_MAX };
	uint64_t value, between = 0;
	char line[128];

	for (int i = 0; i < 300; i++) {
		before = read_clock(CLOCK_MONOTONIC);
		value = cycles();
		after = read_clock(CLOCK_MONOTONIC);
		if (after - before >= best[1] - best[0])
			continue;
		best[0] = before;
		best[1] = after;
		between = value;
	}
	answer(line, snprintf(line, sizeof(line), "%s counter before=%" PRId64 " cycles=%" PRIu64
			      " after=%" PRId64 "\n", r->words[0], best[0], between, best[1]));
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void parse(const struct request *r, struct wait *w)
{
	const char *mode = r->words[4];

	*w = (struct wait){ .clock = (int)strtol(r->words[3], NULL, 10), .rem = { -1, -1 } };
	w->asked.tv_sec = (time_t)strtoll(r->words[5], NULL, 10);
	w->asked.tv_nsec = strtol(r->words[6], NULL, 10);
	w->from_now = !strncmp(mode, "abs", 3);
	w->absolute = w->from_now || !strcmp(mode, "at");
	w->periodic = !strcmp(mode, "per") || !strcmp(mode, "abs-per");
	w->bad = !strcmp(mode, "bad");
}

static void add(struct tally *t, const struct wait *w)
{
	uint64_t took = w->end - w->begin;
	int64_t own = w->own[1] - w->own[0];

	t->rounds++;
	t->shortest = took < t->shortest ? took : t->shortest;
	t->longest = took > t->longest ? took : t->longest;
	t->own_shortest = own < t->own_shortest ? own : t->own_shortest;
}


/* begin() waits for it, the first time */
static _Thread_local const struct request *at_gate;

static void serve_row(const struct request *r)
{
	struct tally t = { .shortest = UINT64_MAX, .own_shortest = INT64_MAX };
	uint64_t times = strtoull(r->words[7], NULL, 10);
	struct wait w;

	at_gate = r;
	do {
		parse(r, &w);
		r->row->wait(&w);
		add(&t, &w);
		finish(&w);
	} while (t.rounds < times && w.error == r->row->ends && !atomic_load(stopping));
	say_done(r, &w, &t);
}

/* What was ready is let go, one that is woken at a time. */
static void pass_gate(const struct request *r)
{
	char byte;

	say_ready(r, (int)gettid());
	if (r->is_child && read(r->gate, &byte, 1) < 0)
		_exit(1);
	say_asleep(r);
}

void begin(struct wait *w)
{
	int64_t first = to_ns(&w->asked);

	if (w->periodic) {
		first /= PERIODS;
		w->period = from_ns(first);
	}
	if (at_gate)
		pass_gate(at_gate);
	at_gate = NULL;
	w->begin = cycles();
	w->mono[0] = read_clock(CLOCK_MONOTONIC);
	w->own[0] = read_clock(w->clock);
	w->when = w->periodic ? w->period : w->asked;
	w->at = w->bad ? (const struct timespec *)1 : &w->when;
	if (w->from_now)
		w->when = from_ns(w->own[0] + first);
	else
		w->begin = cycles();
}

/* ---- commands ------------------------------------------------------------------------------- */

static int spawn(const struct request *r, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int silence[2], error;

	if (pipe(silence))
		return errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, silence[0], STDIN_FILENO);
	error = posix_spawnp(pid, r->words[8], &actions, NULL, (char *const *)&r->words[8],
			     environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int error_of(int status)
{
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void run_command(const struct request *r)
{
	struct wait w = { .rem = { -1, -1 } };
	struct tally t = { 0 };
	int status = 0;
	pid_t pid = -1;

	signal(SIGCHLD, SIG_DFL);
	w.mono[0] = read_clock(CLOCK_MONOTONIC);
	w.begin = cycles();
	w.error = spawn(r, &pid);
	if (!w.error) {
		say_ready(r, pid);
		say_asleep(r);
		waitpid(pid, &status, 0);
		w.error = error_of(status);
	}
	w.end = cycles();
	w.mono[1] = read_clock(CLOCK_MONOTONIC);
	say_done(r, &w, &t);
}

/* ---- children and threads -------------------------------------------------------------------- */

static void serve(struct request *r)
{
	current_id = r->words[0];
	r->row = find_row(r->words[2]);
	if (r->row)
		serve_row(r);
	else if (!strcmp(r->words[2], "run") && r->count > 8)
		run_command(r);
	else
		_exit(2);
}

static void *thread(void *request)
{
	serve(request);
	free(request);
	return NULL;
}

static void start_thread(const struct request *r)
{
	struct request *copy = malloc(sizeof(*copy));
	pthread_attr_t attributes;
	pthread_t t;

	if (!copy)
		exit(1);
	*copy = *r;
	for (int i = 0; i < r->count; i++)
		copy->words[i] = copy->line + (r->words[i] - r->line);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &attributes, thread, copy))
		exit(1);
	pthread_attr_destroy(&attributes);
}

/* A gate is a pipe: it opens when its only writer, this very process, closes it. */
static int gate[2];

static void make_gate(void)
{
	if (pipe(gate))
		exit(1);
}

static void open_gate(void)
{
	close(gate[0]);
	close(gate[1]);
	make_gate();
}

static void start_child(struct request *r)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid)
		return;
	close(gate[1]);
	r->gate = gate[0];
	r->is_child = true;
	serve(r);
	_exit(0);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void split(struct request *r)
{
	char *rest = r->line, *word;

	for (r->count = 0; r->count < WORDS_MAX; r->count++) {
		word = strtok_r(r->count ? NULL : rest, " \n", &rest);
		if (!word)
			break;
		r->words[r->count] = word;
	}
	r->words[r->count] = NULL;
}

static bool is_request(const struct request *r, const char *word)
{
	return r->count > 1 && !strcmp(r->words[1], word);
}

static void do_request(struct request *r)
{
	if (is_request(r, "counter"))
		say_counter(r);
	else if (is_request(r, "go"))
		open_gate();
	else if (is_request(r, "stop"))
		atomic_store(stopping, true);
	else if (r->count >= 8 && is_request(r, "thread"))
		start_thread(r);
	else if (r->count >= 8)
		start_child(r);
	else
		exit(2);
}

static void handle(int signal)
{
	(void)signal;
}

static void prepare(void)
{
	struct sigaction interrupt = { .sa_handler = handle };
	struct sigaction restart = { .sa_handler = handle, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &interrupt, NULL);
	sigaction(SIGUSR2, &restart, NULL);
	signal(SIGCHLD, SIG_IGN);
	unshare(CLONE_NEWIPC); /* if it may: then nothing is left behind */
	stopping = mmap(NULL, sizeof(*stopping), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (stopping == MAP_FAILED)
		exit(1);
	make_gate();
}

int main(int argc, char **argv)
{
	static struct request r = { .words = { "0" } };

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	prepare();
	say_ready(&r, getpid());
	while (fgets(r.line, sizeof(r.line), stdin)) {
		split(&r);
		do_request(&r);
	}
	return 0;
}
