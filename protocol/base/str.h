/*
 * A view of bytes somebody else owns. Not NUL-terminated, never freed.
 */
#ifndef GW_BASE_STR_H
#define GW_BASE_STR_H

#include "protocol/base/base.h"

#include <string.h>

typedef struct gw_str {
    const char *at;
    size_t len;
} gw_str;

#define GW_LIT(literal) ((gw_str){ "" literal, sizeof(literal) - 1 })
#define GW_EMPTY        ((gw_str){ "", 0 })
#define GW_FMT(s)       (int)(s).len, (s).at /* for "%.*s" */

static inline gw_str gw_str_of(const char *c_string)
{
    return (gw_str){ c_string, c_string ? strlen(c_string) : 0 };
}

static inline bool gw_str_eq(gw_str a, gw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline gw_str gw_str_skip(gw_str s, size_t n)
{
    return (gw_str){ s.at + n, s.len - n };
}

static inline gw_str gw_str_head(gw_str s, size_t n)
{
    return (gw_str){ s.at, n };
}

static inline bool gw_str_begins(gw_str s, char c)
{
    return s.len && s.at[0] == c;
}

/* Leaves out a first c; false when the string does not begin with one. */
static inline bool gw_str_pass(gw_str *s, char c)
{
    if (!gw_str_begins(*s, c))
        return false;
    *s = gw_str_skip(*s, 1);
    return true;
}

bool gw_str_eq_nocase(gw_str a, gw_str b); /* ASCII only */
bool gw_str_starts(gw_str s, gw_str prefix);
bool gw_str_ends(gw_str s, gw_str suffix);
int gw_str_cmp(gw_str a, gw_str b); /* bytewise, like memcmp */
gw_str gw_str_trim(gw_str s);       /* spaces and tabs at both ends */

/* Cuts *rest at the first `by`: returns what stood before it, leaves what
 * stood after. Without one, returns all and leaves an empty string. */
gw_str gw_str_cut(gw_str *rest, char by);

/* Index of the first `c` at or after `from`, or -1. */
ptrdiff_t gw_str_find(gw_str s, char c, size_t from);

/* Decimal digits only, no sign, no blanks; false on overflow or rubbish. */
bool gw_str_to_u64(gw_str s, uint64_t *out);

/* The other way; the text stands at the end of `room`. */
#define GW_DIGITS_MAX 20 /* of 64 bits, or 19 and a sign */
gw_str gw_str_of_u64(uint64_t value, char room[GW_DIGITS_MAX]);
gw_str gw_str_of_i64(int64_t value, char room[GW_DIGITS_MAX]);

/* Letters, digits, and the characters of `marks`; nothing else. True for an
 * empty text. ASCII only. */
bool gw_str_is_of(gw_str s, const char *marks);

/* A NUL-terminated copy on the heap. */
char *gw_str_dup(gw_str s);

/* How many single-character edits lead from a to b, at most `limit`. */
unsigned gw_str_distance(gw_str a, gw_str b, unsigned limit);

#endif
