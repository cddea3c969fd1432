/*
 * The character classes of HTTP (RFC 9110, 5.5 and 5.6.2; RFC 3986, 2.3), one
 * table look-up a byte.
 */
#ifndef GW_HTTP_CHARS_H
#define GW_HTTP_CHARS_H

#include "protocol/base/str.h"

enum {
    GW_HTTP_TOKEN = 1,      /* tchar */
    GW_HTTP_VALUE = 2,      /* VCHAR, obs-text, space and tab */
    GW_HTTP_TARGET = 4,     /* VCHAR but '#': no request carries a fragment */
    GW_HTTP_UNRESERVED = 8, /* letters, digits, "-._~" */
    GW_HTTP_HEX = 16,
};

extern const unsigned char gw_http_chars[256];

static inline bool gw_http_char_is(char c, unsigned class)
{
    return gw_http_chars[(unsigned char)c] & class;
}

/* The first index from `i` on that is not of the class; at most `end`. */
static inline size_t gw_http_span(const char *s, size_t i, size_t end,
                                  unsigned class)
{
    while (i < end && gw_http_char_is(s[i], class))
        i++;
    return i;
}

/* What a digit of class GW_HTTP_HEX counts. */
static inline unsigned gw_http_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

#endif
