#include "protocol/api/status_set.h"

#include <regex.h>
#include <stdio.h>

enum {
    PATTERN_MAX = 64,
    REPEATS_MAX = 2, /* nested repeats multiply what regcomp builds */
};

/* Java's spelling to POSIX's, as far as both agree on the meaning. */
struct translation {
    gw_str rest;
    char text[PATTERN_MAX * 6 + 8]; /* \D becomes six characters */
    size_t len;
    unsigned depth, repeats;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void put(struct translation *t, const char *text)
{
    size_t n = strlen(text);

    GW_ASSERT(t->len + n < sizeof(t->text));
    memcpy(t->text + t->len, text, n + 1);
    t->len += n;
}

static void put_char(struct translation *t, char c)
{
    put(t, (char[2]){ c, '\0' });
}

static char take(struct translation *t)
{
    char c = t->rest.len ? t->rest.at[0] : '\0';

    if (t->rest.len)
        t->rest = gw_str_skip(t->rest, 1);
    return c;
}

static bool take_if(struct translation *t, gw_str text)
{
    if (!gw_str_starts(t->rest, text))
        return false;
    t->rest = gw_str_skip(t->rest, text.len);
    return true;
}

/* After the '[': digits, ranges of them and \d, at least one. */
static bool bracket(struct translation *t)
{
    bool some = false;

    put(t, take_if(t, GW_LIT("^")) ? "[^" : "[");
    for (;;) {
        char c;

        if (take_if(t, GW_LIT("]"))) {
            put(t, "]");
            return some;
        }
        if (take_if(t, GW_LIT("\\d"))) {
            put(t, "0-9");
        } else {
            c = take(t);
            if (!is_digit(c))
                return false;
            put_char(t, c);
            if (take_if(t, GW_LIT("-"))) {
                char to = take(t);

                if (!is_digit(to) || to < c)
                    return false;
                put_char(t, '-');
                put_char(t, to);
            }
        }
        some = true;
    }
}

/* After the '{': n} n,} n,m} */
static bool repeat(struct translation *t)
{
    char from = take(t), to;

    if (++t->repeats > REPEATS_MAX || !is_digit(from))
        return false;
    put_char(t, '{');
    put_char(t, from);
    if (take_if(t, GW_LIT(","))) {
        put_char(t, ',');
        if (t->rest.len && is_digit(t->rest.at[0])) {
            to = take(t);
            if (to < from)
                return false;
            put_char(t, to);
        }
    }
    put_char(t, '}');
    return take_if(t, GW_LIT("}"));
}

static bool group(struct translation *t)
{
    t->depth++;
    put(t, "(");
    return !gw_str_starts(t->rest, GW_LIT("?")) || take_if(t, GW_LIT("?:"));
}

static bool translate_one(struct translation *t)
{
    char c = take(t);

    switch (c) {
    case '\\':
        c = take(t);
        put(t, c == 'D' ? "[^0-9]" : "[0-9]");
        return c == 'd' || c == 'D';
    case '[':
        return bracket(t);
    case '{':
        return repeat(t);
    case '(':
        return group(t);
    case ')':
        put(t, ")");
        return t->depth-- > 0;
    case '.':
    case '|':
    case '?':
    case '*':
    case '+':
    case '^':
    case '$':
        put_char(t, c);
        return true;
    default:
        put_char(t, c);
        return is_digit(c);
    }
}

static bool translate(struct translation *t)
{
    put(t, "^(");
    while (t->rest.len)
        if (!translate_one(t))
            return false;
    put(t, ")$");
    return t->depth == 0;
}

gw_err gw_status_set_read(gw_str key, struct gw_status_set *out,
                          struct gw_fault *why)
{
    struct translation t = { .rest = key };
    regex_t pattern;

    *out = (struct gw_status_set){ 0 };
    if (key.len < 3 || key.at[0] != '/' || key.at[key.len - 1] != '/')
        return gw_fail(why, GW_E_SYNTAX,
                       "expected $default, or a pattern such as /2\\d\\d/");
    t.rest = gw_str_head(gw_str_skip(key, 1), key.len - 2);
    if (t.rest.len > PATTERN_MAX || !translate(&t) ||
        regcomp(&pattern, t.text, REG_EXTENDED | REG_NOSUB) != 0)
        return gw_fail(why, GW_E_SYNTAX,
                       "expected a pattern of digits, . \\d [0-9] (a|b) ? * + "
                       "and {n}, at most %d characters",
                       PATTERN_MAX);
    for (unsigned status = 0; status <= GW_STATUS_MAX; status++) {
        char text[16];

        snprintf(text, sizeof(text), "%u", status);
        if (regexec(&pattern, text, 0, NULL, 0) == 0)
            out->bits[status / 64] |= (uint64_t)1 << (status % 64);
    }
    regfree(&pattern);
    return GW_OK;
}
