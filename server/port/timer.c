#include "server/port/timer.h"

#define SLOT(tick) ((size_t)(tick) & (GW_WHEEL_SLOTS - 1))

void gw_wheel_init(struct gw_wheel *w, int64_t now_ms,
                   void (*wake)(struct gw_wheel *))
{
    *w = (struct gw_wheel){
        .tick = now_ms / GW_WHEEL_TICK_MS,
        .wake = wake,
        .wake_tick = INT64_MAX,
    };
    for (size_t i = 0; i < GW_WHEEL_SLOTS; i++)
        gw_list_init(&w->slots[i]);
}

/* Timers that are due in a later turn of the wheel share the slot and stay. */
static void run_slot(struct gw_wheel *w, int64_t tick)
{
    struct gw_list *slot = &w->slots[SLOT(tick)];
    struct gw_list due;

    gw_list_init(&due);
    GW_LIST_EACH_SAFE (node, after, slot) {
        struct gw_timer *t = GW_CONTAINER(node, struct gw_timer, node);

        if (t->due_tick <= tick) {
            gw_list_leave(node);
            gw_list_append(&due, node);
        }
    }
    if (gw_list_is_empty(slot))
        w->occupied[SLOT(tick) / 64] &= ~(1ull << SLOT(tick) % 64);
    /* One at a time from the front: firing one may stop another. */
    while (!gw_list_is_empty(&due)) {
        struct gw_timer *t = GW_CONTAINER(due.next, struct gw_timer, node);

        gw_timer_stop(w, t);
        t->fire(t);
    }
}

/* The next tick after `from` whose slot holds anything, at most one turn. */
static int64_t next_occupied(const struct gw_wheel *w, int64_t from)
{
    for (int64_t tick = from + 1; tick <= from + GW_WHEEL_SLOTS;) {
        uint64_t word = w->occupied[SLOT(tick) / 64] >> SLOT(tick) % 64;

        if (word)
            return tick + __builtin_ctzll(word);
        tick += 64 - (int64_t)(SLOT(tick) % 64);
    }
    return from + GW_WHEEL_SLOTS;
}

void gw_wheel_advance(struct gw_wheel *w, int64_t now_ms)
{
    int64_t now = now_ms / GW_WHEEL_TICK_MS;

    while (w->tick < now) {
        int64_t next = next_occupied(w, w->tick);

        if (w->count == 0 || next > now) {
            w->tick = now;
            return;
        }
        w->tick = next;
        run_slot(w, next);
    }
}

int64_t gw_wheel_wait_ms(struct gw_wheel *w, int64_t now_ms)
{
    int64_t wait;

    w->wake_tick = INT64_MAX;
    if (w->count == 0)
        return -1;
    w->wake_tick = next_occupied(w, w->tick);
    wait = w->wake_tick * GW_WHEEL_TICK_MS - now_ms;
    return wait > 0 ? wait : 0;
}

void gw_timer_start(struct gw_wheel *w, struct gw_timer *t, int64_t now_ms,
                    int64_t delay_ms)
{
    /* Rounded up: never early. The slot of the running tick is not revisited
     * in this turn, so the earliest is the next. */
    int64_t due = (now_ms + delay_ms + GW_WHEEL_TICK_MS - 1) / GW_WHEEL_TICK_MS;

    gw_timer_stop(w, t);
    t->due_tick = GW_MAX(due, w->tick + 1);
    gw_list_init(&t->node);
    gw_list_append(&w->slots[SLOT(t->due_tick)], &t->node);
    w->occupied[SLOT(t->due_tick) / 64] |= 1ull << SLOT(t->due_tick) % 64;
    w->count++;
    if (t->due_tick < w->wake_tick && w->wake)
        w->wake(w);
}

void gw_timer_stop(struct gw_wheel *w, struct gw_timer *t)
{
    if (!gw_timer_is_running(t))
        return;
    gw_list_leave(&t->node);
    t->node.next = NULL;
    w->count--;
}

bool gw_timer_is_running(const struct gw_timer *t)
{
    return t->node.next != NULL;
}
