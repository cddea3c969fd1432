#include "server/gateway/drain.h"

#include "server/gateway/conn.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

enum { MANY = 20 };

static struct fake_world w;
static struct fake_link links[MANY];

#define APIS                                                           \
    "apis:\n"                                                          \
    "  chat:\n"                                                        \
    "    routeSelectionExpression: $request.body.action\n"             \
    "    routes:\n"                                                    \
    "      $connect: http://127.0.0.1:3000/connect\n"                  \
    "      $disconnect: http://127.0.0.1:3000/disconnect\n"            \
    "      $default: { routeResponse: true,\n"                         \
    "                  integration: http://127.0.0.1:3000/default }\n" \
    "    stages: { dev: {} }\n"

#define WITHOUT_ROUTES                                            \
    "apis:\n"                                                     \
    "  chat:\n"                                                   \
    "    routeSelectionExpression: $request.body.action\n"        \
    "    routes: { $default: { integration: { type: MOCK } } }\n" \
    "    stages: { dev: {} }\n"

static void begin(const char *config)
{
    fake_world_init(&w, config);
    for (size_t i = 0; i < MANY; i++)
        fake_link_init(&links[i]);
}

static void end(void)
{
    for (size_t i = 0; i < MANY; i++)
        fake_link_fini(&links[i]);
    fake_world_fini(&w);
}

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

static void open_one(struct fake_link *l)
{
    fake_world_connect(&w, l, "/dev", "");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(l->status, 101);
}

/* websocket-api.md 1.6: 1012 is the restart of a service. */
static void left(struct fake_link *l)
{
    ck_assert(l->closing);
    ck_assert_uint_eq(l->close_code, 1012);
    fake_link_closed(l);
}

static void goodbye(void)
{
    ck_assert_gw_str(call()->target, GW_LIT("/disconnect"));
    ck_assert_gw_str(
        fake_call_header(call(), "X-Gatewire-Disconnect-Status-Code"),
        GW_LIT("1012"));
    ck_assert_gw_str(fake_call_header(call(), "X-Gatewire-Disconnect-Reason"),
                     GW_LIT("Service restart"));
    fake_call_reply(call(), 200, "", GW_EMPTY);
}

START_TEST(one_does_not_wait_and_nobody_else_comes_in)
{
    begin("drain: { window: 10s }\n" APIS);
    open_one(&links[0]);
    gw_gateway_drain(&w.gateway);
    ck_assert(!gw_gateway_is_quiet(&w.gateway));
    fake_world_connect(&w, &links[1], "/dev", "");
    ck_assert_uint_eq(links[1].status, 503);
    ck_assert_gw_str(fake_link_header(&links[1], "Retry-After"), GW_LIT("1"));
    left(&links[0]);
    goodbye();
    ck_assert(gw_gateway_is_quiet(&w.gateway));
    end();
}
END_TEST

static const struct {
    const char *settings;
    unsigned count;
    unsigned worker, workers;
    int64_t first_ms, every_ms; /* the turns */
} spreads[] = {
    { "window: 10s", 4, 0, 1, 0, 2500 },
    { "window: 10s", 4, 1, 2, 0, 2500 }, /* each worker spreads its own */
    { "window: 0s", MANY, 0, 1, 0, 0 },
    { "window: 2s, maxRate: 100", MANY, 0, 1, 0, 100 }, /* slower already */
    { "window: 2s, maxRate: 5", MANY, 0, 1, 0, 200 },
    { "window: 0s, maxRate: 1", 3, 0, 1, 0, 1000 },
    { "window: 1h, maxRate: 1", 2, 0, 1, 0, 1800000 },
    { "window: 0s, maxRate: 2", 3, 0, 2, 0, 1000 }, /* they share the rate */
    { "window: 0s, maxRate: 2", 3, 1, 2, 500, 1000 },
};

static unsigned closing_count(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < MANY; i++)
        count += links[i].closing;
    return count;
}

START_TEST(turns_are_spread)
{
    unsigned count = spreads[_i].count;
    char config[512];

    snprintf(config, sizeof(config),
             "limits: { idleTimeout: 0, maxConnectionDuration: 0 }\n"
             "drain: { %s }\n%s",
             spreads[_i].settings, WITHOUT_ROUTES);
    fake_world_init_at(&w, config, NULL, spreads[_i].worker,
                       spreads[_i].workers);
    for (size_t i = 0; i < MANY; i++)
        fake_link_init(&links[i]);
    for (unsigned i = 0; i < count; i++)
        fake_world_connect(&w, &links[i], "/dev", "");
    gw_gateway_drain(&w.gateway);
    if (spreads[_i].first_ms) {
        fake_world_advance(&w, spreads[_i].first_ms - 10);
        ck_assert_uint_eq(closing_count(), 0);
        fake_world_advance(&w, 10);
    }
    for (unsigned turn = 1; spreads[_i].every_ms && turn < count; turn++) {
        ck_assert_uint_eq(closing_count(), turn);
        fake_world_advance(&w, spreads[_i].every_ms - 10);
        ck_assert_uint_eq(closing_count(), turn);
        fake_world_advance(&w, 10);
    }
    ck_assert_uint_eq(closing_count(), count);
    for (unsigned i = 0; i < count; i++)
        left(&links[i]);
    fake_world_advance(&w, 10);
    end();
}
END_TEST

/* Who leaves by himself is nobody's turn. */
START_TEST(those_who_stay_move_up)
{
    begin("drain: { window: 10s }\n" WITHOUT_ROUTES);
    for (unsigned i = 0; i < 4; i++)
        fake_world_connect(&w, &links[i], "/dev", "");
    gw_gateway_drain(&w.gateway);
    left(&links[0]);
    fake_link_ends(&links[1], 1000, "");
    fake_link_ends(&links[3], 1000, "");
    ck_assert(!links[2].closing);
    fake_world_advance(&w, 2500);
    left(&links[2]);
    fake_world_advance(&w, 2500);
    end();
}
END_TEST

START_TEST(until_its_turn_a_connection_is_served)
{
    begin("drain: { window: 10s }\n" APIS);
    open_one(&links[0]);
    open_one(&links[1]);
    gw_gateway_drain(&w.gateway);
    left(&links[0]);
    goodbye();
    fake_link_says(&links[1], "1");
    ck_assert(!links[1].paused);
    fake_call_reply(call(), 200, "", GW_LIT("answer"));
    fake_link_got(&links[1], "answer");
    ck_assert(!links[1].closing);
    fake_world_advance(&w, 5000);
    left(&links[1]);
    goodbye();
    end();
}
END_TEST

/* What was accepted is answered before its connection goes, and it can be
 * pushed to as long. */
START_TEST(a_turn_waits_for_what_is_in_flight)
{
    begin(APIS);
    open_one(&links[0]);
    fake_link_says(&links[0], "1");
    gw_gateway_drain(&w.gateway);
    ck_assert(!links[0].closing && links[0].paused);
    fake_world_requestf(&w, &links[1],
                        "POST /dev/@connections/%.16s HTTP/1.1\r\n"
                        "Host: localhost\r\nContent-Length: 4\r\n\r\npush",
                        fake_link_id(&links[0]).at);
    ck_assert_uint_eq(links[1].status, 200);
    fake_link_got(&links[0], "push");
    fake_call_fail(call(), GW_E_TIMEOUT);
    ck_assert_uint_eq(links[0].sent_count, 2); /* it is told of the failure */
    left(&links[0]);
    goodbye();
    end();
}
END_TEST

START_TEST(a_turn_empties_what_waits_in_order)
{
    begin("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $default: { ordered: true, routeResponse: true,\n"
          "              integration: http://127.0.0.1:3000/ } }\n"
          "    stages: { dev: {} }\n");
    fake_world_connect(&w, &links[0], "/dev", "");
    fake_link_says(&links[0], "1");
    fake_link_says(&links[0], "2");
    gw_gateway_drain(&w.gateway);
    fake_call_reply(call(), 200, "", GW_LIT("1"));
    fake_link_got(&links[0], "1");
    ck_assert(!links[0].closing);
    fake_call_reply(call(), 200, "", GW_LIT("2"));
    fake_link_got(&links[0], "2");
    left(&links[0]);
    end();
}
END_TEST

/* A handshake that was let in before the drain has its turn, too: now... */
START_TEST(a_turn_waits_for_connect)
{
    begin(APIS);
    fake_world_connect(&w, &links[0], "/dev", "");
    gw_gateway_drain(&w.gateway);
    ck_assert(links[0].asked);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(links[0].status, 101);
    left(&links[0]);
    goodbye();
    end();
}
END_TEST

/* ... or later. */
START_TEST(connect_may_be_over_before_the_turn)
{
    begin("drain: { window: 10s }\n" APIS);
    open_one(&links[0]);
    fake_world_connect(&w, &links[1], "/dev", "");
    gw_gateway_drain(&w.gateway);
    left(&links[0]);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    goodbye();
    ck_assert_uint_eq(links[1].status, 101);
    ck_assert(!links[1].closing);
    fake_world_advance(&w, 5000);
    left(&links[1]);
    goodbye();
    end();
}
END_TEST

GW_SUITE("server/gateway/drain")
{
    tcase_add_test(tc, one_does_not_wait_and_nobody_else_comes_in);
    tcase_add_loop_test(tc, turns_are_spread, 0, GW_LEN(spreads));
    tcase_add_test(tc, those_who_stay_move_up);
    tcase_add_test(tc, until_its_turn_a_connection_is_served);
    tcase_add_test(tc, a_turn_waits_for_what_is_in_flight);
    tcase_add_test(tc, a_turn_empties_what_waits_in_order);
    tcase_add_test(tc, a_turn_waits_for_connect);
    tcase_add_test(tc, connect_may_be_over_before_the_turn);
}
