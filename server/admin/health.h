/*
 * The operator's listener: /healthz (the process lives), /readyz (it wants
 * traffic), /metrics (Prometheus text).
 */
#ifndef GW_ADMIN_HEALTH_H
#define GW_ADMIN_HEALTH_H

#include "server/observe/metrics.h"
#include "server/port/link.h"

struct gw_health {
    const struct gw_link_ops *link_ops;
    struct gw_metrics *const *workers; /* of all workers */
    size_t worker_count;
    const _Atomic bool *draining;
};

extern const struct gw_link_events gw_health_events; /* ctx: a gw_health */

#endif
