/*
 * Who leaves when. A drain closes the worker's connections with 1012, spread
 * evenly over `drain.window`: of n, the k-th (from 0) at k/n of it, so that a
 * single one does not wait. Where that is faster than `drain.maxRate` allows,
 * the rate wins and the drain takes longer; the turns of the workers of a
 * process interlace.
 *
 * Until its turn a connection is served as ever. From then on it is not read
 * any more; what it has in flight is answered, and then it is closed.
 */
#ifndef GW_GATEWAY_DRAIN_H
#define GW_GATEWAY_DRAIN_H

#include "server/port/timer.h"

struct gw_gateway;

struct gw_drain {
    struct gw_timer timer; /* for the next turn */
    int64_t began_ms;
    uint32_t count; /* connections, when it began */
    uint32_t turn;  /* of them, how many have had theirs */
    uint32_t slot;  /* the next to look at */
};

void gw_drain_start(struct gw_gateway *g);

#endif
