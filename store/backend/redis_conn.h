/*
 * One non-blocking connection to a Redis (or Sentinel): commands out, one
 * write per turn of the loop; replies in, each to whoever asked, in order.
 *
 * A connection in trouble says on_broken once, never from inside a call of
 * its owner's except gw_redis_conn_tend; its owner closes it in there. Closing
 * fails what is pending. Its memory is freed by the loop, so it stays valid
 * for whoever is still on the stack.
 */
#ifndef GW_STORE_REDIS_CONN_H
#define GW_STORE_REDIS_CONN_H

#include "store/backend/redis_reply.h"

#include <sys/socket.h>

/* Whose connections they are. He may go when the loop holds nothing of his any
 * more. */
struct gw_redis_owner {
    unsigned held; /* connections, lookups, timers */
    uint64_t error_replies;
    void (*on_none_held)(struct gw_redis_owner *owner);
};

static inline void gw_redis_owner_drop(struct gw_redis_owner *owner)
{
    if (--owner->held == 0)
        owner->on_none_held(owner);
}

struct gw_redis_address {
    struct sockaddr_storage at;
    socklen_t len;
};

struct gw_redis_conn;

struct gw_redis_conn_events {
    void (*on_connected)(void *ctx);
    void (*on_broken)(void *ctx, const char *why);
    /* May be a reply nobody asked for: true if it was. NULL: none may come. */
    bool (*on_push)(void *ctx, const struct gw_redis_reply *reply);
};

/* NULL: not even a socket, and why. */
struct gw_redis_conn *gw_redis_conn_open(
    uv_loop_t *loop, const struct gw_redis_address *to,
    struct gw_redis_owner *owner, const struct gw_redis_conn_events *events,
    void *ctx, struct gw_fault *why);

/* From here on it belongs to somebody else. */
void gw_redis_conn_pass(struct gw_redis_conn *c,
                        const struct gw_redis_conn_events *events, void *ctx);

/* GW_E_TOO_BIG: too much waits to be written; done will not fire. */
gw_err gw_redis_conn_send(struct gw_redis_conn *c, size_t argc,
                          const gw_str *argv, gw_redis_done *done,
                          void *ctx) GW_MUST_CHECK;

/* On a connection that has just been made: there is room. */
void gw_redis_conn_demand(struct gw_redis_conn *c, size_t argc,
                          const gw_str *argv, gw_redis_done *done, void *ctx);

/* AUTH, if there is anything to say; as demand. */
void gw_redis_conn_greet(struct gw_redis_conn *c,
                         const struct gw_redis_url *url, gw_redis_done *done,
                         void *ctx);

size_t gw_redis_conn_pending(const struct gw_redis_conn *c);

/* Breaks it when an answer is overdue, sends PING after a silence. When to look
 * again, in ms; 0: it has broken. */
uint64_t gw_redis_conn_tend(struct gw_redis_conn *c);

void gw_redis_conn_close(struct gw_redis_conn *c);

#endif
