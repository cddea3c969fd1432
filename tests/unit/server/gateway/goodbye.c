#include "server/gateway/goodbye.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;
static char id[16], event_id[16]; /* of l's connection; outlive it */

#define BACKEND "http://127.0.0.1:3000"
#define API(routes, stages)                                \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes: { " routes " }\n"                         \
    "    stages: { " stages " }\n"

static const char plain[] = "disconnectRetryWindow: 1h\n" API(
    "$disconnect: " BACKEND "/gone", "dev: {}");

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

static struct fake_call *call(void)
{
    return fake_fetch_call(&w.fetch, 0);
}

static unsigned asked(void)
{
    return fake_fetch_waiting(&w.fetch);
}

static gw_str conn_id(void)
{
    return (gw_str){ id, sizeof(id) };
}

static const struct fake_entry *entry(void)
{
    return fake_registry_find(&w.registry, conn_id());
}

/* The registry must know it, as a goodbye with so many attempts. */
static void is_owed(uint32_t attempts)
{
    ck_assert_ptr_nonnull(entry());
    ck_assert_int_eq(entry()->kind, FAKE_GOODBYE);
    ck_assert_uint_eq(fake_record(entry()).attempts, attempts);
}

static void open_at(struct fake_link *link, const char *target)
{
    struct gw_record r;

    fake_world_connect(&w, link, target, "User-Agent: test/1\r\n");
    ck_assert_uint_eq(link->status, 101);
    memcpy(id, fake_link_id(link).at, sizeof(id));
    r = fake_record(entry());
    memcpy(event_id, r.event_id.at, sizeof(event_id));
}

static void open_link(void)
{
    open_at(&l, "/dev");
}

static void says_attempt(const struct fake_call *c, const char *attempt)
{
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Attempt"),
                     gw_str_of(attempt));
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Event-Id"),
                     ((gw_str){ event_id, sizeof(event_id) }));
    ck_assert_gw_str(fake_call_header(c, "X-Gatewire-Connection-Id"),
                     conn_id());
}

/* Until the next try, which must come within `ms`; how long it was. */
static int64_t pass_until_asked(int64_t ms)
{
    int64_t passed = 0;

    ck_assert_uint_eq(asked(), 0);
    while (!asked()) {
        ck_assert_int_lt(passed, ms);
        fake_world_advance(&w, 10);
        passed += 10;
    }
    return passed;
}

/* --- one goodbye -------------------------------------------------------------- */

START_TEST(it_is_written_then_told_then_acknowledged)
{
    struct gw_record r;

    start(plain);
    open_link();
    fake_world_advance(&w, 5000);
    w.registry.holds = true;
    fake_link_ends(&l, 4001, "enough");
    ck_assert_uint_eq(asked(), 0);
    ck_assert_int_eq(entry()->kind, FAKE_CONN);
    fake_world_advance(&w, 700);
    fake_registry_answer(&w.registry, GW_OK);

    is_owed(1);
    r = fake_record(entry());
    ck_assert_uint_eq(r.code, 4001);
    ck_assert_gw_str(r.reason, GW_LIT("enough"));
    ck_assert_int_eq(r.ended_at_ms, FAKE_WORLD_UNIX_MS + 5000);
    ck_assert_int_eq(r.connected_at_ms, FAKE_WORLD_UNIX_MS);
    ck_assert_gw_str(r.event_id, ((gw_str){ event_id, 16 }));
    says_attempt(call(), "1");
    ck_assert_uint_eq(w.metrics.goodbyes_pending, 1);

    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_ptr_null(entry());
    ck_assert_uint_eq(w.registry.acks, 1);
    ck_assert_uint_eq(w.registry.ends, 1);
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, 1);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* The heirs have it: we say nothing. */
START_TEST(one_that_is_lost_while_it_is_written_is_not_told)
{
    start(plain);
    open_link();
    w.registry.holds = true;
    fake_link_ends(&l, 1000, "");
    fake_registry_lose(&w.registry, _i);
    ck_assert_uint_eq(asked(), 0);
    ck_assert_uint_eq(w.registry.acks, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* What a retry cannot change has run; what it can is retried. */
static const struct {
    gw_err err; /* GW_OK: a reply with that status */
    unsigned status;
    bool retried;
} outcomes[] = {
    { GW_OK, 204, false },         { GW_OK, 404, false },
    { GW_OK, 500, false },         { GW_OK, 503, false },
    { GW_E_TOO_BIG, 0, false },    { GW_E_TIMEOUT, 0, true },
    { GW_E_UNREACHABLE, 0, true }, { GW_E_UPSTREAM, 0, true },
    { GW_E_CANCELLED, 0, true },
};

START_TEST(what_a_retry_may_change_is_retried)
{
    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    if (outcomes[_i].err)
        fake_call_fail(call(), outcomes[_i].err);
    else
        fake_call_reply(call(), outcomes[_i].status, "", GW_EMPTY);
    ck_assert_uint_eq(w.metrics.goodbyes_retried, outcomes[_i].retried);
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, !outcomes[_i].retried);
    ck_assert_uint_eq(w.metrics.goodbyes_pending, outcomes[_i].retried);
    if (outcomes[_i].retried) {
        is_owed(1);
        pass_until_asked(1000);
        is_owed(2);
        says_attempt(call(), "2");
        fake_call_reply(call(), 200, "", GW_EMPTY);
    }
    ck_assert_ptr_null(entry());
    end();
}
END_TEST

/* A template that cannot be rendered, and an answer that cannot be shaped:
 * the same another time. */
static const char *const permanents[] = {
    API("$disconnect: { integration: { type: HTTP, integrationMethod: POST, "
        "integrationUri: '" BACKEND "/gone', passthroughBehavior: NEVER } }",
        "dev: {}"),
    API("$disconnect: { integration: { type: HTTP, integrationMethod: POST, "
        "integrationUri: '" BACKEND "/gone', "
        "responses: { '/404/': {} } } }",
        "dev: {}"),
    API("$disconnect: { integration: { type: MOCK, "
        "requestTemplates: { $default: 'no JSON' } } }",
        "dev: {}"),
};

START_TEST(what_never_works_is_not_retried)
{
    start(permanents[_i]);
    open_link();
    fake_link_ends(&l, 1000, "");
    if (_i == 1)
        fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.metrics.integration_errors, 1);
    ck_assert_uint_eq(w.metrics.goodbyes_retried, 0);
    ck_assert_uint_eq(w.registry.acks, 1);
    end();
}
END_TEST

/* --- retries ------------------------------------------------------------------ */

/* 1 s, doubling to 60 s, each up to a quarter less. Its number is written
 * before the try. */
START_TEST(pauses_double_up_to_a_minute)
{
    static const int64_t pauses[] = { 1000,  2000,  4000,  8000, 16000,
                                      32000, 60000, 60000, 60000 };
    char attempt[8];

    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    for (unsigned i = 0; i < GW_LEN(pauses); i++) {
        int64_t passed;

        snprintf(attempt, sizeof(attempt), "%u", i + 1);
        says_attempt(call(), attempt);
        is_owed(i + 1);
        fake_call_fail(call(), GW_E_UNREACHABLE);
        passed = pass_until_asked(pauses[i] + 20);
        ck_assert_int_ge(passed, pauses[i] * 3 / 4);
    }
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.metrics.goodbyes_retried, GW_LEN(pauses));
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, 1);
    end();
}
END_TEST

START_TEST(the_number_of_a_retry_is_written_before_it)
{
    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    fake_call_fail(call(), GW_E_TIMEOUT);
    w.registry.holds = true;
    fake_world_advance(&w, 60000); /* Redis is away */
    ck_assert_uint_eq(asked(), 0);
    is_owed(1);
    fake_registry_answer(&w.registry, GW_OK);
    is_owed(2);
    says_attempt(call(), "2");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

/* Nobody was asked: the number is still good, and it comes again sooner. */
START_TEST(a_full_lane_uses_up_no_number)
{
    static const int64_t pauses[] = { 250, 500, 1000, 2000, 4000, 5000, 5000 };

    start(plain);
    open_link();
    w.fetch.refuse = GW_E_BUSY;
    fake_link_ends(&l, 1000, "");
    for (unsigned i = 0; i < GW_LEN(pauses); i++) {
        ck_assert_uint_eq(w.metrics.goodbyes_retried, i + 1);
        fake_world_advance(&w, pauses[i] * 3 / 4 - 20);
        ck_assert_uint_eq(w.metrics.goodbyes_retried, i + 1);
        if (i + 1 == GW_LEN(pauses))
            w.fetch.refuse = GW_OK;
        fake_world_advance(&w, pauses[i] / 4 + 40);
    }
    says_attempt(call(), "1");
    ck_assert_uint_eq(w.registry.ends, 1);
    fake_call_fail(call(), GW_E_TIMEOUT);
    pass_until_asked(60020);
    says_attempt(call(), "2");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

START_TEST(after_the_window_it_is_a_dead_letter)
{
    static const struct {
        gw_err err;
        const char *why;
    } ends[] = { { GW_E_TIMEOUT, "took too long" },
                 { GW_E_UNREACHABLE, "cannot be reached" },
                 { GW_E_BUSY, "at capacity" } };
    unsigned tries = 0;

    start("disconnectRetryWindow: 10s\n" API("$disconnect: " BACKEND "/gone",
                                             "dev: {}"));
    open_link();
    if (ends[_i].err == GW_E_BUSY)
        w.fetch.refuse = GW_E_BUSY;
    fake_link_ends(&l, 1000, "bye");
    for (int ms = 0; ms < 10000; ms += 10) {
        while (asked()) {
            tries++;
            fake_call_fail(call(), ends[_i].err);
        }
        is_owed(ends[_i].err == GW_E_BUSY ? 1 : tries);
        fake_world_advance(&w, 10);
    }
    fake_world_advance(&w, 10); /* the last try is at its end */
    while (asked())
        fake_call_fail(call(), ends[_i].err);
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    ck_assert_gw_str(entry()->why, gw_str_of(ends[_i].why));
    ck_assert_gw_str(fake_record(entry()).reason, GW_LIT("bye"));
    ck_assert_gw_str(fake_record(entry()).event_id, ((gw_str){ event_id, 16 }));
    ck_assert_uint_eq(w.metrics.goodbyes_buried, 1);
    ck_assert_uint_eq(w.registry.acks, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

START_TEST(a_new_window_holds_for_those_that_wait)
{
    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    fake_call_fail(call(), GW_E_TIMEOUT);
    fake_world_reload(&w, "disconnectRetryWindow: 0\n" API(
                              "$disconnect: " BACKEND "/gone", "dev: {}"));
    pass_until_asked(1020);
    fake_call_fail(call(), GW_E_TIMEOUT);
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    end();
}
END_TEST

/* --- reload ------------------------------------------------------------------- */

START_TEST(a_retry_meets_the_configuration_of_its_time)
{
    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    fake_call_fail(call(), GW_E_UNREACHABLE);
    if (_i == 0) {
        fake_world_reload(
            &w, API("$disconnect: http://127.0.0.1:4000/new", "dev: {}"));
        pass_until_asked(1020);
        ck_assert_uint_eq(call()->lane->port, 4000);
        fake_call_reply(call(), 200, "", GW_EMPTY);
    } else if (_i == 1) { /* nobody is to be told any more */
        fake_world_reload(&w, API("$default: " BACKEND "/", "dev: {}"));
        fake_world_advance(&w, 1020);
        ck_assert_uint_eq(asked(), 0);
    } else { /* its stage went: the backend it had */
        fake_world_reload(
            &w, API("$disconnect: http://127.0.0.1:4000/new", "prod: {}"));
        pass_until_asked(1020);
        ck_assert_uint_eq(call()->lane->port, 3000);
        fake_call_reply(call(), 200, "", GW_EMPTY);
        ck_assert_uint_eq(w.fetch.lanes, 1);
    }
    ck_assert_ptr_null(entry());
    ck_assert_uint_eq(w.registry.acks, 1);
    end();
}
END_TEST

/* --- many --------------------------------------------------------------------- */

enum { MANY = 300 };
static struct fake_link many[MANY];

static void open_many(const char *target)
{
    for (unsigned i = 0; i < MANY; i++) {
        fake_link_init(&many[i]);
        fake_world_connect(&w, &many[i], target, "");
    }
}

static void end_many(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        char reason[16];

        snprintf(reason, sizeof(reason), "%u", i);
        fake_link_ends(&many[i], 4000, reason);
        fake_link_fini(&many[i]);
    }
}

/* The default lane runs 1,000; one that runs fewer is not filled. */
static const struct {
    const char *config;
    unsigned at_once;
} crowds[] = {
    { API("$disconnect: " BACKEND "/gone", "dev: {}"), GW_GOODBYES_AT_ONCE },
    { API("$disconnect: { integration: { type: HTTP_PROXY, integrationMethod: "
          "POST, integrationUri: '" BACKEND "/gone', maxInFlight: 3 } }",
          "dev: {}"),
      3 },
};

START_TEST(a_crowd_takes_turns_in_order)
{
    start(crowds[_i].config);
    open_many("/dev");
    end_many();
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_uint_eq(asked(), GW_MIN(crowds[_i].at_once, MANY - i));
        ck_assert_uint_eq(w.registry.ends, MANY); /* all are written */
        fake_call_reply(call(), 200, "", GW_EMPTY);
    }
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, MANY);
    end();
}
END_TEST

START_TEST(who_waits_for_a_retry_takes_no_turn)
{
    start(crowds[1].config);
    open_many("/dev");
    end_many();
    for (unsigned i = 0; i < MANY; i++) /* each is tried once */
        fake_call_fail(call(), GW_E_TIMEOUT);
    ck_assert_uint_eq(asked(), 0);
    ck_assert_uint_eq(w.fetch.started, MANY);
    fake_world_advance(&w, 1020); /* and all of them again */
    while (asked())
        fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.fetch.started, 2 * MANY);
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, MANY);
    end();
}
END_TEST

/* One stage's backend hangs; another's goodbye leaves at once. */
START_TEST(stages_do_not_hold_each_other_up)
{
    start(API("$disconnect: " BACKEND "/gone", "dev: {}, prod: {}"));
    open_many("/dev");
    open_at(&l, "/prod");
    end_many();
    ck_assert_uint_eq(asked(), GW_GOODBYES_AT_ONCE);
    fake_link_ends(&l, 1000, "");
    ck_assert_uint_eq(asked(), GW_GOODBYES_AT_ONCE + 1);
    says_attempt(fake_fetch_call(&w.fetch, GW_GOODBYES_AT_ONCE), "1");
    while (asked())
        fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

/* All end at once when the registry is back: no deeper stack for it. */
START_TEST(those_that_end_at_once_take_turns_in_a_loop)
{
    start(API("$disconnect: { integration: { type: MOCK } }", "dev: {}"));
    open_many("/dev");
    w.registry.holds = true;
    end_many();
    for (unsigned i = 0; i < MANY; i++)
        fake_registry_answer(&w.registry, GW_OK);
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, MANY);
    end();
}
END_TEST

START_TEST(more_than_can_be_held_are_dead_letters)
{
    size_t others = GW_GOODBYES_MAX;

    start(plain);
    open_link();
    w.gateway.goodbye_count += others; /* as if */
    fake_link_ends(&l, 4001, "bye");
    w.gateway.goodbye_count -= others;
    ck_assert_uint_eq(asked(), 0);
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    ck_assert_uint_eq(fake_record(entry()).code, 4001);
    ck_assert_uint_eq(fake_record(entry()).attempts, 0);
    ck_assert_uint_gt(entry()->why.len, 0);
    ck_assert_uint_eq(w.metrics.goodbyes_buried, 1);
    end();
}
END_TEST

START_TEST(what_is_inherited_leaves_room_for_our_own)
{
    const struct gw_registry_events *e = &gw_gateway_registry_events;

    start(plain);
    ck_assert_uint_eq(e->inherit_room(&w.gateway), GW_GOODBYES_MAX / 2);
    open_link();
    fake_link_ends(&l, 1000, "");
    ck_assert_uint_eq(e->inherit_room(&w.gateway), GW_GOODBYES_MAX / 2 - 1);
    w.gateway.goodbye_count += GW_GOODBYES_MAX / 2;
    ck_assert_uint_eq(e->inherit_room(&w.gateway), 0);
    w.gateway.goodbye_count -= GW_GOODBYES_MAX / 2;
    gw_gateway_drain(&w.gateway);
    ck_assert_uint_eq(e->inherit_room(&w.gateway), 0);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

/* --- inherited ---------------------------------------------------------------- */

static const struct gw_record dead = {
    .connection_id = GW_LIT("R1kmxc2VNjMCFIA="),
    .event_id = GW_LIT("R1koeHsUtjMFbRw="),
    .api_id = GW_LIT("chat"),
    .stage = GW_LIT("dev"),
    .domain_name = GW_LIT("ws.example.com"),
    .source_ip = GW_LIT("198.51.100.9"),
    .user_agent = GW_LIT("other/2"),
    .base = GW_LIT("192.0.2.1:8080/chat"),
    .tls = true,
    .local_port = 8443,
    .connected_at_ms = 1440938100000,
};

static void inherit(const struct gw_record *record)
{
    memcpy(id, record->connection_id.at, sizeof(id));
    memcpy(event_id, record->event_id.at, sizeof(event_id));
    fake_registry_inherit(&w.registry, record);
}

static void shows(const char *name, const char *value)
{
    ck_assert_gw_str(fake_call_header(call(), name), gw_str_of(value));
}

/* Its node died with it: nobody saw how it ended, and nobody has been told. */
START_TEST(a_dead_nodes_connection_ends_with_1006)
{
    start(plain);
    w.registry.holds = true;
    inherit(&dead);
    ck_assert_uint_eq(asked(), 0); /* the number first */
    fake_registry_answer(&w.registry, GW_OK);
    is_owed(1);
    ck_assert_uint_eq(fake_record(entry()).code, 1006);
    ck_assert_int_eq(fake_record(entry()).ended_at_ms, FAKE_WORLD_UNIX_MS);
    says_attempt(call(), "1");
    shows("X-Gatewire-Event-Type", "DISCONNECT");
    shows("X-Gatewire-Disconnect-Status-Code", "1006");
    shows("X-Gatewire-Disconnect-Reason", "");
    shows("X-Gatewire-Connected-At", "1440938100000");
    shows("X-Gatewire-Source-Ip", "198.51.100.9");
    shows("X-Gatewire-Endpoint", "https://192.0.2.1:8080/chat/dev");
    shows("X-Forwarded-Port", "8443");
    shows("X-Forwarded-Proto", "https");
    ck_assert_uint_eq(w.metrics.goodbyes_inherited, 1);
    ck_assert_uint_eq(w.metrics.connections_open, 0);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_ptr_null(entry());
    end();
}
END_TEST

/* Its owner may have told it: this one is the next. */
START_TEST(a_dead_nodes_goodbye_goes_on_counting)
{
    struct gw_record r = dead;

    r.ended_at_ms = FAKE_WORLD_UNIX_MS - 7000;
    r.code = 4001;
    r.reason = GW_LIT("bye");
    r.attempts = 3;
    start(plain);
    inherit(&r);
    is_owed(4);
    says_attempt(call(), "4");
    shows("X-Gatewire-Disconnect-Status-Code", "4001");
    shows("X-Gatewire-Disconnect-Reason", "bye");
    fake_call_fail(call(), GW_E_UNREACHABLE);
    ck_assert_int_eq(fake_record(entry()).ended_at_ms,
                     FAKE_WORLD_UNIX_MS - 7000);
    pass_until_asked(1020); /* its pauses begin anew */
    says_attempt(call(), "5");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

/* A letter that is retried is old: one more try, and it is one again. */
START_TEST(an_old_one_is_tried_once)
{
    struct gw_record r = dead;

    r.ended_at_ms = FAKE_WORLD_UNIX_MS - INT64_C(86400000);
    r.code = 1001;
    r.attempts = UINT32_MAX;
    start(plain);
    inherit(&r);
    fake_call_fail(call(), GW_E_UNREACHABLE);
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    ck_assert_uint_eq(fake_record(entry()).attempts, UINT32_MAX);
    end();
}
END_TEST

START_TEST(what_nobody_can_deliver_is_a_dead_letter)
{
    struct gw_record r = dead;

    start(plain);
    r.stage = GW_LIT("prod");
    inherit(&r);
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    ck_assert_gw_str(entry()->why, GW_LIT("no such stage here"));
    ck_assert_gw_str(fake_record(entry()).stage, GW_LIT("prod"));

    fake_registry_inherit_bytes(&w.registry, dead.connection_id,
                                GW_LIT("\x01garbage"));
    ck_assert_int_eq(entry()->kind, FAKE_LETTER);
    ck_assert_gw_str(entry()->record, GW_LIT("\x01garbage"));
    ck_assert_uint_eq(w.metrics.goodbyes_buried, 2);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

START_TEST(another_connections_record_is_none)
{
    struct gw_buf bytes;

    start(plain);
    gw_buf_init(&bytes, GW_RECORD_BYTES_MAX);
    ck_assert_int_eq(gw_record_write(&dead, &bytes), GW_OK);
    fake_registry_inherit_bytes(&w.registry, GW_LIT("AAAAAAAAAAAAAAA="),
                                gw_buf_str(&bytes));
    gw_buf_fini(&bytes);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_LETTER), 1);
    ck_assert_uint_eq(asked(), 0);
    end();
}
END_TEST

START_TEST(where_nobody_is_to_be_told_it_is_acknowledged)
{
    start(API("$default: " BACKEND "/", "dev: {}"));
    inherit(&dead);
    ck_assert_uint_eq(w.registry.acks, 1);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* --- lost --------------------------------------------------------------------- */

START_TEST(open_connections_are_closed_and_an_heir_says_goodbye)
{
    start(plain);
    open_link();
    fake_registry_lose(&w.registry, false);
    ck_assert(l.closing);
    ck_assert_uint_eq(l.close_code, 1012);
    ck_assert_gw_str(gw_buf_str(&l.close_reason), GW_LIT("Service restart"));
    if (_i)
        fake_registry_join(&w.registry);
    fake_link_closed(&l);
    ck_assert_uint_eq(asked(), 0);
    ck_assert_uint_eq(w.registry.ends + w.registry.acks + w.registry.drops, 0);
    ck_assert_uint_eq(w.metrics.disconnects, 1);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

/* Nobody else knows of it: it is told by us. */
START_TEST(best_effort_says_its_goodbyes_itself)
{
    start("disconnectDelivery: best-effort\n" API(
        "$disconnect: " BACKEND "/gone", "dev: {}"));
    fake_world_connect(&w, &l, "/dev", "");
    fake_registry_lose(&w.registry, false);
    ck_assert_uint_eq(l.close_code, 1012);
    fake_link_closed(&l);
    shows("X-Gatewire-Disconnect-Status-Code", "1012");
    shows("X-Gatewire-Disconnect-Reason", "Service restart");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

START_TEST(a_message_under_way_outlives_the_estate)
{
    start(API("$default: " BACKEND "/default, $disconnect: " BACKEND "/gone",
              "dev: {}"));
    open_link();
    fake_link_says(&l, "x");
    fake_registry_lose(&w.registry, false);
    fake_link_closed(&l);
    ck_assert_uint_eq(asked(), 1);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.gateway.conn_count, 0);
    end();
}
END_TEST

START_TEST(held_goodbyes_are_forgotten)
{
    start(crowds[1].config); /* three at a time */
    open_many("/dev");
    end_many();
    fake_call_fail(call(), GW_E_TIMEOUT); /* one waits, */
    ck_assert_uint_eq(asked(), 3);        /* three run, the others are ready */
    w.registry.acks = w.registry.ends = 0;
    fake_registry_lose(&w.registry, false);
    ck_assert_uint_eq(w.metrics.goodbyes_pending, 0);
    ck_assert_uint_eq(w.gateway.goodbye_count, 0);
    ck_assert_uint_eq(w.wheel.count, 0);
    ck_assert_uint_eq(asked(), 3);
    fake_registry_join(&w.registry);
    fake_call_fail(call(), GW_E_TIMEOUT); /* unheard, however it ends */
    fake_call_reply(call(), 200, "", GW_EMPTY);
    fake_call_reply(call(), 500, "", GW_EMPTY);
    fake_world_advance(&w, 60000);
    ck_assert_uint_eq(asked(), 0);
    ck_assert_uint_eq(w.registry.acks + w.registry.ends, 0);
    ck_assert_uint_eq(w.gateway.conn_count, 0);

    inherit(&dead); /* turns are free again */
    ck_assert_uint_eq(asked(), 1);
    fake_call_reply(call(), 200, "", GW_EMPTY);
    end();
}
END_TEST

/* --- resync ------------------------------------------------------------------- */

static bool resync(bool again, size_t max)
{
    return gw_gateway_registry_events.on_resync(&w.gateway, again, max);
}

/* Redis has come back empty. */
START_TEST(a_resync_writes_all_there_is)
{
    static struct fake_link opening, refused;
    unsigned calls = 1;

    start(API("$connect: " BACKEND "/c, $disconnect: { integration: { type: "
              "HTTP_PROXY, integrationMethod: POST, integrationUri: '" BACKEND
              "/gone', maxInFlight: 1 } }",
              "dev: {}"));
    for (unsigned i = 0; i < 6; i++) {
        fake_link_init(&many[i]);
        fake_world_connect(&w, &many[i], "/dev", "");
        fake_call_reply(call(), 200, "", GW_EMPTY);
    }
    for (unsigned i = 0; i < 3; i++)
        fake_link_ends(&many[i], 1000, "");
    fake_call_fail(call(), GW_E_TIMEOUT); /* waits; one runs, one is ready */
    fake_link_init(&opening);
    fake_world_connect(&w, &opening, "/dev", "");
    fake_link_init(&refused);
    fake_world_connect(&w, &refused, "/dev", "");
    fake_call_reply(fake_fetch_call(&w.fetch, 2), 403, "", GW_EMPTY);

    fake_registry_clear(&w.registry);
    w.registry.adds = w.registry.ends = 0;
    for (bool more = resync(true, 2); more; more = resync(false, 2))
        ck_assert_uint_lt(calls++, 10);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(w.registry.adds, 4); /* three open, one opening */
    ck_assert_uint_eq(w.registry.ends, 3);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_CONN), 4);
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_GOODBYE), 3);

    /* what follows is as ever */
    fake_call_reply(fake_fetch_call(&w.fetch, 1), 200, "", GW_EMPTY);
    fake_link_ends(&opening, 1000, "");
    for (unsigned i = 3; i < 6; i++)
        fake_link_ends(&many[i], 1000, "");
    while (w.gateway.goodbye_count) {
        while (asked())
            fake_call_reply(call(), 200, "", GW_EMPTY);
        fake_world_advance(&w, 1000);
    }
    for (unsigned i = 0; i < 6; i++)
        fake_link_fini(&many[i]);
    fake_link_fini(&opening);
    fake_link_fini(&refused);
    end();
}
END_TEST

/* It goes on where it stopped, whatever ends or begins in between. */
START_TEST(a_resync_outlives_changes)
{
    start(plain);
    open_many("/dev");
    for (unsigned i = 0; i < 4; i++)
        fake_link_ends(&many[i], 1000, "");
    fake_registry_clear(&w.registry);
    ck_assert(resync(true, MANY - 4 + 2));      /* two of the four goodbyes */
    fake_call_reply(call(), 200, "", GW_EMPTY); /* one of them is over */
    for (unsigned i = 4; i < MANY; i++)
        fake_link_ends(&many[i], 1000, "");
    ck_assert(!resync(false, 2));
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_GOODBYE), MANY - 1);
    ck_assert(resync(true, 1)); /* and once more from the beginning */
    ck_assert(!resync(false, MANY));
    while (asked())
        fake_call_reply(call(), 200, "", GW_EMPTY);
    for (unsigned i = 0; i < MANY; i++)
        fake_link_fini(&many[i]);
    end();
}
END_TEST

START_TEST(a_resync_that_is_refused_goes_on_later)
{
    start(plain);
    open_link();
    fake_registry_clear(&w.registry);
    w.registry.refuse = GW_E_UNREACHABLE;
    ck_assert(resync(true, 10));
    w.registry.refuse = GW_OK;
    ck_assert(!resync(false, 10));
    ck_assert_int_eq(entry()->kind, FAKE_CONN);
    fake_link_ends(&l, 1000, "");
    fake_call_reply(call(), 200, "", GW_EMPTY);
    ck_assert_uint_eq(w.metrics.goodbyes_delivered, 1);
    end();
}
END_TEST

START_TEST(best_effort_has_nothing_to_resync)
{
    start("disconnectDelivery: best-effort\n" API("$default: " BACKEND "/",
                                                  "dev: {}"));
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert(!resync(true, 10));
    ck_assert_uint_eq(w.registry.adds, 0);
    fake_link_ends(&l, 1000, "");
    end();
}
END_TEST

/* --- the end ------------------------------------------------------------------ */

/* What can still be told is waited for, until somebody says it is enough. */
START_TEST(an_end_waits_for_goodbyes_until_they_are_abandoned)
{
    start(plain);
    w.registry.base.keeps_records = _i;
    fake_world_connect(&w, &l, "/dev", "");
    gw_gateway_drain(&w.gateway);
    while (!l.closing)
        fake_world_advance(&w, 10);
    fake_link_closed(&l);
    ck_assert(!gw_gateway_has_only_retries(&w.gateway));
    fake_call_fail(call(), GW_E_UNREACHABLE);
    ck_assert(!gw_gateway_is_quiet(&w.gateway));
    ck_assert(gw_gateway_has_only_retries(&w.gateway));
    pass_until_asked(1020);
    ck_assert(!gw_gateway_has_only_retries(&w.gateway));
    fake_call_fail(call(), GW_E_UNREACHABLE);
    ck_assert(gw_gateway_has_only_retries(&w.gateway));
    ck_assert_uint_eq(gw_gateway_goodbyes_pending(&w.gateway), 1);
    gw_gateway_abandon_goodbyes(&w.gateway);
    ck_assert_uint_eq(gw_gateway_goodbyes_pending(&w.gateway), 0);
    ck_assert(gw_gateway_is_quiet(&w.gateway));
    /* an heir finds it there */
    ck_assert_uint_eq(fake_registry_count(&w.registry, FAKE_GOODBYE), 1);
    ck_assert_uint_eq(w.registry.acks + w.registry.burials, 0);
    fake_registry_clear(&w.registry);
    end();
}
END_TEST

/* The backends are closed behind it. */
START_TEST(a_try_under_way_is_abandoned_too)
{
    start(plain);
    open_link();
    fake_link_ends(&l, 1000, "");
    gw_gateway_abandon_goodbyes(&w.gateway);
    ck_assert(!gw_gateway_is_quiet(&w.gateway));
    fake_call_fail(call(), GW_E_CANCELLED);
    ck_assert(gw_gateway_is_quiet(&w.gateway));
    is_owed(1);
    fake_registry_clear(&w.registry);
    end();
}
END_TEST

/* The registry calls back when it leaves; the gateway may be gone by then. */
START_TEST(one_that_is_being_written_is_abandoned)
{
    start(plain);
    open_link();
    w.registry.holds = true;
    fake_link_ends(&l, 1000, "");
    gw_gateway_abandon_goodbyes(&w.gateway);
    ck_assert(gw_gateway_is_quiet(&w.gateway));
    fake_registry_answer(&w.registry, _i ? GW_E_CANCELLED : GW_OK);
    ck_assert_uint_eq(asked(), 0);
    fake_registry_clear(&w.registry);
    end();
}
END_TEST

GW_SUITE("server/gateway/goodbye")
{
    tcase_add_test(tc, it_is_written_then_told_then_acknowledged);
    tcase_add_loop_test(tc, one_that_is_lost_while_it_is_written_is_not_told, 0,
                        2);
    tcase_add_loop_test(tc, what_a_retry_may_change_is_retried, 0,
                        GW_LEN(outcomes));
    tcase_add_loop_test(tc, what_never_works_is_not_retried, 0,
                        GW_LEN(permanents));
    tcase_add_test(tc, pauses_double_up_to_a_minute);
    tcase_add_test(tc, the_number_of_a_retry_is_written_before_it);
    tcase_add_test(tc, a_full_lane_uses_up_no_number);
    tcase_add_loop_test(tc, after_the_window_it_is_a_dead_letter, 0, 3);
    tcase_add_test(tc, a_new_window_holds_for_those_that_wait);
    tcase_add_loop_test(tc, a_retry_meets_the_configuration_of_its_time, 0, 3);
    tcase_add_loop_test(tc, a_crowd_takes_turns_in_order, 0, GW_LEN(crowds));
    tcase_add_test(tc, who_waits_for_a_retry_takes_no_turn);
    tcase_add_test(tc, stages_do_not_hold_each_other_up);
    tcase_add_test(tc, those_that_end_at_once_take_turns_in_a_loop);
    tcase_add_test(tc, more_than_can_be_held_are_dead_letters);
    tcase_add_test(tc, what_is_inherited_leaves_room_for_our_own);
    tcase_add_test(tc, a_dead_nodes_connection_ends_with_1006);
    tcase_add_test(tc, a_dead_nodes_goodbye_goes_on_counting);
    tcase_add_test(tc, an_old_one_is_tried_once);
    tcase_add_test(tc, what_nobody_can_deliver_is_a_dead_letter);
    tcase_add_test(tc, another_connections_record_is_none);
    tcase_add_test(tc, where_nobody_is_to_be_told_it_is_acknowledged);
    tcase_add_loop_test(
        tc, open_connections_are_closed_and_an_heir_says_goodbye, 0, 2);
    tcase_add_test(tc, best_effort_says_its_goodbyes_itself);
    tcase_add_test(tc, a_message_under_way_outlives_the_estate);
    tcase_add_test(tc, held_goodbyes_are_forgotten);
    tcase_add_test(tc, a_resync_writes_all_there_is);
    tcase_add_test(tc, a_resync_outlives_changes);
    tcase_add_test(tc, a_resync_that_is_refused_goes_on_later);
    tcase_add_test(tc, best_effort_has_nothing_to_resync);
    tcase_add_loop_test(tc, an_end_waits_for_goodbyes_until_they_are_abandoned,
                        0, 2);
    tcase_add_test(tc, a_try_under_way_is_abandoned_too);
    tcase_add_loop_test(tc, one_that_is_being_written_is_abandoned, 0, 2);
}
