/*
 * Parameter mapping (websocket-api.md 4.3): a requestParameters entry such as
 *   integration.request.header.connectionId: context.connectionId
 * compiled, then evaluated once per exchange.
 */
#ifndef GW_EXPR_MAPPING_H
#define GW_EXPR_MAPPING_H

#include "protocol/expr/scope.h"

typedef enum gw_mapping_place {
    GW_MAPPING_HEADER,
    GW_MAPPING_QUERY,
    GW_MAPPING_PATH,
} gw_mapping_place;

struct gw_mapping; /* one entry; immutable; lives in the arena */

/* Destination integration.request.{header,querystring,path}.NAME; source
 * route.request.{header,querystring,multivalueheader,multivaluequerystring}.N,
 * route.request.body[.path] (method.request.… is an alias), stageVariables.N,
 * context.N, or 'constant'. NAME: [a-zA-Z0-9._$-]+, or more strictly a token
 * for headers. */
gw_err gw_mapping_read(struct gw_arena *a, gw_str destination, gw_str from,
                       struct gw_mapping **out,
                       struct gw_fault *why) GW_MUST_CHECK;

/* False when the source resolves to nothing: the parameter is dropped. A
 * header value that could not stand in a head (CR, LF, NUL) is dropped too.
 * Several values of a multivalue source come joined by ", " for headers; for
 * query strings call again with *at (start with 0) until it returns false. */
bool gw_mapping_eval(const struct gw_mapping *m, const struct gw_scope *scope,
                     struct gw_arena *a, size_t *at, gw_str *value);

gw_mapping_place gw_mapping_place_of(const struct gw_mapping *m);
gw_str gw_mapping_name(const struct gw_mapping *m);

/* True for a constant: its author encoded it. Any other value is plain text,
 * to be percent-encoded where a query or a path is its destination. */
bool gw_mapping_is_encoded(const struct gw_mapping *m);

#endif
