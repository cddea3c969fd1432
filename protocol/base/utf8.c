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

uint32_t gw_utf8_feed(uint32_t state, gw_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.at;
    size_t i = 0;

    while (i < bytes.len) {
        if (state == 0) {
            i += ascii_run(p + i, bytes.len - i);
            while (i < bytes.len && p[i] < 0x80)
                i++;
            if (i == bytes.len)
                return 0;
            state = after_lead(p[i++]);
            if (state == GW_UTF8_BAD)
                return state;
            continue;
        }
        if (state == GW_UTF8_BAD || p[i] < (state >> 8 & 0xFF) ||
            p[i] > (state >> 16 & 0xFF))
            return GW_UTF8_BAD;
        state = (state & 0xFF) == 1 ? 0 : OWED((state & 0xFF) - 1, 0x80, 0xBF);
        i++;
    }
    return state;
}

bool gw_utf8_is_valid(gw_str text)
{
    return gw_utf8_feed(0, text) == 0;
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
