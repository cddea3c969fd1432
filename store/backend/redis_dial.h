/*
 * From a name to a connection: resolves without blocking, then tries the
 * addresses in turn, beginning with the one that was good last time.
 */
#ifndef GW_STORE_REDIS_DIAL_H
#define GW_STORE_REDIS_DIAL_H

#include "store/backend/redis_conn.h"

enum { GW_REDIS_ADDRESSES_MAX = 16 };

struct gw_redis_dial {
    uv_loop_t *loop;
    struct gw_redis_owner *owner;

    /* The connection, the caller's from here on (gw_redis_conn_pass), or NULL
     * and why. Possibly from inside gw_redis_dial_host or _path. */
    void (*done)(void *ctx, struct gw_redis_conn *c, const char *why);
    void *ctx;

    char host[GW_REDIS_TEXT_MAX + 1], port[8]; /* a path: without a port */

    /* its own */
    uv_getaddrinfo_t lookup;
    bool is_wanted, is_looking, is_outdated;
    struct gw_redis_address at[GW_REDIS_ADDRESSES_MAX];
    size_t count, turn, tried;
    struct gw_redis_conn *conn; /* not connected yet */
};

void gw_redis_dial_host(struct gw_redis_dial *d, gw_str host, uint16_t port);
void gw_redis_dial_path(struct gw_redis_dial *d, gw_str path);

/* Given up: done is not called. The address under way will be tried last. */
void gw_redis_dial_stop(struct gw_redis_dial *d);

/* Where the last connection leads to. */
const struct gw_redis_address *gw_redis_dial_address(
    const struct gw_redis_dial *d);

#endif
