#include "server/gateway/exchange.h"

#include "protocol/http/request_dup.h"

#include <stdlib.h>

enum { FREE_MAX = 1024, ARENA_EXTRA_BYTES = 256 * 1024 };

/* The order is the specification: websocket-api.md 1.3 and 2.3; and before a
 * backend is asked to let somebody in, the registry knows of him. */
static const struct {
    const char *name;
    unsigned on; /* the kinds of exchange that meet it */
    bool always; /* also when no route was defined */
    gw_step (*run)(struct gw_exchange *x);
} stages[] = {
    { "select",
      GW_EXCHANGE_CONNECT | GW_EXCHANGE_MESSAGE | GW_EXCHANGE_DISCONNECT, true,
      gw_stage_select },
    { "throttle", GW_EXCHANGE_CONNECT | GW_EXCHANGE_MESSAGE, false,
      gw_stage_throttle },
    { "shape",
      GW_EXCHANGE_CONNECT | GW_EXCHANGE_MESSAGE | GW_EXCHANGE_DISCONNECT, false,
      gw_stage_shape },
    { "register", GW_EXCHANGE_CONNECT, true, gw_stage_register },
    { "integrate",
      GW_EXCHANGE_CONNECT | GW_EXCHANGE_MESSAGE | GW_EXCHANGE_DISCONNECT, false,
      gw_stage_integrate },
};

static void run(struct gw_exchange *x)
{
    for (; x->stage < GW_LEN(stages); x->stage++) {
        gw_step step;

        if (!(stages[x->stage].on & x->kind) ||
            !(x->route || stages[x->stage].always))
            continue;
        step = stages[x->stage].run(x);
        if (step == GW_WAIT)
            return;
        if (step == GW_DONE)
            break;
    }
    gw_exchange_finish(x);
}

void gw_exchange_resume(struct gw_exchange *x)
{
    x->stage++;
    run(x);
}

/* All of it but the arena, which keeps its first block from user to user. */
static struct gw_exchange *take(struct gw_gateway *g)
{
    struct gw_list *node = gw_list_take_last(&g->free_exchanges);
    struct gw_exchange *x;
    struct gw_arena arena;

    if (node) {
        x = GW_CONTAINER(node, struct gw_exchange, node);
        arena = x->arena;
        g->free_exchange_count--;
    } else {
        x = gw_realloc(NULL, sizeof(*x));
        gw_arena_init(&arena, 0);
    }
    memset(x, 0, sizeof(*x));
    x->arena = arena;
    gw_list_init(&x->node);
    return x;
}

/* Member by member: the exchange is zeroed already, and a literal would be
 * made beside it and copied, which showed in profiles. */
static void describe(struct gw_exchange *x, gw_event_type type)
{
    const struct gw_plan *plan = x->deployment->plan;
    const struct gw_conn *c = x->conn;
    struct gw_context *to = &x->context;

    to->event_type = type;
    to->api_id = plan->api_id;
    to->stage = plan->stage;
    to->domain_name = c->domain_name;
    to->connection_id = gw_conn_id(c);
    to->request_id = (gw_str){ x->request_id, sizeof(x->request_id) };
    to->source_ip = c->source_ip;
    to->user_agent = c->user_agent;
    to->connected_at_ms = c->connected_at_ms;
    to->request_time_ms = x->gateway->clock->unix_ms;
}

/* The arena's bound follows what this exchange carries: its message, copied
 * and converted, and what a backend may answer. */
static struct gw_exchange *begin(struct gw_conn *c, gw_exchange_kind kind,
                                 gw_event_type type, size_t body_bytes)
{
    struct gw_gateway *g = c->gateway;
    struct gw_deployment *d = c->stage->deployment;
    struct gw_exchange *x = take(g);

    x->gateway = g;
    x->conn = c;
    x->deployment = d;
    x->kind = kind;
    x->arena.max =
        ARENA_EXTRA_BYTES + 4 * body_bytes + g->config->settings.response_bytes;
    x->began_ms = g->clock->now_ms;
    gw_gateway_make_id(g, x->request_id);
    describe(x, type);
    x->scope.context = &x->context;
    x->scope.stage_variables = &d->plan->stage_variables;
    x->scope.body = x->scope.query = x->scope.response_body = GW_EMPTY;
    d->refs++;
    g->exchange_count++;
    GW_COUNT(g->metrics->exchanges_in_flight);
    gw_conn_enter(c);
    return x;
}

void gw_exchange_connect(struct gw_conn *c,
                         const struct gw_http_request *request)
{
    struct gw_exchange *x = begin(c, GW_EXCHANGE_CONNECT, GW_EVENT_CONNECT, 0);

    x->request = request;
    x->scope.headers = &request->headers;
    x->scope.query = request->query;
    run(x);
}

/* The request's id with its first letters moved round: as unique, and free. */
static void make_message_id(struct gw_exchange *x)
{
    memcpy(x->message_id, x->request_id + 5, 5);
    memcpy(x->message_id + 5, x->request_id, 5);
    memcpy(x->message_id + 10, x->request_id + 10, 6);
}

void gw_exchange_message(struct gw_conn *c, bool is_binary, gw_str body)
{
    struct gw_exchange *x =
        begin(c, GW_EXCHANGE_MESSAGE, GW_EVENT_MESSAGE, body.len);

    make_message_id(x);
    x->context.message_id = (gw_str){ x->message_id, sizeof(x->message_id) };
    x->is_binary = is_binary;
    x->scope.body = body;
    run(x);
}

void gw_exchange_disconnect(struct gw_conn *c, unsigned code, gw_str reason,
                            unsigned attempt, struct gw_goodbye *goodbye)
{
    struct gw_exchange *x =
        begin(c, GW_EXCHANGE_DISCONNECT, GW_EVENT_DISCONNECT, 0);

    x->context.disconnect_status = code;
    x->context.disconnect_reason = reason;
    x->context.event_id = (gw_str){ c->event_id, sizeof(c->event_id) };
    x->context.attempt = attempt;
    x->goodbye = goodbye;
    run(x);
}

gw_err gw_exchange_hold(struct gw_exchange *x)
{
    gw_str body = x->scope.body;
    struct gw_http_request *request;
    gw_err err;

    if (x->held)
        return GW_OK;
    x->held = true;
    err = gw_arena_dup(&x->arena, body, &x->scope.body);
    if (err)
        return err;
    if (x->scope.json.kind != GW_JSON_ABSENT)
        x->scope.json.raw.at =
            x->scope.body.at + (x->scope.json.raw.at - body.at);
    err = gw_arena_dup(&x->arena, x->context.disconnect_reason,
                       &x->context.disconnect_reason);
    if (err || !x->request)
        return err;
    err = gw_http_request_dup(&x->arena, x->request, &request);
    if (err)
        return err;
    x->request = request;
    x->scope.headers = &request->headers;
    x->scope.query = request->query;
    return GW_OK;
}

/* Back to the pool. The connection is left last: it may go with this. */
void gw_exchange_end(struct gw_exchange *x)
{
    struct gw_gateway *g = x->gateway;
    struct gw_conn *c = x->conn;

    gw_deployment_unref(g, x->deployment);
    g->exchange_count--;
    GW_UNCOUNT(g->metrics->exchanges_in_flight);
    if (g->free_exchange_count < FREE_MAX) {
        gw_arena_reset(&x->arena);
        gw_list_append(&g->free_exchanges, &x->node);
        g->free_exchange_count++;
    } else {
        gw_arena_fini(&x->arena);
        free(x);
    }
    gw_conn_leave(c);
}

void gw_exchange_pool_fini(struct gw_gateway *g)
{
    struct gw_list *node;

    while ((node = gw_list_take(&g->free_exchanges))) {
        struct gw_exchange *x = GW_CONTAINER(node, struct gw_exchange, node);

        gw_arena_fini(&x->arena);
        free(x);
    }
}
