/*
 * A request to a backend as bytes, head and body in one piece so that one
 * send takes it.
 *
 * Writes the request line, the given headers and Content-Length (with a body,
 * and for POST, PUT and PATCH without one). The caller vouches for names and
 * values; a field that would break out of its line all the same is left out
 * and counted.
 *
 * Errors   GW_E_INVALID  the method or target would not stay on its line
 */
#ifndef GW_EDGE_UPSTREAM_REQUEST_H
#define GW_EDGE_UPSTREAM_REQUEST_H

#include "protocol/base/buf.h"
#include "server/port/fetch.h"

/* out: replaced, its memory used again, its cap raised where needed. */
gw_err gw_upstream_request_write(struct gw_buf *out,
                                 const struct gw_fetch_request *request,
                                 uint64_t *headers_dropped) GW_MUST_CHECK;

#endif
