/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share: samples, tables, and how to stop when nothing can be measured.
 *
 * Whatever is compared is measured in turns (A B A B), so that what else the machine does meets
 * both. Figures are printed, never judged: a target stands beside its figure, and the exit status
 * says only whether there was something to measure.
 */
#ifndef VT_BENCH_H
#define VT_BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define NO_TARGET 0.0

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void pass_us(int64_t us)
{
	const struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static inline void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* "KVMKVMKVM" and the like; empty on bare metal. */
static inline const char *hypervisor(void)
{
	static char name[13];
#ifdef __x86_64__
	unsigned int eax, regs[3], features, unused;

	__cpuid(1, eax, unused, features, unused);
	if (features >> 31) {
		__cpuid(0x40000000, eax, regs[0], regs[1], regs[2]);
		memcpy(name, regs, sizeof(regs));
	}
	(void)eax;
	(void)unused;
#endif
	return name;
}

static inline bool is_emulated(void)
{
	return strncmp(hypervisor(), "TCG", 3) == 0;
}

/* Where everything takes ten times as long, a quarter has to do. */
static inline int patience(int rounds)
{
	return !is_emulated() ? rounds : rounds > 20 ? rounds / 4 : 5;
}

/* How many rounds: the first argument, or what is enough. */
static inline int rounds_of(int argc, char **argv, int enough)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : enough;

	if (rounds < 1 || rounds > 1000000)
		die("bad number of rounds '%s', legal are 1 to 1000000", argv[1]);
	return rounds;
}

/* ---- samples ------------------------------------------------------------------------------ */

struct samples {
	double *value;
	size_t count, room;
};

static inline void add(struct samples *s, double value)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->value = realloc(s->value, s->room * sizeof(*s->value));
		if (!s->value)
			die("out of memory");
	}
	s->value[s->count++] = value;
}

static inline void drop(struct samples *s)
{
	free(s->value);
	*s = (struct samples){ 0 };
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A share q of the samples are smaller. */
static inline double quantile(struct samples *s, double q)
{
	size_t i = (size_t)(q * (double)s->count);

	if (!s->count)
		die("nothing was measured");
	qsort(s->value, s->count, sizeof(*s->value), by_value);
	return s->value[i < s->count ? i : s->count - 1];
}

static inline double median(struct samples *s)
{
	return quantile(s, 0.5);
}

static inline double mean(const struct samples *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->value[i];
	return s->count ? sum / (double)s->count : 0;
}

/* By Newton, who needs no library. */
static inline double root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 100 && r > 0; i++)
		r = (r + x / r) / 2;
	return r;
}

static inline double deviation(const struct samples *s)
{
	double sum = 0, m = mean(s);

	for (size_t i = 0; i < s->count; i++)
		sum += (s->value[i] - m) * (s->value[i] - m);
	return s->count > 1 ? root(sum / (double)(s->count - 1)) : 0;
}

/* ---- tables ------------------------------------------------------------------------------- */

/* tests/bench/run knows what its machine counts, which nobody can see from inside. */
static inline const char *kind_of_machine(void)
{
	if (getenv("VT_INSTRUCTIONS"))
		return "instructions, 1 ns each";
	if (is_emulated())
		return "emulated";
	return *hypervisor() ? "native, on a virtual machine" : "native";
}

/* Emulation changes ratios as well, so nobody should take its figures for a machine's. */
static inline const char *machine(void)
{
	static char text[128];
	struct utsname u;

	uname(&u);
	snprintf(text, sizeof(text), "%.64s, %s", u.release, kind_of_machine());
	return text;
}

static inline void title(const char *what)
{
	printf("\n%s (%s)\n", what, machine());
}

/* "vt" against "plain", say; figures of both in that unit. */
static inline void heading(const char *unit, const char *a, const char *b)
{
	printf("  %-34s %12s %9s   %12s %9s   %6s\n", unit, a, "", b, "", "ratio");
	printf("  %-34s %12s %9s   %12s %9s   %6s\n", "", "median", "p99", "median", "p99", "");
}

static inline void pair(const char *what, struct samples *a, struct samples *b, double target)
{
	double ratio = median(a) / median(b);

	printf("  %-34s %12.2f %9.2f   %12.2f %9.2f   %6.3f", what, median(a), quantile(a, 0.99),
	       median(b), quantile(b, 0.99), ratio);
	if (target != NO_TARGET)
		printf("   target %.2f%s", target, ratio > target + 0.005 ? ", missed" : "");
	putchar('\n');
	fflush(stdout);
}

#endif
