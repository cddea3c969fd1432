/*
 * What expressions, mappings and templates may look at: one exchange, seen
 * from its request side or from its integration's answer. Views only.
 */
#ifndef GW_EXPR_SCOPE_H
#define GW_EXPR_SCOPE_H

#include "protocol/event/context.h"
#include "protocol/json/json.h"

struct gw_scope {
    const struct gw_context *context;
    const struct gw_pairs *stage_variables;
    gw_str body;  /* the message: empty on $connect and $disconnect */
    gw_json json; /* its root; kind ABSENT when the message is not JSON */

    const struct gw_http_headers *headers; /* $connect only, else NULL */
    gw_str query;                          /* raw; $connect only, else empty */

    /* Set once the integration has answered, else 0, NULL, empty. */
    unsigned response_status;
    const struct gw_http_headers *response_headers;
    gw_str response_body;
};

/* The next value of that name in a raw query, decoded; cut off *rest. False
 * when there is none left, or no room in the arena. */
bool gw_scope_query_next(struct gw_arena *a, gw_str name, gw_str *rest,
                         gw_str *value);

/* The integration's answer; kind ABSENT when it is not JSON. */
gw_json gw_scope_response_json(const struct gw_scope *scope);

#endif
