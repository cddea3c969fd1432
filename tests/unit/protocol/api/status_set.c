#include "protocol/api/status_set.h"

#include "tests/support/suite.h"

/* Keys as websocket-api.md 4.7 writes them: Java's regular expressions, on
 * the whole decimal status. */
static const struct {
    const char *key;
    unsigned in[3], out[3]; /* 0: none */
} cases[] = {
    { "/200/", { 200 }, { 20, 201, 2 } },
    { "/2\\d\\d/", { 200, 204, 299 }, { 199, 300, 20 } },
    { "/4\\d{2}/", { 400, 499 }, { 500, 40, 399 } },
    { "/4../", { 400, 404, 499 }, { 500, 399, 4 } },
    { "/[45]\\d\\d/", { 400, 500, 599 }, { 200, 300, 399 } },
    { "/[^2]\\d\\d/", { 100, 302, 500 }, { 200, 299 } },
    { "/[3-5]0[0-4]/", { 300, 404, 500 }, { 305, 600, 200 } },
    { "/(404|410)/", { 404, 410 }, { 400, 411 } },
    { "/404|5\\d\\d/", { 404, 500, 599 }, { 400, 50 } },
    { "/(?:40)\\d/", { 400, 409 }, { 410 } },
    { "/.*/", { 100, 200, 599 }, { 0 } },
    { "/\\d+/", { 100, 200, 599 }, { 0 } },
    { "/20?\\d/", { 200, 201 }, { 210, 2 } },
    { "/^2\\d\\d$/", { 200 }, { 300 } },
    { "/50[\\d]/", { 500, 509 }, { 510 } },
    { "/\\w0\\S/", { 200, 404 }, { 210, 40 } },
    { "/20/", { 20 }, { 200, 201 } }, /* the whole, not a part */
};

START_TEST(keys_match_whole_statuses)
{
    struct gw_status_set set;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_status_set_read(gw_str_of(cases[_i].key), &set, &why) ==
                      GW_OK,
                  "%s: %s", cases[_i].key, why.text);
    for (int i = 0; i < 3; i++) {
        unsigned in = cases[_i].in[i], out = cases[_i].out[i];

        ck_assert_msg(!in || gw_status_set_has(&set, in), "%s misses %u",
                      cases[_i].key, in);
        ck_assert_msg(!out || !gw_status_set_has(&set, out), "%s matches %u",
                      cases[_i].key, out);
    }
}
END_TEST

static const char *const refused[] = {
    "",
    "/",
    "//",
    "200",
    "/200",
    "$other",
    "/2xx/",
    "/[/",
    "/[]/",
    "/[5-4]/",
    "/(/",
    "/)/",
    "/2)(3/",
    "/(?=2)../",
    "/\\D/",
    "/\\b2/",
    "/\\/",
    "/2{/",
    "/2{10}/",
    "/2{3,2}/",
    "/((2{9}){9}){9}/",
    "/2 00/",
    "/1111111111111111111111111111111111111111111111111111111111111111111/",
};

START_TEST(other_keys_are_refused)
{
    struct gw_status_set set;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_status_set_read(gw_str_of(refused[_i]), &set, &why) !=
                      GW_OK,
                  "%s", refused[_i]);
    ck_assert(strstr(why.text, "expected"));
    ck_assert(gw_status_set_read(gw_str_of(refused[_i]), &set, NULL) != GW_OK);
}
END_TEST

START_TEST(a_status_beyond_the_set_is_not_in_it)
{
    struct gw_status_set set;

    ck_assert(gw_status_set_read(GW_LIT("/.*/"), &set, NULL) == GW_OK);
    ck_assert(gw_status_set_has(&set, 999));
    ck_assert(!gw_status_set_has(&set, 1000));
}
END_TEST

GW_SUITE("protocol/api/status_set")
{
    tcase_add_loop_test(tc, keys_match_whole_statuses, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, other_keys_are_refused, 0, GW_LEN(refused));
    tcase_add_test(tc, a_status_beyond_the_set_is_not_in_it);
}
