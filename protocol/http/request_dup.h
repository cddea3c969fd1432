/*
 * A copy of a request's head that lives in an arena: for whoever answers
 * after the bytes it came in are gone.
 */
#ifndef GW_HTTP_REQUEST_DUP_H
#define GW_HTTP_REQUEST_DUP_H

#include "protocol/base/arena.h"
#include "protocol/http/request.h"

gw_err gw_http_request_dup(struct gw_arena *a,
                           const struct gw_http_request *request,
                           struct gw_http_request **out) GW_MUST_CHECK;

#endif
