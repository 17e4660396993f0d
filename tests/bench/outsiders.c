// SPDX-License-Identifier: MIT
/*
 * outsiders [ROUNDS]: what processes outside any group pay for vt being loaded, with one group frozen
 * and one running, against not loaded. It is loaded and unloaded again and again.
 *
 * On a kernel with the series something stays switched on once there was a clock: so what came before
 * the first one is compared as well, though not in turns, since it does not come again.
 */
#include "groups.h"

#include <bpf/bpf.h>
#include <sys/syscall.h>

#define ROUNDS 8
#define SAMPLES 20 /* of each operation in a block */
#define SAMPLE_NS 1000000

enum block { NEVER, UNLOADED, LOADED, BLOCKS };

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_clock_gettime(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}

static void read_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
}

static void read_realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
}

static void read_coarse(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
}

static void read_time(void)
{
	time(NULL);
}

static void fork_and_exit(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("cannot fork: %s", strerror(errno));
}

static struct {
	const char *name;
	void (*call)(void);
	long calls;
	struct samples ns[BLOCKS];
} ops[] = {
	{ "getppid()", call_getppid, 0, { { 0 } } },
	{ "clock_gettime(), system call", call_clock_gettime, 0, { { 0 } } },
	{ "CLOCK_MONOTONIC, vDSO", read_monotonic, 0, { { 0 } } },
	{ "CLOCK_REALTIME, vDSO", read_realtime, 0, { { 0 } } },
	{ "CLOCK_MONOTONIC_COARSE, vDSO", read_coarse, 0, { { 0 } } },
	{ "time(), vDSO", read_time, 0, { { 0 } } },
	{ "fork and exit", fork_and_exit, 0, { { 0 } } },
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

static int64_t time_calls(void (*f)(void), long calls)
{
	int64_t start_ns = now_ns();

	for (long i = 0; i < calls; i++)
		f();
	return now_ns() - start_ns;
}

static void calibrate(void)
{
	for (size_t i = 0; i < OPS; i++)
		for (ops[i].calls = 1; time_calls(ops[i].call, ops[i].calls) < SAMPLE_NS;)
			ops[i].calls *= 2;
}

static void measure(enum block b)
{
	for (int n = 0; n < SAMPLES; n++)
		for (size_t i = 0; i < OPS; i++)
			add(&ops[i].ns[b], (double)time_calls(ops[i].call, ops[i].calls) /
						   (double)ops[i].calls);
}

static void measure_loaded(void)
{
	struct crew frozen, running;

	load();
	frozen = make_crew("frozen", true, 1, sleeping);
	running = make_crew("running", true, 1, sleeping);
	freeze(&frozen);
	measure(LOADED);
	end_crew(&frozen);
	end_crew(&running);
	unload();
}

static bool has_program(void)
{
	__u32 id = 0;
	bool found = false;

	while (!found && bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		found = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
			strcmp(info.name, "vt_on_freeze") == 0;
		if (fd >= 0)
			close(fd);
	}
	return found;
}

/* What was unloaded a moment ago takes another to go. */
static bool is_loaded_elsewhere(void)
{
	for (int i = 0; i < 100; i++) {
		if (!has_program())
			return false;
		pass_us(20000);
	}
	return true;
}

static void print(const char *a, enum block x, const char *b, enum block y)
{
	heading("ns", a, b);
	for (size_t i = 0; i < OPS; i++)
		pair(ops[i].name, &ops[i].ns[x], &ops[i].ns[y], 1.00);
}

static void bench(int rounds)
{
	if (is_loaded_elsewhere())
		puts("\noutsiders: vt is loaded in another bpffs as well, so 'not loaded' is only half true");
	pin_to_cpu(sched_getcpu());
	calibrate();
	for (int i = 0; i < rounds; i++)
		measure(NEVER);
	for (int i = 0; i < rounds; i++) {
		measure_loaded();
		measure(UNLOADED);
	}
	title("outsiders");
	print("loaded", LOADED, "not loaded", UNLOADED);
	if (here.has_clock)
		print("once loaded", UNLOADED, "before", NEVER);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(ROUNDS)));
}
