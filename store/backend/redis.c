/*
 * The link: makes its two connections, keeps them, makes them again.
 *
 * It is in one of these states; `move` is the only one to change it.
 *   OFF      not started
 *   SEEKING  on the way up: Sentinel, names, connections, AUTH, SUBSCRIBE
 *   UP       both connections ready
 *   RESTING  until the next try
 *   CLOSED
 */
#include "store/backend/redis.h"

#include "protocol/base/log.h"
#include "store/backend/redis_sentinel.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STEADY_MS =
        GW_REDIS_RETRY_MAX_MS, /* up for so long: tries are quick again */
    SHA_HEX = 2 * SHA_DIGEST_LENGTH,
};

typedef enum link_state { OFF, SEEKING, UP, RESTING, CLOSED } link_state;

struct script {
    const char *text; /* NULL: not used yet */
    char sha[SHA_HEX];
    bool is_loaded; /* by this connection */
};

struct gw_redis {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct gw_redis_owner owner;
    link_state state;
    struct gw_arena texts; /* of the url */
    struct gw_redis_url url;
    struct gw_redis_sentinel sentinel;
    struct gw_redis_dial dial;
    struct gw_redis_conn *commands, *subscription; /* NULL: not made yet */
    struct gw_list watchers;
    char *channel; /* NULL: none, and no connection for it */
    void (*on_message)(void *ctx, gw_str payload);
    void *message_ctx;
    struct script scripts[GW_REDIS_SCRIPTS_MAX];
    struct gw_redis_stats stats;
    struct gw_fault fault;
    unsigned retry_ms; /* the longest the next rest may be */
    uint64_t up_since_ms;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void on_timer(uv_timer_t *timer);

static void start_timer(struct gw_redis *r, uint64_t ms)
{
    uv_timer_start(&r->timer, on_timer, ms, 0);
}

static void move(struct gw_redis *r, link_state to)
{
    static const unsigned legal[] = {
        [OFF] = 1 << SEEKING | 1 << CLOSED,
        [SEEKING] = 1 << UP | 1 << RESTING | 1 << CLOSED,
        [UP] = 1 << RESTING | 1 << CLOSED,
        [RESTING] = 1 << SEEKING | 1 << CLOSED,
        [CLOSED] = 0,
    };

    GW_ASSERT(legal[r->state] & 1u << to);
    r->state = to;
    r->stats.up = to == UP;
}

/* --- down -------------------------------------------------------------------- */

/* What Redis says goes to people and into logs. */
static void set_fault(struct gw_redis *r, const char *why)
{
    struct gw_fault fault;

    gw_fail(&fault, GW_E_UNREACHABLE, "%s", why);
    for (char *p = fault.text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == '\x7f' || *p == '"')
            *p = '?';
    if (r->state == UP)
        gw_warn("redis.down", "why=\"%s\"", fault.text);
    else if (strcmp(fault.text, r->fault.text) != 0)
        gw_warn("redis.away", "why=\"%s\"", fault.text);
    r->fault = fault;
}

static void hang_up(struct gw_redis *r)
{
    struct gw_redis_conn *c[] = { r->commands, r->subscription };

    r->commands = r->subscription = NULL;
    gw_redis_sentinel_stop(&r->sentinel);
    gw_redis_dial_stop(&r->dial);
    for (size_t i = 0; i < GW_LEN(c); i++)
        if (c[i])
            gw_redis_conn_close(c[i]);
}

/* Between a half and the whole of a span that doubles. */
static uint64_t draw_rest_ms(struct gw_redis *r)
{
    unsigned span = r->retry_ms, random;

    r->retry_ms = GW_MIN(2 * span, (unsigned)GW_REDIS_RETRY_MAX_MS);
    GW_ASSERT(uv_random(NULL, NULL, &random, sizeof(random), 0, NULL) == 0);
    return span / 2 + random % (span - span / 2 + 1);
}

static void tell(struct gw_redis *r)
{
    bool up = r->state == UP;

    GW_LIST_EACH_SAFE (node, after, &r->watchers) {
        struct gw_redis_watcher *w =
            GW_CONTAINER(node, struct gw_redis_watcher, node);

        if (r->state == CLOSED)
            return;
        (up ? w->on_up : w->on_down)(w);
    }
}

/* Whatever went wrong ends here. */
static void fall(struct gw_redis *r, const char *why)
{
    bool was_up = r->state == UP;

    set_fault(r, why);
    if (was_up && uv_now(r->loop) - r->up_since_ms >= STEADY_MS)
        r->retry_ms = 2 * GW_REDIS_RETRY_MIN_MS;
    r->stats.breaks += was_up;
    move(r, RESTING);
    start_timer(r, draw_rest_ms(r));
    hang_up(r);
    if (was_up && r->state != CLOSED)
        tell(r);
}

static void on_broken(void *ctx, const char *why)
{
    fall(ctx, why);
}

/* --- up ---------------------------------------------------------------------- */

static void rise(struct gw_redis *r)
{
    move(r, UP);
    r->stats.reconnects += r->up_since_ms != 0;
    r->up_since_ms = uv_now(r->loop);
    r->fault.text[0] = '\0';
    for (size_t i = 0; i < GW_REDIS_SCRIPTS_MAX; i++)
        r->scripts[i].is_loaded = false;
    start_timer(r, GW_REDIS_PING_MS);
    gw_info("redis.up", "host=%s port=%s reconnects=%llu", r->dial.host,
            r->dial.port, (unsigned long long)r->stats.reconnects);
    tell(r);
}

/* The answer to a step on the way up: false if that is over. */
static bool is_step(struct gw_redis *r, gw_err err,
                    const struct gw_redis_reply *reply)
{
    if (r->state != SEEKING || err == GW_E_UNREACHABLE)
        return false;
    if (!err)
        return true;
    fall(r, reply->text.at);
    return false;
}

static void on_agreed(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct gw_redis *r = ctx;

    if (is_step(r, err, reply) &&
        !(reply->kind == GW_REDIS_TEXT && gw_str_eq(reply->text, GW_LIT("OK"))))
        fall(r, "neither OK nor an error: not a Redis server?");
}

static void on_role(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct gw_redis *r = ctx;

    if (is_step(r, err, reply) &&
        !(reply->kind == GW_REDIS_ARRAY && reply->count &&
          gw_redis_reply_begins(reply, reply->count, GW_LIT("master"))))
        fall(r, "Sentinel named a server that is no master");
}

static void on_subscribed(void *ctx, gw_err err,
                          const struct gw_redis_reply *reply)
{
    struct gw_redis *r = ctx;

    if (!is_step(r, err, reply))
        return;
    if (gw_redis_reply_begins(reply, 3, GW_LIT("subscribe")))
        rise(r);
    else
        fall(r, "not an answer to SUBSCRIBE");
}

static void on_subscription(void *ctx)
{
    struct gw_redis *r = ctx;
    const gw_str subscribe[] = { GW_LIT("SUBSCRIBE"), gw_str_of(r->channel) };

    gw_redis_conn_greet(r->subscription, &r->url, on_agreed, r);
    gw_redis_conn_demand(r->subscription, GW_LEN(subscribe), subscribe,
                         on_subscribed, r);
}

static bool on_push(void *ctx, const struct gw_redis_reply *reply)
{
    struct gw_redis *r = ctx;

    if (r->state != UP || !gw_redis_reply_begins(reply, 3, GW_LIT("message")) ||
        reply->at[2].kind != GW_REDIS_TEXT)
        return false;
    r->on_message(r->message_ctx, reply->at[2].text);
    return true;
}

/* Redis serves: neither LOADING nor in want of a password. */
static void on_serving(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    static const struct gw_redis_conn_events events = { on_subscription,
                                                        on_broken, on_push };
    struct gw_redis *r = ctx;
    struct gw_fault why;

    if (!is_step(r, err, reply))
        return;
    if (reply->kind != GW_REDIS_TEXT ||
        !gw_str_eq(reply->text, GW_LIT("PONG"))) {
        fall(r, "not an answer to PING: not a Redis server?");
        return;
    }
    if (!r->channel) {
        rise(r);
        return;
    }
    r->subscription = gw_redis_conn_open(
        r->loop, gw_redis_dial_address(&r->dial), &r->owner, &events, r, &why);
    if (!r->subscription)
        fall(r, why.text);
}

static void on_dialled(void *ctx, struct gw_redis_conn *c, const char *why)
{
    static const struct gw_redis_conn_events events = { NULL, on_broken, NULL };
    static const gw_str role[] = { GW_LIT("ROLE") },
                        ping[] = { GW_LIT("PING") };
    struct gw_redis *r = ctx;
    char db[16];
    gw_str select[] = { GW_LIT("SELECT"), { db, 0 } };

    if (!c) {
        fall(r, why);
        return;
    }
    r->commands = c;
    gw_redis_conn_pass(c, &events, r);
    gw_redis_conn_greet(c, &r->url, on_agreed, r);
    select[1].len = (size_t)snprintf(db, sizeof(db), "%u", r->url.db);
    if (r->url.db)
        gw_redis_conn_demand(c, GW_LEN(select), select, on_agreed, r);
    if (r->url.kind == GW_REDIS_SENTINEL)
        gw_redis_conn_demand(c, GW_LEN(role), role, on_role, r);
    gw_redis_conn_demand(c, GW_LEN(ping), ping, on_serving, r);
}

static void on_master(void *ctx, gw_str host, uint16_t port, const char *why)
{
    struct gw_redis *r = ctx;

    if (host.len)
        gw_redis_dial_host(&r->dial, host, port);
    else
        fall(r, why);
}

static void seek(struct gw_redis *r)
{
    move(r, SEEKING);
    start_timer(r, GW_REDIS_CONNECT_MS);
    switch (r->url.kind) {
    case GW_REDIS_TCP:
        gw_redis_dial_host(&r->dial, r->url.hosts[0].host,
                           r->url.hosts[0].port);
        break;
    case GW_REDIS_UNIX:
        gw_redis_dial_path(&r->dial, r->url.path);
        break;
    case GW_REDIS_SENTINEL:
        gw_redis_sentinel_ask(&r->sentinel);
        break;
    }
}

/* --- time -------------------------------------------------------------------- */

static void tend(struct gw_redis *r)
{
    struct gw_redis_conn *c[] = { r->commands, r->subscription };
    uint64_t next_ms = GW_REDIS_PING_MS;

    for (size_t i = 0; i < GW_LEN(c) && c[i]; i++) {
        uint64_t ms = gw_redis_conn_tend(c[i]);

        if (!ms) /* broken */
            return;
        next_ms = GW_MIN(next_ms, ms);
    }
    start_timer(r, next_ms);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_redis *r = timer->data;

    if (r->state == UP)
        tend(r);
    else if (r->state == SEEKING)
        fall(r, "not ready in time");
    else
        seek(r);
}

/* --- commands ---------------------------------------------------------------- */

gw_err gw_redis_command(struct gw_redis *r, size_t argc, const gw_str *argv,
                        gw_redis_done *done, void *ctx)
{
    gw_err err = GW_E_UNREACHABLE;

    if (r->state == UP)
        err = gw_redis_conn_pending(r->commands) < GW_REDIS_PENDING_MAX
                  ? gw_redis_conn_send(r->commands, argc, argv, done, ctx)
                  : GW_E_BUSY;
    if (err) {
        r->stats.refused++;
        return err == GW_E_TOO_BIG ? GW_E_BUSY : err;
    }
    r->stats.commands++;
    return GW_OK;
}

/* --- scripts ----------------------------------------------------------------- */

enum { RUN_HEAD = 3 }; /* words before the keys */

/* One run of a script, kept for the case that Redis has forgotten it. */
struct run {
    struct gw_redis *r;
    struct script *script;
    gw_redis_done *done;
    void *ctx;
    char key_count[24];
    size_t argc;
    gw_str argv[]; /* EVALSHA sha count, or EVAL text count; then the bytes */
};

static struct script *find_script(struct gw_redis *r,
                                  const struct gw_redis_script *script)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct script *s;

    GW_ASSERT(script->index < GW_REDIS_SCRIPTS_MAX);
    s = &r->scripts[script->index];
    if (s->text == script->text)
        return s;
    GW_ASSERT(!s->text); /* each its own index */
    s->text = script->text;
    SHA1((const unsigned char *)s->text, strlen(s->text), digest);
    for (size_t i = 0; i < SHA_DIGEST_LENGTH; i++) {
        s->sha[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        s->sha[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return s;
}

static struct run *new_run(size_t key_count, size_t argc, const gw_str *argv)
{
    size_t words = RUN_HEAD + argc, bytes = 0;
    struct run *run;
    char *at;

    for (size_t i = 0; i < argc; i++)
        bytes += argv[i].len;
    run = gw_alloc(sizeof(*run) + words * sizeof(*argv) + bytes);
    run->argc = words;
    run->argv[2] =
        (gw_str){ run->key_count,
                  (size_t)snprintf(run->key_count, sizeof(run->key_count),
                                   "%zu", key_count) };
    at = (char *)&run->argv[words];
    for (size_t i = 0; i < argc; i++) {
        if (argv[i].len)
            memcpy(at, argv[i].at, argv[i].len);
        run->argv[RUN_HEAD + i] = (gw_str){ at, argv[i].len };
        at += argv[i].len;
    }
    return run;
}

static void on_run(void *ctx, gw_err err, const struct gw_redis_reply *reply);

/* EVAL loads what it runs, in the same order as all that follows: with SCRIPT
 * LOAD only after a NOSCRIPT, a run could be overtaken by a later one. */
static gw_err send_run(struct run *run)
{
    struct script *s = run->script;
    gw_err err;

    run->argv[0] = s->is_loaded ? GW_LIT("EVALSHA") : GW_LIT("EVAL");
    run->argv[1] =
        s->is_loaded ? (gw_str){ s->sha, SHA_HEX } : gw_str_of(s->text);
    err = gw_redis_command(run->r, run->argc, run->argv, on_run, run);
    if (!err)
        s->is_loaded = true;
    return err;
}

static void on_run(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct run *run = ctx;

    if (err == GW_E_INVALID && gw_str_starts(reply->text, GW_LIT("NOSCRIPT")) &&
        run->argv[0].len == strlen("EVALSHA")) {
        run->script->is_loaded = false;
        err = send_run(run);
        if (!err)
            return;
    }
    if (run->done)
        run->done(run->ctx, err, reply);
    free(run);
}

gw_err gw_redis_script_run(struct gw_redis *r,
                           const struct gw_redis_script *script,
                           size_t key_count, size_t argc, const gw_str *argv,
                           gw_redis_done *done, void *ctx)
{
    struct run *run = new_run(key_count, argc, argv);
    gw_err err;

    GW_ASSERT(key_count <= argc);
    run->r = r;
    run->script = find_script(r, script);
    run->done = done;
    run->ctx = ctx;
    err = send_run(run);
    if (err)
        free(run);
    return err;
}

/* --- life -------------------------------------------------------------------- */

static void dup_str(struct gw_arena *a, gw_str *s)
{
    GW_ASSERT(gw_arena_dup(a, *s, s) == GW_OK);
}

static void dup_url(struct gw_arena *a, struct gw_redis_url *url)
{
    for (size_t i = 0; i < url->host_count; i++)
        dup_str(a, &url->hosts[i].host);
    dup_str(a, &url->path);
    dup_str(a, &url->master);
    dup_str(a, &url->user);
    dup_str(a, &url->password);
}

static void on_none_held(struct gw_redis_owner *owner)
{
    struct gw_redis *r = GW_CONTAINER(owner, struct gw_redis, owner);

    r->closed(r->closed_ctx);
}

struct gw_redis *gw_redis_new(uv_loop_t *loop, const struct gw_redis_url *url)
{
    struct gw_redis *r = gw_alloc(sizeof(*r));

    r->loop = loop;
    gw_arena_init(&r->texts, SIZE_MAX);
    r->url = *url;
    dup_url(&r->texts, &r->url);
    r->retry_ms = 2 * GW_REDIS_RETRY_MIN_MS;
    gw_fail(&r->fault, GW_E_UNREACHABLE, "not connected yet");
    gw_list_init(&r->watchers);
    r->owner.on_none_held = on_none_held;
    r->dial = (struct gw_redis_dial){
        .loop = loop, .owner = &r->owner, .done = on_dialled, .ctx = r
    };
    r->sentinel = (struct gw_redis_sentinel){
        .url = &r->url,
        .dial = { .loop = loop, .owner = &r->owner },
        .done = on_master,
        .ctx = r,
    };
    gw_redis_sentinel_init(&r->sentinel);
    return r;
}

void gw_redis_watch(struct gw_redis *r, struct gw_redis_watcher *watcher)
{
    gw_list_init(&watcher->node);
    gw_list_append(&r->watchers, &watcher->node);
}

void gw_redis_subscribe(struct gw_redis *r, gw_str channel,
                        void (*on_message)(void *ctx, gw_str payload),
                        void *ctx)
{
    GW_ASSERT(r->state == OFF && !r->channel);
    r->channel = gw_str_dup(channel);
    r->on_message = on_message;
    r->message_ctx = ctx;
}

void gw_redis_start(struct gw_redis *r)
{
    GW_ASSERT(uv_timer_init(r->loop, &r->timer) == 0);
    r->timer.data = r;
    r->owner.held++;
    seek(r);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct gw_redis *r = h->data;

    gw_redis_owner_drop(&r->owner);
}

void gw_redis_close(struct gw_redis *r, void (*closed)(void *ctx), void *ctx)
{
    bool was_started = r->state != OFF;

    move(r, CLOSED);
    r->closed = closed;
    r->closed_ctx = ctx;
    if (!was_started) {
        closed(ctx);
        return;
    }
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    hang_up(r);
}

void gw_redis_free(struct gw_redis *r)
{
    GW_ASSERT(r->owner.held == 0);
    gw_arena_fini(&r->texts);
    free(r->channel);
    free(r);
}

uv_loop_t *gw_redis_loop(const struct gw_redis *r)
{
    return r->loop;
}

bool gw_redis_is_up(const struct gw_redis *r)
{
    return r->state == UP;
}

gw_str gw_redis_fault(const struct gw_redis *r)
{
    return gw_str_of(r->fault.text);
}

struct gw_redis_stats gw_redis_stats(const struct gw_redis *r)
{
    struct gw_redis_stats stats = r->stats;

    stats.error_replies = r->owner.error_replies;
    stats.pending = r->commands ? gw_redis_conn_pending(r->commands) : 0;
    return stats;
}
