#include "server/gateway/goodbye.h"

#include <stdlib.h>

enum {
    /* Between tries: doubling from the first to the last. */
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 60000,
    /* And where the lane was full, so that nobody was asked. */
    BUSY_FIRST_MS = 250,
    BUSY_LAST_MS = 5000,
};

typedef enum state {
    WRITING, /* the registry will call on_written */
    READY,   /* for its turn */
    TRYING,  /* its exchange will call gw_goodbye_tried */
    WAITING, /* for its timer */
} state;

struct gw_goodbye {
    struct gw_list node;   /* g->goodbyes */
    struct gw_list turn;   /* its stage's goodbyes, while READY */
    struct gw_timer timer; /* WAITING */
    struct gw_conn *conn;  /* NULL: forgotten, to be freed by whoever calls */
    int64_t ended_at_ms;   /* since 1970 */
    uint32_t attempt;      /* the number written; 0: none yet */
    uint32_t failures;
    uint32_t round; /* of the resync that wrote it last */
    uint16_t code;
    state state;
    bool unused; /* its number was written, and no try has used it up */
    gw_str reason;
    char text[];
};

/* --- what is held ------------------------------------------------------------ */

static struct gw_goodbye *goodbye_new(struct gw_conn *c, int64_t ended_at_ms,
                                      unsigned code, gw_str reason)
{
    struct gw_gateway *g = c->gateway;
    struct gw_goodbye *b = gw_alloc(sizeof(*b) + reason.len);

    gw_list_init(&b->node);
    gw_list_init(&b->turn);
    gw_list_append(&g->goodbyes, &b->node);
    b->conn = c;
    b->ended_at_ms = ended_at_ms;
    b->code = (uint16_t)code;
    b->state = WAITING;
    b->round = g->resync_round;
    b->reason = (gw_str){ b->text, reason.len };
    if (reason.len)
        memcpy(b->text, reason.at, reason.len);
    g->goodbye_count++;
    GW_COUNT(g->metrics->goodbyes_pending);
    gw_conn_enter(c);
    return b;
}

/* It is not owed any more. An exchange under way still looks at it, and a
 * registry still calls back: they free it then. */
static void let_go(struct gw_goodbye *b)
{
    struct gw_conn *c = b->conn;
    struct gw_gateway *g = c->gateway;

    g->goodbye_pauses -= gw_timer_is_running(&b->timer);
    gw_timer_stop(g->wheel, &b->timer);
    gw_list_leave(&b->turn);
    gw_list_leave(&b->node);
    g->goodbye_count--;
    GW_UNCOUNT(g->metrics->goodbyes_pending);
    b->conn = NULL;
    if (b->state == READY || b->state == WAITING)
        free(b);
    gw_conn_leave(c);
}

void gw_goodbyes_forget(struct gw_gateway *g)
{
    while (!gw_list_is_empty(&g->goodbyes))
        let_go(GW_CONTAINER(g->goodbyes.next, struct gw_goodbye, node));
}

/* Half is kept free for those that end here. */
size_t gw_goodbyes_room(const struct gw_gateway *g)
{
    size_t half = GW_GOODBYES_MAX / 2;

    return g->draining || g->goodbye_count >= half ? 0
                                                   : half - g->goodbye_count;
}

/* --- what is written --------------------------------------------------------- */

/* A view until the next record is written. */
static gw_str print(const struct gw_goodbye *b)
{
    struct gw_gateway *g = b->conn->gateway;
    struct gw_record record = gw_conn_record(b->conn);
    gw_err err;

    record.ended_at_ms = b->ended_at_ms;
    record.code = b->code;
    record.reason = b->reason;
    record.attempts = b->attempt;
    g->record.len = 0;
    err = gw_record_write(&record, &g->record);
    GW_ASSERT(err == GW_OK); /* every text in it is bounded, and UTF-8 */
    return gw_buf_str(&g->record);
}

static void write_down(struct gw_goodbye *b, gw_registry_done *done, void *ctx)
{
    struct gw_registry *r = b->conn->gateway->registry;

    gw_registry_end(r, gw_conn_id(b->conn),
                    r->keeps_records ? print(b) : GW_EMPTY, done, ctx);
}

static void bury(struct gw_goodbye *b, const char *why)
{
    struct gw_gateway *g = b->conn->gateway;

    gw_registry_bury(g->registry, gw_conn_id(b->conn), print(b),
                     gw_str_of(why));
    GW_COUNT(g->metrics->goodbyes_buried);
    let_go(b);
}

bool gw_goodbyes_resync(struct gw_gateway *g, size_t *max)
{
    /* Those written in this round stand behind all others. */
    while (!gw_list_is_empty(&g->goodbyes)) {
        struct gw_goodbye *b =
            GW_CONTAINER(g->goodbyes.next, struct gw_goodbye, node);

        if (b->round == g->resync_round)
            return false;
        if (!*max)
            return true;
        --*max;
        b->round = g->resync_round;
        gw_list_leave(&b->node);
        gw_list_append(&g->goodbyes, &b->node);
        write_down(b, NULL, NULL);
    }
    return false;
}

/* --- tries ------------------------------------------------------------------- */

/* More than its lane runs would only grow old in it. */
static uint32_t at_once(const struct gw_gateway *g,
                        const struct gw_stage_state *s)
{
    const struct gw_plan_route *to = s->deployment->plan->disconnect;
    uint32_t lane = to ? to->integration.max_in_flight / g->worker_count : 0;

    return GW_MAX(1u, GW_MIN(lane, (uint32_t)GW_GOODBYES_AT_ONCE));
}

static void try_it(struct gw_goodbye *b)
{
    b->state = TRYING;
    b->unused = false;
    b->conn->stage->goodbyes_tried++;
    gw_exchange_disconnect(b->conn, b->code, b->reason, b->attempt, b);
}

/* One that ends at once comes back here: the loop below it goes on. */
static void take_turns(struct gw_gateway *g, struct gw_stage_state *s)
{
    struct gw_list *node;

    if (s->goodbyes_run)
        return;
    s->goodbyes_run = true;
    s->conn_count++; /* stays while we look at it */
    while (s->goodbyes_tried < at_once(g, s) &&
           (node = gw_list_take(&s->goodbyes)))
        try_it(GW_CONTAINER(node, struct gw_goodbye, turn));
    s->goodbyes_run = false;
    gw_stage_leave(g, s);
}

static void await_turn(struct gw_goodbye *b)
{
    struct gw_conn *c = b->conn;

    b->state = READY;
    gw_list_append(&c->stage->goodbyes, &b->turn);
    take_turns(c->gateway, c->stage);
}

static void on_written(void *ctx, gw_err err)
{
    struct gw_goodbye *b = ctx;

    if (!b->conn) {
        free(b);
        return;
    }
    if (!err) {
        await_turn(b);
        return;
    }
    b->state = READY; /* nobody calls any more: an heir's, from now on */
    let_go(b);
}

/* The number of a try is written before it, or the next to inherit would give
 * it again. */
static void announce(struct gw_goodbye *b)
{
    if (b->attempt < UINT32_MAX)
        b->attempt++;
    b->unused = true;
    b->state = WRITING;
    write_down(b, on_written, b);
}

static void on_timer(struct gw_timer *timer)
{
    struct gw_goodbye *b = GW_CONTAINER(timer, struct gw_goodbye, timer);

    b->conn->gateway->goodbye_pauses--;
    if (b->unused)
        await_turn(b);
    else
        announce(b);
}

/* Up to a quarter less, so that those who failed together come apart. */
static int64_t pause_of(struct gw_gateway *g, const struct gw_goodbye *b)
{
    int64_t first = b->unused ? BUSY_FIRST_MS : RETRY_FIRST_MS;
    int64_t last = b->unused ? BUSY_LAST_MS : RETRY_LAST_MS;
    int64_t ms = GW_MIN(first << GW_MIN(b->failures, 8u), last);

    return ms - (int64_t)(gw_gateway_draw(g) % (uint64_t)(ms / 4));
}

/* The last try is at the end of the window. */
static void retry(struct gw_goodbye *b, gw_err err)
{
    struct gw_gateway *g = b->conn->gateway;
    int64_t left = b->ended_at_ms +
                   g->config->settings.disconnect_retry_window_ms -
                   g->clock->unix_ms;

    if (left <= 0) {
        bury(b, gw_err_text(err));
        return;
    }
    b->unused = err == GW_E_BUSY;
    b->timer.fire = on_timer;
    gw_timer_start(g->wheel, &b->timer, g->clock->now_ms,
                   GW_MIN(pause_of(g, b), left));
    g->goodbye_pauses++;
    b->failures++;
    GW_COUNT(g->metrics->goodbyes_retried);
}

/* Could the same call go well another time? Not if the backend has answered,
 * or if the call could not be made of this event. */
static bool is_worth_a_retry(const struct gw_exchange *x)
{
    switch (x->err) {
    case GW_E_BUSY:
    case GW_E_UNREACHABLE:
    case GW_E_TIMEOUT:
    case GW_E_CANCELLED:
        return true;
    case GW_E_UPSTREAM: /* a template's, or it broke off */
        return x->asked && !x->scope.response_status;
    default:
        return false;
    }
}

void gw_goodbye_tried(struct gw_goodbye *b, const struct gw_exchange *x)
{
    struct gw_gateway *g = x->gateway;
    struct gw_stage_state *s = x->conn->stage;

    s->goodbyes_tried--;
    b->state = WAITING;
    if (!b->conn) {
        free(b);
    } else if (is_worth_a_retry(x)) {
        retry(b, x->err);
    } else {
        gw_registry_ack(g->registry, gw_conn_id(b->conn));
        GW_COUNT(g->metrics->goodbyes_delivered);
        let_go(b);
    }
    take_turns(g, s);
}

/* --- where they come from ---------------------------------------------------- */

static void owe(struct gw_goodbye *b)
{
    if (b->conn->gateway->goodbye_count <= GW_GOODBYES_MAX)
        announce(b);
    else
        bury(b, "too many goodbyes wait already");
}

void gw_goodbye_begin(struct gw_conn *c, unsigned code, gw_str reason)
{
    struct gw_gateway *g = c->gateway;

    if (!c->registered) {
        gw_exchange_disconnect(c, code, reason, 1, NULL);
    } else if (c->life != g->life) {
        gw_conn_enter(c); /* leaves for good, if nothing else holds it */
        gw_conn_leave(c);
    } else if (!c->stage->deployment->plan->disconnect) {
        gw_registry_drop(g->registry, gw_conn_id(c));
        gw_exchange_disconnect(c, code, reason, 1, NULL);
    } else {
        owe(goodbye_new(c, g->clock->unix_ms, code, reason));
    }
}

static struct gw_stage_state *stage_of(struct gw_gateway *g,
                                       const struct gw_record *record)
{
    ptrdiff_t i =
        gw_config_plan_index(g->config, record->api_id, record->stage);

    return i < 0 ? NULL : g->by_plan[i];
}

static void bury_unread(struct gw_gateway *g, gw_str id, gw_str record,
                        const char *why)
{
    gw_registry_bury(g->registry, id, record, gw_str_of(why));
    GW_COUNT(g->metrics->goodbyes_buried);
}

void gw_goodbye_inherit(struct gw_gateway *g, gw_str id, gw_str bytes)
{
    struct gw_record record;
    struct gw_stage_state *s;
    struct gw_goodbye *b;

    GW_COUNT(g->metrics->goodbyes_inherited);
    if (gw_record_read(bytes, &record) ||
        !gw_str_eq(record.connection_id, id)) {
        bury_unread(g, id, bytes, "not a record that can be read");
        return;
    }
    s = stage_of(g, &record);
    if (!s) {
        bury_unread(g, id, bytes, "no such stage here");
        return;
    }
    if (!s->deployment->plan->disconnect) {
        gw_registry_ack(g->registry, id);
        return;
    }
    if (!record.ended_at_ms) { /* nobody saw how it ended */
        record.ended_at_ms = g->clock->unix_ms;
        record.code = 1006;
    }
    b = goodbye_new(gw_conn_inherit(g, s, &record), record.ended_at_ms,
                    record.code, record.reason);
    b->attempt = record.attempts;
    owe(b);
}
