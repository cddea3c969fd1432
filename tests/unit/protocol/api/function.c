#include "protocol/api/function.h"

#include "tests/support/suite.h"

static struct gw_arena arena;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
}

#define ARN     "arn:aws:lambda:us-east-1:123456789012:function:fn"
#define PATH    "/2015-03-31/functions/"
#define ENCODED "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afn"
#define GATEWAY "arn:aws:apigateway:us-east-1:lambda:path"

/* websocket-api.md 4.2 and 11.1 */
static const struct {
    const char *text, *endpoint, *ours;
    const char *name, *region, *url;
    bool is_real;
} cases[] = {
    { GATEWAY PATH ARN "/invocations", "", "", ARN, "us-east-1",
      "https://lambda.us-east-1.amazonaws.com" PATH ENCODED "/invocations",
      true },
    { ARN, "", "eu-west-1", ARN, "us-east-1",
      "https://lambda.us-east-1.amazonaws.com" PATH ENCODED "/invocations",
      true },
    { ARN ":live", "", "", ARN ":live", "us-east-1",
      "https://lambda.us-east-1.amazonaws.com" PATH ENCODED
      "%3Alive/invocations",
      true },
    { ARN ":$LATEST", "", "", ARN ":$LATEST", "us-east-1",
      "https://lambda.us-east-1.amazonaws.com" PATH ENCODED
      "%3A%24LATEST/invocations",
      true },
    { "arn:aws-cn:lambda:cn-north-1:1:function:f", "", "",
      "arn:aws-cn:lambda:cn-north-1:1:function:f", "cn-north-1",
      "https://lambda.cn-north-1.amazonaws.com.cn" PATH
      "arn%3Aaws-cn%3Alambda%3Acn-north-1%3A1%3Afunction%3Af/invocations",
      true },
    { GATEWAY PATH ARN "/invocations", "http://127.0.0.1:4566/x", "", ARN,
      "us-east-1", "http://127.0.0.1:4566/x" PATH ENCODED "/invocations",
      false },

    { "http://127.0.0.1:9001" PATH "fn/invocations", "", "", "fn", "us-east-1",
      "http://127.0.0.1:9001" PATH "fn/invocations", false },
    { "https://h/base" PATH "fn/invocations?Qualifier=live", "http://other",
      "eu-west-1", "fn", "eu-west-1",
      "https://h/base" PATH "fn/invocations?Qualifier=live", false },
    { "https://lambda.ap-south-1.amazonaws.com" PATH ENCODED "/invocations", "",
      "eu-west-1", ENCODED, "ap-south-1",
      "https://lambda.ap-south-1.amazonaws.com" PATH ENCODED "/invocations",
      false },
    { "https://lambda.example.com" PATH "f/invocations", "", "", "f",
      "us-east-1", "https://lambda.example.com" PATH "f/invocations", false },
};

START_TEST(functions_are_found)
{
    struct gw_lambda lambda = {
        .endpoint = gw_str_of(cases[_i].endpoint),
        .region = gw_str_of(cases[_i].ours),
    };
    struct gw_fault why = { "" };
    struct gw_function_uri f;

    ck_assert_msg(gw_function_uri_read(&arena, gw_str_of(cases[_i].text),
                                       &lambda, &f, &why) == GW_OK,
                  "%s: %s", cases[_i].text, why.text);
    ck_assert_gw_str(f.name, gw_str_of(cases[_i].name));
    ck_assert_gw_str(f.region, gw_str_of(cases[_i].region));
    ck_assert_gw_str(f.url, gw_str_of(cases[_i].url));
    ck_assert(f.is_real == cases[_i].is_real);
}
END_TEST

static const struct {
    const char *text, *endpoint, *name;
} here[] = {
    { ARN, "", "fn" },
    { ARN ":live", "", "fn" }, /* there is one version of it */
    { GATEWAY PATH ARN "/invocations", "", "fn" },
    { ARN "2", "", "" },
    { "arn:aws:lambda:us-east-1:123456789012:function:f", "", "" },
    { ARN, "http://127.0.0.1:4566", "" }, /* an endpoint goes first */
    { "http://127.0.0.1:9001" PATH "fn/invocations", "", "" },
    { "function:fn", "", "fn" },
    { "function:other:$LATEST", "", "other" },
    { "function:fn", "http://127.0.0.1:4566", "fn" }, /* but not here */
};

START_TEST(functions_of_ours_are_not_looked_for_elsewhere)
{
    static const gw_str ours[] = {
        GW_LIT("arn:aws:lambda:us-east-1:123456789012:function:other"),
        GW_LIT(ARN),
    };
    struct gw_lambda lambda = { .endpoint = gw_str_of(here[_i].endpoint),
                                .here = ours,
                                .here_count = GW_LEN(ours) };
    struct gw_fault why = { "" };
    struct gw_function_uri f;

    ck_assert(gw_function_uri_read(&arena, gw_str_of(here[_i].text), &lambda,
                                   &f, &why) == GW_OK);
    ck_assert_gw_str(f.here, gw_str_of(here[_i].name));
    ck_assert(!f.here.len || (!f.is_real && !f.url.len));
}
END_TEST

static const char *const refused[] = {
    "",
    "fn",
    "arn:",
    "arn:aws:s3:::bucket",
    "arn:aws:lambda:us-east-1:123456789012:layer:fn",
    "arn:aws:lambda:us-east-1:123456789012:function:",
    "arn:aws:lambda:us-east-1:123456789012:function:a b",
    "arn:aws:lambda:us-east-1:123456789012:function:fn:",
    "arn:aws:lambda:us-east-1:123456789012:function:fn:a:b",
    "arn:aws:lambda:us-east-1:me:function:fn",
    "arn:aws:lambda::123456789012:function:fn",
    "arn:aws:lambda:us/east:123456789012:function:fn",
    "arn:azure:lambda:us-east-1:123456789012:function:fn",
    "arn:aws:apigateway:us-east-1:sqs:path/123456789012/queue",
    "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
    GATEWAY PATH "fn/invocations",
    GATEWAY PATH ARN,
    GATEWAY PATH "/invocations",
    GATEWAY "/2015-03-31/functions/invocations",
    GATEWAY "/2021-11-15/functions/" ARN "/response-streaming-invocations",
    "http://127.0.0.1:9001",
    "http://127.0.0.1:9001/",
    "http://127.0.0.1:9001" PATH "fn",
    "http://127.0.0.1:9001" PATH "/invocations",
    "http://127.0.0.1:9001" PATH "a/b/invocations",
    "http://127.0.0.1:9001" PATH "{fn}/invocations",
    "http://127.0.0.1:9001/{x}" PATH "fn/invocations",
    "http://127.0.0.1:9001" PATH "fn/invocations/",
    "ftp://127.0.0.1" PATH "fn/invocations",
    "http://" PATH "fn/invocations",
};

START_TEST(what_names_no_function_is_refused)
{
    static const struct gw_lambda lambda;
    struct gw_fault why = { "" };
    struct gw_function_uri f;

    ck_assert_msg(gw_function_uri_read(&arena, gw_str_of(refused[_i]), &lambda,
                                       &f, &why) != GW_OK,
                  "%s", refused[_i]);
    ck_assert_msg(strstr(why.text, "expected"), "%s: %s", refused[_i],
                  why.text);
}
END_TEST

GW_SUITE("protocol/api/function")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, functions_are_found, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, functions_of_ours_are_not_looked_for_elsewhere, 0,
                        GW_LEN(here));
    tcase_add_loop_test(tc, what_names_no_function_is_refused, 0,
                        GW_LEN(refused));
}
