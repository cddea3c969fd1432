#include "protocol/base/bytes.h"

#include <stdlib.h>

struct gw_bytes *gw_bytes_dup(gw_str s)
{
    struct gw_bytes *b = gw_realloc(NULL, sizeof(*b) + s.len);

    atomic_init(&b->refs, 1);
    b->len = s.len;
    if (s.len)
        memcpy(b->at, s.at, s.len);
    return b;
}

struct gw_bytes *gw_bytes_ref(struct gw_bytes *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void gw_bytes_unref(struct gw_bytes *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}
