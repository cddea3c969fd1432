/*
 * The Invoke API (websocket-api.md 11.1): what runs here can be invoked as the
 * original's functions are, by their SDKs and its CLI.
 *
 *   POST /2015-03-31/functions/{FunctionName}/invocations[?Qualifier=…]
 *   POST /2014-11-13/functions/{FunctionName}/invoke-async
 *
 * There is one version of each function here, and every qualifier means it.
 *
 * A caller that leaves does not end what he has started. A synchronous
 * invocation that no runtime has taken within 30 s is answered 429, and is not
 * run any more: it may be sent again.
 */
#ifndef GW_ADMIN_INVOKE_API_H
#define GW_ADMIN_INVOKE_API_H

#include "server/admin/signatures.h"
#include "server/gateway/gateway.h"
#include "server/port/invoker.h"

struct gw_invoke_api; /* one worker's */

struct gw_invoke_api *gw_invoke_api_new(struct gw_gateway *g,
                                        struct gw_signatures *s,
                                        struct gw_invoker *invoker);

/* Its paths, while there are functions here. */
bool gw_invoke_api_is_meant(const struct gw_invoke_api *api,
                            const struct gw_http_request *request);

/* Answers the link, now or when the function has. */
void gw_invoke_api_handle(struct gw_invoke_api *api, struct gw_link *link,
                          const struct gw_http_request *request, gw_str body,
                          struct gw_answerer **answerer);

/* Nothing runs for it, and nothing waits to be run again. */
bool gw_invoke_api_is_quiet(const struct gw_invoke_api *api);

/* Asynchronous invocations are not run again, and no more are taken. */
void gw_invoke_api_close(struct gw_invoke_api *api);
void gw_invoke_api_free(struct gw_invoke_api *api); /* closed and quiet */

#endif
