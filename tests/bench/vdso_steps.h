/* SPDX-License-Identifier: MIT */
/* Which instructions of an image a call executes: by stepping through it, one at a time. */
#ifndef VT_BENCH_VDSO_STEPS_H
#define VT_BENCH_VDSO_STEPS_H

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "vdso_image.h"

/* Where in the image; -1: outside. */
static inline long place_inside(const struct image *m, pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return -1;
	if (regs.rip < (uintptr_t)m->base || regs.rip >= (uintptr_t)m->base + m->text_size)
		return -1;
	return (long)(regs.rip - (uintptr_t)m->base);
}

/* How many; each is called with the place of each, unless it is NULL. 0: this machine does not let us. */
static inline int count_steps(const struct image *m, void (*call)(const struct image *m, int clock),
			      int clock, void (*each)(int clock, long place))
{
	int status, steps = 0;
	long place;
	pid_t pid = fork();

	if (pid < 0)
		return 0;
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) {
			raise(SIGSTOP);
			call(m, clock);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		place = place_inside(m, pid);
		steps += place >= 0;
		if (place >= 0 && each)
			each(clock, place);
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			kill(pid, SIGKILL);
	}
	return steps;
}

#endif
