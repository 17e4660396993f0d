// SPDX-License-Identifier: MIT
/*
 * The stream of records at 10^5 a second: are any lost, and what does that cost?
 *
 * A process notes a hundred events each ms, in turns with and without a listener. The listener reads
 * every 10 ms, so that one wake serves a thousand records. What the processes used is taken from
 * their own processor time; the price of a record at its origin is the difference between the turns.
 */
#include "groups.h"

#include <inttypes.h>

#define PER_MS 100
#define ROUND_MS 2000
#define READ_US 10000
#define TARGET_PERCENT 2.0

struct round {
	int64_t took_ns, used_ns, notes; /* the origin's */
	int64_t read_ns;                 /* the listener's */
	uint64_t found, lost;
};

static struct vt_group *group;

static int64_t used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* A process that is late makes up for it. */
static void note_many(int out)
{
	int64_t start_ns = now_ns(), before_ns = used_ns();
	struct round r = { 0 };

	for (int ms = 1; ms <= ROUND_MS; ms++) {
		for (int i = 0; i < PER_MS; i++, r.notes++)
			ok(vt_events_note(group, VT_REC_EDGE_IN, 0, 0));
		while (now_ns() < start_ns + ms * INT64_C(1000000))
			pass_us(200);
	}
	r.used_ns = used_ns() - before_ns;
	r.took_ns = now_ns() - start_ns;
	if (write(out, &r, sizeof(r)) != sizeof(r))
		_exit(1);
	_exit(0);
}

static void count_one(const struct vt_record *record, void *arg)
{
	struct round *r = arg;

	if (record->kind == VT_REC_LOST)
		r->lost += record->value;
	else
		r->found++;
}

static void listen_until_end(struct vt_events *ev, pid_t pid, struct round *r)
{
	int64_t before_ns = used_ns();

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		ok(vt_events_read(ev, count_one, r));
		pass_us(READ_US);
	}
	ok(vt_events_read(ev, count_one, r));
	r->read_ns = used_ns() - before_ns;
}

static struct round one_round(bool listening)
{
	struct round r = { 0 }, origin;
	struct vt_events *ev = NULL;
	pid_t parent = getpid(), pid;
	int fds[2];

	if (pipe(fds))
		die("cannot make a pipe: %s", strerror(errno));
	if (listening)
		ok(vt_events_open(vt, &ev));
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		die_with_parent(parent);
		note_many(fds[1]);
	}
	if (listening)
		listen_until_end(ev, pid, &r);
	else
		waitpid(pid, NULL, 0);
	close(fds[1]);
	if (read(fds[0], &origin, sizeof(origin)) != sizeof(origin))
		die("the origin of the events has died");
	close(fds[0]);
	vt_events_close(ev);
	r.took_ns = origin.took_ns;
	r.used_ns = origin.used_ns;
	r.notes = origin.notes;
	return r;
}

static void report(struct samples *with, struct samples *without, struct samples *reader,
		   struct samples *speed, uint64_t found, uint64_t lost)
{
	double added = (median(with) - median(without)) * median(speed) / 1e7;

	heading("", "heard", "unheard");
	pair("ns to make a record (system call)", with, without, NO_TARGET);
	printf("  %-34s %12.0f\n", "records/s", median(speed));
	printf("  %-34s %12" PRIu64 " of %" PRIu64 "   target 0%s\n", "records lost", lost, found + lost,
	       lost ? ", missed" : "");
	printf("  %-34s %12.2f\n", "% of a CPU, the listener", median(reader));
	printf("  %-34s %12.2f\n", "% of a CPU, added to the origin", added);
	printf("  %-34s %12.2f   target %.0f%s\n", "% of a CPU, together", median(reader) + added,
	       TARGET_PERCENT, median(reader) + added > TARGET_PERCENT ? ", missed" : "");
}

static void measure(int rounds)
{
	struct samples with = { 0 }, without = { 0 }, reader = { 0 }, speed = { 0 };
	struct crew crew;
	uint64_t found = 0, lost = 0;

	load();
	crew = make_crew("events", true, 0, sleeping);
	group = crew.g;
	title("10^5 records a second, heard by one listener and by none");
	for (int i = 0; i < rounds; i++) {
		struct round r = one_round(true);

		add(&with, (double)r.used_ns / (double)r.notes);
		add(&reader, 100.0 * (double)r.read_ns / (double)r.took_ns);
		add(&speed, 1e9 * (double)r.notes / (double)r.took_ns);
		if (r.found + r.lost != (uint64_t)r.notes)
			die("of %" PRId64 " records %" PRIu64 " were found and %" PRIu64 " told as lost",
			    r.notes, r.found, r.lost);
		found += r.found;
		lost += r.lost;
		r = one_round(false);
		add(&without, (double)r.used_ns / (double)r.notes);
	}
	report(&with, &without, &reader, &speed, found, lost);
	end_crew(&crew);
	unload();
}

int main(int argc, char **argv)
{
	return run_privately(measure, patience(rounds_of(argc, argv, 5)));
}
