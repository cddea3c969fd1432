/*
 * A connection is in the registry before its backend is asked to let it in:
 * whatever becomes of this process, somebody knows that a goodbye is owed.
 */
#include "server/gateway/exchange.h"

/* A process that has slept may have been declared dead meanwhile, and its
 * connections with it: a $connect must not run behind their goodbyes. */
static bool is_wanted(const struct gw_call *call)
{
    const struct gw_exchange *x =
        GW_CONTAINER(call, const struct gw_exchange, call);

    /* In this order: a life that is lost after the first line counts as one
     * that was lost a moment later. */
    return gw_registry_is_sure(x->gateway->registry) &&
           x->conn->life == x->gateway->life;
}

static void on_added(void *ctx, gw_err err)
{
    struct gw_exchange *x = ctx;

    x->added = true;
    if (!x->err && (err || x->conn->life != x->gateway->life))
        gw_exchange_refuse_unregistered(x);
    else if (!x->err && !x->conn->link)
        x->err = GW_E_GONE; /* nobody is there to be let in */
    if (!x->waits)
        return;
    if (x->err)
        gw_exchange_finish(x);
    else
        gw_exchange_resume(x);
}

gw_step gw_stage_register(struct gw_exchange *x)
{
    if (!x->gateway->registers)
        return GW_NEXT;
    x->call.is_wanted = is_wanted;
    if (gw_conn_register(x->conn, on_added, x)) {
        gw_exchange_refuse_unregistered(x);
        return GW_DONE;
    }
    if (x->added)
        return x->err ? GW_DONE : GW_NEXT;
    x->waits = true;
    x->err = gw_exchange_hold(x);
    return GW_WAIT;
}
