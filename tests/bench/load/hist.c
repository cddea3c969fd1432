#include "tests/bench/load/hist.h"

/* Values below 64 have a bucket each; above, the top bit picks the row and
 * the six bits below it the bucket. */
static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < 1u << HIST_BITS)
        return (unsigned)value;
    shift = 63u - HIST_BITS - (unsigned)__builtin_clzll(value);
    return (shift << HIST_BITS) + (unsigned)(value >> shift);
}

static uint64_t highest_in(unsigned bucket)
{
    unsigned shift = bucket >> HIST_BITS;

    if (shift)
        shift--;
    return ((uint64_t)(bucket - (shift << HIST_BITS) + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->total++;
    if (value > h->max)
        h->max = value;
}

uint64_t hist_at(const struct hist *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->total), seen = 0;

    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen && seen >= wanted)
            return highest_in(i) < h->max ? highest_in(i) : h->max;
    }
    return 0;
}
