/*
 * One loop reads a text: it passes a scalar or enters a container, then leaves
 * every container that ends there. What is open is one bit per level, so
 * neither nesting nor length costs memory.
 *
 * Almost all bytes of real messages are inside strings; plain_end looks at 16
 * of them at a time (8 without SSE2).
 */
#include "protocol/json/json.h"

#include "protocol/base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* --- characters ---------------------------------------------------------- */

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *further_blanks_end(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p;
}

/* In most messages there are none: one comparison, in place. */
static inline const char *blanks_end(const char *p, const char *end)
{
    if (GW_LIKELY(p < end && (unsigned char)*p > ' '))
        return p;
    return further_blanks_end(p, end);
}

#ifdef __SSE2__
/* Bytes that are not plain become 0xff. With bit 1 flipped the quote (0x22)
 * lies next to the control characters. */
static __m128i not_plain(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i flipped = _mm_xor_si128(v, _mm_set1_epi8(2));
    __m128i low = _mm_min_epu8(flipped, _mm_set1_epi8(0x20));

    return _mm_or_si128(_mm_cmpeq_epi8(flipped, low),
                        _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
}

static bool block_is_plain(const char *p)
{
    return !_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(not_plain(p), not_plain(p + 16)),
                     _mm_or_si128(not_plain(p + 32), not_plain(p + 48))));
}
#endif

/* Is any of these eight bytes not plain? Exact, in either byte order. */
static bool word_stops(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t word, quote, escape;

    memcpy(&word, p, sizeof(word));
    quote = word ^ ones * '"';
    escape = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((escape - ones) & ~escape) |
            ((word - ones * 0x20) & ~word)) &
           high;
}

/* The first quote, backslash or control character; `end` when there is none. */
static const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        int stops = _mm_movemask_epi8(not_plain(p));

        if (stops)
            return p + __builtin_ctz((unsigned)stops);
        while (end - p >= 16 + 64 && block_is_plain(p + 16))
            p += 64;
    }
#endif
    while (end - p >= 8 && !word_stops(p))
        p += 8;
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* --- reading ------------------------------------------------------------- */

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind the escape at p, NULL when it is none. */
static const char *escape_end(const char *p, const char *end)
{
    if (end - p < 2)
        return NULL;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;
    case 'u':
        if (end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) ||
            !is_hex(p[5]))
            return NULL;
        return p + 6;
    default:
        return NULL;
    }
}

/* Behind the string whose quote is at p, NULL when it is none. */
static const char *string_end(const char *p, const char *end, bool *escaped)
{
    *escaped = false;
    p = plain_end(p + 1, end);
    while (p < end && *p == '\\') {
        *escaped = true;
        p = escape_end(p, end);
        if (!p)
            return NULL;
        p = plain_end(p, end);
    }
    return p < end && *p == '"' ? p + 1 : NULL;
}

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

static const char *number_end(const char *p, const char *end)
{
    const char *digits = *p == '-' ? p + 1 : p;

    p = digits_end(digits, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return NULL;
    if (p < end && *p == '.') {
        digits = p + 1;
        p = digits_end(digits, end);
        if (p == digits)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        digits = p + 1;
        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        p = digits_end(digits, end);
        if (p == digits)
            return NULL;
    }
    return p;
}

static const char *word_end(const char *p, const char *end, gw_str word)
{
    if ((size_t)(end - p) < word.len || memcmp(p, word.at, word.len) != 0)
        return NULL;
    return p + word.len;
}

/* Behind the string, number or word at p, NULL when it is none. */
static const char *scalar_end(const char *p, const char *end)
{
    bool escaped;

    switch (*p) {
    case '"':
        return string_end(p, end, &escaped);
    case 't':
        return word_end(p, end, GW_LIT("true"));
    case 'f':
        return word_end(p, end, GW_LIT("false"));
    case 'n':
        return word_end(p, end, GW_LIT("null"));
    default:
        return number_end(p, end);
    }
}

/* The value that stands between these two, by its first character. */
static gw_json value_of(const char *start, const char *end)
{
    gw_json value = { GW_JSON_NUMBER, { start, (size_t)(end - start) } };

    switch (*start) {
    case '{':
        value.kind = GW_JSON_OBJECT;
        break;
    case '[':
        value.kind = GW_JSON_ARRAY;
        break;
    case '"':
        value.kind = GW_JSON_STRING;
        break;
    case 't':
        value.kind = GW_JSON_TRUE;
        break;
    case 'f':
        value.kind = GW_JSON_FALSE;
        break;
    case 'n':
        value.kind = GW_JSON_NULL;
        break;
    }
    return value;
}

static const gw_json absent = { GW_JSON_ABSENT, { "", 0 } };

struct reader {
    const char *at, *end;
    size_t depth; /* containers open */
    uint64_t objects[GW_JSON_DEPTH_MAX / 64];

    /* What read_find looks for. The containers open at depths 1 .. trail + 1
     * were reached by names[0 .. trail - 1]; more than depth - 1 is left over
     * from a container that was closed, and the next key corrects it. */
    const gw_str *names;
    size_t count, trail;
    const char *hit_start; /* inside the value looked for */
    gw_json *hit;
};

static bool enter(struct reader *r)
{
    uint64_t bit = (uint64_t)1 << (r->depth & 63);

    if (r->depth == GW_JSON_DEPTH_MAX)
        return false;
    if (*r->at++ == '{')
        r->objects[r->depth >> 6] |= bit;
    else
        r->objects[r->depth >> 6] &= ~bit;
    r->depth++;
    return true;
}

static bool in_object(const struct reader *r)
{
    size_t top = r->depth - 1;

    return r->objects[top >> 6] >> (top & 63) & 1;
}

static char closer(const struct reader *r)
{
    return in_object(r) ? '}' : ']';
}

/* Called at a key on the trail; true when its value is the one looked for. */
static bool follow(struct reader *r, gw_json key, bool escaped)
{
    gw_str name = r->names[r->depth - 1];
    gw_str plain = { key.raw.at + 1, key.raw.len - 2 };

    r->trail = r->depth - 1;
    if (escaped ? !gw_json_is_text(key, name) : !gw_str_eq(plain, name))
        return false;
    *r->hit = absent; /* of equal names the last counts */
    r->trail = r->depth;
    return r->depth == r->count;
}

/* "name" and the colon behind it. */
static bool read_key(struct reader *r)
{
    const char *start = blanks_end(r->at, r->end), *end;
    bool escaped, hit = false;

    if (start == r->end || *start != '"')
        return false;
    end = string_end(start, r->end, &escaped);
    if (!end)
        return false;
    if (r->depth <= r->count && r->trail + 1 >= r->depth)
        hit = follow(r, value_of(start, end), escaped);
    end = blanks_end(end, r->end);
    if (end == r->end || *end != ':')
        return false;
    r->at = blanks_end(end + 1, r->end);
    if (hit)
        r->hit_start = r->at;
    return true;
}

/* A value ended here: leaves the containers that end with it, and passes the
 * comma behind, if one is due. */
static bool leave(struct reader *r)
{
    for (;;) {
        if (r->hit_start && r->depth == r->count) {
            *r->hit = value_of(r->hit_start, r->at);
            r->hit_start = NULL;
        }
        if (r->depth == 0)
            return true;
        r->at = blanks_end(r->at, r->end);
        if (r->at == r->end)
            return false;
        if (*r->at == ',') {
            r->at++;
            return true;
        }
        if (*r->at != closer(r))
            return false;
        r->at++;
        r->depth--;
    }
}

/* One whole value, from its first character. */
static gw_err read_value(struct reader *r)
{
    for (;;) {
        bool opens;

        r->at = blanks_end(r->at, r->end);
        if (r->at == r->end)
            return GW_E_SYNTAX;
        opens = *r->at == '{' || *r->at == '[';
        if (opens) {
            if (!enter(r))
                return GW_E_TOO_BIG;
            r->at = blanks_end(r->at, r->end);
        } else {
            r->at = scalar_end(r->at, r->end);
            if (!r->at)
                return GW_E_SYNTAX;
        }
        if (!opens || r->at == r->end || *r->at == closer(r)) {
            if (!leave(r))
                return GW_E_SYNTAX;
            if (r->depth == 0)
                return GW_OK;
        }
        if (in_object(r) && !read_key(r))
            return GW_E_SYNTAX;
    }
}

gw_err gw_json_read_find(gw_str text, const gw_str *names, size_t count,
                         gw_json *root, gw_json *hit)
{
    struct reader r;
    const char *start;
    gw_err err;

    r.end = text.at + text.len;
    r.at = start = blanks_end(text.at, r.end);
    r.depth = 0;
    r.names = names;
    r.count = count;
    r.trail = 0;
    r.hit_start = NULL;
    r.hit = hit;
    *root = *hit = absent;
    err = read_value(&r);
    if (!err && blanks_end(r.at, r.end) != r.end)
        err = GW_E_SYNTAX;
    if (err) {
        *hit = absent;
        return err;
    }
    *root = value_of(start, r.at);
    if (count == 0)
        *hit = *root;
    return GW_OK;
}

gw_err gw_json_read(gw_str text, gw_json *root)
{
    gw_json hit;

    return gw_json_read_find(text, NULL, 0, root, &hit);
}

/* --- walking what was judged --------------------------------------------- */

static const char *container_end(const char *p, const char *end)
{
    size_t depth = 0;
    bool escaped;

    while (p < end) {
        switch (*p) {
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return p + 1;
            break;
        case '"':
            p = string_end(p, end, &escaped);
            continue;
        }
        p++;
    }
    return end;
}

static const char *judged_end(const char *p, const char *end)
{
    return *p == '{' || *p == '[' ? container_end(p, end) : scalar_end(p, end);
}

static gw_json next_value(const char **p, const char *end)
{
    const char *start = blanks_end(*p, end);

    *p = judged_end(start, end);
    return value_of(start, *p);
}

bool gw_json_next(gw_json container, size_t *at, gw_json *name, gw_json *value)
{
    bool is_object = container.kind == GW_JSON_OBJECT;
    const char *start = container.raw.at, *p, *end;

    if (!is_object && container.kind != GW_JSON_ARRAY)
        return false;
    end = start + container.raw.len - 1; /* the closing bracket */
    p = blanks_end(start + GW_MAX(*at, 1), end);
    if (p < end && *p == ',')
        p = blanks_end(p + 1, end);
    if (p >= end)
        return false;
    *name = absent;
    if (is_object) {
        *name = next_value(&p, end);
        p = blanks_end(p, end) + 1; /* the colon */
    }
    *value = next_value(&p, end);
    *at = (size_t)(p - start);
    return true;
}

gw_json gw_json_member(gw_json object, gw_str name)
{
    gw_json found = absent, key, value;
    size_t at = 0;

    if (object.kind != GW_JSON_OBJECT)
        return absent;
    while (gw_json_next(object, &at, &key, &value))
        if (gw_json_is_text(key, name))
            found = value;
    return found;
}

gw_json gw_json_item(gw_json array, size_t index)
{
    gw_json name, value;
    size_t at = 0;

    if (array.kind != GW_JSON_ARRAY)
        return absent;
    while (gw_json_next(array, &at, &name, &value))
        if (index-- == 0)
            return value;
    return absent;
}

/* --- strings ------------------------------------------------------------- */

static unsigned hex4(const char *p)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned digit = (unsigned char)p[i];

        digit = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
        value = value << 4 | digit;
    }
    return value;
}

/* What the letter after a backslash stands for. */
static char meant_by(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* itself: a quote, a slash, a backslash */
        return letter;
    }
}

/* The bytes that the judged escape at *p stands for, fewer than it has itself;
 * steps over it. */
static size_t unescape(const char **p, const char *end, char out[4])
{
    const char *escape = *p;
    uint32_t scalar;

    if (escape[1] != 'u') {
        *p += 2;
        out[0] = meant_by(escape[1]);
        return 1;
    }
    *p += 6;
    scalar = hex4(escape + 2);
    if (scalar < 0xd800 || scalar > 0xdfff)
        return gw_utf8_encode(scalar, out);
    if (scalar < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex4(*p + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            scalar = 0x10000 + ((scalar - 0xd800) << 10) + (low - 0xdc00);
            return gw_utf8_encode(scalar, out);
        }
    }
    return gw_utf8_encode(0xfffd, out); /* half a pair */
}

gw_err gw_json_text(struct gw_arena *a, gw_json string, gw_str *out)
{
    const char *p, *end;
    char *text;

    if (string.kind != GW_JSON_STRING)
        return GW_E_INVALID;
    *out = (gw_str){ string.raw.at + 1, string.raw.len - 2 };
    if (gw_str_find(*out, '\\', 0) < 0)
        return GW_OK;
    p = out->at;
    end = p + out->len;
    text = gw_arena_text(a, out->len); /* no escape is shorter than its text */
    if (!text)
        return GW_E_TOO_BIG;
    out->at = text;
    while (p < end) {
        const char *stop = plain_end(p, end);

        memcpy(text, p, (size_t)(stop - p));
        text += stop - p;
        p = stop;
        if (p < end)
            text += unescape(&p, end, text);
    }
    out->len = (size_t)(text - out->at);
    return GW_OK;
}

bool gw_json_is_text(gw_json string, gw_str text)
{
    const char *p, *end;

    if (string.kind != GW_JSON_STRING)
        return false;
    p = string.raw.at + 1;
    end = p + string.raw.len - 2;
    for (;;) {
        const char *stop = plain_end(p, end);
        gw_str run = { p, (size_t)(stop - p) }, escaped;
        char bytes[4];

        if (!gw_str_starts(text, run))
            return false;
        text = gw_str_skip(text, run.len);
        p = stop;
        if (p == end)
            return text.len == 0;
        escaped.at = bytes;
        escaped.len = unescape(&p, end, bytes);
        if (!gw_str_starts(text, escaped))
            return false;
        text = gw_str_skip(text, escaped.len);
    }
}

/* NUL: the character has no escape of two. */
static char letter_for(char c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return c;
    default:
        return '\0';
    }
}

static gw_err write_control(struct gw_buf *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[] = { '\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15] };

    return gw_buf_add(out, (gw_str){ escape, sizeof(escape) });
}

static gw_err write_escape(struct gw_buf *out, char c)
{
    char escape[] = { '\\', letter_for(c) };

    return escape[1] ? gw_buf_add(out, (gw_str){ escape, sizeof(escape) })
                     : write_control(out, c);
}

gw_err gw_json_write_text(struct gw_buf *out, gw_str text)
{
    size_t before = out->len;
    gw_err err = gw_buf_add(out, GW_LIT("\""));

    while (!err && text.len) {
        const char *stop = plain_end(text.at, text.at + text.len);
        size_t run = (size_t)(stop - text.at);

        err = gw_buf_add(out, gw_str_head(text, run));
        text = gw_str_skip(text, run);
        if (!err && text.len) {
            err = write_escape(out, text.at[0]);
            text = gw_str_skip(text, 1);
        }
    }
    if (!err)
        err = gw_buf_add(out, GW_LIT("\""));
    if (err)
        out->len = before;
    return err;
}

/* --- numbers ------------------------------------------------------------- */

/* The exponent, held where it no longer matters. */
static int64_t exponent_of(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;

    for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
        value = GW_MIN(value * 10 + (*p - '0'), INT32_MAX);
    return negative ? -value : value;
}

static bool add_digit(int64_t *value, int digit)
{
    return !__builtin_mul_overflow(*value, 10, value) &&
           !__builtin_sub_overflow(*value, digit, value);
}

bool gw_json_to_i64(gw_json number, int64_t *out)
{
    const char *p = number.raw.at, *end, *digits, *point;
    int64_t value = 0, places; /* digits in front of the point */

    if (number.kind != GW_JSON_NUMBER)
        return false;
    end = p + number.raw.len;
    digits = p + (*p == '-');
    point = digits_end(digits, end);
    places = point - digits;
    p = point < end && *point == '.' ? digits_end(point + 1, end) : point;
    if (p < end)
        places += exponent_of(p + 1, end);
    end = p;
    /* counted down, not up: there is one more negative number */
    for (p = digits; p < end; p++) {
        if (*p == '.')
            continue;
        if (places-- > 0 ? !add_digit(&value, *p - '0') : *p != '0')
            return false;
    }
    for (; value && places > 0; places--)
        if (!add_digit(&value, 0))
            return false;
    if (*number.raw.at != '-' && __builtin_sub_overflow(0, value, &value))
        return false;
    *out = value;
    return true;
}
