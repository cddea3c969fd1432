/*
 * Functions in Python, run for real: loop, edge, doors, keeper and processes.
 * tests/unit/server/function/keeper.c lets this program be its own keeper.
 */
#include "server/function/supervisor.h"

#include "server/function/folder.h"
#include "server/function/pause.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 8, LOG_BYTES = 65536 };

struct call {
    struct gw_invocation v;
    bool is_told, is_error;
    gw_err err;
    char payload[1024], tail[GW_INVOKE_TAIL_MAX + 1];
};

static struct gw_loop loop;
static struct gw_metrics metrics;
static struct gw_addresses *addresses;
static const struct gw_settings settings = {
    .max_header_bytes = 10240,
    .max_target_bytes = 4096,
    .max_body_bytes = 1 << 20,
    .head_timeout_ms = 10000,
    .body_timeout_ms = 10000,
    .keep_alive_timeout_ms = 60000,
    .out_queue_bytes = 1 << 20,
    .out_queue_total_bytes = 8 << 20,
};
static struct gw_edge *edge;
static struct gw_keeper *keeper;
static struct gw_supervisor *supervisor;
static struct gw_function f;
static struct gw_function_spec spec, other_spec;
static struct gw_function_surroundings surroundings;
static struct call calls[CALLS];
static char folder[GW_FOLDER_MAX], code[GW_FOLDER_MAX + 8];
static char lines[LOG_BYTES];
static unsigned closed;

/* --- the world ----------------------------------------------------------------- */

static void on_line(gw_log_level level, const char *event, const char *text)
{
    size_t len = strlen(lines);

    snprintf(lines + len, sizeof(lines) - len, "%s %s\n", event, text);
}

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct call *c = GW_CONTAINER(v, struct call, v);

    ck_assert(!c->is_told);
    c->is_told = true;
    c->err = err;
    if (!outcome)
        return;
    c->is_error = outcome->is_error;
    snprintf(c->payload, sizeof(c->payload), "%.*s", GW_FMT(outcome->payload));
    snprintf(c->tail, sizeof(c->tail), "%.*s", GW_FMT(outcome->tail));
}

static void on_closed(void *ctx)
{
    closed++;
}

static void turn(void)
{
    struct pollfd fd = { uv_backend_fd(&loop.uv), POLLIN, 0 };
    int wait = uv_backend_timeout(&loop.uv);

    if (wait)
        poll(&fd, 1, wait < 0 || wait > 10 ? 10 : wait);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    gw_loop_now(&loop);
}

/* A test that hangs is ended by its runner. */
#define UNTIL(what) \
    while (!(what)) \
    turn()

static void write_code(const char *python)
{
    struct gw_fault why;

    ck_assert_msg(
        !gw_folder_write(folder, "app/app.py", gw_str_of(python), &why), "%s",
        why.text);
}

static void open_world(void)
{
    struct gw_fault why;

    memset(calls, 0, sizeof(calls));
    memset(&metrics, 0, sizeof(metrics));
    lines[0] = '\0';
    closed = 0;
    supervisor = NULL;
    gw_log_install(on_line, GW_LOG_INFO);
    ck_assert_msg(!gw_folder_make(folder, &why), "%s", why.text);
    snprintf(code, sizeof(code), "%s/app", folder);
    addresses = gw_addresses_new(&(struct gw_hash_key){ 1, 2 });
    gw_loop_init(&loop);
    edge = gw_edge_new(&loop, &settings, 1, addresses, &metrics, &why);
    ck_assert_msg(edge != NULL, "%s", why.text);
    keeper = gw_keeper_new(&loop.uv, folder, &why);
    ck_assert_msg(keeper != NULL, "%s", why.text);
    spec = (struct gw_function_spec){ .name = GW_LIT("greeter"),
                                      .arn = GW_LIT("arn:aws:lambda:x"),
                                      .runtime = GW_LIT("python3"),
                                      .handler = GW_LIT("app.handler"),
                                      .code = gw_str_of(code),
                                      .timeout_ms = 30000,
                                      .memory_mb = 512,
                                      .concurrency = 1 };
    surroundings =
        (struct gw_function_surroundings){ .folder = folder,
                                           .region = GW_LIT("eu-west-1") };
    f = (struct gw_function){ .spec = &spec,
                              .waiting_max = CALLS,
                              .wheel = &loop.wheel,
                              .clock = &loop.clock,
                              .metrics = &metrics,
                              .land = on_land };
    gw_function_init(&f);
}

static void supervise(const char *python)
{
    write_code(python);
    supervisor = gw_supervisor_new(&loop, edge, keeper, &f, &surroundings);
}

static void close_world(void)
{
    if (supervisor)
        gw_supervisor_close(supervisor, true, on_closed, NULL);
    UNTIL(!supervisor || closed);
    gw_keeper_close(keeper, on_closed, NULL);
    closed = 0;
    UNTIL(closed);
    gw_function_cancel_all(&f);
    gw_function_fini(&f);
    gw_edge_close(edge);
    UNTIL(gw_edge_is_closed(edge));
    gw_edge_leave_loop(edge);
    gw_loop_close(&loop);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    gw_edge_free(edge);
    gw_loop_fini(&loop);
    gw_addresses_free(addresses);
    gw_folder_remove(folder);
    gw_log_install(NULL, GW_LOG_WARN);
}

static void invoke(unsigned i, const char *payload)
{
    calls[i] = (struct call){ .v = { .function = spec.name,
                                     .payload = gw_str_of(payload),
                                     .wants_tail = true } };
    snprintf(calls[i].v.id, sizeof(calls[i].v.id),
             "%08x-0000-4000-8000-000000000000", i);
    ck_assert_int_eq(gw_function_invoke(&f, &calls[i].v), GW_OK);
}

/* The answer of a new call. */
static const char *ask(unsigned i, const char *payload)
{
    invoke(i, payload);
    UNTIL(calls[i].is_told);
    ck_assert_int_eq(calls[i].err, GW_OK);
    return calls[i].payload;
}

/* --- running ------------------------------------------------------------------- */

static const char pids[] = "import os, time\n"
                           "def handler(event, context):\n"
                           "    time.sleep(0.2)\n"
                           "    return os.getpid()\n";

START_TEST(as_many_run_as_may_at_once)
{
    open_world();
    spec.concurrency = 3;
    supervise(pids);
    UNTIL(f.waiter_count == 3);
    for (unsigned i = 0; i < 3; i++)
        invoke(i, "{}");
    ck_assert_uint_eq(f.flight_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        UNTIL(calls[i].is_told);
        ck_assert(!calls[i].is_error);
        ck_assert_int_eq(kill(atoi(calls[i].payload), 0), 0);
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(calls[i].payload, calls[j].payload);
    }
    close_world();
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_ne(kill(atoi(calls[i].payload), 0), 0);
}
END_TEST

START_TEST(what_it_prints_belongs_to_its_run)
{
    char line[256];

    open_world();
    supervise("import sys\n"
              "print('loading')\n"
              "def handler(event, context):\n"
              "    print('hello', event)\n"
              "    sys.stderr.write('no end')\n"
              "    return event\n");
    ck_assert_str_eq(ask(1, "1"), "1");
    ck_assert_str_eq(ask(2, "2"), "2");
    ck_assert_ptr_nonnull(
        strstr(lines, "function.log function=greeter request_id=- loading\n"));
    for (unsigned i = 1; i <= 2; i++) {
        snprintf(line, sizeof(line),
                 "function.log function=greeter request_id=%s hello %u\n"
                 "function.log function=greeter request_id=%s no end\n",
                 calls[i].v.id, i, calls[i].v.id);
        ck_assert_msg(strstr(lines, line), "%s not in\n%s", line, lines);
        snprintf(line, sizeof(line), "hello %u\nno end", i);
        ck_assert_msg(strstr(calls[i].tail, line), "%s", calls[i].tail);
        ck_assert_ptr_null(strstr(calls[i].tail, "loading"));
    }
    ck_assert_ptr_null(strstr(calls[2].tail, "hello 1"));
    close_world();
}
END_TEST

START_TEST(its_code_may_be_in_the_configuration)
{
    open_world();
    spec.code = GW_EMPTY;
    spec.handler = GW_LIT("index.handler");
    spec.inline_code = GW_LIT("import os\n"
                              "def handler(event, context):\n"
                              "    return [os.getcwd(), context.function_name,"
                              " os.environ['AWS_REGION'],"
                              " os.environ.get('GATEWIRE_SECRET'),"
                              " context.memory_limit_in_mb]\n");
    setenv("GATEWIRE_SECRET", "of the gateway", 1);
    supervisor = gw_supervisor_new(&loop, edge, keeper, &f, &surroundings);
    ask(0, "{}");
    unsetenv("GATEWIRE_SECRET");
    ck_assert_ptr_nonnull(strstr(calls[0].payload,
                                 "/code-greeter\", \"greeter\", \"eu-west-1\","
                                 " null, \"512\"]"));
    close_world();
}
END_TEST

/* --- ends ---------------------------------------------------------------------- */

static const char moods[] = "import os, signal, time\n"
                            "def handler(event, context):\n"
                            "    if event == 'exit': os._exit(3)\n"
                            "    if event == 'die': os.kill(os.getpid(), 9)\n"
                            "    if event == 'hang': time.sleep(1000)\n"
                            "    return os.getpid()\n";

static const struct {
    const char *event, *error;
} ends[] = {
    { "\"exit\"", "Runtime exited with error: exit status 3" },
    { "\"die\"", "Runtime exited with error: signal: killed" },
    { "\"hang\"", "Task timed out after 1.00 seconds" },
};

START_TEST(a_process_that_ends_fails_its_run_and_is_replaced)
{
    pid_t first;

    open_world();
    spec.timeout_ms = 1000;
    supervise(moods);
    first = atoi(ask(0, "{}"));
    ask(1, ends[_i].event);
    ck_assert(calls[1].is_error);
    ck_assert_msg(strstr(calls[1].payload, ends[_i].error), "%s",
                  calls[1].payload);
    ask(2, "{}");
    ck_assert(!calls[2].is_error);
    ck_assert_int_ne(atoi(calls[2].payload), first);
    UNTIL(kill(first, 0) != 0);
    close_world();
}
END_TEST

static const struct {
    const char *python, *error;
} broken[] = {
    { "import no_such_module", "Runtime.ImportModuleError" },
    { "raise KeyError('x')", "KeyError" },
    { "import os; os._exit(4)",
      "Runtime.ExitError\",\"errorMessage\":\"Error: Runtime exited with "
      "error: exit status 4" },
};

START_TEST(a_function_that_cannot_start_says_so_at_once)
{
    open_world();
    spec.concurrency = 4;
    spec.reload = true;
    supervise(broken[_i].python);
    /* Who waits already, and who comes while it pauses. */
    invoke(0, "{}");
    invoke(1, "{}");
    UNTIL(calls[0].is_told && calls[1].is_told);
    ask(2, "{}");
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(calls[i].is_error);
        ck_assert_msg(strstr(calls[i].payload, broken[_i].error), "%s",
                      calls[i].payload);
    }
    /* It is repaired, and need not wait for the pause to end. */
    write_code("def handler(event, context): return 'well'\n");
    UNTIL(f.waiter_count == 4);
    ck_assert_str_eq(ask(3, "{}"), "\"well\"");
    ck_assert_ptr_nonnull(strstr(lines, "function.reload function=greeter"));
    close_world();
}
END_TEST

/* It said why; there is nothing to try again before somebody has mended it. */
START_TEST(code_that_is_worked_at_is_tried_twice)
{
    const char *first;

    open_world();
    spec.reload = true;
    supervise("import no_such_module");
    UNTIL(strstr(lines, "function.pause function=greeter ms=30000, unless its "
                        "code changes"));
    first = strstr(lines, "function.init function=greeter "
                          "error=Runtime.ImportModuleError Unable to import");
    ck_assert_ptr_nonnull(first);
    first = strstr(first + 1, "function.init");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "function.init"));
    ck_assert_ptr_null(strstr(lines, "function.exit"));
    close_world();
}
END_TEST

START_TEST(a_missing_program_is_named)
{
    const struct gw_pair nowhere = { GW_LIT("PATH"), GW_LIT("/nowhere") };

    open_world();
    spec.environment = (struct gw_pairs){ &nowhere, 1 };
    supervise(pids);
    ask(0, "{}");
    ck_assert(calls[0].is_error);
    ck_assert_ptr_nonnull(strstr(calls[0].payload, "install Python"));
    close_world();
}
END_TEST

START_TEST(restarts_take_longer_and_longer)
{
    char path[GW_FOLDER_MAX + 16];
    struct gw_buf seen;
    int64_t began;

    open_world();
    spec.concurrency = 4;
    began = loop.clock.now_ms;
    supervise("import os\n"
              "with open('../starts', 'a') as f: f.write('.')\n"
              "os._exit(1)\n");
    snprintf(path, sizeof(path), "%s/starts", folder);
    UNTIL(access(path, F_OK) == 0);
    for (size_t starts = 0; starts < 4;) {
        turn();
        gw_file_read(path, &seen);
        starts = seen.len;
        gw_buf_fini(&seen);
    }
    /* One at a time, though four may run; and 100, 200, 400 ms between. */
    ck_assert_int_ge(loop.clock.now_ms - began, 700);
    close_world();
}
END_TEST

/* --- generations --------------------------------------------------------------- */

static const char old[] = "import time\n"
                          "def handler(event, context):\n"
                          "    time.sleep(event)\n"
                          "    return 'old'\n";

START_TEST(what_runs_ends_with_the_old_what_comes_goes_to_the_new)
{
    open_world();
    supervise(old);
    UNTIL(f.waiter_count == 1);
    invoke(0, "1");
    write_code("def handler(event, context): return 'new'\n");
    other_spec = spec;
    f.spec = &other_spec;
    gw_supervisor_replace(supervisor);
    ck_assert_str_eq(ask(1, "0"), "\"new\"");
    ck_assert(!calls[0].is_told);
    UNTIL(calls[0].is_told);
    ck_assert_str_eq(calls[0].payload, "\"old\"");
    ck_assert_str_eq(ask(2, "0"), "\"new\"");
    close_world();
}
END_TEST

START_TEST(the_old_go_on_while_the_new_cannot_start)
{
    open_world();
    spec.reload = true;
    supervise(old);
    ck_assert_str_eq(ask(0, "0"), "\"old\"");
    write_code("import no_such_module\n");
    UNTIL(strstr(lines, "Runtime.ImportModuleError"));
    ck_assert_str_eq(ask(1, "0"), "\"old\"");
    write_code("def handler(event, context): return 'new'\n");
    do
        ask(2, "0");
    while (strcmp(calls[2].payload, "\"new\"") != 0);
    close_world();
}
END_TEST

START_TEST(closing_waits_for_what_runs)
{
    open_world();
    supervise(old);
    UNTIL(f.waiter_count == 1);
    invoke(0, "0.5");
    gw_supervisor_close(supervisor, false, on_closed, NULL);
    supervisor = NULL;
    UNTIL(closed);
    ck_assert(calls[0].is_told);
    ck_assert_str_eq(calls[0].payload, "\"old\"");
    close_world();
}
END_TEST

/* --- pauses -------------------------------------------------------------------- */

static const struct {
    unsigned failures;
    bool has_worked;
    int64_t ms;
} pauses[] = {
    { 0, true, 0 },         { 0, false, 0 },    { 1, false, 500 },
    { 2, false, 1000 },     { 5, false, 8000 }, { 6, false, 10000 },
    { 1000, false, 10000 }, { 1, true, 0 },     { 2, true, 100 },
    { 5, true, 800 },       { 6, true, 1000 },  { 1000, true, 1000 },
};

START_TEST(pauses_grow_up_to_a_bound)
{
    ck_assert_int_eq(gw_pause_ms(pauses[_i].failures, pauses[_i].has_worked),
                     pauses[_i].ms);
}
END_TEST

GW_SUITE("server/function/supervisor")
{
    tcase_add_test(tc, as_many_run_as_may_at_once);
    tcase_add_test(tc, what_it_prints_belongs_to_its_run);
    tcase_add_test(tc, its_code_may_be_in_the_configuration);
    tcase_add_loop_test(tc, a_process_that_ends_fails_its_run_and_is_replaced,
                        0, GW_LEN(ends));
    tcase_add_loop_test(tc, a_function_that_cannot_start_says_so_at_once, 0,
                        GW_LEN(broken));
    tcase_add_test(tc, code_that_is_worked_at_is_tried_twice);
    tcase_add_test(tc, a_missing_program_is_named);
    tcase_add_test(tc, restarts_take_longer_and_longer);
    tcase_add_test(tc, what_runs_ends_with_the_old_what_comes_goes_to_the_new);
    tcase_add_test(tc, the_old_go_on_while_the_new_cannot_start);
    tcase_add_test(tc, closing_waits_for_what_runs);
    tcase_add_loop_test(tc, pauses_grow_up_to_a_bound, 0, GW_LEN(pauses));
}
