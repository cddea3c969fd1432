/*
 * The operator's listener: /healthz (the process lives), /readyz (it wants
 * traffic), /metrics (Prometheus text), /dead-letters (letters.h).
 *
 * /readyz is 503 while a worker has not joined, lost its place or cannot reach
 * Redis: new connections are refused then, with 503 too, so a load balancer
 * that believes it sends nobody into that. Those that are open go on.
 */
#ifndef GW_ADMIN_HEALTH_H
#define GW_ADMIN_HEALTH_H

#include "server/observe/metrics.h"
#include "server/port/link.h"
#include "store/bus.h"
#include "store/registry.h"

struct gw_health {
    const struct gw_link_ops *link_ops;
    struct gw_metrics *const *workers; /* of all workers */
    size_t worker_count;
    const _Atomic bool *draining;
    const struct gw_bus *bus;     /* of the workers' mailboxes */
    struct gw_registry *registry; /* of the worker that serves this listener */
};

extern const struct gw_link_events gw_health_events; /* ctx: a gw_health */

#endif
