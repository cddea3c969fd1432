/* The token bucket of the route in this stage; all workers take from it. */
#include "server/gateway/exchange.h"

gw_step gw_stage_throttle(struct gw_exchange *x)
{
    const struct gw_plan *plan = x->deployment->plan;

    if (x->err) /* found while it was put on hold */
        return GW_DONE;
    if (!x->route->throttled ||
        gw_bucket_take(&plan->buckets[x->route->index], x->route->rate,
                       x->route->burst, x->gateway->clock->now_ms))
        return GW_NEXT;
    GW_COUNT(x->gateway->metrics->throttled);
    x->err = GW_E_THROTTLED;
    return GW_DONE;
}
