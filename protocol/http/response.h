/*
 * Responses: read from backends, written to clients.
 */
#ifndef GW_HTTP_RESPONSE_H
#define GW_HTTP_RESPONSE_H

#include "protocol/base/buf.h"
#include "protocol/http/request.h"

typedef enum gw_http_framing {
    GW_HTTP_NO_BODY,
    GW_HTTP_LENGTH,
    GW_HTTP_CHUNKED,
    GW_HTTP_UNTIL_CLOSE, /* responses only */
} gw_http_framing;

struct gw_http_response {
    unsigned status; /* 100 to 599 */
    unsigned minor;
    gw_str reason;
    bool keep_alive;
    gw_http_framing framing; /* as RFC 9112, 6.3 decides it */
    uint64_t body_bytes;
    struct gw_http_headers headers;
};

/* As gw_http_request_read. 1xx answers come out like others (status < 200,
 * no body): the caller skips them. GW_HTTP_BAD: not a response one can trust
 * (both lengths, two different lengths, a length with a sign, a transfer
 * coding other than chunked, ...). `to_head`: the request was a HEAD, so no
 * body follows. `max_head` bounds the whole head. keep_alive is false, too,
 * when the body ends with the connection, and when a 1xx or 204 announces a
 * body it cannot have. */
gw_http_step gw_http_response_read(gw_str bytes, bool to_head, size_t max_head,
                                   struct gw_http_response *out, size_t *used);

/* Appends a whole response. Writes the status line, the given headers,
 * Content-Length, `Connection: close` when !keep_alive (`Connection:
 * keep-alive` for a kept HTTP/1.0 client), and the body (left out for HEAD:
 * to_head). 1xx, 204 and 304 get neither a length nor a body, and 1xx no
 * Connection. Names and values must be legal; nothing is escaped.
 */
struct gw_http_answer {
    unsigned status;
    const struct gw_http_header *headers;
    size_t header_count;
    gw_str body;
};
gw_err gw_http_response_write(struct gw_buf *out,
                              const struct gw_http_answer *answer,
                              unsigned minor, bool keep_alive,
                              bool to_head) GW_MUST_CHECK;

/* The same up to the body: for those who keep that apart. *body is what is to
 * follow: answer->body, or nothing. */
gw_err gw_http_response_write_head(struct gw_buf *out,
                                   const struct gw_http_answer *answer,
                                   unsigned minor, bool keep_alive,
                                   bool to_head, gw_str *body) GW_MUST_CHECK;

const char *gw_http_status_text(unsigned status); /* "" when unknown */

#endif
