/*
 * The head of an HTTP/1.1 request.
 *
 * Strict: what two readers could understand differently is refused, with the
 * status that says so, because a request that this server and a proxy before
 * it cut differently is a smuggled request (RFC 9112, 11.2).
 *
 * Shapes   bytes: all that has arrived since the last request ended, from its
 *          first byte. Nothing is copied: every view in *out points into it
 *          (but for the path "/" of a target like "http://host").
 * Answers  GW_HTTP_READY  *out is filled, *used bytes were the head
 *          GW_HTTP_MORE   incomplete so far, and nothing wrong yet
 *          GW_HTTP_BAD    out->status, and nothing else in *out, says what
 *                         to answer: 400, 413 and 414 and 431 past a limit,
 *                         417 unknown expectation, 501 unknown transfer
 *                         coding or a method longer than 32 bytes, 505 not
 *                         HTTP/1.x. The connection is to be closed after it.
 *                         With 413 what the request line says is there, too
 *          A fault is noticed at its byte (or at the end of its line), not at
 *          the end of the head, and is the same whatever follows.
 * Cost     linear; called again with more bytes it starts over, which the
 *          10 KB limit keeps cheap.
 * Source   RFC 9112 sections 2 to 7; RFC 9110 sections 5, 7, 10.
 */
#ifndef GW_HTTP_REQUEST_H
#define GW_HTTP_REQUEST_H

#include "protocol/http/header.h"

typedef enum gw_http_step {
    GW_HTTP_MORE,
    GW_HTTP_READY,
    GW_HTTP_BAD
} gw_http_step;

struct gw_http_limits {
    size_t target_bytes; /* 4,096: past it 414 */
    size_t header_bytes; /* 10,240, all header lines together: past it 431 */
    uint64_t body_bytes; /* 10 MB: a longer Content-Length is 413, at once */
};

struct gw_http_request {
    unsigned status; /* of the refusal; 0 while all is well */
    gw_str method;   /* a token, case kept */
    gw_str target;   /* as on the wire: what signatures were made over */
    gw_str path;     /* target up to '?', still percent-encoded; for the
                        absolute form what stands behind the authority */
    gw_str query;    /* behind the '?', still encoded; empty without */
    gw_str host;     /* the Host field, or the authority of the target */
    unsigned minor;  /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool chunked;
    bool has_length;       /* a Content-Length was given */
    bool expects_continue; /* and a body is to come; HTTP/1.1 */
    bool wants_upgrade;    /* Connection lists "upgrade" and Upgrade is there;
                              HTTP/1.1 */
    uint64_t body_bytes;   /* Content-Length, or 0 */
    struct gw_http_headers headers;
    const struct gw_http_headers *trailers; /* of a chunked body, filled in by
                                               who has read it; NULL: none */
};

gw_http_step gw_http_request_read(gw_str bytes,
                                  const struct gw_http_limits *limits,
                                  struct gw_http_request *out, size_t *used);

#endif
