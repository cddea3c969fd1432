/* Makes the call of an exchange: what its integration may see. */
#include "server/gateway/exchange.h"

static gw_str endpoint_of(struct gw_exchange *x)
{
    const struct gw_settings *s = &x->gateway->config->settings;
    const struct gw_conn *c = x->conn;
    const struct gw_plan *plan = x->deployment->plan;
    struct gw_buf text;
    gw_str out = GW_EMPTY;
    gw_err err;

    gw_buf_init(&text, 4096);
    if (s->endpoint.len)
        err = gw_buf_addf(&text, "%.*s/%.*s/%.*s", GW_FMT(s->endpoint),
                          GW_FMT(plan->api_id), GW_FMT(plan->stage));
    else
        err = gw_buf_addf(&text, "http%s://%.*s/%.*s", c->tls ? "s" : "",
                          GW_FMT(c->base), GW_FMT(plan->stage));
    if (!err)
        err = gw_arena_dup(&x->arena, gw_buf_str(&text), &out);
    gw_buf_fini(&text);
    return err ? GW_EMPTY : out;
}

static gw_str trace_id_of(struct gw_exchange *x)
{
    char *text = gw_arena_text(&x->arena, GW_TRACE_ID_LEN);

    if (!text)
        return GW_EMPTY;
    gw_gateway_make_trace_id(x->gateway, text);
    return (gw_str){ text, GW_TRACE_ID_LEN };
}

gw_step gw_stage_shape(struct gw_exchange *x)
{
    const struct gw_plan_integration *to = &x->route->integration;

    /* The rest is zeroed, like all of a new exchange. */
    x->call.integration = to;
    x->call.scope = &x->scope;
    x->call.arena = &x->arena;
    x->call.is_binary = x->is_binary;
    if (!gw_integrations[to->type].needs_lane)
        return GW_NEXT;
    x->call.peer.local_port = x->conn->local_port;
    x->call.peer.tls = x->conn->tls;
    x->call.lane = x->deployment->lanes[to->index];
    x->call.clock = x->gateway->clock;
    x->call.fetcher = x->gateway->fetcher;
    x->call.invoker = x->gateway->invoker;
    x->call.trace_id = trace_id_of(x);
    x->call.endpoint = to->gateway_headers ? endpoint_of(x) : GW_EMPTY;
    x->err = gw_exchange_hold(x); /* the reply comes later */
    return x->err ? GW_DONE : GW_NEXT;
}
