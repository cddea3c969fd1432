/*
 * Asks the sentinels in turn who the master is, beginning with the one that
 * knew last time.
 */
#ifndef GW_STORE_REDIS_SENTINEL_H
#define GW_STORE_REDIS_SENTINEL_H

#include "store/backend/redis_dial.h"

struct gw_redis_sentinel {
    const struct gw_redis_url *url;
    struct gw_redis_dial dial; /* loop and owner are the owner's to set */

    /* host is a view for the call; empty: nobody knows, and why. Possibly from
     * inside gw_redis_sentinel_ask. */
    void (*done)(void *ctx, gw_str host, uint16_t port, const char *why);
    void *ctx;

    /* its own */
    size_t turn, tried;
    struct gw_redis_conn *conn;
};

void gw_redis_sentinel_init(struct gw_redis_sentinel *s);
void gw_redis_sentinel_ask(struct gw_redis_sentinel *s);

/* Given up: done is not called. The one under way will be asked last. */
void gw_redis_sentinel_stop(struct gw_redis_sentinel *s);

#endif
