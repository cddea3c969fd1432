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

/* One more than the value of the letters and digits, which both alphabets
 * share: a table, because branches on random text are guessed wrong. */
static const unsigned char shared[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
    ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62,
};

static int value_of(gw_base64_kind kind, char c)
{
    int value = shared[(unsigned char)c] - 1;

    if (GW_LIKELY(value >= 0))
        return value;
    if (c == alphabet[kind][62])
        return 62;
    return c == alphabet[kind][63] ? 63 : -1;
}

/* The 24 bits that four letters spell, those missing as zeros; -1: not all of
 * them are letters. */
static int four(gw_base64_kind kind, const char *at, size_t letters)
{
    int a = value_of(kind, at[0]), b = value_of(kind, at[1]);
    int c = letters > 2 ? value_of(kind, at[2]) : 0;
    int d = letters > 3 ? value_of(kind, at[3]) : 0;

    return (a | b | c | d) < 0 ? -1 : a << 18 | b << 12 | c << 6 | d;
}

bool gw_base64_decode(gw_base64_kind kind, gw_str in, void *out, size_t *len)
{
    unsigned char *at = out;
    size_t pad = 0, i = 0;

    if (in.len % 4)
        return false;
    while (pad < 2 && pad < in.len && in.at[in.len - 1 - pad] == '=')
        pad++;
    for (; i + 4 < in.len; i += 4) {
        int v = four(kind, in.at + i, 4);

        if (v < 0)
            return false;
        *at++ = (unsigned char)(v >> 16);
        *at++ = (unsigned char)(v >> 8);
        *at++ = (unsigned char)v;
    }
    if (i < in.len) {
        int v = four(kind, in.at + i, 4 - pad);

        if (v < 0 || v & (pad == 2 ? 0xFFFF : pad ? 0xFF : 0))
            return false;
        *at++ = (unsigned char)(v >> 16);
        if (pad < 2)
            *at++ = (unsigned char)(v >> 8);
        if (pad < 1)
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
