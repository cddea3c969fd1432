#include "protocol/base/bytes.h"

#include "tests/support/suite.h"

START_TEST(bytes_live_until_the_last_reference_goes)
{
    char text[] = "hello";
    struct gw_bytes *b = gw_bytes_dup(gw_str_of(text));

    text[0] = 'x';
    ck_assert_gw_str(gw_bytes_str(b), GW_LIT("hello"));
    ck_assert(gw_bytes_ref(b) == b);
    gw_bytes_unref(b);
    ck_assert_gw_str(gw_bytes_str(b), GW_LIT("hello"));
    gw_bytes_unref(b); /* a leak or a second free shows under asan */
}
END_TEST

START_TEST(nothing_is_bytes_too)
{
    struct gw_bytes *b = gw_bytes_dup(GW_EMPTY);

    ck_assert_gw_str(gw_bytes_str(b), GW_EMPTY);
    ck_assert_gw_str(gw_bytes_str(NULL), GW_EMPTY);
    gw_bytes_unref(b);
    gw_bytes_unref(NULL);
}
END_TEST

GW_SUITE("protocol/base/bytes")
{
    tcase_add_test(tc, bytes_live_until_the_last_reference_goes);
    tcase_add_test(tc, nothing_is_bytes_too);
}
