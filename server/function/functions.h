/*
 * The functions of one worker: those that belong to it, and the way to those
 * that belong to another worker of this process. Every function has one worker,
 * chosen by its name, so that there is one queue for it; invocations of others
 * go there and come back over the bus.
 */
#ifndef GW_FUNCTION_FUNCTIONS_H
#define GW_FUNCTION_FUNCTIONS_H

#include "server/config/config.h"
#include "server/function/supervisor.h"
#include "server/observe/metrics.h"
#include "store/bus.h"

struct gw_functions;

struct gw_functions_options {
    struct gw_loop *loop;
    struct gw_edge *edge;
    struct gw_bus *bus;
    struct gw_metrics *metrics;
    unsigned worker, worker_count;
    struct gw_functions *const *peers; /* of all workers, this one included */
    const struct gw_function_surroundings *surroundings; /* outlives it */
    uint64_t seed;                                       /* of request ids */
};

struct gw_functions *gw_functions_new(const struct gw_functions_options *o);

/* Puts a configuration into force (takes a reference): makes, changes and
 * retires functions. Doors that cannot be opened are logged. */
void gw_functions_configure(struct gw_functions *fs, struct gw_config *config);

struct gw_invoker *gw_functions_invoker(struct gw_functions *fs);

/* Ends all of it: what waits and what runs is cancelled for its callers, the
 * processes are ended. `closed` fires when nothing is left. */
void gw_functions_close(struct gw_functions *fs, void (*closed)(void *ctx),
                        void *ctx);
void gw_functions_free(struct gw_functions *fs);

#endif
