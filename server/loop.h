/*
 * A worker's event loop: libuv, the clock read once per turn, the timer wheel
 * driven by one uv_timer, and the hooks that run once per turn.
 *
 * A turn is: timers, then I/O. gw_loop_now must be called first by whatever
 * libuv calls us with, because libuv alone knows when it woke up.
 */
#ifndef GW_LOOP_H
#define GW_LOOP_H

#include "server/port/clock.h"
#include "server/port/timer.h"

#include <uv.h>

struct gw_loop {
    uv_loop_t uv;
    struct gw_clock clock;
    struct gw_wheel wheel;
    uv_timer_t wheel_timer;
    uv_prepare_t prepare; /* before sleeping: what timers have queued */
    uv_check_t check;     /* after I/O: what it has queued */
    int64_t unix_offset_ms, offset_read_ms;
    void (*flush)(void *ctx); /* at most twice a turn; cheap when idle */
    void *flush_ctx;
};

void gw_loop_init(struct gw_loop *loop);
void gw_loop_fini(struct gw_loop *loop); /* every handle must be gone */

/* Closes the loop's own handles, so that uv_run can end. */
void gw_loop_close(struct gw_loop *loop);

/* Brings the clock to the present turn and returns its now_ms. */
int64_t gw_loop_now(struct gw_loop *loop);

#endif
