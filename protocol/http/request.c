#include "protocol/http/request.h"

#include "protocol/http/chars.h"
#include "protocol/http/connection.h"
#include "protocol/http/field.h"

/* Far longer than any method there is; RFC 9112, 3 asks for 501 past it. */
enum { METHOD_MAX = 32 };

/* What the fields have said so far. */
struct reading {
    struct gw_http_request *out;
    const struct gw_http_limits *limits;
    struct gw_http_connection connection;
    bool has_host, has_upgrade;
};

static gw_http_step refuse(struct gw_http_request *out, unsigned status)
{
    out->status = status;
    return GW_HTTP_BAD;
}

/* Everything but the array of headers: 3 KB that need no zeroes. */
static void clear(struct gw_http_request *out)
{
    out->status = 0;
    out->method = out->target = out->path = out->query = out->host = GW_EMPTY;
    out->minor = 1;
    out->keep_alive = out->chunked = out->has_length = false;
    out->expects_continue = out->wants_upgrade = false;
    out->body_bytes = 0;
    out->headers.count = 0;
    out->trailers = NULL;
}

/* --- the request line (RFC 9112, 3) ---------------------------------------- */

static gw_http_step read_method(gw_str in, size_t *at,
                                struct gw_http_request *out)
{
    size_t start = *at, end = GW_MIN(in.len, start + METHOD_MAX + 1), i;

    i = gw_http_span(in.at, start, end, GW_HTTP_TOKEN);
    if (i - start > METHOD_MAX)
        return refuse(out, 501);
    if (i == in.len)
        return GW_HTTP_MORE;
    if (i == start || in.at[i] != ' ')
        return refuse(out, 400);
    out->method = (gw_str){ in.at + start, i - start };
    *at = i + 1;
    return GW_HTTP_READY;
}

static gw_http_step read_target(gw_str in, size_t max, size_t *at,
                                struct gw_http_request *out)
{
    size_t start = *at, end = in.len, i;

    if (end - start > max)
        end = start + max + 1;
    i = gw_http_span(in.at, start, end, GW_HTTP_TARGET);
    if (i - start > max)
        return refuse(out, 414);
    if (i == in.len)
        return GW_HTTP_MORE;
    if (i == start || in.at[i] != ' ')
        return refuse(out, 400);
    out->target = (gw_str){ in.at + start, i - start };
    *at = i + 1;
    return GW_HTTP_READY;
}

/* A later minor version is read as 1.1 (RFC 9110, 2.5). */
static gw_http_step read_version(gw_str in, size_t *at,
                                 struct gw_http_request *out)
{
    static const char form[] = "HTTP/1.#\r\n";
    enum { MAJOR = 5, MINOR = 7, LEN = sizeof(form) - 1 };
    const char *s = in.at + *at;
    size_t len = GW_MIN(in.len - *at, (size_t)LEN);

    for (size_t i = 0; i < len; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';

        if (i == MAJOR && digit && s[i] != '1')
            return refuse(out, 505);
        if (i == MINOR ? !digit : s[i] != form[i])
            return refuse(out, 400);
    }
    if (len < LEN)
        return GW_HTTP_MORE;
    out->minor = s[MINOR] > '0';
    *at += LEN;
    return GW_HTTP_READY;
}

/* host[:port], the host a name or an address. Narrower than RFC 3986: no
 * escapes and none of "!$&'()*+,;=", which no name in the DNS has. */
static bool is_authority(gw_str s)
{
    size_t i;
    uint64_t port;

    if (s.len && s.at[0] == '[') {
        for (i = 1; i < s.len && (gw_http_char_is(s.at[i], GW_HTTP_HEX) ||
                                  s.at[i] == ':' || s.at[i] == '.');)
            i++;
        if (i < 3 || i == s.len || s.at[i++] != ']')
            return false;
    } else {
        i = gw_http_span(s.at, 0, s.len, GW_HTTP_UNRESERVED);
        if (i == 0)
            return false;
    }
    if (i == s.len)
        return true;
    return s.at[i] == ':' && s.len - i <= 6 &&
           gw_str_to_u64(gw_str_skip(s, i + 1), &port) && port <= UINT16_MAX;
}

static void split_path(gw_str s, struct gw_http_request *out)
{
    ptrdiff_t mark = gw_str_find(s, '?', 0);

    out->path = s;
    if (mark >= 0) {
        out->path.len = (size_t)mark;
        out->query = gw_str_skip(s, (size_t)mark + 1);
    }
    if (!out->path.len) /* "http://host?x" (RFC 9110, 4.2.3) */
        out->path = GW_LIT("/");
}

static bool cut_scheme(gw_str *s, gw_str scheme)
{
    if (s->len < scheme.len ||
        !gw_str_eq_nocase(gw_str_head(*s, scheme.len), scheme))
        return false;
    *s = gw_str_skip(*s, scheme.len);
    return true;
}

static bool read_absolute(struct gw_http_request *out)
{
    gw_str rest = out->target;
    size_t i;

    if (!cut_scheme(&rest, GW_LIT("http://")) &&
        !cut_scheme(&rest, GW_LIT("https://")))
        return false;
    for (i = 0; i < rest.len && rest.at[i] != '/' && rest.at[i] != '?';)
        i++;
    out->host = gw_str_head(rest, i);
    split_path(gw_str_skip(rest, i), out);
    return is_authority(out->host);
}

static bool split_target(struct gw_http_request *out)
{
    if (gw_str_eq(out->method, GW_LIT("CONNECT")))
        return false; /* we are nobody's tunnel */
    if (out->target.at[0] == '/') {
        split_path(out->target, out);
        return true;
    }
    if (gw_str_eq(out->target, GW_LIT("*"))) {
        out->path = out->target;
        return gw_str_eq(out->method, GW_LIT("OPTIONS"));
    }
    return read_absolute(out);
}

static gw_http_step read_line(gw_str in, const struct gw_http_limits *limits,
                              size_t *at, struct gw_http_request *out)
{
    gw_http_step step;

    /* one empty line is forgiven (RFC 9112, 2.2) */
    if (in.len && in.at[0] == '\r') {
        if (in.len == 1)
            return GW_HTTP_MORE;
        if (in.at[1] != '\n')
            return refuse(out, 400);
        *at = 2;
    }
    step = read_method(in, at, out);
    if (step == GW_HTTP_READY)
        step = read_target(in, limits->target_bytes, at, out);
    if (step == GW_HTTP_READY)
        step = read_version(in, at, out);
    if (step == GW_HTTP_READY && !split_target(out))
        return refuse(out, 400);
    return step;
}

/* --- the fields that mean something here. Each answers a status, or 0 ------ */

static unsigned on_host(struct reading *r, gw_str value)
{
    struct gw_http_request *out = r->out;

    if (r->has_host || !is_authority(value))
        return 400;
    if (out->host.len && !gw_str_eq_nocase(out->host, value))
        return 400; /* the target named another one */
    r->has_host = true;
    out->host = value;
    return 0;
}

/* RFC 9112, 6.3: a request whose length can be read in two ways is refused,
 * even where the RFC would let one of them win. */
static unsigned on_content_length(struct reading *r, gw_str value)
{
    struct gw_http_request *out = r->out;

    if (out->has_length || out->chunked ||
        !gw_str_to_u64(value, &out->body_bytes))
        return 400;
    out->has_length = true;
    return out->body_bytes > r->limits->body_bytes ? 413 : 0;
}

/* Anything but a single "chunked": why not (RFC 9112, 6.1 and 7)? */
static unsigned judge_codings(gw_str value)
{
    bool unknown = false, chunked = false;

    while (value.len) {
        gw_str coding = gw_str_cut(&value, ','), name;

        name = gw_str_trim(gw_str_cut(&coding, ';'));
        if (chunked || !gw_http_is_token(name))
            return 400; /* chunked twice or not last, or no list at all */
        if (gw_str_eq_nocase(name, GW_LIT("chunked")))
            chunked = true;
        else
            unknown = true;
    }
    return unknown ? 501 : 400;
}

static unsigned on_transfer_encoding(struct reading *r, gw_str value)
{
    struct gw_http_request *out = r->out;

    if (out->chunked || out->has_length || out->minor == 0)
        return 400;
    if (!gw_str_eq_nocase(value, GW_LIT("chunked")))
        return judge_codings(value);
    out->chunked = true;
    return 0;
}

static unsigned on_expect(struct reading *r, gw_str value)
{
    if (!gw_str_eq_nocase(value, GW_LIT("100-continue")))
        return 417;
    r->out->expects_continue = true;
    return 0;
}

static unsigned on_field(struct reading *r, const struct gw_http_header *f)
{
    switch (f->name.len) {
    case 4:
        if (gw_http_field_is(f, GW_LIT("Host")))
            return on_host(r, f->value);
        break;
    case 6:
        if (gw_http_field_is(f, GW_LIT("Expect")))
            return on_expect(r, f->value);
        break;
    case 7:
        if (gw_http_field_is(f, GW_LIT("Upgrade")))
            r->has_upgrade = true;
        break;
    case 10:
        if (gw_http_field_is(f, GW_LIT("Connection")))
            gw_http_connection_read(f->value, &r->connection);
        break;
    case 14:
        if (gw_http_field_is(f, GW_LIT("Content-Length")))
            return on_content_length(r, f->value);
        break;
    case 17:
        if (gw_http_field_is(f, GW_LIT("Transfer-Encoding")))
            return on_transfer_encoding(r, f->value);
        break;
    default:
        break;
    }
    return 0;
}

/* --- the whole ------------------------------------------------------------- */

static gw_http_step finish(struct reading *r)
{
    struct gw_http_request *out = r->out;

    if (!r->has_host && out->minor > 0)
        return refuse(out, 400); /* RFC 9112, 3.2 */
    out->keep_alive = gw_http_connection_persists(&r->connection, out->minor);
    /* both are to be ignored in HTTP/1.0 (RFC 9110, 7.8 and 10.1.1) */
    out->wants_upgrade =
        out->minor > 0 && r->has_upgrade && r->connection.upgrade;
    out->expects_continue &=
        out->minor > 0 && (out->chunked || out->body_bytes > 0);
    return GW_HTTP_READY;
}

static gw_http_step read_fields(struct reading *r,
                                struct gw_http_fields *fields)
{
    struct gw_http_headers *headers = &r->out->headers;
    struct gw_http_header field;
    unsigned status;

    for (;;) {
        switch (gw_http_field_next(fields, &field)) {
        case GW_HTTP_FIELD:
            if (headers->count == GW_HTTP_HEADERS_MAX)
                return refuse(r->out, 431);
            headers->at[headers->count++] = field;
            status = on_field(r, &field);
            if (status)
                return refuse(r->out, status);
            break;
        case GW_HTTP_FIELDS_END:
            return finish(r);
        case GW_HTTP_FIELDS_SHORT:
            return GW_HTTP_MORE;
        case GW_HTTP_FIELDS_LARGE:
            return refuse(r->out, 431);
        case GW_HTTP_FIELDS_WRONG:
            return refuse(r->out, 400);
        }
    }
}

gw_http_step gw_http_request_read(gw_str bytes,
                                  const struct gw_http_limits *limits,
                                  struct gw_http_request *out, size_t *used)
{
    struct reading r = { .out = out, .limits = limits };
    struct gw_http_fields fields = { .in = bytes };
    gw_http_step step;

    *used = 0;
    clear(out);
    step = read_line(bytes, limits, &fields.at, out);
    if (step != GW_HTTP_READY)
        return step;
    fields.cap = fields.at + limits->header_bytes;
    step = read_fields(&r, &fields);
    if (step == GW_HTTP_READY)
        *used = fields.at;
    return step;
}
