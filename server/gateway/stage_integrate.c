/* Hands the call to its integration, and takes the reply back. */
#include "server/gateway/exchange.h"

static void on_reply(void *ctx, gw_err err, const struct gw_reply *reply)
{
    struct gw_exchange *x = ctx;

    x->err = err;
    x->asked = true;
    if (err == GW_E_CANCELLED && x->call.is_wanted &&
        !x->call.is_wanted(&x->call))
        gw_exchange_refuse_unregistered(x);
    if (!err)
        x->reply = *reply;
    else if (reply)
        x->reply.why = reply->why;
    gw_exchange_resume(x);
}

gw_step gw_stage_integrate(struct gw_exchange *x)
{
    const struct gw_integration_ops *ops =
        &gw_integrations[x->route->integration.type];
    bool waits = false;

    x->err = ops->start(&x->call, &x->reply, &waits, on_reply, x);
    return !x->err && waits ? GW_WAIT : GW_NEXT;
}
