#include "protocol/json/json.h"

#include "protocol/base/utf8.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef GW_TEST_NAME /* portable.c has another */
#define GW_TEST_NAME "protocol/json/json"
#endif

/* A copy that ends where the text ends: a sanitizer sees an over-read. */
static gw_str tight(gw_str text)
{
    char *copy = gw_alloc(text.len ? text.len : 1);

    memcpy(copy, text.at, text.len);
    return (gw_str){ copy, text.len };
}

static gw_err judge(gw_str text)
{
    gw_str copy = tight(text);
    gw_json root;
    gw_err err = gw_json_read(copy, &root);

    free((char *)copy.at);
    return err;
}

static gw_json read_ok(gw_str text)
{
    gw_json root;

    ck_assert_msg(gw_json_read(text, &root) == GW_OK, "%.*s", GW_FMT(text));
    return root;
}

/* --- reading -------------------------------------------------------------- */

static const struct {
    gw_str text;
    gw_err err;
} grammar[] = {
    /* RFC 8259 */
    { GW_LIT(""), GW_E_SYNTAX },
    { GW_LIT(" \t\r\n"), GW_E_SYNTAX },
    { GW_LIT("{}"), GW_OK },
    { GW_LIT(" \t\r\n[ ]\n"), GW_OK },
    { GW_LIT("{ \"a\" : [ 1 , { } , [ ] ] , \"b\" : null }"), GW_OK },
    { GW_LIT("\"x\""), GW_OK },
    { GW_LIT("5"), GW_OK },
    { GW_LIT("-0"), GW_OK },
    { GW_LIT("-0.5e-7"), GW_OK },
    { GW_LIT("1E+2"), GW_OK },
    { GW_LIT("true"), GW_OK },
    { GW_LIT("tru"), GW_E_SYNTAX },
    { GW_LIT("truex"), GW_E_SYNTAX },
    { GW_LIT("nul"), GW_E_SYNTAX },
    { GW_LIT("{} x"), GW_E_SYNTAX },
    { GW_LIT("{}{}"), GW_E_SYNTAX },
    { GW_LIT("\f{}"), GW_E_SYNTAX },
    { GW_LIT("{"), GW_E_SYNTAX },
    { GW_LIT("{]"), GW_E_SYNTAX },
    { GW_LIT("[}"), GW_E_SYNTAX },
    { GW_LIT("[,]"), GW_E_SYNTAX },
    { GW_LIT("[1,]"), GW_E_SYNTAX },
    { GW_LIT("[1 2]"), GW_E_SYNTAX },
    { GW_LIT("[1"), GW_E_SYNTAX },
    { GW_LIT("[1}"), GW_E_SYNTAX },
    { GW_LIT("1]"), GW_E_SYNTAX },
    { GW_LIT("{,}"), GW_E_SYNTAX },
    { GW_LIT("{\"a\"}"), GW_E_SYNTAX },
    { GW_LIT("{\"a\":}"), GW_E_SYNTAX },
    { GW_LIT("{\"a\":1,}"), GW_E_SYNTAX },
    { GW_LIT("{\"a\" 1}"), GW_E_SYNTAX },
    { GW_LIT("{\"a\":1"), GW_E_SYNTAX },
    { GW_LIT("{a:1}"), GW_E_SYNTAX },
    { GW_LIT("[\"a\":1]"), GW_E_SYNTAX },
    { GW_LIT("'a'"), GW_E_SYNTAX },
    { GW_LIT("01"), GW_E_SYNTAX },
    { GW_LIT("-"), GW_E_SYNTAX },
    { GW_LIT("+1"), GW_E_SYNTAX },
    { GW_LIT("1."), GW_E_SYNTAX },
    { GW_LIT(".5"), GW_E_SYNTAX },
    { GW_LIT("1e"), GW_E_SYNTAX },
    { GW_LIT("1e+"), GW_E_SYNTAX },
    { GW_LIT("0x1"), GW_E_SYNTAX },
    { GW_LIT("\"\\\""), GW_E_SYNTAX },
    { GW_LIT("\"\\"), GW_E_SYNTAX },
    { GW_LIT("\"\\x\""), GW_E_SYNTAX },
    { GW_LIT("\"\\u12"), GW_E_SYNTAX },
    { GW_LIT("\"\\u12g4\""), GW_E_SYNTAX },
    { GW_LIT("\"\\u12aF\\\"\\\\\\/\\b\\f\\n\\r\\t\""), GW_OK },
    { GW_LIT("\"tab\tinside\""), GW_E_SYNTAX },
    { GW_LIT("\"nul\0inside\""), GW_E_SYNTAX },
    { GW_LIT("\"\x7f\xc3\xa9\""), GW_OK },
};

START_TEST(grammar_is_strict)
{
    ck_assert_msg(judge(grammar[_i].text) == grammar[_i].err, "%.*s",
                  GW_FMT(grammar[_i].text));
}
END_TEST

/* Every way a string's end, an escape or a forbidden byte can fall into the
 * words that are looked at together. */
START_TEST(strings_end_at_any_place)
{
    char text[100];

    for (size_t len = 2; len < sizeof(text); len++) {
        gw_str whole = { text, len };

        memset(text, 'a', len);
        text[0] = text[len - 1] = '"';
        ck_assert(judge(whole) == GW_OK);
        ck_assert(judge(gw_str_head(whole, len - 1)) == GW_E_SYNTAX);
        for (size_t i = 1; i + 1 < len; i++) {
            text[i] = '\x1f';
            ck_assert(judge(whole) == GW_E_SYNTAX);
            text[i] = '"';
            ck_assert(judge(whole) == GW_E_SYNTAX);
            text[i] = '\\';
            ck_assert(judge(whole) == GW_E_SYNTAX); /* \a, or a cut one */
            text[i] = '\xff';
            ck_assert(judge(whole) == GW_OK);
            text[i] = 'a';
        }
    }
}
END_TEST

START_TEST(depth_has_a_bound)
{
    char text[2 * GW_JSON_DEPTH_MAX + 2];
    size_t n = GW_JSON_DEPTH_MAX;

    memset(text, '[', n);
    memset(text + n, ']', n);
    ck_assert(judge((gw_str){ text, 2 * n }) == GW_OK);
    text[n] = '}';
    ck_assert(judge((gw_str){ text, 2 * n }) == GW_E_SYNTAX);
    memset(text, '[', ++n);
    memset(text + n, ']', n);
    ck_assert(judge((gw_str){ text, 2 * n }) == GW_E_TOO_BIG);
}
END_TEST

/* JSONTestSuite: y_ is accepted, n_ refused, i_ may be either. */
START_TEST(test_suite_is_judged)
{
    char path[4096];
    struct dirent *file;
    DIR *dir = NULL;
    unsigned count = 0;

    if (gw_vectors()) {
        snprintf(path, sizeof(path), "%s/json/test_parsing", gw_vectors());
        dir = opendir(path);
    }
    if (!dir) {
        gw_skip("JSONTestSuite test_parsing", "the vectors are not there");
        return;
    }
    while ((file = readdir(dir))) {
        struct gw_buf text;
        bool accepted;

        if (file->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/json/test_parsing/%s", gw_vectors(),
                 file->d_name);
        gw_file_read(path, &text);
        accepted = gw_utf8_is_valid(gw_buf_str(&text)) &&
                   judge(gw_buf_str(&text)) == GW_OK;
        gw_buf_fini(&text);
        ck_assert_msg(file->d_name[0] == 'i' ||
                          accepted == (file->d_name[0] == 'y'),
                      "%s", file->d_name);
        count++;
    }
    closedir(dir);
    ck_assert_uint_eq(count, 318);
}
END_TEST

/* JSONTestSuite's test_transform says what is unclear; here is our answer:
 * the first item's or member "a"'s text. */
static const struct {
    const char *file;
    gw_str want;
} transforms[] = {
    { "number_-9223372036854775808", GW_LIT("-9223372036854775808") },
    { "number_10000000000000000999", GW_LIT("10000000000000000999") },
    { "number_1.000000000000000005", GW_LIT("1.000000000000000005") },
    { "number_1e-999", GW_LIT("1E-999") },
    { "object_same_key_different_values", GW_LIT("2") },
    { "object_same_key_same_value", GW_LIT("1") },
    { "object_same_key_unclear_values", GW_LIT("-0") },
    { "string_1_escaped_invalid_codepoint", GW_LIT("\xef\xbf\xbd") },
    { "string_2_escaped_invalid_codepoints",
      GW_LIT("\xef\xbf\xbd\xef\xbf\xbd") },
    { "string_3_escaped_invalid_codepoints",
      GW_LIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
    { "string_with_escaped_NULL", GW_LIT("A\0B") },
};

START_TEST(transforms_are_answered)
{
    char path[4096];
    struct gw_arena a;
    struct gw_buf text;
    gw_json root, value;
    gw_str have;

    if (!gw_vectors()) {
        gw_skip(transforms[_i].file, "the vectors are not there");
        return;
    }
    snprintf(path, sizeof(path), "%s/json/test_transform/%s.json", gw_vectors(),
             transforms[_i].file);
    gw_file_read(path, &text);
    gw_arena_init(&a, 4096);
    root = read_ok(gw_buf_str(&text));
    value = root.kind == GW_JSON_ARRAY ? gw_json_item(root, 0)
                                       : gw_json_member(root, GW_LIT("a"));
    have = value.raw;
    if (value.kind == GW_JSON_STRING)
        ck_assert(gw_json_text(&a, value, &have) == GW_OK);
    ck_assert_gw_str(have, transforms[_i].want);
    gw_arena_fini(&a);
    gw_buf_fini(&text);
}
END_TEST

/* --- finding -------------------------------------------------------------- */

static const struct {
    gw_str text;
    const char *names[4];
    gw_json_kind kind;
    gw_str want;
} finds[] = {
    { GW_LIT(" {} "), { 0 }, GW_JSON_OBJECT, GW_LIT("{}") },
    { GW_LIT("7"), { 0 }, GW_JSON_NUMBER, GW_LIT("7") },
    { GW_LIT("7"), { "a" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("[{\"a\":1}]"), { "a" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{}"), { "a" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{\"a\":1}"), { "a" }, GW_JSON_NUMBER, GW_LIT("1") },
    { GW_LIT("{\"a\" : \"x\" }"), { "a" }, GW_JSON_STRING, GW_LIT("\"x\"") },
    { GW_LIT("{\"a\": {\"b\": 1 } }"),
      { "a" },
      GW_JSON_OBJECT,
      GW_LIT("{\"b\": 1 }") },
    { GW_LIT("{\"a\":[ ]}"), { "a" }, GW_JSON_ARRAY, GW_LIT("[ ]") },
    { GW_LIT("{\"a\":null}"), { "a" }, GW_JSON_NULL, GW_LIT("null") },
    { GW_LIT("{\"a\":true}"), { "a" }, GW_JSON_TRUE, GW_LIT("true") },
    { GW_LIT("{\"a\":false}"), { "a" }, GW_JSON_FALSE, GW_LIT("false") },
    { GW_LIT("{\"A\":1}"), { "a" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{\"\":1}"), { "" }, GW_JSON_NUMBER, GW_LIT("1") },
    { GW_LIT("{\"b\":{\"a\":1}}"), { "a" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{\"a\":{\"b\":2}}"), { "a", "b" }, GW_JSON_NUMBER, GW_LIT("2") },
    { GW_LIT("{\"a\":[{\"b\":2}]}"), { "a", "b" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{\"x\":{\"b\":2},\"a\":{\"c\":3}}"),
      { "a", "b" },
      GW_JSON_ABSENT,
      GW_LIT("") },
    { GW_LIT("{\"a\":{\"c\":3},\"x\":{\"b\":2}}"),
      { "a", "b" },
      GW_JSON_ABSENT,
      GW_LIT("") },
    { GW_LIT("{\"a\":{\"c\":{\"b\":3},\"b\":4}}"),
      { "a", "b" },
      GW_JSON_NUMBER,
      GW_LIT("4") },
    { GW_LIT("{\"a\":{\"b\":{\"c\":1,\"d\":{}}},\"e\":{\"b\":{\"c\":2}}}"),
      { "a", "b", "c" },
      GW_JSON_NUMBER,
      GW_LIT("1") },
    { GW_LIT("{\"a\":{\"b\":{\"c\":1},\"c\":2},\"c\":3}"),
      { "a", "c" },
      GW_JSON_NUMBER,
      GW_LIT("2") },
    /* of equal names the last counts, at every level */
    { GW_LIT("{\"a\":1,\"a\":2}"), { "a" }, GW_JSON_NUMBER, GW_LIT("2") },
    { GW_LIT("{\"a\":{\"b\":1},\"a\":{}}"),
      { "a", "b" },
      GW_JSON_ABSENT,
      GW_LIT("") },
    { GW_LIT("{\"a\":{\"b\":1},\"a\":5}"),
      { "a", "b" },
      GW_JSON_ABSENT,
      GW_LIT("") },
    { GW_LIT("{\"a\":5,\"a\":{\"b\":1}}"),
      { "a", "b" },
      GW_JSON_NUMBER,
      GW_LIT("1") },
    /* names are compared after unescaping */
    { GW_LIT("{\"\\u0061\":1}"), { "a" }, GW_JSON_NUMBER, GW_LIT("1") },
    { GW_LIT("{\"a\\n\":1}"), { "a\\n" }, GW_JSON_ABSENT, GW_LIT("") },
    { GW_LIT("{\"a\\n\":1}"), { "a\n" }, GW_JSON_NUMBER, GW_LIT("1") },
    { GW_LIT("{\"\\ud83d\\ude00\":1}"),
      { "\xf0\x9f\x98\x80" },
      GW_JSON_NUMBER,
      GW_LIT("1") },
};

START_TEST(members_are_found)
{
    gw_str names[4];
    size_t count = 0;
    gw_json root, hit, step;

    for (; count < 4 && finds[_i].names[count]; count++)
        names[count] = gw_str_of(finds[_i].names[count]);
    ck_assert(gw_json_read_find(finds[_i].text, names, count, &root, &hit) ==
              GW_OK);
    ck_assert_msg(hit.kind == finds[_i].kind, "%.*s", GW_FMT(finds[_i].text));
    ck_assert_gw_str(hit.raw, finds[_i].want);

    step = root; /* the slow road leads to the same place */
    for (size_t i = 0; i < count; i++)
        step = gw_json_member(step, names[i]);
    ck_assert(step.kind == hit.kind && step.raw.at == hit.raw.at);
    ck_assert_gw_str(step.raw, hit.raw);
}
END_TEST

START_TEST(containers_are_walked)
{
    gw_json array = read_ok(GW_LIT("[ 1 , \"]\\\"\" ,[2,[3]], {\"}\":4} ]"));
    gw_json object = read_ok(GW_LIT("{ \"a\\\"\" : 1 , \"b\":{\"c\":[ ]} }"));
    gw_json name, value;
    size_t at = 0;

    ck_assert(gw_json_next(array, &at, &name, &value));
    ck_assert_gw_str(value.raw, GW_LIT("1"));
    ck_assert(name.kind == GW_JSON_ABSENT);
    ck_assert(gw_json_next(array, &at, &name, &value));
    ck_assert_gw_str(value.raw, GW_LIT("\"]\\\"\""));
    ck_assert(gw_json_next(array, &at, &name, &value));
    ck_assert_gw_str(value.raw, GW_LIT("[2,[3]]"));
    ck_assert(gw_json_next(array, &at, &name, &value));
    ck_assert_gw_str(value.raw, GW_LIT("{\"}\":4}"));
    ck_assert(!gw_json_next(array, &at, &name, &value));
    ck_assert(!gw_json_next(array, &at, &name, &value));

    at = 0;
    ck_assert(gw_json_next(object, &at, &name, &value));
    ck_assert_gw_str(name.raw, GW_LIT("\"a\\\"\""));
    ck_assert_gw_str(value.raw, GW_LIT("1"));
    ck_assert(gw_json_next(object, &at, &name, &value));
    ck_assert_gw_str(name.raw, GW_LIT("\"b\""));
    ck_assert_gw_str(value.raw, GW_LIT("{\"c\":[ ]}"));
    ck_assert(!gw_json_next(object, &at, &name, &value));

    at = 0;
    ck_assert(!gw_json_next(read_ok(GW_LIT("[ ]")), &at, &name, &value));
    ck_assert(!gw_json_next(read_ok(GW_LIT("{}")), &at, &name, &value));
    ck_assert(!gw_json_next(read_ok(GW_LIT("\"[]\"")), &at, &name, &value));
}
END_TEST

START_TEST(what_is_not_there_is_absent)
{
    gw_json array = read_ok(GW_LIT("[1,2]")), nothing;

    ck_assert_gw_str(gw_json_item(array, 1).raw, GW_LIT("2"));
    nothing = gw_json_item(array, 2);
    ck_assert(nothing.kind == GW_JSON_ABSENT && nothing.raw.len == 0);
    ck_assert(gw_json_item(nothing, 0).kind == GW_JSON_ABSENT);
    ck_assert(gw_json_member(nothing, GW_LIT("a")).kind == GW_JSON_ABSENT);
    ck_assert(gw_json_member(array, GW_LIT("1")).kind == GW_JSON_ABSENT);
    ck_assert(!gw_json_is_text(nothing, GW_EMPTY));
}
END_TEST

/* --- strings and numbers -------------------------------------------------- */

static const struct {
    gw_str spelled, text;
} strings[] = {
    { GW_LIT("\"\""), GW_LIT("") },
    { GW_LIT("\"plain\""), GW_LIT("plain") },
    { GW_LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), GW_LIT("\"\\/\b\f\n\r\t") },
    { GW_LIT("\"a\\u0000b\""), GW_LIT("a\0b") },
    { GW_LIT("\"\\u00e9\\u20AC\""), GW_LIT("\xc3\xa9\xe2\x82\xac") },
    { GW_LIT("\"\\ud83d\\ude00\""), GW_LIT("\xf0\x9f\x98\x80") },
    /* halves of a pair: U+FFFD each */
    { GW_LIT("\"\\ude00\""), GW_LIT("\xef\xbf\xbd") },
    { GW_LIT("\"\\ud83d\""), GW_LIT("\xef\xbf\xbd") },
    { GW_LIT("\"\\ud83dx\""), GW_LIT("\xef\xbf\xbdx") },
    { GW_LIT("\"\\ud83d\\n\""), GW_LIT("\xef\xbf\xbd\n") },
    { GW_LIT("\"\\ud83d\\u0041\""), GW_LIT("\xef\xbf\xbd"
                                           "A") },
    { GW_LIT("\"\\ud83d\\ud83d\\ude00\""),
      GW_LIT("\xef\xbf\xbd\xf0\x9f\x98\x80") },
};

START_TEST(strings_are_unescaped)
{
    gw_json string = read_ok(strings[_i].spelled);
    struct gw_arena a;
    gw_str text;

    gw_arena_init(&a, 4096);
    ck_assert(gw_json_text(&a, string, &text) == GW_OK);
    ck_assert_gw_str(text, strings[_i].text);
    ck_assert(gw_json_is_text(string, strings[_i].text));
    ck_assert(!gw_json_is_text(string, GW_LIT("something else")));
    if (text.len) {
        text.len--;
        ck_assert(!gw_json_is_text(string, text));
    }
    gw_arena_fini(&a);
}
END_TEST

START_TEST(unescaping_minds_the_arena)
{
    struct gw_arena a;
    gw_str text;

    gw_arena_init(&a, 4);
    ck_assert(gw_json_text(&a, read_ok(GW_LIT("\"123456\"")), &text) == GW_OK);
    ck_assert(gw_json_text(&a, read_ok(GW_LIT("\"1234\\n\"")), &text) ==
              GW_E_TOO_BIG);
    gw_arena_fini(&a);
}
END_TEST

static const struct {
    gw_str spelled;
    bool whole;
    int64_t value;
} numbers[] = {
    { GW_LIT("0"), true, 0 },
    { GW_LIT("-0"), true, 0 },
    { GW_LIT("200"), true, 200 },
    { GW_LIT("-17"), true, -17 },
    { GW_LIT("200.0"), true, 200 },
    { GW_LIT("2e2"), true, 200 },
    { GW_LIT("2.5E+1"), true, 25 },
    { GW_LIT("2500e-2"), true, 25 },
    { GW_LIT("2.5"), false, 0 },
    { GW_LIT("25e-1"), false, 0 },
    { GW_LIT("0e99999999999999999999"), true, 0 },
    { GW_LIT("0e-99999999999999999999"), true, 0 },
    { GW_LIT("1e99999999999999999999"), false, 0 },
    { GW_LIT("1e-99999999999999999999"), false, 0 },
    { GW_LIT("9223372036854775807"), true, INT64_MAX },
    { GW_LIT("9223372036854775808"), false, 0 },
    { GW_LIT("-9223372036854775808"), true, INT64_MIN },
    { GW_LIT("-9223372036854775809"), false, 0 },
    { GW_LIT("\"5\""), false, 0 },
    { GW_LIT("true"), false, 0 },
};

START_TEST(whole_numbers_are_known)
{
    int64_t value;
    bool whole = gw_json_to_i64(read_ok(numbers[_i].spelled), &value);

    ck_assert_msg(whole == numbers[_i].whole, "%.*s",
                  GW_FMT(numbers[_i].spelled));
    if (whole)
        ck_assert_int_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(text_is_written_with_the_escapes_rfc_8259_asks_for)
{
    struct gw_buf b;

    gw_buf_init(&b, 100);
    ck_assert(gw_json_write_text(&b, GW_LIT("")) == GW_OK);
    ck_assert(gw_json_write_text(&b, GW_LIT("a\"\\/\b\f\n\r\t\x01\x1f\0\x7f"
                                            "\xe2\x82\xac")) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&b),
                     GW_LIT("\"\"\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f"
                            "\\u0000\x7f\xe2\x82\xac\""));
    gw_buf_fini(&b);

    gw_buf_init(&b, 5); /* all or nothing */
    ck_assert(gw_json_write_text(&b, GW_LIT("12\n")) == GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 0);
    gw_buf_fini(&b);
}
END_TEST

GW_SUITE(GW_TEST_NAME)
{
    tcase_add_loop_test(tc, grammar_is_strict, 0, GW_LEN(grammar));
    tcase_add_test(tc, strings_end_at_any_place);
    tcase_add_test(tc, depth_has_a_bound);
    tcase_add_test(tc, test_suite_is_judged);
    tcase_add_loop_test(tc, transforms_are_answered, 0, GW_LEN(transforms));
    tcase_add_loop_test(tc, members_are_found, 0, GW_LEN(finds));
    tcase_add_test(tc, containers_are_walked);
    tcase_add_test(tc, what_is_not_there_is_absent);
    tcase_add_loop_test(tc, strings_are_unescaped, 0, GW_LEN(strings));
    tcase_add_test(tc, unescaping_minds_the_arena);
    tcase_add_loop_test(tc, whole_numbers_are_known, 0, GW_LEN(numbers));
    tcase_add_test(tc, text_is_written_with_the_escapes_rfc_8259_asks_for);
}
