/*
 * The statuses an integration response key such as "/2\d\d/" matches
 * (websocket-api.md 4.7): worked out once, so that picking a response is one
 * bit test, without a lock or a regular expression on the way.
 */
#ifndef GW_API_STATUS_SET_H
#define GW_API_STATUS_SET_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

enum { GW_STATUS_MAX = 999 };

struct gw_status_set {
    uint64_t bits[GW_STATUS_MAX / 64 + 1];
};

/* The key between its slashes, a regular expression (expr/regex.h), matches
 * the whole decimal status; one that matches none is an error. */
gw_err gw_status_set_read(gw_str key, struct gw_status_set *out,
                          struct gw_fault *why) GW_MUST_CHECK;

static inline bool gw_status_set_has(const struct gw_status_set *set,
                                     unsigned status)
{
    return status <= GW_STATUS_MAX &&
           (set->bits[status / 64] >> (status % 64) & 1);
}

#endif
