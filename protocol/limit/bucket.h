/*
 * A token bucket: `rate` tokens a second, at most `burst` of them saved up.
 * All workers of a process take from the same one, so it is one atomic word:
 * the time at which it will be full again. Taking a token moves that time by
 * what one token needs; there is one as long as it is not further away than
 * the rest of the burst needs (ITU-T I.371, the generic cell rate algorithm:
 * the same bucket, counted in time).
 */
#ifndef GW_LIMIT_BUCKET_H
#define GW_LIMIT_BUCKET_H

#include "protocol/base/base.h"

#include <stdatomic.h>

struct gw_bucket {
    _Atomic int64_t full_at_ns; /* zeroed: it is full */
};

/* Takes one token; false when there is none. Without a rate, or with a burst
 * below one, nothing passes. now_ms may stand still and differ a little
 * between workers; when it runs back, nothing is added. */
bool gw_bucket_take(struct gw_bucket *b, double rate, double burst,
                    int64_t now_ms);

#endif
