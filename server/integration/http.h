/*
 * HTTP_PROXY and HTTP: the message (or what a template makes of it) goes to a
 * URL, the answer comes back (websocket-api.md 4.3 to 4.7).
 */
#ifndef GW_INTEGRATION_HTTP_H
#define GW_INTEGRATION_HTTP_H

#include "server/integration/integration.h"

gw_err gw_integration_http(struct gw_call *call, struct gw_reply *now,
                           bool *waits, gw_reply_fn *done, void *ctx);

#endif
