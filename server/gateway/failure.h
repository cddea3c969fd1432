/*
 * What a client is told when its exchange fails: websocket-api.md 1.3, 3.7
 * and 6.3, one row each.
 */
#ifndef GW_GATEWAY_FAILURE_H
#define GW_GATEWAY_FAILURE_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

struct gw_failure {
    gw_err err;
    unsigned status; /* of a handshake */
    gw_str type;     /* x-amzn-ErrorType */
    gw_str message;  /* in the body, or the error frame */
};

const struct gw_failure *gw_failure_of(gw_err err);

#endif
