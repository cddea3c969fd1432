/*
 * What the generator can do. Each runs to its end and reports.
 */
#ifndef BENCH_LOAD_MODES_H
#define BENCH_LOAD_MODES_H

#include "tests/bench/load/plan.h"

/* Messages that come back, on --connections with --depth in flight on each
 * (closed loop), or --rate in all on a fixed schedule (open loop; latency
 * counts from when a message was due). Before that, --idle silent ones. */
void echo_run(const struct plan *plan);

/* Opens --connections and compares the --first with the --last. */
void open_run(const struct plan *plan);

/* HTTP requests, --publishers at once, sent --via a server, that arrive as a
 * message on one of --connections WebSocket connections. */
void push_run(const struct plan *plan);

/* HTTP requests, --connections at once, answered with --status; with --gone
 * they are addressed to a connection that was closed. */
void post_run(const struct plan *plan);

/* Opens --connections, closes them all, and waits until the backend --watch
 * has been told of every one. */
void goodbye_run(const struct plan *plan);

#endif
