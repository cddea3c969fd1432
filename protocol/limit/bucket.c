#include "protocol/limit/bucket.h"

bool gw_bucket_take(struct gw_bucket *b, double rate, double burst,
                    int64_t now_ms)
{
    if (b->filled_ms == INT64_MIN) {
        b->tokens = burst;
        b->filled_ms = now_ms;
    } else if (now_ms > b->filled_ms) {
        /* as doubles: no span of time overflows */
        b->tokens += ((double)now_ms - (double)b->filled_ms) * rate / 1000;
        b->filled_ms = now_ms;
    }
    if (b->tokens > burst) /* also after a reload lowered it */
        b->tokens = burst;
    /* Ten times 0.1 is a little less than 1: such a token counts as whole. */
    if (b->tokens < 1 - 1e-6)
        return false;
    b->tokens -= b->tokens < 1 ? b->tokens : 1;
    return true;
}
