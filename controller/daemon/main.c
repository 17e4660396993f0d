// SPDX-License-Identifier: MIT
/*
 * vtd: boards in step. It mirrors holds on groups onto a wire and follows the wire. Groups, clocks
 * and freezes do not need it: whatever happens to it, they stay as they are.
 *
 * A round: take what has come, edges first; then for each board do what it wants; then sleep until
 * something comes or the earliest deadline of a board.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "vtd.h"

#define SECOND_NS INT64_C(1000000000)
#define EVENTS_MAX 32
/* What could not be done when it was due is tried again then. */
#define AGAIN_NS 10000000

void vtd_log(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("vtd: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

int64_t vtd_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* ---- sources ------------------------------------------------------------------------------- */

static int epoll_of(const struct source *s)
{
	return s->is_urgent ? s->vtd->urgent.fd : s->vtd->epoll_fd;
}

int vtd_watch(struct source *s)
{
	struct epoll_event event = { .events = EPOLLIN | (s->is_told_once ? EPOLLET : 0), .data.ptr = s };

	return epoll_ctl(epoll_of(s), EPOLL_CTL_ADD, s->fd, &event) ? -errno : 0;
}

void vtd_unwatch(struct source *s)
{
	epoll_ctl(epoll_of(s), EPOLL_CTL_DEL, s->fd, NULL);
}

static void serve_timer(struct source *s)
{
	uint64_t times;

	if (read(s->fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		vtd_log("cannot read the timer: %s", strerror(errno));
}

static void serve_signals(struct source *s)
{
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		vtd_log("the configuration is read at the start only; a restart changes no freeze");
	else
		s->vtd->stopping = true;
}

static int open_timer(struct vtd *d)
{
	d->timer = (struct source){ .is_urgent = true, .serve = serve_timer, .vtd = d };
	d->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return d->timer.fd < 0 ? -errno : vtd_watch(&d->timer);
}

static int open_signals(struct vtd *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* NOLINT(bugprone-signal-handler,cert-sig30-c) */
	d->signals = (struct source){ .serve = serve_signals, .vtd = d };
	d->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return d->signals.fd < 0 ? -errno : vtd_watch(&d->signals);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void arm_timer(struct vtd *d)
{
	int64_t now_ns = vtd_now_ns(), when_ns = INT64_MAX;
	struct itimerspec at = { 0 };

	for (int i = 0; i < d->count; i++)
		if (d->units[i].board && vt_board_deadline(d->units[i].board, now_ns) < when_ns)
			when_ns = vt_board_deadline(d->units[i].board, now_ns);
	if (when_ns <= now_ns)
		when_ns = now_ns + AGAIN_NS;
	if (when_ns != INT64_MAX)
		at.it_value = (struct timespec){ when_ns / SECOND_NS, when_ns % SECOND_NS };
	timerfd_settime(d->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void serve(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		if (!s->is_gone)
			s->serve(s);
	}
}

static void bury(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		if (s->is_gone)
			free(s->owner);
	}
}

static void settle(struct vtd *d)
{
	groups_read(d);
	for (int i = 0; i < d->count; i++)
		unit_settle(&d->units[i]);
	arm_timer(d);
}

void vtd_heed(struct vtd *d, int patience_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(d->urgent.fd, events, EVENTS_MAX, patience_ms);

	serve(events, n);
	settle(d);
}

/* The round heeds it anyway, before all else. */
static void serve_urgent(struct source *s)
{
	(void)s;
}

static int open_urgent(struct vtd *d)
{
	d->urgent = (struct source){ .fd = epoll_create1(EPOLL_CLOEXEC), .serve = serve_urgent, .vtd = d };
	return d->urgent.fd < 0 ? -errno : vtd_watch(&d->urgent);
}

/* Lines are settled before people are talked to. */
static int loop(struct vtd *d)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	settle(d);
	while (!d->stopping) {
		n = epoll_wait(d->epoll_fd, events, EVENTS_MAX, -1);
		if (n < 0 && errno != EINTR) {
			vtd_log("cannot wait: %s", strerror(errno));
			return EXIT_FAILURE;
		}
		vtd_heed(d, 0);
		serve(events, n);
		settle(d);
		bury(events, n);
	}
	return EXIT_SUCCESS;
}

/* ---- beginning and end --------------------------------------------------------------------- */

/* Two on one directory would undo each other's work. The lock ends with the process. */
static int lock_run_dir(const struct vtd *d)
{
	char path[PATH_MAX];
	int fd;

	if (mkdir(d->run_dir, 0755) && errno != EEXIST) {
		vtd_log("cannot make '%s': %s", d->run_dir, strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/lock", d->run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	vtd_log("cannot lock '%s': %s", path,
		fd >= 0 && errno == EWOULDBLOCK ? "another vtd runs" : strerror(errno));
	return -1;
}

static int open_units(struct vtd *d)
{
	d->units = calloc((size_t)d->config.count + 1, sizeof(*d->units));
	if (!d->units)
		return -ENOMEM;
	for (; d->count < d->config.count; d->count++) {
		struct unit *u = &d->units[d->count];

		*u = (struct unit){ .vtd = d, .config = &d->config.boards[d->count], .freeze_fd = -1 };
		if (unit_open_lines(u)) {
			unit_end(u);
			return -1;
		}
	}
	return 0;
}

static int begin(struct vtd *d)
{
	int err = lock_run_dir(d);

	if (err)
		return err;
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = d->epoll_fd < 0 ? -errno : open_urgent(d);
	if (!err)
		err = open_timer(d);
	if (!err)
		err = open_signals(d);
	if (err) {
		vtd_log("cannot begin: %s", strerror(-err));
		return err;
	}
	err = groups_open(d);
	if (!err)
		err = open_units(d);
	if (!err)
		err = control_open(d);
	if (!err)
		d->priority = members_rise(d->config.priority);
	return err;
}

static void end(struct vtd *d)
{
	systemd_notify("STOPPING=1");
	control_close(d);
	for (int i = 0; i < d->count; i++)
		unit_end(&d->units[i]);
	free(d->units);
	vt_events_close(d->events);
	vt_close(d->vt);
	vt_config_free(&d->config);
}

static int run(struct vtd *d)
{
	int status = EXIT_FAILURE;

	if (begin(d) == 0) {
		groups_find(d);
		settle(d);
		systemd_notify("READY=1");
		status = loop(d);
	}
	end(d);
	return status;
}

/* ---- the command line ------------------------------------------------------------------------ */

static int usage(FILE *to, int status)
{
	fputs("usage: vtd [--config FILE] [--run DIR]\n\n"
	      "Keep groups on several boards in step over a wire; see vtd(8) and vt.conf(5).\n\n"
	      "  -c, --config FILE  instead of " VT_CONFIG_FILE "; drop-ins are in FILE.d\n"
	      "  -r, --run DIR      instead of " VTD_RUN_DIR ", for sockets and what survives a crash\n"
	      "  -h, --help         print this\n"
	      "  -V, --version      print the version\n", to);
	return status;
}

static bool is(const char *arg, const char *letter, const char *name)
{
	return strcmp(arg, letter) == 0 || strcmp(arg, name) == 0;
}

static void tell(const char *mistake)
{
	vtd_log("%s", mistake);
}

int main(int argc, char **argv)
{
	static struct vtd d = { .run_dir = VTD_RUN_DIR };
	const char *config = NULL;

	for (int i = 1; i < argc; i++) {
		if (is(argv[i], "-h", "--help"))
			return usage(stdout, EXIT_SUCCESS);
		if (is(argv[i], "-V", "--version"))
			return printf("vtd %s\n", VT_VERSION) < 0;
		if (is(argv[i], "-c", "--config") && i + 1 < argc)
			config = argv[++i];
		else if (is(argv[i], "-r", "--run") && i + 1 < argc)
			d.run_dir = argv[++i];
		else
			return usage(stderr, 2);
	}
	if (vt_config_read(&d.config, config, tell)) {
		vt_config_free(&d.config);
		return EXIT_FAILURE;
	}
	return run(&d);
}
