#include "server/loop.h"

#include <time.h>

static int64_t unix_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t gw_loop_now(struct gw_loop *loop)
{
    int64_t now = (int64_t)uv_now(&loop->uv);

    if (now != loop->clock.now_ms) {
        /* The wall clock may be set while we run: look again every second. */
        if (now - loop->offset_read_ms >= 1000) {
            loop->unix_offset_ms = unix_now_ms() - now;
            loop->offset_read_ms = now;
        }
        loop->clock.now_ms = now;
        loop->clock.unix_ms = now + loop->unix_offset_ms;
    }
    return now;
}

static void on_wheel_timer(uv_timer_t *timer);

static void arm(struct gw_loop *loop)
{
    int64_t wait = gw_wheel_wait_ms(&loop->wheel, loop->clock.now_ms);

    if (wait < 0)
        uv_timer_stop(&loop->wheel_timer);
    else
        uv_timer_start(&loop->wheel_timer, on_wheel_timer, (uint64_t)wait, 0);
}

static void on_wheel_timer(uv_timer_t *timer)
{
    struct gw_loop *loop = timer->data;

    gw_wheel_advance(&loop->wheel, gw_loop_now(loop));
    arm(loop);
}

static void on_wake(struct gw_wheel *wheel)
{
    arm(GW_CONTAINER(wheel, struct gw_loop, wheel));
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct gw_loop *loop = prepare->data;

    if (loop->flush)
        loop->flush(loop->flush_ctx);
}

static void on_check(uv_check_t *check)
{
    struct gw_loop *loop = check->data;

    if (loop->flush)
        loop->flush(loop->flush_ctx);
}

void gw_loop_init(struct gw_loop *loop)
{
    *loop = (struct gw_loop){ 0 };
    GW_ASSERT(uv_loop_init(&loop->uv) == 0);
    loop->offset_read_ms = INT64_MIN / 2;
    gw_loop_now(loop);
    gw_wheel_init(&loop->wheel, loop->clock.now_ms, on_wake);
    uv_timer_init(&loop->uv, &loop->wheel_timer);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    loop->wheel_timer.data = loop->prepare.data = loop->check.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
}

void gw_loop_close(struct gw_loop *loop)
{
    uv_close((uv_handle_t *)&loop->wheel_timer, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
}

void gw_loop_fini(struct gw_loop *loop)
{
    GW_ASSERT(uv_loop_close(&loop->uv) == 0);
}
