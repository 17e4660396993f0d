// SPDX-License-Identifier: MIT
/*
 * spread [FREEZES]: recipe R3: by how much the frozen totals of the members of one group differ, as
 * they see it themselves.
 *
 * Members cannot see real time, except by counting cycles. So they are asked one after the other
 * for their clock and the counter, before and after the freezes. Meanwhile the clock runs at a
 * thousandth: what the counter is read too early or too late, in some ten ns, counts as nothing,
 * and what remains is how clocks round.
 */
#include "groups.h"

#ifdef __x86_64__
#include <x86intrin.h>

#define FREEZES 64
#define MEMBERS 16
#define TRIES 200
#define SLOW (VT_RATE_ONE / 1000)

struct reading {
	uint64_t cycles;
	int64_t virtual_ns;
};

static int ask_fd[2], answer_fd[2];

/* The shortest of many: nothing came in between. */
static struct reading read_both(void)
{
	struct reading best = { 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc();
		int64_t ns = now_ns();
		uint64_t took = __rdtsc() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct reading){ before + took / 2, ns };
		}
	}
	return best;
}

static void answering(void)
{
	struct reading r;
	char c;

	while (read(ask_fd[0], &c, 1) == 1) {
		r = read_both();
		if (write(answer_fd[1], &r, sizeof(r)) != sizeof(r))
			return;
	}
}

/* One member: the pipe of its own is for questions, all answer into the same. */
static struct reading ask(int fd)
{
	struct reading r;

	if (write(fd, "?", 1) != 1 || read(answer_fd[0], &r, sizeof(r)) != sizeof(r))
		die("a member does not answer");
	return r;
}

static double cycles_per_ns(void)
{
	struct reading start = read_both(), end;

	pass_us(100000);
	end = read_both();
	return (double)(end.cycles - start.cycles) / (double)(end.virtual_ns - start.virtual_ns);
}

/* Every member's clock, brought to the instant of the first one's reading. */
static void read_all(struct vt_group *g, const int *fds, double per_ns, double *ns)
{
	uint64_t first = 0;

	ok(vt_group_set_rate(g, SLOW));
	for (int i = 0; i < MEMBERS; i++) {
		struct reading r = ask(fds[i]);

		first = i ? first : r.cycles;
		ns[i] = (double)r.virtual_ns - (double)(int64_t)(r.cycles - first) / per_ns / 1000;
	}
	ok(vt_group_set_rate(g, VT_RATE_ONE));
}

static void print(const double *before, const double *after, int freezes, struct vt_group *g)
{
	double low = after[0] - before[0], high = low;
	struct vt_status s;

	for (int i = 1; i < MEMBERS; i++) {
		double passed = after[i] - before[i];

		low = passed < low ? passed : low;
		high = passed > high ? passed : high;
	}
	ok(vt_group_status(g, &s));
	printf("  %d members, %d freezes, frozen for %.3f ms in all: they differ by %.1f ns "
	       "(2 ns is rounding), target 0\n", MEMBERS, freezes, (double)s.frozen_ns / 1e6, high - low);
}

static void make_members(struct crew *c, int *fds)
{
	*c = make_crew("spread", true, 0, sleeping);
	if (pipe(answer_fd))
		die("no pipe: %s", strerror(errno));
	for (int i = 0; i < MEMBERS; i++) {
		if (pipe(ask_fd))
			die("no pipe: %s", strerror(errno));
		put_in(c, start(answering));
		close(ask_fd[0]);
		fds[i] = ask_fd[1];
	}
}

static void bench(int freezes)
{
	double before[MEMBERS], after[MEMBERS], per_ns = cycles_per_ns();
	int fds[MEMBERS];
	struct crew c;

	title("R3: spread of the frozen total among members");
	if (!here.has_clock) {
		puts("  n/a: groups have no clocks on this kernel");
		return;
	}
	load();
	make_members(&c, fds);
	read_all(c.g, fds, per_ns, before);
	for (int i = 0; i < freezes; i++) {
		freeze(&c);
		pass_us(500 + random() % 2000);
		thaw(&c);
		pass_us(random() % 2000);
	}
	read_all(c.g, fds, per_ns, after);
	print(before, after, freezes, c.g);
}

int main(int argc, char **argv)
{
	return run_privately(bench, rounds_of(argc, argv, patience(FREEZES)));
}
#else
int main(void)
{
	title("R3: spread of the frozen total among members");
	puts("  n/a: no cycle counter that is known here");
	return 0;
}
#endif
