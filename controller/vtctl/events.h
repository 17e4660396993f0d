/* SPDX-License-Identifier: MIT */
/* What becomes of a record: a line, an object, or a part of a trace. */
#ifndef VTCTL_EVENTS_H
#define VTCTL_EVENTS_H

#include "vt.h"

/* Print one record as a line, of JSON with -j. */
void vtctl_print_event(const struct vt_record *r, const char *group);
void vtctl_print_event_titles(void);

/* A file of trace events, for people who look at them in Perfetto. */
struct vtctl_trace;

/* NULL and errno if the file cannot be written. */
struct vtctl_trace *vtctl_trace_open(const char *file, struct vt *vt);
/* A group that is there already when the trace begins. */
void vtctl_trace_begin(struct vtctl_trace *t, struct vt_group *g);
void vtctl_trace_add(struct vtctl_trace *t, const struct vt_record *r, const char *group);
/* Each 0 or a negative errno; after a flush the file is complete but for its end. */
int vtctl_trace_flush(struct vtctl_trace *t);
int vtctl_trace_close(struct vtctl_trace *t);

#endif /* VTCTL_EVENTS_H */
