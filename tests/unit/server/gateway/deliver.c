#include "server/gateway/deliver.h"

#include "server/gateway/conn.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

static const char config[] =
    "limits: { pushTimeout: 2s }\n"
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes: { $connect: http://127.0.0.1:3000/,\n"
    "              $default: http://127.0.0.1:3000/ }\n"
    "    stages: { dev: {} }\n"
    "  files:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    binary: true\n"
    "    routes: { $default: http://127.0.0.1:3000/ }\n"
    "    stages: { dev: {} }\n";

/* Two workers on one loop: what they say to each other goes round the bus. */
static struct fake_world worlds[2];
static struct fake_link l;
static struct gw_bus *bus;
static uv_loop_t loop;

static void start(size_t mailbox_max)
{
    bus = gw_bus_new(7, 2, mailbox_max);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    for (unsigned i = 0; i < 2; i++) {
        fake_world_init_at(&worlds[i], config, bus, i, 2);
        gw_bus_attach(bus, i, &loop, fake_world_on_bus, &worlds[i]);
    }
    fake_link_init(&l);
}

static void turn(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void end(void)
{
    if (l.conn)
        fake_link_ends(&l, 1000, "");
    fake_link_fini(&l);
    for (unsigned i = 0; i < 2; i++) {
        gw_bus_detach(bus, i);
        fake_world_fini(&worlds[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    gw_bus_free(bus);
}

struct outcome {
    unsigned count;
    gw_err err;
    struct gw_buf body;
};

static void on_done(void *ctx, gw_err err, gw_str body)
{
    struct outcome *o = ctx;

    o->count++;
    o->err = err;
    gw_buf_init(&o->body, 1 << 20);
    ck_assert(gw_buf_add(&o->body, body) == GW_OK);
}

/* The asker's stage of that name, which is the link's own where it has one. */
static const struct gw_stage_state *stage_asked(const struct fake_world *from)
{
    const struct gw_conn *c = l.conn;

    for (size_t i = 0; c && i < from->gateway.config->plan_count; i++)
        if (from->gateway.by_plan[i]->key == c->stage->key)
            return from->gateway.by_plan[i];
    return from->gateway.by_plan[0];
}

static void ask(struct fake_world *from, gw_bus_op op, gw_str id,
                gw_str payload, struct outcome *o)
{
    *o = (struct outcome){ 0 };
    gw_deliver(&from->gateway, op, stage_asked(from), id, payload, on_done, o);
}

/* Asks, lets the bus run, and expects this. */
static void says(struct fake_world *from, gw_bus_op op, gw_str id,
                 gw_str payload, gw_err err)
{
    struct outcome o;

    ask(from, op, id, payload, &o);
    if (!o.count)
        turn();
    ck_assert_uint_eq(o.count, 1);
    ck_assert_msg(o.err == err, "got %s, want %s", gw_err_name(o.err),
                  gw_err_name(err));
    if (err)
        ck_assert_uint_eq(o.body.len, 0);
    gw_buf_fini(&o.body);
}

static void open_at(struct fake_world *w, const char *target)
{
    fake_world_connect(w, &l, target, "User-Agent: test \"1\"\r\n");
    if (l.asked)
        fake_call_reply(fake_fetch_call(&w->fetch, 0), 200, "", GW_EMPTY);
    ck_assert_uint_eq(l.status, 101);
}

static gw_str copy_of_id(void)
{
    static char text[16];

    memcpy(text, fake_link_id(&l).at, 16);
    return (gw_str){ text, 16 };
}

/* Every test runs with the connection at worker 0 and at worker 1; worker 0
 * asks. */

START_TEST(posts_arrive)
{
    start(100);
    open_at(&worlds[_i], "/chat/dev");
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("hello"), GW_OK);
    fake_link_got(&l, "hello");
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_EMPTY, GW_OK);
    fake_link_got(&l, "");
    ck_assert_uint_eq(worlds[0].metrics.bus_sent, _i ? 2 : 0);
    ck_assert_uint_eq(worlds[_i].metrics.messages_out, 2);
    end();
}
END_TEST

/* websocket-api.md 6.1: lower camel, ISO times, both identity members */
START_TEST(get_describes_the_connection)
{
    static const char want[] =
        "{\"connectedAt\":\"2015-08-30T12:36:00.000Z\",\"identity\":"
        "{\"sourceIp\":\"203.0.113.7\",\"userAgent\":\"test \\\"1\\\"\"},"
        "\"lastActiveAt\":\"2015-08-30T12:36:01.250Z\"}";
    struct outcome o;

    start(100);
    open_at(&worlds[_i], "/chat/dev");
    fake_world_advance(&worlds[_i], 1250);
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("x"), GW_OK);
    fake_world_advance(&worlds[_i], 5000);
    ask(&worlds[0], GW_BUS_GET, fake_link_id(&l), GW_EMPTY, &o);
    turn();
    ck_assert_uint_eq(o.count, 1);
    ck_assert_int_eq(o.err, GW_OK);
    ck_assert_gw_str(gw_buf_str(&o.body), gw_str_of(want));
    gw_buf_fini(&o.body);
    end();
}
END_TEST

/* 1.6: DELETE closes with 1000 */
START_TEST(delete_closes_with_1000)
{
    gw_str id;

    start(100);
    open_at(&worlds[_i], "/chat/dev");
    id = copy_of_id();
    says(&worlds[0], GW_BUS_DELETE, id, GW_EMPTY, GW_OK);
    ck_assert(l.closing);
    ck_assert_uint_eq(l.close_code, 1000);
    says(&worlds[0], GW_BUS_POST, id, GW_LIT("x"), GW_E_GONE);
    says(&worlds[0], GW_BUS_GET, id, GW_EMPTY, GW_E_GONE);
    says(&worlds[0], GW_BUS_DELETE, id, GW_EMPTY, GW_E_GONE);
    fake_link_closed(&l);
    says(&worlds[0], GW_BUS_POST, id, GW_LIT("x"), GW_E_GONE);
    end();
}
END_TEST

/* 1.4: it does not exist while $connect runs */
START_TEST(a_connection_that_is_opening_is_gone)
{
    gw_str id;

    start(100);
    fake_world_connect(&worlds[_i], &l, "/chat/dev", "");
    id = fake_call_header(fake_fetch_call(&worlds[_i].fetch, 0),
                          "X-Gatewire-Connection-Id");
    ck_assert_uint_eq(id.len, 16);
    says(&worlds[0], GW_BUS_POST, id, GW_LIT("x"), GW_E_GONE);
    says(&worlds[0], GW_BUS_GET, id, GW_EMPTY, GW_E_GONE);
    fake_call_reply(fake_fetch_call(&worlds[_i].fetch, 0), 200, "", GW_EMPTY);
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("x"), GW_OK);
    end();
}
END_TEST

START_TEST(an_id_is_good_for_its_own_stage_only)
{
    struct outcome o = { 0 };
    struct gw_stage_state **stages;

    start(100);
    stages = worlds[0].gateway.by_plan;
    fake_world_connect(&worlds[_i], &l, "/files/dev", "");
    gw_deliver(&worlds[0].gateway, GW_BUS_POST, stages[0], fake_link_id(&l),
               GW_LIT("x"), on_done, &o);
    turn();
    ck_assert_uint_eq(o.count, 1);
    ck_assert_int_eq(o.err, GW_E_GONE);
    gw_buf_fini(&o.body);
    end();
}
END_TEST

START_TEST(what_is_no_text_needs_binary)
{
    start(100);
    open_at(&worlds[_i], "/chat/dev");
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("\xff"), GW_E_UTF8);
    fake_link_got_nothing(&l);
    fake_link_ends(&l, 1000, "");
    open_at(&worlds[_i], "/files/dev");
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("\xff"), GW_OK);
    ck_assert_int_eq(fake_link_next(&l)->opcode, GW_WS_BINARY);
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("x"), GW_OK);
    fake_link_got(&l, "x");
    end();
}
END_TEST

START_TEST(a_client_that_does_not_read_is_full)
{
    start(100);
    open_at(&worlds[_i], "/chat/dev");
    l.send_err = GW_E_FULL;
    says(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("x"), GW_E_FULL);
    ck_assert_uint_eq(worlds[_i].metrics.messages_out, 0);
    end();
}
END_TEST

/* --- ids ----------------------------------------------------------------------- */

START_TEST(only_ids_are_looked_up)
{
    static const char *const none[] = { "",
                                        "x",
                                        "L0SM9cOFvHcCIhw",
                                        "L0SM9cOFvHcCIhw==",
                                        "L0SM9cOF+HcCIhw=",
                                        "L0SM9cOFvHcCIhx=", /* spare bits */
                                        "L0SM9cOFvHcCIhw%3D" };

    start(100);
    for (size_t i = 0; i < GW_LEN(none); i++)
        says(&worlds[0], GW_BUS_POST, gw_str_of(none[i]), GW_LIT("x"),
             GW_E_INVALID);
    /* well spelled, never made (websocket-api.md 3.1's example) */
    says(&worlds[0], GW_BUS_POST, GW_LIT("L0SM9cOFvHcCIhw="), GW_LIT("x"),
         GW_E_GONE);
    end();
}
END_TEST

/* Ids that would be ours, of a worker or a node there is not. */
START_TEST(nobodys_ids_are_gone)
{
    struct gw_connection_id id = { .node = 7, .worker = 0 };
    char text[16];

    start(100);
    open_at(&worlds[0], "/chat/dev");
    ck_assert(gw_connection_id_read(&worlds[0].gateway.id_key, fake_link_id(&l),
                                    &id));
    const struct gw_connection_id wrong[] = {
        { id.node, 2, id.slot, id.nonce },
        { id.node, 255, id.slot, id.nonce },
        { 8, 0, id.slot, id.nonce },
        { 8, 1, id.slot, id.nonce },
        { id.node, 0, id.slot + 1, id.nonce },
        { id.node, 0, (1 << 24) - 1, id.nonce },
        { id.node, 0, id.slot, id.nonce ^ 1 },
        { id.node, 1, id.slot, id.nonce },
    };

    for (size_t i = 0; i < GW_LEN(wrong); i++) {
        gw_connection_id_write(&worlds[0].gateway.id_key, wrong[i], text);
        says(&worlds[0], GW_BUS_POST, (gw_str){ text, 16 }, GW_LIT("x"),
             GW_E_GONE);
    }
    fake_link_got_nothing(&l);
    end();
}
END_TEST

/* --- the worker that does not answer ------------------------------------------- */

START_TEST(a_worker_that_is_late_is_busy)
{
    struct outcome o, next;

    start(100);
    open_at(&worlds[1], "/chat/dev");
    ask(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("x"), &o);
    ck_assert(!gw_gateway_is_quiet(&worlds[0].gateway));
    fake_world_advance(&worlds[0], 1990);
    ck_assert_uint_eq(o.count, 0);
    fake_world_advance(&worlds[0], 10);
    ck_assert_uint_eq(o.count, 1);
    ck_assert_int_eq(o.err, GW_E_BUSY);
    gw_buf_fini(&o.body);
    ck_assert_uint_eq(worlds[0].metrics.bus_expired, 1);
    /* its answer, when it comes, is for nobody, least of all the next */
    ask(&worlds[0], GW_BUS_GET, fake_link_id(&l), GW_EMPTY, &next);
    turn();
    ck_assert_uint_eq(o.count, 1);
    ck_assert_uint_eq(next.count, 1);
    ck_assert_int_eq(next.err, GW_OK);
    ck_assert_uint_gt(next.body.len, 0);
    gw_buf_fini(&next.body);
    end();
}
END_TEST

START_TEST(a_full_mailbox_is_busy)
{
    struct outcome first, second;

    start(1);
    open_at(&worlds[1], "/chat/dev");
    ask(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("1"), &first);
    ask(&worlds[0], GW_BUS_POST, fake_link_id(&l), GW_LIT("2"), &second);
    ck_assert_uint_eq(first.count, 0);
    ck_assert_uint_eq(second.count, 1);
    ck_assert_int_eq(second.err, GW_E_BUSY);
    gw_buf_fini(&second.body);
    ck_assert_uint_eq(worlds[0].metrics.bus_full, 1);
    turn();
    ck_assert_uint_eq(first.count, 1);
    ck_assert_int_eq(first.err, GW_OK);
    gw_buf_fini(&first.body);
    fake_link_got(&l, "1");
    end();
}
END_TEST

/* Done, but the answer has no room: the caller learns from its deadline. */
START_TEST(an_answer_that_does_not_fit_is_waited_for)
{
    const struct gw_bus_message task = { .kind = GW_BUS_ANSWER, .token = 999 };
    struct outcome o;

    start(1);
    open_at(&worlds[1], "/chat/dev");
    /* attached first, worker 0 is read first: fill it behind its back */
    ask(&worlds[0], GW_BUS_GET, fake_link_id(&l), GW_EMPTY, &o);
    gw_bus_detach(bus, 0);
    ck_assert(gw_bus_send(bus, 1, (struct gw_bus_address){ 7, 0 }, &task) ==
              GW_OK);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(worlds[1].metrics.bus_full, 1);
    ck_assert_uint_eq(o.count, 0);
    gw_bus_attach(bus, 0, &loop, fake_world_on_bus, &worlds[0]);
    fake_world_advance(&worlds[0], 2000);
    ck_assert_uint_eq(o.count, 1);
    ck_assert_int_eq(o.err, GW_E_BUSY);
    gw_buf_fini(&o.body);
    end();
}
END_TEST

START_TEST(many_calls_are_answered_each)
{
    enum { MANY = 200 };
    static struct outcome o[MANY];
    char text[16];

    start(MANY);
    open_at(&worlds[1], "/chat/dev");
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%d", i);
        ask(&worlds[0], i % 3 ? GW_BUS_POST : GW_BUS_GET, fake_link_id(&l),
            gw_str_of(text), &o[i]);
    }
    turn();
    for (int i = 0; i < MANY; i++) {
        ck_assert_uint_eq(o[i].count, 1);
        ck_assert_int_eq(o[i].err, GW_OK);
        ck_assert((o[i].body.len > 0) == (i % 3 == 0));
        gw_buf_fini(&o[i].body);
        if (i % 3 == 0)
            continue;
        snprintf(text, sizeof(text), "%d", i);
        ck_assert_gw_str(gw_buf_str(&fake_link_next(&l)->payload),
                         gw_str_of(text));
    }
    end();
}
END_TEST

/* --- other nodes ---------------------------------------------------------------- */

/* A carrier that keeps what it is given. */
static struct {
    struct gw_bus_carrier carrier;
    struct gw_bus_message sent[8];
    struct gw_bus_address to[8];
    char payload[8][16];
    size_t count;
    gw_err err; /* that the next ones are refused with */
} away;

static gw_err on_carry(struct gw_bus_carrier *self, struct gw_bus_address to,
                       const struct gw_bus_message *m)
{
    gw_str payload = gw_bytes_str(m->payload);
    size_t i = away.count % GW_LEN(away.sent);

    ck_assert_ptr_eq(self, &away.carrier);
    if (away.err)
        return away.err;
    away.sent[i] = *m;
    away.to[i] = to;
    snprintf(away.payload[i], sizeof(away.payload[i]), "%.*s", GW_FMT(payload));
    away.count++;
    return GW_OK;
}

static void start_with_carrier(void)
{
    memset(&away, 0, sizeof(away));
    away.carrier.send = on_carry;
    start(100);
    gw_bus_carry(bus, 0, &away.carrier);
}

static gw_str id_at(uint16_t node, uint8_t worker)
{
    static char text[16];
    struct gw_connection_id id = { .node = node, .worker = worker, .slot = 3 };

    gw_connection_id_write(&worlds[0].gateway.id_key, id, text);
    return (gw_str){ text, sizeof(text) };
}

static void comes_back(uint64_t token, gw_err err, gw_str body)
{
    struct gw_bus_message m = { .kind = GW_BUS_ANSWER,
                                .token = token,
                                .err = err,
                                .payload = gw_bytes_dup(body) };

    gw_bus_receive_now(bus, 0, &m);
    gw_bytes_unref(m.payload);
}

static void came(struct outcome *o, gw_err err, const char *body)
{
    ck_assert_uint_eq(o->count, 1);
    ck_assert_int_eq(o->err, err);
    ck_assert_gw_str(gw_buf_str(&o->body), gw_str_of(body));
    gw_buf_fini(&o->body);
}

START_TEST(another_node_is_asked_by_its_address)
{
    struct outcome o;

    start_with_carrier();
    ask(&worlds[0], GW_BUS_POST, id_at(8, 5), GW_LIT("hello"), &o);
    ck_assert_uint_eq(away.count, 1);
    ck_assert_uint_eq(away.to[0].node, 8);
    ck_assert_uint_eq(away.to[0].worker, 5);
    ck_assert_int_eq(away.sent[0].kind, GW_BUS_CALL);
    ck_assert_int_eq(away.sent[0].op, GW_BUS_POST);
    ck_assert_uint_eq(away.sent[0].from.node, 7);
    ck_assert_uint_eq(away.sent[0].from.worker, 0);
    ck_assert_uint_eq(away.sent[0].stage, worlds[1].gateway.by_plan[0]->key);
    ck_assert_uint_eq(away.sent[0].id.slot, 3);
    ck_assert_str_eq(away.payload[0], "hello");
    ck_assert_uint_eq(o.count, 0);
    ck_assert_uint_eq(worlds[0].metrics.calls_waiting, 1);
    comes_back(away.sent[0].token, GW_OK, GW_EMPTY);
    came(&o, GW_OK, "");
    ck_assert_uint_eq(worlds[0].metrics.calls_waiting, 0);
    end();
}
END_TEST

/* Several nodes answer when each of them can; an answer counts once. */
START_TEST(answers_find_their_calls_in_any_order)
{
    static const int order[] = { 2, 0, 4, 3, 1 };
    struct outcome o[GW_LEN(order)];
    char body[2] = "";

    start_with_carrier();
    for (size_t i = 0; i < GW_LEN(order); i++)
        ask(&worlds[0], GW_BUS_GET, id_at((uint16_t)(8 + i), 0), GW_EMPTY,
            &o[i]);
    for (size_t i = 0; i < GW_LEN(order); i++) {
        body[0] = (char)('0' + order[i]);
        comes_back(away.sent[order[i]].token, GW_OK, gw_str_of(body));
        came(&o[order[i]], GW_OK, body);
        comes_back(away.sent[order[i]].token, GW_E_GONE, GW_EMPTY);
        ck_assert_uint_eq(o[order[i]].count, 1);
    }
    end();
}
END_TEST

START_TEST(what_was_never_asked_is_no_answer)
{
    struct outcome o;

    start_with_carrier();
    ask(&worlds[0], GW_BUS_GET, id_at(8, 0), GW_EMPTY, &o);
    comes_back(0, GW_OK, GW_EMPTY);
    comes_back(away.sent[0].token + 1, GW_OK, GW_EMPTY);         /* no call's */
    comes_back(away.sent[0].token + (1 << 16), GW_OK, GW_EMPTY); /* its slot's,
                                                                    of another */
    comes_back(UINT64_MAX, GW_OK, GW_EMPTY);
    ck_assert_uint_eq(o.count, 0);
    comes_back(away.sent[0].token, GW_E_GONE, GW_EMPTY);
    came(&o, GW_E_GONE, "");
    end();
}
END_TEST

static const struct {
    const char *name;
    bool has_carrier;
    uint16_t node;
    gw_err carrier, want;
} unreachable[] = {
    { "a process that is alone", false, 8, GW_OK, GW_E_GONE },
    { "the link is down", true, 8, GW_E_BUSY, GW_E_BUSY },
    { "a worker we do not have", true, 7, GW_E_BUSY, GW_E_GONE },
};

START_TEST(who_cannot_be_asked_is_said_at_once)
{
    struct outcome o;

    start_with_carrier();
    if (!unreachable[_i].has_carrier)
        gw_bus_carry(bus, 0, NULL);
    away.err = unreachable[_i].carrier;
    ask(&worlds[0], GW_BUS_POST, id_at(unreachable[_i].node, 9), GW_LIT("x"),
        &o);
    came(&o, unreachable[_i].want, "");
    ck_assert_uint_eq(worlds[0].metrics.calls_waiting, 0);
    end();
}
END_TEST

START_TEST(calls_that_wait_are_bounded)
{
    static struct outcome o[GW_CALLS_MAX];
    struct outcome one_more;

    start_with_carrier();
    for (size_t i = 0; i < GW_CALLS_MAX; i++)
        ask(&worlds[0], GW_BUS_GET, id_at(8, 0), GW_EMPTY, &o[i]);
    ask(&worlds[0], GW_BUS_GET, id_at(8, 0), GW_EMPTY, &one_more);
    came(&one_more, GW_E_BUSY, "");
    ck_assert_uint_eq(worlds[0].metrics.calls_refused, 1);
    ck_assert_uint_eq(away.count, GW_CALLS_MAX);
    ck_assert_uint_eq(worlds[0].metrics.calls_waiting, GW_CALLS_MAX);
    /* one that ends makes room for one */
    comes_back(away.sent[0].token, GW_OK, GW_EMPTY);
    ask(&worlds[0], GW_BUS_GET, id_at(8, 0), GW_EMPTY, &one_more);
    ck_assert_uint_eq(one_more.count, 0);
    fake_world_advance(&worlds[0], 2000);
    came(&one_more, GW_E_BUSY, "");
    for (size_t i = 0; i < GW_CALLS_MAX; i++) {
        ck_assert_uint_eq(o[i].count, 1);
        gw_buf_fini(&o[i].body);
    }
    ck_assert_uint_eq(worlds[0].metrics.calls_waiting, 0);
    end();
}
END_TEST

GW_SUITE("server/gateway/deliver")
{
    tcase_add_loop_test(tc, posts_arrive, 0, 2);
    tcase_add_loop_test(tc, get_describes_the_connection, 0, 2);
    tcase_add_loop_test(tc, delete_closes_with_1000, 0, 2);
    tcase_add_loop_test(tc, a_connection_that_is_opening_is_gone, 0, 2);
    tcase_add_loop_test(tc, an_id_is_good_for_its_own_stage_only, 0, 2);
    tcase_add_loop_test(tc, what_is_no_text_needs_binary, 0, 2);
    tcase_add_loop_test(tc, a_client_that_does_not_read_is_full, 0, 2);
    tcase_add_test(tc, only_ids_are_looked_up);
    tcase_add_test(tc, nobodys_ids_are_gone);
    tcase_add_test(tc, a_worker_that_is_late_is_busy);
    tcase_add_test(tc, a_full_mailbox_is_busy);
    tcase_add_test(tc, an_answer_that_does_not_fit_is_waited_for);
    tcase_add_test(tc, many_calls_are_answered_each);
    tcase_add_test(tc, another_node_is_asked_by_its_address);
    tcase_add_test(tc, answers_find_their_calls_in_any_order);
    tcase_add_test(tc, what_was_never_asked_is_no_answer);
    tcase_add_loop_test(tc, who_cannot_be_asked_is_said_at_once, 0,
                        GW_LEN(unreachable));
    tcase_add_test(tc, calls_that_wait_are_bounded);
}
