#include "server/port/timer.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static struct gw_wheel wheel;
static int64_t clock_ms;
static unsigned fired, woken;

struct probe {
    struct gw_timer timer;
    int64_t started_ms, delay_ms, fired_ms;
    struct gw_timer *also_stops;
    unsigned again;
};

static void on_fire(struct gw_timer *t)
{
    struct probe *p = GW_CONTAINER(t, struct probe, timer);

    fired++;
    p->fired_ms = clock_ms;
    if (p->also_stops)
        gw_timer_stop(&wheel, p->also_stops);
    if (p->again) {
        p->again--;
        gw_timer_start(&wheel, t, clock_ms, p->delay_ms);
    }
}

static void on_wake(struct gw_wheel *w)
{
    woken++;
    gw_wheel_wait_ms(w, clock_ms);
}

static void setup(void)
{
    clock_ms = 123457;
    fired = woken = 0;
    gw_wheel_init(&wheel, clock_ms, on_wake);
}

static void start(struct probe *p, int64_t delay_ms)
{
    p->timer.fire = on_fire;
    p->started_ms = clock_ms;
    p->delay_ms = delay_ms;
    p->fired_ms = -1;
    gw_timer_start(&wheel, &p->timer, clock_ms, delay_ms);
}

/* Drives the wheel as the loop does: sleep as long as it says, advance. */
static void drive_until(int64_t end_ms)
{
    while (clock_ms < end_ms) {
        int64_t wait = gw_wheel_wait_ms(&wheel, clock_ms);

        if (wait < 0 || clock_ms + wait > end_ms)
            wait = end_ms - clock_ms;
        clock_ms += wait;
        gw_wheel_advance(&wheel, clock_ms);
    }
}

static const int64_t delays[] = { 0,     1,     9,      10,     11,
                                  100,   4095,  40950,  40960,  40970,
                                  81920, 81930, 600000, 7200000 };

START_TEST(a_timer_fires_once_never_early_and_within_two_ticks)
{
    struct probe p = { 0 };

    setup();
    start(&p, delays[_i]);
    drive_until(clock_ms + delays[_i] + 100000);
    ck_assert_uint_eq(fired, 1);
    ck_assert_int_ge(p.fired_ms - p.started_ms, delays[_i]);
    ck_assert_int_le(p.fired_ms - p.started_ms,
                     delays[_i] + 2 * GW_WHEEL_TICK_MS);
    ck_assert_int_eq(gw_wheel_wait_ms(&wheel, clock_ms), -1);
}
END_TEST

START_TEST(a_stopped_timer_stays_silent)
{
    struct probe p = { 0 };

    setup();
    start(&p, 50);
    gw_timer_stop(&wheel, &p.timer);
    gw_timer_stop(&wheel, &p.timer);
    drive_until(clock_ms + 1000);
    ck_assert_uint_eq(fired, 0);
}
END_TEST

START_TEST(firing_one_may_stop_another_of_the_same_tick)
{
    struct probe a = { 0 }, b = { 0 };

    setup();
    start(&a, 50);
    start(&b, 50);
    a.also_stops = &b.timer;
    drive_until(clock_ms + 1000);
    ck_assert_uint_eq(fired, 1);
    ck_assert(!gw_timer_is_running(&b.timer));
}
END_TEST

START_TEST(a_timer_may_start_itself_again)
{
    struct probe p = { .again = 4 };

    setup();
    start(&p, 30);
    drive_until(clock_ms + 1000);
    ck_assert_uint_eq(fired, 5);
}
END_TEST

START_TEST(starting_again_moves_the_deadline)
{
    struct probe p = { 0 };

    setup();
    start(&p, 50);
    clock_ms += 40;
    gw_wheel_advance(&wheel, clock_ms);
    start(&p, 50);
    drive_until(p.started_ms + 49);
    ck_assert_uint_eq(fired, 0);
    drive_until(p.started_ms + 70);
    ck_assert_uint_eq(fired, 1);
}
END_TEST

START_TEST(the_driver_is_woken_for_an_earlier_timer_only)
{
    struct probe late = { 0 }, early = { 0 }, later = { 0 };

    setup();
    gw_wheel_wait_ms(&wheel, clock_ms);
    start(&late, 1000);
    ck_assert_uint_eq(woken, 1);
    start(&later, 2000);
    ck_assert_uint_eq(woken, 1);
    start(&early, 100);
    ck_assert_uint_eq(woken, 2);
}
END_TEST

START_TEST(a_jump_of_the_clock_fires_all_that_is_due)
{
    static struct probe many[500];

    setup();
    for (size_t i = 0; i < GW_LEN(many); i++)
        start(&many[i], (int64_t)i * 137);
    clock_ms += 500 * 137 + 20;
    gw_wheel_advance(&wheel, clock_ms);
    ck_assert_uint_eq(fired, GW_LEN(many));
}
END_TEST

START_TEST(many_random_timers_keep_their_word)
{
    static struct probe many[5000];
    int64_t end;

    setup();
    srand(7);
    for (size_t i = 0; i < GW_LEN(many); i++)
        start(&many[i], rand() % 200000);
    end = clock_ms + 200100;
    drive_until(end);
    ck_assert_uint_eq(fired, GW_LEN(many));
    for (size_t i = 0; i < GW_LEN(many); i++)
        ck_assert_int_le(many[i].fired_ms - many[i].started_ms -
                             many[i].delay_ms,
                         2 * GW_WHEEL_TICK_MS);
}
END_TEST

GW_SUITE("server/port/timer")
{
    tcase_add_loop_test(tc, a_timer_fires_once_never_early_and_within_two_ticks,
                        0, GW_LEN(delays));
    tcase_add_test(tc, a_stopped_timer_stays_silent);
    tcase_add_test(tc, firing_one_may_stop_another_of_the_same_tick);
    tcase_add_test(tc, a_timer_may_start_itself_again);
    tcase_add_test(tc, starting_again_moves_the_deadline);
    tcase_add_test(tc, the_driver_is_woken_for_an_earlier_timer_only);
    tcase_add_test(tc, a_jump_of_the_clock_fires_all_that_is_due);
    tcase_add_test(tc, many_random_timers_keep_their_word);
}
