#include "server/edge/upstream_request.h"

#define LENGTH_FIELD GW_LIT("Content-Length: ")

/* One compare for nearly every byte: this runs over all that is sent. */
static bool breaks_line(gw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (GW_UNLIKELY((unsigned char)s.at[i] <= '\r') &&
            (s.at[i] == '\r' || s.at[i] == '\n' || s.at[i] == '\0'))
            return true;
    return false;
}

static bool breaks_request_line(gw_str s)
{
    return s.len == 0 || gw_str_find(s, ' ', 0) >= 0 || breaks_line(s);
}

/* RFC 9110, 8.6: with a method that anticipates content, the length is sent
 * even when it is zero. */
static bool wants_length(const struct gw_fetch_request *r)
{
    return r->body.len || gw_str_eq(r->method, GW_LIT("POST")) ||
           gw_str_eq(r->method, GW_LIT("PUT")) ||
           gw_str_eq(r->method, GW_LIT("PATCH"));
}

/* No less than will be written. */
static size_t room_for(const struct gw_fetch_request *r)
{
    size_t n = r->method.len + r->target.len + sizeof("  HTTP/1.1\r\n") +
               LENGTH_FIELD.len + GW_DIGITS_MAX + sizeof("\r\n\r\n") +
               r->body.len;

    for (size_t i = 0; i < r->header_count; i++)
        n +=
            r->headers[i].name.len + r->headers[i].value.len + sizeof(": \r\n");
    return n;
}

static char *put(char *at, gw_str s)
{
    if (s.len)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

static char *put_length(char *at, size_t length)
{
    char digits[GW_DIGITS_MAX];

    at = put(at, LENGTH_FIELD);
    at = put(at, gw_str_of_u64(length, digits));
    return put(at, GW_LIT("\r\n"));
}

gw_err gw_upstream_request_write(struct gw_buf *out,
                                 const struct gw_fetch_request *request,
                                 uint64_t *headers_dropped)
{
    size_t room = room_for(request);
    char *at;
    gw_err err;

    if (breaks_request_line(request->method) ||
        breaks_request_line(request->target))
        return GW_E_INVALID;
    out->len = 0;
    out->max = GW_MAX(out->max, room);
    err = gw_buf_reserve(out, room);
    if (err)
        return err;
    at = put(out->at, request->method);
    at = put(at, GW_LIT(" "));
    at = put(at, request->target);
    at = put(at, GW_LIT(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < request->header_count; i++) {
        const struct gw_http_header *h = &request->headers[i];

        if (breaks_line(h->name) || breaks_line(h->value)) {
            ++*headers_dropped;
            continue;
        }
        at = put(at, h->name);
        at = put(at, GW_LIT(": "));
        at = put(at, h->value);
        at = put(at, GW_LIT("\r\n"));
    }
    if (wants_length(request))
        at = put_length(at, request->body.len);
    at = put(at, GW_LIT("\r\n"));
    at = put(at, request->body);
    out->len = (size_t)(at - out->at);
    return GW_OK;
}
