/* SPDX-License-Identifier: MIT */
/*
 * A wire between lines of gpio-sim: a process that ORs the values of all outputs and pulls all
 * inputs accordingly, one after the other. What it adds to a real wire is measured: from the look
 * that finds a change to the last input pulled, and how far apart first and last input are. It can be
 * a bad one: bounce at each turn, or have a glitch now and then.
 */
#ifndef VT_BOARDS_WIRE_H
#define VT_BOARDS_WIRE_H

#include "../system/system.h"

#include <sys/mman.h>

#define GPIO_SIM "/sys/kernel/config/gpio-sim"
#define CONFIGFS GPIO_SIM "/vtwire"
#define BOARDS_MAX 4

struct wire {
	volatile bool level, is_cut; /* cut: inputs keep what they have */
	volatile bool bounces;       /* each turn is three */
	volatile bool has_glitch;    /* one is due */
	volatile int64_t shortest_pulse_ns, longest_pulse_ns;
	volatile long turns;
	volatile int64_t sum_ns, worst_ns, spread_ns; /* of a turn; between first and last input */
	int boards;
	char chip[64], device[64];
	pid_t pid;
};

static struct wire *wire;
static long look_every_ns = 100000;

/* A piece of the wire that is elsewhere: told what this one drives, it says what others do. */
static bool (*far_end)(bool level);

static inline int64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail_msg("cannot write '%s' to '%s': %s", text, path, strerror(errno));
	close(fd);
}

static inline void get(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		fail_msg("cannot read '%s': %s", path, strerror(errno));
	close(fd);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* Line 2i is board i's output, line 2i + 1 its input. */
static inline int open_line(const char *device, int line, const char *file)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/platform/%s/%s/sim_gpio%d/%s", device, wire->chip, line,
		 file);
	fd = open(path, O_RDWR);
	if (fd < 0)
		fd = open(path, O_RDONLY);
	if (fd < 0)
		fail_msg("cannot open '%s': %s", path, strerror(errno));
	return fd;
}

static inline bool look(const int *outputs)
{
	bool level = false;

	for (int i = 0; i < wire->boards; i++) {
		char value = '0';

		if (pread(outputs[i], &value, 1, 0) != 1)
			_exit(2);
		level |= value == '1';
	}
	return level;
}

static inline void pull_one(int input, bool level)
{
	const char *text = level ? "pull-up" : "pull-down";

	if (pwrite(input, text, strlen(text), 0) < 0)
		_exit(2);
}

/* Away from that level and back: as quick as it can be had, of which the kernel may make one edge or none;
 * or slow enough for both to be seen. */
static inline void jolt(int input, bool level, bool is_slow)
{
	const struct timespec nap = { .tv_nsec = 200000 };
	int64_t start_ns, ns;

	if (is_slow)
		nanosleep(&nap, NULL);
	pull_one(input, !level);
	start_ns = real_ns();
	if (is_slow)
		nanosleep(&nap, NULL);
	pull_one(input, level);
	ns = real_ns() - start_ns;
	if (ns > wire->longest_pulse_ns)
		wire->longest_pulse_ns = ns;
	if (ns < wire->shortest_pulse_ns)
		wire->shortest_pulse_ns = ns;
}

static inline void pull(const int *inputs, bool level, int64_t start_ns)
{
	int64_t first_ns = 0, end_ns;

	for (int i = 0; i < wire->boards; i++) {
		pull_one(inputs[i], level);
		if (wire->bounces)
			jolt(inputs[i], level, i % 2);
		if (!i)
			first_ns = real_ns();
	}
	end_ns = real_ns();
	wire->turns++;
	wire->sum_ns += end_ns - start_ns;
	if (end_ns - start_ns > wire->worst_ns)
		wire->worst_ns = end_ns - start_ns;
	if (end_ns - first_ns > wire->spread_ns)
		wire->spread_ns = end_ns - first_ns;
}

static inline void be_wire(const int *outputs, const int *inputs)
{
	const struct timespec pause = { .tv_nsec = look_every_ns };
	const struct sched_param param = { .sched_priority = 95 };

	sched_setscheduler(0, SCHED_FIFO, &param);
	for (;;) {
		int64_t start_ns = real_ns();
		bool level = look(outputs);

		if (far_end)
			level |= far_end(level);
		if (level != wire->level && !wire->is_cut) {
			wire->level = level;
			pull(inputs, level, start_ns);
		}
		for (int i = 0; i < wire->boards && wire->has_glitch; i++)
			jolt(inputs[i], wire->level, i % 2);
		wire->has_glitch = false;
		nanosleep(&pause, NULL);
	}
}

/* One line more than the boards need, for whoever wants one. */
static inline void make_chip(int boards)
{
	char lines[16];

	assert_int_equal(mkdir(CONFIGFS, 0755), 0);
	assert_int_equal(mkdir(CONFIGFS "/bank", 0755), 0);
	snprintf(lines, sizeof(lines), "%d", 2 * boards + 1);
	put(CONFIGFS "/bank/num_lines", lines);
	put(CONFIGFS "/bank/label", "vtwire");
	assert_int_equal(mkdir(CONFIGFS "/bank/line0", 0755), 0);
	put(CONFIGFS "/bank/line0/name", "OUT0");
	put(CONFIGFS "/live", "1");
	get(CONFIGFS "/bank/chip_name", wire->chip, sizeof(wire->chip));
	get(CONFIGFS "/dev_name", wire->device, sizeof(wire->device));
}

static inline void start_wire(int boards)
{
	int outputs[BOARDS_MAX] = { 0 }, inputs[BOARDS_MAX] = { 0 };
	pid_t pid;

	wire = mmap(NULL, sizeof(*wire), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(wire, MAP_FAILED);
	wire->boards = boards;
	make_chip(boards);
	for (int i = 0; i < boards; i++) {
		outputs[i] = open_line(wire->device, 2 * i, "value");
		inputs[i] = open_line(wire->device, 2 * i + 1, "pull");
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_wire(outputs, inputs);
	}
	wire->pid = pid; /* not by both: the memory is shared */
}

/* The chip goes. */
static inline void cut_off(void)
{
	if (!wire->pid)
		return;
	reap(wire->pid);
	wire->pid = 0;
	put(CONFIGFS "/live", "0");
}

static inline void stop_wire(void)
{
	cut_off();
	rmdir(CONFIGFS "/bank/line0");
	rmdir(CONFIGFS "/bank");
	rmdir(CONFIGFS);
}

#endif
