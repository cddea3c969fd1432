/* Which route? websocket-api.md section 2.3. */
#include "server/gateway/exchange.h"

static gw_err pick(struct gw_exchange *x)
{
    const struct gw_plan *plan = x->deployment->plan;
    gw_str key = GW_EMPTY;
    gw_err err = GW_OK;

    switch (x->kind) {
    case GW_EXCHANGE_CONNECT:
        x->route = plan->connect;
        return GW_OK;
    case GW_EXCHANGE_DISCONNECT:
        x->route = plan->disconnect;
        return GW_OK;
    case GW_EXCHANGE_MESSAGE:
        break;
    }
    if (!x->is_binary)
        err = gw_expr_select(plan->selection, &x->scope, &x->arena, &key);
    if (err)
        return err;
    x->route = gw_map_get(&plan->routes, key);
    if (!x->route)
        x->route = plan->fallback;
    return x->route ? GW_OK : GW_E_FORBIDDEN;
}

gw_step gw_stage_select(struct gw_exchange *x)
{
    struct gw_conn *c = x->conn;

    x->err = pick(x);
    if (x->err)
        return GW_DONE;
    if (!x->route) /* nobody is asked: all may come in */
        return GW_NEXT;
    x->context.route_key = x->route->key;
    if (!x->route->ordered || x->kind != GW_EXCHANGE_MESSAGE)
        return GW_NEXT;
    x->ordered = true;
    if (!c->ordered_runs) {
        c->ordered_runs = true;
        return GW_NEXT;
    }
    x->err = gw_exchange_hold(x);
    gw_list_append(&c->queue, &x->node);
    return GW_WAIT;
}
