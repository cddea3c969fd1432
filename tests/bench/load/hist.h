/*
 * A histogram of times, in the manner of HdrHistogram: 64 buckets to each
 * power of two, so that any value is kept to within 1.6 %.
 */
#ifndef BENCH_LOAD_HIST_H
#define BENCH_LOAD_HIST_H

#include <stdint.h>

enum { HIST_BITS = 6, HIST_BUCKETS = (64 - HIST_BITS + 1) << HIST_BITS };

struct hist {
    uint64_t counts[HIST_BUCKETS];
    uint64_t total, max;
};

void hist_add(struct hist *h, uint64_t value);

/* The value that `share` (0 to 1) of all values do not exceed; 0: empty. */
uint64_t hist_at(const struct hist *h, double share);

#endif
