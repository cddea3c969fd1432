#include "server/gateway/conn.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;

#define API(routes)                                        \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes: { " routes " }\n"                         \
    "    stages: { dev: {} }\n"
#define BACKEND "http://127.0.0.1:3000"

static const char both[] =
    API("$connect: " BACKEND "/connect, $disconnect: " BACKEND "/disconnect");
static const char only_disconnect[] =
    API("$disconnect: " BACKEND "/disconnect");
static const char neither[] = API("$default: " BACKEND "/default");

static void start(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&l);
}

/* The goodbyes that are owed by now are delivered. */
static void end(void)
{
    while (fake_fetch_waiting(&w.fetch))
        fake_call_reply(fake_fetch_call(&w.fetch, 0), 200, "", GW_EMPTY);
    fake_link_fini(&l);
    fake_world_fini(&w);
}

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

/* 503, which says when to come again, from nobody but us. */
static void is_refused(void)
{
    ck_assert_uint_eq(l.status, 503);
    ck_assert_gw_str(fake_link_header(&l, "Retry-After"), GW_LIT("1"));
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("application/json"));
    ck_assert(gw_str_find(gw_buf_str(&l.body), '{', 0) == 0);
    ck_assert_uint_eq(w.metrics.connects_unregistered, 1);
    ck_assert_uint_eq(w.metrics.connects_refused, 1);
    ck_assert_uint_eq(w.metrics.integration_errors, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
}

/* --- before the backend is asked --------------------------------------------- */

START_TEST(the_record_is_there_before_the_backend_is_asked)
{
    struct gw_record r;

    start(both);
    l.peer.local_port = 8443;
    l.peer.tls = true;
    w.registry.holds = true;
    fake_world_connect(&w, &l, "/dev", "User-Agent: test/1\r\n");
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert(l.asked);
    fake_registry_answer(&w.registry, GW_OK);
    ck_assert_uint_eq(w.fetch.started, 1);
    /* the request was copied while it waited */
    ck_assert_gw_str(fake_call_header(call(), "Sec-WebSocket-Key"),
                     GW_LIT("dGhlIHNhbXBsZSBub25jZQ=="));

    r = fake_record(fake_registry_find(
        &w.registry, fake_call_header(call(), "X-Gatewire-Connection-Id")));
    ck_assert_gw_str(r.api_id, GW_LIT("chat"));
    ck_assert_gw_str(r.stage, GW_LIT("dev"));
    ck_assert_gw_str(r.domain_name, GW_LIT("ws.example.com:8080"));
    ck_assert_gw_str(r.source_ip, GW_LIT("203.0.113.7"));
    ck_assert_gw_str(r.user_agent, GW_LIT("test/1"));
    ck_assert_gw_str(r.base, GW_LIT("127.0.0.1:8443/chat"));
    ck_assert(r.tls);
    ck_assert_uint_eq(r.local_port, 8443);
    ck_assert_int_eq(r.connected_at_ms, FAKE_WORLD_UNIX_MS);
    ck_assert_int_eq(r.ended_at_ms, 0);
    ck_assert_uint_eq(r.attempts, 0);

    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 1);
    w.registry.holds = false;
    fake_link_ends(&l, 1000, "");
    end();
}
END_TEST

/* Without a $connect route nobody is asked; the goodbye is owed all the same,
 * if there is a route for it. */
START_TEST(whom_nobody_is_asked_about_is_registered_too)
{
    static const char *const configs[] = { only_disconnect, neither };

    start(configs[_i]);
    w.registry.holds = true;
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert(l.asked);
    fake_registry_answer(&w.registry, GW_OK);
    ck_assert_uint_eq(l.status, 101);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 1);
    w.registry.holds = false;
    fake_link_ends(&l, 1000, "");
    ck_assert_uint_eq(w.registry.ends, _i == 0);
    ck_assert_uint_eq(w.registry.drops, _i == 1);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 0);
    end();
}
END_TEST

START_TEST(event_ids_differ)
{
    static struct fake_link second;
    gw_str a, b;

    start(neither);
    fake_link_init(&second);
    fake_world_connect(&w, &l, "/dev", "");
    fake_world_connect(&w, &second, "/dev", "");
    a = fake_record(fake_registry_find(&w.registry, fake_link_id(&l))).event_id;
    b = fake_record(fake_registry_find(&w.registry, fake_link_id(&second)))
            .event_id;
    ck_assert(!gw_str_eq(a, b));
    fake_link_ends(&l, 1000, "");
    fake_link_ends(&second, 1000, "");
    fake_link_fini(&second);
    end();
}
END_TEST

START_TEST(a_registry_that_keeps_no_records_is_given_none)
{
    start(both);
    w.registry.base.keeps_records = false;
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(
        fake_registry_find(&w.registry,
                           fake_call_header(call(), "X-Gatewire-Connection-Id"))
            ->record.len,
        0);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_link_ends(&l, 1000, "");
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_GOODBYE), 1);
    end();
}
END_TEST

/* A client may send more than a record holds; what is cut stays UTF-8. */
START_TEST(long_texts_are_cut)
{
    char agent[6000] = "User-Agent: ", *at = agent + strlen(agent);
    struct gw_record r;

    memset(at, 'a', 4095);
    snprintf(at + 4095, 100, "\xc3\xa4%s\r\n", "bbb");
    start(neither);
    fake_world_connect(&w, &l, "/dev", agent);
    ck_assert_uint_eq(l.status, 101);
    r = fake_record(fake_registry_find(&w.registry, fake_link_id(&l)));
    ck_assert_uint_eq(r.user_agent.len, 4095);
    fake_link_ends(&l, 1000, "");
    end();
}
END_TEST

START_TEST(who_is_throttled_is_not_registered)
{
    start("apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $connect: " BACKEND "/ }\n"
          "    stages:\n"
          "      dev:\n"
          "        defaultRouteSettings:\n"
          "          { throttlingRateLimit: 0, throttlingBurstLimit: 0 }\n");
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 429);
    ck_assert_uint_eq(w.registry.adds, 0);
    end();
}
END_TEST

/* --- refused ------------------------------------------------------------------ */

START_TEST(a_registry_that_is_away_lets_nobody_in)
{
    start(both);
    w.registry.refuse = GW_E_UNREACHABLE;
    fake_world_connect(&w, &l, "/dev", "");
    is_refused();
    ck_assert_gw_str(fake_link_header(&l, "x-amzn-ErrorType"),
                     GW_LIT("ServiceUnavailableException"));
    ck_assert_uint_eq(w.registry.drops, 0);
    ck_assert_uint_eq(w.fetch.started, 0);
    end();
}
END_TEST

/* The record may be there or not: it is dropped. */
START_TEST(a_record_that_could_not_be_written_lets_nobody_in)
{
    start(both);
    w.registry.holds = true;
    fake_world_connect(&w, &l, "/dev", "");
    fake_registry_answer(&w.registry, GW_E_TIMEOUT);
    is_refused();
    ck_assert_uint_eq(w.registry.drops, 1);
    ck_assert_uint_eq(w.fetch.started, 0);
    end();
}
END_TEST

START_TEST(before_it_has_joined_nobody_comes_in)
{
    static const char *const settings[] = {
        "", "disconnectDelivery: best-effort\n"
    };
    char config[1024];

    snprintf(config, sizeof(config), "%s%s", settings[_i], neither);
    start(config);
    fake_registry_lose(&w.registry, false);
    fake_world_connect(&w, &l, "/dev", "");
    is_refused();
    ck_assert_uint_eq(w.registry.adds, 0);
    fake_registry_join(&w.registry);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 101);
    fake_link_ends(&l, 1000, "");
    end();
}
END_TEST

/* Whatever the integration says but yes: no goodbye is owed. */
START_TEST(a_refused_handshake_is_dropped)
{
    start(both);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 1);
    switch (_i) {
    case 0:
        fake_call_reply(call(), 403, "", GW_EMPTY);
        break;
    case 1:
        fake_call_fail(call(), GW_E_TIMEOUT);
        break;
    case 2:
        fake_link_gone(&l);
        fake_call_reply(call(), 500, "", GW_EMPTY);
        break;
    }
    ck_assert_uint_eq(w.registry.drops, 1);
    ck_assert_uint_eq(w.registry.ends, 0);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* --- meanwhile ------------------------------------------------------------------ */

START_TEST(a_client_leaves_before_it_is_registered)
{
    static const gw_err answers[] = { GW_OK, GW_E_TIMEOUT };

    start(both);
    w.registry.holds = true;
    fake_world_connect(&w, &l, "/dev", "");
    fake_link_gone(&l);
    fake_registry_answer(&w.registry, answers[_i]);
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.registry.drops, 1);
    ck_assert_uint_eq(w.registry.ends, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    ck_assert_uint_eq(w.metrics.integration_errors, 0);
    end();
}
END_TEST

START_TEST(it_is_lost_while_a_record_is_written)
{
    start(both);
    w.registry.holds = true;
    fake_world_connect(&w, &l, "/dev", "");
    fake_registry_lose(&w.registry, _i);
    is_refused();
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.registry.ends, 0);
    end();
}
END_TEST

/* The backend let it in: an heir says goodbye. We touch nothing. */
START_TEST(it_is_lost_while_connect_runs)
{
    start(both);
    fake_world_connect(&w, &l, "/dev", "");
    fake_registry_lose(&w.registry, false);
    if (_i)
        fake_registry_join(&w.registry); /* as somebody else */
    ck_assert(l.asked);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    is_refused();
    ck_assert_uint_eq(w.registry.drops, 0);
    ck_assert_uint_eq(w.registry.ends, 0);
    end();
}
END_TEST

START_TEST(it_is_lost_while_connect_refuses)
{
    start(both);
    fake_world_connect(&w, &l, "/dev", "");
    fake_registry_lose(&w.registry, false);
    fake_call_reply(call(), 401, "", GW_LIT("no"));
    ck_assert_uint_eq(l.status, 401);
    ck_assert_uint_eq(w.registry.drops, 0);
    end();
}
END_TEST

/* --- best effort ---------------------------------------------------------------- */

START_TEST(best_effort_registers_nobody_and_tries_once)
{
    gw_str event_id;

    start("disconnectDelivery: best-effort\n"
          "apis:\n"
          "  chat:\n"
          "    routeSelectionExpression: $request.body.action\n"
          "    routes: { $disconnect: " BACKEND "/disconnect }\n"
          "    stages: { dev: {} }\n");
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, 101);
    fake_link_ends(&l, 1001, "");
    event_id = fake_call_header(call(), "X-Gatewire-Event-Id");
    ck_assert_uint_eq(event_id.len, 16);
    ck_assert_gw_str(fake_call_header(call(), "X-Gatewire-Attempt"),
                     GW_LIT("1"));
    fake_call_fail(call(), GW_E_UNREACHABLE);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    ck_assert_uint_eq(w.registry.adds + w.registry.ends + w.registry.drops, 0);
    end();
}
END_TEST

GW_SUITE("server/gateway/register")
{
    tcase_add_test(tc, the_record_is_there_before_the_backend_is_asked);
    tcase_add_loop_test(tc, whom_nobody_is_asked_about_is_registered_too, 0, 2);
    tcase_add_test(tc, event_ids_differ);
    tcase_add_test(tc, a_registry_that_keeps_no_records_is_given_none);
    tcase_add_test(tc, long_texts_are_cut);
    tcase_add_test(tc, who_is_throttled_is_not_registered);
    tcase_add_test(tc, a_registry_that_is_away_lets_nobody_in);
    tcase_add_test(tc, a_record_that_could_not_be_written_lets_nobody_in);
    tcase_add_loop_test(tc, before_it_has_joined_nobody_comes_in, 0, 2);
    tcase_add_loop_test(tc, a_refused_handshake_is_dropped, 0, 3);
    tcase_add_loop_test(tc, a_client_leaves_before_it_is_registered, 0, 2);
    tcase_add_loop_test(tc, it_is_lost_while_a_record_is_written, 0, 2);
    tcase_add_loop_test(tc, it_is_lost_while_connect_runs, 0, 2);
    tcase_add_test(tc, it_is_lost_while_connect_refuses);
    tcase_add_test(tc, best_effort_registers_nobody_and_tries_once);
}
