#include "server/gateway/deliver.h"

#include "protocol/base/utf8.h"
#include "server/gateway/conn.h"

#include <stdlib.h>

enum { FIRST_CALLS = 64, SLOT_BITS = 16 };
_Static_assert(GW_CALLS_MAX == 1 << SLOT_BITS, "a token holds a slot");

struct gw_pending_call {
    struct gw_gateway *gateway;
    struct gw_timer timer;
    uint64_t token;
    gw_delivered *done;
    void *ctx;
};

static gw_err post(struct gw_conn *c, gw_str payload)
{
    gw_ws_opcode opcode = GW_WS_TEXT;

    if (!gw_utf8_is_valid(payload)) {
        if (!c->stage->deployment->plan->binary)
            return GW_E_UTF8;
        opcode = GW_WS_BINARY;
    }
    return gw_conn_send(c, opcode, payload);
}

/* websocket-api.md 6.1: lower camel, ISO times, both identity members. */
static gw_err describe(const struct gw_conn *c, struct gw_buf *out)
{
    int64_t active_ms = c->connected_at_ms + (c->active_ms - c->opened_ms);
    char connected[GW_ISO_TIME_LEN + 1], active[GW_ISO_TIME_LEN + 1];
    gw_err err;

    gw_time_iso(c->connected_at_ms, connected);
    gw_time_iso(active_ms, active);
    err = gw_buf_addf(
        out, "{\"connectedAt\":\"%s\",\"identity\":{\"sourceIp\":", connected);
    if (!err)
        err = gw_json_write_text(out, c->source_ip);
    if (!err)
        err = gw_buf_add(out, GW_LIT(",\"userAgent\":"));
    if (!err)
        err = gw_json_write_text(out, c->user_agent);
    if (!err)
        err = gw_buf_addf(out, "},\"lastActiveAt\":\"%s\"}", active);
    return err;
}

static gw_err perform(struct gw_gateway *g, const struct gw_bus_message *m,
                      gw_str payload, struct gw_buf *body)
{
    struct gw_conn *c = gw_conn_find(g, &m->id);

    if (!c || c->stage->key != m->stage)
        return GW_E_GONE;
    switch (m->op) {
    case GW_BUS_POST:
        return post(c, payload);
    case GW_BUS_GET:
        return describe(c, body);
    case GW_BUS_DELETE:
        gw_conn_close(c, 1000, GW_EMPTY);
        return GW_OK;
    }
    return GW_E_NOT_FOUND;
}

/* --- calls that wait for their answer ----------------------------------------- */

static void grow(struct gw_gateway *g)
{
    uint32_t room = g->call_room ? g->call_room * 2 : FIRST_CALLS;

    g->calls = gw_realloc(g->calls, room * sizeof(*g->calls));
    for (uint32_t i = g->call_room; i < room; i++)
        g->calls[i] = (struct gw_call_slot){ .next_free = i + 1 };
    g->first_free_call = g->call_room;
    g->call_room = room;
}

/* The slot makes the token found at once, whatever the order of answers; the
 * number drawn makes it nobody else's: neither a later call's in that slot nor
 * one of the process that had our address before us. */
static void keep(struct gw_gateway *g, struct gw_pending_call *call)
{
    uint32_t slot;

    if (g->call_count == g->call_room)
        grow(g);
    slot = g->first_free_call;
    g->first_free_call = g->calls[slot].next_free;
    g->calls[slot].call = call;
    g->call_count++;
    GW_COUNT(g->metrics->calls_waiting);
    call->token = gw_gateway_draw(g) << SLOT_BITS | slot;
}

static struct gw_pending_call *call_of(const struct gw_gateway *g,
                                       uint64_t token)
{
    uint32_t slot = token & (GW_CALLS_MAX - 1);
    struct gw_pending_call *call =
        slot < g->call_room ? g->calls[slot].call : NULL;

    return call && call->token == token ? call : NULL;
}

static void forget(struct gw_pending_call *call)
{
    struct gw_gateway *g = call->gateway;
    uint32_t slot = call->token & (GW_CALLS_MAX - 1);

    gw_timer_stop(g->wheel, &call->timer);
    g->calls[slot] = (struct gw_call_slot){ .next_free = g->first_free_call };
    g->first_free_call = slot;
    g->call_count--;
    GW_UNCOUNT(g->metrics->calls_waiting);
    free(call);
}

static void finish(struct gw_pending_call *call, gw_err err, gw_str body)
{
    gw_delivered *done = call->done;
    void *ctx = call->ctx;

    forget(call);
    done(ctx, err, body);
}

static void on_late(struct gw_timer *timer)
{
    struct gw_pending_call *call =
        GW_CONTAINER(timer, struct gw_pending_call, timer);

    GW_COUNT(call->gateway->metrics->bus_expired);
    finish(call, GW_E_BUSY, GW_EMPTY);
}

/* What nobody's address is sent counts as neither. */
static void count_sent(struct gw_gateway *g, gw_err err)
{
    if (!err)
        GW_COUNT(g->metrics->bus_sent);
    else if (err == GW_E_BUSY)
        GW_COUNT(g->metrics->bus_full);
}

static struct gw_pending_call *call_new(struct gw_gateway *g,
                                        gw_delivered *done, void *ctx)
{
    struct gw_pending_call *call = gw_alloc(sizeof(*call));

    *call = (struct gw_pending_call){
        .gateway = g, .timer = { .fire = on_late }, .done = done, .ctx = ctx
    };
    keep(g, call);
    gw_timer_start(g->wheel, &call->timer, g->clock->now_ms,
                   g->config->settings.push_timeout_ms);
    return call;
}

static gw_err ask(struct gw_gateway *g, struct gw_bus_message *m,
                  gw_str payload, gw_delivered *done, void *ctx)
{
    struct gw_bus_address to = { m->id.node, m->id.worker };
    struct gw_pending_call *call;
    gw_err err;

    if (g->call_count == GW_CALLS_MAX) {
        GW_COUNT(g->metrics->calls_refused);
        return GW_E_BUSY;
    }
    call = call_new(g, done, ctx);
    m->token = call->token;
    if (m->op == GW_BUS_POST)
        m->payload = gw_bytes_dup(payload);
    err = gw_bus_send(g->bus, g->worker, to, m);
    if (err) {
        gw_bytes_unref(m->payload);
        forget(call);
    }
    count_sent(g, err);
    return err;
}

void gw_deliver(struct gw_gateway *g, gw_bus_op op,
                const struct gw_stage_state *stage, gw_str connection_id,
                gw_str payload, gw_delivered *done, void *ctx)
{
    struct gw_bus_message m = {
        .kind = GW_BUS_CALL,
        .op = op,
        .from = { g->node, (uint8_t)g->worker },
        .stage = stage->key,
    };
    struct gw_buf body;
    gw_err err;

    if (!g->joined) { /* as yet no id can be read */
        done(ctx, GW_E_BUSY, GW_EMPTY);
        return;
    }
    if (!gw_connection_id_read(&g->id_key, connection_id, &m.id)) {
        done(ctx, GW_E_INVALID, GW_EMPTY);
        return;
    }
    if (m.id.node != g->node || m.id.worker != g->worker) {
        err = ask(g, &m, payload, done, ctx);
        if (err)
            done(ctx, err, GW_EMPTY);
        return;
    }
    gw_buf_init(&body, 64 * 1024);
    err = perform(g, &m, payload, &body);
    done(ctx, err, gw_buf_str(&body));
    gw_buf_fini(&body);
}

static void on_call(struct gw_gateway *g, const struct gw_bus_message *m)
{
    struct gw_bus_message answer = { .kind = GW_BUS_ANSWER, .token = m->token };
    struct gw_buf body;
    gw_err err;

    gw_buf_init(&body, 64 * 1024);
    answer.err = perform(g, m, gw_bytes_str(m->payload), &body);
    if (body.len)
        answer.payload = gw_bytes_dup(gw_buf_str(&body));
    gw_buf_fini(&body);
    /* A caller that cannot be told learns from its deadline. */
    err = gw_bus_send(g->bus, g->worker, m->from, &answer);
    if (err)
        gw_bytes_unref(answer.payload);
    count_sent(g, err);
}

static void on_answer(struct gw_gateway *g, const struct gw_bus_message *m)
{
    struct gw_pending_call *call = call_of(g, m->token);

    if (call)
        finish(call, m->err, gw_bytes_str(m->payload));
}

void gw_deliver_on_bus(struct gw_gateway *g, const struct gw_bus_message *m)
{
    if (m->kind == GW_BUS_CALL)
        on_call(g, m);
    else
        on_answer(g, m);
}
