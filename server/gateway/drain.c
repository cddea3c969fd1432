#include "server/gateway/drain.h"

#include "server/gateway/conn.h"

enum { TURNS_MAX = 1000 }; /* in one go: the loop has others to serve */

/* After the drain began. */
static int64_t due_ms(const struct gw_gateway *g)
{
    const struct gw_settings *s = &g->config->settings;
    const struct gw_drain *d = &g->drain;
    int64_t even = (int64_t)s->drain_window_ms * d->turn / d->count;
    int64_t of_all = (int64_t)d->turn * g->worker_count + g->worker;

    return s->drain_max_rate ? GW_MAX(even, of_all * 1000 / s->drain_max_rate)
                             : even;
}

/* Who left by himself had no turn: then the slots end first. */
static bool has_more(const struct gw_gateway *g)
{
    return g->client_count && g->drain.turn < g->drain.count &&
           g->drain.slot < g->slot_count;
}

static void on_turn(struct gw_timer *timer)
{
    struct gw_drain *d = GW_CONTAINER(timer, struct gw_drain, timer);
    struct gw_gateway *g = GW_CONTAINER(d, struct gw_gateway, drain);
    int64_t now = g->clock->now_ms, elapsed = now - d->began_ms;
    uint32_t pause_at = d->turn + TURNS_MAX;

    while (has_more(g) && d->turn < pause_at && due_ms(g) <= elapsed) {
        struct gw_conn *c = g->slots[d->slot++].conn;

        if (!c)
            continue;
        d->turn++;
        gw_conn_drain(c);
    }
    if (has_more(g))
        gw_timer_start(g->wheel, &d->timer, now,
                       GW_MAX(due_ms(g) - elapsed, 0));
}

void gw_drain_start(struct gw_gateway *g)
{
    g->drain = (struct gw_drain){ .timer = { .fire = on_turn },
                                  .began_ms = g->clock->now_ms,
                                  .count = g->client_count };
    on_turn(&g->drain.timer);
}
