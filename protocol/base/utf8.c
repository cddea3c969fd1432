#include "protocol/base/utf8.h"

/*
 * The state is what is still owed: the low byte counts the continuation bytes
 * to come, the next two bytes hold the range that the very next one must be
 * in (RFC 3629 section 4: only the second byte of a sequence is special).
 */
#define OWED(n, low, high) \
    ((uint32_t)(n) | (uint32_t)(low) << 8 | (uint32_t)(high) << 16)

static uint32_t after_lead(unsigned char c)
{
    if (c >= 0xC2 && c <= 0xDF)
        return OWED(1, 0x80, 0xBF);
    if (c == 0xE0)
        return OWED(2, 0xA0, 0xBF);
    if (c == 0xED)
        return OWED(2, 0x80, 0x9F);
    if (c >= 0xE1 && c <= 0xEF)
        return OWED(2, 0x80, 0xBF);
    if (c == 0xF0)
        return OWED(3, 0x90, 0xBF);
    if (c >= 0xF1 && c <= 0xF3)
        return OWED(3, 0x80, 0xBF);
    if (c == 0xF4)
        return OWED(3, 0x80, 0x8F);
    return GW_UTF8_BAD;
}

/* How many of the bytes at p are ASCII, by blocks of 32. */
static size_t ascii_run(const unsigned char *p, size_t len)
{
    size_t i = 0;

    for (; i + 32 <= len; i += 32) {
        uint64_t w[4];

        memcpy(w, p + i, sizeof(w));
        if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
            break;
    }
    return i;
}

static bool continues(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* The length of the sequence of two bytes or more at p, where four can be
 * read; 0 when it is not a good one. Much faster than state by state. */
static size_t sequence(const unsigned char *p)
{
    unsigned top; /* the scalar's bits from the first two bytes */

    if (p[0] < 0xE0)
        return p[0] >= 0xC2 && continues(p[1]) ? 2 : 0;
    if (!continues(p[1]) || !continues(p[2]))
        return 0;
    top = (p[0] & 0x0Fu) << 6 | (p[1] & 0x3Fu);
    if (p[0] < 0xF0) /* overlong, or a surrogate half */
        return top >= 0x800 >> 6 && top >> 5 != 0xD800 >> 11 ? 3 : 0;
    return p[0] <= 0xF4 && continues(p[3]) && top >= 0x10000 >> 12 &&
                   top <= 0x10FFFF >> 12
               ? 4
               : 0;
}

/* How many bytes at p are whole sequences; stops where it gets difficult: at
 * the end, and at what is wrong. */
static size_t easy_run(const unsigned char *p, size_t len)
{
    size_t i = 0, n;

    while (i + 4 <= len) {
        if (p[i] < 0x80) {
            i += ascii_run(p + i, len - i);
            while (i < len && p[i] < 0x80)
                i++;
            continue;
        }
        n = sequence(p + i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

uint32_t gw_utf8_feed(uint32_t state, gw_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.at;
    size_t i = 0;

    while (i < bytes.len) {
        if (state == 0) {
            i += easy_run(p + i, bytes.len - i);
            if (i == bytes.len)
                return 0;
            state = p[i] < 0x80 ? 0 : after_lead(p[i]);
        } else if (state == GW_UTF8_BAD || p[i] < (state >> 8 & 0xFF) ||
                   p[i] > (state >> 16 & 0xFF)) {
            return GW_UTF8_BAD;
        } else {
            state =
                (state & 0xFF) == 1 ? 0 : OWED((state & 0xFF) - 1, 0x80, 0xBF);
        }
        i++;
    }
    return state;
}

bool gw_utf8_is_valid(gw_str text)
{
    return gw_utf8_feed(0, text) == 0;
}

/* The length of the valid sequence that the text begins with; 0: of none. */
static size_t first_sequence(gw_str text)
{
    uint32_t state = 0;

    for (size_t n = 1; n <= GW_MIN(text.len, 4); n++) {
        state = gw_utf8_feed(state, (gw_str){ text.at + n - 1, 1 });
        if (state == 0)
            return n;
        if (state == GW_UTF8_BAD)
            return 0;
    }
    return 0;
}

gw_err gw_utf8_repair(struct gw_arena *a, gw_str text, gw_str *out)
{
    char *copy;
    size_t len = 0;

    *out = text;
    if (gw_utf8_is_valid(text))
        return GW_OK;
    copy = gw_arena_text(a, 3 * text.len);
    if (!copy)
        return GW_E_TOO_BIG;
    while (text.len) {
        size_t n = first_sequence(text);

        memcpy(copy + len, n ? text.at : "\xef\xbf\xbd", n ? n : 3);
        len += n ? n : 3;
        text = gw_str_skip(text, n ? n : 1);
    }
    *out = (gw_str){ copy, len };
    return GW_OK;
}

size_t gw_utf8_encode(uint32_t scalar, char out[4])
{
    if (scalar < 0x80) {
        out[0] = (char)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (char)(0xC0 | scalar >> 6);
        out[1] = (char)(0x80 | (scalar & 0x3F));
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = (char)(0xE0 | scalar >> 12);
        out[1] = (char)(0x80 | (scalar >> 6 & 0x3F));
        out[2] = (char)(0x80 | (scalar & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | scalar >> 18);
    out[1] = (char)(0x80 | (scalar >> 12 & 0x3F));
    out[2] = (char)(0x80 | (scalar >> 6 & 0x3F));
    out[3] = (char)(0x80 | (scalar & 0x3F));
    return 4;
}
