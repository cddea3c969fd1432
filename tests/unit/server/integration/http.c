#include "server/integration/http.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;

#define BACKEND "http://127.0.0.1:3000"
#define API(routes)                                        \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    binary: true\n"                                   \
    "    routes: { " routes " }\n"                         \
    "    stages: { dev: { stageVariables: { v: 'a?b' } } }\n"

static void start(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&l);
}

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

/* Every call is answered, the goodbye's at last. */
static void end(void)
{
    while (fake_fetch_waiting(&w.fetch) || l.conn) {
        if (fake_fetch_waiting(&w.fetch))
            fake_call_reply(call(), 200, "", GW_EMPTY);
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

/* --- headers ------------------------------------------------------------------ */

/* websocket-api.md 4.6 */
START_TEST(connect_forwards_what_the_client_sent)
{
    start(API(
        "$connect: { integration: { type: HTTP_PROXY, integrationMethod: PUT, integrationUri: "
        "'" BACKEND "/c' } }"));
    fake_world_connect(&w, &l, "/dev?a=1&b=%20",
                       "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                       "Origin: https://example.com\r\n"
                       "X-Mixed-Case: kept\r\n"
                       "Cookie: a=1\r\nCookie: b=2\r\n"
                       "User-Agent: test/1\r\n"
                       "TE: trailers\r\n"
                       "Proxy-Authorization: x\r\n"
                       "Content-Length: 0\r\n");
    ck_assert_gw_str(call()->method, GW_LIT("PUT"));
    ck_assert_gw_str(call()->target, GW_LIT("/c?a=1&b=%20"));
    ck_assert_uint_eq(call()->body.len, 0);
    has("Host", "127.0.0.1:3000");
    has("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    has("Sec-WebSocket-Version", "13");
    has("Sec-WebSocket-Extensions", "permessage-deflate");
    has("Origin", "https://example.com");
    has("User-Agent", "AmazonAPIGateway_chat");
    has("x-amzn-apigateway-api-id", "chat");
    has("X-Forwarded-For", "203.0.113.7");
    has("X-Forwarded-Port", "8080");
    has("X-Forwarded-Proto", "http");
    has("Upgrade", NULL);
    has("TE", NULL);
    has("Proxy-Authorization", NULL);
    has("Content-Type", NULL);
    has("X-Gatewire-Connection-Id", NULL); /* only the URL shorthand says it */
    ck_assert_uint_eq(fake_call_header(call(), "X-Amzn-Trace-Id").len, 40);
    for (size_t i = 0, cookies = 0; i < call()->header_count; i++) {
        cookies += gw_str_eq(call()->headers[i].name, GW_LIT("Cookie"));
        if (i + 1 == call()->header_count)
            ck_assert_uint_eq(cookies, 2);
    }
    end();
}
END_TEST

/* A head at the limit of 100 fields is forwarded whole, ours added to it. */
START_TEST(the_most_headers_there_may_be_are_forwarded)
{
    enum { MORE = 95 }; /* besides the handshake's five */
    char lines[MORE * 16 + 1];
    size_t at = 0, found = 0;

    for (int i = 0; i < MORE; i++)
        at +=
            (size_t)snprintf(lines + at, sizeof(lines) - at, "X-%d: v\r\n", i);
    start(API("$connect: " BACKEND "/c"));
    fake_world_connect(&w, &l, "/dev", lines);
    for (size_t i = 0; i < call()->header_count; i++)
        found += gw_str_eq(call()->headers[i].value, GW_LIT("v"));
    ck_assert_uint_eq(found, MORE);
    has("X-Gatewire-Event-Type", "CONNECT");
    end();
}
END_TEST

START_TEST(messages_and_goodbyes_forward_nothing)
{
    start(API("$disconnect: " BACKEND "/d, $default: " BACKEND "/m"));
    l.peer.tls = true;
    l.peer.local_port = 8443;
    fake_world_connect(&w, &l, "/dev?a=1", "Cookie: a=1\r\n");
    fake_link_says(&l, "hello");
    ck_assert_gw_str(call()->target, GW_LIT("/m"));
    ck_assert_gw_str(call()->body, GW_LIT("hello"));
    has("Content-Type", "application/json");
    has("Cookie", NULL);
    has("Sec-WebSocket-Key", NULL);
    has("X-Forwarded-Port", "8443");
    has("X-Forwarded-Proto", "https");
    has("X-Gatewire-Event-Type", "MESSAGE");
    has("X-Gatewire-Route-Key", "$default");
    has("X-Gatewire-Is-Base64-Encoded", NULL);
    has("X-Gatewire-Disconnect-Status-Code", NULL);
    has("X-Gatewire-Event-Id", NULL);
    has("X-Gatewire-Attempt", NULL);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_link_ends(&l, 4001, "bye");
    ck_assert_gw_str(call()->target, GW_LIT("/d"));
    ck_assert_uint_eq(call()->body.len, 0);
    has("Content-Type", NULL);
    has("X-Gatewire-Event-Type", "DISCONNECT");
    has("X-Gatewire-Disconnect-Status-Code", "4001");
    has("X-Gatewire-Disconnect-Reason", "bye");
    ck_assert_uint_eq(fake_call_header(call(), "X-Gatewire-Event-Id").len, 16);
    has("X-Gatewire-Attempt", "1");
    end();
}
END_TEST

START_TEST(the_shorthand_says_who_and_where)
{
    start(API("$connect: " BACKEND "/c"));
    fake_world_connect(&w, &l, "/chat/dev", "");
    ck_assert_uint_eq(fake_call_header(call(), "X-Gatewire-Connection-Id").len,
                      16);
    ck_assert_uint_eq(fake_call_header(call(), "X-Gatewire-Request-Id").len,
                      16);
    has("X-Gatewire-Event-Type", "CONNECT");
    has("X-Gatewire-Route-Key", "$connect");
    has("X-Gatewire-Api-Id", "chat");
    has("X-Gatewire-Stage", "dev");
    has("X-Gatewire-Source-Ip", "203.0.113.7");
    has("X-Gatewire-Connected-At", "1440938160000");
    has("X-Gatewire-Endpoint", "http://127.0.0.1:8080/chat/dev");
    end();
}
END_TEST

/* How a backend reaches this node: as the client did, or as it was said. */
static const struct {
    const char *settings, *target, *local;
    bool tls;
    const char *endpoint;
} endpoints[] = {
    { "", "/dev", "127.0.0.1", false, "http://127.0.0.1:8080/chat/dev" },
    { "", "/dev", "127.0.0.1", true, "https://127.0.0.1:8080/chat/dev" },
    { "", "/chat/dev", "::1", false, "http://[::1]:8080/chat/dev" },
    { "endpoint: https://ws.example.com/x\n", "/dev", "127.0.0.1", false,
      "https://ws.example.com/x/chat/dev" },
};

START_TEST(endpoints_can_be_called)
{
    char config[1024];

    snprintf(config, sizeof(config), "%s%s", endpoints[_i].settings,
             API("$connect: " BACKEND "/c"));
    start(config);
    l.peer.local_address = gw_str_of(endpoints[_i].local);
    l.peer.tls = endpoints[_i].tls;
    fake_world_connect(&w, &l, endpoints[_i].target, "");
    has("X-Gatewire-Endpoint", endpoints[_i].endpoint);
    end();
}
END_TEST

/* A client must not speak in the gateway's name, in no spelling that a
 * backend could take for it. */
static const char *const spoofed[] = {
    "X-Gatewire-Connection-Id", "x-gatewire-connection-id",
    "X_Gatewire_Connection_Id", "X-Gatewire_Source-Ip",
    "X-Gatewire-Anything",      "X-Forwarded-Port",
    "X_Forwarded_Proto",        "x-amzn-apigateway-api-id",
    "X-Amzn_Apigateway-Api-Id",
};

START_TEST(the_gateways_headers_cannot_be_spoofed)
{
    char line[200];

    for (int shorthand = 0; shorthand < 2; shorthand++) {
        start(
            shorthand
                ? API("$connect: " BACKEND "/c")
                : API("$connect: { integration: { type: HTTP_PROXY, integrationMethod: PUT, "
                      "integrationUri: '" BACKEND "/c' } }"));
        snprintf(line, sizeof(line), "%s: spoofed\r\n", spoofed[_i]);
        fake_world_connect(&w, &l, "/dev", line);
        for (size_t i = 0; i < call()->header_count; i++)
            ck_assert_msg(
                !gw_str_eq(call()->headers[i].value, GW_LIT("spoofed")),
                "%s came through", spoofed[_i]);
        end();
    }
}
END_TEST

/* 3.2: the peer is appended to what the client says */
static const struct {
    const char *sent, *forwarded;
} chains[] = {
    { "X-Forwarded-For: 10.0.0.1\r\n", "10.0.0.1, 203.0.113.7" },
    { "x-forwarded-for: 10.0.0.1, 10.0.0.2\r\n",
      "10.0.0.1, 10.0.0.2, 203.0.113.7" },
    { "X-Forwarded-For:\r\n", "203.0.113.7" },
    { "", "203.0.113.7" },
};

START_TEST(the_peer_is_appended_to_forwarded_for)
{
    start(API("$connect: " BACKEND "/c"));
    fake_world_connect(&w, &l, "/dev", chains[_i].sent);
    has("X-Forwarded-For", chains[_i].forwarded);
    has("X-Gatewire-Source-Ip", "203.0.113.7");
    end();
}
END_TEST

START_TEST(a_trace_goes_on)
{
    start(API("$connect: " BACKEND "/c"));
    fake_world_connect(&w, &l, "/dev", "X-Amzn-Trace-Id: Root=1-a-b\r\n");
    has("X-Amzn-Trace-Id", "Root=1-a-b");
    end();
}
END_TEST

/* --- mappings ------------------------------------------------------------------ */

#define MAPPED(path, parameters)                                                                \
    API("$connect: { integration: { type: HTTP_PROXY, integrationMethod: PUT, integrationUri: " \
        "'" BACKEND path "', requestParameters: { " parameters " } } }, "                       \
        "$default: { integration: { type: HTTP_PROXY, integrationMethod: PUT, integrationUri: " \
        "'" BACKEND path "', requestParameters: { " parameters " } } }")
#define HEADER "integration.request.header."
#define QUERY  "integration.request.querystring."
#define PATH   "integration.request.path."

/* 4.3; constants are encoded by their author */
static const struct {
    const char *config;
    const char *target;  /* of the handshake */
    const char *message; /* NULL: the handshake is looked at */
    const char *got;     /* target */
    const char *name, *value;
} mapped[] = {
    { MAPPED("/c", HEADER "Sec-WebSocket-Version: \"'0'\""), "/dev", NULL, "/c",
      "Sec-WebSocket-Version", "0" }, /* the published workaround, 4.6 */
    { MAPPED("/c", HEADER "Host: \"'other.test'\""), "/dev", NULL, "/c", "Host",
      "other.test" },
    { MAPPED("/c", HEADER "user-agent: \"'mine'\""), "/dev", NULL, "/c",
      "User-Agent", "mine" },
    { MAPPED("/c", HEADER "x-stage: context.stage"), "/dev", NULL, "/c",
      "X-Stage", "dev" },
    { MAPPED("/c", HEADER "x: route.request.querystring.q"), "/dev?q=a%20b",
      NULL, "/c?q=a%20b", "x", "a b" },
    { MAPPED("/c", HEADER "x: route.request.querystring.q"), "/dev?q=a%0d%0ab",
      NULL, "/c?q=a%0d%0ab", "x", NULL },
    { MAPPED("/c", HEADER "x: route.request.header.none"), "/dev", NULL, "/c",
      "x", NULL },
    { MAPPED("/c", QUERY "v: stageVariables.v"), "/dev", NULL, "/c?v=a%3Fb",
      NULL, NULL },
    { MAPPED("/c?x=1", QUERY "v: stageVariables.v"), "/dev?y=2", NULL,
      "/c?x=1&y=2&v=a%3Fb", NULL, NULL },
    { MAPPED("/c", QUERY "v: \"'a%20b+c'\""), "/dev", NULL, "/c?v=a%20b+c",
      NULL, NULL },
    { MAPPED("/c", QUERY "q: route.request.multivaluequerystring.r"),
      "/dev?r=1&r=%26", NULL, "/c?r=1&r=%26&q=1&q=%26", NULL, NULL },
    { MAPPED("/{p}/c", PATH "p: stageVariables.v"), "/dev", NULL, "/a%3Fb/c",
      NULL, NULL },
    { MAPPED("/{p}", PATH "p: \"'a%2Fb'\""), "/dev", NULL, "/a%2Fb", NULL,
      NULL },
    { MAPPED("/r/{p}/m", PATH "p: route.request.body.room"), "/dev",
      "{\"room\":\"a/../b?c\"}", "/r/a%2F..%2Fb%3Fc/m", NULL, NULL },
    { MAPPED("/m", HEADER "room: route.request.body.room"), "/dev",
      "{\"room\":\"lobby\"}", "/m", "room", "lobby" },
    { MAPPED("/m", HEADER "room: route.request.body.room"), "/dev",
      "{\"room\":\"a\\r\\nb: c\"}", "/m", "room", NULL },
    { MAPPED("/m", QUERY "id: context.messageId"), "/dev", NULL, "/m", NULL,
      NULL },
};

START_TEST(parameters_are_mapped)
{
    start(mapped[_i].config);
    fake_world_connect(&w, &l, mapped[_i].target, "");
    if (mapped[_i].message) {
        fake_call_reply(call(), 200, "", GW_EMPTY);
        fake_link_says(&l, mapped[_i].message);
    }
    ck_assert_gw_str(call()->target, gw_str_of(mapped[_i].got));
    if (mapped[_i].name)
        has(mapped[_i].name, mapped[_i].value);
    end();
}
END_TEST

/* --- bodies -------------------------------------------------------------------- */

#define DEFAULT(type, members)                                                                \
    API("$default: { routeResponse: true, integration: { integrationMethod: PUT, type: " type \
        ", integrationUri: '" BACKEND "/', " members                                          \
        ", integrationResponses: { $default: {} } } }")
#define PROXY(members)                                                                          \
    API("$default: { integration: { type: HTTP_PROXY, integrationMethod: PUT, integrationUri: " \
        "'" BACKEND "/'" members " } }")
#define JSON "requestTemplates: { $default: '{\"b\":$input.body}' }"

/* 4.2, 4.5; NULL: it fails */
static const struct {
    const char *config;
    bool binary;
    gw_str message;
    const char *body;
    size_t len;
} bodies[] = {
    { PROXY(""), false, GW_LIT("a message"), "a message", 9 },
    { PROXY(""), false, GW_LIT(""), "", 0 },
    { PROXY(""), true, GW_LIT("\xff\x00>"), "/wA+", 4 },
    { PROXY(", contentHandlingStrategy: CONVERT_TO_TEXT"), true,
      GW_LIT("\xff\x00>"), "/wA+", 4 },
    { PROXY(", contentHandlingStrategy: CONVERT_TO_BINARY"), true,
      GW_LIT("\xff\x00>"), "\xff\x00>", 3 },
    { PROXY(", contentHandlingStrategy: CONVERT_TO_BINARY"), false,
      GW_LIT("/wA+"), "\xff\x00>", 3 },
    { PROXY(", contentHandlingStrategy: CONVERT_TO_BINARY"), false,
      GW_LIT("not base64!"), NULL, 0 },
    { PROXY(", contentHandlingStrategy: CONVERT_TO_TEXT"), false, GW_LIT("hi"),
      "aGk=", 4 },

    { DEFAULT("HTTP", JSON), false, GW_LIT("[1]"), "{\"b\":[1]}", 9 },
    { DEFAULT("HTTP", "requestTemplates: { application/json: 'x' }"), false,
      GW_LIT("[1]"), "x", 1 },
    { DEFAULT("HTTP", "requestTemplates: { other: 'x' }"), false, GW_LIT("[1]"),
      "[1]", 3 },
    { DEFAULT("HTTP", "requestTemplates: { other: 'x' }, "
                      "passthroughBehavior: WHEN_NO_TEMPLATES"),
      false, GW_LIT("[1]"), NULL, 0 },
    { DEFAULT("HTTP", "passthroughBehavior: WHEN_NO_TEMPLATES"), false,
      GW_LIT("[1]"), "[1]", 3 },
    { DEFAULT("HTTP", "passthroughBehavior: NEVER"), false, GW_LIT("[1]"), NULL,
      0 },
    { DEFAULT("HTTP", "passthroughBehavior: NEVER, " JSON), false,
      GW_LIT("[1]"), "{\"b\":[1]}", 9 },
    { DEFAULT("HTTP", "templateSelectionExpression: '${request.body.t}', "
                      "requestTemplates: { a: 'A', $default: 'D' }"),
      false, GW_LIT("{\"t\":\"a\"}"), "A", 1 },
    { DEFAULT("HTTP", "templateSelectionExpression: '${request.body.t}', "
                      "requestTemplates: { a: 'A', $default: 'D' }"),
      false, GW_LIT("{\"t\":\"b\"}"), "D", 1 },
};

START_TEST(bodies_are_shaped)
{
    start(bodies[_i].config);
    fake_world_connect(&w, &l, "/dev", "");
    if (bodies[_i].binary)
        fake_link_says_binary(&l, bodies[_i].message);
    else
        fake_link_says(&l, bodies[_i].message.at);
    if (bodies[_i].body) {
        ck_assert_gw_str(call()->body,
                         ((gw_str){ bodies[_i].body, bodies[_i].len }));
        fake_call_reply(call(), 200, "", GW_EMPTY);
    } else {
        ck_assert_uint_eq(w.fetch.started, 0);
        ck_assert_ptr_nonnull(
            strstr(fake_link_next(&l)->payload.at, "Internal server error"));
    }
    end();
}
END_TEST

START_TEST(base64_is_said_in_a_header)
{
    start(API("$default: " BACKEND "/"));
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_says_binary(&l, GW_LIT("\xff"));
    ck_assert_gw_str(call()->body, GW_LIT("/w=="));
    has("X-Gatewire-Is-Base64-Encoded", "true");
    end();
}
END_TEST

GW_SUITE("server/integration/http")
{
    tcase_add_test(tc, connect_forwards_what_the_client_sent);
    tcase_add_test(tc, the_most_headers_there_may_be_are_forwarded);
    tcase_add_test(tc, messages_and_goodbyes_forward_nothing);
    tcase_add_test(tc, the_shorthand_says_who_and_where);
    tcase_add_loop_test(tc, endpoints_can_be_called, 0, GW_LEN(endpoints));
    tcase_add_loop_test(tc, the_gateways_headers_cannot_be_spoofed, 0,
                        GW_LEN(spoofed));
    tcase_add_loop_test(tc, the_peer_is_appended_to_forwarded_for, 0,
                        GW_LEN(chains));
    tcase_add_test(tc, a_trace_goes_on);
    tcase_add_loop_test(tc, parameters_are_mapped, 0, GW_LEN(mapped));
    tcase_add_loop_test(tc, bodies_are_shaped, 0, GW_LEN(bodies));
    tcase_add_test(tc, base64_is_said_in_a_header);
}
