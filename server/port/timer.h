/*
 * One coarse timer wheel per worker: starting, stopping and firing are O(1),
 * whatever the number of connections. Resolution 10 ms; a timer never fires
 * early. Timers live inside what they time; a zeroed one is stopped.
 */
#ifndef GW_PORT_TIMER_H
#define GW_PORT_TIMER_H

#include "protocol/base/list.h"

enum { GW_WHEEL_TICK_MS = 10, GW_WHEEL_SLOTS = 4096 };

struct gw_timer {
    struct gw_list node;
    int64_t due_tick;
    void (*fire)(struct gw_timer *timer); /* may start or stop any timer */
};

struct gw_wheel {
    int64_t tick; /* the last one that was run */
    size_t count; /* timers running */
    uint64_t occupied[GW_WHEEL_SLOTS / 64];
    struct gw_list slots[GW_WHEEL_SLOTS];
    void (*wake)(struct gw_wheel *wheel); /* an earlier timer was started:
                                             ask gw_wheel_wait_ms again */
    int64_t wake_tick;                    /* what the driver waits for */
};

void gw_wheel_init(struct gw_wheel *w, int64_t now_ms,
                   void (*wake)(struct gw_wheel *));

/* Fires what is due. */
void gw_wheel_advance(struct gw_wheel *w, int64_t now_ms);

/* How long the driver may sleep: -1 for ever, otherwise milliseconds. */
int64_t gw_wheel_wait_ms(struct gw_wheel *w, int64_t now_ms);

/* (Re)starts. now_ms is the clock's. */
void gw_timer_start(struct gw_wheel *w, struct gw_timer *t, int64_t now_ms,
                    int64_t delay_ms);
void gw_timer_stop(struct gw_wheel *w, struct gw_timer *t);
bool gw_timer_is_running(const struct gw_timer *t);

#endif
