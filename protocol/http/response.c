#include "protocol/http/response.h"

#include "protocol/http/chars.h"
#include "protocol/http/connection.h"
#include "protocol/http/field.h"

/* The IANA registry of status codes; 429 and the like: RFC 6585. */
#define STATUSES(ROW)                           \
    ROW(100, "Continue")                        \
    ROW(101, "Switching Protocols")             \
    ROW(102, "Processing")                      \
    ROW(103, "Early Hints")                     \
    ROW(200, "OK")                              \
    ROW(201, "Created")                         \
    ROW(202, "Accepted")                        \
    ROW(203, "Non-Authoritative Information")   \
    ROW(204, "No Content")                      \
    ROW(205, "Reset Content")                   \
    ROW(206, "Partial Content")                 \
    ROW(207, "Multi-Status")                    \
    ROW(208, "Already Reported")                \
    ROW(226, "IM Used")                         \
    ROW(300, "Multiple Choices")                \
    ROW(301, "Moved Permanently")               \
    ROW(302, "Found")                           \
    ROW(303, "See Other")                       \
    ROW(304, "Not Modified")                    \
    ROW(305, "Use Proxy")                       \
    ROW(307, "Temporary Redirect")              \
    ROW(308, "Permanent Redirect")              \
    ROW(400, "Bad Request")                     \
    ROW(401, "Unauthorized")                    \
    ROW(402, "Payment Required")                \
    ROW(403, "Forbidden")                       \
    ROW(404, "Not Found")                       \
    ROW(405, "Method Not Allowed")              \
    ROW(406, "Not Acceptable")                  \
    ROW(407, "Proxy Authentication Required")   \
    ROW(408, "Request Timeout")                 \
    ROW(409, "Conflict")                        \
    ROW(410, "Gone")                            \
    ROW(411, "Length Required")                 \
    ROW(412, "Precondition Failed")             \
    ROW(413, "Content Too Large")               \
    ROW(414, "URI Too Long")                    \
    ROW(415, "Unsupported Media Type")          \
    ROW(416, "Range Not Satisfiable")           \
    ROW(417, "Expectation Failed")              \
    ROW(421, "Misdirected Request")             \
    ROW(422, "Unprocessable Content")           \
    ROW(423, "Locked")                          \
    ROW(424, "Failed Dependency")               \
    ROW(425, "Too Early")                       \
    ROW(426, "Upgrade Required")                \
    ROW(428, "Precondition Required")           \
    ROW(429, "Too Many Requests")               \
    ROW(431, "Request Header Fields Too Large") \
    ROW(451, "Unavailable For Legal Reasons")   \
    ROW(500, "Internal Server Error")           \
    ROW(501, "Not Implemented")                 \
    ROW(502, "Bad Gateway")                     \
    ROW(503, "Service Unavailable")             \
    ROW(504, "Gateway Timeout")                 \
    ROW(505, "HTTP Version Not Supported")      \
    ROW(506, "Variant Also Negotiates")         \
    ROW(507, "Insufficient Storage")            \
    ROW(508, "Loop Detected")                   \
    ROW(511, "Network Authentication Required")

const char *gw_http_status_text(unsigned status)
{
    switch (status) {
#define ROW(code, text) \
    case code:          \
        return text;
        STATUSES(ROW)
#undef ROW
    default:
        return "";
    }
}

static bool has_no_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

/* --- reading ---------------------------------------------------------------- */

struct reading {
    struct gw_http_response *out;
    struct gw_http_connection connection;
    bool has_length, chunked;
    uint64_t length;
};

static void clear(struct gw_http_response *out)
{
    out->status = 0;
    out->minor = 1;
    out->reason = GW_EMPTY;
    out->keep_alive = false;
    out->framing = GW_HTTP_NO_BODY;
    out->body_bytes = 0;
    out->headers.count = 0;
}

/* "HTTP/1.1 200 OK". The reason may be empty, and the space before it then
 * absent: many servers leave it out, and nothing is ambiguous without. */
static gw_http_step read_line(gw_str in, size_t *at,
                              struct gw_http_response *out)
{
    static const char form[] = "HTTP/1.# ###";
    enum { MINOR = 7, STATUS = 9, LEN = sizeof(form) - 1 };
    size_t i;

    for (i = 0; i < LEN; i++) {
        if (i == in.len)
            return GW_HTTP_MORE;
        if (form[i] == '#' ? in.at[i] < '0' || in.at[i] > '9'
                           : in.at[i] != form[i])
            return GW_HTTP_BAD;
        if (i >= STATUS)
            out->status = out->status * 10 + (unsigned)(in.at[i] - '0');
    }
    if (out->status < 100 || out->status > 599)
        return GW_HTTP_BAD;
    out->minor = in.at[MINOR] > '0';
    if (i < in.len && in.at[i] == ' ') {
        size_t start = i + 1;

        i = gw_http_span(in.at, start, in.len, GW_HTTP_VALUE);
        out->reason = (gw_str){ in.at + start, i - start };
    }
    if (i == in.len)
        return GW_HTTP_MORE;
    if (in.at[i] != '\r')
        return GW_HTTP_BAD;
    if (i + 1 == in.len)
        return GW_HTTP_MORE;
    *at = i + 2;
    return in.at[i + 1] == '\n' ? GW_HTTP_READY : GW_HTTP_BAD;
}

/* The same length said again, "5, 5" included, is one length (RFC 9112, 6.3);
 * anything else is none. */
static bool on_content_length(struct reading *r, gw_str value)
{
    ptrdiff_t comma;

    do {
        gw_str one = value;
        uint64_t length;

        comma = gw_str_find(value, ',', 0);
        if (comma >= 0) {
            one = gw_str_head(value, (size_t)comma);
            value = gw_str_skip(value, (size_t)comma + 1);
        }
        if (!gw_str_to_u64(gw_str_trim(one), &length) ||
            (r->has_length && length != r->length))
            return false;
        r->has_length = true;
        r->length = length;
    } while (comma >= 0);
    return true;
}

/* We ask for no other coding, so a backend may use no other. */
static bool on_transfer_encoding(struct reading *r, gw_str value)
{
    if (r->chunked || r->out->minor == 0 ||
        !gw_str_eq_nocase(value, GW_LIT("chunked")))
        return false;
    r->chunked = true;
    return true;
}

static bool on_field(struct reading *r, const struct gw_http_header *f)
{
    switch (f->name.len) {
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
    return true;
}

/* RFC 9112, 6.3, in its order. */
static gw_http_step finish(struct reading *r, bool to_head)
{
    struct gw_http_response *out = r->out;

    if (r->chunked && r->has_length)
        return GW_HTTP_BAD;
    out->keep_alive = gw_http_connection_persists(&r->connection, out->minor);
    if (has_no_body(out->status)) {
        out->framing = GW_HTTP_NO_BODY;
        /* one that announces a body may send it, too */
        if (out->status != 304 && (r->chunked || r->length > 0))
            out->keep_alive = false;
    } else if (to_head) {
        out->framing = GW_HTTP_NO_BODY;
    } else if (r->chunked) {
        out->framing = GW_HTTP_CHUNKED;
    } else if (r->has_length) {
        out->framing = GW_HTTP_LENGTH;
        out->body_bytes = r->length;
    } else {
        out->framing = GW_HTTP_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return GW_HTTP_READY;
}

static gw_http_step read_fields(struct reading *r, bool to_head,
                                struct gw_http_fields *fields)
{
    struct gw_http_headers *headers = &r->out->headers;
    struct gw_http_header field;

    for (;;) {
        switch (gw_http_field_next(fields, &field)) {
        case GW_HTTP_FIELD:
            if (headers->count == GW_HTTP_HEADERS_MAX || !on_field(r, &field))
                return GW_HTTP_BAD;
            headers->at[headers->count++] = field;
            break;
        case GW_HTTP_FIELDS_END:
            return finish(r, to_head);
        case GW_HTTP_FIELDS_SHORT:
            return GW_HTTP_MORE;
        case GW_HTTP_FIELDS_LARGE:
        case GW_HTTP_FIELDS_WRONG:
            return GW_HTTP_BAD;
        }
    }
}

gw_http_step gw_http_response_read(gw_str bytes, bool to_head, size_t max_head,
                                   struct gw_http_response *out, size_t *used)
{
    struct reading r = { .out = out };
    struct gw_http_fields fields = {
        .in = gw_str_head(bytes, GW_MIN(bytes.len, max_head)),
        .cap = SIZE_MAX,
    };
    gw_http_step step;

    *used = 0;
    clear(out);
    step = read_line(fields.in, &fields.at, out);
    if (step == GW_HTTP_READY)
        step = read_fields(&r, to_head, &fields);
    if (step == GW_HTTP_MORE && bytes.len > max_head)
        return GW_HTTP_BAD;
    if (step == GW_HTTP_READY)
        *used = fields.at;
    return step;
}

/* --- writing ---------------------------------------------------------------- */

/* The version is the server's own, whatever the client's (RFC 9110, 2.5).
 * `other` has room for the line of a status that has no name. */
static gw_str status_line(unsigned status, char other[16])
{
    switch (status) {
#define ROW(code, text) \
    case code:          \
        return GW_LIT("HTTP/1.1 " #code " " text "\r\n");
        STATUSES(ROW)
#undef ROW
    default:
        memcpy(other, "HTTP/1.1 000 \r\n", 15);
        for (size_t i = 11; i >= 9; i--, status /= 10)
            other[i] = (char)('0' + status % 10);
        return (gw_str){ other, 15 };
    }
}

static gw_str connection_line(unsigned minor, bool keep_alive)
{
    if (!keep_alive)
        return GW_LIT("Connection: close\r\n");
    return minor == 0 ? GW_LIT("Connection: keep-alive\r\n") : GW_EMPTY;
}

/* "Content-Length: 123\r\n", written from the back of its room. */
static gw_str length_line(uint64_t length, char room[40])
{
    static const char name[] = "Content-Length: ";
    char *p = room + 40;

    *--p = '\n';
    *--p = '\r';
    do
        *--p = (char)('0' + length % 10);
    while (length /= 10);
    p -= sizeof(name) - 1;
    memcpy(p, name, sizeof(name) - 1);
    return (gw_str){ p, (size_t)(room + 40 - p) };
}

static char *put(char *to, gw_str s)
{
    if (s.len)
        memcpy(to, s.at, s.len);
    return to + s.len;
}

gw_err gw_http_response_write_head(struct gw_buf *out,
                                   const struct gw_http_answer *answer,
                                   unsigned minor, bool keep_alive,
                                   bool to_head, gw_str *body)
{
    bool bare = has_no_body(answer->status);
    char other[16], room[40];
    gw_str line = status_line(answer->status, other);
    gw_str length = bare ? GW_EMPTY : length_line(answer->body.len, room);
    gw_str connection = GW_EMPTY;
    size_t need;
    gw_err err;
    char *p;

    if (answer->status >= 200) /* a 1xx is not the end of the answer */
        connection = connection_line(minor, keep_alive);
    need = line.len + connection.len + length.len + 2;
    for (size_t i = 0; i < answer->header_count; i++)
        need += answer->headers[i].name.len + answer->headers[i].value.len + 4;
    err = gw_buf_reserve(out, need);
    if (err)
        return err;

    p = put(out->at + out->len, line);
    for (size_t i = 0; i < answer->header_count; i++) {
        p = put(p, answer->headers[i].name);
        p = put(p, GW_LIT(": "));
        p = put(p, answer->headers[i].value);
        p = put(p, GW_LIT("\r\n"));
    }
    p = put(p, length);
    p = put(p, connection);
    p = put(p, GW_LIT("\r\n"));
    GW_ASSERT(p == out->at + out->len + need);
    out->len += need;
    *body = bare || to_head ? GW_EMPTY : answer->body;
    return GW_OK;
}

gw_err gw_http_response_write(struct gw_buf *out,
                              const struct gw_http_answer *answer,
                              unsigned minor, bool keep_alive, bool to_head)
{
    size_t start = out->len;
    gw_str body;
    gw_err err = gw_http_response_write_head(out, answer, minor, keep_alive,
                                             to_head, &body);

    if (!err)
        err = gw_buf_add(out, body);
    if (err)
        out->len = start;
    return err;
}
