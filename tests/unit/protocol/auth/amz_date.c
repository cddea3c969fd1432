#include "protocol/auth/amz_date.h"

#include "tests/support/suite.h"

static const struct {
    const char *text;
    int64_t unix_s; /* GNU date -u */
} dates[] = {
    { "20150830T123600Z", 1440938160 }, { "19700101T000000Z", 0 },
    { "20240229T235959Z", 1709251199 }, { "20991231T235959Z", 4102444799 },
    { "20261122T104941Z", 1795344581 }, { "20240301T000000Z", 1709251200 },
};

START_TEST(dates_are_read_and_written)
{
    char text[GW_AMZ_DATE_LEN + 1];
    int64_t unix_s;

    gw_amz_date_write(dates[_i].unix_s, text);
    ck_assert_str_eq(text, dates[_i].text);
    ck_assert(gw_amz_date_read(gw_str_of(dates[_i].text), &unix_s));
    ck_assert_int_eq(unix_s, dates[_i].unix_s);
}
END_TEST

static const char *const wrong[] = {
    "",
    "20150830",
    "20150830T123600",
    "20150830T123600ZZ",
    "20150830t123600Z",
    "20150830T123600z",
    "2015-08-30T12:36:00Z",
    "2015083 T123600Z",
    "+0150830T123600Z",
    "20151330T123600Z",
    "20150030T123600Z",
    "20150832T123600Z",
    "20150800T123600Z",
    "20150830T243600Z",
    "20150830T126000Z",
    "20150830T123660Z",
    "Sun, 30 Aug 2015 12:36:00 GMT",
};

START_TEST(other_spellings_are_refused)
{
    int64_t unix_s;

    ck_assert_msg(!gw_amz_date_read(gw_str_of(wrong[_i]), &unix_s), "%s",
                  wrong[_i]);
}
END_TEST

GW_SUITE("protocol/auth/amz_date")
{
    tcase_add_loop_test(tc, dates_are_read_and_written, 0, GW_LEN(dates));
    tcase_add_loop_test(tc, other_spellings_are_refused, 0, GW_LEN(wrong));
}
