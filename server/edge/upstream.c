/*
 * A fetch waits in its lane, runs as its origin's job, and ends: with an
 * answer, a failure, its deadline or a cancel. Where it ends inside a call of
 * the user's (start, cancel, close) it is deferred, and an idle handle, which
 * runs in the very next turn of the loop, tells the user.
 */
#include "server/edge/upstream.h"

#include "server/edge/upstream_origin.h"
#include "server/edge/upstream_request.h"

#include <stdlib.h>

enum {
    SPARE_FETCHES = 128,         /* kept for the next requests, */
    SPARE_BUF_BYTES = 16 * 1024, /* with buffers no larger than this */
};

typedef enum fetch_state { WAITING, RUNNING, DEFERRED } fetch_state;

struct gw_fetch {
    struct gw_upstream_job job;
    struct gw_list node; /* lane's waiting or running, deferred, or spare */
    struct gw_fetch_lane *lane;
    struct gw_timer deadline;
    struct gw_buf bytes;
    fetch_state state;
    gw_err err;     /* when DEFERRED */
    bool holds;     /* one of the lane's places */
    bool beginning; /* inside begin(): what ends now is deferred */
    gw_fetch_done *done;
    bool (*is_wanted)(void *ctx);
    void *ctx;
};

struct gw_fetch_lane {
    struct gw_list node; /* of all lanes */
    struct gw_upstream *u;
    struct gw_upstream_origin *origin; /* NULL: all is closing */
    uint32_t max_in_flight, max_waiting;
    uint32_t in_flight, waiting_count;
    struct gw_list waiting, running;
    size_t fetches; /* whose done has not returned */
    bool closed;
};

struct gw_upstream {
    struct gw_fetcher fetcher;
    struct gw_upstream_env env;
    struct gw_list origins, lanes, deferred, spare;
    size_t spare_count;
    uv_idle_t turn; /* active while anything is deferred */
    bool closing, turn_closed, all_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- lanes ------------------------------------------------------------------- */

static void tell_when_all_gone(struct gw_upstream *u);
static void free_with_last_lane(struct gw_upstream *u);

static void on_origin_gone(void *ctx)
{
    tell_when_all_gone(ctx);
}

static struct gw_upstream_origin *find_origin(
    struct gw_upstream *u, const struct gw_fetch_origin *wanted)
{
    struct gw_upstream_origin *o;

    GW_LIST_EACH_SAFE (node, after, &u->origins) {
        o = GW_CONTAINER(node, struct gw_upstream_origin, node);
        if (gw_upstream_origin_is(o, wanted))
            return gw_upstream_origin_ref(o);
    }
    o = gw_upstream_origin_new(&u->env, wanted, on_origin_gone, u);
    gw_list_append(&u->origins, &o->node);
    return o;
}

static struct gw_fetch_lane *lane_open(struct gw_fetcher *f,
                                       const struct gw_fetch_origin *origin,
                                       uint32_t max_in_flight,
                                       uint32_t max_waiting)
{
    struct gw_upstream *u = GW_CONTAINER(f, struct gw_upstream, fetcher);
    struct gw_fetch_lane *lane = gw_alloc(sizeof(*lane));

    if (origin->tls)
        gw_upstream_tls_trust_system(u->env.tls);
    lane->u = u;
    lane->origin = find_origin(u, origin);
    lane->max_in_flight = GW_MAX(max_in_flight, 1);
    lane->max_waiting = max_waiting;
    gw_list_init(&lane->node);
    gw_list_init(&lane->waiting);
    gw_list_init(&lane->running);
    gw_list_append(&u->lanes, &lane->node);
    return lane;
}

static void drop_origin(struct gw_fetch_lane *lane)
{
    struct gw_upstream_origin *o = lane->origin;

    lane->origin = NULL;
    if (o)
        gw_upstream_origin_unref(o);
}

/* The last lane of an origin takes the resting connections along. */
static bool is_last_of_origin(const struct gw_fetch_lane *lane)
{
    const struct gw_list *lanes = &lane->u->lanes;

    for (const struct gw_list *n = lanes->next; n != lanes; n = n->next) {
        const struct gw_fetch_lane *other =
            GW_CONTAINER(n, struct gw_fetch_lane, node);

        if (other != lane && other->origin == lane->origin)
            return false;
    }
    return true;
}

static void free_lane(struct gw_fetch_lane *lane)
{
    struct gw_upstream *u = lane->u;

    if (lane->origin && is_last_of_origin(lane))
        gw_upstream_origin_close_resting(lane->origin);
    gw_list_leave(&lane->node);
    drop_origin(lane);
    free(lane);
    free_with_last_lane(u);
}

static void lane_close(struct gw_fetch_lane *lane)
{
    lane->closed = true;
    if (!lane->fetches)
        free_lane(lane);
}

/* --- fetches ----------------------------------------------------------------- */

static void on_job_done(struct gw_upstream_job *job, gw_err err,
                        const struct gw_http_response *response, gw_str body);
static void on_deadline(struct gw_timer *t);

static struct gw_fetch *take_spare(struct gw_upstream *u)
{
    struct gw_list *node = gw_list_take(&u->spare);
    struct gw_fetch *fetch;

    if (node) {
        u->spare_count--;
        return GW_CONTAINER(node, struct gw_fetch, node);
    }
    fetch = gw_alloc(sizeof(*fetch));
    fetch->job.done = on_job_done;
    fetch->deadline.fire = on_deadline;
    gw_list_init(&fetch->node);
    gw_buf_init(&fetch->bytes, SPARE_BUF_BYTES);
    return fetch;
}

static void free_fetch(struct gw_fetch *fetch)
{
    gw_buf_fini(&fetch->bytes);
    free(fetch);
}

static void put_spare(struct gw_upstream *u, struct gw_fetch *fetch)
{
    if (u->spare_count == SPARE_FETCHES) {
        free_fetch(fetch);
        return;
    }
    if (fetch->bytes.room > SPARE_BUF_BYTES)
        gw_buf_fini(&fetch->bytes);
    /* In front: it is warm in the caches. */
    gw_list_append(u->spare.next, &fetch->node);
    u->spare_count++;
}

static void begin(struct gw_fetch *fetch)
{
    struct gw_fetch_lane *lane = fetch->lane;

    fetch->state = RUNNING;
    fetch->holds = true;
    fetch->beginning = true;
    gw_list_append(&lane->running, &fetch->node);
    lane->in_flight++;
    lane->u->env.counters.in_flight++;
    gw_upstream_origin_run(lane->origin, &fetch->job);
    fetch->beginning = false;
}

static void enqueue(struct gw_fetch *fetch)
{
    struct gw_fetch_lane *lane = fetch->lane;

    fetch->state = WAITING;
    fetch->holds = false;
    gw_list_append(&lane->waiting, &fetch->node);
    lane->waiting_count++;
    lane->u->env.counters.waiting++;
}

/* Takes it off its lane's list. */
static void leave_list(struct gw_fetch *fetch)
{
    gw_list_leave(&fetch->node);
    if (fetch->state == WAITING) {
        fetch->lane->waiting_count--;
        fetch->lane->u->env.counters.waiting--;
    }
}

static void begin_waiting(struct gw_fetch_lane *lane)
{
    struct gw_list *first;

    while (lane->in_flight < lane->max_in_flight &&
           !gw_list_is_empty(&lane->waiting)) {
        struct gw_fetch *fetch;

        first = lane->waiting.next;
        fetch = GW_CONTAINER(first, struct gw_fetch, node);
        leave_list(fetch);
        begin(fetch);
    }
}

/* Off every list. The next in the lane goes first, so that its request is
 * under way while the user looks at this answer. */
static void finish(struct gw_fetch *fetch, gw_err err,
                   const struct gw_http_response *response, gw_str body)
{
    struct gw_fetch_lane *lane = fetch->lane;
    struct gw_upstream *u = lane->u;

    gw_timer_stop(u->env.wheel, &fetch->deadline);
    if (fetch->holds) {
        lane->in_flight--;
        u->env.counters.in_flight--;
        begin_waiting(lane);
    }
    u->env.counters.failures[err] += err != GW_OK;
    fetch->done(fetch->ctx, err, response, body);
    put_spare(u, fetch);
    if (--lane->fetches == 0 && lane->closed)
        free_lane(lane);
}

static void on_turn(uv_idle_t *turn);

static void defer(struct gw_fetch *fetch, gw_err err)
{
    struct gw_upstream *u = fetch->lane->u;

    leave_list(fetch);
    gw_timer_stop(u->env.wheel, &fetch->deadline);
    fetch->state = DEFERRED;
    fetch->err = err;
    gw_list_append(&u->deferred, &fetch->node);
    uv_idle_start(&u->turn, on_turn);
}

static void on_job_done(struct gw_upstream_job *job, gw_err err,
                        const struct gw_http_response *response, gw_str body)
{
    struct gw_fetch *fetch = GW_CONTAINER(job, struct gw_fetch, job);

    if (fetch->beginning) {
        GW_ASSERT(err); /* answers come from the loop only */
        defer(fetch, err);
        return;
    }
    leave_list(fetch);
    finish(fetch, err, response, body);
}

static bool is_wanted(const struct gw_upstream_job *job)
{
    const struct gw_fetch *fetch =
        GW_CONTAINER(job, const struct gw_fetch, job);

    return fetch->is_wanted(fetch->ctx);
}

static void on_deadline(struct gw_timer *t)
{
    struct gw_fetch *fetch = GW_CONTAINER(t, struct gw_fetch, deadline);

    if (fetch->state == RUNNING)
        gw_upstream_origin_abandon(&fetch->job);
    leave_list(fetch);
    finish(fetch, GW_E_TIMEOUT, NULL, GW_EMPTY);
}

static void cancel(struct gw_fetch *fetch)
{
    if (fetch->state == RUNNING)
        gw_upstream_origin_abandon(&fetch->job);
    if (fetch->state == DEFERRED)
        fetch->err = GW_E_CANCELLED;
    else
        defer(fetch, GW_E_CANCELLED);
}

/* RFC 9110, 9.2.2 */
static bool is_idempotent(gw_str method)
{
    static const gw_str methods[] = {
        { "GET", 3 },    { "HEAD", 4 },    { "PUT", 3 },
        { "DELETE", 6 }, { "OPTIONS", 7 }, { "TRACE", 5 },
    };

    for (size_t i = 0; i < GW_LEN(methods); i++)
        if (gw_str_eq(method, methods[i]))
            return true;
    return false;
}

static gw_err start(struct gw_fetch_lane *lane,
                    const struct gw_fetch_request *request, gw_fetch_done *done,
                    void *ctx, struct gw_fetch **out)
{
    struct gw_upstream *u = lane->u;
    struct gw_upstream_counters *counters = &u->env.counters;
    bool at_once = lane->in_flight < lane->max_in_flight;
    struct gw_fetch *fetch;
    gw_err err;

    if (u->closing)
        return GW_E_CANCELLED;
    if (!at_once && lane->waiting_count >= lane->max_waiting) {
        counters->failures[GW_E_BUSY]++;
        return GW_E_BUSY;
    }
    fetch = take_spare(u);
    err = gw_upstream_request_write(&fetch->bytes, request,
                                    &counters->headers_dropped);
    if (err) {
        put_spare(u, fetch);
        return err;
    }
    fetch->job.bytes = gw_buf_str(&fetch->bytes);
    fetch->job.to_head = gw_str_eq(request->method, GW_LIT("HEAD"));
    fetch->job.idempotent = is_idempotent(request->method);
    fetch->job.is_wanted = request->is_wanted ? is_wanted : NULL;
    fetch->is_wanted = request->is_wanted;
    fetch->lane = lane;
    fetch->done = done;
    fetch->ctx = ctx;
    lane->fetches++;
    counters->requests++;
    gw_timer_start(u->env.wheel, &fetch->deadline, u->env.clock->now_ms,
                   request->timeout_ms);
    *out = fetch;
    if (at_once)
        begin(fetch);
    else
        enqueue(fetch);
    return GW_OK;
}

/* --- life -------------------------------------------------------------------- */

static void free_with_last_lane(struct gw_upstream *u)
{
    if (u->all_closed && gw_list_is_empty(&u->lanes))
        free(u);
}

static void tell_when_all_gone(struct gw_upstream *u)
{
    void (*closed)(void *ctx) = u->closed;
    void *ctx = u->closed_ctx;
    struct gw_list *node;

    if (!u->turn_closed || !gw_list_is_empty(&u->origins))
        return;
    while ((node = gw_list_take(&u->spare)))
        free_fetch(GW_CONTAINER(node, struct gw_fetch, node));
    SSL_CTX_free(u->env.tls);
    free(u->env.read_at);
    u->all_closed = true;
    free_with_last_lane(u);
    if (closed)
        closed(ctx);
}

static void on_turn_closed(uv_handle_t *turn)
{
    struct gw_upstream *u = turn->data;

    u->turn_closed = true;
    tell_when_all_gone(u);
}

/* Everybody has been told. */
static void close_rest(struct gw_upstream *u)
{
    uv_close((uv_handle_t *)&u->turn, on_turn_closed);
    GW_LIST_EACH_SAFE (node, after, &u->lanes)
        drop_origin(GW_CONTAINER(node, struct gw_fetch_lane, node));
}

static void on_turn(uv_idle_t *turn)
{
    struct gw_upstream *u = turn->data;
    struct gw_list now, *node;

    /* What is deferred meanwhile has its turn after the loop's. */
    gw_list_init(&now);
    while ((node = gw_list_take(&u->deferred)))
        gw_list_append(&now, node);
    while ((node = gw_list_take(&now))) {
        struct gw_fetch *fetch = GW_CONTAINER(node, struct gw_fetch, node);

        finish(fetch, fetch->err, NULL, GW_EMPTY);
    }
    if (!gw_list_is_empty(&u->deferred))
        return;
    uv_idle_stop(turn);
    if (u->closing)
        close_rest(u);
}

void gw_upstream_close(struct gw_upstream *u, void (*closed)(void *ctx),
                       void *ctx)
{
    GW_ASSERT(!u->closing);
    u->closing = true;
    u->closed = closed;
    u->closed_ctx = ctx;
    GW_LIST_EACH_SAFE (node, after, &u->lanes) {
        struct gw_fetch_lane *lane =
            GW_CONTAINER(node, struct gw_fetch_lane, node);

        while (!gw_list_is_empty(&lane->waiting))
            cancel(GW_CONTAINER(lane->waiting.next, struct gw_fetch, node));
        while (!gw_list_is_empty(&lane->running))
            cancel(GW_CONTAINER(lane->running.next, struct gw_fetch, node));
    }
    GW_LIST_EACH_SAFE (node, after, &u->origins)
        gw_upstream_origin_retire(
            GW_CONTAINER(node, struct gw_upstream_origin, node));
    uv_idle_start(&u->turn, on_turn);
}

struct gw_upstream *gw_upstream_new(uv_loop_t *loop, struct gw_wheel *wheel,
                                    const struct gw_clock *clock,
                                    const struct gw_upstream_settings *settings)
{
    SSL_CTX *tls = gw_upstream_tls_new(settings->ca_file);
    struct gw_upstream *u;

    if (!tls)
        return NULL;
    u = gw_alloc(sizeof(*u));
    u->fetcher = (struct gw_fetcher){ lane_open, lane_close, start, cancel };
    u->env = (struct gw_upstream_env){
        .loop = loop,
        .wheel = wheel,
        .clock = clock,
        .settings = *settings,
        .tls = tls,
        .read_at = gw_alloc(GW_UPSTREAM_READ_BYTES),
    };
    gw_list_init(&u->origins);
    gw_list_init(&u->lanes);
    gw_list_init(&u->deferred);
    gw_list_init(&u->spare);
    GW_ASSERT(uv_idle_init(loop, &u->turn) == 0);
    u->turn.data = u;
    return u;
}

struct gw_fetcher *gw_upstream_fetcher(struct gw_upstream *u)
{
    return &u->fetcher;
}

const struct gw_upstream_counters *gw_upstream_counters(
    const struct gw_upstream *u)
{
    return &u->env.counters;
}
