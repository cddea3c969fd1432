#include "protocol/base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool gw_str_eq_nocase(gw_str a, gw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool gw_str_starts(gw_str s, gw_str prefix)
{
    return s.len >= prefix.len && gw_str_eq(gw_str_head(s, prefix.len), prefix);
}

bool gw_str_ends(gw_str s, gw_str suffix)
{
    return s.len >= suffix.len &&
           gw_str_eq(gw_str_skip(s, s.len - suffix.len), suffix);
}

int gw_str_cmp(gw_str a, gw_str b)
{
    size_t n = GW_MIN(a.len, b.len);
    int order = n ? memcmp(a.at, b.at, n) : 0;

    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

gw_str gw_str_trim(gw_str s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = gw_str_skip(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

gw_str gw_str_cut(gw_str *rest, char by)
{
    ptrdiff_t i = gw_str_find(*rest, by, 0);
    gw_str head = *rest;

    if (i < 0) {
        *rest = GW_EMPTY;
        return head;
    }
    head.len = (size_t)i;
    *rest = gw_str_skip(*rest, (size_t)i + 1);
    return head;
}

ptrdiff_t gw_str_find(gw_str s, char c, size_t from)
{
    const char *hit;

    if (from >= s.len)
        return -1;
    hit = memchr(s.at + from, c, s.len - from);
    return hit ? hit - s.at : -1;
}

bool gw_str_to_u64(gw_str s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

gw_str gw_str_of_u64(uint64_t value, char room[GW_DIGITS_MAX])
{
    size_t first = GW_DIGITS_MAX;

    do
        room[--first] = (char)('0' + value % 10);
    while (value /= 10);
    return (gw_str){ room + first, GW_DIGITS_MAX - first };
}

gw_str gw_str_of_i64(int64_t value, char room[GW_DIGITS_MAX])
{
    bool negative = value < 0;
    gw_str text =
        gw_str_of_u64(negative ? -(uint64_t)value : (uint64_t)value, room);

    if (!negative)
        return text;
    room[GW_DIGITS_MAX - text.len - 1] = '-';
    return (gw_str){ text.at - 1, text.len + 1 };
}

bool gw_str_is_of(gw_str s, const char *marks)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || (c && strchr(marks, c))))
            return false;
    }
    return true;
}

char *gw_str_dup(gw_str s)
{
    char *copy = gw_alloc(s.len + 1);

    if (s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

unsigned gw_str_distance(gw_str a, gw_str b, unsigned limit)
{
    unsigned row[65]; /* Levenshtein, one row at a time */

    if (a.len >= GW_LEN(row) || b.len >= GW_LEN(row))
        return limit;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned swap = diagonal + (a.at[i - 1] != b.at[j - 1]);

            diagonal = row[j];
            row[j] = GW_MIN(swap, GW_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return GW_MIN(row[b.len], limit);
}
