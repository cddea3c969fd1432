#include "protocol/expr/regex.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static struct gw_arena arena;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
}

/* What java.util.regex.Pattern.matches documents. */
static const struct {
    const char *pattern, *text;
    bool matches;
} cases[] = {
    { "", "", true },
    { "", "a", false },
    { "abc", "abc", true },
    { "abc", "abcd", false }, /* the whole */
    { "abc", "xabc", false },
    { "a.c", "axc", true },
    { "a.c",
      "a\xc3\xa9"
      "c",
      true }, /* characters, not bytes */
    { "a.c",
      "a\xe9"
      "c",
      true },
    { "a.c", "a\nc", false },
    { "a.c",
      "a\xe2\x80\xa8"
      "c",
      false }, /* U+2028 */
    { "(?s)a.c", "a\nc", true },
    { ".*denied.*", "access denied: no", true },
    { ".*denied.*", "access\ndenied", false },
    { "(.|\\n)*denied.*", "access\ndenied", true },
    { "[\\s\\S]*denied.*", "access\ndenied", true },
    { "(?i)BAD request.*", "Bad Request: x", true },
    { "(?i)[a-c]+", "AbC", true },
    { "(?i)[^a]", "A", false },
    { "(?is).*x", "a\nX", true },
    { "BAD", "bad", false },
    { "a|b", "a", true },
    { "a|b", "b", true },
    { "a|b", "ab", false },
    { "a|", "", true },
    { "(a|b)*c", "abbac", true },
    { "(a|b)*c", "c", true },
    { "(?:ab)+", "abab", true },
    { "(?:ab)+", "aba", false },
    { "a?", "", true },
    { "a?", "aa", false },
    { "a+", "", false },
    { "a+?", "aaa", true },
    { "a*?b", "aab", true },
    { "a{2}", "aa", true },
    { "a{2}", "aaa", false },
    { "a{2,}", "aaaaa", true },
    { "a{2,}", "a", false },
    { "a{1,3}b", "aaab", true },
    { "a{1,3}b", "aaaab", false },
    { "a{0}b", "b", true },
    { "a{0,1}", "a", true },
    { "(a{2}){2}", "aaaa", true },
    { "(a{2}){2}", "aaa", false },
    { "[abc]", "b", true },
    { "[a-c]", "d", false },
    { "[^a-c]", "d", true },
    { "[^a-c]", "b", false },
    { "[a-]", "-", true },
    { "[-a]", "-", true },
    { "[a\\]]", "]", true },
    { "[\\d.]+", "1.5", true },
    { "[\\D]", "1", false },
    { "[\\D]", "\xc3\xa9", true },
    { "[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true },
    { "[\xc3\xa0-\xc3\xbf]", "e", false },
    { "\\d\\D\\w\\W\\s\\S", "1a_- x", true },
    { "\\w", "\xc3\xa9", false }, /* ASCII, as Java has it */
    { "\\.\\*\\\\\\/", ".*\\/", true },
    { "\\t\\n\\r\\f", "\t\n\r\f", true },
    { "^abc$", "abc", true },
    { "a^b", "ab", false },
    { "a$b", "ab", false },
    { "(^a|b$)", "a", true },
    { "(^a|b$)", "b", true },
    { "x*^a", "a", true },
    { "}]", "}]", true },
    { "(a*)*", "aaaa", true },
    { "(a*)*", "aaab", false },
    { "(|a)+", "aa", true },
    { "(){1000}", "", true },
    { "\\[(404|410)\\].*", "[404] not here", true },
    { "\\[(404|410)\\].*", "404 not here", false },
    { "\xc3\xa9+", "\xc3\xa9\xc3\xa9", true },
};

START_TEST(whole_texts_match_or_do_not)
{
    struct gw_regex *regex;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_regex_read(&arena, gw_str_of(cases[_i].pattern), &regex,
                                &why) == GW_OK,
                  "%s: %s", cases[_i].pattern, why.text);
    ck_assert_msg(gw_regex_matches(regex, gw_str_of(cases[_i].text)) ==
                      cases[_i].matches,
                  "%s on %s", cases[_i].pattern, cases[_i].text);
}
END_TEST

static const char *const refused[] = {
    "*",
    "+a",
    "?",
    "a**",
    "a*+",
    "a++",
    "a{",
    "a{,2}",
    "a{2",
    "a{x}",
    "a{3,2}",
    "a{1001}",
    "a{1}{",
    "(",
    ")",
    "(a",
    "a)",
    "(?=a)",
    "(?<n>a)",
    "(?!a)",
    "a(?i)b",
    "(?x)a",
    "(?i",
    "[",
    "[]",
    "[^]",
    "[a",
    "[b-a]",
    "[[:a:]]",
    "[a&&b]",
    "[a-\\d]",
    "\\",
    "[\\",
    "\\1",
    "\\b",
    "\\pL",
    "\\Qa\\E",
    "\\x41",
    "\\",
    "a{500}a{500}a",
    "((((a{9}){9}){9}){9}){9}",
};

START_TEST(what_is_not_understood_is_refused)
{
    struct gw_regex *regex;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_regex_read(&arena, gw_str_of(refused[_i]), &regex, &why) !=
                      GW_OK,
                  "%s", refused[_i]);
    ck_assert(strstr(why.text, "expected"));
    ck_assert(gw_regex_read(&arena, gw_str_of(refused[_i]), &regex, NULL) !=
              GW_OK);
}
END_TEST

START_TEST(patterns_have_a_greatest_length)
{
    struct gw_regex *regex;
    char text[GW_REGEX_PATTERN_MAX + 1];

    memset(text, 'a', sizeof(text));
    ck_assert(gw_regex_read(&arena, (gw_str){ text, GW_REGEX_PATTERN_MAX },
                            &regex, NULL) == GW_OK);
    ck_assert(gw_regex_matches(regex, (gw_str){ text, GW_REGEX_PATTERN_MAX }));
    ck_assert(gw_regex_read(&arena, (gw_str){ text, sizeof(text) }, &regex,
                            NULL) == GW_E_TOO_BIG);
}
END_TEST

/* Those that bring a backtracking matcher to its knees; the test's own time
 * limit would say so. */
static const char *const hard[] = {
    "(a*)*b",
    "(a|aa)+b",
    "(a|a)*b",
    "(.*a){20}b",
    "(((((){1000}){1000}){1000}"
    "){1000}){1000}a*b",
};

START_TEST(no_pattern_runs_away)
{
    static char text[5000];
    struct gw_regex *regex;

    memset(text, 'a', sizeof(text));
    ck_assert(gw_regex_read(&arena, gw_str_of(hard[_i]), &regex, NULL) ==
              GW_OK);
    ck_assert(!gw_regex_matches(regex, (gw_str){ text, sizeof(text) }));
    text[sizeof(text) - 1] = 'b';
    ck_assert(gw_regex_matches(regex, (gw_str){ text, sizeof(text) }));
}
END_TEST

START_TEST(a_text_too_long_to_be_looked_at_does_not_match)
{
    size_t len = GW_REGEX_STEPS_MAX / 4 + 1;
    char *text = gw_alloc(len);
    struct gw_regex *regex;

    memset(text, 'a', len);
    ck_assert(gw_regex_read(&arena, GW_LIT("a*"), &regex, NULL) == GW_OK);
    ck_assert(gw_regex_matches(regex, (gw_str){ text, len - 1 }));
    ck_assert(!gw_regex_matches(regex, (gw_str){ text, len }));
    free(text);
}
END_TEST

GW_SUITE("protocol/expr/regex")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, whole_texts_match_or_do_not, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, what_is_not_understood_is_refused, 0,
                        GW_LEN(refused));
    tcase_add_test(tc, patterns_have_a_greatest_length);
    tcase_add_loop_test(tc, no_pattern_runs_away, 0, GW_LEN(hard));
    tcase_add_test(tc, a_text_too_long_to_be_looked_at_does_not_match);
}
