#include "server/gateway/deliver.h"

#include "protocol/base/utf8.h"
#include "server/gateway/conn.h"

#include <stdlib.h>

struct gw_pending_call {
    struct gw_list node; /* g->calls */
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
    return GW_E_INVALID;
}

static void finish(struct gw_pending_call *call, gw_err err, gw_str body)
{
    gw_timer_stop(call->gateway->wheel, &call->timer);
    gw_list_leave(&call->node);
    call->done(call->ctx, err, body);
    free(call);
}

static void on_late(struct gw_timer *timer)
{
    struct gw_pending_call *call =
        GW_CONTAINER(timer, struct gw_pending_call, timer);

    GW_COUNT(call->gateway->metrics->bus_expired);
    finish(call, GW_E_BUSY, GW_EMPTY);
}

static void ask(struct gw_gateway *g, struct gw_bus_message *m,
                gw_delivered *done, void *ctx)
{
    struct gw_pending_call *call;

    m->token = ++g->call_sequence;
    if (gw_bus_send(g->bus, m->id.worker, m)) {
        GW_COUNT(g->metrics->bus_full);
        gw_bytes_unref(m->payload);
        done(ctx, GW_E_BUSY, GW_EMPTY);
        return;
    }
    GW_COUNT(g->metrics->bus_sent);
    call = gw_alloc(sizeof(*call));
    *call = (struct gw_pending_call){ .gateway = g,
                                      .timer = { .fire = on_late },
                                      .token = m->token,
                                      .done = done,
                                      .ctx = ctx };
    gw_list_init(&call->node);
    gw_list_append(&g->calls, &call->node);
    gw_timer_start(g->wheel, &call->timer, g->clock->now_ms,
                   g->config->settings.push_timeout_ms);
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

    if (!gw_connection_id_read(&g->id_key, connection_id, &m.id)) {
        done(ctx, GW_E_INVALID, GW_EMPTY);
        return;
    }
    if (m.id.node == g->node && m.id.worker != g->worker &&
        m.id.worker < g->worker_count) {
        if (op == GW_BUS_POST)
            m.payload = gw_bytes_dup(payload);
        ask(g, &m, done, ctx);
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

    gw_buf_init(&body, 64 * 1024);
    answer.err = perform(g, m, gw_bytes_str(m->payload), &body);
    if (body.len)
        answer.payload = gw_bytes_dup(gw_buf_str(&body));
    gw_buf_fini(&body);
    /* A caller whose mailbox is full learns from its deadline. */
    if (gw_bus_send(g->bus, m->from.worker, &answer)) {
        GW_COUNT(g->metrics->bus_full);
        gw_bytes_unref(answer.payload);
    }
}

static void on_answer(struct gw_gateway *g, const struct gw_bus_message *m)
{
    GW_LIST_EACH_SAFE (node, after, &g->calls) {
        struct gw_pending_call *call =
            GW_CONTAINER(node, struct gw_pending_call, node);

        /* Answers come in the order of calls, so the first ones match. */
        if (call->token == m->token) {
            finish(call, m->err, gw_bytes_str(m->payload));
            return;
        }
    }
}

void gw_deliver_on_bus(struct gw_gateway *g, const struct gw_bus_message *m)
{
    if (m->kind == GW_BUS_CALL)
        on_call(g, m);
    else
        on_answer(g, m);
}
