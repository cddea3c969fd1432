/*
 * A worker: one thread with its own loop, edge, gateway and pool of upstream
 * connections. It shares nothing that changes with the worker beside it.
 */
#ifndef GW_WORKER_H
#define GW_WORKER_H

#include "server/admin/health.h"
#include "server/admin/public.h"
#include "server/cluster.h"
#include "server/edge/edge.h"
#include "server/edge/upstream.h"
#include "server/function/functions.h"
#include "server/gateway/gateway.h"

#include <pthread.h>
#include <semaphore.h>

enum { GW_WORKERS_MAX = 64, GW_DRAIN_PHASES = 6 };

/* What all workers of a process have in common; outlives them. */
struct gw_worker_shared {
    struct gw_bus *bus;
    struct gw_addresses *addresses;
    struct gw_letterbox *letterbox;
    const struct gw_function_surroundings *surroundings;
    struct gw_functions *functions[GW_WORKERS_MAX]; /* each worker's */
    struct gw_hash_key id_key; /* drawn; the cluster's may take its place */
    uint16_t node;
    unsigned worker_count;
    _Atomic unsigned through[GW_DRAIN_PHASES]; /* with it: how many workers */
};

struct gw_worker {
    struct gw_worker_shared *shared;
    struct gw_loop loop;
    struct gw_metrics metrics;
    struct gw_edge *edge;
    struct gw_gateway gateway;
    struct gw_cluster *cluster;
    struct gw_upstream *upstream;
    struct gw_functions *functions;
    struct gw_public public;
    struct gw_config *config; /* that the edge goes by */
    struct gw_bus *bus;
    struct gw_timer drain_timer;
    unsigned phase; /* of the drain */
    int64_t phase_began_ms;
    bool waits_for_others; /* in that phase */
    bool upstream_closed, functions_closed, cluster_left;
    pthread_t thread;
};

/* On the main thread, one after another. */
struct gw_worker *gw_worker_new(struct gw_worker_shared *shared, unsigned index,
                                struct gw_config *config, struct gw_fault *why);
void gw_worker_free(struct gw_worker *w); /* joined, or unstarted */

/* Before gw_worker_start. */
void gw_worker_listen_admin(struct gw_worker *w, int fd,
                            struct gw_health *health);

/* From here on it tries to join. */
gw_err gw_worker_start(struct gw_worker *w) GW_MUST_CHECK;

/* From the main thread: each is a message to the worker. `done` is posted when
 * the configuration is in force there. */
void gw_worker_listen(struct gw_worker *w, int fd);
void gw_worker_configure(struct gw_worker *w, struct gw_config *config,
                         sem_t *done);
void gw_worker_drain(struct gw_worker *w); /* and end the thread when done */

/* How it stands with the cluster; waits for the worker's answer. */
struct gw_worker_standing {
    gw_registry_state state;
    char fault[160]; /* why Redis cannot be reached */
};
void gw_worker_ask(struct gw_worker *w, struct gw_worker_standing *out);

#endif
