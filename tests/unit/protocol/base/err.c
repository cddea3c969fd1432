#include "protocol/base/err.h"

#include "protocol/base/str.h"
#include "tests/support/suite.h"

START_TEST(every_error_has_its_words)
{
    for (int err = GW_OK; err < GW_ERR_COUNT; err++) {
        unsigned status = gw_err_http_status(err),
                 code = gw_err_close_code(err);

        ck_assert(gw_err_name(err)[0] && gw_err_text(err)[0]);
        ck_assert(err == GW_OK ? status == 200 : status >= 400 && status < 600);
        ck_assert(code == 0 || (code >= 1000 && code < 5000));
    }
}
END_TEST

START_TEST(faults_are_written_and_cut)
{
    struct gw_fault why;
    gw_err err = gw_fail(&why, GW_E_TOO_BIG, "%s: %500d", "x", 1);

    ck_assert(err == GW_E_TOO_BIG);
    ck_assert_uint_eq(strlen(why.text), sizeof(why.text) - 1);
    err = gw_fail(NULL, GW_E_SYNTAX, "%s", "nobody looks");
    ck_assert(err == GW_E_SYNTAX);
}
END_TEST

GW_SUITE("protocol/base/err")
{
    tcase_add_test(tc, every_error_has_its_words);
    tcase_add_test(tc, faults_are_written_and_cut);
}
