#include "store/backend/redis_registry.h"

#include "store/backend/registry/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int64_t gw_registry_now(const struct gw_redis_registry *r)
{
    return (int64_t)uv_now(r->loop);
}

gw_str gw_number_write(struct gw_number *out, int64_t n)
{
    int len = snprintf(out->at, sizeof(out->at), "%" PRId64, n);

    return (gw_str){ out->at, (size_t)len };
}

/* --- commands ------------------------------------------------------------------ */

struct call {
    struct gw_redis_registry *registry;
    gw_redis_done *done;
    void *ctx;
};

static struct call *begin(struct gw_redis_registry *r, gw_redis_done *done,
                          void *ctx)
{
    struct call *c = gw_alloc(sizeof(*c));

    *c = (struct call){ r, done, ctx };
    r->calls++;
    return c;
}

static void on_answer(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct call c = *(struct call *)ctx;

    free(ctx);
    c.registry->calls--;
    if (c.done)
        c.done(c.ctx, err, reply);
}

/* Nobody will answer. */
static gw_err begun(struct call *c, gw_err err)
{
    if (err) {
        c->registry->calls--;
        free(c);
    }
    return err;
}

gw_err gw_registry_command(struct gw_redis_registry *r, size_t argc,
                           const gw_str *argv, gw_redis_done *done, void *ctx)
{
    struct call *c = begin(r, done, ctx);

    return begun(c, gw_redis_command(r->redis, argc, argv, on_answer, c));
}

gw_err gw_registry_script(struct gw_redis_registry *r,
                          const struct gw_redis_script *script,
                          size_t key_count, size_t argc, const gw_str *argv,
                          gw_redis_done *done, void *ctx)
{
    struct call *c = begin(r, done, ctx);

    return begun(c, gw_redis_script_run(r->redis, script, key_count, argc, argv,
                                        on_answer, c));
}

/* --- the loop ------------------------------------------------------------------- */

static void on_overdue(struct gw_redis_registry *r)
{
    r->member.overdue = true;
}

static void resume_writes(struct gw_redis_registry *r)
{
    r->writes.paused = false;
}

static void resume_letters(struct gw_redis_registry *r)
{
    r->letters.paused = false;
}

static void (*const alarms[GW_ALARMS])(struct gw_redis_registry *r) = {
    [GW_ALARM_BEAT] = gw_member_renew,    [GW_ALARM_LOOK] = gw_heir_look,
    [GW_ALARM_EXPIRY] = gw_writes_expire, [GW_ALARM_RETRY] = resume_writes,
    [GW_ALARM_BURY] = resume_letters,     [GW_ALARM_LEAVE] = on_overdue,
};

static void on_alarm(uv_timer_t *timer)
{
    struct gw_redis_registry *r = timer->data;

    alarms[timer - r->alarms](r);
}

void gw_registry_alarm(struct gw_redis_registry *r, gw_alarm which, int64_t ms)
{
    uv_timer_start(&r->alarms[which], on_alarm, (uint64_t)ms, 0);
}

/* Once a turn, before the loop sleeps. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct gw_redis_registry *r = prepare->data;

    gw_writes_send(r);
    gw_letters_send(r);
    gw_member_leave(r);
}

static void on_up(struct gw_redis_watcher *watcher)
{
    gw_member_on_up(GW_CONTAINER(watcher, struct gw_redis_registry, watcher));
}

static void on_down(struct gw_redis_watcher *watcher)
{
    gw_member_on_down(GW_CONTAINER(watcher, struct gw_redis_registry, watcher));
}

void gw_redis_registry_start(struct gw_registry *base)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    uv_prepare_init(r->loop, &r->prepare);
    r->prepare.data = r;
    uv_prepare_start(&r->prepare, on_prepare);
    for (size_t i = 0; i < GW_ALARMS; i++) {
        uv_timer_init(r->loop, &r->alarms[i]);
        r->alarms[i].data = r;
    }
    r->handles = 1 + GW_ALARMS;
    gw_registry_alarm(r, GW_ALARM_LOOK, r->times.inherit_look_ms);
    gw_redis_watch(r->redis, &r->watcher);
    if (gw_redis_is_up(r->redis))
        gw_member_on_up(r);
}

/* --- what a gateway calls ------------------------------------------------------- */

static gw_registry_state state(const struct gw_registry *base)
{
    return gw_member_state(
        GW_CONTAINER(base, const struct gw_redis_registry, base));
}

static gw_err add(struct gw_registry *base, gw_str id, gw_str record,
                  gw_registry_done *done, void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    if (gw_member_state(r) != GW_REGISTRY_JOINED)
        return GW_E_UNREACHABLE;
    gw_writes_put(r, GW_WRITE_ADD, id, record, done, ctx);
    return GW_OK;
}

/* Without an estate there is nothing to drop, end or acknowledge: what there
 * was is its heirs'. */
static void forget(struct gw_registry *base, gw_str id)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    if (r->member.joined)
        gw_writes_put(r, GW_WRITE_FORGET, id, GW_EMPTY, NULL, NULL);
}

static void end(struct gw_registry *base, gw_str id, gw_str record,
                gw_registry_done *done, void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    if (r->member.joined)
        gw_writes_put(r, GW_WRITE_END, id, record, done, ctx);
    else if (done)
        done(ctx, GW_E_GONE);
}

static void leave(struct gw_registry *base, void (*left)(void *ctx), void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    if (!r->handles) { /* never started */
        left(ctx);
        return;
    }
    r->member.leaving = true;
    r->member.left = left;
    r->member.left_ctx = ctx;
    gw_registry_alarm(r, GW_ALARM_LEAVE, GW_LEAVE_MS);
}

static void free_registry(struct gw_registry *base)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);

    GW_ASSERT(!r->handles && !r->calls);
    free(r);
}

static const struct gw_registry_ops ops = {
    .state = state,
    .add = add,
    .drop = forget,
    .end = end,
    .ack = forget,
    .bury = gw_letters_bury,
    .letters = gw_letters_list,
    .letter_retry = gw_letters_retry,
    .letter_drop = gw_letters_drop,
    .leave = leave,
    .free = free_registry,
};

struct gw_registry *gw_redis_registry_new(
    struct gw_redis *redis, const struct gw_redis_registry_options *options,
    const struct gw_registry_events *events, void *ctx)
{
    static const struct gw_registry_times times = {
        .heartbeat_ms = GW_HEARTBEAT_MS,
        .lease_ms = GW_LEASE_MS,
        .taken_ms = GW_TAKEN_MS,
        .inherit_after_ms = GW_INHERIT_AFTER_MS,
        .inherit_look_ms = GW_INHERIT_LOOK_MS,
    };
    struct gw_redis_registry *r = gw_alloc(sizeof(*r) + options->prefix.len);
    char *prefix = (char *)(r + 1);

    GW_ASSERT(options->prefix.len <= GW_PREFIX_MAX);
    memcpy(prefix, options->prefix.at, options->prefix.len);
    r->base = (struct gw_registry){
        .ops = &ops, .events = events, .ctx = ctx, .keeps_records = true
    };
    r->prefix = (gw_str){ prefix, options->prefix.len };
    r->times = options->times ? *options->times : times;
    r->redis = redis;
    r->loop = gw_redis_loop(redis);
    gw_list_init(&r->watcher.node);
    r->watcher.on_up = on_up;
    r->watcher.on_down = on_down;
    gw_member_init(r, options);
    gw_writes_init(r);
    gw_heir_init(r);
    gw_letters_init(r);
    return &r->base;
}

struct gw_redis_registry_stats gw_redis_registry_stats(
    const struct gw_registry *base)
{
    const struct gw_redis_registry *r =
        GW_CONTAINER(base, const struct gw_redis_registry, base);
    struct gw_redis_registry_stats stats = r->stats;

    stats.queued = r->writes.count;
    return stats;
}

/* --- does anybody live there? --------------------------------------------------- */

struct question {
    struct gw_redis_registry *registry;
    gw_registry_done *done;
    void *ctx;
};

static void conclude(struct question *q, gw_err said)
{
    q->done(q->ctx, said);
    free(q);
}

static gw_err look_at_lease(struct gw_redis_registry *r,
                            const struct gw_estate *e, gw_redis_done *done,
                            void *ctx)
{
    struct gw_key lease;
    gw_str argv[] = { GW_LIT("GET"),
                      gw_registry_key(r, &lease, GW_KEY_LEASE, e) };

    return gw_registry_command(r, GW_LEN(argv), argv, done, ctx);
}

static void on_own_lease(void *ctx, gw_err err,
                         const struct gw_redis_reply *reply)
{
    struct question *q = ctx;
    struct gw_redis_registry *r = q->registry;
    bool held = !err && reply->kind == GW_REDIS_TEXT &&
                gw_estate_holds(&r->member.estate, reply->text);

    conclude(q, held && gw_member_is_steady(r) ? GW_E_GONE : GW_E_BUSY);
}

/* None there, and ours? If not, Redis has lost its data and theirs will be
 * back; if we have it back already, we have not been steady since. */
static void on_their_lease(void *ctx, gw_err err,
                           const struct gw_redis_reply *reply)
{
    struct question *q = ctx;
    struct gw_redis_registry *r = q->registry;

    if (!err && reply->kind == GW_REDIS_TEXT)
        conclude(q, GW_OK);
    else if (err || look_at_lease(r, &r->member.estate, on_own_lease, q))
        conclude(q, GW_E_BUSY);
}

gw_err gw_redis_registry_ask(struct gw_registry *base, uint16_t node,
                             uint8_t worker, gw_registry_done *done, void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);
    struct gw_estate theirs = { .node = node, .worker = worker };
    struct question *q = gw_alloc(sizeof(*q));
    gw_err err;

    *q = (struct question){ r, done, ctx };
    err = look_at_lease(r, &theirs, on_their_lease, q);
    if (err)
        free(q);
    return err;
}
