/*
 * Header fields as they came: name and value are views into the head, the
 * value without the blanks around it. Names compare without case (RFC 9110,
 * 5.1), order and repetition are kept.
 */
#ifndef GW_HTTP_HEADER_H
#define GW_HTTP_HEADER_H

#include "protocol/base/str.h"

enum { GW_HTTP_HEADERS_MAX = 100 }; /* more than that is answered 431 */

struct gw_http_header {
    gw_str name, value;
};

struct gw_http_headers {
    struct gw_http_header at[GW_HTTP_HEADERS_MAX];
    size_t count;
};

/* The first (or last) value of that name; false when there is none. */
bool gw_http_header_first(const struct gw_http_headers *h, gw_str name,
                          gw_str *value);
bool gw_http_header_last(const struct gw_http_headers *h, gw_str name,
                         gw_str *value);
size_t gw_http_header_count(const struct gw_http_headers *h, gw_str name);

/* Is `token` an element of the comma-separated list that all fields of that
 * name form together (RFC 9110, 5.6.1)? Without case. */
bool gw_http_header_lists(const struct gw_http_headers *h, gw_str name,
                          gw_str token);

/* Connection, Keep-Alive, Transfer-Encoding, TE, Trailer, Upgrade, Proxy-*:
 * fields of one hop, never forwarded (RFC 9110, 7.6.1). */
bool gw_http_header_is_hop(gw_str name);

bool gw_http_is_token(gw_str s);       /* RFC 9110, 5.6.2; not empty */
bool gw_http_is_field_value(gw_str s); /* no CR, LF, NUL, other controls */

#endif
