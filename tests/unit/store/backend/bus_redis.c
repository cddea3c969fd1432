#include "store/backend/bus_redis.h"

#include "store/wire.h"
#include "tests/unit/store/player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Processes of one worker each, on one loop, around a real redis-server. */

static const struct gw_registry_times quick = {
    .heartbeat_ms = 60,
    .lease_ms = 400,
    .taken_ms = 500,
    .inherit_after_ms = 200,
    .inherit_look_ms = 50,
};

struct process {
    uint16_t node;
    struct gw_bus *bus;
    struct gw_redis *redis;
    struct gw_registry *registry;
    struct gw_bus_redis *carrier;
    bool joined, left, closed;

    /* What it has received; the payloads one behind the other. */
    size_t calls, answers;
    struct gw_bus_message last;
    struct gw_buf payloads;
    bool silent; /* does not answer */
};

static struct stage stage;
static struct process one, two;

static void on_joined(void *ctx, const struct gw_hash_key *key)
{
    ((struct process *)ctx)->joined = true;
}

static void on_lost(void *ctx)
{
    ((struct process *)ctx)->joined = false;
}

static bool on_resync(void *ctx, bool again, size_t max)
{
    return false;
}

static size_t inherit_room(void *ctx)
{
    return 100;
}

static void on_inherited(void *ctx, gw_str id, gw_str record)
{
}

static const struct gw_registry_events events = {
    on_joined, on_lost, on_resync, inherit_room, on_inherited,
};

/* Answers a call with its own payload. */
static void on_message(void *ctx, const struct gw_bus_message *m)
{
    struct process *p = ctx;
    struct gw_bus_message answer = { .kind = GW_BUS_ANSWER,
                                     .token = m->token,
                                     .err = GW_E_FULL };

    p->last = *m;
    ck_assert(gw_buf_add(&p->payloads, gw_bytes_str(m->payload)) == GW_OK);
    if (m->kind == GW_BUS_ANSWER) {
        p->answers++;
        return;
    }
    p->calls++;
    if (p->silent)
        return;
    answer.payload = m->payload ? gw_bytes_ref(m->payload) : NULL;
    if (gw_bus_send(p->bus, 0, m->from, &answer))
        gw_bytes_unref(answer.payload);
}

static void enter(struct process *p, uint16_t node)
{
    struct gw_redis_url url = gw_redis_server_url(&stage.server);
    struct gw_redis_registry_options options = { .prefix = GW_LIT("t:"),
                                                 .node = node,
                                                 .times = &quick };

    memset(p, 0, sizeof(*p));
    p->node = node;
    gw_buf_init(&p->payloads, 32 << 20);
    p->bus = gw_bus_new(node, 1, 100);
    gw_bus_attach(p->bus, 0, &stage.loop, on_message, p);
    p->redis = gw_redis_new(&stage.loop, &url);
    p->registry = gw_redis_registry_new(p->redis, &options, &events, p);
    p->carrier = gw_bus_redis_new(p->bus, (struct gw_bus_address){ node, 0 },
                                  p->redis, p->registry, GW_LIT("t:"));
    gw_redis_registry_start(p->registry);
    gw_redis_start(p->redis);
    WAIT_ON(&stage.loop, p->joined);
}

static void on_left(void *ctx)
{
    ((struct process *)ctx)->left = true;
}

static void on_closed(void *ctx)
{
    ((struct process *)ctx)->closed = true;
}

static void leave(struct process *p)
{
    gw_registry_leave(p->registry, on_left, p);
    WAIT_ON(&stage.loop, p->left);
    gw_redis_close(p->redis, on_closed, p);
    WAIT_ON(&stage.loop, p->closed);
    gw_bus_redis_free(p->carrier);
    gw_registry_free(p->registry);
    gw_redis_free(p->redis);
    gw_bus_detach(p->bus, 0);
    uv_run(&stage.loop, UV_RUN_NOWAIT);
    gw_bus_free(p->bus);
    gw_buf_fini(&p->payloads);
}

static void begin(void)
{
    stage_set(&stage, true);
    enter(&one, 1);
    enter(&two, 2);
}

static void end(void)
{
    leave(&one);
    leave(&two);
    stage_strike(&stage);
}

static gw_err send_call(uint16_t node, uint8_t worker, uint64_t token,
                        gw_str payload)
{
    struct gw_bus_message m = { .kind = GW_BUS_CALL,
                                .op = GW_BUS_POST,
                                .from = { 1, 0 },
                                .token = token,
                                .id = { .node = node, .slot = 3, .nonce = 4 },
                                .stage = 5,
                                .payload = gw_bytes_dup(payload) };
    gw_err err =
        gw_bus_send(one.bus, 0, (struct gw_bus_address){ node, worker }, &m);

    if (err)
        gw_bytes_unref(m.payload);
    return err;
}

START_TEST(a_call_is_answered_by_its_node)
{
    begin();
    ck_assert(send_call(2, 0, 77, GW_LIT("hello")) == GW_OK);
    WAIT_ON(&stage.loop, one.answers == 1);
    ck_assert_uint_eq(two.calls, 1);
    ck_assert_int_eq(two.last.op, GW_BUS_POST);
    ck_assert_uint_eq(two.last.from.node, 1);
    ck_assert_uint_eq(two.last.id.node, 2);
    ck_assert_uint_eq(two.last.id.slot, 3);
    ck_assert_uint_eq(two.last.id.nonce, 4);
    ck_assert_uint_eq(two.last.stage, 5);
    ck_assert_gw_str(gw_buf_str(&two.payloads), GW_LIT("hello"));
    ck_assert_uint_eq(one.last.token, 77);
    ck_assert_int_eq(one.last.err, GW_E_FULL);
    ck_assert_gw_str(gw_buf_str(&one.payloads), GW_LIT("hello"));
    ck_assert_uint_eq(gw_bus_redis_stats(one.carrier).sent, 1);
    ck_assert_uint_eq(gw_bus_redis_stats(one.carrier).received, 1);
    ck_assert_uint_eq(gw_bus_redis_stats(two.carrier).received, 1);
    end();
}
END_TEST

/* In one turn of the loop, and larger than any buffer on the way. */
START_TEST(calls_keep_their_order_and_their_bytes)
{
    enum { MANY = 300, BIG = 1 << 20 };
    char *big = gw_alloc(BIG), text[16];
    struct gw_buf want;

    begin();
    gw_buf_init(&want, 32 << 20);
    memset(big, 0xfe, BIG);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%u ", i);
        ck_assert(send_call(2, 0, i, gw_str_of(text)) == GW_OK);
        ck_assert(gw_buf_add(&want, gw_str_of(text)) == GW_OK);
        if (i % 100 != 50)
            continue;
        ck_assert(send_call(2, 0, i, (gw_str){ big, BIG }) == GW_OK);
        ck_assert(gw_buf_add(&want, (gw_str){ big, BIG }) == GW_OK);
    }
    WAIT_ON(&stage.loop, one.answers == MANY + 3);
    ck_assert(gw_str_eq(gw_buf_str(&two.payloads), gw_buf_str(&want)));
    ck_assert(gw_str_eq(gw_buf_str(&one.payloads), gw_buf_str(&want)));
    free(big);
    gw_buf_fini(&want);
    end();
}
END_TEST

/* --- nobody there --------------------------------------------------------------- */

START_TEST(where_nobody_lives_a_call_is_gone)
{
    begin();
    stage_play(&stage.loop, 2 * quick.inherit_after_ms);
    ck_assert(send_call(9, 0, 1, GW_LIT("x")) == GW_OK);
    WAIT_ON(&stage.loop, one.answers == 1);
    ck_assert_int_eq(one.last.err, GW_E_GONE);
    ck_assert_uint_eq(one.last.token, 1);
    ck_assert(send_call(2, 9, 2, GW_LIT("x")) == GW_OK); /* a worker too many */
    WAIT_ON(&stage.loop, one.answers == 2);
    ck_assert_int_eq(one.last.err, GW_E_GONE);
    ck_assert_uint_eq(gw_bus_redis_stats(one.carrier).unreachable, 2);
    end();
}
END_TEST

/* Whoever lives there is not subscribed just now. */
START_TEST(where_somebody_lives_a_call_is_busy)
{
    begin();
    gw_redis_server_do(&stage.server, "SET t:{9.0}:lease abc PX 10000");
    stage_play(&stage.loop, 2 * quick.inherit_after_ms);
    ck_assert(send_call(9, 0, 1, GW_LIT("x")) == GW_OK);
    WAIT_ON(&stage.loop, one.answers == 1);
    ck_assert_int_eq(one.last.err, GW_E_BUSY);
    end();
}
END_TEST

START_TEST(without_redis_a_call_is_busy_at_once)
{
    begin();
    two.silent = true;
    ck_assert(send_call(2, 0, 1, GW_LIT("x")) == GW_OK); /* is under way */
    gw_redis_server_kill(&stage.server);
    WAIT_ON(&stage.loop, one.answers || two.calls);
    WAIT_ON(&stage.loop, !gw_redis_is_up(one.redis));
    ck_assert_int_eq(send_call(2, 0, 2, GW_LIT("x")), GW_E_BUSY);
    ck_assert_uint_le(one.answers, 1);
    if (one.answers)
        ck_assert_int_eq(one.last.err, GW_E_BUSY);
    two.silent = false;
    gw_redis_server_start(&stage.server);
    WAIT_ON(&stage.loop,
            gw_redis_is_up(one.redis) && gw_redis_is_up(two.redis));
    one.answers = 0;
    ck_assert(send_call(2, 0, 3, GW_LIT("x")) == GW_OK);
    WAIT_ON(&stage.loop, one.answers);
    ck_assert_uint_eq(one.last.token, 3);
    ck_assert_int_eq(one.last.err, GW_E_FULL);
    end();
}
END_TEST

/* A Redis that takes nothing, until the link gives it up. */
START_TEST(what_waits_for_redis_is_bounded)
{
    enum { BIG = 1 << 20 };
    char *big = gw_alloc(BIG);
    size_t sent = 0;

    begin();
    kill(stage.server.pid, SIGSTOP);
    while (sent < 1000 && send_call(2, 0, sent, (gw_str){ big, BIG }) == GW_OK)
        sent++;
    ck_assert_uint_eq(sent, 63); /* and their heads: 64 MB */
    ck_assert_int_eq(send_call(2, 0, 0, (gw_str){ big, BIG }), GW_E_BUSY);
    ck_assert(send_call(2, 0, sent++, GW_LIT("small")) == GW_OK);
    WAIT_ON(&stage.loop, one.answers == sent); /* each ends */
    ck_assert_int_eq(one.last.err, GW_E_BUSY);
    ck_assert_uint_eq(gw_bus_redis_stats(one.carrier).queued_bytes, 0);
    kill(stage.server.pid, SIGCONT);
    free(big);
    end();
}
END_TEST

/* --- what others publish --------------------------------------------------------- */

static void publish(gw_str bytes)
{
    ck_assert_int_eq(gw_redis_server_do(&stage.server, "PUBLISH t:bus:1.0 %b",
                                        bytes.at, bytes.len),
                     1);
}

static void publish_message(const struct gw_bus_message *m, size_t count)
{
    struct gw_buf bytes;

    gw_buf_init(&bytes, 4096);
    for (size_t i = 0; i < count; i++) {
        size_t at = bytes.len;

        ck_assert(gw_buf_add(&bytes, ((gw_str){ "\0\0\0", 4 })) == GW_OK);
        ck_assert(gw_wire_write(m, GW_LIT("x"), &bytes) == GW_OK);
        ck_assert_uint_lt(bytes.len - at - 4, 256);
        bytes.at[at + 3] = (char)(bytes.len - at - 4);
    }
    publish(gw_buf_str(&bytes));
    gw_buf_fini(&bytes);
}

/* What newer nodes may do to spare Redis. */
START_TEST(messages_may_come_together)
{
    const struct gw_bus_message m = { .kind = GW_BUS_ANSWER, .token = 8 };

    begin();
    publish_message(&m, 3);
    WAIT_ON(&stage.loop, one.answers == 3);
    ck_assert_gw_str(gw_buf_str(&one.payloads), GW_LIT("xxx"));
    end();
}
END_TEST

static const struct {
    const char *name;
    gw_str bytes;
} rubbish[] = {
    { "empty message", { "\0\0\0\0", 4 } },
    { "no whole length", { "\0\0\0", 3 } },
    { "longer than it is", { "\0\0\0\2\1", 5 } },
    { "very long", { "\xff\xff\xff\xff\1\2", 6 } },
    { "no message", { "\0\0\0\5hello", 9 } },
    { "text", { "hello, world", 12 } },
};

START_TEST(garbage_is_counted)
{
    const struct gw_bus_message m = { .kind = GW_BUS_ANSWER, .token = 8 };

    begin();
    publish(rubbish[_i].bytes);
    publish_message(&m, 1); /* and the next one is read */
    WAIT_ON(&stage.loop, one.answers == 1);
    ck_assert_msg(gw_bus_redis_stats(one.carrier).garbage == 1, "%s",
                  rubbish[_i].name);
    ck_assert_uint_eq(one.calls, 0);
    end();
}
END_TEST

/* A newer node's: it must not wait in vain. */
START_TEST(an_unknown_operation_is_refused_by_name)
{
    const struct gw_bus_message m = {
        .kind = GW_BUS_CALL, .op = GW_BUS_POST, .from = { 2, 0 }, .token = 99
    };
    struct gw_buf bytes;
    char *op;

    begin();
    gw_buf_init(&bytes, 4096);
    ck_assert(gw_buf_add(&bytes, ((gw_str){ "\0\0\0", 4 })) == GW_OK);
    ck_assert(gw_wire_write(&m, GW_EMPTY, &bytes) == GW_OK);
    bytes.at[3] = (char)(bytes.len - 4);
    op = memmem(bytes.at, bytes.len, "POST", 4);
    ck_assert_ptr_nonnull(op);
    memcpy(op, "DRAW", 4);
    publish(gw_buf_str(&bytes));
    gw_buf_fini(&bytes);
    WAIT_ON(&stage.loop, two.answers == 1);
    ck_assert_uint_eq(two.last.token, 99);
    ck_assert_int_eq(two.last.err, GW_E_NOT_FOUND);
    ck_assert_uint_eq(one.calls, 0);
    end();
}
END_TEST

GW_SUITE("store/backend/bus_redis")
{
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_call_is_answered_by_its_node);
    tcase_add_test(tc, calls_keep_their_order_and_their_bytes);
    tcase_add_test(tc, where_nobody_lives_a_call_is_gone);
    tcase_add_test(tc, where_somebody_lives_a_call_is_busy);
    tcase_add_test(tc, without_redis_a_call_is_busy_at_once);
    tcase_add_test(tc, what_waits_for_redis_is_bounded);
    tcase_add_test(tc, messages_may_come_together);
    tcase_add_loop_test(tc, garbage_is_counted, 0, GW_LEN(rubbish));
    tcase_add_test(tc, an_unknown_operation_is_refused_by_name);
}
