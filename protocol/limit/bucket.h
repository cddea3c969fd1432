/*
 * A token bucket: `rate` tokens a second, at most `burst` of them saved up.
 * Time arrives as an argument; it may stand still but not run backwards
 * (then nothing is added).
 */
#ifndef GW_LIMIT_BUCKET_H
#define GW_LIMIT_BUCKET_H

#include "protocol/base/base.h"

struct gw_bucket {
    double tokens;
    int64_t filled_ms; /* INT64_MIN before its first use: then it is full */
};

#define GW_BUCKET_FULL \
    {                  \
        0, INT64_MIN   \
    }

/* Takes one token; false when there is none. A rate of 0 with a burst of 0
 * lets nothing pass. */
bool gw_bucket_take(struct gw_bucket *b, double rate, double burst,
                    int64_t now_ms);

#endif
