/*
 * Many connections that open and then say nothing: what does opening cost,
 * and how much memory does each hold? Opened sixty-four at a time; after each
 * part the server is left to come to rest, so that a part's CPU time is its
 * own.
 */
#ifndef BENCH_LOAD_CROWD_H
#define BENCH_LOAD_CROWD_H

#include "tests/bench/load/plan.h"

/* Opens `connections` more, reports cost as `name`_us per connection. They
 * stay open until the program ends. */
void crowd_open(const struct plan *plan, unsigned connections,
                const char *name);

/* How many there are, which is where the next source address begins. */
unsigned crowd_size(void);

#endif
