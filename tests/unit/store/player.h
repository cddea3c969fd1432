/*
 * A gateway as a registry sees it, played by a few arrays: it knows which of
 * its connections live and which goodbyes it owes, resyncs them when asked, and
 * counts what it is told. Connections have numbers; connection 7 is
 * "conn-0000000007=", its record "record of 7", its goodbye "goodbye of 7".
 *
 * Players of one stage share a loop and a redis-server. A player on a loop of
 * his own stands for a process that can be stopped.
 */
#ifndef GW_TEST_PLAYER_H
#define GW_TEST_PLAYER_H

#include "store/backend/memory.h"
#include "store/backend/redis_registry.h"
#include "tests/support/redis_server.h"
#include "tests/support/suite.h"

enum { PLAYER_CONNS = 2048 };

struct stage {
    uv_loop_t loop;
    uv_timer_t tick; /* so that a wait can look at the time */
    struct gw_redis_server server;
    struct gw_letterbox *box;
};

struct player {
    struct stage *stage;
    uv_loop_t *loop; /* the stage's, or own */
    uv_loop_t own_loop;
    uv_timer_t own_tick;
    struct gw_redis *redis; /* NULL: in memory */
    struct gw_registry *registry;
    enum { UNKNOWN, LIVE, OWED } known[PLAYER_CONNS];
    unsigned inherited[PLAYER_CONNS]; /* how often */
    size_t inherited_all;
    size_t resync_at;
    size_t room;
    bool stop_at_first; /* inherits one and then stops its loop */
    unsigned joined, lost, resyncs;
    struct gw_hash_key key;
    size_t ok, failed; /* the done of calls */
    gw_err last_err;
    bool left, closed;
};

void stage_set(struct stage *s, bool with_redis);
void stage_strike(struct stage *s);

/* Starts it. times may be NULL. */
void player_enter(struct player *p, struct stage *s, uint16_t node,
                  const struct gw_registry_times *times, bool own_loop);
void player_enter_memory(struct player *p, struct stage *s);

/* Leaves in an orderly way, and is gone. */
void player_exit(struct player *p);

gw_str player_id(unsigned n); /* valid until the fourth call after it */
gw_str player_record(unsigned n, bool goodbye);

gw_err player_add(struct player *p, unsigned n);
void player_drop(struct player *p, unsigned n);
void player_end(struct player *p, unsigned n);
void player_ack(struct player *p, unsigned n);

/* Done callbacks of other calls: counted in ok, failed and last_err. */
void player_done(void *ctx, gw_err err);

size_t player_inherited_once(const struct player *p); /* connections */

/* Turns a loop until it is so; fails the test when it takes 20 s. */
#define WAIT_ON(a_loop, condition)                                         \
    do {                                                                   \
        uint64_t until_ = uv_hrtime() + UINT64_C(20000000000);             \
        while (!(condition)) {                                             \
            ck_assert_msg(uv_hrtime() < until_, "waited for " #condition); \
            uv_run((a_loop), UV_RUN_ONCE);                                 \
        }                                                                  \
    } while (0)
#define WAIT(player, condition) WAIT_ON((player)->loop, condition)

/* Turns a loop for that long. */
void stage_play(uv_loop_t *loop, int64_t ms);

#endif
