/*
 * Counters and gauges, one set per worker, summed when they are read. The
 * owner alone writes, so an increment is a plain load and store; readers on
 * other threads see some recent value.
 *
 * To add a metric: its row in metrics.def.
 */
#ifndef GW_OBSERVE_METRICS_H
#define GW_OBSERVE_METRICS_H

#include "protocol/base/buf.h"

#include <stdatomic.h>

struct gw_metrics {
#define GW_METRIC(name, type, help) _Atomic uint64_t name;
#include "server/observe/metrics.def"
#undef GW_METRIC
};

#define GW_ADD(metric, n)                                                      \
    atomic_store_explicit(                                                     \
        &(metric),                                                             \
        atomic_load_explicit(&(metric), memory_order_relaxed) + (uint64_t)(n), \
        memory_order_relaxed)
#define GW_SET(metric, n) \
    atomic_store_explicit(&(metric), (uint64_t)(n), memory_order_relaxed)
#define GW_COUNT(metric)   GW_ADD(metric, 1)
#define GW_UNCOUNT(metric) GW_ADD(metric, -1)

/* The sum over `count` workers, in the Prometheus text format. */
gw_err gw_metrics_print(struct gw_metrics *const *workers, size_t count,
                        struct gw_buf *out) GW_MUST_CHECK;

#endif
