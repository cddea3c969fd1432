#include "store/bus.h"

#include "tests/support/suite.h"

#include <pthread.h>

enum { NODE = 7 };

/* What one worker received. */
struct box {
    uv_loop_t loop;
    uint64_t tokens[1024];
    size_t count, tasks;
    struct gw_bytes *kept;
};

static void on_message(void *ctx, const struct gw_bus_message *m)
{
    struct box *b = ctx;

    b->tokens[b->count++ % GW_LEN(b->tokens)] = m->token;
    if (m->payload && !b->kept)
        b->kept = gw_bytes_ref(m->payload);
}

static void on_task(void *ctx, void *argument)
{
    struct box *b = ctx;

    b->tasks++;
    (*(unsigned *)argument)++;
}

static void attach(struct gw_bus *bus, unsigned worker, struct box *b)
{
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(uv_loop_init(&b->loop), 0);
    gw_bus_attach(bus, worker, &b->loop, on_message, b);
}

static void detach(struct gw_bus *bus, unsigned worker, struct box *b)
{
    gw_bus_detach(bus, worker);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&b->loop), 0);
    gw_bytes_unref(b->kept);
}

static gw_err put(struct gw_bus *bus, unsigned to,
                  const struct gw_bus_message *m)
{
    return gw_bus_send(bus, 0, (struct gw_bus_address){ NODE, (uint8_t)to }, m);
}

static gw_err post(struct gw_bus *bus, unsigned to, uint64_t token)
{
    struct gw_bus_message m = { .kind = GW_BUS_CALL, .token = token };

    return put(bus, to, &m);
}

START_TEST(messages_keep_their_order)
{
    struct gw_bus *bus = gw_bus_new(NODE, 2, 100);
    struct box b;

    attach(bus, 1, &b);
    for (uint64_t i = 0; i < 100; i++)
        ck_assert(post(bus, 1, i) == GW_OK);
    ck_assert_uint_eq(gw_bus_waiting(bus, 1), 100);
    ck_assert_uint_eq(gw_bus_waiting(bus, 0), 0);
    uv_run(&b.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(b.count, 100);
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_eq(b.tokens[i], i);
    ck_assert_uint_eq(gw_bus_waiting(bus, 1), 0);
    detach(bus, 1, &b);
    gw_bus_free(bus);
}
END_TEST

START_TEST(a_full_mailbox_refuses_all_but_tasks)
{
    struct gw_bus *bus = gw_bus_new(NODE, 1, 3);
    unsigned runs = 0;
    struct box b;

    attach(bus, 0, &b);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert(post(bus, 0, i) == GW_OK);
    ck_assert_int_eq(post(bus, 0, 3), GW_E_BUSY);
    for (int i = 0; i < 10; i++)
        gw_bus_task(bus, 0, on_task, &runs);
    ck_assert_int_eq(post(bus, 0, 4), GW_E_BUSY);
    ck_assert_uint_eq(gw_bus_waiting(bus, 0), 13);
    uv_run(&b.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(b.count, 3);
    ck_assert_uint_eq(b.tasks, 10);
    ck_assert_uint_eq(runs, 10);
    ck_assert(post(bus, 0, 5) == GW_OK); /* there is room again */
    detach(bus, 0, &b);
    gw_bus_free(bus);
}
END_TEST

/* With GW_OK the payload is the bus's, otherwise it stays the caller's. */
START_TEST(payloads_have_one_owner)
{
    struct gw_bus *bus = gw_bus_new(NODE, 1, 2);
    struct gw_bytes *shared = gw_bytes_dup(GW_LIT("shared"));
    struct gw_bus_message m = { .kind = GW_BUS_ANSWER };
    struct box b;

    attach(bus, 0, &b);
    for (int i = 0; i < 2; i++) {
        m.payload = gw_bytes_ref(shared);
        ck_assert(put(bus, 0, &m) == GW_OK);
    }
    m.payload = gw_bytes_ref(shared);
    ck_assert_int_eq(put(bus, 0, &m), GW_E_BUSY);
    gw_bytes_unref(m.payload);
    ck_assert_uint_eq(shared->refs, 3);
    uv_run(&b.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(shared->refs, 2); /* ours, and what the box kept */
    ck_assert_gw_str(gw_bytes_str(b.kept), GW_LIT("shared"));
    gw_bytes_unref(shared);
    detach(bus, 0, &b);
    gw_bus_free(bus);
}
END_TEST

START_TEST(what_nobody_read_goes_with_the_bus)
{
    struct gw_bus *bus = gw_bus_new(NODE, 2, 10);
    struct gw_bytes *shared = gw_bytes_dup(GW_LIT("shared"));
    struct gw_bus_message m = { .kind = GW_BUS_CALL };
    struct box b;

    attach(bus, 1, &b);
    for (int i = 0; i < 5; i++) {
        m.payload = gw_bytes_ref(shared);
        ck_assert(put(bus, 1, &m) == GW_OK);
    }
    detach(bus, 1, &b);
    gw_bus_free(bus);
    ck_assert_uint_eq(shared->refs, 1);
    gw_bytes_unref(shared);
}
END_TEST

/* --- many threads --------------------------------------------------------------- */

enum { SENDERS = 3, EACH = 20000, ROOM = 64 };

struct crowd {
    struct gw_bus *bus;
    uv_loop_t loop;
    uint64_t next[SENDERS]; /* the token each must send next */
    size_t received, tasks;
    unsigned done; /* senders that have ended */
};

static void on_crowd_message(void *ctx, const struct gw_bus_message *m)
{
    struct crowd *c = ctx;

    ck_assert_uint_lt(m->from.worker, SENDERS);
    ck_assert_uint_eq(m->token, c->next[m->from.worker]);
    ck_assert_uint_eq(m->payload->len, 8);
    ck_assert_int_eq(memcmp(m->payload->at, &m->token, 8), 0);
    c->next[m->from.worker]++;
    c->received++;
}

static void on_sender_done(void *ctx, void *argument)
{
    struct crowd *c = ctx;

    if (++c->done == SENDERS)
        gw_bus_detach(c->bus, 0);
}

struct sender {
    struct crowd *crowd;
    unsigned index;
    pthread_t thread;
};

/* Sends numbered messages, each until it is taken; then says that it ends. */
static void *run_sender(void *arg)
{
    struct sender *s = arg;

    for (uint64_t i = 0; i < EACH; i++) {
        struct gw_bus_message m = { .kind = GW_BUS_CALL,
                                    .from = { .worker = (uint8_t)s->index },
                                    .token = i };

        m.payload = gw_bytes_dup((gw_str){ (const char *)&i, 8 });
        while (put(s->crowd->bus, 0, &m))
            sched_yield(); /* full: its reader has a thread of its own */
    }
    gw_bus_task(s->crowd->bus, 0, on_sender_done, NULL);
    return NULL;
}

START_TEST(threads_may_send_at_once)
{
    struct crowd c = { .bus = gw_bus_new(NODE, 1, ROOM) };
    struct sender senders[SENDERS];

    ck_assert_int_eq(uv_loop_init(&c.loop), 0);
    gw_bus_attach(c.bus, 0, &c.loop, on_crowd_message, &c);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){ &c, i, 0 };
        ck_assert_int_eq(
            pthread_create(&senders[i].thread, NULL, run_sender, &senders[i]),
            0);
    }
    uv_run(&c.loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    ck_assert_uint_eq(c.received, (size_t)SENDERS * EACH);
    ck_assert_uint_eq(gw_bus_waiting(c.bus, 0), 0);
    ck_assert_int_eq(uv_loop_close(&c.loop), 0);
    gw_bus_free(c.bus);
}
END_TEST

GW_SUITE("store/bus")
{
    tcase_add_test(tc, messages_keep_their_order);
    tcase_add_test(tc, a_full_mailbox_refuses_all_but_tasks);
    tcase_add_test(tc, payloads_have_one_owner);
    tcase_add_test(tc, what_nobody_read_goes_with_the_bus);
    tcase_add_test(tc, threads_may_send_at_once);
}
