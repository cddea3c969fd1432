/*
 * Counted, immutable bytes: one message on its way to many sockets, or from
 * one worker to another. The count is atomic; the bytes never change.
 */
#ifndef GW_BASE_BYTES_H
#define GW_BASE_BYTES_H

#include "protocol/base/str.h"

#include <stdatomic.h>

struct gw_bytes {
    atomic_uint refs;
    size_t len;
    char at[];
};

struct gw_bytes *gw_bytes_dup(gw_str s); /* one reference, the caller's */
struct gw_bytes *gw_bytes_ref(struct gw_bytes *b);
void gw_bytes_unref(struct gw_bytes *b); /* NULL is fine */

static inline gw_str gw_bytes_str(const struct gw_bytes *b)
{
    return b ? (gw_str){ b->at, b->len } : GW_EMPTY;
}

#endif
