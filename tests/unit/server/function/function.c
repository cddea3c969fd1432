#include "server/function/function.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { CALLS = 8, WAITERS = 8, TIMEOUT_MS = 3000, WAITING_MAX = 4 };

/* Somebody who invokes, and what he was told. */
struct caller {
    struct gw_invocation v;
    unsigned told;
    gw_err err;
    bool is_error;
    char payload[512], tail[GW_INVOKE_TAIL_MAX + 1];
};

/* Somebody who runs, and what he was given. */
struct worker {
    struct gw_waiter w;
    struct gw_flight *flight;
};

static struct gw_wheel wheel;
static struct gw_clock wall;
static struct gw_metrics metrics;
static struct gw_function f;
static struct gw_function_spec spec;
static struct caller callers[CALLS];
static struct worker workers[WAITERS];
static struct gw_runtime attached, process;
static char history[256];
static bool wanted;

static void keep(char *to, size_t room, gw_str text)
{
    ck_assert_uint_lt(text.len, room);
    if (text.len)
        memcpy(to, text.at, text.len);
    to[text.len] = '\0';
}

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct caller *c = GW_CONTAINER(v, struct caller, v);

    c->told++;
    c->err = err;
    ck_assert(!err == (outcome != NULL));
    if (!outcome)
        return;
    c->is_error = outcome->is_error;
    keep(c->payload, sizeof(c->payload), outcome->payload);
    keep(c->tail, sizeof(c->tail), outcome->tail);
}

static void on_give(struct gw_waiter *w, struct gw_flight *flight)
{
    GW_CONTAINER(w, struct worker, w)->flight = flight;
}

static void on_ready(struct gw_runtime *rt)
{
    strcat(history, "ready ");
}

static void on_began(struct gw_runtime *rt, gw_str request_id)
{
    ck_assert_gw_str(request_id, gw_str_of(rt->flight->id));
    strcat(history, "began ");
}

static void on_ended(struct gw_runtime *rt, bool answered)
{
    ck_assert_ptr_null(rt->flight);
    strcat(history, answered ? "answered " : "ended ");
}

static void on_failed(struct gw_runtime *rt, gw_str error)
{
    strcat(history, "failed ");
}

static gw_str on_tail(struct gw_runtime *rt)
{
    return GW_LIT("hello\n");
}

static const struct gw_runtime_events events = { on_ready, on_began, on_ended,
                                                 on_failed, on_tail };

static void no_wake(struct gw_wheel *w)
{
}

static void start(void)
{
    spec = (struct gw_function_spec){ .name = GW_LIT("chat"),
                                      .timeout_ms = TIMEOUT_MS,
                                      .memory_mb = 128,
                                      .concurrency = 4 };
    memset(&metrics, 0, sizeof(metrics));
    wall =
        (struct gw_clock){ .now_ms = 1000, .unix_ms = INT64_C(1440938160000) };
    gw_wheel_init(&wheel, wall.now_ms, no_wake);
    f = (struct gw_function){ .spec = &spec,
                              .waiting_max = WAITING_MAX,
                              .wheel = &wheel,
                              .clock = &wall,
                              .metrics = &metrics,
                              .land = on_land };
    gw_function_init(&f);
    attached = (struct gw_runtime){ .function = &f };
    process = (struct gw_runtime){ .function = &f, .events = &events };
    memset(callers, 0, sizeof(callers));
    memset(workers, 0, sizeof(workers));
    history[0] = '\0';
    wanted = true;
}

static void end(void)
{
    ck_assert_uint_eq(f.waiting, 0);
    ck_assert_uint_eq(f.flight_count, 0);
    ck_assert_uint_eq(metrics.invocations_waiting, 0);
    ck_assert_uint_eq(metrics.invocations_running, 0);
    for (size_t i = 0; i < WAITERS; i++)
        if (workers[i].w.runtime)
            gw_function_unwait(&f, &workers[i].w);
    ck_assert_uint_eq(metrics.runtimes_waiting, 0);
    gw_function_fini(&f);
    ck_assert_uint_eq(wheel.count, 0);
}

static void pass(int64_t ms)
{
    wall.now_ms += ms;
    wall.unix_ms += ms;
    gw_wheel_advance(&wheel, wall.now_ms);
}

static bool is_wanted(const struct gw_invocation *v)
{
    return wanted;
}

static gw_err invoke(unsigned i, uint32_t timeout_ms)
{
    struct gw_invocation *v = &callers[i].v;

    *v = (struct gw_invocation){ .function = spec.name,
                                 .payload = GW_LIT("{}"),
                                 .timeout_ms = timeout_ms,
                                 .wants_tail = true,
                                 .is_wanted = is_wanted };
    snprintf(v->id, sizeof(v->id), "%08x-0000-4000-8000-000000000000", i);
    return gw_function_invoke(&f, v);
}

static gw_err await(unsigned i, struct gw_runtime *rt)
{
    struct worker *w = &workers[i];

    if (!w->w.runtime)
        gw_list_init(&w->w.node);
    w->w.runtime = rt;
    w->w.give = on_give;
    w->flight = NULL;
    return gw_function_wait(&f, &w->w);
}

static void got(unsigned i, const char *payload)
{
    ck_assert_uint_eq(callers[i].told, 1);
    ck_assert_int_eq(callers[i].err, GW_OK);
    ck_assert_str_eq(callers[i].payload, payload);
}

/* Either side may come first. */
START_TEST(first_come_first_served)
{
    start();
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(await(i, &attached), GW_OK);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(invoke(i, 0), GW_OK);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_ptr_eq(workers[i].flight, callers[i].v.flight);
    for (unsigned i = 2; i < 4; i++) {
        ck_assert_int_eq(await(i, &attached), GW_OK);
        ck_assert_ptr_eq(workers[i].flight, callers[i].v.flight);
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_ptr_eq(gw_function_find(&f, gw_str_of(callers[i].v.id)),
                         workers[i].flight);
        gw_flight_respond(workers[i].flight, GW_LIT("\"ok\""));
        got(i, "\"ok\"");
        ck_assert(!callers[i].is_error);
        ck_assert_ptr_null(gw_function_find(&f, gw_str_of(callers[i].v.id)));
    }
    ck_assert_uint_eq(metrics.invocations, 4);
    ck_assert_uint_eq(metrics.invocation_errors, 0);
    end();
}
END_TEST

START_TEST(the_queue_has_a_bound)
{
    start();
    for (unsigned i = 0; i < WAITING_MAX; i++)
        ck_assert_int_eq(invoke(i, 0), GW_OK);
    ck_assert_int_eq(invoke(WAITING_MAX, 0), GW_E_BUSY);
    ck_assert_uint_eq(metrics.invocations_refused, 1);
    gw_function_cancel_all(&f);
    for (unsigned i = 0; i < WAITING_MAX; i++)
        ck_assert_int_eq(callers[i].err, GW_E_CANCELLED);
    ck_assert_uint_eq(callers[WAITING_MAX].told, 0);
    spec.concurrency = 0;
    ck_assert_int_eq(invoke(0, 0), GW_E_BUSY);
    end();
}
END_TEST

START_TEST(no_more_run_than_may)
{
    start();
    spec.concurrency = 2;
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(await(i, &attached), GW_OK);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(invoke(i, 0), GW_OK);
    ck_assert_ptr_nonnull(workers[1].flight);
    ck_assert_ptr_null(workers[2].flight);
    gw_flight_respond(workers[0].flight, GW_LIT("1"));
    ck_assert_ptr_eq(workers[2].flight, callers[2].v.flight);
    gw_function_cancel_all(&f);
    for (unsigned i = 1; i < 3; i++)
        gw_flight_respond(workers[i].flight, GW_LIT("1"));
    end();
}
END_TEST

/* Text and type as the original has them (websocket-api.md 11.1). */
START_TEST(a_run_ends_at_its_deadline)
{
    start();
    ck_assert_int_eq(await(0, &process), GW_OK);
    ck_assert_int_eq(invoke(7, 0), GW_OK);
    ck_assert_int_eq(workers[0].flight->deadline_unix_ms,
                     INT64_C(1440938163000));
    pass(TIMEOUT_MS - 20);
    ck_assert_uint_eq(callers[7].told, 0);
    pass(40);
    got(7, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: "
           "00000007-0000-4000-8000-000000000000 Error: Task timed out after "
           "3.00 seconds\"}");
    ck_assert(callers[7].is_error);
    ck_assert_str_eq(history, "ready began ended ");
    ck_assert_uint_eq(metrics.invocation_timeouts, 1);
    end();
}
END_TEST

START_TEST(a_lost_runtime_fails_its_run)
{
    start();
    ck_assert_int_eq(await(0, &process), GW_OK);
    ck_assert_int_eq(invoke(7, 0), GW_OK);
    gw_flight_lose(workers[0].flight, "exit status 1");
    got(7, "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: "
           "00000007-0000-4000-8000-000000000000 Error: Runtime exited with "
           "error: exit status 1\"}");
    ck_assert(callers[7].is_error);
    ck_assert_str_eq(history, "ready began ended ");
    end();
}
END_TEST

/* What it would have answered nobody hears; it is not disturbed. */
START_TEST(a_caller_may_stop_waiting)
{
    start();
    ck_assert_int_eq(await(0, &process), GW_OK);
    ck_assert_int_eq(invoke(0, 500), GW_OK);
    ck_assert_int_eq(invoke(1, 500), GW_OK);
    pass(520);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(callers[i].told, 1);
        ck_assert_int_eq(callers[i].err, GW_E_TIMEOUT);
    }
    ck_assert_str_eq(history, "ready began ");
    gw_flight_respond(workers[0].flight, GW_LIT("1"));
    ck_assert_uint_eq(callers[0].told, 1);
    ck_assert_str_eq(history, "ready began answered ");
    end();
}
END_TEST

START_TEST(nobody_is_told_of_what_is_not_wanted)
{
    start();
    ck_assert_int_eq(invoke(0, 0), GW_OK);
    ck_assert_int_eq(invoke(1, 0), GW_OK);
    wanted = false;
    ck_assert_int_eq(await(0, &attached), GW_OK);
    ck_assert_ptr_null(workers[0].flight);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(callers[i].err, GW_E_CANCELLED);
    end();
}
END_TEST

START_TEST(a_process_runs_one_at_a_time)
{
    start();
    ck_assert_int_eq(await(0, &process), GW_OK);
    ck_assert_int_eq(invoke(0, 0), GW_OK);
    ck_assert_int_eq(await(1, &process), GW_E_INVALID);
    gw_flight_respond(workers[0].flight, GW_LIT("1"));
    ck_assert_int_eq(await(1, &process), GW_OK);
    gw_runtime_rest(&process);
    ck_assert_int_eq(invoke(1, 0), GW_OK);
    ck_assert_ptr_null(workers[1].flight);
    ck_assert_int_eq(await(2, &process), GW_E_CANCELLED);
    ck_assert_int_eq(await(3, &attached), GW_OK);
    gw_flight_error(workers[3].flight, GW_LIT("{\"errorType\":\"E\"}"));
    got(1, "{\"errorType\":\"E\"}");
    ck_assert(callers[1].is_error);
    end();
}
END_TEST

START_TEST(the_log_has_its_frame)
{
    start();
    ck_assert_int_eq(await(0, &process), GW_OK);
    ck_assert_int_eq(invoke(7, 0), GW_OK);
    wall.now_ms += 12;
    gw_flight_respond(workers[0].flight, GW_LIT("1"));
#define ID "RequestId: 00000007-0000-4000-8000-000000000000"
    ck_assert_str_eq(callers[7].tail,
                     "START " ID " Version: $LATEST\nhello\nEND " ID
                     "\nREPORT " ID "\tDuration: 12.00 ms\tBilled Duration: 12 "
                     "ms\tMemory Size: 128 MB\t\n");
    end();
}
END_TEST

START_TEST(an_answer_has_a_bound)
{
    static char bytes[GW_INVOKE_ANSWER_MAX + 1];

    start();
    ck_assert_int_eq(await(0, &attached), GW_OK);
    ck_assert_int_eq(invoke(0, 0), GW_OK);
    gw_flight_respond(workers[0].flight, (gw_str){ bytes, sizeof(bytes) });
    ck_assert_uint_eq(callers[0].told, 1);
    ck_assert(callers[0].is_error);
    ck_assert_ptr_nonnull(strstr(callers[0].payload, "\"errorType\":\"Function."
                                                     "ResponseSizeTooLarge\""));
    end();
}
END_TEST

START_TEST(a_function_that_cannot_start_answers)
{
    start();
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(invoke(i, 0), GW_OK);
    gw_function_give_up(&f, GW_LIT("{\"errorType\":\"Runtime.X\"}"));
    ck_assert_int_eq(invoke(3, 0), GW_OK);
    for (unsigned i = 0; i < 4; i++) {
        got(i, "{\"errorType\":\"Runtime.X\"}");
        ck_assert(callers[i].is_error);
    }
    ck_assert_uint_eq(metrics.invocation_errors, 4);
    end();
}
END_TEST

GW_SUITE("server/function/function")
{
    tcase_add_test(tc, first_come_first_served);
    tcase_add_test(tc, the_queue_has_a_bound);
    tcase_add_test(tc, no_more_run_than_may);
    tcase_add_test(tc, a_run_ends_at_its_deadline);
    tcase_add_test(tc, a_lost_runtime_fails_its_run);
    tcase_add_test(tc, a_caller_may_stop_waiting);
    tcase_add_test(tc, nobody_is_told_of_what_is_not_wanted);
    tcase_add_test(tc, a_process_runs_one_at_a_time);
    tcase_add_test(tc, the_log_has_its_frame);
    tcase_add_test(tc, an_answer_has_a_bound);
    tcase_add_test(tc, a_function_that_cannot_start_answers);
}
