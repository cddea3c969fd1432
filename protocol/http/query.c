#include "protocol/http/query.h"

#include "protocol/http/chars.h"

static size_t first_encoded(gw_str in, bool plus_is_space)
{
    ptrdiff_t escape = gw_str_find(in, '%', 0);
    ptrdiff_t plus = plus_is_space ? gw_str_find(in, '+', 0) : -1;

    if (escape < 0)
        escape = (ptrdiff_t)in.len;
    return (size_t)(plus < 0 ? escape : GW_MIN(escape, plus));
}

static bool is_escape(gw_str in, size_t i)
{
    return in.len - i > 2 && in.at[i] == '%' &&
           gw_http_char_is(in.at[i + 1], GW_HTTP_HEX) &&
           gw_http_char_is(in.at[i + 2], GW_HTTP_HEX);
}

gw_err gw_http_decode(struct gw_arena *a, gw_str in, bool plus_is_space,
                      gw_str *out)
{
    size_t i = first_encoded(in, plus_is_space), n = i;
    char *to;

    if (i == in.len) {
        *out = in;
        return GW_OK;
    }
    to = gw_arena_text(a, in.len);
    if (!to)
        return GW_E_TOO_BIG;
    memcpy(to, in.at, i);
    for (; i < in.len; i++) {
        char c = in.at[i];

        if (is_escape(in, i)) {
            c = (char)(gw_http_hex(in.at[i + 1]) << 4 |
                       gw_http_hex(in.at[i + 2]));
            i += 2;
        } else if (plus_is_space && c == '+') {
            c = ' ';
        }
        to[n++] = c;
    }
    *out = (gw_str){ to, n };
    return GW_OK;
}

bool gw_http_query_next(gw_str *rest, gw_str *name, gw_str *value)
{
    while (rest->len) {
        gw_str pair = gw_str_cut(rest, '&');

        if (!pair.len)
            continue;
        *name = gw_str_cut(&pair, '=');
        *value = pair;
        return true;
    }
    return false;
}

gw_err gw_http_encode(struct gw_buf *out, gw_str in, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t need = in.len;
    gw_err err;
    char *to;

    for (size_t i = 0; i < in.len; i++)
        if (!gw_http_char_is(in.at[i], GW_HTTP_UNRESERVED) &&
            !(keep_slash && in.at[i] == '/'))
            need += 2;
    if (need == 0)
        return GW_OK;
    err = gw_buf_reserve(out, need);
    if (err)
        return err;
    to = out->at + out->len;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.at[i];

        if (gw_http_char_is(in.at[i], GW_HTTP_UNRESERVED) ||
            (keep_slash && c == '/')) {
            *to++ = in.at[i];
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    out->len += need;
    return GW_OK;
}
