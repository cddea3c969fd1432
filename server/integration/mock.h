/*
 * MOCK: no backend (websocket-api.md 4.7). The request template, if there is
 * one, renders JSON whose statusCode picks the integration response; its
 * template is the answer, with the message as $input.
 */
#ifndef GW_INTEGRATION_MOCK_H
#define GW_INTEGRATION_MOCK_H

#include "server/integration/integration.h"

gw_err gw_integration_mock(struct gw_call *call, struct gw_reply *now,
                           bool *waits, gw_reply_fn *done, void *ctx);

#endif
