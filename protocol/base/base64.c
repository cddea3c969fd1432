#include "protocol/base/base64.h"

static const char alphabet[2][65] = {
    [GW_BASE64] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [GW_BASE64URL] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t gw_base64_encode(gw_base64_kind kind, gw_str in, char *out)
{
    const unsigned char *p = (const unsigned char *)in.at;
    const char *letters = alphabet[kind];
    char *at = out;

    for (size_t i = 0; i < in.len; i += 3) {
        size_t left = in.len - i;
        uint32_t v = (uint32_t)p[i] << 16;

        if (left > 1)
            v |= (uint32_t)p[i + 1] << 8;
        if (left > 2)
            v |= p[i + 2];
        *at++ = letters[v >> 18];
        *at++ = letters[v >> 12 & 63];
        *at++ = left > 1 ? letters[v >> 6 & 63] : '=';
        *at++ = left > 2 ? letters[v & 63] : '=';
    }
    return (size_t)(at - out);
}

static int value_of(gw_base64_kind kind, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabet[kind][62])
        return 62;
    return c == alphabet[kind][63] ? 63 : -1;
}

bool gw_base64_decode(gw_base64_kind kind, gw_str in, void *out, size_t *len)
{
    unsigned char *at = out;
    size_t pad = 0;

    if (in.len % 4)
        return false;
    while (pad < 2 && pad < in.len && in.at[in.len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < in.len; i += 4) {
        size_t letters = i + 4 == in.len ? 4 - pad : 4;
        uint32_t v = 0;

        for (size_t j = 0; j < 4; j++) {
            int six = j < letters ? value_of(kind, in.at[i + j]) : 0;

            if (six < 0)
                return false;
            v = v << 6 | (uint32_t)six;
        }
        if ((letters == 2 && v & 0xFFFF) || (letters == 3 && v & 0xFF))
            return false;
        *at++ = (unsigned char)(v >> 16);
        if (letters > 2)
            *at++ = (unsigned char)(v >> 8);
        if (letters > 3)
            *at++ = (unsigned char)v;
    }
    *len = (size_t)(at - (unsigned char *)out);
    return true;
}

void gw_hex_encode(const void *bytes, size_t len, char *out)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = "0123456789abcdef"[p[i] >> 4];
        *out++ = "0123456789abcdef"[p[i] & 15];
    }
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gw_hex_decode(gw_str in, void *out)
{
    unsigned char *at = out;

    if (in.len % 2)
        return false;
    for (size_t i = 0; i < in.len; i += 2) {
        int high = nibble(in.at[i]), low = nibble(in.at[i + 1]);

        if (high < 0 || low < 0)
            return false;
        *at++ = (unsigned char)(high << 4 | low);
    }
    return true;
}
