#include "server/integration/response.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

/* --- conversions ---------------------------------------------------------------- */

/* RFC 4648, 10 */
static const struct {
    gw_content_handling how;
    gw_str in, out;
    gw_err err;
} conversions[] = {
    { GW_CONTENT_UNSET, GW_LIT("as it is"), GW_LIT("as it is"), GW_OK },
    { GW_CONTENT_TO_TEXT, GW_LIT(""), GW_LIT(""), GW_OK },
    { GW_CONTENT_TO_TEXT, GW_LIT("f"), GW_LIT("Zg=="), GW_OK },
    { GW_CONTENT_TO_TEXT, GW_LIT("foobar"), GW_LIT("Zm9vYmFy"), GW_OK },
    { GW_CONTENT_TO_BINARY, GW_LIT(""), GW_LIT(""), GW_OK },
    { GW_CONTENT_TO_BINARY, GW_LIT("Zm9vYg=="), GW_LIT("foob"), GW_OK },
    { GW_CONTENT_TO_BINARY, GW_LIT("AP8="), GW_LIT("\0\xff"), GW_OK },
    { GW_CONTENT_TO_BINARY, GW_LIT("Zg="), GW_EMPTY, GW_E_UPSTREAM },
    { GW_CONTENT_TO_BINARY, GW_LIT("{}"), GW_EMPTY, GW_E_UPSTREAM },
};

START_TEST(contents_are_converted)
{
    struct gw_arena a;
    gw_str body = conversions[_i].in;
    gw_err err;

    gw_arena_init(&a, 4096);
    err = gw_content_convert(conversions[_i].how, &a, &body);
    ck_assert_int_eq(err, conversions[_i].err);
    if (!err)
        ck_assert_gw_str(body, conversions[_i].out);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(conversions_stay_within_the_arena)
{
    static const gw_content_handling both[] = { GW_CONTENT_TO_TEXT,
                                                GW_CONTENT_TO_BINARY };
    static char big[8192];
    struct gw_arena a;
    gw_str body = { big, sizeof(big) };

    memset(big, 'A', sizeof(big));
    gw_arena_init(&a, 4096);
    ck_assert_int_eq(gw_content_convert(both[_i], &a, &body), GW_E_TOO_BIG);
    gw_arena_fini(&a);
}
END_TEST

/* --- integration responses (websocket-api.md 4.7) ------------------------------- */

static struct fake_world w;
static struct fake_link l;

static void start(const char *responses)
{
    static char config[4096];

    snprintf(config, sizeof(config),
             "apis:\n"
             "  chat:\n"
             "    routeSelectionExpression: $request.body.action\n"
             "    binary: true\n"
             "    routes:\n"
             "      $connect:\n"
             "        routeResponse: true\n"
             "        integration:\n"
             "          type: HTTP\n"
             "          integrationUri: http://127.0.0.1:3000/\n"
             "          integrationMethod: POST\n"
             "          integrationResponses: { %s }\n"
             "      $default:\n"
             "        routeResponse: true\n"
             "        integration:\n"
             "          type: HTTP\n"
             "          integrationUri: http://127.0.0.1:3000/\n"
             "          integrationMethod: POST\n"
             "          integrationResponses: { %s }\n"
             "    stages: { dev: {} }\n",
             responses, responses);
    fake_world_init(&w, config);
    fake_link_init(&l);
    fake_world_connect(&w, &l, "/dev", "");
}

static void reply(unsigned status, const char *headers, const char *body)
{
    fake_call_reply(fake_fetch_call(&w.fetch, 0), status, headers,
                    gw_str_of(body));
}

static void end(void)
{
    if (l.conn)
        fake_link_ends(&l, 1000, "");
    fake_link_fini(&l);
    fake_world_fini(&w);
}

#define FAILS "Internal server error"

static const struct {
    const char *responses;
    unsigned status;
    const char *body, *got; /* FAILS: the error frame */
} shapes[] = {
    { "$default: {}", 200, "as it is", "as it is" },
    { "$default: {}", 500, "as it is", "as it is" },
    { "/2\\d\\d/: {}", 201, "ok", "ok" },
    { "/2\\d\\d/: {}", 404, "no", FAILS },
    { "/20/: {}", 200, "x", FAILS }, /* the whole status */
    { "/2\\d\\d/: { responseTemplates: { $default: a } }, "
      "$default: { responseTemplates: { $default: b } }",
      200, "x", "a" },
    { "/2\\d\\d/: { responseTemplates: { $default: a } }, "
      "$default: { responseTemplates: { $default: b } }",
      300, "x", "b" },
    { "$default: { responseTemplates: { $default: b } }, "
      "/4../: { responseTemplates: { $default: a } }",
      404, "x", "a" },
    { "$default: { responseTemplates: { $default: '<$input.body>' } }", 200,
      "answer", "<answer>" },
    { "$default: { responseTemplates: { application/json: "
      "\"$input.json('$.a')\" } }",
      200, "{\"a\":[1]}", "[1]" },
    { "$default: { responseTemplates: { other: x } }", 200, "same", "same" },
    { "$default: { templateSelectionExpression: "
      "'${integration.response.statuscode}', "
      "responseTemplates: { '201': created, $default: other } }",
      201, "x", "created" },
    { "$default: { templateSelectionExpression: "
      "'${integration.response.statuscode}', "
      "responseTemplates: { '201': created, $default: other } }",
      202, "x", "other" },
    { "$default: { contentHandlingStrategy: CONVERT_TO_TEXT }", 200, "foo",
      "Zm9v" },
    { "$default: { contentHandlingStrategy: CONVERT_TO_BINARY }", 200, "Zm9v",
      "foo" },
    { "$default: { contentHandlingStrategy: CONVERT_TO_BINARY }", 200, "{}",
      FAILS },
};

START_TEST(answers_are_shaped)
{
    const struct fake_message *m;

    /* The handshake's: any response will do that lets it in. */
    start(shapes[_i].responses);
    reply(shapes[_i].status, "", shapes[_i].body);
    if (l.status != 101) {
        ck_assert_uint_eq(l.status, strcmp(shapes[_i].got, FAILS) == 0
                                        ? 502
                                        : shapes[_i].status);
        if (l.status != 502)
            ck_assert_gw_str(gw_buf_str(&l.body), gw_str_of(shapes[_i].got));
        end();
        return;
    }
    fake_link_says(&l, "hello");
    reply(shapes[_i].status, "", shapes[_i].body);
    m = fake_link_next(&l);
    ck_assert_gw_str(gw_buf_str(&m->payload), gw_str_of(shapes[_i].got));
    fake_link_says(&l, "hello");
    reply(shapes[_i].status, "", shapes[_i].body);
    end();
}
END_TEST

/* A message whose response does not match, on an open connection. */
START_TEST(without_a_match_the_sender_is_told)
{
    start("/2\\d\\d/: {}");
    reply(200, "", "");
    ck_assert_uint_eq(l.status, 101);
    fake_link_says(&l, "hello");
    reply(404, "", "no");
    ck_assert_ptr_nonnull(strstr(fake_link_next(&l)->payload.at, FAILS));
    ck_assert(!l.closing);
    end();
}
END_TEST

#define TO   "method.response.header."
#define FROM "integration.response."

static const struct {
    const char *parameters;
    const char *headers, *body;
    const char *got; /* all of the 101's headers */
} parameters[] = {
    { "", "X-A: 1\r\n", "", "" }, /* only what is mapped passes */
    { TO "X-B: " FROM "header.X-A", "X-A: 1\r\nX-C: 2\r\n", "", "X-B: 1\n" },
    { TO "X-B: \"'static'\"", "X-A: 1\r\n", "", "X-B: static\n" },
    { TO "X-B: " FROM "body.a.b", "", "{\"a\":{\"b\":\"c\"}}", "X-B: c\n" },
    { TO "X-B: " FROM "body.n", "", "{\"n\":5}", "X-B: 5\n" },
    { TO "X-B: " FROM "body.none", "", "{\"n\":5}", "" },
    { TO "X-B: " FROM "body.n", "", "no json", "" },
    { TO "X-B: " FROM "body.n", "", "{\"n\":\"a\\r\\nX-Evil: b\"}", "" },
    { TO "X-B: " FROM "header.X-None", "X-A: 1\r\n", "", "" },
};

START_TEST(headers_are_mapped)
{
    char responses[512];

    snprintf(responses, sizeof(responses),
             parameters[_i].parameters[0]
                 ? "$default: { responseParameters: { %s } }"
                 : "$default: { responseTemplates: { $default: x } }%s",
             parameters[_i].parameters);
    start(responses);
    reply(200, parameters[_i].headers, parameters[_i].body);
    ck_assert_uint_eq(l.status, 101);
    ck_assert_gw_str(gw_buf_str(&l.head), gw_str_of(parameters[_i].got));
    end();
}
END_TEST

GW_SUITE("server/integration/response")
{
    tcase_add_loop_test(tc, contents_are_converted, 0, GW_LEN(conversions));
    tcase_add_loop_test(tc, conversions_stay_within_the_arena, 0, 2);
    tcase_add_loop_test(tc, answers_are_shaped, 0, GW_LEN(shapes));
    tcase_add_test(tc, without_a_match_the_sender_is_told);
    tcase_add_loop_test(tc, headers_are_mapped, 0, GW_LEN(parameters));
}
