/*
 * Regular expressions as configurations of the original hold them: Java's
 * notation, matched against the whole text. Immutable once read, so workers
 * share them; matching takes no lock and no memory, and time linear in the
 * text: neither a pattern nor a text can make it run away.
 *
 * Understood: characters, . [a-z] [^a-z] \d \D \w \W \s \S \t \n \r \f and
 * \ before punctuation, (a|b) (?:a|b), ? * + {n} {n,} {n,m} also with a lazy
 * ? behind them, ^ $, and (?i) (?s) at the very beginning. Not: look-around,
 * back references, possessive repeats, classes of classes, \b \p \Q.
 */
#ifndef GW_EXPR_REGEX_H
#define GW_EXPR_REGEX_H

#include "protocol/base/arena.h"

enum {
    GW_REGEX_PATTERN_MAX = 256, /* bytes */
    GW_REGEX_STATES_MAX = 1000, /* what repeats multiply */
    GW_REGEX_STEPS_MAX = 1000000,
};

struct gw_regex; /* lives in the arena */

gw_err gw_regex_read(struct gw_arena *a, gw_str pattern, struct gw_regex **out,
                     struct gw_fault *why) GW_MUST_CHECK;

/* Does the whole text match? UTF-8; a byte that is none is a character of its
 * own. A text so long that looking at it would take more than
 * GW_REGEX_STEPS_MAX steps (its length times the states) does not. */
bool gw_regex_matches(const struct gw_regex *regex, gw_str text);

/* "/PATTERN/", as keys of integration responses write it, loses its slashes;
 * false: it is not written so. */
static inline bool gw_regex_key(gw_str *key)
{
    if (key->len < 3 || key->at[0] != '/' || key->at[key->len - 1] != '/')
        return false;
    *key = gw_str_head(gw_str_skip(*key, 1), key->len - 2);
    return true;
}

#endif
