#include "tests/unit/store/player.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the stage ------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
}

static void start_loop(uv_loop_t *loop, uv_timer_t *tick)
{
    ck_assert_int_eq(uv_loop_init(loop), 0);
    uv_timer_init(loop, tick);
    uv_timer_start(tick, on_tick, 5, 5);
}

static void end_loop(uv_loop_t *loop, uv_timer_t *tick)
{
    uv_close((uv_handle_t *)tick, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(loop), 0);
}

void stage_set(struct stage *s, bool with_redis)
{
    memset(s, 0, sizeof(*s));
    start_loop(&s->loop, &s->tick);
    s->box = gw_letterbox_new();
    if (with_redis)
        gw_redis_server_start(&s->server);
}

void stage_strike(struct stage *s)
{
    end_loop(&s->loop, &s->tick);
    gw_letterbox_free(s->box);
    if (s->server.folder[0])
        gw_redis_server_end(&s->server);
}

void stage_play(uv_loop_t *loop, int64_t ms)
{
    uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000;

    while (uv_hrtime() < until)
        uv_run(loop, UV_RUN_ONCE);
}

/* --- connections ---------------------------------------------------------------- */

gw_str player_id(unsigned n)
{
    static char ids[4][32];
    static unsigned next;
    char *id = ids[next++ % 4];

    return (gw_str){ id, (size_t)sprintf(id, "conn-%010u=", n) };
}

gw_str player_record(unsigned n, bool goodbye)
{
    static char records[4][32];
    static unsigned next;
    char *record = records[next++ % 4];

    return (gw_str){ record,
                     (size_t)sprintf(record, "%s of %u",
                                     goodbye ? "goodbye" : "record", n) };
}

static unsigned number_of(gw_str id)
{
    unsigned n = PLAYER_CONNS;

    ck_assert_uint_eq(id.len, 16);
    ck_assert_int_eq(sscanf(id.at, "conn-%10u=", &n), 1);
    ck_assert_uint_lt(n, PLAYER_CONNS);
    return n;
}

/* --- what it is told ------------------------------------------------------------ */

static void on_joined(void *ctx, const struct gw_hash_key *key)
{
    struct player *p = ctx;

    ck_assert(!p->left);
    ck_assert_uint_eq(p->joined, p->lost);
    p->joined++;
    p->key = *key;
}

static void on_lost(void *ctx)
{
    struct player *p = ctx;

    ck_assert(!p->left);
    p->lost++;
    ck_assert_uint_eq(p->joined, p->lost);
    memset(p->known, 0, sizeof(p->known));
}

static bool on_resync(void *ctx, bool again, size_t max)
{
    struct player *p = ctx;

    ck_assert(!p->left);
    if (again) {
        p->resync_at = 0;
        p->resyncs++;
    }
    for (; p->resync_at < PLAYER_CONNS; p->resync_at++) {
        unsigned n = (unsigned)p->resync_at;

        if (p->known[n] == UNKNOWN)
            continue;
        if (!max--)
            return true;
        if (p->known[n] == LIVE)
            ck_assert_int_eq(gw_registry_add(p->registry, player_id(n),
                                             player_record(n, false), NULL,
                                             NULL),
                             GW_OK);
        else
            gw_registry_end(p->registry, player_id(n), player_record(n, true),
                            NULL, NULL);
    }
    return false;
}

static size_t inherit_room(void *ctx)
{
    return ((struct player *)ctx)->room;
}

static void on_inherited(void *ctx, gw_str id, gw_str record)
{
    struct player *p = ctx;
    unsigned n = number_of(id);

    ck_assert(!p->left);
    ck_assert_msg(gw_str_eq(record, player_record(n, false)) ||
                      gw_str_eq(record, player_record(n, true)),
                  "%.*s", GW_FMT(record));
    p->inherited[n]++;
    p->inherited_all++;
    p->known[n] = OWED;
    if (p->stop_at_first)
        uv_stop(p->loop);
}

static const struct gw_registry_events events = {
    on_joined, on_lost, on_resync, inherit_room, on_inherited,
};

size_t player_inherited_once(const struct player *p)
{
    size_t once = 0;

    for (size_t i = 0; i < PLAYER_CONNS; i++)
        once += p->inherited[i] == 1;
    return once;
}

/* --- what it does --------------------------------------------------------------- */

void player_done(void *ctx, gw_err err)
{
    struct player *p = ctx;

    p->ok += !err;
    p->failed += err != GW_OK;
    if (err)
        p->last_err = err;
}

gw_err player_add(struct player *p, unsigned n)
{
    p->known[n] = LIVE;
    return gw_registry_add(p->registry, player_id(n), player_record(n, false),
                           player_done, p);
}

void player_drop(struct player *p, unsigned n)
{
    p->known[n] = UNKNOWN;
    gw_registry_drop(p->registry, player_id(n));
}

void player_end(struct player *p, unsigned n)
{
    p->known[n] = OWED;
    gw_registry_end(p->registry, player_id(n), player_record(n, true),
                    player_done, p);
}

void player_ack(struct player *p, unsigned n)
{
    p->known[n] = UNKNOWN;
    gw_registry_ack(p->registry, player_id(n));
}

/* --- coming and going ------------------------------------------------------------ */

void player_enter(struct player *p, struct stage *s, uint16_t node,
                  const struct gw_registry_times *times, bool own_loop)
{
    struct gw_redis_registry_options options = { GW_LIT("t:"), node, 1, times };
    struct gw_redis_url url = gw_redis_server_url(&s->server);

    memset(p, 0, sizeof(*p));
    p->stage = s;
    p->room = PLAYER_CONNS;
    p->loop = own_loop ? &p->own_loop : &s->loop;
    if (own_loop)
        start_loop(&p->own_loop, &p->own_tick);
    p->redis = gw_redis_new(p->loop, &url);
    p->registry = gw_redis_registry_new(p->redis, &options, &events, p);
    gw_redis_registry_start(p->registry);
    gw_redis_start(p->redis);
}

void player_enter_memory(struct player *p, struct stage *s)
{
    static const struct gw_hash_key key = { 1, 2 };

    memset(p, 0, sizeof(*p));
    p->stage = s;
    p->loop = &s->loop;
    p->registry = gw_memory_registry_new(s->box, &key, &events, p);
    gw_memory_registry_start(p->registry);
}

static void on_left(void *ctx)
{
    struct player *p = ctx;

    ck_assert(!p->left);
    p->left = true;
}

static void on_closed(void *ctx)
{
    ((struct player *)ctx)->closed = true;
}

void player_exit(struct player *p)
{
    gw_registry_leave(p->registry, on_left, p);
    WAIT(p, p->left);
    if (p->redis) {
        gw_redis_close(p->redis, on_closed, p);
        WAIT(p, p->closed);
        gw_redis_free(p->redis);
    }
    gw_registry_free(p->registry);
    if (p->loop == &p->own_loop)
        end_loop(&p->own_loop, &p->own_tick);
}
