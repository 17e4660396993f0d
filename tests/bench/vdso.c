// SPDX-License-Identifier: MIT
/*
 * vdso STOCK PATCHED [ROUNDS]
 * vdso --path IMAGE
 *
 * What a clock read through the vDSO costs, outside groups and inside, on this processor, whatever
 * kernel it runs. --path: the places of the instructions that a read outside of groups executes.
 *
 * Both images are mapped beside the running kernel's own, with made-up pages before them: a host's,
 * a time namespace's, a member's. What they read there is checked against the definition of a
 * clock first, in 128 bits, so nothing that is timed is a shortcut to nowhere. STOCK may be PATCHED
 * again: then members are compared with what a namespace pays there.
 */
#include "bench.h"

#ifdef __x86_64__
#include <sys/syscall.h>
#include <x86intrin.h>

#include "vdso_image.h"
#include "vdso_pages.h"
#include "vdso_steps.h"

#define CALLS 10000
#define WARM_UP 100
#define ROUNDS 500
#define CHECKS 2000
#define SECOND UINT64_C(1000000000)
#define TIME (-1) /* time() and gettimeofday(), among the clocks */
#define DAY (-2)
#define UPTIME_S UINT64_C(500000)
#define UPTIME_NS UINT64_C(123456789)

typedef unsigned __int128 u128;

/* ---- a made-up world ------------------------------------------------------------------------ */

enum place { HOST, NAMESPACE, MEMBER, MEMBER_IN_NAMESPACE };

static struct {
	struct host_page host;
	struct offset_words namespace[CLOCK_IDS];
	struct member_words member;
	int64_t offset[CLOCK_IDS]; /* of the member's clocks, apart from what its lag is */
} world;

static uint64_t counter(void)
{
	unsigned int cpu;

	return __rdtscp(&cpu);
}

static uint64_t any_below(uint64_t end)
{
	return (((uint64_t)random() << 31) ^ (uint64_t)random()) % end;
}

static double counter_hz(void)
{
	int64_t start_ns = now_ns(), end_ns;
	uint64_t start = counter(), end;

	pass_us(20000);
	end_ns = now_ns();
	end = counter();
	return (double)(end - start) * 1e9 / (double)(end_ns - start_ns);
}

static void set_clock(int id, uint64_t sec, uint64_t ns, uint64_t coarse_id)
{
	world.host.hres.clock[id] = (struct instant_words){ sec, ns << world.host.hres.shift };
	if (coarse_id)
		world.host.hres.clock[coarse_id] = (struct instant_words){ sec, ns };
}

/* As a kernel would have it that has been up for some days, in a namespace that is younger. */
static void make_world(void)
{
	struct host_words *h = &world.host.hres;

	h->seq = 4;
	h->mode = MODE_TSC;
	h->shift = 24;
	h->mult = (uint32_t)(1e9 * (1 << 24) / counter_hz());
	h->mask = UINT64_MAX;
	h->max_cycles = (UINT64_C(1) << 62) / h->mult;
	set_clock(CLOCK_MONOTONIC, UPTIME_S, UPTIME_NS, CLOCK_MONOTONIC_COARSE);
	set_clock(CLOCK_REALTIME, 1800000000, 456789123, CLOCK_REALTIME_COARSE);
	set_clock(CLOCK_BOOTTIME, 600000, 23456789, 0);
	set_clock(CLOCK_TAI, 1800000037, 456789123, 0);
	world.host.raw = *h;
	world.host.raw.clock[CLOCK_MONOTONIC_RAW] = (struct instant_words){ 500000, 0 };
	for (int id = 0; id < CLOCK_IDS; id++)
		if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE && id != CLOCK_TAI)
			world.namespace[id] = (struct offset_words){ -400000, 987654321 };
}

static void set_piece(uint64_t real_start, uint64_t virt_start, uint64_t rate, uint64_t span)
{
	world.member = (struct member_words){
		.seq = 1,
		.mode = MODE_MEMBER,
		.real_start = real_start,
		.virt_start = virt_start,
		.mult = rate == RATE_ONE && span != ENDLESS ? RATE_ONE_ENDING : rate,
		.piece_seq = 6,
		.start_sec = (uint32_t)(real_start / SECOND),
		.mark = MEMBER_MARK,
		.span = span,
	};
	world.offset[CLOCK_REALTIME] = -3600 * (int64_t)SECOND;
	world.offset[CLOCK_REALTIME_COARSE] = -3600 * (int64_t)SECOND;
	world.offset[CLOCK_TAI] = -3600 * (int64_t)SECOND;
	world.offset[CLOCK_MONOTONIC_RAW] = 4321;
	for (int id = 0; id < CLOCK_IDS; id++) {
		int64_t ns = (int64_t)(virt_start - real_start) + world.offset[id];
		int64_t sec = ns / (int64_t)SECOND - (ns % (int64_t)SECOND < 0);

		world.member.ahead_sec[id] = sec;
		world.member.ahead_ns[id] = (uint32_t)(ns - sec * (int64_t)SECOND);
	}
}

/* A clock that was started an hour ago, 77 s late, and set to another epoch. */
static void make_member(uint64_t rate)
{
	set_piece(UPTIME_S * SECOND - 3600 * SECOND, UPTIME_S * SECOND - 3677 * SECOND + 7, rate,
		  ENDLESS);
}

/* Any other: begun up to three days ago, often within the last seconds, as late as it may be, perhaps
 * with an end to come: past it the vDSO asks the kernel, whose clocks are others than these. */
static void make_any_member(void)
{
	static const double rates[] = { 0, 0.001, 0.1, 0.5, 1, 1, 2, 10, 1000 };
	uint64_t ages[] = { 1, SECOND / 100, SECOND, 3 * SECOND, SECOND * 3 * 86400 };
	uint64_t age = any_below(ages[random() % 5]);
	uint64_t rate = (uint64_t)(rates[random() % 9] * (double)RATE_ONE);

	set_piece(UPTIME_S * SECOND + UPTIME_NS - age, any_below(UPTIME_S * SECOND), rate,
		  random() % 2 ? ENDLESS : (age + 3600 * SECOND) * 1000);
}

static void put_offsets(void *at, const struct offset_words *offsets)
{
	struct host_words page = { .seq = 1, .mode = MODE_ELSEWHERE };

	memcpy(page.clock, offsets, sizeof(page.clock));
	memcpy(at, &page, sizeof(page));
	memcpy((char *)at + sizeof(page), &page, sizeof(page));
}

static struct instant_words coarse_ahead(int id)
{
	const struct member_words *m = &world.member;
	bool full = m->ahead_ns[id] == 0;
	uint64_t word = (uint64_t)(m->ahead_sec[id] - full) << AHEAD_NS_BITS |
			(full ? SECOND : m->ahead_ns[id]);

	return (struct instant_words){
		.sec = m->mult == RATE_ONE ? word : 0,
		.ns = (uint64_t)m->ahead_sec[id] * SECOND + m->ahead_ns[id],
	};
}

static void put_member(void *at)
{
	struct host_words *raw = &((struct host_page *)at)->raw;

	memcpy(at, &world.member, sizeof(world.member));
	raw->mode = MODE_MEMBER;
	for (int id = CLOCK_REALTIME_COARSE; id <= CLOCK_MONOTONIC_COARSE; id++)
		raw->clock[id + AHEAD_APART] = coarse_ahead(id);
}

/* As after a tick of this instant. */
static void move_to(const struct image *m, enum place place)
{
	static const struct offset_words none[CLOCK_IDS];

	world.host.hres.cycle_last = world.host.raw.cycle_last = counter();
	memcpy(place == HOST ? m->first : m->host, &world.host, sizeof(world.host));
	if (place == NAMESPACE)
		put_offsets(m->first, world.namespace);
	if (place < MEMBER)
		return;
	put_offsets(m->first, none);
	put_member(m->first);
	put_offsets(m->namespaces, place == MEMBER ? none : world.namespace);
}

/* ---- what has to be read ---------------------------------------------------------------------- */

static bool is_coarse(int id)
{
	return id == CLOCK_MONOTONIC_COARSE || id == CLOCK_REALTIME_COARSE;
}

static int64_t host_at(int id, uint64_t at)
{
	const struct host_words *h = id == CLOCK_MONOTONIC_RAW ? &world.host.raw : &world.host.hres;
	const struct instant_words *c = &h->clock[id];

	if (is_coarse(id))
		return (int64_t)(c->sec * SECOND + c->ns);
	return (int64_t)(c->sec * SECOND) +
	       (int64_t)(((u128)(at - h->cycle_last) * h->mult + c->ns) >> h->shift);
}

/* By its definition: virtual CLOCK_MONOTONIC, plus the distance of the host's clock from its own. */
static int64_t member_at(int id, uint64_t at)
{
	const struct member_words *v = &world.member;
	int mono_id = is_coarse(id) ? CLOCK_MONOTONIC_COARSE : CLOCK_MONOTONIC;
	int64_t mono = host_at(mono_id, at), run = mono - (int64_t)v->real_start, distance = 0;
	uint64_t passed = (uint64_t)((u128)(run < 0 ? 0 : run) * v->mult >> RATE_SHIFT);

	if (id != CLOCK_MONOTONIC_RAW)
		distance = host_at(id, world.host.hres.cycle_last) -
			   host_at(mono_id, world.host.hres.cycle_last);
	return (int64_t)(v->virt_start + (passed < v->span ? passed : v->span)) + world.offset[id] +
	       distance;
}

static int64_t expected(enum place place, int id, uint64_t at)
{
	int64_t ns = place < MEMBER ? host_at(id, at) : member_at(id, at);

	if (place == NAMESPACE || place == MEMBER_IN_NAMESPACE)
		ns += world.namespace[id].sec * (int64_t)SECOND + (int64_t)world.namespace[id].ns;
	return ns;
}

static int64_t read_clock(const struct image *m, int id)
{
	struct timespec t = { -1, -1 };

	if (m->gettime(id, &t) || t.tv_nsec < 0 || t.tv_nsec >= (long)SECOND)
		die("'%s': clock %d cannot be read", m->path, id);
	return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

/* The nanosecond on both sides is what rounding to one may take. */
static void check(const struct image *m, enum place place, int id)
{
	uint64_t before = counter();
	int64_t low, high, got = read_clock(m, id);

	low = expected(place, id, before) - 1;
	high = expected(place, id, counter()) + 1;
	if (got < low || got > high)
		die("'%s': place %d, clock %d reads %lld, not %lld to %lld", m->path, place, id,
		    (long long)got, (long long)low, (long long)high);
}

static void check_time(const struct image *m, enum place place)
{
	int64_t t = expected(place, CLOCK_REALTIME_COARSE, 0) / (int64_t)SECOND;
	time_t stored = 0, got = m->time(&stored);

	if (got != t || stored != t)
		die("'%s': place %d, time() is %lld, not %lld", m->path, place, (long long)got, (long long)t);
}

static void check_day(const struct image *m, enum place place)
{
	uint64_t before = counter();
	struct timeval day;
	int64_t low, high, got;

	if (m->day(&day, NULL))
		die("'%s': gettimeofday() fails", m->path);
	low = (expected(place, CLOCK_REALTIME, before) - 1) / 1000;
	high = (expected(place, CLOCK_REALTIME, counter()) + 1) / 1000;
	got = day.tv_sec * INT64_C(1000000) + day.tv_usec;
	if (got < low || got > high)
		die("'%s': place %d, gettimeofday() is %lld, not %lld to %lld", m->path, place,
		    (long long)got, (long long)low, (long long)high);
}

static void check_place(const struct image *m, enum place place)
{
	static const int ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
				   CLOCK_TAI, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };

	for (int i = 0; i < CHECKS; i++) {
		if (i > CHECKS / 2)
			make_any_member();
		move_to(m, place);
		for (size_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++)
			check(m, place, ids[n]);
		check_time(m, place);
		check_day(m, place);
	}
}

static int64_t kernels_clock(int id)
{
	struct timespec t;

	if (syscall(SYS_clock_gettime, id, &t))
		die("the kernel has no clock %d", id);
	return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

/* Of a piece that begins `later` ns after the coarse time the kernel is asked, the running one here. */
static void check_young_piece(const struct image *m, uint64_t later)
{
	const struct instant_words *coarse = &world.host.hres.clock[CLOCK_MONOTONIC_COARSE];
	int64_t before, got;

	set_piece(coarse->sec * SECOND + coarse->ns + later, UPTIME_S * SECOND, RATE_ONE, ENDLESS);
	move_to(m, MEMBER);
	for (int id = CLOCK_REALTIME_COARSE; id <= CLOCK_MONOTONIC_COARSE; id++) {
		before = kernels_clock(id);
		got = read_clock(m, id);
		if (got < before || got > kernels_clock(id))
			die("'%s': clock %d is read from before its piece", m->path, id);
	}
}

static void check_young_pieces(const struct image *m)
{
	for (int i = 0; i < CHECKS; i++)
		check_young_piece(m, 1 + any_below(SECOND / 100));
}

/* ---- what it costs ------------------------------------------------------------------------------ */

static void call(const struct image *m, int id, int times)
{
	struct timespec t;
	struct timeval day;

	if (id == TIME)
		for (int i = 0; i < times; i++)
			m->time(NULL);
	else if (id == DAY)
		for (int i = 0; i < times; i++)
			m->day(&day, NULL);
	else
		for (int i = 0; i < times; i++)
			m->gettime(id, &t);
}

static double time_calls(const struct image *m, int id)
{
	int64_t start_ns;

	call(m, id, WARM_UP);
	start_ns = now_ns();
	call(m, id, CALLS);
	return (double)(now_ns() - start_ns) / CALLS;
}

static void call_once(const struct image *m, int id)
{
	call(m, id, 1);
}

static const struct reader {
	const char *name;
	bool patched;
	enum place place;
	uint64_t rate;
	int against; /* of the stock image: 0 or 1 */
	double target;
} readers[] = {
	{ "stock host", false, HOST, 0, 0, NO_TARGET },
	{ "stock namespace", false, NAMESPACE, 0, 1, NO_TARGET },
	{ "host", true, HOST, 0, 0, 1.00 },
	{ "namespace", true, NAMESPACE, 0, 1, 1.00 },
	{ "member, rate 1", true, MEMBER, RATE_ONE, 1, 1.10 },
	{ "member, rate 0.5", true, MEMBER, RATE_ONE / 2, 1, 1.35 },
	{ "member, stopped", true, MEMBER, 0, 1, 1.35 },
	{ "member, rate 1, in a namespace", true, MEMBER_IN_NAMESPACE, RATE_ONE, 1, 1.10 },
};

#define READERS (sizeof(readers) / sizeof(readers[0]))

static const struct {
	const char *name;
	int id;
} clocks[] = {
	{ "MONOTONIC", CLOCK_MONOTONIC },
	{ "REALTIME", CLOCK_REALTIME },
	{ "MONOTONIC_RAW", CLOCK_MONOTONIC_RAW },
	{ "MONOTONIC_COARSE", CLOCK_MONOTONIC_COARSE },
	{ "REALTIME_COARSE", CLOCK_REALTIME_COARSE },
	{ "time()", TIME },
	{ "gettimeofday()", DAY },
};

#define CLOCKS (sizeof(clocks) / sizeof(clocks[0]))

static struct image images[2];

static const struct image *enter(const struct reader *r)
{
	const struct image *m = &images[r->patched];

	make_member(r->rate);
	move_to(m, r->place);
	return m;
}

static void check_all(void)
{
	for (size_t i = 0; i < READERS; i++) {
		const struct image *m = enter(&readers[i]);

		check_place(m, readers[i].place);
	}
	check_young_pieces(&images[1]);
}

/* Somewhere in the 47 bits of user space. */
static void place_images(void)
{
	for (int i = 0; i < 2; i++)
		place_image(&images[i], (void *)((uintptr_t)(1 + random() % 0x7ffe) << 32 |
						 (uintptr_t)(random() & 0xfffff) << 12));
}

static void measure_round(int id, struct samples *ns)
{
	for (size_t i = 0; i < READERS; i++)
		add(&ns[i], time_calls(enter(&readers[i]), id));
}

/*
 * Where code, data and stack lie to each other decides about a nanosecond, which is a third of the
 * shortest reads. So no round has them where the last one had.
 */
static void measure_elsewhere(int id, struct samples *ns)
{
	volatile char *gap = __builtin_alloca((size_t)(random() & 0xff0) + 16);

	*gap = 0;
	place_images();
	measure_round(id, ns);
}

static void measure(size_t clock, int rounds)
{
	struct samples ns[READERS] = { 0 };

	for (int round = 0; round < rounds; round++)
		measure_elsewhere(clocks[clock].id, ns);
	heading(clocks[clock].name, "patched", strcmp(images[0].path, images[1].path) ? "stock" : "itself");
	for (size_t i = 2; i < READERS; i++)
		pair(readers[i].name, &ns[i], &ns[readers[i].against], readers[i].target);
	for (size_t i = 0; i < READERS; i++)
		drop(&ns[i]);
}

static double time_system_calls(void)
{
	const int calls = CALLS / 10;
	int64_t start_ns = now_ns();
	struct timespec t;

	for (int i = 0; i < calls; i++)
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (double)(now_ns() - start_ns) / calls;
}

/* The running kernel's, which knows of no members: theirs takes a little longer still. */
static void measure_system_call(int rounds)
{
	static const struct reader member = { .patched = true, .place = MEMBER, .rate = RATE_ONE };
	struct samples call_ns = { 0 }, member_ns = { 0 };

	for (int round = 0; round < rounds; round++) {
		add(&call_ns, time_system_calls());
		add(&member_ns, time_calls(enter(&member), CLOCK_MONOTONIC));
	}
	heading("MONOTONIC", "system call", "member");
	pair("as many reads (target: 7 and more)", &call_ns, &member_ns, NO_TARGET);
	drop(&call_ns);
	drop(&member_ns);
}

static void count_instructions(void)
{
	title("vdso, instructions of one read");
	printf("  %-34s", "");
	for (size_t i = 0; i < CLOCKS; i++)
		printf(" %16s", clocks[i].name);
	for (size_t i = 0; i < READERS; i++) {
		const struct image *m = enter(&readers[i]);

		printf("\n  %-34s", readers[i].name);
		for (size_t n = 0; n < CLOCKS; n++)
			printf(" %16d", count_steps(m, call_once, clocks[n].id, NULL));
		fflush(stdout);
	}
	putchar('\n');
}

static const char *path_of;

static void print_step(int id, long place)
{
	(void)id;
	printf("%s %lx\n", path_of, (unsigned long)place);
}

static int print_paths(const char *file)
{
	images[1] = open_image(file);
	place_image(&images[1], NULL);
	make_world();
	for (size_t i = 0; i < CLOCKS; i++) {
		move_to(&images[1], HOST);
		path_of = clocks[i].name;
		if (!count_steps(&images[1], call_once, clocks[i].id, print_step))
			die("this machine does not let us step");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--path") == 0)
		return print_paths(argv[2]);
	if (argc < 3)
		die("usage: vdso STOCK PATCHED [ROUNDS], vdso --path IMAGE");
	images[0] = open_image(argv[1]);
	images[1] = open_image(argv[2]);
	place_images();
	if (!images[1].namespaces)
		die("'%s' is not of a kernel with the series", argv[2]);
	pin_to_cpu(sched_getcpu());
	make_world();
	check_all();
	title("vdso, ns a read; members against a time namespace without the series");
	for (size_t i = 0; i < CLOCKS; i++)
		measure(i, rounds_of(argc - 2, argv + 2, ROUNDS));
	measure_system_call(rounds_of(argc - 2, argv + 2, ROUNDS));
	count_instructions();
	return 0;
}
#else
int main(void)
{
	die("the images are for x86_64");
}
#endif
