/*
 * A link on a loop of its own, and what came of it.
 */
#ifndef GW_TESTS_REDIS_WORLD_H
#define GW_TESTS_REDIS_WORLD_H

#include "store/backend/redis.h"
#include "tests/support/redis_server.h"
#include "tests/support/suite.h"

struct world {
    uv_loop_t loop;
    struct gw_redis_server server; /* of begin() */
    struct gw_redis *r;
    struct gw_redis_watcher watcher;
    unsigned ups, downs;
    bool is_closed;
    unsigned messages;
    char message[64];
};

/* Turns the loop until it is so; the suite's timeout is the deadline. */
#define UNTIL(w, what)                       \
    do {                                     \
        while (!(what))                      \
            uv_run(&(w)->loop, UV_RUN_ONCE); \
    } while (0)

/* Subscribed to "test:bus:1.0". */
void start_link(struct world *w, const struct gw_redis_url *url);
void make_link(struct world *w, const struct gw_redis_url *url); /* on a loop
                                                                    there is */
void close_link(struct world *w);
void on_closed(void *ctx); /* sets is_closed */

/* The same to a redis-server of its own, and up. */
void begin(struct world *w);
void end(struct world *w);

/* One answer, as text: integers in decimal, "(nil)", "[N]". */
struct answer {
    unsigned fired;
    gw_err err;
    char text[128];
};

gw_redis_done on_answer; /* ctx: a struct answer */

/* A line of words, cut at the blanks. */
gw_err command(struct world *w, const char *line, struct answer *a);

/* One that has to work. */
void prove(struct world *w);

#endif
