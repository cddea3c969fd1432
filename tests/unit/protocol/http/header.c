#include "protocol/http/header.h"

#include "tests/support/suite.h"

static const struct gw_http_headers headers = {
    .at = { { GW_LIT("Host"), GW_LIT("a.example") },
            { GW_LIT("Accept"), GW_LIT("a, b;q=1 ,,\tc") },
            { GW_LIT("X"), GW_LIT("1") },
            { GW_LIT("accept"), GW_LIT("D") },
            { GW_LIT("x"), GW_LIT("2") },
            { GW_LIT("Empty"), GW_LIT("") } },
    .count = 6,
};

START_TEST(fields_are_found_without_case)
{
    gw_str value = GW_LIT("untouched");

    ck_assert(!gw_http_header_first(&headers, GW_LIT("Hos"), &value));
    ck_assert(!gw_http_header_last(&headers, GW_LIT("Hosts"), &value));
    ck_assert_gw_str(value, GW_LIT("untouched"));
    ck_assert(gw_http_header_first(&headers, GW_LIT("X"), &value));
    ck_assert_gw_str(value, GW_LIT("1"));
    ck_assert(gw_http_header_last(&headers, GW_LIT("X"), &value));
    ck_assert_gw_str(value, GW_LIT("2"));
    ck_assert(gw_http_header_first(&headers, GW_LIT("EMPTY"), &value));
    ck_assert_gw_str(value, GW_EMPTY);
    ck_assert_uint_eq(gw_http_header_count(&headers, GW_LIT("ACCEPT")), 2);
    ck_assert_uint_eq(gw_http_header_count(&headers, GW_LIT("nothing")), 0);
}
END_TEST

/* RFC 9110, 5.6.1: empty elements do not count, fields add up. */
START_TEST(all_fields_of_a_name_form_one_list)
{
    static const struct {
        gw_str token;
        bool there;
    } tokens[] = {
        { GW_LIT("a"), true },         { GW_LIT("A"), true },
        { GW_LIT("c"), true },         { GW_LIT("d"), true },
        { GW_LIT("b"), false },        { GW_LIT("b;q=1"), true },
        { GW_LIT("a, b;q=1"), false },
    };

    for (size_t i = 0; i < GW_LEN(tokens); i++)
        ck_assert_msg(gw_http_header_lists(&headers, GW_LIT("accept"),
                                           tokens[i].token) == tokens[i].there,
                      "%s", tokens[i].token.at);
    ck_assert(!gw_http_header_lists(&headers, GW_LIT("empty"), GW_LIT("a")));
    ck_assert(!gw_http_header_lists(&headers, GW_LIT("none"), GW_LIT("a")));
}
END_TEST

/* RFC 9110, 7.6.1. */
START_TEST(fields_of_one_hop_are_known)
{
    static const char *const hop[] = {
        "Connection",
        "keep-alive",
        "Transfer-Encoding",
        "te",
        "Trailer",
        "UPGRADE",
        "Proxy-",
        "proxy-authorization",
        "Proxy-Connection",
    };
    static const char *const end[] = {
        "Host",   "Content-Length", "Connections", "Via",
        "Proxy",  "X-Proxy-Thing",  "Trailers",    "",
        "Expect", "User-Agent",     "TEx",         "Transfer-Encodings",
    };

    for (size_t i = 0; i < GW_LEN(hop); i++)
        ck_assert_msg(gw_http_header_is_hop(gw_str_of(hop[i])), "%s", hop[i]);
    for (size_t i = 0; i < GW_LEN(end); i++)
        ck_assert_msg(!gw_http_header_is_hop(gw_str_of(end[i])), "%s", end[i]);
}
END_TEST

/* RFC 9110, 5.6.2 and 5.5. */
START_TEST(tokens_and_values_are_judged)
{
    static const struct {
        gw_str text;
        bool token, value;
    } cases[] = {
        { GW_LIT(""), false, true },
        { GW_LIT("Content-Type"), true, true },
        { GW_LIT("!#$%&'*+-.^_`|~aZ09"), true, true },
        { GW_LIT("a b"), false, true },
        { GW_LIT("a\tb"), false, true },
        { GW_LIT("a:b"), false, true },
        { GW_LIT("\"a\""), false, true },
        { GW_LIT("(a)[b]{c}<d>@,;/?=\\"), false, true },
        { GW_LIT("caf\xc3\xa9"), false, true },
        { GW_LIT("a\r"), false, false },
        { GW_LIT("a\nb"), false, false },
        { GW_LIT("a\0"), false, false },
        { GW_LIT("\x1f"), false, false },
        { GW_LIT("\x7f"), false, false },
    };

    for (size_t i = 0; i < GW_LEN(cases); i++) {
        ck_assert_msg(gw_http_is_token(cases[i].text) == cases[i].token,
                      "row %zu", i);
        ck_assert_msg(gw_http_is_field_value(cases[i].text) == cases[i].value,
                      "row %zu", i);
    }
}
END_TEST

GW_SUITE("protocol/http/header")
{
    tcase_add_test(tc, fields_are_found_without_case);
    tcase_add_test(tc, all_fields_of_a_name_form_one_list);
    tcase_add_test(tc, fields_of_one_hop_are_known);
    tcase_add_test(tc, tokens_and_values_are_judged);
}
