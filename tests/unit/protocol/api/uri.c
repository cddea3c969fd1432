#include "protocol/api/uri.h"

#include "tests/support/suite.h"

/* RFC 3986 section 3, RFC 9110 section 4.2; the Host value of RFC 9110 7.2. */
static const struct {
    const char *text;
    bool tls;
    const char *host, *authority;
    uint16_t port;
    const char *path, *query;
} cases[] = {
    { "http://127.0.0.1:3000/connect", false, "127.0.0.1", "127.0.0.1:3000",
      3000, "/connect", "" },
    { "https://example.com", true, "example.com", "example.com", 443, "/", "" },
    { "http://example.com:80/", false, "example.com", "example.com", 80, "/",
      "" },
    { "http://example.com:443/", false, "example.com", "example.com:443", 443,
      "/", "" },
    { "https://example.com:443/a", true, "example.com", "example.com", 443,
      "/a", "" },
    { "HTTPS://Example.com/A?b=c&d", true, "Example.com", "Example.com", 443,
      "/A", "b=c&d" },
    { "http://[::1]:8080/x", false, "::1", "[::1]:8080", 8080, "/x", "" },
    { "http://[2001:db8::1]", false, "2001:db8::1", "[2001:db8::1]", 80, "/",
      "" },
    { "http://a?q", false, "a", "a", 80, "/", "q" },
    { "http://a/?", false, "a", "a", 80, "/", "" },
    { "http://a/b//c/../d%20e", false, "a", "a", 80, "/b//c/../d%20e", "" },
    { "http://a/{room}/{user.id}", false, "a", "a", 80, "/{room}/{user.id}",
      "" },
};

START_TEST(a_uri_is_taken_apart)
{
    struct gw_uri u;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_uri_read(gw_str_of(cases[_i].text), &u, &why) == GW_OK,
                  "%s: %s", cases[_i].text, why.text);
    ck_assert_int_eq(u.tls, cases[_i].tls);
    ck_assert_uint_eq(u.port, cases[_i].port);
    ck_assert_gw_str(u.host, gw_str_of(cases[_i].host));
    ck_assert_gw_str(u.authority, gw_str_of(cases[_i].authority));
    ck_assert_gw_str(u.path, gw_str_of(cases[_i].path));
    ck_assert_gw_str(u.query, gw_str_of(cases[_i].query));
}
END_TEST

static const struct {
    const char *text, *expected;
} refused[] = {
    { "", "http:// or https://" },
    { "example.com/x", "http:// or https://" },
    { "ftp://example.com", "http:// or https://" },
    { "arn:aws:lambda:eu-west-1:1:function:f", "http:// or https://" },
    { "http://", "HOST" },
    { "http:///x", "HOST" },
    { "http://user@example.com/", "HOST" },
    { "http://user:pass@example.com/", "HOST" },
    { "http://example.com:0/", "HOST" },
    { "http://example.com:65536/", "HOST" },
    { "http://example.com:/", "HOST" },
    { "http://example.com:8a/", "HOST" },
    { "http://[::1/", "HOST" },
    { "http://[]/", "HOST" },
    { "http://[::1]x/", "HOST" },
    { "http://{host}/", "HOST" },
    { "http://a/b c", "blanks" },
    { "http://a/b\r\nHost: b", "blanks" },
    { "http://a/b#c", "fragment" },
    { "http://a/b\xc3\xa4", "characters" },
    { "http://a/{", "braces" },
    { "http://a/}", "braces" },
    { "http://a/{}", "braces" },
    { "http://a/{{b}}", "braces" },
    { "http://a/{b/c}", "braces" },
    { "http://a/b?c={d}", "braces" },
};

START_TEST(other_texts_are_refused)
{
    struct gw_uri u;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_uri_read(gw_str_of(refused[_i].text), &u, &why) != GW_OK,
                  "%s", refused[_i].text);
    ck_assert_msg(strstr(why.text, refused[_i].expected), "%s: %s",
                  refused[_i].text, why.text);
}
END_TEST

static const struct gw_pair variable_list[] = {
    { { "host", 4 }, { "example.com:81", 14 } },
    { { "path", 4 }, { "a/b", 3 } },
};
static const struct gw_pairs variables = { variable_list, 2 };

static const struct {
    const char *text, *filled; /* NULL: refused */
} fillings[] = {
    { "http://a/", "http://a/" },
    { "", "" },
    { "http://${stageVariables.host}/${stageVariables.path}",
      "http://example.com:81/a/b" },
    { "${stageVariables.path}${stageVariables.path}x", "a/ba/bx" },
    { "http://a/$x", "http://a/$x" },
    { "http://a/${stageVariables.none}", NULL },
    { "http://a/${stageVariables.}", NULL },
    { "http://a/${stageVariables.path", NULL },
    { "http://a/${context.stage}", NULL },
    { "http://a/${", NULL },
};

START_TEST(stage_variables_are_filled_in)
{
    struct gw_fault why = { "" };
    struct gw_arena a;
    gw_str filled;
    gw_err err;

    gw_arena_init(&a, 1 << 16);
    err = gw_uri_fill(&a, gw_str_of(fillings[_i].text), GW_LIT("dev"),
                      &variables, &filled, &why);
    ck_assert_msg(!err == (fillings[_i].filled != NULL), "%s: %s",
                  fillings[_i].text, why.text);
    if (!err)
        ck_assert_gw_str(filled, gw_str_of(fillings[_i].filled));
    gw_arena_fini(&a);
}
END_TEST

START_TEST(an_undefined_variable_is_named)
{
    struct gw_fault why = { "" };
    struct gw_arena a;
    gw_str filled;

    gw_arena_init(&a, 1 << 16);
    ck_assert(gw_uri_fill(&a, GW_LIT("http://${stageVariables.room}/"),
                          GW_LIT("prod"), &variables, &filled,
                          &why) == GW_E_INVALID);
    ck_assert_str_eq(why.text, "the stage variable `room` is not defined in "
                               "the stage `prod`");
    gw_arena_fini(&a);
}
END_TEST

START_TEST(a_uri_may_not_grow_without_bound)
{
    struct gw_pair pair = { GW_LIT("v"), GW_EMPTY };
    struct gw_pairs one = { &pair, 1 };
    struct gw_arena a;
    gw_str filled;
    char value[512];

    memset(value, 'x', sizeof(value));
    pair.value = (gw_str){ value, sizeof(value) };
    gw_arena_init(&a, 1 << 16);
    ck_assert(gw_uri_fill(&a,
                          GW_LIT("${stageVariables.v}${stageVariables.v}"
                                 "${stageVariables.v}${stageVariables.v}"),
                          GW_LIT("dev"), &one, &filled, NULL) == GW_OK);
    ck_assert_uint_eq(filled.len, GW_URI_MAX);
    ck_assert(gw_uri_fill(&a,
                          GW_LIT("${stageVariables.v}${stageVariables.v}"
                                 "${stageVariables.v}${stageVariables.v}x"),
                          GW_LIT("dev"), &one, &filled, NULL) == GW_E_TOO_BIG);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(placeholders_come_one_by_one)
{
    gw_str path = GW_LIT("/{room}/x{user}"), name;
    size_t at = 0;

    ck_assert(gw_uri_placeholder(path, &at, &name));
    ck_assert_gw_str(name, GW_LIT("room"));
    ck_assert(gw_uri_placeholder(path, &at, &name));
    ck_assert_gw_str(name, GW_LIT("user"));
    ck_assert(!gw_uri_placeholder(path, &at, &name));
}
END_TEST

GW_SUITE("protocol/api/uri")
{
    tcase_add_loop_test(tc, a_uri_is_taken_apart, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, other_texts_are_refused, 0, GW_LEN(refused));
    tcase_add_loop_test(tc, stage_variables_are_filled_in, 0, GW_LEN(fillings));
    tcase_add_test(tc, an_undefined_variable_is_named);
    tcase_add_test(tc, a_uri_may_not_grow_without_bound);
    tcase_add_test(tc, placeholders_come_one_by_one);
}
