// SPDX-License-Identifier: MIT
/*
 * What it takes to read a group's clock from outside: vt_clock_now(), which reads memory, against the
 * host's own clock, and vt_clock_read(), which asks the kernel.
 */
#include "groups.h"

#define READS 100000
#define ASKS 1000

static struct crew crew;
static struct vt_clock *page;

static double read_page(void)
{
	int64_t start_ns = now_ns();
	vt_virtual now;

	for (int i = 0; i < READS; i++)
		ok(vt_clock_now(page, &now, NULL));
	return (double)(now_ns() - start_ns) / READS;
}

static double read_host(void)
{
	int64_t start_ns = now_ns();
	struct timespec t;

	for (int i = 0; i < READS; i++)
		clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(now_ns() - start_ns) / READS;
}

static double ask_kernel(void)
{
	int64_t start_ns = now_ns();
	vt_virtual now;

	for (int i = 0; i < ASKS; i++)
		ok(vt_clock_read(crew.g, &now, NULL));
	return (double)(now_ns() - start_ns) / ASKS;
}

static void measure(int rounds)
{
	struct samples memory = { 0 }, host = { 0 }, kernel = { 0 };

	load();
	crew = make_crew("observe", true, 0, sleeping);
	ok(vt_clock_open(crew.g, &page));
	for (int i = 0; i < rounds; i++) {
		add(&memory, read_page());
		add(&host, read_host());
		add(&kernel, ask_kernel());
	}
	title("a group's clock read from outside");
	heading("ns", "vt_clock_now", "clock_gettime");
	pair("from memory, against the host's", &memory, &host, NO_TARGET);
	heading("ns", "vt_clock_read", "vt_clock_now");
	pair("from the kernel, against memory", &kernel, &memory, NO_TARGET);
	vt_clock_close(page);
	end_crew(&crew);
	unload();
}

int main(int argc, char **argv)
{
	return run_privately(measure, patience(rounds_of(argc, argv, 20)));
}
