/*
 * The one seam between what is said to a function and where it runs: "invoke
 * the function of this call with this payload". It runs here, or is behind an
 * Invoke API (websocket-api.md 11.1), asked over the call's lane.
 */
#ifndef GW_INTEGRATION_INVOKE_H
#define GW_INTEGRATION_INVOKE_H

#include "server/integration/integration.h"
#include "server/port/invoker.h"

/*
 * Fires exactly once for every gw_invoke that returned GW_OK, never before it
 * has returned.
 *   GW_OK             the function ended: payload is what it returned (a view
 *                     for this call only), or, if is_error, how it failed.
 *                     scope->response_status is set, as for every backend that
 *                     has answered
 *   GW_E_TIMEOUT      not within the integration's time
 *   GW_E_UNREACHABLE  no connection, or we may not invoke it
 *   GW_E_BUSY         it runs as often as it may already
 *   GW_E_UPSTREAM     it could not be invoked, or the connection broke
 *   GW_E_TOO_BIG      the answer was larger than it may be
 */
typedef void gw_invoke_done(void *ctx, gw_err err, gw_str payload,
                            bool is_error);

/* payload stays valid until done has fired. GW_E_BUSY: the lane is full;
 * GW_E_TOO_BIG: the payload is larger than a function may be told. */
gw_err gw_invoke(struct gw_call *call, gw_str payload, gw_invoke_done *done,
                 void *ctx) GW_MUST_CHECK;

#endif
