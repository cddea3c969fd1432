#include "store/backend/registry/inside.h"

#include "store/backend/registry/scripts.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    ADD_MS = 2000, /* until an add is answered */
    HEAD = 6,      /* arguments of a batch before its writes */
};

struct write {
    struct gw_list node;    /* in the queue or the flight */
    struct gw_list waiting; /* an add somebody waits for */
    int64_t due_ms;         /* of such an add */
    gw_write_kind kind;
    bool given_up; /* an add nobody waits for any more */
    gw_registry_done *done;
    void *ctx;
    gw_str id, record;
    char text[];
};

void gw_writes_init(struct gw_redis_registry *r)
{
    gw_list_init(&r->writes.queue);
    gw_list_init(&r->writes.flight);
    gw_list_init(&r->writes.waiting);
}

static struct write *write_at(struct gw_list *node)
{
    return GW_CONTAINER(node, struct write, node);
}

static bool is_awaited(const struct write *w)
{
    return !gw_list_is_empty(&w->waiting);
}

static void discard(struct gw_redis_registry *r, struct write *w)
{
    gw_list_leave(&w->node);
    gw_list_leave(&w->waiting);
    r->writes.count--;
    free(w);
}

static void settle(struct gw_redis_registry *r, struct write *w, gw_err err)
{
    gw_list_leave(&w->node);
    gw_list_leave(&w->waiting);
    if (w->kind == GW_WRITE_INHERIT && !err && !r->member.leaving)
        r->base.events->on_inherited(r->base.ctx, w->id, w->record);
    if (w->done)
        w->done(w->ctx, err);
    discard(r, w);
}

/* --- the queue ------------------------------------------------------------------ */

static void watch_expiry(struct gw_redis_registry *r)
{
    struct gw_list *oldest = r->writes.waiting.next;

    if (oldest != &r->writes.waiting)
        gw_registry_alarm(
            r, GW_ALARM_EXPIRY,
            GW_MAX(0, GW_CONTAINER(oldest, struct write, waiting)->due_ms -
                          gw_registry_now(r)));
}

void gw_writes_put(struct gw_redis_registry *r, gw_write_kind kind, gw_str id,
                   gw_str record, gw_registry_done *done, void *ctx)
{
    struct write *w = gw_alloc(sizeof(*w) + id.len + record.len);

    w->kind = kind;
    w->done = done;
    w->ctx = ctx;
    w->id = (gw_str){ w->text, id.len };
    w->record = (gw_str){ w->text + id.len, record.len };
    memcpy(w->text, id.at, id.len);
    memcpy(w->text + id.len, record.at, record.len);
    gw_list_init(&w->node);
    gw_list_init(&w->waiting);
    gw_list_append(&r->writes.queue, &w->node);
    r->writes.count++;
    if (kind == GW_WRITE_ADD && done) {
        bool first = gw_list_is_empty(&r->writes.waiting);

        w->due_ms = gw_registry_now(r) + ADD_MS;
        gw_list_append(&r->writes.waiting, &w->waiting);
        if (first)
            watch_expiry(r);
    }
}

/* The caller is told; what is under way may still be carried out, and the
 * drop that follows comes behind it. */
void gw_writes_expire(struct gw_redis_registry *r)
{
    struct gw_list *list = &r->writes.waiting;

    while (!gw_list_is_empty(list)) {
        struct write *w = GW_CONTAINER(list->next, struct write, waiting);
        gw_registry_done *done = w->done;

        if (w->due_ms > gw_registry_now(r))
            break;
        gw_list_leave(&w->waiting);
        w->given_up = true;
        w->done = NULL;
        done(w->ctx, GW_E_TIMEOUT);
    }
    watch_expiry(r);
}

void gw_writes_abandon(struct gw_redis_registry *r, gw_err err)
{
    struct gw_writes *q = &r->writes;

    q->resync = false;
    while (!gw_list_is_empty(&q->flight))
        settle(r, write_at(q->flight.next), err);
    while (!gw_list_is_empty(&q->queue))
        settle(r, write_at(q->queue.next), err);
}

/* To the front of the queue, in its order. */
static void put_back(struct gw_redis_registry *r)
{
    struct gw_list *node;

    while ((node = gw_list_take_last(&r->writes.flight)))
        gw_list_append(r->writes.queue.next, node);
}

/* A resync will repeat what nobody waits for; else each absence would make
 * the queue longer. */
void gw_writes_on_down(struct gw_redis_registry *r)
{
    if (r->member.leaving)
        return;
    GW_LIST_EACH_SAFE (node, after, &r->writes.queue) {
        struct write *w = write_at(node);

        if (!w->done && (w->kind == GW_WRITE_ADD || w->kind == GW_WRITE_END))
            discard(r, w);
    }
}

/* --- a batch -------------------------------------------------------------------- */

static void log_refusal(struct gw_redis_registry *r,
                        const struct gw_redis_reply *reply)
{
    uint64_t held;

    if (reply &&
        gw_log_admit(&r->writes.gate, gw_registry_now(r) / 1000, 1, &held))
        gw_warn("registry.write", "said=\"%.*s\" held=%" PRIu64,
                GW_FMT(reply->text), held);
}

static void refuse_adds(struct gw_redis_registry *r, gw_err err)
{
    GW_LIST_EACH_SAFE (node, after, &r->writes.flight) {
        struct write *w = write_at(node);

        if (is_awaited(w))
            settle(r, w, err);
    }
}

static void settle_flight(struct gw_redis_registry *r)
{
    while (!gw_list_is_empty(&r->writes.flight)) {
        r->stats.writes++;
        settle(r, write_at(r->writes.flight.next), GW_OK);
    }
}

/* Redis is there and refuses: who waits is told, the rest is said again. */
static void on_refused(struct gw_redis_registry *r, gw_err err)
{
    refuse_adds(r, err);
    put_back(r);
    r->writes.paused = true;
    gw_registry_alarm(r, GW_ALARM_RETRY, GW_RETRY_MS);
}

/* The lease is not ours, or not by this link: is it lost, or only gone? */
static void on_fenced(struct gw_redis_registry *r)
{
    r->stats.refused_writes += r->writes.flight_count;
    put_back(r);
    r->member.current = false;
    gw_member_renew(r);
}

/* The lease was ours when the batch was sent, or later. If we have slept since
 * for as long as it lasts, an heir may have said goodbye for connections whose
 * $connect has yet to run. */
static bool is_slept_over(const struct gw_redis_registry *r)
{
    return gw_registry_now(r) - r->writes.sent_ms >= r->times.lease_ms;
}

static void on_applied(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;

    r->writes.in_flight = false;
    if (err == GW_E_UNREACHABLE) {
        put_back(r);
    } else if (err) {
        log_refusal(r, reply);
        on_refused(r, err);
    } else if (reply->kind == GW_REDIS_INTEGER && reply->integer == 0) {
        on_fenced(r);
    } else {
        if (reply->kind == GW_REDIS_TEXT) {
            log_refusal(r, reply);
            refuse_adds(r, GW_E_BUSY);
        }
        if (is_slept_over(r))
            refuse_adds(r, GW_E_TIMEOUT);
        settle_flight(r);
    }
}

/* Moves what fits from the queue. */
static void fill_flight(struct gw_redis_registry *r)
{
    struct gw_writes *q = &r->writes;
    size_t bytes = 0;

    q->flight_count = q->flight_adds = 0;
    while (q->flight_count < GW_BATCH_MAX && bytes < GW_BATCH_BYTES &&
           !gw_list_is_empty(&q->queue)) {
        struct write *w = write_at(q->queue.next);

        if (w->given_up) {
            discard(r, w);
            continue;
        }
        gw_list_leave(&w->node);
        gw_list_append(&q->flight, &w->node);
        bytes += w->record.len;
        q->flight_count++;
        q->flight_adds += is_awaited(w);
    }
}

static size_t write_arguments(struct gw_redis_registry *r, gw_str *argv)
{
    size_t n = 0;

    GW_LIST_EACH_SAFE (node, after, &r->writes.flight) {
        struct write *w = write_at(node);

        if (!is_awaited(w))
            continue;
        argv[n++] = w->id;
        argv[n++] = w->record;
    }
    GW_LIST_EACH_SAFE (node, after, &r->writes.flight) {
        struct write *w = write_at(node);

        if (is_awaited(w))
            continue;
        argv[n++] = w->kind == GW_WRITE_ADD      ? GW_LIT("add")
                    : w->kind == GW_WRITE_FORGET ? GW_LIT("forget")
                                                 : GW_LIT("end");
        argv[n++] = w->id;
        if (w->kind != GW_WRITE_FORGET)
            argv[n++] = w->record;
    }
    return n;
}

static void send_batch(struct gw_redis_registry *r)
{
    const struct gw_estate *e = &r->member.estate;
    struct gw_key lease, conns, goodbyes, text;
    struct gw_number ms, adds;
    gw_str argv[HEAD + 3 * GW_BATCH_MAX] = {
        gw_registry_key(r, &lease, GW_KEY_LEASE, e),
        gw_registry_key(r, &conns, GW_KEY_CONNS, e),
        gw_registry_key(r, &goodbyes, GW_KEY_GOODBYES, e),
        gw_member_lease(r, &text),
        gw_number_write(&ms, r->times.lease_ms),
        gw_number_write(&adds, (int64_t)r->writes.flight_adds),
    };
    size_t argc = HEAD + write_arguments(r, argv + HEAD);

    r->writes.sent_ms = gw_registry_now(r);
    r->writes.in_flight =
        !gw_registry_script(r, &gw_script_apply, 3, argc, argv, on_applied, r);
    if (!r->writes.in_flight)
        put_back(r);
}

/* --- resync --------------------------------------------------------------------- */

void gw_writes_resync(struct gw_redis_registry *r)
{
    r->writes.resync = r->writes.again = !r->member.leaving;
}

static void resync(struct gw_redis_registry *r)
{
    struct gw_writes *q = &r->writes;
    bool again = q->again;

    q->again = false;
    q->resync = r->base.events->on_resync(r->base.ctx, again, GW_BATCH_MAX);
}

/* One batch is under way at a time: were there two, the second could be
 * carried out while the first was refused, and writes would change places. */
void gw_writes_send(struct gw_redis_registry *r)
{
    struct gw_writes *q = &r->writes;

    if (!r->member.joined || !r->member.current)
        return;
    if (q->resync && q->count < GW_RESYNC_QUEUE)
        resync(r);
    if (q->in_flight || q->paused)
        return;
    fill_flight(r);
    if (q->flight_count)
        send_batch(r);
}
