/*
 * The processes of one function that gatewire runs itself: as many as its
 * concurrency, started before they are needed, started again when they end
 * (with a growing pause when they do so soon), replaced when their code or
 * their settings change: new ones start, and when the first of them is ready
 * no more events go to the old ones, which end when theirs are answered. While
 * no new one gets ready, the old ones go on.
 *
 * What they print is logged line by line with the function's name and the
 * request id.
 */
#ifndef GW_FUNCTION_SUPERVISOR_H
#define GW_FUNCTION_SUPERVISOR_H

#include "server/config/config.h"
#include "server/edge/edge.h"
#include "server/function/function.h"
#include "server/function/keeper.h"

/* What every process of this gateway is told, whatever its function. */
struct gw_function_surroundings {
    const char *folder; /* of this process: bootstraps, inline code, the local
                           authority; removed with it */
    bool has_authority; /* folder holds ca.pem (ours) and bundle.pem (and the
                           system's) */

    /* Of the configuration in force, as gw_function_surround has it. */
    gw_str region;
    gw_str access_key_id,
        secret;             /* to sign with; the function's own go before */
    gw_str tables_endpoint; /* empty: none */
};

/* Goes by that configuration from now on, whose texts it borrows. */
void gw_function_surround(struct gw_function_surroundings *s,
                          const struct gw_config *config);

struct gw_supervisor;

struct gw_supervisor *gw_supervisor_new(
    struct gw_loop *loop, struct gw_edge *edge, struct gw_keeper *keeper,
    struct gw_function *function,
    const struct gw_function_surroundings *surroundings);

/* function->spec has been replaced by another. */
void gw_supervisor_replace(struct gw_supervisor *s);

/* Ends the processes: each at once if it rests, otherwise when its event is
 * answered (`at_once`: now). gone fires when all have ended; then it is freed. */
void gw_supervisor_close(struct gw_supervisor *s, bool at_once,
                         void (*gone)(void *ctx), void *ctx);

#endif
