// SPDX-License-Identifier: MIT
/*
 * boards [PAUSES]: boards in step, on lines of gpio-sim.
 *
 * How long a freeze takes from the kernel's stamp of the edge to the return of the write to
 * cgroup.freeze: vtd against the smallest program that waits for an edge and writes the file, in turns,
 * both with priority 90, each with 8 sleeping tasks. vtd has set the instant at which the clock stops by
 * then, and keeps books; the other's tasks are in a plain cgroup.
 *
 * Recipe R4: by how much the clocks of boards on one wire differ for each pause, and at the end. The
 * wire is a process that pulls one input after the other (tests/boards/wire.h), and all boards share
 * this machine; the ancestor's had one each.
 *
 * For figures the machine should count its instructions: tests/vm/run --instructions --smp 1.
 */
#include "bench.h"

#include "../boards/board.h"

#include <linux/gpio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAUSES 128
#define PAUSE_MS 1000
#define ROUNDS 200
#define TASKS 8
#define IDLE_S 60
#define PLAIN "/sys/fs/cgroup/bench-boards"

static const struct { double mean_us, p95_us, max_us, drift_ms; } ancestor = { 21.0, 53.8, 97.2, 1.85 };

/* ---- the smallest program ------------------------------------------------------------------ */

static volatile int64_t *plain_ns; /* from stamp to written */

static int request_line(const char *chip, unsigned int offset)
{
	struct gpio_v2_line_request r = {
		.offsets = { offset },
		.num_lines = 1,
		.config = { .flags = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING },
	};
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/dev/%.64s", chip);
	fd = open(path, O_RDWR);
	if (fd < 0 || ioctl(fd, GPIO_V2_GET_LINE_IOCTL, &r))
		die("cannot request line %u of '%s': %s", offset, chip, strerror(errno));
	close(fd);
	return r.fd;
}

static void freeze_at_edges(int line, int freeze)
{
	const struct sched_param param = { .sched_priority = 90 };
	struct gpio_v2_line_event edge;

	mlockall(MCL_CURRENT | MCL_FUTURE);
	sched_setscheduler(0, SCHED_FIFO, &param);
	while (read(line, &edge, sizeof(edge)) == sizeof(edge)) {
		if (write(freeze, "1", 1) != 1)
			die("cannot freeze: %s", strerror(errno));
		*plain_ns = now_ns() - (int64_t)edge.timestamp_ns;
	}
}

/* ---- from edge to freeze ------------------------------------------------------------------- */

static void put_into(const char *directory, pid_t pid)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	snprintf(text, sizeof(text), "%d", (int)pid);
	put(path, text);
}

/* Follows its own line, next to those of the boards. */
static pid_t start_plain(pid_t *tasks)
{
	int line = request_line(wire->chip, (unsigned int)(2 * wire->boards)), freeze_fd;
	pid_t pid;

	plain_ns = mmap(NULL, sizeof(*plain_ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdir(PLAIN, 0755))
		die("cannot make '%s': %s", PLAIN, strerror(errno));
	for (int i = 0; i < TASKS; i++) {
		tasks[i] = spawn(sleeping);
		put_into(PLAIN, tasks[i]);
	}
	freeze_fd = open(PLAIN "/cgroup.freeze", O_WRONLY);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		freeze_at_edges(line, freeze_fd);
		_exit(0);
	}
	close(line);
	close(freeze_fd);
	return pid;
}

static void end_plain(pid_t pid, const pid_t *tasks)
{
	reap(pid);
	for (int i = 0; i < TASKS; i++)
		reap(tasks[i]);
	while (rmdir(PLAIN) && errno == EBUSY)
		pass_us(1000);
}

static void turn_line(int line, bool level)
{
	const char *text = level ? "pull-up" : "pull-down";

	if (pwrite(line, text, strlen(text), 0) < 0)
		die("cannot pull a line: %s", strerror(errno));
}

static double edge_to_vtd(int line)
{
	turn_line(line, true);
	await_all(VT_FROZEN, "pulled");
	pass_us(20000);
	turn_line(line, false);
	await_all(VT_RUNNING, "let go");
	pass_us(20000);
	return (double)value_of(&boards[0], "last_ns") / 1000;
}

static double edge_to_plain(int line)
{
	*plain_ns = 0;
	turn_line(line, true);
	while (!*plain_ns)
		pass_us(1000);
	turn_line(line, false);
	put(PLAIN "/cgroup.freeze", "0");
	pass_us(20000);
	return (double)*plain_ns / 1000;
}

static void measure_edges(int rounds)
{
	struct samples vtd_us = { 0 }, plain_us = { 0 };
	pid_t tasks[TASKS], follower;
	int lines[2];

	follower = start_plain(tasks);
	for (int i = 1; i < TASKS; i++)
		spawn_into(boards[0].g, sleeping);
	lines[0] = open_line(wire->device, 1, "pull");
	lines[1] = open_line(wire->device, 2 * wire->boards, "pull");
	edge_to_vtd(lines[0]);
	edge_to_plain(lines[1]);
	for (int i = 0; i < rounds; i++) {
		add(&vtd_us, edge_to_vtd(lines[0]));
		add(&plain_us, edge_to_plain(lines[1]));
	}
	title("from the stamp of an edge to cgroup.freeze written, 8 tasks");
	heading("us", "vtd", "smallest");
	pair("edge to freeze", &vtd_us, &plain_us, NO_TARGET);
	printf("  p99 over that of the smallest program: %.1f us (target: 50)\n",
	       quantile(&vtd_us, 0.99) - quantile(&plain_us, 0.99));
	end_plain(follower, tasks);
}

/* ---- what vtd costs ------------------------------------------------------------------------ */

static long status_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = atol(line + 6);
	if (in)
		fclose(in);
	return kib;
}

static int64_t ran_ns(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		die("cannot tell how long vtd has run");
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void measure_costs(void)
{
	int64_t ns = ran_ns(boards[0].vtd);

	sleep(IDLE_S);
	ns = ran_ns(boards[0].vtd) - ns;
	title("vtd with a board on a wire");
	printf("  %.1f MiB resident (target: 5)\n", (double)status_kib(boards[0].vtd) / 1024);
	printf("  %.4f %% of a processor in %d s without an edge (target: 0); it looks at the level every %d ms\n",
	       (double)ns / IDLE_S / 1e7, IDLE_S, CHECK_MS * 3 / 4);
}

/* ---- R4 ------------------------------------------------------------------------------------ */

static double spread_of(const double *us)
{
	double least = us[0], most = us[0];

	for (int i = 1; i < count; i++) {
		least = us[i] < least ? us[i] : least;
		most = us[i] > most ? us[i] : most;
	}
	return most - least;
}

static double lag_us(int i)
{
	return (double)status_of(boards[i].g).lag_ns / 1000;
}

/* How long each clock has stood in this pause; the clocks start a latch after the edge. */
static void pause_all(double *stood_us)
{
	struct board *b = any_board();

	for (int i = 0; i < count; i++)
		stood_us[i] = -lag_us(i);
	hold(b);
	pass_us(INT64_C(1000) * PAUSE_MS);
	release(b);
	pass_us(INT64_C(1000) * PAUSE_MS);
	for (int i = 0; i < count; i++)
		stood_us[i] += lag_us(i);
}

/* By how much clocks have stood longer or shorter than their own edges say. */
static int64_t from_edges_ns(const int64_t *before_ns)
{
	int64_t worst_ns = 0, ns;

	for (int i = 0; i < count; i++) {
		ns = llabs(status_of(boards[i].g).lag_ns - value_of(&boards[i], "wire_ns") - before_ns[i]);
		worst_ns = ns > worst_ns ? ns : worst_ns;
	}
	return worst_ns;
}

static void measure_skew(int pauses)
{
	double stood_us[BOARDS_MAX], sum_us[BOARDS_MAX] = { 0 }, half_us = 0;
	int64_t before_ns[BOARDS_MAX] = { 0 };
	struct samples us = { 0 };

	pause_all(stood_us);
	for (int i = 0; i < count; i++)
		before_ns[i] = status_of(boards[i].g).lag_ns - value_of(&boards[i], "wire_ns");
	for (int i = 0; i < pauses; i++) {
		pause_all(stood_us);
		add(&us, spread_of(stood_us));
		for (int j = 0; j < count; j++)
			sum_us[j] += stood_us[j];
		if (i == pauses / 2 - 1)
			half_us = spread_of(sum_us);
	}
	printf("  %d boards, %d pauses   mean %6.2f  p95 %6.2f  max %6.2f us;  drift %7.4f ms, half-way %7.4f\n",
	       count, pauses, mean(&us), quantile(&us, 0.95), quantile(&us, 1), spread_of(sum_us) / 1000,
	       half_us / 1000);
	printf("    of that by what vt does, and not the wire: %lld ns\n", (long long)from_edges_ns(before_ns));
	for (int j = 0; j < count; j++)
		printf("    board %d: vtd took %.1f us at worst, %lld times longer than the latch\n", j,
		       (double)value_of(&boards[j], "worst_ns") / 1e3,
		       (long long)value_of(&boards[j], "overruns"));
	drop(&us);
}

static void make(int boards_on_wire)
{
	prepare_boards();
	count = boards_on_wire;
	if (make_boards(NULL))
		die("cannot make boards");
}

static void bench_skew(int boards_on_wire, int pauses)
{
	look_every_ns = 1000000; /* the edges are what counts, not when they come */
	make(boards_on_wire);
	measure_skew(pauses);
	drop_boards(NULL);
}

/* The wire stands still for this: the lines are pulled by hand. */
static void bench_vtd(int rounds)
{
	make(1);
	wire->is_cut = true;
	measure_costs();
	measure_edges(rounds);
	drop_boards(NULL);
}

static void run(int pauses)
{
	bench_vtd(ROUNDS);
	title("R4: boards in step: by how much clocks differ for each pause of 1 s, and at the end");
	puts("  lines, wire and processors are emulated, boards share a machine; the ancestor had a machine each");
	bench_skew(2, pauses);
	bench_skew(4, pauses);
	printf("  ancestor, 4 boards     mean %6.2f  p95 %6.2f  max %6.2f us;  drift %7.4f ms\n", ancestor.mean_us,
	       ancestor.p95_us, ancestor.max_us, ancestor.drift_ms);
	puts("  target                 mean   5.00              max  20.00 us;  no trend");
}

int main(int argc, char **argv)
{
	int pauses = rounds_of(argc, argv, PAUSES);

	if (access(GPIO_SIM, F_OK) != 0) {
		title("boards in step");
		puts("  n/a: no gpio-sim in this kernel");
		return 0;
	}
	run(pauses);
	return 0;
}
