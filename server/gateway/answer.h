/*
 * An HTTP answer of the gateway's own: every one carries x-amzn-RequestId and
 * x-amz-apigw-id (websocket-api.md 1.1).
 */
#ifndef GW_GATEWAY_ANSWER_H
#define GW_GATEWAY_ANSWER_H

#include "server/gateway/gateway.h"

struct gw_answer {
    struct gw_http_header headers[40];
    size_t count;
    unsigned status;
    struct gw_http_answer http;
    char uuid[37], extended[16];
};

void gw_answer_init(struct gw_answer *a, struct gw_gateway *g, unsigned status);
void gw_answer_add(struct gw_answer *a, const char *name, gw_str value);

/* Borrowed from the answer, for the link. */
const struct gw_http_answer *gw_answer_http(struct gw_answer *a, gw_str body);

/* {"message":"…"} with an error type (or GW_EMPTY), at once. */
void gw_answer_error(struct gw_gateway *g, struct gw_link *link,
                     unsigned status, gw_str type, const char *message,
                     bool last);

#endif
