#include "protocol/base/str.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static const struct {
    gw_str a, b;
    bool eq, eq_nocase, starts, ends;
    int cmp;
} pairs[] = {
    { GW_LIT(""), GW_LIT(""), true, true, true, true, 0 },
    { GW_LIT("abc"), GW_LIT("abc"), true, true, true, true, 0 },
    { GW_LIT("abc"), GW_LIT("ABC"), false, true, false, false, 1 },
    { GW_LIT("abc"), GW_LIT("ab"), false, false, true, false, 1 },
    { GW_LIT("abc"), GW_LIT("bc"), false, false, false, true, -1 },
    { GW_LIT("abc"), GW_LIT(""), false, false, true, true, 1 },
    { GW_LIT("ab"), GW_LIT("abc"), false, false, false, false, -1 },
    { GW_LIT("a\0b"), GW_LIT("a\0c"), false, false, false, false, -1 },
    { GW_LIT("\xff"), GW_LIT("a"), false, false, false, false, 1 },
    { GW_LIT("@[`{"), GW_LIT("`{@["), false, false, false, false, -1 },
    { GW_LIT("\xc4"), GW_LIT("\xe4"), false, false, false, false, -1 },
};

START_TEST(texts_are_compared)
{
    gw_str a = pairs[_i].a, b = pairs[_i].b;
    int cmp = gw_str_cmp(a, b);

    ck_assert(gw_str_eq(a, b) == pairs[_i].eq);
    ck_assert(gw_str_eq_nocase(a, b) == pairs[_i].eq_nocase);
    ck_assert(gw_str_starts(a, b) == pairs[_i].starts);
    ck_assert(gw_str_ends(a, b) == pairs[_i].ends);
    ck_assert_int_eq((cmp > 0) - (cmp < 0), pairs[_i].cmp);
}
END_TEST

START_TEST(blanks_are_trimmed)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },           { " ", "" },          { "\t \t", "" },
        { "  a b\t", "a b" }, { "\na\n", "\na\n" },
    };

    for (size_t i = 0; i < GW_LEN(cases); i++)
        ck_assert_gw_str(gw_str_trim(gw_str_of(cases[i].in)),
                         gw_str_of(cases[i].out));
}
END_TEST

START_TEST(texts_are_cut)
{
    static const struct {
        const char *in, *head, *rest;
    } cases[] = {
        { "a,b,c", "a", "b,c" }, { "abc", "abc", "" }, { "", "", "" },
        { ",b", "", "b" },       { "a,", "a", "" },    { ",", "", "" },
    };

    for (size_t i = 0; i < GW_LEN(cases); i++) {
        gw_str rest = gw_str_of(cases[i].in);

        ck_assert_gw_str(gw_str_cut(&rest, ','), gw_str_of(cases[i].head));
        ck_assert_gw_str(rest, gw_str_of(cases[i].rest));
    }
}
END_TEST

START_TEST(characters_are_found)
{
    ck_assert_int_eq(gw_str_find(GW_LIT("abab"), 'b', 0), 1);
    ck_assert_int_eq(gw_str_find(GW_LIT("abab"), 'b', 1), 1);
    ck_assert_int_eq(gw_str_find(GW_LIT("abab"), 'b', 2), 3);
    ck_assert_int_eq(gw_str_find(GW_LIT("abab"), 'b', 4), -1);
    ck_assert_int_eq(gw_str_find(GW_LIT("abab"), 'c', 0), -1);
    ck_assert_int_eq(gw_str_find(GW_LIT("a\0b"), 'b', 0), 2);
    ck_assert_int_eq(gw_str_find(GW_EMPTY, 'a', 0), -1);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
    uint64_t value;
} numbers[] = {
    { "0", true, 0 },
    { "42", true, 42 },
    { "007", true, 7 },
    { "18446744073709551615", true, UINT64_MAX },
    { "18446744073709551616", false, 0 },
    { "99999999999999999999", false, 0 },
    { "184467440737095516150", false, 0 },
    { "", false, 0 },
    { "-1", false, 0 },
    { "+1", false, 0 },
    { " 1", false, 0 },
    { "1 ", false, 0 },
    { "0x1", false, 0 },
    { "1.0", false, 0 },
};

START_TEST(numbers_are_read_strictly)
{
    uint64_t value = 0;

    ck_assert_msg(gw_str_to_u64(gw_str_of(numbers[_i].text), &value) ==
                      numbers[_i].valid,
                  "\"%s\"", numbers[_i].text);
    if (numbers[_i].valid)
        ck_assert_uint_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(numbers_are_written)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { -1, "-1" },
        { 1234567890123, "1234567890123" },
        { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" },
    };
    char room[GW_DIGITS_MAX];

    for (size_t i = 0; i < GW_LEN(cases); i++)
        ck_assert_gw_str(gw_str_of_i64(cases[i].value, room),
                         gw_str_of(cases[i].text));
    ck_assert_gw_str(gw_str_of_u64(UINT64_MAX, room),
                     GW_LIT("18446744073709551615"));
}
END_TEST

START_TEST(distances_count_edits)
{
    static const struct {
        const char *a, *b;
        unsigned limit, want;
    } cases[] = {
        { "", "", 5, 0 },
        { "port", "port", 5, 0 },
        { "prot", "port", 5, 2 },
        { "prt", "port", 5, 1 },
        { "ports", "port", 5, 1 },
        { "kitten", "sitting", 5, 3 }, /* the textbook's */
        { "kitten", "sitting", 2, 2 },
        { "", "abc", 5, 3 },
        { "a234567890123456789012345678901234567890123456789012345678901234"
          "5",
          "a", 7, 7 }, /* too long to be a typing error */
    };

    for (size_t i = 0; i < GW_LEN(cases); i++)
        ck_assert_uint_eq(gw_str_distance(gw_str_of(cases[i].a),
                                          gw_str_of(cases[i].b),
                                          cases[i].limit),
                          cases[i].want);
}
END_TEST

START_TEST(copies_are_c_strings)
{
    char *copy = gw_str_dup(gw_str_head(GW_LIT("hello"), 4));

    ck_assert_str_eq(copy, "hell");
    free(copy);
    copy = gw_str_dup((gw_str){ NULL, 0 });
    ck_assert_str_eq(copy, "");
    free(copy);
}
END_TEST

GW_SUITE("protocol/base/str")
{
    tcase_add_loop_test(tc, texts_are_compared, 0, GW_LEN(pairs));
    tcase_add_test(tc, blanks_are_trimmed);
    tcase_add_test(tc, texts_are_cut);
    tcase_add_test(tc, characters_are_found);
    tcase_add_loop_test(tc, numbers_are_read_strictly, 0, GW_LEN(numbers));
    tcase_add_test(tc, numbers_are_written);
    tcase_add_test(tc, distances_count_edits);
    tcase_add_test(tc, copies_are_c_strings);
}
