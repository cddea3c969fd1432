#include "protocol/base/utf8.h"

#include "tests/support/suite.h"

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

GW_SUITE("protocol/base/utf8")
{
    tcase_add_loop_test(tc, strings_of_three_bytes_are_counted, 0,
                        GW_LEN(three));
    tcase_add_loop_test(tc, strings_of_four_bytes_are_counted, 0, GW_LEN(four));
    tcase_add_test(tc, every_scalar_is_valid_at_every_place);
}
