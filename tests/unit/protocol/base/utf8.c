#include "protocol/base/utf8.h"

#include "tests/support/suite.h"

/* RFC 3629 section 4; the names are those of Markus Kuhn's stress test. */
static const struct {
    const char *name;
    gw_str text;
    bool valid, begins; /* begins: valid text could still come of it */
} cases[] = {
    { "empty", GW_LIT(""), true, true },
    { "ASCII", GW_LIT("hello"), true, true },
    { "a NUL", GW_LIT("a\0b"), true, true },
    { "kosme", GW_LIT("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), true,
      true },
    { "first of 2 bytes, U+80", GW_LIT("\xc2\x80"), true, true },
    { "last of 2 bytes, U+7FF", GW_LIT("\xdf\xbf"), true, true },
    { "first of 3 bytes, U+800", GW_LIT("\xe0\xa0\x80"), true, true },
    { "before the surrogates, U+D7FF", GW_LIT("\xed\x9f\xbf"), true, true },
    { "after the surrogates, U+E000", GW_LIT("\xee\x80\x80"), true, true },
    { "last of 3 bytes, U+FFFF", GW_LIT("\xef\xbf\xbf"), true, true },
    { "first of 4 bytes, U+10000", GW_LIT("\xf0\x90\x80\x80"), true, true },
    { "last of all, U+10FFFF", GW_LIT("\xf4\x8f\xbf\xbf"), true, true },
    { "one above, U+110000", GW_LIT("\xf4\x90\x80\x80"), false, false },
    { "far above", GW_LIT("\xf5\x80\x80\x80"), false, false },
    { "5 bytes", GW_LIT("\xf8\x88\x80\x80\x80"), false, false },
    { "6 bytes", GW_LIT("\xfc\x84\x80\x80\x80\x80"), false, false },
    { "lone continuation", GW_LIT("\x80"), false, false },
    { "continuation after text", GW_LIT("abc\xbf"), false, false },
    { "impossible fe", GW_LIT("\xfe"), false, false },
    { "impossible ff", GW_LIT("\xff"), false, false },
    { "overlong slash, 2 bytes", GW_LIT("\xc0\xaf"), false, false },
    { "overlong slash, 3 bytes", GW_LIT("\xe0\x80\xaf"), false, false },
    { "overlong slash, 4 bytes", GW_LIT("\xf0\x80\x80\xaf"), false, false },
    { "overlong NUL", GW_LIT("\xc0\x80"), false, false },
    { "longest overlong, 2 bytes", GW_LIT("\xc1\xbf"), false, false },
    { "longest overlong, 3 bytes", GW_LIT("\xe0\x9f\xbf"), false, false },
    { "longest overlong, 4 bytes", GW_LIT("\xf0\x8f\xbf\xbf"), false, false },
    { "first surrogate, U+D800", GW_LIT("\xed\xa0\x80"), false, false },
    { "last surrogate, U+DFFF", GW_LIT("\xed\xbf\xbf"), false, false },
    { "a pair of surrogates", GW_LIT("\xed\xa0\x80\xed\xb0\x80"), false,
      false },
    { "2 bytes, truncated", GW_LIT("\xc2"), false, true },
    { "3 bytes, truncated", GW_LIT("\xe1\xbd"), false, true },
    { "4 bytes, truncated", GW_LIT("\xf0\x90\x80"), false, true },
    { "truncated, then ASCII", GW_LIT("\xe1\xbd."), false, false },
    { "truncated, then a lead", GW_LIT("\xe1\xbd\xc2\x80"), false, false },
    { "40 ASCII, then two bytes",
      GW_LIT("0123456789012345678901234567890123456789\xc2\x80"), true, true },
    { "a bad byte in the second block of 32",
      GW_LIT("01234567890123456789012345678901abcdefghijklmnop\x80"
             "rstuvwxyz012345"),
      false, false },
};

static void judge(size_t i, uint32_t state, const char *how)
{
    ck_assert_msg((state == 0) == cases[i].valid &&
                      (state != GW_UTF8_BAD) == cases[i].begins,
                  "%s, %s", cases[i].name, how);
}

START_TEST(texts_are_judged_however_they_arrive)
{
    size_t i = (size_t)_i;
    gw_str text = cases[i].text;
    uint32_t state = 0;

    ck_assert(gw_utf8_is_valid(text) == cases[i].valid);
    judge(i, gw_utf8_feed(0, text), "whole");
    for (size_t at = 0; at < text.len; at++)
        state = gw_utf8_feed(state, (gw_str){ text.at + at, 1 });
    judge(i, state, "byte by byte");
    for (size_t at = 0; at <= text.len; at++) {
        state = gw_utf8_feed(0, gw_str_head(text, at));
        judge(i, gw_utf8_feed(state, gw_str_skip(text, at)), "split");
    }
}
END_TEST

/* "At the first byte that cannot be part of valid text", not later. */
START_TEST(bad_text_is_noticed_at_once)
{
    static const gw_str heads[] = {
        GW_LIT("\xc0"),     GW_LIT("\xe0\x9f"), GW_LIT("\xed\xa0"),
        GW_LIT("\xf0\x8f"), GW_LIT("\xf4\x90"), GW_LIT("\xf5"),
    };

    for (size_t i = 0; i < GW_LEN(heads); i++)
        ck_assert(gw_utf8_feed(0, heads[i]) == GW_UTF8_BAD);
}
END_TEST

START_TEST(every_scalar_value_is_encoded)
{
    for (uint32_t scalar = 0; scalar <= 0x10FFFF; scalar++) {
        char bytes[4];
        size_t len = gw_utf8_encode(scalar, bytes);
        bool surrogate = scalar >= 0xD800 && scalar <= 0xDFFF;

        if (gw_utf8_is_valid((gw_str){ bytes, len }) == surrogate)
            ck_abort_msg("U+%X", scalar);
    }
}
END_TEST

/* The examples of RFC 3629 section 7. */
static const struct {
    uint32_t scalar;
    gw_str bytes;
} encodings[] = {
    { 0x41, GW_LIT("\x41") },
    { 0x2262, GW_LIT("\xe2\x89\xa2") },
    { 0x391, GW_LIT("\xce\x91") },
    { 0x233B4, GW_LIT("\xf0\xa3\x8e\xb4") },
};

START_TEST(well_known_characters_are_encoded)
{
    char bytes[4];
    size_t len = gw_utf8_encode(encodings[_i].scalar, bytes);

    ck_assert_gw_str(((gw_str){ bytes, len }), encodings[_i].bytes);
}
END_TEST

/*
 * What is valid is counted, and compared with what RFC 3629 allows: 128
 * scalars of one byte, 1,920 of two, 61,440 of three (65,536 - 2,048 - 2,048
 * surrogates), 1,048,576 of four. Only strings that begin with a lead byte,
 * to keep it quick; whole and by pieces, because short and long input take
 * different ways through the code.
 */
enum { ONE = 128, TWO = 1920, THREE = 61440, FOUR = 1048576 };

/* Three bytes of `word`, then as many of `tail`; cut at `at`. */
static bool is_valid(uint32_t word, gw_str tail, size_t at)
{
    char bytes[8] = { (char)(word >> 16), (char)(word >> 8), (char)word };
    gw_str text = { bytes, 3 + tail.len };

    memcpy(bytes + 3, tail.at, tail.len);
    return gw_utf8_feed(gw_utf8_feed(0, gw_str_head(text, at)),
                        gw_str_skip(text, at)) == 0;
}

static const struct {
    const char *name;
    gw_str tail;
    size_t cut;
} three[] = {
    { "alone", GW_LIT(""), 0 },        { "before ASCII", GW_LIT("a"), 0 },
    { "cut at 1", GW_LIT(""), 1 },     { "cut at 2", GW_LIT("b"), 2 },
    { "before more", GW_LIT("€"), 0 },
};

START_TEST(strings_of_three_bytes_are_counted)
{
    size_t count = 0;

    for (uint32_t word = 0xC00000; word < 1 << 24; word++)
        count += is_valid(word, three[_i].tail, three[_i].cut);
    ck_assert_msg(count == TWO * ONE + THREE, "%s: %zu", three[_i].name, count);
}
END_TEST

/* By the last byte: a continuation, or not. */
static const struct {
    gw_str last;
    size_t cut, count;
} four[] = {
    { GW_LIT("\x80"), 0, TWO *(TWO / 64) + FOUR / 64 },
    { GW_LIT("\xbf"), 0, TWO *(TWO / 64) + FOUR / 64 },
    { GW_LIT("\xbf"), 3, TWO *(TWO / 64) + FOUR / 64 },
    { GW_LIT("\xc0"), 0, 0 },
    { GW_LIT("\x7f"), 0, TWO *ONE + THREE },
};

START_TEST(strings_of_four_bytes_are_counted)
{
    size_t count = 0;

    for (uint32_t word = 0xC00000; word < 1 << 24; word++)
        count += is_valid(word, four[_i].last, four[_i].cut);
    ck_assert_uint_eq(count, four[_i].count);
}
END_TEST

/* ... and the bad byte is noticed when it comes, not later. */
START_TEST(every_scalar_is_valid_at_every_place)
{
    char text[64];

    for (uint32_t scalar = 0; scalar <= 0x10FFFF; scalar += 61) {
        size_t before = scalar % 37, n;

        if (scalar >> 11 == 0xD800 >> 11)
            continue;
        memset(text, 'a', sizeof(text));
        n = before + gw_utf8_encode(scalar, text + before);
        if (!gw_utf8_is_valid((gw_str){ text, sizeof(text) }))
            ck_abort_msg("U+%04X", scalar);
        if (scalar < 0x80)
            continue;
        text[n - 1] = 'a';
        if (gw_utf8_feed(0, (gw_str){ text, n }) != GW_UTF8_BAD)
            ck_abort_msg("U+%04X, broken off", scalar);
        text[n - 1] = '\x80';
        text[n] = '\x80';
        if (gw_utf8_feed(0, (gw_str){ text, n + 1 }) != GW_UTF8_BAD)
            ck_abort_msg("U+%04X, and one more", scalar);
    }
}
END_TEST

static const struct {
    gw_str text, repaired;
} repairs[] = {
    { GW_LIT(""), GW_LIT("") },
    { GW_LIT("caf\xc3\xa9"), GW_LIT("caf\xc3\xa9") },
    { GW_LIT("caf\xe9"), GW_LIT("caf\xef\xbf\xbd") },
    { GW_LIT("\xe9 \xf0\x9f\x98\x80"),
      GW_LIT("\xef\xbf\xbd \xf0\x9f\x98\x80") },
    { GW_LIT("\xf0\x9f\x98"), GW_LIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
    { GW_LIT("\xc0\x80z"), GW_LIT("\xef\xbf\xbd\xef\xbf\xbdz") },
};

START_TEST(what_is_no_utf8_is_replaced)
{
    struct gw_arena a;
    gw_str out;

    gw_arena_init(&a, 4096);
    ck_assert(gw_utf8_repair(&a, repairs[_i].text, &out) == GW_OK);
    ck_assert_gw_str(out, repairs[_i].repaired);
    ck_assert(gw_utf8_is_valid(out));
    gw_arena_fini(&a);
}
END_TEST

GW_SUITE("protocol/base/utf8")
{
    tcase_add_loop_test(tc, what_is_no_utf8_is_replaced, 0, GW_LEN(repairs));
    tcase_add_loop_test(tc, texts_are_judged_however_they_arrive, 0,
                        GW_LEN(cases));
    tcase_add_test(tc, bad_text_is_noticed_at_once);
    tcase_add_test(tc, every_scalar_value_is_encoded);
    tcase_add_loop_test(tc, well_known_characters_are_encoded, 0,
                        GW_LEN(encodings));
    tcase_add_loop_test(tc, strings_of_three_bytes_are_counted, 0,
                        GW_LEN(three));
    tcase_add_loop_test(tc, strings_of_four_bytes_are_counted, 0, GW_LEN(four));
    tcase_add_test(tc, every_scalar_is_valid_at_every_place);
}
