/*
 * Integration responses (websocket-api.md 4.7): picks one by the status, and
 * lets it shape body and headers. What MOCK, HTTP and AWS share.
 */
#ifndef GW_INTEGRATION_RESPONSE_H
#define GW_INTEGRATION_RESPONSE_H

#include "server/integration/integration.h"

/*
 * reply holds what the integration answered; scope->response_… are set.
 * Without any integration response it stays as it is. GW_E_UPSTREAM: none
 * matches, or the body cannot be converted as asked.
 */
gw_err gw_response_shape(struct gw_call *call, gw_template_side side,
                         struct gw_reply *reply) GW_MUST_CHECK;

/* The same with one that was picked. */
gw_err gw_response_shape_by(struct gw_call *call,
                            const struct gw_plan_response *by,
                            gw_template_side side,
                            struct gw_reply *reply) GW_MUST_CHECK;

/* base64 text to bytes or back, as the strategy says. */
gw_err gw_content_convert(gw_content_handling how, struct gw_arena *a,
                          gw_str *body) GW_MUST_CHECK;

#endif
