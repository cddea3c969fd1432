#include "protocol/http/body.h"

#include "protocol/http/chars.h"
#include "protocol/http/field.h"

enum {
    DIGITS_MAX = 16,
    CHUNK_LINE_MAX = 256,
    TRAILERS_MAX = 8192,
};

/* Where in the chunked grammar (RFC 9112, 7.1) the next byte stands. */
enum state {
    SIZE, /* a chunk's size, or what ends it */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* the start of a trailer, or of the last empty line */
    NAME,
    VALUE,
    VALUE_LF,
    LAST_LF,
    DONE,
    FAILED,
};

static void init(struct gw_http_body *b, gw_http_framing framing, uint64_t left,
                 uint64_t max_bytes)
{
    *b = (struct gw_http_body){
        .framing = framing,
        .left = left,
        .max_bytes = max_bytes,
        .state = SIZE,
    };
    if (framing == GW_HTTP_NO_BODY || (framing == GW_HTTP_LENGTH && left == 0))
        b->state = DONE;
}

void gw_http_body_of_request(struct gw_http_body *b,
                             const struct gw_http_request *req,
                             uint64_t max_bytes)
{
    gw_http_framing framing = GW_HTTP_NO_BODY;

    if (req->chunked)
        framing = GW_HTTP_CHUNKED;
    else if (req->body_bytes)
        framing = GW_HTTP_LENGTH;
    init(b, framing, req->body_bytes, max_bytes);
}

void gw_http_body_of_response(struct gw_http_body *b,
                              const struct gw_http_response *res,
                              uint64_t max_bytes)
{
    init(b, res->framing, res->body_bytes, max_bytes);
}

static gw_http_step fail(struct gw_http_body *b, unsigned status)
{
    b->state = FAILED;
    b->status = status;
    return GW_HTTP_BAD;
}

static gw_str lend(struct gw_http_body *b, gw_str in, uint64_t most)
{
    gw_str piece = gw_str_head(in, (size_t)GW_MIN((uint64_t)in.len, most));

    b->total += piece.len;
    return piece;
}

static gw_http_step read_length(struct gw_http_body *b, gw_str in, size_t *used,
                                gw_str *piece)
{
    if (b->left > b->max_bytes - b->total)
        return fail(b, 413);
    *piece = lend(b, in, b->left);
    *used = piece->len;
    b->left -= piece->len;
    if (b->left)
        return GW_HTTP_MORE;
    b->state = DONE;
    return GW_HTTP_READY;
}

static gw_http_step read_until_close(struct gw_http_body *b, gw_str in,
                                     size_t *used, gw_str *piece)
{
    if (in.len && b->total == b->max_bytes)
        return fail(b, 413);
    *piece = lend(b, in, b->max_bytes - b->total);
    *used = piece->len;
    return GW_HTTP_MORE;
}

/* --- chunked ---------------------------------------------------------------- */

/* Goes to `next` when c is what must stand here. */
static unsigned want(struct gw_http_body *b, char c, char wanted,
                     enum state next)
{
    if (c != wanted)
        return 400;
    b->state = next;
    return 0;
}

static unsigned on_size(struct gw_http_body *b, char c)
{
    if (gw_http_char_is(c, GW_HTTP_HEX)) {
        if (b->line > DIGITS_MAX)
            return 400;
        b->left = b->left << 4 | gw_http_hex(c);
        return 0;
    }
    if (b->line == 1) /* the first byte, and no digit */
        return 400;
    if (b->left > b->max_bytes - b->total)
        return 413;
    if (c == ';') {
        b->state = EXTENSION;
        return 0;
    }
    return want(b, c, '\r', SIZE_LF);
}

static unsigned on_trailer(struct gw_http_body *b, char c)
{
    if (c == '\r')
        b->state = LAST_LF;
    else if (gw_http_char_is(c, GW_HTTP_TOKEN))
        b->state = NAME;
    else
        return 400;
    return 0;
}

/* Bounded by TRAILERS_MAX, and by what the grammar lets through. */
static void keep(struct gw_buf *trailers, char c)
{
    GW_ASSERT(gw_buf_add(trailers, (gw_str){ &c, 1 }) == GW_OK);
}

/* One byte of what frames the data. Answers a status, or 0. */
static unsigned take(struct gw_http_body *b, char c)
{
    switch ((enum state)b->state) {
    case SIZE:
        return ++b->line > CHUNK_LINE_MAX ? 400 : on_size(b, c);
    case EXTENSION:
        if (++b->line > CHUNK_LINE_MAX)
            return 400;
        return gw_http_char_is(c, GW_HTTP_VALUE) ? 0
                                                 : want(b, c, '\r', SIZE_LF);
    case SIZE_LF:
        b->line = 0;
        return want(b, c, '\n', b->left ? DATA : TRAILER);
    case DATA_CR:
        return want(b, c, '\r', DATA_LF);
    case DATA_LF:
        return want(b, c, '\n', SIZE);
    case TRAILER:
        return ++b->line > TRAILERS_MAX ? 400 : on_trailer(b, c);
    case NAME:
        if (++b->line > TRAILERS_MAX)
            return 400;
        return gw_http_char_is(c, GW_HTTP_TOKEN) ? 0 : want(b, c, ':', VALUE);
    case VALUE:
        if (++b->line > TRAILERS_MAX)
            return 400;
        return gw_http_char_is(c, GW_HTTP_VALUE) ? 0
                                                 : want(b, c, '\r', VALUE_LF);
    case VALUE_LF:
        return want(b, c, '\n', TRAILER);
    case LAST_LF:
        return want(b, c, '\n', DONE);
    case DATA:
    case DONE:
    case FAILED:
        break;
    }
    return 400;
}

static gw_http_step read_chunked(struct gw_http_body *b, gw_str in,
                                 size_t *used, gw_str *piece)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned status;

        if (b->state == DATA) {
            *piece = lend(b, gw_str_skip(in, i), b->left);
            *used = i + piece->len;
            b->left -= piece->len;
            if (!b->left)
                b->state = DATA_CR;
            return GW_HTTP_MORE;
        }
        if (b->trailers && b->state >= TRAILER)
            keep(b->trailers, in.at[i]);
        status = take(b, in.at[i]);
        if (status)
            return fail(b, status);
        if (b->state == DONE) {
            *used = i + 1;
            return GW_HTTP_READY;
        }
    }
    *used = in.len;
    return GW_HTTP_MORE;
}

gw_http_step gw_http_body_read(struct gw_http_body *b, gw_str in, size_t *used,
                               gw_str *piece)
{
    *used = 0;
    *piece = GW_EMPTY;
    if (b->state == FAILED)
        return GW_HTTP_BAD;
    if (b->state == DONE)
        return GW_HTTP_READY;
    if (b->framing == GW_HTTP_CHUNKED)
        return read_chunked(b, in, used, piece);
    if (b->framing == GW_HTTP_LENGTH)
        return read_length(b, in, used, piece);
    return read_until_close(b, in, used, piece);
}

bool gw_http_trailers_read(gw_str lines, struct gw_http_headers *out)
{
    struct gw_http_fields fields = { .in = lines, .cap = SIZE_MAX };
    struct gw_http_header field;

    out->count = 0;
    while (gw_http_field_next(&fields, &field) == GW_HTTP_FIELD) {
        if (out->count == GW_HTTP_HEADERS_MAX)
            return false;
        out->at[out->count++] = field;
    }
    return true;
}

bool gw_http_body_may_end(const struct gw_http_body *b)
{
    return b->state == DONE ||
           (b->framing == GW_HTTP_UNTIL_CLOSE && b->state != FAILED);
}
