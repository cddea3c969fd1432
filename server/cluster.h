/*
 * One worker's place among the others: its registry and, with Redis, its link
 * to it and the carrier of its bus. Without Redis the registry is in memory,
 * and joined from the start.
 *
 * Everything but `new` and `free` is for the worker's thread, or for before
 * that runs.
 */
#ifndef GW_CLUSTER_H
#define GW_CLUSTER_H

#include "server/config/config.h"
#include "server/loop.h"
#include "server/observe/metrics.h"
#include "store/backend/memory.h"
#include "store/bus.h"

struct gw_cluster;

struct gw_cluster_options {
    const struct gw_config *config; /* its redis settings */
    struct gw_bus_address address;
    struct gw_bus *bus;
    struct gw_letterbox *letterbox;   /* without Redis: the process's */
    const struct gw_hash_key *id_key; /* without Redis: the process's */
    struct gw_loop *loop;
    struct gw_metrics *metrics;
    const struct gw_registry_events *events;
    void *ctx; /* of the events */
};

struct gw_cluster *gw_cluster_new(const struct gw_cluster_options *options);
void gw_cluster_free(struct gw_cluster *c); /* left, or never started */

struct gw_registry *gw_cluster_registry(struct gw_cluster *c);

/* The worker's bus is attached. on_joined may come before it returns. */
void gw_cluster_start(struct gw_cluster *c);

gw_registry_state gw_cluster_state(const struct gw_cluster *c);

/* Why Redis cannot be reached, for people. */
gw_str gw_cluster_fault(const struct gw_cluster *c);

/* Gives the place back and hangs up; `left` once, possibly at once, when the
 * loop has nothing of it any more. */
void gw_cluster_leave(struct gw_cluster *c, void (*left)(void *ctx), void *ctx);

#endif
