/*
 * Takes a message body off the wire, whatever its framing, piece by piece.
 *
 * Shapes   gw_http_body_read consumes from `in` and lends one piece of body
 *          (a view into `in`) at a time; *used tells how much of `in` it took.
 * Answers  GW_HTTP_MORE   all of `in` was taken, the body goes on
 *          GW_HTTP_READY  the body has ended, *piece may be its last; the
 *                         rest of `in` is not ours
 *          GW_HTTP_BAD    body->status: 400 malformed, 413 past max_bytes
 *          With GW_HTTP_MORE and a non-empty *piece, call again with what is
 *          left of `in` before waiting for more. READY and BAD are final.
 * Chunked  strict: CRLF only, hexadecimal sizes without sign or blanks of at
 *          most 16 digits, extensions skipped (bounded: 256 bytes a chunk line),
 *          trailers checked like headers (bounded: 8 KB) and, where
 *          body->trailers says so, kept.
 * Source   RFC 9112 sections 6 and 7.
 */
#ifndef GW_HTTP_BODY_H
#define GW_HTTP_BODY_H

#include "protocol/http/response.h"

struct gw_http_body {
    gw_http_framing framing;
    uint64_t left;           /* of this chunk, or of the whole */
    uint64_t total;          /* lent so far */
    uint64_t max_bytes;      /* of body, all chunks together */
    unsigned status;         /* of the refusal */
    struct gw_buf *trailers; /* NULL: dropped. Set it after the start; what
                                came, with its empty line, is added there */
    uint16_t state;          /* inside the chunked grammar */
    uint16_t line;           /* bytes of the current chunk line or trailers */
};

void gw_http_body_of_request(struct gw_http_body *b,
                             const struct gw_http_request *req,
                             uint64_t max_bytes);
void gw_http_body_of_response(struct gw_http_body *b,
                              const struct gw_http_response *res,
                              uint64_t max_bytes);

gw_http_step gw_http_body_read(struct gw_http_body *b, gw_str in, size_t *used,
                               gw_str *piece);

/* The fields of what a body->trailers holds after GW_HTTP_READY: views into
 * it. False: more than GW_HTTP_HEADERS_MAX. */
bool gw_http_trailers_read(gw_str lines, struct gw_http_headers *out);

/* The peer closed: true when that was a legal end (GW_HTTP_UNTIL_CLOSE, or a
 * body already complete). */
bool gw_http_body_may_end(const struct gw_http_body *b);

#endif
