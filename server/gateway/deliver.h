/*
 * @connections: to the stage's connection with that id, wherever its socket
 * is. Ours: at once. Another worker's, of this node or of another: over the
 * bus. Nobody's, or another stage's: GW_E_GONE.
 */
#ifndef GW_GATEWAY_DELIVER_H
#define GW_GATEWAY_DELIVER_H

#include "server/gateway/gateway.h"

/*
 * GW_OK       POST: queued on the socket; GET: body holds the JSON; DELETE:
 *             closing with 1000
 * GW_E_GONE   nobody's, closed, or its $connect still runs
 * GW_E_INVALID  not the spelling of an id
 * GW_E_UTF8   neither text nor allowed as binary
 * GW_E_FULL   the client does not read; it is being closed
 * GW_E_BUSY   the worker that has it cannot be asked, or did not answer
 * GW_E_NOT_FOUND  it does not know the operation: an older version
 */
typedef void gw_delivered(void *ctx, gw_err err, gw_str body);

/* done fires exactly once: at once, or when the other worker has answered or
 * the push timeout has passed. */
void gw_deliver(struct gw_gateway *g, gw_bus_op op,
                const struct gw_stage_state *stage, gw_str connection_id,
                gw_str payload, gw_delivered *done, void *ctx);

/* The gateway's mailbox. */
void gw_deliver_on_bus(struct gw_gateway *g, const struct gw_bus_message *m);

#endif
