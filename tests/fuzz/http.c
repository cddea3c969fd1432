/*
 * The HTTP codec. Properties:
 *  - a head in pieces is judged as it is in one piece;
 *  - an accepted head holds no byte that another reader could cut at, and
 *    written anew from its parts it reads the same;
 *  - a body and its trailers come out the same wherever its bytes are split,
 *    and the trailers that were let through read as fields to their end;
 *  - what is percent-encoded decodes to what it was.
 *
 * The first byte of the input chooses, the second says where to split.
 */
#include "protocol/http/body.h"
#include "protocol/http/query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct gw_http_limits limits = { 4096, 10240, 10 << 20 };

enum { MAX_HEAD = 8192 };

/* A copy of its own, so that reading past its end is seen. */
static gw_str copy_of(gw_str s)
{
    char *copy = malloc(s.len ? s.len : 1);

    GW_ASSERT(copy);
    if (s.len)
        memcpy(copy, s.at, s.len);
    return (gw_str){ copy, s.len };
}

static void drop(gw_str copy)
{
    free((char *)copy.at);
}

static void add(struct gw_buf *b, gw_str s)
{
    GW_ASSERT(!gw_buf_add(b, s));
}

static void add_fields(struct gw_buf *b, const struct gw_http_headers *h)
{
    for (size_t i = 0; i < h->count; i++) {
        add(b, h->at[i].name);
        add(b, GW_LIT(": "));
        add(b, h->at[i].value);
        add(b, GW_LIT("\r\n"));
    }
    add(b, GW_LIT("\r\n"));
}

static bool same_fields(const struct gw_http_headers *a,
                        const struct gw_http_headers *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!gw_str_eq(a->at[i].name, b->at[i].name) ||
            !gw_str_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

/* Every CR is one of a CRLF, every LF too, no NUL, no CRLF before a blank,
 * and the first empty line is the end. */
static void check_head(gw_str head)
{
    size_t start = head.len && head.at[0] == '\r' ? 2 : 0;

    for (size_t i = start; i < head.len; i++) {
        char c = head.at[i];

        GW_ASSERT(c != '\0');
        GW_ASSERT(c != '\n' || (i > 0 && head.at[i - 1] == '\r'));
        GW_ASSERT(c != '\r' || (i + 1 < head.len && head.at[i + 1] == '\n'));
        if (c == '\n' && i + 1 < head.len)
            GW_ASSERT(head.at[i + 1] != ' ' && head.at[i + 1] != '\t');
        if (c == '\n' && i + 1 < head.len && head.at[i + 1] == '\r')
            GW_ASSERT(i + 3 == head.len);
    }
}

/* What a prefix may be judged when the whole is judged so. */
static void check_prefix(gw_http_step part, size_t part_used,
                         gw_http_step whole, size_t used, size_t split)
{
    if (part == GW_HTTP_MORE)
        GW_ASSERT(whole != GW_HTTP_READY || split < used);
    else
        GW_ASSERT(part == whole && part_used == used);
}

/* --- requests ---------------------------------------------------------------- */

static void rewrite_request(const struct gw_http_request *req)
{
    struct gw_http_limits wide = limits;
    struct gw_http_request again;
    struct gw_buf b;
    size_t used;

    gw_buf_init(&b, 1 << 20);
    add(&b, req->method);
    add(&b, GW_LIT(" "));
    add(&b, req->target);
    add(&b, req->minor ? GW_LIT(" HTTP/1.1\r\n") : GW_LIT(" HTTP/1.0\r\n"));
    add_fields(&b, &req->headers);
    wide.header_bytes *= 2; /* a blank more in every line */
    GW_ASSERT(gw_http_request_read(gw_buf_str(&b), &wide, &again, &used) ==
              GW_HTTP_READY);
    GW_ASSERT(used == b.len);
    GW_ASSERT(gw_str_eq(req->method, again.method));
    GW_ASSERT(gw_str_eq(req->target, again.target));
    GW_ASSERT(gw_str_eq(req->path, again.path));
    GW_ASSERT(gw_str_eq(req->query, again.query));
    GW_ASSERT(gw_str_eq(req->host, again.host));
    GW_ASSERT(req->minor == again.minor);
    GW_ASSERT(req->keep_alive == again.keep_alive);
    GW_ASSERT(req->chunked == again.chunked);
    GW_ASSERT(req->has_length == again.has_length);
    GW_ASSERT(req->body_bytes == again.body_bytes);
    GW_ASSERT(req->expects_continue == again.expects_continue);
    GW_ASSERT(req->wants_upgrade == again.wants_upgrade);
    GW_ASSERT(same_fields(&req->headers, &again.headers));
    gw_buf_fini(&b);
}

static void check_request(const struct gw_http_request *req)
{
    GW_ASSERT(!req->chunked || !req->has_length);
    GW_ASSERT(req->body_bytes <= limits.body_bytes);
    GW_ASSERT(req->host.len || req->minor == 0);
    GW_ASSERT(req->path.len &&
              (req->path.at[0] == '/' || gw_str_eq(req->path, GW_LIT("*"))));
    GW_ASSERT(gw_http_is_token(req->method));
    for (size_t i = 0; i < req->headers.count; i++) {
        GW_ASSERT(gw_http_is_token(req->headers.at[i].name));
        GW_ASSERT(gw_http_is_field_value(req->headers.at[i].value));
    }
    rewrite_request(req);
}

static void try_request(gw_str in, size_t split)
{
    gw_str whole = copy_of(in), part = copy_of(gw_str_head(in, split));
    struct gw_http_request one, two;
    size_t used, part_used;
    gw_http_step step = gw_http_request_read(whole, &limits, &one, &used);
    gw_http_step part_step =
        gw_http_request_read(part, &limits, &two, &part_used);

    check_prefix(part_step, part_used, step, used, split);
    GW_ASSERT(part_step == GW_HTTP_MORE || one.status == two.status);
    GW_ASSERT((step == GW_HTTP_BAD) == (one.status != 0));
    if (step == GW_HTTP_READY) {
        check_head(gw_str_head(whole, used));
        check_request(&one);
    }
    drop(whole);
    drop(part);
}

/* --- responses --------------------------------------------------------------- */

static void rewrite_response(const struct gw_http_response *res, bool to_head)
{
    struct gw_http_response again;
    struct gw_buf b;
    size_t used;

    gw_buf_init(&b, 1 << 20);
    GW_ASSERT(!gw_buf_addf(&b, "HTTP/1.%u %u ", res->minor, res->status));
    add(&b, res->reason);
    add(&b, GW_LIT("\r\n"));
    add_fields(&b, &res->headers);
    GW_ASSERT(gw_http_response_read(gw_buf_str(&b), to_head, b.len, &again,
                                    &used) == GW_HTTP_READY);
    GW_ASSERT(used == b.len);
    GW_ASSERT(res->status == again.status && res->minor == again.minor);
    GW_ASSERT(gw_str_eq(res->reason, again.reason));
    GW_ASSERT(res->keep_alive == again.keep_alive);
    GW_ASSERT(res->framing == again.framing);
    GW_ASSERT(res->body_bytes == again.body_bytes);
    GW_ASSERT(same_fields(&res->headers, &again.headers));
    gw_buf_fini(&b);
}

/* Our own writer is understood by our own reader. */
static void answer_with(const struct gw_http_response *res, gw_str body)
{
    struct gw_http_header kept[GW_HTTP_HEADERS_MAX];
    struct gw_http_answer answer = { .status = res->status,
                                     .headers = kept,
                                     .body = body };
    struct gw_http_response again;
    struct gw_buf b;
    size_t used;

    for (size_t i = 0; i < res->headers.count; i++) {
        gw_str name = res->headers.at[i].name;

        if (!gw_http_header_is_hop(name) &&
            !gw_str_eq_nocase(name, GW_LIT("Content-Length")) &&
            answer.header_count < GW_HTTP_HEADERS_MAX - 2)
            kept[answer.header_count++] = res->headers.at[i];
    }
    gw_buf_init(&b, 1 << 22);
    GW_ASSERT(!gw_http_response_write(&b, &answer, 1, res->keep_alive, false));
    GW_ASSERT(gw_http_response_read(gw_buf_str(&b), false, b.len, &again,
                                    &used) == GW_HTTP_READY);
    GW_ASSERT(again.status == res->status);
    if (again.framing == GW_HTTP_LENGTH) {
        GW_ASSERT(again.body_bytes == body.len);
        GW_ASSERT(gw_str_eq(gw_str_skip(gw_buf_str(&b), used), body));
    } else {
        GW_ASSERT(again.framing == GW_HTTP_NO_BODY && used == b.len);
    }
    GW_ASSERT(again.status < 200 || again.keep_alive == res->keep_alive);
    gw_buf_fini(&b);
}

static void try_response(gw_str in, size_t split, bool to_head)
{
    gw_str whole = copy_of(in), part = copy_of(gw_str_head(in, split));
    struct gw_http_response one, two;
    size_t used, part_used;
    gw_http_step step =
        gw_http_response_read(whole, to_head, MAX_HEAD, &one, &used);
    gw_http_step part_step =
        gw_http_response_read(part, to_head, MAX_HEAD, &two, &part_used);

    check_prefix(part_step, part_used, step, used, split);
    if (step == GW_HTTP_READY) {
        GW_ASSERT(used <= MAX_HEAD);
        GW_ASSERT(one.status >= 100 && one.status <= 599);
        check_head(gw_str_head(whole, used));
        rewrite_response(&one, to_head);
        answer_with(&one, gw_str_skip(whole, used));
    }
    drop(whole);
    drop(part);
}

/* --- bodies ------------------------------------------------------------------ */

struct decoded {
    struct gw_http_body body;
    struct gw_buf out, trailers;
    gw_http_step step;
    size_t used;
};

static void decode(struct decoded *d, gw_str in)
{
    gw_str copy = copy_of(in), rest = copy, piece;
    size_t used;

    do {
        d->step = gw_http_body_read(&d->body, rest, &used, &piece);
        add(&d->out, piece);
        rest = gw_str_skip(rest, used);
        d->used += used;
    } while (d->step == GW_HTTP_MORE && piece.len);
    drop(copy);
}

/* In pieces of `size` bytes. */
static void decode_all(struct decoded *d, const struct gw_http_response *res,
                       uint64_t max, gw_str in, size_t size)
{
    gw_http_body_of_response(&d->body, res, max);
    gw_buf_init(&d->out, 1 << 22);
    gw_buf_init(&d->trailers, 1 << 14);
    d->body.trailers = &d->trailers;
    d->used = 0;
    decode(d, GW_EMPTY);
    for (size_t i = 0; i < in.len && d->step == GW_HTTP_MORE; i += size) {
        gw_str rest = gw_str_skip(in, i);

        decode(d, gw_str_head(rest, GW_MIN(size, rest.len)));
    }
    GW_ASSERT(d->body.total == d->out.len && d->out.len <= max);
}

/* Every LF ends a field, but for the last: the empty line's. */
static void check_trailers(const struct gw_buf *lines)
{
    struct gw_http_headers fields;
    size_t count = 0;

    for (size_t i = 0; i < lines->len; i++)
        count += lines->at[i] == '\n';
    if (gw_http_trailers_read(gw_buf_str(lines), &fields))
        GW_ASSERT(fields.count + 1 == count);
    else
        GW_ASSERT(count > GW_HTTP_HEADERS_MAX);
}

static void try_body(gw_str in, size_t split, gw_http_framing framing)
{
    struct gw_http_response res = { .framing = framing, .body_bytes = split };
    size_t sizes[] = { in.len + 1, split + 1, 1 };
    struct decoded first, other;

    decode_all(&first, &res, 200, in, sizes[0]);
    for (size_t i = 1; i < GW_LEN(sizes); i++) {
        decode_all(&other, &res, 200, in, sizes[i]);
        GW_ASSERT(first.step == other.step);
        GW_ASSERT(first.body.status == other.body.status);
        GW_ASSERT(first.step != GW_HTTP_READY || first.used == other.used);
        GW_ASSERT(gw_str_eq(gw_buf_str(&first.out), gw_buf_str(&other.out)));
        GW_ASSERT(gw_str_eq(gw_buf_str(&first.trailers),
                            gw_buf_str(&other.trailers)));
        gw_buf_fini(&other.out);
        gw_buf_fini(&other.trailers);
    }
    if (first.step == GW_HTTP_READY && framing == GW_HTTP_CHUNKED)
        check_trailers(&first.trailers);
    gw_buf_fini(&first.out);
    gw_buf_fini(&first.trailers);
}

/* --- queries ----------------------------------------------------------------- */

static void try_query(gw_str in)
{
    gw_str copy = copy_of(in), rest = copy, name, value, out;
    size_t total = 0;
    struct gw_arena a;
    struct gw_buf b;

    gw_arena_init(&a, 1 << 22);
    gw_buf_init(&b, 1 << 22);
    while (gw_http_query_next(&rest, &name, &value)) {
        total += name.len + value.len + 1;
        GW_ASSERT(!gw_http_decode(&a, value, true, &out));
        GW_ASSERT(out.len <= value.len);
        b.len = 0;
        GW_ASSERT(!gw_http_encode(&b, out, value.len & 1));
        GW_ASSERT(!gw_http_decode(&a, gw_buf_str(&b), true, &value));
        GW_ASSERT(gw_str_eq(out, value));
    }
    GW_ASSERT(total <= copy.len + 1);
    gw_buf_fini(&b);
    gw_arena_fini(&a);
    drop(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str in = { (const char *)bytes, len };
    size_t split;

    if (len < 2)
        return 0;
    in = gw_str_skip(in, 2);
    split = GW_MIN((size_t)bytes[1], in.len);
    switch (bytes[0]) {
    case 'r':
        try_response(in, split, false);
        break;
    case 'h':
        try_response(in, split, true);
        break;
    case 'c':
        try_body(in, split, GW_HTTP_CHUNKED);
        break;
    case 'l':
        try_body(in, split, GW_HTTP_LENGTH);
        break;
    case 'u':
        try_body(in, split, GW_HTTP_UNTIL_CLOSE);
        break;
    case 'q':
        try_query(in);
        break;
    default:
        try_request(in, split);
        break;
    }
    return 0;
}
