/* The token bucket of the route in this stage, on this worker. */
#include "server/gateway/exchange.h"

gw_step gw_stage_throttle(struct gw_exchange *x)
{
    struct gw_bucket *bucket = &x->deployment->buckets[x->route->index];

    if (x->err) /* found while it was put on hold */
        return GW_DONE;
    if (!x->route->throttled ||
        gw_bucket_take(bucket, x->route->rate, x->route->burst,
                       x->gateway->clock->now_ms))
        return GW_NEXT;
    GW_COUNT(x->gateway->metrics->throttled);
    x->err = GW_E_THROTTLED;
    return GW_DONE;
}
