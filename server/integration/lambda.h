/*
 * AWS_PROXY and AWS: a function is invoked (websocket-api.md 3, 4.7 and 4.8).
 *
 * AWS_PROXY tells it the event, and does what it answers. AWS tells it what a
 * template makes of the message; what it returns goes through an integration
 * response, of an error the one whose key its errorMessage matches. Whatever
 * that makes of an error, to a handshake it is a 502: a $connect that throws
 * lets nobody in.
 */
#ifndef GW_INTEGRATION_LAMBDA_H
#define GW_INTEGRATION_LAMBDA_H

#include "server/integration/integration.h"

gw_err gw_integration_aws_proxy(struct gw_call *call, struct gw_reply *now,
                                bool *waits, gw_reply_fn *done, void *ctx);
gw_err gw_integration_aws(struct gw_call *call, struct gw_reply *now,
                          bool *waits, gw_reply_fn *done, void *ctx);

#endif
