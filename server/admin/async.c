#include "server/admin/async.h"

#include "protocol/base/log.h"

#include <stdlib.h>

enum {
    HELD_BYTES_MAX = 64 << 20,
    FAILURES_MAX = 3,
    RETRY_MS = 60 * 1000, /* the first; the second comes after twice that */
    REFUSED_MS = 1000,    /* the first; doubles up to: */
    REFUSED_MS_MAX = 5 * 60 * 1000,
    AGE_MS_MAX = 6 * 60 * 60 * 1000,
    LINES_PER_SECOND = 10,
};

struct gw_async {
    struct gw_gateway *gateway;
    struct gw_invoker *invoker;
    struct gw_list resting; /* struct event, until its next try */
    size_t running, held_bytes;
    bool closed;
    struct gw_log_gate gate;
};

struct event {
    struct gw_list node;
    struct gw_async *owner;
    struct gw_invocation invocation;
    struct gw_timer pause;
    int64_t accepted_ms;
    int64_t refused_ms; /* its last pause for want of a runtime, or 0 */
    unsigned failures;
    char *texts;
    size_t bytes;
};

struct gw_async *gw_async_new(struct gw_gateway *g, struct gw_invoker *invoker)
{
    struct gw_async *as = gw_alloc(sizeof(*as));

    as->gateway = g;
    as->invoker = invoker;
    gw_list_init(&as->resting);
    return as;
}

static bool may_log(struct gw_async *as)
{
    uint64_t held;
    bool may = gw_log_admit(&as->gate, as->gateway->clock->unix_ms / 1000,
                            LINES_PER_SECOND, &held);

    if (may && held)
        gw_warn("async.held_back", "lines=%llu", (unsigned long long)held);
    return may;
}

static void forget(struct event *e)
{
    struct gw_async *as = e->owner;

    as->held_bytes -= e->bytes;
    GW_ADD(as->gateway->metrics->async_held_bytes, -(int64_t)e->bytes);
    free(e->texts);
    free(e);
}

static void give_up(struct event *e, const char *why)
{
    struct gw_async *as = e->owner;

    GW_COUNT(as->gateway->metrics->async_dropped);
    if (may_log(as))
        gw_warn("async.dropped", "function=%.*s request=%s failures=%u why=%s",
                GW_FMT(e->invocation.function), e->invocation.id, e->failures,
                why);
    forget(e);
}

static void rest(struct event *e, int64_t ms)
{
    struct gw_async *as = e->owner;

    if (as->closed) {
        give_up(e, "leaving");
        return;
    }
    gw_list_append(&as->resting, &e->node);
    gw_timer_start(as->gateway->wheel, &e->pause, as->gateway->clock->now_ms,
                   ms);
}

static void fail(struct event *e)
{
    struct gw_async *as = e->owner;
    int64_t pause_ms = (int64_t)RETRY_MS << e->failures++;

    if (e->failures == FAILURES_MAX) {
        give_up(e, "failed");
        return;
    }
    GW_COUNT(as->gateway->metrics->async_retried);
    if (may_log(as))
        gw_info("async.failed",
                "function=%.*s request=%s failures=%u again_in_ms=%lld",
                GW_FMT(e->invocation.function), e->invocation.id, e->failures,
                (long long)pause_ms);
    rest(e, pause_ms);
}

static void put_off(struct event *e)
{
    int64_t age_ms = e->owner->gateway->clock->now_ms - e->accepted_ms;

    if (age_ms >= AGE_MS_MAX) {
        give_up(e, "too old");
        return;
    }
    e->refused_ms =
        e->refused_ms ? GW_MIN(2 * e->refused_ms, REFUSED_MS_MAX) : REFUSED_MS;
    rest(e, e->refused_ms);
}

static void settle(struct event *e, gw_err err)
{
    if (err == GW_E_BUSY)
        put_off(e);
    else
        give_up(e, gw_err_text(err));
}

static void on_done(struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct event *e = GW_CONTAINER(v, struct event, invocation);

    e->owner->running--;
    if (err) {
        settle(e, err);
        return;
    }
    e->refused_ms = 0;
    if (outcome->is_error)
        fail(e);
    else
        forget(e);
}

static gw_err start(struct event *e)
{
    struct gw_async *as = e->owner;
    gw_err err = as->invoker->start(as->invoker, &e->invocation);

    if (!err)
        as->running++;
    return err;
}

static void on_pause_over(struct gw_timer *timer)
{
    struct event *e = GW_CONTAINER(timer, struct event, pause);
    gw_err err;

    gw_list_leave(&e->node);
    err = start(e);
    if (err)
        settle(e, err);
}

gw_err gw_async_accept(struct gw_async *as, const struct gw_invocation *v,
                       char *texts, size_t bytes, char id[37])
{
    struct event *e;
    gw_err err;

    bytes += sizeof(*e);
    if (as->closed)
        return GW_E_CANCELLED;
    if (bytes > HELD_BYTES_MAX - as->held_bytes)
        return GW_E_FULL;
    e = gw_alloc(sizeof(*e));
    *e = (struct event){ .owner = as,
                         .invocation = *v,
                         .pause = { .fire = on_pause_over },
                         .accepted_ms = as->gateway->clock->now_ms,
                         .texts = texts,
                         .bytes = bytes };
    gw_list_init(&e->node);
    e->invocation.done = on_done;
    err = start(e);
    if (err && err != GW_E_BUSY) {
        free(e);
        return err;
    }
    as->held_bytes += bytes;
    GW_ADD(as->gateway->metrics->async_held_bytes, bytes);
    if (err) /* it is accepted, and has no number of the invoker's yet */
        gw_gateway_make_uuid(as->gateway, e->invocation.id);
    memcpy(id, e->invocation.id, sizeof(e->invocation.id));
    if (err)
        put_off(e);
    return GW_OK;
}

bool gw_async_is_quiet(const struct gw_async *as)
{
    return !as->running && gw_list_is_empty(&as->resting);
}

void gw_async_close(struct gw_async *as)
{
    struct gw_list *node;

    as->closed = true;
    while ((node = gw_list_take(&as->resting))) {
        struct event *e = GW_CONTAINER(node, struct event, node);

        gw_timer_stop(as->gateway->wheel, &e->pause);
        give_up(e, "leaving");
    }
}

void gw_async_free(struct gw_async *as)
{
    GW_ASSERT(gw_async_is_quiet(as));
    free(as);
}
