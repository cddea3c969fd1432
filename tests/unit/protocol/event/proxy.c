#include "protocol/event/proxy.h"

#include "protocol/json/json.h"
#include "protocol/json/path.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct gw_arena arena;
static struct gw_buf file;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
    gw_buf_init(&file, 1 << 20);
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
    gw_buf_fini(&file);
}

/* --- comparing --------------------------------------------------------------- */

static gw_json json_of(gw_str text)
{
    gw_json root;

    ck_assert_msg(gw_json_read(text, &root) == GW_OK, "%.*s", GW_FMT(text));
    return root;
}

static gw_str text_of(gw_json value)
{
    gw_str text;

    ck_assert(gw_json_text(&arena, value, &text) == GW_OK);
    return text;
}

/* The same members in the same order, the same values; `but`: a member, in
 * whatever depth, that may differ. */
static void same(gw_json have, gw_json want, gw_str but)
{
    gw_json have_name, want_name, a, b;
    size_t i = 0, j = 0;
    bool more;

    ck_assert_msg(have.kind == want.kind, "%.*s, not %.*s", GW_FMT(have.raw),
                  GW_FMT(want.raw));
    if (want.kind == GW_JSON_STRING) {
        ck_assert_gw_str(text_of(have), text_of(want));
        return;
    }
    if (want.kind != GW_JSON_OBJECT && want.kind != GW_JSON_ARRAY) {
        ck_assert_gw_str(have.raw, want.raw);
        return;
    }
    while (gw_json_next(want, &j, &want_name, &b)) {
        ck_assert_msg(gw_json_next(have, &i, &have_name, &a), "no %.*s",
                      GW_FMT(want_name.raw));
        ck_assert_gw_str(have_name.raw, want_name.raw);
        if (!but.len || !gw_json_is_text(want_name, but))
            same(a, b, but);
    }
    more = gw_json_next(have, &i, &have_name, &a);
    ck_assert_msg(!more, "and %.*s", GW_FMT(have_name.raw));
}

static const struct gw_pairs no_variables;

static gw_str written(struct gw_proxy_event *e)
{
    gw_str out;

    if (!e->stage_variables)
        e->stage_variables = &no_variables;
    ck_assert(gw_proxy_event_write(&arena, e, &out) == GW_OK);
    return out;
}

/* --- the published samples --------------------------------------------------- */

static gw_str member(gw_json object, const char *name)
{
    gw_json value = gw_json_member(object, gw_str_of(name));

    ck_assert_msg(value.kind == GW_JSON_STRING, "%s", name);
    return text_of(value);
}

static int64_t number(gw_json object, const char *name)
{
    int64_t n;

    ck_assert(gw_json_to_i64(gw_json_member(object, gw_str_of(name)), &n));
    return n;
}

/* What we would know of the event, had it happened here. */
static struct gw_context context_of(gw_json event)
{
    gw_json c = gw_json_member(event, GW_LIT("requestContext"));
    gw_json identity = gw_json_member(c, GW_LIT("identity"));
    struct gw_context out = {
        .event_type = GW_EVENT_MESSAGE,
        .api_id = member(c, "apiId"),
        .stage = member(c, "stage"),
        .domain_name = member(c, "domainName"),
        .route_key = member(c, "routeKey"),
        .connection_id = member(c, "connectionId"),
        .request_id = member(c, "requestId"),
        .source_ip = member(identity, "sourceIp"),
        .user_agent = member(identity, "userAgent"),
        .connected_at_ms = number(c, "connectedAt"),
        .request_time_ms = number(c, "requestTimeEpoch"),
    };

    return out;
}

static bool read_sample(const char *name, gw_json *out)
{
    const char *folder = gw_vectors();
    char path[512];

    if (!folder) {
        gw_skip(name, "no vectors");
        return false;
    }
    snprintf(path, sizeof(path), "%s/lambda-events/%s", folder, name);
    gw_file_read(path, &file);
    *out = json_of(gw_buf_str(&file));
    return true;
}

START_TEST(a_message_is_told_as_the_sample)
{
    struct gw_context c;
    struct gw_proxy_event e = { .context = &c };
    gw_json sample;

    if (!read_sample("apigw-websocket-request-send-message.json", &sample))
        return;
    c = context_of(sample);
    c.message_id =
        member(gw_json_member(sample, GW_LIT("requestContext")), "messageId");
    e.body = member(sample, "body");
    same(json_of(written(&e)), sample, GW_EMPTY);
}
END_TEST

/* The address is blanked in the sample (websocket-api.md 3.4). */
START_TEST(a_goodbye_is_told_as_the_sample)
{
    struct gw_context c;
    struct gw_proxy_event e = { .context = &c };
    gw_json sample, context;

    if (!read_sample("apigw-websocket-request-disconnect.json", &sample))
        return;
    c = context_of(sample);
    context = gw_json_member(sample, GW_LIT("requestContext"));
    c.event_type = GW_EVENT_DISCONNECT;
    c.disconnect_status = (unsigned)number(context, "disconnectStatusCode");
    c.disconnect_reason = member(context, "disconnectReason");
    same(json_of(written(&e)), sample, GW_LIT("X-Forwarded-For"));
}
END_TEST

static const struct gw_context met = {
    .event_type = GW_EVENT_CONNECT,
    .api_id = GW_LIT("abcd123456"),
    .stage = GW_LIT("prod"),
    .domain_name = GW_LIT("abcd123456.execute-api.us-east-1.amazonaws.com"),
    .route_key = GW_LIT("$connect"),
    .connection_id = GW_LIT("R1kmxc2VNjMCFIA="),
    .message_id = GW_LIT("R1knPc2ntjMCFIA="),
    .request_id = GW_LIT("R1kmxGsUtjMFbRw="),
    .source_ip = GW_LIT("203.0.113.7"),
    .user_agent = GW_LIT("Mozilla/5.0 ..."),
    .connected_at_ms = 1705751697419,
    .request_time_ms = 1705751697420,
    .disconnect_status = 1001,
    .disconnect_reason = GW_LIT("gone \"away\""),
};

/* websocket-api.md 3.2, its headers in another order. */
START_TEST(a_handshake_is_told_as_the_reference_has_it)
{
    static const struct gw_http_header headers[] = {
        { GW_LIT("X-Forwarded-For"), GW_LIT("203.0.113.7") },
        { GW_LIT("X-Forwarded-Port"), GW_LIT("443") },
        { GW_LIT("X-Forwarded-Proto"), GW_LIT("https") },
        { GW_LIT("Sec-WebSocket-Version"), GW_LIT("13") },
        { GW_LIT("Host"),
          GW_LIT("abcd123456.execute-api.us-east-1.amazonaws.com") },
        { GW_LIT("Sec-WebSocket-Key"), GW_LIT("NysmUTUM1SWo5oeJuKHZhw==") },
    };
    static const struct gw_pair pair = { GW_LIT("name"), GW_LIT("value") };
    static const struct gw_pairs variables = { &pair, 1 };
    struct gw_proxy_event e = {
        .context = &met,
        .stage_variables = &variables,
        .headers = headers,
        .header_count = GW_LEN(headers),
        .query = GW_LIT("token=abc"),
    };

    same(json_of(written(&e)),
         json_of(GW_LIT(
             "{\"headers\":{"
             "\"Host\":\"abcd123456.execute-api.us-east-1.amazonaws.com\","
             "\"Sec-WebSocket-Key\":\"NysmUTUM1SWo5oeJuKHZhw==\","
             "\"Sec-WebSocket-Version\":\"13\","
             "\"X-Forwarded-For\":\"203.0.113.7\","
             "\"X-Forwarded-Port\":\"443\","
             "\"X-Forwarded-Proto\":\"https\"},"
             "\"multiValueHeaders\":{"
             "\"Host\":[\"abcd123456.execute-api.us-east-1.amazonaws.com\"],"
             "\"Sec-WebSocket-Key\":[\"NysmUTUM1SWo5oeJuKHZhw==\"],"
             "\"Sec-WebSocket-Version\":[\"13\"],"
             "\"X-Forwarded-For\":[\"203.0.113.7\"],"
             "\"X-Forwarded-Port\":[\"443\"],"
             "\"X-Forwarded-Proto\":[\"https\"]},"
             "\"queryStringParameters\":{\"token\":\"abc\"},"
             "\"multiValueQueryStringParameters\":{\"token\":[\"abc\"]},"
             "\"stageVariables\":{\"name\":\"value\"},"
             "\"requestContext\":{\"routeKey\":\"$connect\","
             "\"eventType\":\"CONNECT\","
             "\"extendedRequestId\":\"R1kmxGsUtjMFbRw=\","
             "\"requestTime\":\"20/Jan/2024:11:54:57 +0000\","
             "\"messageDirection\":\"IN\",\"stage\":\"prod\","
             "\"connectedAt\":1705751697419,"
             "\"requestTimeEpoch\":1705751697420,"
             "\"identity\":{\"userAgent\":\"Mozilla/5.0 ...\","
             "\"sourceIp\":\"203.0.113.7\"},"
             "\"requestId\":\"R1kmxGsUtjMFbRw=\","
             "\"domainName\":"
             "\"abcd123456.execute-api.us-east-1.amazonaws.com\","
             "\"connectionId\":\"R1kmxc2VNjMCFIA=\","
             "\"apiId\":\"abcd123456\"},\"isBase64Encoded\":false}")),
         GW_EMPTY);
}
END_TEST

/* --- members, one by one ------------------------------------------------------ */

static const struct gw_pair pairs[] = { { GW_LIT("a"), GW_LIT("1") } };
static const struct gw_pairs some_variables = { pairs, 1 };

static const struct {
    const char *name;
    gw_event_type type;
    struct gw_proxy_event event; /* without its context */
    const char *path, *json;     /* json: NULL when the member is absent */
} members[] = {
    /* 3.2 */
    { "no query", GW_EVENT_CONNECT, { 0 }, "queryStringParameters", NULL },
    { "no query",
      GW_EVENT_CONNECT,
      { 0 },
      "multiValueQueryStringParameters",
      NULL },
    { "an empty query",
      GW_EVENT_CONNECT,
      { .query = GW_LIT("&&") },
      "queryStringParameters",
      NULL },
    { "repeated parameters",
      GW_EVENT_CONNECT,
      { .query = GW_LIT("b=1&a=%20x+y%3D&b=2&c") },
      "queryStringParameters",
      "{\"a\":\" x y=\",\"b\":\"2\",\"c\":\"\"}" },
    { "repeated parameters",
      GW_EVENT_CONNECT,
      { .query = GW_LIT("b=1&a=%20x+y%3D&b=2&c") },
      "multiValueQueryStringParameters",
      "{\"a\":[\" x y=\"],\"b\":[\"1\",\"2\"],\"c\":[\"\"]}" },
    { "parameters have a case",
      GW_EVENT_CONNECT,
      { .query = GW_LIT("b=1&B=2") },
      "queryStringParameters",
      "{\"B\":\"2\",\"b\":\"1\"}" },
    { "bytes that are no text",
      GW_EVENT_CONNECT,
      { .query = GW_LIT("a=%ff%00") },
      "queryStringParameters",
      "{\"a\":\"\\ufffd\\u0000\"}" },
    { "no variables", GW_EVENT_CONNECT, { 0 }, "stageVariables", NULL },
    { "variables",
      GW_EVENT_CONNECT,
      { .stage_variables = &some_variables },
      "stageVariables",
      "{\"a\":\"1\"}" },
    { "no body", GW_EVENT_CONNECT, { 0 }, "body", NULL },
    { "no message id",
      GW_EVENT_CONNECT,
      { 0 },
      "requestContext.messageId",
      NULL },
    { "no close code",
      GW_EVENT_CONNECT,
      { 0 },
      "requestContext.disconnectStatusCode",
      NULL },
    { "no reason",
      GW_EVENT_CONNECT,
      { 0 },
      "requestContext.disconnectReason",
      NULL },
    { "not base64", GW_EVENT_CONNECT, { 0 }, "isBase64Encoded", "false" },
    { "no path", GW_EVENT_CONNECT, { 0 }, "path", NULL },
    { "no authorizer",
      GW_EVENT_CONNECT,
      { 0 },
      "requestContext.authorizer",
      NULL },

    /* 3.3 */
    { "no headers", GW_EVENT_MESSAGE, { 0 }, "headers", NULL },
    { "no headers", GW_EVENT_MESSAGE, { 0 }, "multiValueHeaders", NULL },
    { "no parameters",
      GW_EVENT_MESSAGE,
      { .query = GW_LIT("a=1") },
      "queryStringParameters",
      NULL },
    { "variables",
      GW_EVENT_MESSAGE,
      { .stage_variables = &some_variables },
      "stageVariables",
      "{\"a\":\"1\"}" },
    { "no variables", GW_EVENT_MESSAGE, { 0 }, "stageVariables", NULL },
    { "the text as it came",
      GW_EVENT_MESSAGE,
      { .body = GW_LIT(" {\"a\" : 1}\r\n\xf0\x9f\x98\x80\x01") },
      "body",
      "\" {\\\"a\\\" : 1}\\r\\n\xf0\x9f\x98\x80\\u0001\"" },
    { "an empty message",
      GW_EVENT_MESSAGE,
      { .body = GW_EMPTY },
      "body",
      "\"\"" },
    { "a binary one",
      GW_EVENT_MESSAGE,
      { .body = GW_LIT("AP8="), .is_base64 = true },
      "isBase64Encoded",
      "true" },
    { "a binary one",
      GW_EVENT_MESSAGE,
      { .body = GW_LIT("AP8="), .is_base64 = true },
      "body",
      "\"AP8=\"" },
    { "its own id",
      GW_EVENT_MESSAGE,
      { 0 },
      "requestContext.messageId",
      "\"R1knPc2ntjMCFIA=\"" },

    /* 3.4 */
    { "no parameters",
      GW_EVENT_DISCONNECT,
      { .query = GW_LIT("a=1") },
      "queryStringParameters",
      NULL },
    { "odd headers",
      GW_EVENT_DISCONNECT,
      { 0 },
      "headers",
      "{\"Host\":\"abcd123456.execute-api.us-east-1.amazonaws.com\","
      "\"x-api-key\":\"\",\"X-Forwarded-For\":\"203.0.113.7\","
      "\"x-restapi\":\"\"}" },
    { "odd headers",
      GW_EVENT_DISCONNECT,
      { 0 },
      "multiValueHeaders",
      "{\"Host\":[\"abcd123456.execute-api.us-east-1.amazonaws.com\"],"
      "\"x-api-key\":[\"\"],\"X-Forwarded-For\":[\"203.0.113.7\"],"
      "\"x-restapi\":[\"\"]}" },
    { "no body", GW_EVENT_DISCONNECT, { .body = GW_LIT("x") }, "body", NULL },
    { "why",
      GW_EVENT_DISCONNECT,
      { 0 },
      "requestContext.disconnectReason",
      "\"gone \\\"away\\\"\"" },
    { "why",
      GW_EVENT_DISCONNECT,
      { 0 },
      "requestContext.disconnectStatusCode",
      "1001" },
    { "no message id",
      GW_EVENT_DISCONNECT,
      { 0 },
      "requestContext.messageId",
      NULL },

    /* 3.5 */
    { "one id under two names",
      GW_EVENT_MESSAGE,
      { 0 },
      "requestContext.extendedRequestId",
      "\"R1kmxGsUtjMFbRw=\"" },
    { "one id under two names",
      GW_EVENT_MESSAGE,
      { 0 },
      "requestContext.requestId",
      "\"R1kmxGsUtjMFbRw=\"" },
    { "always in",
      GW_EVENT_DISCONNECT,
      { 0 },
      "requestContext.messageDirection",
      "\"IN\"" },
};

static gw_json find(gw_json root, const char *path)
{
    struct gw_json_path p;
    gw_json hit;

    ck_assert(gw_json_path_read(&arena, gw_str_of(path), &p, NULL) == GW_OK);
    ck_assert(gw_json_path_find(&arena, &p, root, &hit) == GW_OK);
    return hit;
}

START_TEST(members_are_there_or_not)
{
    struct gw_proxy_event e = members[_i].event;
    struct gw_context c = met;
    gw_json hit;

    c.event_type = members[_i].type;
    e.context = &c;
    hit = find(json_of(written(&e)), members[_i].path);
    ck_assert_msg((hit.kind != GW_JSON_ABSENT) == (members[_i].json != NULL),
                  "%s: %s", members[_i].name, members[_i].path);
    if (members[_i].json)
        same(hit, json_of(gw_str_of(members[_i].json)), GW_EMPTY);
}
END_TEST

/* 3.2: the last value, and all of them; the client's case, and no case in
 * comparing. */
START_TEST(repeated_headers_stand_together)
{
    static const struct gw_http_header headers[] = {
        { GW_LIT("b"), GW_LIT("4") },
        { GW_LIT("X-Tag"), GW_LIT("1") },
        { GW_LIT("Accept"), GW_LIT("caf\xe9") },
        { GW_LIT("x-tag"), GW_LIT("2") },
        { GW_LIT("x-ta"), GW_LIT("3") },
    };
    struct gw_proxy_event e = {
        .context = &met,
        .headers = headers,
        .header_count = GW_LEN(headers),
    };
    gw_json event = json_of(written(&e));

    same(find(event, "headers"),
         json_of(GW_LIT("{\"Accept\":\"caf\\ufffd\",\"b\":\"4\","
                        "\"x-ta\":\"3\",\"X-Tag\":\"2\"}")),
         GW_EMPTY);
    same(find(event, "multiValueHeaders"),
         json_of(GW_LIT("{\"Accept\":[\"caf\\ufffd\"],\"b\":[\"4\"],"
                        "\"x-ta\":[\"3\"],\"X-Tag\":[\"1\",\"2\"]}")),
         GW_EMPTY);
}
END_TEST

START_TEST(a_client_without_user_agent_has_none)
{
    struct gw_context c = met;
    struct gw_proxy_event e = { .context = &c };

    c.user_agent = GW_EMPTY;
    same(find(json_of(written(&e)), "requestContext.identity"),
         json_of(GW_LIT("{\"sourceIp\":\"203.0.113.7\"}")), GW_EMPTY);
}
END_TEST

/* Beyond the original; never in another event. */
START_TEST(a_goodbye_can_be_told_twice)
{
    struct gw_context c = met;
    struct gw_proxy_event e = { .context = &c };
    gw_json context;

    c.event_id = GW_LIT("c0ffee");
    c.attempt = 2;
    context = find(json_of(written(&e)), "requestContext");
    ck_assert_int_eq(gw_json_member(context, GW_LIT("eventId")).kind,
                     GW_JSON_ABSENT);
    c.event_type = GW_EVENT_DISCONNECT;
    context = find(json_of(written(&e)), "requestContext");
    ck_assert_gw_str(find(context, "eventId").raw, GW_LIT("\"c0ffee\""));
    ck_assert_gw_str(find(context, "attempt").raw, GW_LIT("2"));
}
END_TEST

/* Where the path names the API, domainName says so: Host does not. */
START_TEST(the_host_of_a_goodbye_is_a_host)
{
    struct gw_context c = met;
    struct gw_proxy_event e = { .context = &c };

    c.event_type = GW_EVENT_DISCONNECT;
    c.domain_name = GW_LIT("localhost:8080/chat");
    ck_assert_gw_str(find(json_of(written(&e)), "headers.Host").raw,
                     GW_LIT("\"localhost:8080\""));
}
END_TEST

START_TEST(events_stay_within_the_arena)
{
    static char big[2048];
    struct gw_context c = met;
    struct gw_proxy_event e = { .context = &c,
                                .stage_variables = &no_variables,
                                .body = { big, sizeof(big) } };
    struct gw_arena small;
    gw_str out;

    c.event_type = GW_EVENT_MESSAGE;
    gw_arena_init(&small, 4096);
    ck_assert_int_eq(gw_proxy_event_write(&small, &e, &out), GW_E_TOO_BIG);
    gw_arena_fini(&small);
}
END_TEST

/* --- answers ------------------------------------------------------------------ */

#define MAPS "\"statusCode\":200,"

/* websocket-api.md 3.6, and rest-and-services.md 1.5 where that is silent. */
static const struct {
    const char *payload;
    unsigned status;     /* 0: refused */
    const char *headers; /* "Name: value\n" each */
    gw_str body;
} answers[] = {
    { "{\"statusCode\":200}", 200, "", GW_LIT("") },
    { " {\"statusCode\" : 200 }\n", 200, "", GW_LIT("") },
    { "{\"statusCode\":200,\"body\":\"x\"}", 200, "", GW_LIT("x") },
    { "{\"statusCode\":500,\"body\":\"x\"}", 500, "", GW_LIT("x") },
    { "{\"statusCode\":\"201\"}", 201, "", GW_LIT("") },
    { "{\"statusCode\":200.0}", 200, "", GW_LIT("") },
    { "{\"statusCode\":200,\"body\":\"a\\n\\u00e9\\\"\"}", 200, "",
      GW_LIT("a\n\xc3\xa9\"") },
    { "{\"statusCode\":200,\"body\":null}", 200, "", GW_LIT("") },
    { "{\"statusCode\":200,\"headers\":null,\"multiValueHeaders\":null,"
      "\"body\":null,\"isBase64Encoded\":null}",
      200, "", GW_LIT("") },
    { "{\"statusCode\":200,\"body\":\"AP8=\",\"isBase64Encoded\":true}", 200,
      "", GW_LIT("\0\xff") },
    { "{\"statusCode\":200,\"body\":\"AP8=\",\"isBase64Encoded\":false}", 200,
      "", GW_LIT("AP8=") },
    { "{\"statusCode\":200,\"isBase64Encoded\":true}", 200, "", GW_LIT("") },
    { "{\"statusCode\":100,\"statusCode\":200}", 200, "", GW_LIT("") },

    { "{" MAPS "\"headers\":{\"A\":\"1\",\"B\":true,\"C\":-1.5,\"D\":null}}",
      200, "A: 1\nB: true\nC: -1.5\n", GW_LIT("") },
    { "{" MAPS "\"multiValueHeaders\":{\"A\":[\"1\",2],\"B\":[]}}", 200,
      "A: 1\nA: 2\n", GW_LIT("") },
    { "{" MAPS "\"headers\":{\"a\":\"3\",\"B\":\"4\"},"
      "\"multiValueHeaders\":{\"A\":[\"1\",\"2\"]}}",
      200, "A: 1\nA: 2\nA: 3\nB: 4\n", GW_LIT("") },
    { "{" MAPS "\"headers\":{\"a\":\"1\"},"
      "\"multiValueHeaders\":{\"A\":[\"1\",\"2\"]}}",
      200, "A: 1\nA: 2\n", GW_LIT("") },

    { "{\"statusCode\":200,\"body\":{}}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"body\":1}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"body\":true}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"body\":[\"x\"]}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"ConnectionId\":\"x\",\"Data\":\"y\"}", 0, "",
      GW_EMPTY },
    { "{\"statusCode\":200,\"cookies\":[]}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"statuscode\":200}", 0, "", GW_EMPTY },
    { "null", 0, "", GW_EMPTY },
    { "", 0, "", GW_EMPTY },
    { "\"text\"", 0, "", GW_EMPTY },
    { "200", 0, "", GW_EMPTY },
    { "[]", 0, "", GW_EMPTY },
    { "{}", 0, "", GW_EMPTY },
    { "{\"body\":\"x\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":null}", 0, "", GW_EMPTY },
    { "{\"statusCode\":\"test\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":\"\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":\"-200\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":true}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200.5}", 0, "", GW_EMPTY },
    { "{\"statusCode\":99}", 0, "", GW_EMPTY },
    { "{\"statusCode\":600}", 0, "", GW_EMPTY },
    { "{\"statusCode\":\"4294967496\"}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":[]}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":{\"A\":[\"1\"]}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":{\"A\":{}}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":{\"A b\":\"1\"}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":{\"\":\"1\"}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"headers\":{\"A\":\"1\\r\\nB: 2\"}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"multiValueHeaders\":{\"A\":\"1\"}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"multiValueHeaders\":{\"A\":[null]}}", 0, "", GW_EMPTY },
    { "{" MAPS "\"multiValueHeaders\":\"A\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"body\":\"?\",\"isBase64Encoded\":true}", 0, "",
      GW_EMPTY },
    { "{\"statusCode\":200,\"isBase64Encoded\":\"true\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200,\"body\":\"\xff\"}", 0, "", GW_EMPTY },
    { "{\"statusCode\":200}x", 0, "", GW_EMPTY },
    { "{\"statusCode\":200", 0, "", GW_EMPTY },

    /* 11.1: how functions fail, also where no header says that they did */
    { "{\"errorMessage\":\"no\",\"errorType\":\"Error\",\"stackTrace\":[]}", 0,
      "", GW_EMPTY },
    { "{\"errorMessage\":\"2024-01-20T11:55:08.326Z 1 Task timed out after "
      "3.00 seconds\"}",
      0, "", GW_EMPTY },
    { "Task timed out after 3.00 seconds", 0, "", GW_EMPTY },
};

START_TEST(answers_are_read)
{
    struct gw_proxy_answer answer = { 0 };
    struct gw_fault why = { "" };
    struct gw_buf lines;
    gw_err err = gw_proxy_answer_read(&arena, gw_str_of(answers[_i].payload),
                                      &answer, &why);

    if (!answers[_i].status) {
        ck_assert_msg(err == GW_E_UPSTREAM, "%s", answers[_i].payload);
        ck_assert(why.text[0]);
        return;
    }
    ck_assert_msg(err == GW_OK, "%s: %s", answers[_i].payload, why.text);
    ck_assert_uint_eq(answer.status, answers[_i].status);
    ck_assert_gw_str(answer.body, answers[_i].body);
    gw_buf_init(&lines, 4096);
    for (size_t i = 0; answer.headers && i < answer.headers->count; i++)
        ck_assert(gw_buf_addf(&lines, "%.*s: %.*s\n",
                              GW_FMT(answer.headers->at[i].name),
                              GW_FMT(answer.headers->at[i].value)) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&lines), gw_str_of(answers[_i].headers));
    gw_buf_fini(&lines);
}
END_TEST

START_TEST(too_many_headers_are_refused)
{
    struct gw_proxy_answer answer;
    struct gw_buf text;

    gw_buf_init(&text, 65536);
    ck_assert(gw_buf_add(&text, GW_LIT("{" MAPS "\"multiValueHeaders\":"
                                       "{\"A\":[0")) == GW_OK);
    for (int i = 1; i < GW_HTTP_HEADERS_MAX; i++)
        ck_assert(gw_buf_add(&text, GW_LIT(",0")) == GW_OK);
    text.len -= 2; /* one fewer, to begin with */
    ck_assert(gw_buf_add(&text, GW_LIT(",0]}}")) == GW_OK);
    ck_assert(gw_proxy_answer_read(&arena, gw_buf_str(&text), &answer, NULL) ==
              GW_OK);
    text.len -= 3;
    ck_assert(gw_buf_add(&text, GW_LIT(",0]}}")) == GW_OK);
    ck_assert(gw_proxy_answer_read(&arena, gw_buf_str(&text), &answer, NULL) ==
              GW_E_UPSTREAM);
    gw_buf_fini(&text);
}
END_TEST

static const struct {
    const char *payload, *message;
} failures[] = {
    { "{\"errorMessage\":\"no \\\"x\\\"\",\"errorType\":\"E\"}", "no \"x\"" },
    { "{\"errorType\":\"E\"}", "" },
    { "{\"errorMessage\":null}", "" },
    { "{\"errorMessage\":{}}", "" },
    { "{\"a\":{\"errorMessage\":\"inner\"}}", "" },
    { "\"errorMessage\"", "" },
    { "null", "" },
    { "Task timed out after 3.00 seconds", "" },
    { "{\"errorMessage\":\"\xff\"}", "" },
    { "", "" },
};

START_TEST(error_messages_are_found)
{
    gw_str message;

    ck_assert(gw_function_error_message(&arena, gw_str_of(failures[_i].payload),
                                        &message) == GW_OK);
    ck_assert_gw_str(message, gw_str_of(failures[_i].message));
}
END_TEST

GW_SUITE("protocol/event/proxy")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_message_is_told_as_the_sample);
    tcase_add_test(tc, a_goodbye_is_told_as_the_sample);
    tcase_add_test(tc, a_handshake_is_told_as_the_reference_has_it);
    tcase_add_loop_test(tc, members_are_there_or_not, 0, GW_LEN(members));
    tcase_add_test(tc, repeated_headers_stand_together);
    tcase_add_test(tc, a_client_without_user_agent_has_none);
    tcase_add_test(tc, a_goodbye_can_be_told_twice);
    tcase_add_test(tc, the_host_of_a_goodbye_is_a_host);
    tcase_add_test(tc, events_stay_within_the_arena);
    tcase_add_loop_test(tc, answers_are_read, 0, GW_LEN(answers));
    tcase_add_test(tc, too_many_headers_are_refused);
    tcase_add_loop_test(tc, error_messages_are_found, 0, GW_LEN(failures));
}
