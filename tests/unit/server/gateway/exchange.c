#include "server/gateway/exchange.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake_world w;
static struct fake_link l;

#define MOCK(route, template)                                           \
    "      " route ":\n"                                                \
    "        integration: { type: MOCK, responses: { $default: {\n"     \
    "          responseTemplates: { $default: '" template "' } } } }\n" \
                                                          "        routeResponse: true\n"

#define API(routes)                                        \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes:\n" routes "    stages: { dev: {} }\n"

static void start(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&l);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 101);
}

static void end(void)
{
    if (l.conn)
        fake_link_ends(&l, 1000, "");
    fake_link_fini(&l);
    fake_world_fini(&w);
}

static struct fake_call *call(unsigned n)
{
    return fake_fetch_call(&w.fetch, n);
}

/* The last message is this error frame, byte for byte. */
static void got_error(const char *message)
{
    const struct fake_message *m = fake_link_next(&l);
    gw_str text = gw_buf_str(&m->payload);
    char want[256];

    ck_assert_int_eq(m->opcode, GW_WS_TEXT);
    ck_assert_uint_gt(text.len, 18);
    snprintf(want, sizeof(want),
             "{\"message\": \"%s\", \"connectionId\":\"%.16s\", "
             "\"requestId\":\"%.16s\"}",
             message, fake_link_id(&l).at, text.at + text.len - 18);
    ck_assert_gw_str(text, gw_str_of(want));
    fake_link_got_nothing(&l);
}

/* --- selection ---------------------------------------------------------------- */

/* websocket-api.md 2.3 */
static const struct {
    const char *message, *route;
} selections[] = {
    { "{\"action\":\"join\"}", "join" },
    { "{\"action\":\"join\",\"data\":[1,2]}", "join" },
    { " { \"a\" : 1 , \"action\" : \"jo\\u0069n\" } ", "join" },
    { "{\"action\":1}", "1" },
    { "{\"action\":\"Join\"}", "$default" },
    { "{\"action\":\"leave\"}", "$default" },
    { "{\"action\":\"\"}", "$default" },
    { "{}", "$default" },
    { "\"join\"", "$default" },
    { "5", "$default" },
    { "[\"join\"]", "$default" },
    { "join", "$default" },
    { "{\"action\":\"join\"", "$default" },
    { "", "$default" },
    { "{\"action\":\"$connect\"}", "$default" },
    { "{\"action\":\"$disconnect\"}", "$default" },
    { "{\"action\":\"$default\"}", "$default" },
};

START_TEST(messages_find_their_route)
{
    struct fake_call *c;

    start(API("      join: http://127.0.0.1:3000/join\n"
              "      '1': http://127.0.0.1:3000/one\n"
              "      $default: http://127.0.0.1:3000/default\n"));
    fake_link_says(&l, selections[_i].message);
    c = call(0);
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Route-Key"),
                     gw_str_of(selections[_i].route));
    ck_assert_gw_str(c->body, gw_str_of(selections[_i].message));
    ck_assert_uint_eq(c->timeout_ms, 29000);
    fake_call_reply(c, 200, "", GW_LIT("dropped: one-way"));
    fake_link_got_nothing(&l);
    end();
}
END_TEST

/* 2.3, 6: the connection stays open */
START_TEST(a_message_without_a_route_is_forbidden)
{
    start(API(MOCK("ping", "pong")));
    fake_link_says(&l, "{\"action\":\"pong\"}");
    got_error("Forbidden");
    ck_assert_uint_eq(w.metrics.client_errors, 1);
    fake_link_says(&l, "{\"action\":\"ping\"}");
    fake_link_got(&l, "pong");
    end();
}
END_TEST

START_TEST(binary_messages_go_to_the_default_route)
{
    const struct fake_message *m;

    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    binary: true\n"
          "    routes:\n" MOCK("$default", "$input.body")
              MOCK("join", "joined") "    stages: { dev: {} }\n");
    ck_assert(l.limits.binary);
    fake_link_says_binary(&l, GW_LIT("{\"action\":\"join\"}"));
    m = fake_link_next(&l);
    ck_assert_int_eq(m->opcode, GW_WS_BINARY);
    ck_assert_gw_str(gw_buf_str(&m->payload), GW_LIT("{\"action\":\"join\"}"));
    fake_link_says(&l, "{\"action\":\"join\"}");
    fake_link_got(&l, "joined");
    end();
}
END_TEST

/* --- answers ------------------------------------------------------------------ */

#define TWO_WAY(extra)                              \
    "      $default:\n"                             \
    "        integration: http://127.0.0.1:3000/\n" \
    "        routeResponse: true\n" extra

/* 3.6, 4.6: any status, the body as it is; nothing to suppress it */
START_TEST(two_way_answers_are_the_body)
{
    static const unsigned statuses[] = { 200, 204, 404, 500 };
    static const char *const bodies[] = { "{\"hi\":1}", "", "no", "broken" };

    start(API(TWO_WAY("")));
    fake_link_says(&l, "hello");
    fake_call_reply(call(0), statuses[_i], "Content-Type: text/plain\r\n",
                    gw_str_of(bodies[_i]));
    fake_link_got(&l, bodies[_i]);
    end();
}
END_TEST

START_TEST(answers_come_in_the_order_of_the_backend)
{
    start(API(TWO_WAY("")));
    fake_link_says(&l, "1");
    fake_link_says(&l, "2");
    fake_call_reply(call(1), 200, "", GW_LIT("b"));
    fake_link_got(&l, "b");
    fake_call_reply(call(0), 200, "", GW_LIT("a"));
    fake_link_got(&l, "a");
    end();
}
END_TEST

/* 2.5: failures reach the sender on one-way routes, too. 3.7 for the texts. */
static const struct {
    gw_err err;
    bool at_start;
    const char *message;
} failures[] = {
    { GW_E_TIMEOUT, false, "Endpoint request timed out" },
    { GW_E_UNREACHABLE, false, "Internal server error" },
    { GW_E_UPSTREAM, false, "Internal server error" },
    { GW_E_TOO_BIG, false, "Internal server error" },
    { GW_E_CANCELLED, false, "Internal server error" },
    { GW_E_BUSY, true, "Service Unavailable" },
};

START_TEST(failures_are_told_to_the_sender)
{
    for (int two_way = 0; two_way < 2; two_way++) {
        start(two_way ? API(TWO_WAY(""))
                      : API("      $default: http://127.0.0.1:3000/\n"));
        w.fetch.refuse = failures[_i].at_start ? failures[_i].err : GW_OK;
        fake_link_says(&l, "hello");
        if (!failures[_i].at_start)
            fake_call_fail(call(0), failures[_i].err);
        got_error(failures[_i].message);
        ck_assert_uint_eq(w.metrics.integration_errors, 1);
        ck_assert(!l.closing);
        end();
    }
}
END_TEST

/* What is not text can go out only where the API has `binary: true`. */
START_TEST(bytes_that_are_no_text_go_out_as_binary_or_not_at_all)
{
    const struct fake_message *m;

    start(API(TWO_WAY("")));
    fake_link_says(&l, "hello");
    fake_call_reply(call(0), 200, "", GW_LIT("\xff\x00\xfe"));
    got_error("Internal server error");
    end();

    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    binary: true\n"
          "    routes:\n" TWO_WAY("") "    stages: { dev: {} }\n");
    fake_link_says(&l, "hello");
    fake_call_reply(call(0), 200, "", GW_LIT("\xff\x00\xfe"));
    m = fake_link_next(&l);
    ck_assert_int_eq(m->opcode, GW_WS_BINARY);
    ck_assert_gw_str(gw_buf_str(&m->payload), GW_LIT("\xff\x00\xfe"));
    /* and text is still text */
    fake_link_says_binary(&l, GW_LIT("\x01"));
    fake_call_reply(call(0), 200, "", GW_LIT("text"));
    fake_link_got(&l, "text");
    end();
}
END_TEST

/* A MOCK's answer is not always text either: it may be converted to bytes.
 * RFC 6455, 5.6: text frames are UTF-8. */
START_TEST(a_mock_sends_no_text_that_is_none)
{
    start(API("      $default:\n"
              "        integration: { type: MOCK, responses: { $default: {\n"
              "          contentHandlingStrategy: CONVERT_TO_BINARY,\n"
              "          responseTemplates: { $default: '/wD+' } } } }\n"
              "        routeResponse: true\n"));
    fake_link_says(&l, "hello");
    got_error("Internal server error");
    end();
}
END_TEST

/* --- order -------------------------------------------------------------------- */

#define ORDERED                                                            \
    API("      a: { integration: http://127.0.0.1:3000/a, ordered: true, " \
        "routeResponse: true }\n"                                          \
        "      b: { integration: http://127.0.0.1:3000/b, ordered: true, " \
        "routeResponse: true }\n"                                          \
        "      $default: http://127.0.0.1:3000/any\n")

START_TEST(ordered_routes_run_one_at_a_time)
{
    start(ORDERED);
    fake_link_says(&l, "{\"action\":\"a\",\"n\":1}");
    fake_link_says(&l, "{\"action\":\"b\",\"n\":2}");
    fake_link_says(&l, "{\"action\":\"a\",\"n\":3}");
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 1);
    fake_link_says(&l, "others do not wait");
    ck_assert_uint_eq(fake_fetch_waiting(&w.fetch), 2);
    fake_call_reply(call(1), 200, "", GW_EMPTY);

    ck_assert_gw_str(call(0)->body, GW_LIT("{\"action\":\"a\",\"n\":1}"));
    fake_call_reply(call(0), 200, "", GW_LIT("1"));
    fake_link_got(&l, "1");
    /* a failure is an answer, too */
    ck_assert_gw_str(call(0)->body, GW_LIT("{\"action\":\"b\",\"n\":2}"));
    fake_call_fail(call(0), GW_E_TIMEOUT);
    got_error("Endpoint request timed out");
    ck_assert_gw_str(call(0)->body, GW_LIT("{\"action\":\"a\",\"n\":3}"));
    fake_call_reply(call(0), 200, "", GW_LIT("3"));
    fake_link_got(&l, "3");

    /* nothing waits: the next runs at once */
    fake_link_says(&l, "{\"action\":\"a\",\"n\":4}");
    fake_call_reply(call(0), 200, "", GW_LIT("4"));
    fake_link_got(&l, "4");
    end();
}
END_TEST

START_TEST(what_waits_in_order_outlives_its_client)
{
    start(ORDERED);
    fake_link_says(&l, "{\"action\":\"a\",\"n\":1}");
    fake_link_says(&l, "{\"action\":\"a\",\"n\":2}");
    fake_link_ends(&l, 1006, "");
    ck_assert_uint_eq(w.gateway.conn_count, 1);
    fake_call_reply(call(0), 200, "", GW_EMPTY);
    ck_assert_gw_str(call(0)->body, GW_LIT("{\"action\":\"a\",\"n\":2}"));
    fake_call_reply(call(0), 200, "", GW_EMPTY);
    fake_link_got_nothing(&l);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* It waits with the deployment it began with. */
START_TEST(what_waits_in_order_keeps_its_deployment)
{
    start(ORDERED);
    fake_link_says(&l, "{\"action\":\"a\",\"n\":1}");
    fake_link_says(&l, "{\"action\":\"a\",\"n\":2}");
    fake_world_reload(&w, API("      $default: http://127.0.0.1:4000/\n"));
    fake_call_reply(call(0), 200, "", GW_EMPTY);
    ck_assert_uint_eq(call(0)->lane->port, 3000);
    ck_assert_gw_str(fake_call_header(call(0), "X-Gatewire-Route-Key"),
                     GW_LIT("a"));
    fake_call_reply(call(0), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.fetch.lanes, 1);
    end();
}
END_TEST

START_TEST(ordered_routes_refused_at_once_hold_nobody_up)
{
    start(ORDERED);
    w.fetch.refuse = GW_E_BUSY;
    fake_link_says(&l, "{\"action\":\"a\"}");
    got_error("Service Unavailable");
    w.fetch.refuse = GW_OK;
    fake_link_says(&l, "{\"action\":\"a\"}");
    fake_call_reply(call(0), 200, "", GW_LIT("1"));
    fake_link_got(&l, "1");
    end();
}
END_TEST

/* Thousands that wait and then end at once must not pile up on the stack. */
START_TEST(a_long_queue_needs_no_deep_stack)
{
    enum { WAITING = 65535 };

    start("limits: { maxInFlightPerConnection: 65536 }\n" API(
        "      a: { integration: http://127.0.0.1:3000/, ordered: true }\n"
        "      b: { integration: { type: MOCK }, ordered: true }\n"));
    fake_link_says(&l, "{\"action\":\"a\"}");
    for (int i = 0; i < WAITING - 1; i++)
        fake_link_says(&l, "{\"action\":\"b\"}");
    ck_assert_uint_eq(w.gateway.exchange_count, WAITING);
    fake_call_reply(call(0), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.gateway.exchange_count, 0);
    end();
}
END_TEST

/* --- throttles ---------------------------------------------------------------- */

START_TEST(throttles_refill_with_time)
{
    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes:\n" MOCK("$default", "ok") MOCK(
              "free", "ok") "    stages:\n"
                            "      dev:\n"
                            "        routeSettings:\n"
                            "          $default: { throttlingRateLimit: 2, "
                            "throttlingBurstLimit: 3 }\n");
    for (int i = 0; i < 3; i++) {
        fake_link_says(&l, "x");
        fake_link_got(&l, "ok");
    }
    fake_link_says(&l, "x");
    got_error("Too Many Requests");
    ck_assert_uint_eq(w.metrics.throttled, 1);
    ck_assert_uint_eq(w.metrics.client_errors, 1);
    fake_link_says(&l, "{\"action\":\"free\"}"); /* limits belong to routes */
    fake_link_got(&l, "ok");
    fake_world_advance(&w, 499);
    fake_link_says(&l, "x");
    got_error("Too Many Requests");
    fake_world_advance(&w, 1);
    fake_link_says(&l, "x");
    fake_link_got(&l, "ok");
    ck_assert(!l.closing);
    end();
}
END_TEST

/* --- the pool ----------------------------------------------------------------- */

/* Arenas go from exchange to exchange: nothing of the last one is seen. */
START_TEST(exchanges_are_used_again_empty)
{
    struct gw_buf big;

    start(API("      $default: http://127.0.0.1:3000/\n"));
    gw_buf_init(&big, 1 << 20);
    ck_assert(gw_buf_reserve(&big, 131073) == GW_OK);
    memset(big.at, 'x', 131072);
    big.at[131072] = '\0';
    for (int i = 0; i < 100; i++) {
        fake_link_says(&l, i % 2 ? "small" : big.at);
        ck_assert_uint_eq(call(0)->body.len, i % 2 ? 5 : 131072);
        fake_call_reply(call(0), 200, "", GW_EMPTY);
    }
    ck_assert_uint_eq(w.gateway.free_exchange_count, 1);
    gw_buf_fini(&big);
    end();
}
END_TEST

GW_SUITE("server/gateway/exchange")
{
    tcase_add_loop_test(tc, messages_find_their_route, 0, GW_LEN(selections));
    tcase_add_test(tc, a_message_without_a_route_is_forbidden);
    tcase_add_test(tc, binary_messages_go_to_the_default_route);
    tcase_add_loop_test(tc, two_way_answers_are_the_body, 0, 4);
    tcase_add_test(tc, answers_come_in_the_order_of_the_backend);
    tcase_add_loop_test(tc, failures_are_told_to_the_sender, 0,
                        GW_LEN(failures));
    tcase_add_test(tc, bytes_that_are_no_text_go_out_as_binary_or_not_at_all);
    tcase_add_test(tc, a_mock_sends_no_text_that_is_none);
    tcase_add_test(tc, ordered_routes_run_one_at_a_time);
    tcase_add_test(tc, what_waits_in_order_outlives_its_client);
    tcase_add_test(tc, what_waits_in_order_keeps_its_deployment);
    tcase_add_test(tc, ordered_routes_refused_at_once_hold_nobody_up);
    tcase_add_test(tc, a_long_queue_needs_no_deep_stack);
    tcase_add_test(tc, throttles_refill_with_time);
    tcase_add_test(tc, exchanges_are_used_again_empty);
}
