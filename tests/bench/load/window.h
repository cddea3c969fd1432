/*
 * The part of a run that is measured: after the warm-up, for so many seconds.
 */
#ifndef BENCH_LOAD_WINDOW_H
#define BENCH_LOAD_WINDOW_H

#include "tests/bench/load/hist.h"
#include "tests/bench/load/plan.h"

#include <stdint.h>

struct window {
    const struct plan *plan;
    enum { WINDOW_BEFORE, WINDOW_OPEN, WINDOW_OVER } state;
    int64_t begin_ns, end_ns; /* planned, then as they were */
    uint64_t cpu_ns, others_ns, messages;
    struct hist latency;
};

void window_start(struct window *w, const struct plan *plan);

/* To be called every turn; false: it is over. */
bool window_goes_on(struct window *w);

/* One message came back, that long after it was sent. */
void window_note(struct window *w, int64_t latency_ns);

void window_report(const struct window *w);

#endif
