#include "server/gateway/conn.h"

#include "protocol/base/base64.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;
static gw_str id; /* of l's connection; outlives it */

static const char with_connect[] =
    "limits: { idleTimeout: 10s, maxConnectionDuration: 25s,\n"
    "          maxInFlightPerConnection: 2 }\n"
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes:\n"
    "      $connect: http://127.0.0.1:3000/connect\n"
    "      $disconnect: http://127.0.0.1:3000/disconnect\n"
    "      $default: http://127.0.0.1:3000/default\n"
    "    stages: { dev: {} }\n";

static const char plain[] =
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes: { $default: http://127.0.0.1:3000/default }\n"
    "    stages: { dev: {} }\n";

static void start(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&l);
}

static void end(void)
{
    fake_link_fini(&l);
    fake_world_fini(&w);
}

static void keep_id(void)
{
    static char text[16];

    memcpy(text, fake_link_id(&l).at, 16);
    id = (gw_str){ text, 16 };
}

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

static void open_link(const char *headers)
{
    fake_world_connect(&w, &l, "/dev", headers);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
    keep_id();
}

/* What $disconnect is told. */
static void goodbye(const char *code, const char *reason)
{
    struct fake_call *c = call();

    ck_assert_gw_str(c->target, GW_LIT("/disconnect"));
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Event-Type"),
                     GW_LIT("DISCONNECT"));
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Connection-Id"), id);
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Disconnect-Status-Code"),
                     gw_str_of(code));
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Disconnect-Reason"),
                     gw_str_of(reason));
    fake_call_reply(c, 500, "", GW_LIT("is ignored"));
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
}

/* --- the handshake ----------------------------------------------------------- */

/* websocket-api.md 1.2: without a $connect route it is simply accepted. */
START_TEST(without_a_route_all_may_come_in)
{
    start(plain);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 101);
    ck_assert_uint_eq(l.head.len, 0);
    ck_assert_uint_eq(l.protocol.len, 0);
    ck_assert_uint_eq(l.limits.frame_bytes, 32768);
    ck_assert_uint_eq(l.limits.message_bytes, 131072);
    ck_assert(!l.limits.binary);
    ck_assert_uint_eq(w.metrics.connections_open, 1);
    fake_link_ends(&l, 1000, "");
    ck_assert_uint_eq(w.metrics.disconnects, 1);
    end();
}
END_TEST

START_TEST(there_is_no_101_before_connect_has_ended)
{
    start(with_connect);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert(l.asked && !l.conn);
    ck_assert_uint_eq(w.metrics.connections_open, 0);
    fake_call_reply(call(), 204, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
    keep_id();
    fake_link_ends(&l, 1001, "");
    goodbye("1001", "");
    end();
}
END_TEST

#define HEADS  "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define SAMPLE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* RFC 6455, 4.2; websocket-api.md 1.1 for the plain GET */
static const struct {
    const char *text;
    unsigned status;
    const char *name, *value;
} handshakes[] = {
    { "GET /dev HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade", "websocket" },
    { "GET /dev HTTP/1.1\r\n" HEADS SAMPLE "Sec-WebSocket-Version: 8\r\n\r\n",
      426, "Sec-WebSocket-Version", "13" },
    { "POST /dev HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Allow", "GET" },
    { "GET /dev HTTP/1.1\r\n" HEADS "Sec-WebSocket-Version: 13\r\n\r\n", 400,
      "Content-Type", "application/json" },
};

START_TEST(handshakes_that_are_none_are_refused)
{
    start(with_connect);
    fake_world_request(&w, &l, gw_str_of(handshakes[_i].text));
    ck_assert_uint_eq(l.status, handshakes[_i].status);
    ck_assert_gw_str(fake_link_header(&l, handshakes[_i].name),
                     gw_str_of(handshakes[_i].value));
    ck_assert_uint_eq(fake_link_header(&l, "x-amzn-RequestId").len, 36);
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.metrics.connects_refused, 1);
    end();
}
END_TEST

/* websocket-api.md 1.5 */
static const struct {
    const char *offered, *chosen, *got;
} protocols[] = {
    { "Sec-WebSocket-Protocol: chat1,myprotocol\r\n",
      "Sec-Websocket-Protocol: myprotocol\r\n", "myprotocol" },
    { "Sec-WebSocket-Protocol: chat1, myprotocol\r\n",
      "sec-websocket-protocol: chat1\r\n", "chat1" },
    { "Sec-WebSocket-Protocol: chat1\r\n", "", "" },
    { "Sec-WebSocket-Protocol: chat1\r\n", "Sec-WebSocket-Protocol: other\r\n",
      "" },
    { "", "Sec-WebSocket-Protocol: chat1\r\n", "" },
};

START_TEST(subprotocols_are_what_the_integration_chose)
{
    start(with_connect);
    fake_world_connect(&w, &l, "/dev", protocols[_i].offered);
    fake_call_reply(call(), 200, protocols[_i].chosen, GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
    ck_assert_gw_str(gw_buf_str(&l.protocol), gw_str_of(protocols[_i].got));
    ck_assert_ptr_null(fake_link_header(&l, "Sec-WebSocket-Protocol").at);
    keep_id();
    fake_link_ends(&l, 1006, "");
    goodbye("1006", "");
    end();
}
END_TEST

/* websocket-api.md 1.5: other headers go into the 101; what describes the
 * body, or the hop to the backend, does not. */
START_TEST(headers_of_the_backend_go_into_the_101)
{
    start(with_connect);
    fake_world_connect(&w, &l, "/dev", "");
    fake_call_reply(call(), 200,
                    "Content-Type: text/plain\r\n"
                    "Set-Cookie: a=1\r\n"
                    "Date: Sun, 30 Aug 2015 12:36:00 GMT\r\n"
                    "Content-Type: text/html\r\n"
                    "X-Room: lobby\r\n"
                    "Keep-Alive: timeout=5\r\n"
                    "Sec-WebSocket-Accept: nonsense\r\n"
                    "Server: backend\r\n",
                    GW_LIT("dropped"));
    ck_assert_uint_eq(l.status, 101);
    ck_assert_gw_str(gw_buf_str(&l.head),
                     GW_LIT("Set-Cookie: a=1\nX-Room: lobby\n"));
    keep_id();
    fake_link_ends(&l, 1006, "");
    goodbye("1006", "");
    end();
}
END_TEST

/* websocket-api.md 1.3: N outside 2xx is passed on as it is. */
START_TEST(a_refusal_is_passed_on)
{
    start(with_connect);
    fake_world_connect(&w, &l, "/dev", "");
    fake_call_reply(call(), 401,
                    "Content-Type: text/plain\r\n"
                    "WWW-Authenticate: Bearer\r\n"
                    "Content-Encoding: gzip\r\n",
                    GW_LIT("no"));
    ck_assert_uint_eq(l.status, 401);
    ck_assert_gw_str(gw_buf_str(&l.body), GW_LIT("no"));
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("text/plain"));
    ck_assert_gw_str(fake_link_header(&l, "WWW-Authenticate"),
                     GW_LIT("Bearer"));
    ck_assert_ptr_null(fake_link_header(&l, "Content-Encoding").at);
    ck_assert_uint_eq(fake_link_header(&l, "x-amzn-RequestId").len, 36);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    ck_assert_uint_eq(w.metrics.connects_refused, 1);
    end();
}
END_TEST

/* websocket-api.md 1.3 and 3.7; the type is the exception's name. */
static const struct {
    gw_err err;
    bool at_start; /* fetch.start refuses */
    unsigned status;
    const char *type, *message;
} failures[] = {
    { GW_E_TIMEOUT, false, 504, "GatewayTimeoutException",
      "Endpoint request timed out" },
    { GW_E_UNREACHABLE, false, 500, "InternalServerErrorException",
      "Internal server error" },
    { GW_E_UPSTREAM, false, 502, "BadGatewayException",
      "Internal server error" },
    { GW_E_TOO_BIG, false, 502, "BadGatewayException",
      "Internal server error" },
    { GW_E_CANCELLED, false, 502, "BadGatewayException",
      "Internal server error" },
    { GW_E_BUSY, true, 503, "ServiceUnavailableException",
      "Service Unavailable" },
};

/* {"message": "…", "connectionId":"…", "requestId":"…"}, AWS's spacing. */
static void is_error_text(gw_str text, const char *message)
{
    struct gw_buf want;
    char bytes[12];
    gw_str ids;
    size_t len;

    gw_buf_init(&want, 1024);
    ck_assert(gw_buf_addf(&want, "{\"message\": \"%s\", \"connectionId\":\"",
                          message) == GW_OK);
    ck_assert(gw_str_starts(text, gw_buf_str(&want)));
    ids = gw_str_skip(text, want.len);
    gw_buf_fini(&want);
    ck_assert_uint_eq(ids.len, 16 + strlen("\", \"requestId\":\"") + 16 + 2);
    ck_assert(
        gw_base64_decode(GW_BASE64URL, gw_str_head(ids, 16), bytes, &len));
    ids = gw_str_skip(ids, 16);
    ck_assert(gw_str_starts(ids, GW_LIT("\", \"requestId\":\"")));
    ids = gw_str_skip(ids, strlen("\", \"requestId\":\""));
    ck_assert(
        gw_base64_decode(GW_BASE64URL, gw_str_head(ids, 16), bytes, &len));
    ck_assert_gw_str(gw_str_skip(ids, 16), GW_LIT("\"}"));
}

START_TEST(a_failed_connect_is_answered)
{
    start(with_connect);
    if (failures[_i].at_start)
        w.fetch.refuse = failures[_i].err;
    fake_world_connect(&w, &l, "/dev", "");
    if (!failures[_i].at_start)
        fake_call_fail(call(), failures[_i].err);
    ck_assert_uint_eq(l.status, failures[_i].status);
    ck_assert_gw_str(fake_link_header(&l, "x-amzn-ErrorType"),
                     gw_str_of(failures[_i].type));
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("application/json"));
    is_error_text(gw_buf_str(&l.body), failures[_i].message);
    ck_assert_uint_eq(w.metrics.integration_errors, 1);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* websocket-api.md 1.3: 429, before the integration is asked */
START_TEST(a_throttled_connect_is_answered_429)
{
    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $connect: http://127.0.0.1:3000/ }\n"
          "    stages:\n"
          "      dev:\n"
          "        defaultRouteSettings:\n"
          "          { throttlingRateLimit: 0, throttlingBurstLimit: 0 }\n");
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 429);
    ck_assert_gw_str(gw_buf_str(&l.body),
                     GW_LIT("{\"message\":\"Too Many Requests\"}"));
    ck_assert_gw_str(fake_link_header(&l, "x-amzn-ErrorType"),
                     GW_LIT("TooManyRequestsException"));
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.metrics.throttled, 1);
    end();
}
END_TEST

START_TEST(statuses_that_are_no_answers_are_502)
{
    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $connect: { integration: { type: MOCK,\n"
          "      requestTemplates: { $default: '{\"statusCode\":199}' } } } }\n"
          "    stages: { dev: {} }\n");
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 502);
    end();
}
END_TEST

/* --- the client vanishes ------------------------------------------------------ */

/* websocket-api.md 1.4: $connect still completes. The original says no goodbye
 * then; guaranteed, whom the backend let in it is told of. */
static const struct {
    const char *settings;
    gw_err err;
    unsigned status;
    bool goodbye;
} leavings[] = {
    { "", GW_OK, 200, true },
    { "", GW_OK, 403, false },
    { "", GW_E_TIMEOUT, 0, false },
    { "disconnectDelivery: best-effort\n", GW_OK, 200, false },
};

START_TEST(a_client_leaves_before_101)
{
    char config[1024];

    snprintf(config, sizeof(config), "%s%s", leavings[_i].settings,
             with_connect);
    start(config);
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_gone(&l);
    ck_assert_uint_eq(w.gateway.conn_count, 1);
    if (leavings[_i].err)
        fake_call_fail(call(), leavings[_i].err);
    else
        fake_call_reply(call(), leavings[_i].status, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 0);
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), leavings[_i].goodbye);
    if (leavings[_i].goodbye) {
        ck_assert_gw_str(
            fake_call_header(call(), "X-Gatewire-Disconnect-Status-Code"),
            GW_LIT("1006"));
        fake_call_reply(call(), 200, "", GW_EMPTY);
    }
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

START_TEST(a_message_under_way_survives_its_client)
{
    start(with_connect);
    open_link("");
    fake_link_says(&l, "{\"action\":\"x\"}");
    fake_link_ends(&l, 1006, "");
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 2);
    /* the goodbye first: the connection stays for the message */
    fake_call_reply(fake_fetch_call(&w.fetch, 1), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.gateway.conn_count, 1);
    fake_call_fail(call(), GW_E_TIMEOUT);
    fake_link_got_nothing(&l);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

START_TEST(a_client_leaves_while_it_is_paused)
{
    start(with_connect);
    open_link("");
    fake_link_says(&l, "1");
    fake_link_says(&l, "2");
    ck_assert(l.paused);
    fake_link_ends(&l, 1006, "");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    goodbye("1006", "");
    end();
}
END_TEST

START_TEST(a_client_leaves_while_it_is_being_closed)
{
    start(with_connect);
    open_link("");
    fake_link_says(&l, "1");
    fake_world_advance(&w, 10000);
    ck_assert(l.closing);
    fake_call_fail(call(), GW_E_TIMEOUT); /* nobody can be told any more */
    fake_link_got_nothing(&l);
    fake_link_ends(&l, 1006, "");
    goodbye("1006", "");
    end();
}
END_TEST

/* websocket-api.md 1.6 */
static const struct {
    unsigned code;
    const char *reason, *code_text, *reason_text;
} closings[] = {
    { 1001, "", "1001", "" },
    { 1005, "", "1005", "Client-side close frame status not set" },
    { 4000, "enough", "4000", "enough" },
    { 1006, "", "1006", "" },
    { 1000, "", "1000", "" },
};

START_TEST(goodbyes_say_how_it_ended)
{
    start(with_connect);
    open_link("User-Agent: test/1\r\n");
    fake_link_ends(&l, closings[_i].code, closings[_i].reason);
    goodbye(closings[_i].code_text, closings[_i].reason_text);
    end();
}
END_TEST

/* A reason is any text of a peer's; it must not become a header line. */
START_TEST(a_reason_of_several_lines_is_left_out)
{
    struct fake_call *c;

    start(with_connect);
    open_link("");
    fake_link_ends(&l, 4000, "a\r\nX-Gatewire-Source-Ip: 10.0.0.1");
    c = call();
    ck_assert_ptr_null(fake_call_header(c, "X-Gatewire-Disconnect-Reason").at);
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Source-Ip"),
                     GW_LIT("203.0.113.7"));
    fake_call_reply(c, 200, "", GW_EMPTY);
    end();
}
END_TEST

START_TEST(without_a_route_there_is_no_goodbye)
{
    start(plain);
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_ends(&l, 1006, "");
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* --- time --------------------------------------------------------------------- */

START_TEST(silence_ends_with_1001)
{
    start(with_connect);
    open_link("");
    fake_world_advance(&w, 9000);
    gw_conn_on_activity(l.conn); /* a ping */
    fake_world_advance(&w, 9990);
    ck_assert(!l.closing);
    fake_world_advance(&w, 10);
    ck_assert(l.closing);
    ck_assert_uint_eq(l.close_code, 1001);
    ck_assert_gw_str(gw_buf_str(&l.close_reason), GW_LIT("Going away"));
    ck_assert_uint_eq(w.metrics.timeouts_idle, 1);
    fake_link_closed(&l);
    goodbye("1001", "Going away");
    end();
}
END_TEST

static void speak(void)
{
    fake_link_says(&l, "x");
    fake_call_reply(call(), 200, "", GW_EMPTY);
}

static void hear(void)
{
    ck_assert(gw_conn_send(l.conn, GW_WS_TEXT, GW_LIT("x")) == GW_OK);
    fake_link_got(&l, "x");
}

START_TEST(messages_either_way_are_no_silence)
{
    void (*const traffic[])(void) = { speak, hear };

    start(with_connect);
    open_link("");
    fake_world_advance(&w, 9000);
    traffic[_i]();
    fake_world_advance(&w, 9000);
    ck_assert(!l.closing);
    fake_world_advance(&w, 1000);
    ck_assert(l.closing);
    fake_link_closed(&l);
    goodbye("1001", "Going away");
    end();
}
END_TEST

/* websocket-api.md 1.7: the lifetime is absolute */
START_TEST(age_ends_with_1001_whatever_is_said)
{
    start(with_connect);
    open_link("");
    for (int i = 0; i < 4; i++) {
        fake_world_advance(&w, 6000);
        speak();
    }
    ck_assert(!l.closing);
    fake_world_advance(&w, 1000);
    ck_assert(l.closing);
    fake_link_closed(&l);
    goodbye("1001", "Going away");
    end();
}
END_TEST

START_TEST(pings_count_only_if_they_shall)
{
    start("limits: { idleTimeout: 10s, pingIsActivity: false }\n"
          "apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $default: { integration: { type: MOCK } } }\n"
          "    stages: { dev: {} }\n");
    fake_world_connect(&w, &l, "/dev", "");
    fake_world_advance(&w, 9000);
    gw_conn_on_activity(l.conn);
    fake_world_advance(&w, 1000);
    ck_assert(l.closing);
    fake_link_closed(&l);
    end();
}
END_TEST

START_TEST(zero_means_no_limit_of_time)
{
    start("limits: { idleTimeout: 0, maxConnectionDuration: 0 }\n"
          "apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $default: { integration: { type: MOCK } } }\n"
          "    stages: { dev: {} }\n");
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(w.wheel.count, 0);
    fake_link_ends(&l, 1006, "");
    end();
}
END_TEST

/* --- bounds ------------------------------------------------------------------- */

START_TEST(too_many_under_way_pause_the_client)
{
    start(with_connect);
    open_link("");
    fake_link_says(&l, "1");
    ck_assert(!l.paused);
    fake_link_says(&l, "2");
    ck_assert(l.paused);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert(!l.paused);
    fake_link_says(&l, "3");
    ck_assert(l.paused);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert(!l.paused);
    ck_assert_uint_eq(l.pauses, 2);
    fake_link_ends(&l, 1006, "");
    goodbye("1006", "");
    end();
}
END_TEST

/* A client that does not read: what it is owed is lost with it, and the
 * exchange ends all the same. */
START_TEST(a_full_queue_ends_only_the_client)
{
    start(with_connect);
    open_link("");
    fake_link_says(&l, "1");
    l.send_err = GW_E_FULL;
    fake_call_fail(call(), GW_E_TIMEOUT);
    ck_assert_uint_eq(w.gateway.exchange_count, 0);
    fake_link_ends(&l, 1008, "");
    goodbye("1008", "");
    end();
}
END_TEST

START_TEST(slots_grow_and_are_used_again)
{
    enum { COUNT = 200 };
    static struct fake_link links[COUNT];
    char ids[COUNT][16];

    start(plain);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            struct gw_connection_id one;

            fake_link_init(&links[i]);
            fake_world_connect(&w, &links[i], "/dev", "");
            if (round) { /* the id of the slot's last owner is nobody's */
                ck_assert(gw_connection_id_read(&w.gateway.id_key,
                                                (gw_str){ ids[i], 16 }, &one));
                ck_assert_ptr_null(gw_conn_find(&w.gateway, &one));
            }
            memcpy(ids[i], fake_link_id(&links[i]).at, 16);
            ck_assert(gw_connection_id_read(&w.gateway.id_key,
                                            (gw_str){ ids[i], 16 }, &one));
            ck_assert_ptr_eq(gw_conn_find(&w.gateway, &one), links[i].conn);
        }
        ck_assert_uint_eq(w.gateway.slot_count, 256);
        for (size_t i = 0; i < COUNT; i++) {
            fake_link_ends(&links[i], 1006, "");
            fake_link_fini(&links[i]);
        }
    }
    end();
}
END_TEST

/* --- reload ------------------------------------------------------------------ */

#define STAGES(stages)                                      \
    "apis:\n"                                               \
    "  chat:\n"                                             \
    "    routeSelectionExpression: $request.body.action\n"  \
    "    routes:\n"                                         \
    "      $connect: http://127.0.0.1:3000/connect\n"       \
    "      $disconnect: http://127.0.0.1:3000/disconnect\n" \
    "      $default: http://127.0.0.1:3000/default\n"       \
    "    stages: " stages "\n"

/* Limits of time are reloadable: they hold for those already there. */
START_TEST(new_limits_of_time_hold_for_all)
{
    static const char *const before[] = { "0", "1h" };
    char config[512];

    for (size_t i = 0; i < GW_LEN(before); i++) {
        snprintf(config, sizeof(config),
                 "limits: { idleTimeout: %s, maxConnectionDuration: 0 }\n%s",
                 before[i], plain);
        start(config);
        fake_world_connect(&w, &l, "/dev", "");
        fake_world_advance(&w, 4000);
        snprintf(config, sizeof(config),
                 "limits: { idleTimeout: 10s, maxConnectionDuration: 0 }\n%s",
                 plain);
        fake_world_reload(&w, config);
        fake_world_advance(&w, 5990);
        ck_assert(!l.closing);
        fake_world_advance(&w, 10);
        ck_assert(l.closing);
        fake_link_closed(&l);
        end();
    }
}
END_TEST

START_TEST(connections_of_a_stage_that_is_gone_are_closed)
{
    start(STAGES("{ dev: {}, prod: {} }"));
    open_link("");
    fake_world_reload(&w, STAGES("{ prod: {} }"));
    ck_assert(l.closing);
    ck_assert_uint_eq(l.close_code, 1001);
    fake_link_closed(&l);
    goodbye("1001", "Going away"); /* to the backend it had */
    ck_assert_uint_eq(w.fetch.lanes, 3);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 403);
    end();
}
END_TEST

START_TEST(a_stage_goes_while_connect_runs)
{
    start(STAGES("{ dev: {}, prod: {} }"));
    fake_world_connect(&w, &l, "/dev", "");
    fake_world_reload(&w, STAGES("{ prod: {} }"));
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
    keep_id();
    ck_assert(l.closing);
    ck_assert_uint_eq(l.close_code, 1001);
    fake_link_closed(&l);
    goodbye("1001", "Going away");
    ck_assert_uint_eq(w.fetch.lanes, 3);
    end();
}
END_TEST

START_TEST(a_stage_that_comes_back_keeps_its_clients)
{
    static struct fake_link second;

    start(STAGES("{ dev: {}, prod: {} }"));
    open_link("");
    fake_world_reload(&w, STAGES("{ prod: {} }"));
    fake_world_reload(&w, STAGES("{ dev: {}, prod: {} }"));
    fake_link_init(&second);
    fake_world_connect(&w, &second, "/dev", "");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert(second.conn && !second.closing);
    fake_link_closed(&l);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_link_ends(&second, 1000, "");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_link_fini(&second);
    end();
}
END_TEST

/* What is under way keeps the deployment it began with; what comes next
 * meets the new one. */
START_TEST(exchanges_keep_their_deployment)
{
    start(STAGES("{ dev: {} }"));
    open_link("");
    fake_link_says(&l, "old");
    fake_world_reload(&w, "apis:\n"
                          "  chat:\n"
                          "    routeSelectionExpression: $request.body.action\n"
                          "    routes:\n"
                          "      $default: http://127.0.0.1:4000/new\n"
                          "    stages: { dev: {} }\n");
    ck_assert(!l.closing);
    ck_assert_uint_eq(call()->lane->port, 3000);
    fake_link_says(&l, "new");
    ck_assert_uint_eq(fake_fetch_call(&w.fetch, 1)->lane->port, 4000);
    ck_assert_gw_str(fake_fetch_call(&w.fetch, 1)->target, GW_LIT("/new"));
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.fetch.lanes, 1);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_link_ends(&l, 1000, ""); /* there is no $disconnect any more */
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 0);
    end();
}
END_TEST

GW_SUITE("server/gateway/conn")
{
    tcase_add_test(tc, without_a_route_all_may_come_in);
    tcase_add_test(tc, there_is_no_101_before_connect_has_ended);
    tcase_add_loop_test(tc, handshakes_that_are_none_are_refused, 0,
                        GW_LEN(handshakes));
    tcase_add_loop_test(tc, subprotocols_are_what_the_integration_chose, 0,
                        GW_LEN(protocols));
    tcase_add_test(tc, headers_of_the_backend_go_into_the_101);
    tcase_add_test(tc, a_refusal_is_passed_on);
    tcase_add_loop_test(tc, a_failed_connect_is_answered, 0, GW_LEN(failures));
    tcase_add_test(tc, a_throttled_connect_is_answered_429);
    tcase_add_test(tc, statuses_that_are_no_answers_are_502);
    tcase_add_loop_test(tc, a_client_leaves_before_101, 0, GW_LEN(leavings));
    tcase_add_test(tc, a_message_under_way_survives_its_client);
    tcase_add_test(tc, a_client_leaves_while_it_is_paused);
    tcase_add_test(tc, a_client_leaves_while_it_is_being_closed);
    tcase_add_loop_test(tc, goodbyes_say_how_it_ended, 0, GW_LEN(closings));
    tcase_add_test(tc, a_reason_of_several_lines_is_left_out);
    tcase_add_test(tc, without_a_route_there_is_no_goodbye);
    tcase_add_test(tc, silence_ends_with_1001);
    tcase_add_loop_test(tc, messages_either_way_are_no_silence, 0, 2);
    tcase_add_test(tc, age_ends_with_1001_whatever_is_said);
    tcase_add_test(tc, pings_count_only_if_they_shall);
    tcase_add_test(tc, zero_means_no_limit_of_time);
    tcase_add_test(tc, too_many_under_way_pause_the_client);
    tcase_add_test(tc, a_full_queue_ends_only_the_client);
    tcase_add_test(tc, slots_grow_and_are_used_again);
    tcase_add_test(tc, new_limits_of_time_hold_for_all);
    tcase_add_test(tc, connections_of_a_stage_that_is_gone_are_closed);
    tcase_add_test(tc, a_stage_goes_while_connect_runs);
    tcase_add_test(tc, a_stage_that_comes_back_keeps_its_clients);
    tcase_add_test(tc, exchanges_keep_their_deployment);
}
