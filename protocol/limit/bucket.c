#include "protocol/limit/bucket.h"

bool gw_bucket_take(struct gw_bucket *b, double rate, double burst,
                    int64_t now_ms)
{
    int64_t now_ns = now_ms * 1000000, full_at, token_ns, rest_ns;

    if (rate <= 0 || burst < 1)
        return false;
    token_ns = (int64_t)(1e9 / rate);
    rest_ns = (int64_t)((burst - 1) * (double)token_ns);
    full_at = atomic_load_explicit(&b->full_at_ns, memory_order_relaxed);
    do {
        if (full_at - now_ns > rest_ns)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &b->full_at_ns, &full_at, GW_MAX(full_at, now_ns) + token_ns,
        memory_order_relaxed, memory_order_relaxed));
    return true;
}
