/*
 * Numbers that look drawn and never come twice from one source (splitmix64):
 * for ids, not for secrets. Sources are told apart by their seeds.
 */
#ifndef GW_BASE_DRAW_H
#define GW_BASE_DRAW_H

#include "protocol/base/base.h"

struct gw_draw {
    uint64_t state; /* begins as the seed */
};

uint64_t gw_draw(struct gw_draw *d);

/* A version 4 UUID (RFC 4122); NUL-terminated. */
enum { GW_UUID_LEN = 36 };
void gw_draw_uuid(struct gw_draw *d, char out[GW_UUID_LEN + 1]);

#endif
