#include "protocol/base/base64.h"

#include "tests/support/suite.h"

/* RFC 4648 section 10, and the letters in which the alphabets differ. */
static const struct {
    gw_base64_kind kind;
    gw_str bytes, text;
} vectors[] = {
    { GW_BASE64, GW_LIT(""), GW_LIT("") },
    { GW_BASE64, GW_LIT("f"), GW_LIT("Zg==") },
    { GW_BASE64, GW_LIT("fo"), GW_LIT("Zm8=") },
    { GW_BASE64, GW_LIT("foo"), GW_LIT("Zm9v") },
    { GW_BASE64, GW_LIT("foob"), GW_LIT("Zm9vYg==") },
    { GW_BASE64, GW_LIT("fooba"), GW_LIT("Zm9vYmE=") },
    { GW_BASE64, GW_LIT("foobar"), GW_LIT("Zm9vYmFy") },
    { GW_BASE64, GW_LIT("\xfb\xef\xff"), GW_LIT("++//") },
    { GW_BASE64URL, GW_LIT("\xfb\xef\xff"), GW_LIT("--__") },
    { GW_BASE64, GW_LIT("\x14\xfb\x9c\x03\xd9\x7e"), GW_LIT("FPucA9l+") },
};

START_TEST(vectors_hold_both_ways)
{
    gw_str bytes = vectors[_i].bytes;
    char text[64], back[64];
    size_t len = gw_base64_encode(vectors[_i].kind, bytes, text);

    ck_assert_uint_eq(len, GW_BASE64_LEN(bytes.len));
    ck_assert_gw_str(((gw_str){ text, len }), vectors[_i].text);
    ck_assert(gw_base64_decode(vectors[_i].kind, vectors[_i].text, back, &len));
    ck_assert_gw_str(((gw_str){ back, len }), bytes);
}
END_TEST

static const struct {
    gw_base64_kind kind;
    const char *text;
} wrong[] = {
    { GW_BASE64, "Z" },        { GW_BASE64, "Zg" },
    { GW_BASE64, "Zg=" },      { GW_BASE64, "Zm9vYg" },
    { GW_BASE64, "====" },     { GW_BASE64, "Z===" },
    { GW_BASE64, "Zg==Zg==" }, { GW_BASE64, "Zg=a" },
    { GW_BASE64, "Zh==" }, /* spare bits set */
    { GW_BASE64, "Zm9=" },     { GW_BASE64, " Zg=" },
    { GW_BASE64, "Zm9v\n" },   { GW_BASE64, "Zm\n9v" },
    { GW_BASE64, "--__" },     { GW_BASE64URL, "++//" },
    { GW_BASE64, "Zm9\xff" },
};

START_TEST(other_texts_are_refused)
{
    char out[64];
    size_t len;

    ck_assert_msg(
        !gw_base64_decode(wrong[_i].kind, gw_str_of(wrong[_i].text), out, &len),
        "\"%s\"", wrong[_i].text);
}
END_TEST

/* Each of the 256 characters is a letter of an alphabet or it is not. */
START_TEST(each_alphabet_has_64_letters)
{
    for (int kind = GW_BASE64; kind <= GW_BASE64URL; kind++) {
        unsigned letters = 0;

        for (int c = 0; c < 256; c++) {
            char text[4] = { 'A', 'A', 'A', (char)c }, out[3];
            size_t len;

            letters += c != '=' &&
                       gw_base64_decode(kind, (gw_str){ text, 4 }, out, &len);
        }
        ck_assert_uint_eq(letters, 64);
    }
}
END_TEST

START_TEST(hexadecimal_goes_both_ways)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "", true },    { "00ff7aA0", true }, { "0", false },  { "0g", false },
        { "+1", false }, { "0x", false },      { " 1", false },
    };
    char bytes[8], text[16];

    for (size_t i = 0; i < GW_LEN(cases); i++)
        ck_assert_msg(gw_hex_decode(gw_str_of(cases[i].text), bytes) ==
                          cases[i].valid,
                      "\"%s\"", cases[i].text);
    ck_assert(gw_hex_decode(GW_LIT("00ff7aA0"), bytes));
    ck_assert_gw_str(((gw_str){ bytes, 4 }), GW_LIT("\x00\xff\x7a\xa0"));
    gw_hex_encode(bytes, 4, text);
    ck_assert_gw_str(((gw_str){ text, 8 }), GW_LIT("00ff7aa0"));
}
END_TEST

GW_SUITE("protocol/base/base64")
{
    tcase_add_loop_test(tc, vectors_hold_both_ways, 0, GW_LEN(vectors));
    tcase_add_loop_test(tc, other_texts_are_refused, 0, GW_LEN(wrong));
    tcase_add_test(tc, each_alphabet_has_64_letters);
    tcase_add_test(tc, hexadecimal_goes_both_ways);
}
