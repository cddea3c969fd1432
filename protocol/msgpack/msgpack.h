/*
 * msgpack, read and written with msgpack-c. What comes from outside is bounded
 * before msgpack-c sees it: it allocates by the counts it is told.
 *
 * Source  the MessagePack specification; shared vectors, msgpack/.
 */
#ifndef GW_MSGPACK_H
#define GW_MSGPACK_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"

#include <msgpack.h>

enum { GW_MSGPACK_DEPTH_MAX = 32 }; /* msgpack-c refuses more */

struct gw_msgpack_bounds {
    unsigned depth;  /* arrays and maps inside each other */
    uint32_t values; /* in all, containers and map keys included */
};

/* Is `bytes` exactly one well-formed value within the bounds? Linear, without
 * allocating. GW_E_SYNTAX: truncated, followed by more, or never used (0xc1);
 * GW_E_TOO_BIG: beyond a bound. */
gw_err gw_msgpack_check(gw_str bytes,
                        const struct gw_msgpack_bounds *bounds) GW_MUST_CHECK;

/* Checks, then unpacks into the zone; texts are views into `bytes`.
 * GW_E_SYSTEM: no memory. */
gw_err gw_msgpack_read(msgpack_zone *zone, gw_str bytes,
                       const struct gw_msgpack_bounds *bounds,
                       msgpack_object *out) GW_MUST_CHECK;

/* A packer that appends to the buffer. Its calls return something other than 0
 * when the buffer refused: GW_E_TOO_BIG. */
void gw_msgpack_packer_init(msgpack_packer *packer, struct gw_buf *out);

#endif
