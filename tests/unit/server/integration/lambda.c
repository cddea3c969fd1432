#include "server/integration/lambda.h"

#include "protocol/auth/sigv4.h"
#include "protocol/json/json.h"
#include "protocol/json/path.h"
#include "server/integration/invoke.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;

#define ENDPOINT "http://127.0.0.1:9001"
#define FN       "arn:aws:lambda:eu-west-1:123456789012:function:chat"
#define URL      ENDPOINT "/2015-03-31/functions/fn/invocations"
#define API(routes)                                        \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    binary: true\n"                                   \
    "    routes: { " routes " }\n"                         \
    "    stages: { dev: { stageVariables: { alias: live } } }\n"
#define PROXY(uri)                                            \
    "integration: { type: AWS_PROXY, timeoutInMillis: 1234, " \
    "integrationUri: '" uri "' }, routeResponse: true"
#define ROUTES                                         \
    "$connect: { " PROXY(URL) " }, "                   \
                              "$disconnect: { " PROXY( \
                                  URL) " }, "          \
                                       "$default: { " PROXY(URL) " }"

static void start(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&l);
}

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

static void reply(unsigned status, const char *headers, const char *body)
{
    fake_call_reply(call(), status, headers, gw_str_of(body));
}

/* Every call is answered, the goodbye's at last. */
static void end(void)
{
    while (fake_fetch_waiting(&w.fetch) || l.conn) {
        if (fake_fetch_waiting(&w.fetch))
            reply(200, "", "{\"statusCode\":200}");
        else
            fake_link_ends(&l, 1000, "");
    }
    fake_link_fini(&l);
    fake_world_fini(&w);
}

static void has(const char *name, const char *value)
{
    gw_str have = fake_call_header(call(), name);

    ck_assert_msg((have.at != NULL) == (value != NULL), "%s", name);
    if (value)
        ck_assert_gw_str(have, gw_str_of(value));
}

static struct gw_arena arena;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
}

/* A member of the payload, as it is spelled; "" when it is not there. */
static void told(const char *path, const char *json)
{
    struct gw_json_path p;
    gw_json root, hit;

    ck_assert(gw_json_read(call()->body, &root) == GW_OK);
    ck_assert(gw_json_path_read(&arena, gw_str_of(path), &p, NULL) == GW_OK);
    ck_assert(gw_json_path_find(&arena, &p, root, &hit) == GW_OK);
    ck_assert_msg(gw_str_eq(hit.raw, gw_str_of(json)), "%s: %.*s", path,
                  GW_FMT(hit.raw));
}

static void let_in(void)
{
    fake_world_connect(&w, &l, "/dev", "");
    reply(200, "", "{\"statusCode\":200}");
    ck_assert_uint_eq(l.status, 101);
}

/* The client is told of a failure, and stays. */
static void got_failure(const char *words)
{
    const struct fake_message *m = fake_link_next(&l);

    ck_assert_msg(gw_str_find(gw_buf_str(&m->payload), '{', 0) == 0 &&
                      strstr(m->payload.at, words),
                  "%.*s", (int)m->payload.len, m->payload.at);
    ck_assert_ptr_nonnull(l.conn);
}

/* --- what is said --------------------------------------------------------------- */

START_TEST(a_function_is_invoked)
{
    start(API(ROUTES));
    fake_world_connect(&w, &l, "/dev?a=1&a=2",
                       "X-Mixed-Case: kept\r\nX-Gatewire-Forged: 1\r\n"
                       "Content-Length: 0\r\nUser-Agent: test/1\r\n");
    ck_assert_gw_str(call()->method, GW_LIT("POST"));
    ck_assert_gw_str(call()->target,
                     GW_LIT("/2015-03-31/functions/fn/invocations"));
    ck_assert_uint_eq(call()->timeout_ms, 1234);
    has("Host", "127.0.0.1:9001");
    has("Content-Type", "application/json");
    has("X-Amz-Invocation-Type", "RequestResponse");
    has("User-Agent", "AmazonAPIGateway_chat");
    has("Authorization", NULL);
    has("X-Amz-Date", NULL);
    ck_assert_uint_eq(fake_call_header(call(), "X-Amzn-Trace-Id").len, 40);

    told("requestContext.eventType", "\"CONNECT\"");
    told("requestContext.routeKey", "\"$connect\"");
    told("requestContext.domainName", "\"ws.example.com:8080\"");
    told("requestContext.identity.userAgent", "\"test/1\"");
    told("headers.Host", "\"ws.example.com:8080\"");
    told("headers.X-Mixed-Case", "\"kept\"");
    told("headers.User-Agent", "\"test/1\"");
    told("headers.Sec-WebSocket-Version", "\"13\"");
    told("headers.X-Forwarded-For", "\"203.0.113.7\"");
    told("headers.X-Forwarded-Port", "\"8080\"");
    told("headers.X-Forwarded-Proto", "\"http\"");
    told("headers.X-Gatewire-Forged", "");
    told("headers.Connection", "");
    told("headers.Upgrade", "");
    told("headers.Content-Length", "");
    told("queryStringParameters", "{\"a\":\"2\"}");
    told("multiValueQueryStringParameters", "{\"a\":[\"1\",\"2\"]}");
    told("stageVariables", "{\"alias\":\"live\"}");
    told("isBase64Encoded", "false");
    reply(200, "", "{\"statusCode\":200}");
    ck_assert_uint_eq(l.status, 101);

    fake_link_says(&l, "{\"action\":\"x\"}");
    told("requestContext.eventType", "\"MESSAGE\"");
    told("requestContext.routeKey", "\"$default\"");
    told("body", "\"{\\\"action\\\":\\\"x\\\"}\"");
    told("headers", "");
    reply(200, "", "{\"statusCode\":200,\"body\":\"done\"}");
    fake_link_got(&l, "done");

    fake_link_says_binary(&l, GW_LIT("\0\xff"));
    told("body", "\"AP8=\"");
    told("isBase64Encoded", "true");
    reply(200, "",
          "{\"statusCode\":200,\"body\":\"AP8=\","
          "\"isBase64Encoded\":true}");
    ck_assert_gw_str(gw_buf_str(&fake_link_next(&l)->payload),
                     GW_LIT("\0\xff"));

    fake_link_ends(&l, 4001, "bye");
    told("requestContext.eventType", "\"DISCONNECT\"");
    told("requestContext.disconnectStatusCode", "4001");
    told("requestContext.disconnectReason", "\"bye\"");
    told("requestContext.attempt", "1");
    told("headers.x-restapi", "\"\"");
    end();
}
END_TEST

START_TEST(a_trace_goes_on)
{
    start(API(ROUTES));
    fake_world_connect(&w, &l, "/dev", "X-Amzn-Trace-Id: Root=1-2-3\r\n");
    has("X-Amzn-Trace-Id", "Root=1-2-3");
    told("headers.X-Amzn-Trace-Id", "\"Root=1-2-3\"");
    end();
}
END_TEST

/* --- who says it ---------------------------------------------------------------- */

/* As a verifier of the service would see the call. */
static void check_signature(const char *secret, const char *date)
{
    struct gw_http_headers headers = { .count = 0 };
    struct gw_sigv4_request request = { .method = call()->method,
                                        .body = call()->body,
                                        .headers = &headers };
    struct gw_fault why = { "" };
    struct gw_sigv4_key key;
    struct gw_sigv4 sig;
    gw_str query = call()->target;
    gw_err err;

    for (size_t i = 0; i < call()->header_count; i++)
        headers.at[headers.count++] = call()->headers[i];
    request.path = gw_str_cut(&query, '?');
    request.query = query;
    ck_assert(gw_sigv4_read(&arena, &request, &sig, &why) == GW_OK);
    ck_assert_gw_str(sig.amz_date, gw_str_of(date));
    ck_assert_gw_str(sig.access_key, GW_LIT("AKID"));
    ck_assert_gw_str(sig.region, GW_LIT("eu-west-1"));
    gw_sigv4_derive(gw_str_of(secret), sig.date, sig.region, sig.service, &key);
    err = gw_sigv4_check(&arena, &sig, &request, &key, GW_LIT("lambda"),
                         w.clock.unix_ms / 1000, &why);
    ck_assert_msg(err == GW_OK, "%s", why.text);
}

START_TEST(calls_are_signed)
{
    start(
        "lambda: { accessKeyId: AKID, secretAccessKey: secret, "
        "sessionToken: a/b+c= }\n"
        "region: eu-west-1\n" API(
            "$connect: { " PROXY(FN ":${stageVariables.alias}") " }, $disconnect: { " PROXY(
                URL "?Qualifier=live") " }"));
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_gw_str(call()->lane->host,
                     GW_LIT("lambda.eu-west-1.amazonaws.com"));
    ck_assert(call()->lane->tls);
    ck_assert_uint_eq(call()->lane->port, 443);
    has("Host", "lambda.eu-west-1.amazonaws.com");
    ck_assert_gw_str(
        call()->target,
        GW_LIT("/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A"
               "123456789012%3Afunction%3Achat%3Alive/invocations"));
    has("X-Amz-Security-Token", "a/b+c=");
    check_signature("secret", "20150830T123600Z");
    reply(200, "", "{\"statusCode\":200}");

    fake_world_advance(&w, 61000);
    fake_link_ends(&l, 1000, "");
    ck_assert_gw_str(
        call()->target,
        GW_LIT("/2015-03-31/functions/fn/invocations?Qualifier=live"));
    check_signature("secret", "20150830T123701Z");
    end();
}
END_TEST

/* --- what becomes of the answer: $connect --------------------------------------- */

#define FAILED "X-Amz-Function-Error: Unhandled\r\n"
#define THREW  "{\"errorMessage\":\"no\",\"errorType\":\"Error\"}"

/* websocket-api.md 1.3, 3.6, 11.1 */
static const struct {
    unsigned status; /* of the Invoke API */
    const char *headers, *body;
    unsigned handshake;
    const char *header, *answer; /* parts; NULL: none looked for */
} connects[] = {
    { 200, "", "{\"statusCode\":200}", 101, NULL, NULL },
    { 200, "", "{\"statusCode\":200,\"body\":\"dropped\"}", 101, NULL, NULL },
    { 200, "", "{\"statusCode\":\"299\"}", 101, NULL, NULL },
    { 200, "",
      "{\"statusCode\":200,\"headers\":{\"Sec-WebSocket-Protocol\":\"b\","
      "\"X-A\":\"1\",\"Upgrade\":\"h2c\"}}",
      101, "X-A: 1\n", NULL },
    { 200, "", "{\"statusCode\":401}", 401, NULL, "" },
    { 200, "",
      "{\"statusCode\":403,\"body\":\"no\",\"multiValueHeaders\":"
      "{\"Set-Cookie\":[\"a=1\",\"b=2\"]}}",
      403, "Set-Cookie: a=1\nSet-Cookie: b=2\n", "no" },
    { 200, "",
      "{\"statusCode\":500,\"body\":\"eA==\",\"isBase64Encoded\":true}", 500,
      NULL, "x" },
    { 200, "", "{\"statusCode\":302,\"headers\":{\"Location\":\"/x\"}}", 302,
      "Location: /x\n", "" },
    { 200, "", "{\"statusCode\":100}", 502, NULL, "Internal server error" },
    { 200, "", "{\"statusCode\":200,\"body\":{}}", 502, NULL,
      "Internal server error" },
    { 200, "", "{\"statusCode\":200,\"Data\":1}", 502, NULL,
      "Internal server error" },
    { 200, "", "null", 502, NULL, "Internal server error" },
    { 200, "", "", 502, NULL, "Internal server error" },
    { 200, FAILED, THREW, 502, NULL, "Internal server error" },
    { 200, FAILED, "{\"statusCode\":200}", 502, NULL, "Internal server error" },
    { 200, "X-Amz-Function-Error: Handled\r\n", "{\"statusCode\":200}", 502,
      NULL, "Internal server error" },
    /* an endpoint that does not mark what failed */
    { 200, "", THREW, 502, NULL, "Internal server error" },
    { 200, "", "Task timed out after 3.00 seconds", 502, NULL,
      "Internal server error" },
    /* the call did not get that far */
    { 400, "x-amzn-ErrorType: InvalidRequestContentException\r\n", "{}", 502,
      NULL, "Internal server error" },
    { 403, "x-amzn-ErrorType: AccessDeniedException\r\n", "{}", 500, NULL,
      "Internal server error" },
    { 404, "x-amzn-ErrorType: ResourceNotFoundException\r\n", "{}", 502, NULL,
      "Internal server error" },
    { 413, "", "{}", 502, NULL, "Internal server error" },
    { 429, "x-amzn-ErrorType: TooManyRequestsException\r\n", "{}", 503, NULL,
      "Service Unavailable" },
    { 500, "x-amzn-ErrorType: ServiceException\r\n", "{}", 502, NULL,
      "Internal server error" },
    { 502, "", "", 502, NULL, "Internal server error" },
    { 302, "Location: /\r\n", "{\"statusCode\":200}", 502, NULL,
      "Internal server error" },
};

START_TEST(a_function_decides_a_handshake)
{
    start(API(ROUTES));
    fake_world_connect(&w, &l, "/dev", "Sec-WebSocket-Protocol: a, b\r\n");
    reply(connects[_i].status, connects[_i].headers, connects[_i].body);
    ck_assert_msg(l.status == connects[_i].handshake, "%s: %u",
                  connects[_i].body, l.status);
    ck_assert(gw_buf_add(&l.head, (gw_str){ "", 1 }) == GW_OK);
    if (connects[_i].header)
        ck_assert_msg(strstr(l.head.at, connects[_i].header), "%s", l.head.at);
    ck_assert_ptr_null(strstr(l.head.at, "h2c"));
    if (connects[_i].answer) {
        ck_assert(gw_buf_add(&l.body, (gw_str){ "", 1 }) == GW_OK);
        ck_assert_msg(connects[_i].answer[0]
                          ? strstr(l.body.at, connects[_i].answer) != NULL
                          : l.body.len == 1,
                      "%s", l.body.at);
    }
    end();
}
END_TEST

START_TEST(a_function_picks_the_subprotocol)
{
    start(API(ROUTES));
    fake_world_connect(&w, &l, "/dev", "Sec-WebSocket-Protocol: a, b\r\n");
    reply(
        200, "",
        "{\"statusCode\":200,\"headers\":{\"sec-websocket-protocol\":\"b\"}}");
    ck_assert_gw_str(gw_buf_str(&l.protocol), GW_LIT("b"));
    end();
}
END_TEST

static const struct {
    gw_err err;
    unsigned handshake;
    const char *words;
} failures[] = {
    { GW_E_TIMEOUT, 504, "Endpoint request timed out" },
    { GW_E_UNREACHABLE, 500, "Internal server error" },
    { GW_E_UPSTREAM, 502, "Internal server error" },
    { GW_E_TOO_BIG, 502, "Internal server error" },
};

START_TEST(a_function_that_cannot_be_reached)
{
    start(API(ROUTES));
    fake_world_connect(&w, &l, "/dev", "");
    fake_call_fail(call(), failures[_i].err);
    ck_assert_uint_eq(l.status, failures[_i].handshake);
    ck_assert(gw_buf_add(&l.body, (gw_str){ "", 1 }) == GW_OK);
    ck_assert_ptr_nonnull(strstr(l.body.at, failures[_i].words));
    let_in();
    fake_link_says(&l, "x");
    fake_call_fail(call(), failures[_i].err);
    got_failure(failures[_i].words);
    end();
}
END_TEST

START_TEST(a_lane_that_is_full_is_said)
{
    start(API(ROUTES));
    let_in();
    w.fetch.refuse = GW_E_BUSY;
    fake_link_says(&l, "x");
    got_failure("Service Unavailable");
    w.fetch.refuse = GW_OK;
    end();
}
END_TEST

/* --- messages ------------------------------------------------------------------- */

#define ERROR "\1" /* the error frame; NULL: nothing at all */

/* websocket-api.md 3.6 */
static const struct {
    const char *headers, *body;
    const char *two_way, *one_way;
} messages[] = {
    { "", "{\"statusCode\":200}", "", NULL },
    { "", "{\"statusCode\":200,\"body\":\"x\"}", "x", NULL },
    { "", "{\"statusCode\":500,\"body\":\"x\"}", "x", NULL },
    { "", "{\"statusCode\":200,\"body\":\"eA==\",\"isBase64Encoded\":true}",
      "x", NULL },
    { "", "{\"statusCode\":200,\"body\":{\"a\":1}}", ERROR, ERROR },
    { "", "{\"statusCode\":200,\"ConnectionId\":\"x\",\"Data\":1}", ERROR,
      ERROR },
    { "", "{\"body\":\"x\"}", ERROR, ERROR },
    { "", "null", ERROR, ERROR },
    { "", "\"x\"", ERROR, ERROR },
    { "", "", ERROR, ERROR },
    { "", "x", ERROR, ERROR },
    { FAILED, THREW, ERROR, ERROR },
    { "", THREW, ERROR, ERROR },
};

static void got(const char *want)
{
    if (!want)
        fake_link_got_nothing(&l);
    else if (strcmp(want, ERROR) == 0)
        got_failure("{\"message\": \"Internal server error\", ");
    else
        fake_link_got(&l, want);
}

START_TEST(a_function_answers_a_message)
{
    start(API("$default: { " PROXY(URL) " }, one: { integration: { type: "
                                        "AWS_PROXY, integrationUri: '" URL
                                        "' } }"));
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_says(&l, "x");
    reply(200, messages[_i].headers, messages[_i].body);
    got(messages[_i].two_way);
    fake_link_says(&l, "{\"action\":\"one\"}");
    reply(200, messages[_i].headers, messages[_i].body);
    got(messages[_i].one_way);
    end();
}
END_TEST

/* 3.6: ignored, whatever it is; a retry would tell the function twice. */
static const char *const farewells[] = {
    "{\"statusCode\":500}", "null", "", "x", "{\"Data\":1}",
};

START_TEST(what_is_said_to_a_goodbye_is_ignored)
{
    start(API(ROUTES));
    let_in();
    fake_link_ends(&l, 1000, "");
    reply(200, _i % 2 ? FAILED : "", farewells[_i]);
    fake_world_advance(&w, 3600000);
    ck_assert_uint_eq(w.fetch.started, 2);
    ck_assert_uint_eq(atomic_load(&w.metrics.integration_errors), _i % 2);
    end();
}
END_TEST

/* The function was not asked: another try is owed. */
START_TEST(a_goodbye_that_was_throttled_is_told_again)
{
    start(API(ROUTES));
    let_in();
    fake_link_ends(&l, 1000, "");
    reply(429, "", "{}");
    fake_world_advance(&w, 60000);
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 1);
    told("requestContext.eventType", "\"DISCONNECT\"");
    end();
}
END_TEST

/* --- bounds --------------------------------------------------------------------- */

START_TEST(an_event_has_a_greatest_length)
{
    static char text[GW_INVOKE_BYTES_MAX];

    start("limits: { maxFrameBytes: 0, maxMessageBytes: 0 }\n" API(ROUTES));
    let_in();
    memset(text, 'a', sizeof(text) - 1);
    fake_link_says(&l, text);
    got_failure("Internal server error");
    text[GW_INVOKE_BYTES_MAX - 2000] = '\0';
    fake_link_says(&l, text);
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 1);
    end();
}
END_TEST

START_TEST(an_answer_has_a_greatest_length)
{
    static char text[GW_INVOKE_ANSWER_MAX + 1];

    start(API(ROUTES));
    let_in();
    memset(text, ' ', sizeof(text));
    memcpy(text, "{\"statusCode\":200,\"body\":\"x\"}", 29);
    fake_link_says(&l, "x");
    fake_call_reply(call(), 200, "", (gw_str){ text, sizeof(text) - 1 });
    fake_link_got(&l, "x");
    fake_link_says(&l, "x");
    fake_call_reply(call(), 200, "", (gw_str){ text, sizeof(text) });
    got_failure("Internal server error");
    end();
}
END_TEST

/* --- AWS ------------------------------------------------------------------------ */

#define CUSTOM(more)                                    \
    "{ routeResponse: true, integration: { type: AWS, " \
    "integrationUri: '" URL "', " more " } }"
#define BY_ERROR                                                     \
    "responses: { '/.*denied.*/': { responseTemplates: { $default: " \
    "'{\"code\":403,\"why\":$input.json(''$.errorMessage'')}' } }, " \
    "'/(?i)busy/': {}, $default: { responseTemplates: { $default: "  \
    "'{\"ok\":$input.json(''$'')}' } } }"

/* 4.5, 4.7 */
static const struct {
    const char *integration, *message;
    const char *payload; /* NULL: nothing is invoked */
    const char *headers, *body;
    const char *got;
} customs[] = {
    { BY_ERROR, "{\"a\":1}", "{\"a\":1}", "", "{\"b\":2}",
      "{\"ok\":{\"b\":2}}" },
    { BY_ERROR, "{}", "{}", FAILED,
      "{\"errorMessage\":\"it was denied, sorry\",\"errorType\":\"E\"}",
      "{\"code\":403,\"why\":\"it was denied, sorry\"}" },
    { BY_ERROR, "{}", "{}", "", "{\"errorMessage\":\"denied\"}",
      "{\"code\":403,\"why\":\"denied\"}" },
    { BY_ERROR, "{}", "{}", FAILED, "{\"errorMessage\":\"Busy\"}",
      "{\"errorMessage\":\"Busy\"}" },
    { BY_ERROR, "{}", "{}", FAILED, "{\"errorMessage\":\"busy now\"}",
      "{\"ok\":{\"errorMessage\":\"busy now\"}}" },
    { BY_ERROR, "{}", "{}", "", "\"denied\"", "{\"ok\":\"denied\"}" },
    { "responses: { '/.*/': {}, $default: { responseTemplates: { $default: "
      "fine } } }",
      "{}", "{}", "", "{\"errorMessage\":\"\"}", "fine" },
    { "responses: { '/.*denied/': {} }", "{}", "{}", "", "{}", ERROR },
    { "responses: { '/.*denied/': {} }", "{}", "{}", FAILED, THREW, ERROR },
    { "description: none", "{}", "{}", "", "{\"b\":2}", "{\"b\":2}" },
    { "description: none", "{}", "{}", "", "no JSON", "no JSON" },
    { "description: none", "{}", "{}", FAILED, THREW, ERROR },
    { "description: none", "{}", "{}", "", THREW, ERROR },
    { "description: none", "as it is", "as it is", "", "1", "1" },
    { "requestTemplates: { $default: '{\"id\":\"$context.connectionId\"}' }, "
      "templateSelectionExpression: a",
      "x", "{\"id\":\"\2\"}", "", "1", "1" },
    { "passthroughBehavior: NEVER", "{}", NULL, "", "", ERROR },
    { "responses: { $default: { contentHandlingStrategy: CONVERT_TO_BINARY } }",
      "{}", "{}", "", "eA==", "x" },
};

START_TEST(templates_stand_around_a_function)
{
    const char *mark, *want = customs[_i].payload;
    char config[2048];

    snprintf(config, sizeof(config), API("$default: " CUSTOM("%s")),
             customs[_i].integration);
    start(config);
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_says(&l, customs[_i].message);
    if (want) {
        mark = strchr(want, '\2'); /* stands for the id */
        if (mark)
            ck_assert_uint_eq(call()->body.len, strlen(want) - 1 + 16);
        else
            ck_assert_gw_str(call()->body, gw_str_of(want));
        has("X-Amz-Invocation-Type", "RequestResponse");
        reply(200, customs[_i].headers, customs[_i].body);
    } else {
        ck_assert_uint_eq(w.fetch.started, 0);
    }
    got(customs[_i].got);
    end();
}
END_TEST

/* What the original's users do to wait for nothing. */
START_TEST(parameters_ask_for_another_invocation)
{
    start("lambda: { accessKeyId: AKID, secretAccessKey: secret }\n"
          "region: eu-west-1\n" API("$default: " CUSTOM(
              "requestParameters: { "
              "integration.request.header.X-Amz-Invocation-Type: \"'Event'\", "
              "integration.request.header.X-Room: "
              "route.request.body.room }")));
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_says(&l, "{\"room\":\"a  b\"}");
    has("X-Amz-Invocation-Type", "Event");
    has("X-Room", "a  b");
    check_signature("secret", "20150830T123600Z");
    reply(202, "", "");
    fake_link_got(&l, "");
    end();
}
END_TEST

/* A $connect that throws lets nobody in, whatever a template makes of it. */
static const struct {
    const char *headers, *body;
    unsigned handshake;
    const char *answer;
} customs_connect[] = {
    { "", "{\"b\":2}", 101, NULL },
    { "", "null", 101, NULL },
    { FAILED, "{\"errorMessage\":\"denied\"}", 502,
      "{\"code\":403,\"why\":\"denied\"}" },
    { FAILED, "{\"errorMessage\":\"other\"}", 502,
      "{\"ok\":{\"errorMessage\":\"other\"}}" },
    { "", "{\"errorMessage\":\"other\"}", 502,
      "{\"ok\":{\"errorMessage\":\"other\"}}" },
    { FAILED, "crashed", 502, NULL },
};

START_TEST(a_custom_function_decides_a_handshake)
{
    start(API("$connect: " CUSTOM(BY_ERROR)));
    fake_world_connect(&w, &l, "/dev", "");
    reply(200, customs_connect[_i].headers, customs_connect[_i].body);
    ck_assert_uint_eq(l.status, customs_connect[_i].handshake);
    if (customs_connect[_i].answer)
        ck_assert_gw_str(gw_buf_str(&l.body),
                         gw_str_of(customs_connect[_i].answer));
    end();
}
END_TEST

GW_SUITE("server/integration/lambda")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_function_is_invoked);
    tcase_add_test(tc, a_trace_goes_on);
    tcase_add_test(tc, calls_are_signed);
    tcase_add_loop_test(tc, a_function_decides_a_handshake, 0,
                        GW_LEN(connects));
    tcase_add_test(tc, a_function_picks_the_subprotocol);
    tcase_add_loop_test(tc, a_function_that_cannot_be_reached, 0,
                        GW_LEN(failures));
    tcase_add_test(tc, a_lane_that_is_full_is_said);
    tcase_add_loop_test(tc, a_function_answers_a_message, 0, GW_LEN(messages));
    tcase_add_loop_test(tc, what_is_said_to_a_goodbye_is_ignored, 0,
                        GW_LEN(farewells));
    tcase_add_test(tc, a_goodbye_that_was_throttled_is_told_again);
    tcase_add_test(tc, an_event_has_a_greatest_length);
    tcase_add_test(tc, an_answer_has_a_greatest_length);
    tcase_add_loop_test(tc, templates_stand_around_a_function, 0,
                        GW_LEN(customs));
    tcase_add_test(tc, parameters_ask_for_another_invocation);
    tcase_add_loop_test(tc, a_custom_function_decides_a_handshake, 0,
                        GW_LEN(customs_connect));
}
