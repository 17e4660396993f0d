// SPDX-License-Identifier: MIT
/*
 * plant: a heated room that a controller in virtual time keeps warm.
 *
 *   plant GROUP FILE STEPS [free]
 *
 * GROUP is frozen, and controller.py FILE runs in it. The room is simulated in steps of 100 ms: the
 * group goes on by that, then the room by what the heater was set to. While the controller sleeps, time
 * is skipped; while it works, time goes at the group's rate, which may be slow: so the controller finds
 * the same room at the same time however slow or busy the machine is, and nobody waits longer than it
 * takes. With "free" nobody waits for anybody. Prints temperature and heater power after each step.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt.h"

#define STEP_NS INT64_C(100000000)

/* What controller.py reads and writes */
struct wires {
	volatile double temperature, power;
};

static void check(int err)
{
	if (err < 0) {
		fprintf(stderr, "plant: %s\n", vt_message());
		exit(1);
	}
}

/* Newton's law of cooling towards 10 degrees, by Euler's method */
static void simulate(struct wires *w)
{
	for (int i = 0; i < 10; i++)
		w->temperature += 0.01 * (w->power - 0.5 * (w->temperature - 10));
}

static void advance(struct vt_group *g, int64_t ns)
{
	struct vt_step *step;
	int at_end;

	check(vt_step_begin(&g, 1, ns, &step));
	while ((at_end = vt_step_skip(step)) == 0)
		usleep(200);
	check(at_end);
	check(vt_step_wait(step, -1));
	vt_step_close(step);
}

/* The controller acts in the middle between full tenths of a second. */
static void go_to_full_step(struct vt_group *g)
{
	vt_virtual now;

	check(vt_clock_read(g, &now, NULL));
	advance(g, STEP_NS - now.ns % STEP_NS);
}

int main(int argc, char **argv)
{
	bool is_free = argc == 5 && strcmp(argv[4], "free") == 0;
	struct wires *w = MAP_FAILED;
	struct vt_group *g;
	struct vt *vt;

	if (argc < 4)
		return 2;
	check(vt_open(&vt));
	check(vt_group_open(vt, argv[1], &g));
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED, open(argv[2], O_RDWR), 0);
	if (w == MAP_FAILED) {
		perror(argv[2]);
		return 1;
	}
	if (is_free)
		check(vt_group_thaw(g));
	else
		go_to_full_step(g);
	w->temperature = 10;
	for (int i = 0; i < atoi(argv[3]); i++) {
		if (is_free)
			usleep(STEP_NS / 1000);
		else
			advance(g, STEP_NS);
		simulate(w);
		printf("%.12f %.12f\n", w->temperature, w->power);
	}
	vt_group_close(g);
	vt_close(vt);
	return 0;
}
