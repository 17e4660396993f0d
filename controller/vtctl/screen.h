/* SPDX-License-Identifier: MIT */
/* A terminal whose whole screen is used, by the sequences that all terminals of today know. */
#ifndef VTCTL_SCREEN_H
#define VTCTL_SCREEN_H

#include <stdbool.h>

/* Standard output is a terminal. */
bool vtctl_screen_is_there(void);
/* Take the screen, and put it back as it was. */
void vtctl_screen_begin(void);
void vtctl_screen_end(void);
/* As it is now: it may be resized at any time. At least 1, and 24 by 80 if it does not say. */
void vtctl_screen_size(int *lines, int *columns);
/* Show text of ASCII in place of what is there; lines and columns that do not fit are left out. */
void vtctl_screen_show(const char *text);
/* Readable when a key was pressed; -1: there are none. */
int vtctl_screen_fd(void);
/* The key that was pressed; 0: none. Does not wait. */
int vtctl_screen_key(void);

#endif /* VTCTL_SCREEN_H */
