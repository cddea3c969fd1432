#include "server/function/function.h"

#include "protocol/base/log.h"
#include "protocol/event/proxy.h"
#include "server/function/report.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPARE_FLIGHTS = 64,
    LINES_PER_SECOND = 1000,
    MESSAGE_MAX = 600, /* of an error, in the log */
    MESSAGE_ROOM = 64 * 1024,
};

void gw_function_init(struct gw_function *f)
{
    gw_list_init(&f->node);
    gw_list_init(&f->queue);
    gw_list_init(&f->waiters);
    gw_list_init(&f->flights);
    gw_list_init(&f->spare);
    for (size_t i = 0; i < GW_FLIGHT_BUCKETS; i++)
        gw_list_init(&f->by_id[i]);
}

void gw_function_fini(struct gw_function *f)
{
    struct gw_list *node;

    GW_ASSERT(!f->waiting && !f->flight_count);
    while ((node = gw_list_take(&f->spare)))
        free(GW_CONTAINER(node, struct gw_flight, node));
    gw_buf_fini(&f->error);
    gw_buf_fini(&f->tail);
    gw_buf_fini(&f->given_up);
}

/* --- invocations -------------------------------------------------------------- */

/* Off every list; the caller is told, unless nobody waits any more. */
static void land(struct gw_function *f, struct gw_invocation *v, gw_err err,
                 const struct gw_outcome *outcome)
{
    gw_timer_stop(f->wheel, &v->patience);
    v->flight = NULL;
    f->land(f->ctx, v, err, outcome);
}

static void enqueue(struct gw_function *f, struct gw_invocation *v)
{
    gw_list_append(&f->queue, &v->node);
    f->waiting++;
    GW_COUNT(f->metrics->invocations_waiting);
}

static struct gw_invocation *dequeue(struct gw_function *f,
                                     struct gw_list *node)
{
    gw_list_leave(node);
    f->waiting--;
    GW_UNCOUNT(f->metrics->invocations_waiting);
    return GW_CONTAINER(node, struct gw_invocation, node);
}

/* Its caller waits no longer. A run under way is not ended by that. */
static void on_impatient(struct gw_timer *t)
{
    struct gw_invocation *v = GW_CONTAINER(t, struct gw_invocation, patience);
    struct gw_function *f = v->owner;

    if (v->flight)
        v->flight->invocation = NULL;
    else
        dequeue(f, &v->node);
    land(f, v, GW_E_TIMEOUT, NULL);
}

/* --- flights ------------------------------------------------------------------ */

static struct gw_list *bucket_of(struct gw_function *f, const char *id)
{
    unsigned sum = 0;

    /* Digits that were drawn: as good as any hash of them. */
    for (int i = 0; i < 4; i++)
        sum = sum * 16 + (unsigned)(id[i] <= '9' ? id[i] - '0' : id[i] - 'a');
    return &f->by_id[sum % GW_FLIGHT_BUCKETS];
}

struct gw_flight *gw_function_find(struct gw_function *f, gw_str id)
{
    struct gw_list *bucket;

    if (id.len != GW_FLIGHT_ID_LEN)
        return NULL;
    bucket = bucket_of(f, id.at);
    for (struct gw_list *n = bucket->next; n != bucket; n = n->next) {
        struct gw_flight *flight = GW_CONTAINER(n, struct gw_flight, bucket);

        if (memcmp(flight->id, id.at, GW_FLIGHT_ID_LEN) == 0)
            return flight;
    }
    return NULL;
}

static struct gw_flight *take_spare(struct gw_function *f)
{
    struct gw_list *node = gw_list_take_last(&f->spare);
    struct gw_flight *flight;

    if (node) {
        f->spare_count--;
        return GW_CONTAINER(node, struct gw_flight, node);
    }
    flight = gw_alloc(sizeof(*flight));
    gw_list_init(&flight->node);
    gw_list_init(&flight->bucket);
    return flight;
}

static void put_spare(struct gw_function *f, struct gw_flight *flight)
{
    if (f->spare_count == SPARE_FLIGHTS) {
        free(flight);
        return;
    }
    gw_list_append(&f->spare, &flight->node);
    f->spare_count++;
}

static void on_deadline(struct gw_timer *t);

static void take_off(struct gw_function *f, struct gw_waiter *w,
                     struct gw_invocation *v)
{
    struct gw_runtime *rt = w->runtime;
    struct gw_flight *flight = take_spare(f);

    flight->function = f;
    flight->runtime = rt;
    flight->invocation = v;
    flight->holder = NULL;
    flight->began_ms = f->clock->now_ms;
    flight->deadline_unix_ms = f->clock->unix_ms + f->spec->timeout_ms;
    flight->deadline.fire = on_deadline;
    memcpy(flight->id, v->id, sizeof(flight->id));
    gw_list_append(&f->flights, &flight->node);
    gw_list_append(bucket_of(f, flight->id), &flight->bucket);
    f->flight_count++;
    GW_COUNT(f->metrics->invocations_running);
    gw_timer_start(f->wheel, &flight->deadline, f->clock->now_ms,
                   f->spec->timeout_ms);
    v->flight = flight;
    rt->flight_count++;
    if (rt->events) {
        rt->flight = flight;
        rt->events->began(rt, (gw_str){ flight->id, GW_FLIGHT_ID_LEN });
    }
    w->give(w, flight);
}

/* The first that may run something: of processes there are no more than may
 * run, of attached runtimes there can be any number. */
static struct gw_waiter *find_waiter(struct gw_function *f)
{
    for (struct gw_list *n = f->waiters.next; n != &f->waiters; n = n->next) {
        struct gw_waiter *w = GW_CONTAINER(n, struct gw_waiter, node);

        if (w->runtime->events ||
            w->runtime->flight_count < f->spec->concurrency)
            return w;
    }
    return NULL;
}

/* As long as there are some of both. */
static void bring_together(struct gw_function *f)
{
    struct gw_waiter *w;

    while (f->waiting && (w = find_waiter(f))) {
        struct gw_invocation *v = dequeue(f, f->queue.next);

        if (v->is_wanted && !v->is_wanted(v)) {
            land(f, v, GW_E_CANCELLED, NULL);
            continue;
        }
        gw_function_unwait(f, w);
        take_off(f, w, v);
    }
}

static void log_run(struct gw_function *f, const struct gw_flight *flight,
                    const struct gw_outcome *outcome)
{
    char type[GW_REPORT_TYPE_MAX + 1] = "";
    uint64_t held;

    if (!f->logs || !gw_log_admit(&f->gate, f->clock->now_ms / 1000,
                                  LINES_PER_SECOND, &held))
        return;
    if (held)
        gw_info("invoke.skipped", "lines=%llu", (unsigned long long)held);
    if (outcome->is_error)
        gw_report_type(outcome->payload, type);
    gw_info("invoke", "function=%.*s request_id=%s ms=%lld%s%s%s",
            GW_FMT(f->spec->name), flight->id,
            (long long)(f->clock->now_ms - flight->began_ms),
            type[0] ? " error=" : "", type,
            flight->invocation ? "" : " late=yes");
}

static gw_str tail_of(struct gw_function *f, const struct gw_flight *flight)
{
    struct gw_runtime *rt = flight->runtime;
    const struct gw_report report = {
        .request_id = { flight->id, GW_FLIGHT_ID_LEN },
        .printed = rt->events ? rt->events->tail(rt) : GW_EMPTY,
        .ms = f->clock->now_ms - flight->began_ms,
        .memory_mb = f->spec->memory_mb,
    };

    return gw_report_tail(&f->tail, &report);
}

static void leave_runtime(struct gw_flight *flight, bool answered)
{
    struct gw_runtime *rt = flight->runtime;

    rt->flight_count--;
    if (!rt->events)
        return;
    rt->flight = NULL;
    rt->events->ended(rt, answered);
}

/* It is gone before anybody is told: they may come back with the next one. */
static void finish(struct gw_flight *flight, struct gw_outcome outcome,
                   bool answered)
{
    struct gw_function *f = flight->function;
    struct gw_invocation *v = flight->invocation;

    log_run(f, flight, &outcome);
    GW_COUNT(f->metrics->invocations);
    GW_ADD(f->metrics->invocation_errors, outcome.is_error);
    GW_UNCOUNT(f->metrics->invocations_running);
    if (v && v->wants_tail)
        outcome.tail = tail_of(f, flight);
    gw_timer_stop(f->wheel, &flight->deadline);
    gw_list_leave(&flight->node);
    gw_list_leave(&flight->bucket);
    f->flight_count--;
    leave_runtime(flight, answered);
    put_spare(f, flight);
    if (v)
        land(f, v, GW_OK, &outcome);
    bring_together(f);
}

static void fail(struct gw_flight *flight, gw_str error, bool answered)
{
    finish(flight, (struct gw_outcome){ .payload = error, .is_error = true },
           answered);
}

static gw_str id_of(const struct gw_flight *flight)
{
    return (gw_str){ flight->id, GW_FLIGHT_ID_LEN };
}

static void on_deadline(struct gw_timer *t)
{
    struct gw_flight *flight = GW_CONTAINER(t, struct gw_flight, deadline);
    struct gw_function *f = flight->function;

    GW_COUNT(f->metrics->invocation_timeouts);
    fail(flight,
         gw_report_timeout(&f->error, id_of(flight), f->spec->timeout_ms),
         false);
}

void gw_flight_respond(struct gw_flight *flight, gw_str payload)
{
    if (payload.len > GW_INVOKE_ANSWER_MAX)
        gw_flight_too_big(flight, payload.len);
    else
        finish(flight, (struct gw_outcome){ .payload = payload }, true);
}

void gw_flight_error(struct gw_flight *flight, gw_str error)
{
    fail(flight, error, true);
}

void gw_flight_too_big(struct gw_flight *flight, uint64_t bytes)
{
    fail(flight, gw_report_too_big(&flight->function->error, bytes), true);
}

void gw_flight_lose(struct gw_flight *flight, const char *how)
{
    fail(flight, gw_report_exit(&flight->function->error, id_of(flight), how),
         false);
}

/* What waits for runtimes that cannot start. */
static void fail_waiting(struct gw_function *f)
{
    const struct gw_outcome outcome = { .payload = gw_buf_str(&f->given_up),
                                        .is_error = true };

    while (f->given_up.len && f->waiting) {
        GW_COUNT(f->metrics->invocations);
        GW_COUNT(f->metrics->invocation_errors);
        land(f, dequeue(f, f->queue.next), GW_OK, &outcome);
    }
}

/* --- both sides --------------------------------------------------------------- */

gw_err gw_function_invoke(struct gw_function *f, struct gw_invocation *v)
{
    if (v->payload.len > GW_INVOKE_BYTES_MAX)
        return GW_E_TOO_BIG;
    if (f->waiting >= f->waiting_max || !f->spec->concurrency) {
        GW_COUNT(f->metrics->invocations_refused);
        return GW_E_BUSY;
    }
    v->owner = f;
    v->flight = NULL;
    v->patience = (struct gw_timer){ .fire = on_impatient };
    gw_list_init(&v->node);
    if (v->timeout_ms)
        gw_timer_start(f->wheel, &v->patience, f->clock->now_ms, v->timeout_ms);
    enqueue(f, v);
    bring_together(f);
    fail_waiting(f);
    return GW_OK;
}

gw_err gw_function_wait(struct gw_function *f, struct gw_waiter *w)
{
    struct gw_runtime *rt = w->runtime;

    if (rt->resting)
        return GW_E_CANCELLED;
    if (rt->flight)
        return GW_E_INVALID;
    if (f->waiter_count == GW_WAITERS_MAX)
        return GW_E_FULL;
    if (rt->events)
        rt->events->ready(rt);
    gw_list_append(&f->waiters, &w->node);
    f->waiter_count++;
    GW_COUNT(f->metrics->runtimes_waiting);
    gw_buf_fini(&f->given_up);
    bring_together(f);
    return GW_OK;
}

void gw_function_unwait(struct gw_function *f, struct gw_waiter *w)
{
    if (gw_list_is_empty(&w->node))
        return;
    gw_list_leave(&w->node);
    f->waiter_count--;
    GW_UNCOUNT(f->metrics->runtimes_waiting);
}

void gw_function_end_waiting(struct gw_function *f, gw_err why)
{
    while (f->waiting)
        land(f, dequeue(f, f->queue.next), why, NULL);
}

void gw_function_cancel_all(struct gw_function *f)
{
    gw_function_end_waiting(f, GW_E_CANCELLED);
    GW_LIST_EACH_SAFE (node, after, &f->flights) {
        struct gw_flight *flight = GW_CONTAINER(node, struct gw_flight, node);
        struct gw_invocation *v = flight->invocation;

        flight->invocation = NULL;
        if (v)
            land(f, v, GW_E_CANCELLED, NULL);
    }
}

void gw_function_give_up(struct gw_function *f, gw_str error)
{
    gw_buf_fini(&f->given_up);
    gw_buf_init(&f->given_up, error.len);
    GW_ASSERT(gw_buf_add(&f->given_up, error) == GW_OK);
    fail_waiting(f);
}

/* --- runtimes ----------------------------------------------------------------- */

/* What it says of itself; whole, if that cannot be found. */
static void log_failure(const struct gw_function *f, gw_str error)
{
    char type[GW_REPORT_TYPE_MAX + 1];
    struct gw_arena a;
    gw_str message;

    gw_arena_init(&a, MESSAGE_ROOM);
    gw_report_type(error, type);
    if (gw_function_error_message(&a, error, &message) || !message.len)
        message = error;
    gw_warn("function.init", "function=%.*s error=%s %.*s",
            GW_FMT(f->spec->name), type,
            (int)GW_MIN(message.len, (size_t)MESSAGE_MAX), message.at);
    gw_arena_fini(&a);
}

void gw_runtime_failed(struct gw_runtime *rt, gw_str error)
{
    log_failure(rt->function, error);
    if (rt->events)
        rt->events->failed(rt, error);
}

void gw_runtime_rest(struct gw_runtime *rt)
{
    struct gw_function *f = rt->function;

    rt->resting = true;
    GW_LIST_EACH_SAFE (node, after, &f->waiters) {
        struct gw_waiter *w = GW_CONTAINER(node, struct gw_waiter, node);

        if (w->runtime == rt)
            gw_function_unwait(f, w);
    }
}
