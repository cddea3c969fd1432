/*
 * An upstream client on a loop of its own, time that moves only when told,
 * and backends on loopback sockets that the test itself plays, line by line:
 * what has been said on a loopback socket is there to be read at once, so a
 * conversation needs neither threads nor sleeps.
 */
#ifndef GW_TEST_UPSTREAM_WORLD_H
#define GW_TEST_UPSTREAM_WORLD_H

#include "server/edge/upstream.h"
#include "tests/support/suite.h"

struct world {
    uv_loop_t loop;
    struct gw_clock clock;
    struct gw_wheel wheel;
    struct gw_upstream *u;
    struct gw_fetcher *f;
    const struct gw_upstream_counters *counters;
    unsigned closed;
    unsigned ended; /* calls, so far */
};

/* One fetch and what became of it. */
struct call {
    struct world *w;
    struct gw_fetch *fetch;
    unsigned dones, place; /* place: the how-manieth to end */
    gw_err err;
    unsigned status;
    size_t header_count;
    struct gw_buf body;
    void (*then)(struct call *c); /* called inside done */
    bool (*is_wanted)(void *ctx); /* with the call */
    void *ctx;
};

struct backend {
    int listener;
    uint16_t port;
};

#define UNTIL(what)                                          \
    do {                                                     \
        unsigned left_ = 3000;                               \
        for (; !(what); world_turn(w))                       \
            ck_assert_msg(left_--, "waited for: %s", #what); \
    } while (0)

/* Starts with: 64 KB of answer, 2 idle connections for 60 s. */
void world_init(struct world *w);
void world_init_with(struct world *w,
                     const struct gw_upstream_settings *settings);
void world_fini(struct world *w); /* closes; nothing may be left */
void world_turn(struct world *w); /* of the loop; waits 10 ms at most */
void world_settle(struct world *w);
void world_advance(struct world *w, int64_t ms);

void backend_open(struct backend *b);
void backend_close(struct backend *b);
int backend_accept(struct world *w, struct backend *b);
bool backend_is_called(struct backend *b); /* somebody waits to be accepted */

struct gw_fetch_lane *lane_to(struct world *w, const char *host, uint16_t port,
                              uint32_t in_flight, uint32_t waiting);

/* Asserts that it starts. c: zeroed. timeout: 5 s. */
void call_start(struct world *w, struct call *c, struct gw_fetch_lane *lane,
                const char *method, gw_str body);
void call_fini(struct call *c);
void call_ends(struct world *w, struct call *c, gw_err err);
void call_answered(struct world *w, struct call *c, unsigned status,
                   gw_str body);

void hear(struct world *w, int fd, struct gw_buf *request); /* a whole one */
void hear_any(struct world *w, int fd);                     /* and forget it */
void hear_end(struct world *w, int fd); /* the client closed */
void say(struct world *w, int fd, gw_str bytes);
void reset(int fd); /* closes with RST */

#define OK_EMPTY GW_LIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
#define OK_HELLO GW_LIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

#endif
