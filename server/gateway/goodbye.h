/*
 * The last word about a connection: its $disconnect, tried until its backend
 * has been told, or until that has taken too long.
 *
 * A goodbye is written (gw_registry_end), waits for its turn, is tried, and is
 * acknowledged when the integration has run. What a retry may change (a
 * backend that cannot be reached, breaks off or is silent) is retried with
 * growing pauses; each try has a number, which is written before it. Number 1
 * says that nobody has been told before.
 *
 * Turns are taken in order within a stage, so many at a time as the lane to
 * its backend runs, GW_GOODBYES_AT_ONCE at most: a stage whose backend is down
 * or slow holds up none but its own.
 */
#ifndef GW_GATEWAY_GOODBYE_H
#define GW_GATEWAY_GOODBYE_H

#include "server/gateway/exchange.h"

enum {
    GW_GOODBYES_MAX = 65536, /* of a worker; beyond: dead letters */
    GW_GOODBYES_AT_ONCE = 256,
};

/* The connection has just become GONE. Where nothing is guaranteed its
 * $disconnect runs once; where its estate was lost, heirs see to it. */
void gw_goodbye_begin(struct gw_conn *c, unsigned code, gw_str reason);

/* Owed by this worker from now on. Views for this call. */
void gw_goodbye_inherit(struct gw_gateway *g, gw_str id, gw_str record);

/* Its exchange is over. */
void gw_goodbye_tried(struct gw_goodbye *b, const struct gw_exchange *x);

/* How many more may be inherited. */
size_t gw_goodbyes_room(const struct gw_gateway *g);

/* Nothing is owed any more. Those being tried go on unheard. */
void gw_goodbyes_forget(struct gw_gateway *g);

/* Writes those again that were not yet written in g->resync_round, at most
 * *max of them. True: there are more. */
bool gw_goodbyes_resync(struct gw_gateway *g, size_t *max);

#endif
