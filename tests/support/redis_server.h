/*
 * A real redis-server on a free port of 127.0.0.1, its files in a folder of its
 * own. It ends with the test, however that ends (of a test that failed, the
 * folder may stay).
 */
#ifndef GW_SUPPORT_REDIS_SERVER_H
#define GW_SUPPORT_REDIS_SERVER_H

#include "store/backend/redis.h"

#include <sys/types.h>

enum { GW_REDIS_SERVER_WORDS = 32 };

struct redisReply;

struct gw_redis_server {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char folder[64];
    char socket[80];                            /* it listens there, too */
    const char *options[GW_REDIS_SERVER_WORDS]; /* "--name", "value", …, NULL */
};

/* Zero it, set options if any are wanted. Returns when it serves. Without
 * other options nothing is kept when it ends. */
void gw_redis_server_start(struct gw_redis_server *s);

/* As above, for `redis-sentinel`, watching over that master as "main", alone;
 * a master that is silent for half a second is down. */
void gw_redis_server_start_sentinel(struct gw_redis_server *s,
                                    const struct gw_redis_server *master);

/* kill -9; the port stays its own for another start. */
void gw_redis_server_kill(struct gw_redis_server *s);

/* Kills it if it runs, and removes its folder. */
void gw_redis_server_end(struct gw_redis_server *s);

/* One command, on a connection of its own; the words are formatted as by
 * hiredis. An answer that is an error fails the test; an integer is returned,
 * for anything else 0. */
long long gw_redis_server_do(const struct gw_redis_server *s,
                             const char *format, ...);

/* The same for a text: free() it; NULL: nil. */
char *gw_redis_server_ask(const struct gw_redis_server *s, const char *format,
                          ...);

/* Its address over TCP; a view of static memory. */
struct gw_redis_url gw_redis_server_url(const struct gw_redis_server *s);

#endif
