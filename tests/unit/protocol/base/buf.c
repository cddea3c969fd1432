#include "protocol/base/buf.h"

#include "tests/support/suite.h"

START_TEST(bytes_are_appended_and_consumed)
{
    struct gw_buf b;

    gw_buf_init(&b, 1000);
    ck_assert_gw_str(gw_buf_str(&b), GW_EMPTY);
    ck_assert(gw_buf_add(&b, GW_EMPTY) == GW_OK);
    ck_assert(gw_buf_add(&b, GW_LIT("hello\0 ")) == GW_OK);
    ck_assert(gw_buf_addf(&b, "%s %d", "world", 42) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("hello\0 world 42"));
    gw_buf_consume(&b, 0);
    gw_buf_consume(&b, 7);
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("world 42"));
    gw_buf_consume(&b, 8);
    ck_assert_gw_str(gw_buf_str(&b), GW_EMPTY);
    gw_buf_fini(&b);
    ck_assert(gw_buf_add(&b, GW_LIT("again")) == GW_OK);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(what_would_pass_the_cap_changes_nothing)
{
    struct gw_buf b;

    gw_buf_init(&b, 10);
    ck_assert(gw_buf_add(&b, GW_LIT("01234")) == GW_OK);
    ck_assert(gw_buf_add(&b, GW_LIT("012345")) == GW_E_TOO_BIG);
    ck_assert(gw_buf_addf(&b, "%06d", 1) == GW_E_TOO_BIG);
    ck_assert(gw_buf_reserve(&b, 6) == GW_E_TOO_BIG);
    ck_assert(gw_buf_reserve(&b, SIZE_MAX) == GW_E_TOO_BIG);
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("01234"));
    ck_assert(gw_buf_addf(&b, "%05d", 1) == GW_OK); /* exactly full */
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("0123400001"));
    ck_assert(b.max == 10);
    ck_assert(gw_buf_add(&b, GW_EMPTY) == GW_OK);
    ck_assert(gw_buf_add(&b, GW_LIT("x")) == GW_E_TOO_BIG);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(reserved_room_is_the_callers_to_fill)
{
    struct gw_buf b;

    gw_buf_init(&b, 100000);
    ck_assert(gw_buf_add(&b, GW_LIT("x")) == GW_OK);
    ck_assert(gw_buf_reserve(&b, 99999) == GW_OK);
    memset(b.at + b.len, 'y', 99999);
    b.len += 99999;
    ck_assert(b.at[0] == 'x' && b.at[99999] == 'y');
    gw_buf_fini(&b);
}
END_TEST

GW_SUITE("protocol/base/buf")
{
    tcase_add_test(tc, bytes_are_appended_and_consumed);
    tcase_add_test(tc, what_would_pass_the_cap_changes_nothing);
    tcase_add_test(tc, reserved_room_is_the_callers_to_fill);
}
