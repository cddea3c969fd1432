/*
 * Percent-encoding and query strings.
 */
#ifndef GW_HTTP_QUERY_H
#define GW_HTTP_QUERY_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"

/* Decodes %XX (and '+' as a space when plus_is_space, as in queries). A lone
 * or malformed '%' stays as it is. Without anything to decode *out is a view
 * of `in`; otherwise it lives in the arena. */
gw_err gw_http_decode(struct gw_arena *a, gw_str in, bool plus_is_space,
                      gw_str *out) GW_MUST_CHECK;

/* The next name=value of a raw query, still encoded: cuts it off *rest.
 * Skips empty pieces ("a=1&&b=2"); a name without '=' has an empty value.
 * False when there is none left. */
bool gw_http_query_next(gw_str *rest, gw_str *name, gw_str *value);

/* Appends with everything but RFC 3986 unreserved characters encoded, '/'
 * too unless keep_slash. */
gw_err gw_http_encode(struct gw_buf *out, gw_str in,
                      bool keep_slash) GW_MUST_CHECK;

#endif
