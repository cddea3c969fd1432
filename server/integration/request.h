/*
 * What is made of a call, whoever it goes to: the header fields of a client
 * and of its mappings, the body of a template (websocket-api.md 4.3, 4.5 and
 * 4.6).
 */
#ifndef GW_INTEGRATION_REQUEST_H
#define GW_INTEGRATION_REQUEST_H

#include "server/integration/integration.h"

/* As many as a client may send, and what is added to them. */
struct gw_header_list {
    struct gw_http_header at[GW_HTTP_HEADERS_MAX + 64];
    size_t count;
};

/* GW_E_TOO_BIG: it is full. The second overwrites every field of that name
 * with one. */
gw_err gw_header_list_add(struct gw_header_list *h, gw_str name,
                          gw_str value) GW_MUST_CHECK;
gw_err gw_header_list_set(struct gw_header_list *h, gw_str name,
                          gw_str value) GW_MUST_CHECK;

/* At most 159 bytes, in the arena; empty when it is full. */
gw_str gw_request_print(struct gw_arena *a, const char *format, ...)
    GW_PRINTF(2, 3);

/* Adds what a $connect forwards of its client's fields (all but Host, those of
 * one hop, and what only the gateway may say), and for every event
 * X-Forwarded-For, -Port and -Proto and X-Amzn-Trace-Id. */
gw_err gw_request_forward(struct gw_call *call,
                          struct gw_header_list *out) GW_MUST_CHECK;

/* Sets those that requestParameters map. */
gw_err gw_request_map_headers(struct gw_call *call,
                              struct gw_header_list *out) GW_MUST_CHECK;

/* What the template that applies renders, or the message as it came.
 * GW_E_UPSTREAM: none applies, and it may not pass so. */
gw_err gw_request_body(struct gw_call *call, gw_str *out) GW_MUST_CHECK;

#endif
