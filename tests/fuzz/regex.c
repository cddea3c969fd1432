/*
 * A line with a pattern; the rest is the text. Whatever is accepted ends, and
 * says the same about a text when it stands in a group, or once more beside
 * itself.
 */
#include "protocol/expr/regex.h"

/* before PATTERN between PATTERN? behind */
static void says_the_same(struct gw_arena *a, const gw_str pieces[4],
                          gw_str text, bool said)
{
    struct gw_regex *regex;
    gw_str other;

    /* larger, it may be refused, or look at shorter texts only */
    if (gw_arena_join(a, pieces, 4, &other) == GW_OK &&
        gw_regex_read(a, other, &regex, NULL) == GW_OK)
        GW_ASSERT(gw_regex_matches(regex, text) == said);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };
    gw_str pattern = gw_str_cut(&text, '\n');
    struct gw_regex *regex;
    struct gw_fault why;
    struct gw_arena a;
    bool said;

    if (text.len > GW_REGEX_STEPS_MAX / GW_REGEX_STATES_MAX)
        return 0;
    gw_arena_init(&a, 1 << 20);
    if (gw_regex_read(&a, pattern, &regex, &why) == GW_OK) {
        said = gw_regex_matches(regex, text);
        if (!gw_str_starts(pattern, GW_LIT("(?"))) {
            const gw_str grouped[] = { GW_LIT("(?:"), pattern, GW_LIT(")"),
                                       GW_EMPTY };
            const gw_str twice[] = { pattern, GW_LIT("|"), pattern, GW_EMPTY };

            says_the_same(&a, grouped, text, said);
            says_the_same(&a, twice, text, said);
        }
    }
    gw_arena_fini(&a);
    return 0;
}
