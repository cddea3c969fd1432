#include "server/function/runtime_api.h"

#include "protocol/http/body.h"
#include "tests/support/fake_link.h"
#include "tests/support/suite.h"

#include <stdarg.h>
#include <stdio.h>

/* Expected texts: websocket-api.md 11.2. */

enum { CALLS = 8, LINKS = 8, TIMEOUT_MS = 3000 };

#define NEXT "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n"
#define POST "POST /2018-06-01/runtime/"
#define OK   "{\"status\":\"OK\"}\n"
#define BADID \
    "{\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n"
#define NO_TRANSITION(from, to)                                     \
    "{\"errorMessage\":\"State transition from " from " to " to     \
    " failed for runtime. Error: State transition is not allowed\"" \
    ",\"errorType\":\"InvalidStateTransition\"}\n"

/* Somebody who invokes, and what he was told. */
struct call {
    struct gw_invocation v;
    unsigned told;
    bool is_error;
    char payload[512];
};

static struct gw_wheel wheel;
static struct gw_clock wall;
static struct gw_metrics metrics;
static struct gw_function f;
static struct gw_function_spec spec;
static struct gw_runtime runtime;
static struct gw_door *door;
static struct call calls[CALLS];
static struct fake_link links[LINKS];
static char failure[512];

static void keep(char *to, size_t room, gw_str text)
{
    ck_assert_uint_lt(text.len, room);
    memcpy(to, text.at, text.len);
    to[text.len] = '\0';
}

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct call *c = GW_CONTAINER(v, struct call, v);

    c->told++;
    if (err == GW_E_CANCELLED) /* by close_door */
        return;
    ck_assert_int_eq(err, GW_OK);
    c->is_error = outcome->is_error;
    keep(c->payload, sizeof(c->payload), outcome->payload);
}

static void on_ready(struct gw_runtime *rt)
{
}

static void on_began(struct gw_runtime *rt, gw_str request_id)
{
}

static void on_ended(struct gw_runtime *rt, bool answered)
{
}

static void on_failed(struct gw_runtime *rt, gw_str error)
{
    keep(failure, sizeof(failure), error);
}

static gw_str no_tail(struct gw_runtime *rt)
{
    return GW_EMPTY;
}

static const struct gw_runtime_events process_events = {
    .ready = on_ready,
    .began = on_began,
    .ended = on_ended,
    .failed = on_failed,
    .tail = no_tail,
};

static void open_door(bool attached)
{
    wall = (struct gw_clock){ .now_ms = 5000, .unix_ms = 1700000000000 };
    gw_wheel_init(&wheel, wall.now_ms, NULL);
    memset(&metrics, 0, sizeof(metrics));
    memset(calls, 0, sizeof(calls));
    failure[0] = '\0';
    spec = (struct gw_function_spec){
        .name = GW_LIT("chat"),
        .arn = GW_LIT("arn:aws:lambda:local:000000000000:function:chat"),
        .timeout_ms = TIMEOUT_MS,
        .concurrency = 4,
    };
    f = (struct gw_function){ .spec = &spec,
                              .waiting_max = CALLS,
                              .wheel = &wheel,
                              .clock = &wall,
                              .metrics = &metrics,
                              .land = on_land };
    gw_function_init(&f);
    runtime =
        (struct gw_runtime){ .function = &f,
                             .events = attached ? NULL : &process_events };
    door = gw_door_new(&fake_link_ops, &runtime);
    for (size_t i = 0; i < LINKS; i++)
        fake_link_init(&links[i]);
}

/* The client hangs up; cut: in the middle of that request. */
static void hang_up(unsigned i, const struct gw_http_request *cut)
{
    struct fake_link *l = &links[i];

    if (l->answerer)
        l->answerer->gone(l->answerer);
    l->asked = false;
    l->answerer = NULL;
    gw_door_events.on_end(door, fake_link_of(l), cut);
    l->user = NULL;
}

static void close_door(void)
{
    for (unsigned i = 0; i < LINKS; i++) {
        if (links[i].user)
            hang_up(i, NULL);
        fake_link_fini(&links[i]);
    }
    gw_function_cancel_all(&f);
    GW_LIST_EACH_SAFE (node, after, &f.flights) {
        gw_flight_lose(GW_CONTAINER(node, struct gw_flight, node), "over");
    }
    gw_door_close(door);
    gw_function_fini(&f);
    ck_assert_uint_eq(metrics.runtimes_waiting, 0);
}

static void invoke(unsigned i)
{
    struct call *c = &calls[i];

    c->v.payload = GW_LIT("{\"event\":1}");
    snprintf(c->v.id, sizeof(c->v.id), "0000%04x-0000-4000-8000-00000000abcd",
             i);
    ck_assert_int_eq(gw_function_invoke(&f, &c->v), GW_OK);
}

/* Returns how much of the text was the head. */
static size_t read_head(gw_str text, struct gw_http_request *r)
{
    const struct gw_http_limits limits = { 4096, 10240, 1 << 20 };
    size_t used;

    ck_assert_int_eq(gw_http_request_read(text, &limits, r, &used),
                     GW_HTTP_READY);
    return used;
}

/* What stands on the wire, on link i. */
static void ask(unsigned i, const char *format, ...) GW_PRINTF(2, 3);
static void ask(unsigned i, const char *format, ...)
{
    static struct gw_http_headers trailer_fields;
    struct gw_buf body, trailers;
    struct gw_http_body decoder;
    struct gw_http_request r;
    char text[4096];
    gw_str rest, piece;
    gw_http_step step;
    size_t used;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ck_assert_int_lt(n, (int)sizeof(text));
    rest = (gw_str){ text, (size_t)n };
    rest = gw_str_skip(rest, read_head(rest, &r));
    gw_buf_init(&body, 4096);
    gw_buf_init(&trailers, 4096);
    gw_http_body_of_request(&decoder, &r, 4096);
    decoder.trailers = &trailers;
    do {
        step = gw_http_body_read(&decoder, rest, &used, &piece);
        rest = gw_str_skip(rest, used);
        ck_assert(!gw_buf_add(&body, piece));
    } while (step == GW_HTTP_MORE && rest.len);
    ck_assert_int_eq(step, GW_HTTP_READY);
    if (trailers.len) {
        ck_assert(
            gw_http_trailers_read(gw_buf_str(&trailers), &trailer_fields));
        r.trailers = &trailer_fields;
    }
    links[i].asked = true;
    links[i].status = 0;
    gw_door_events.on_request(door, fake_link_of(&links[i]), &r,
                              gw_buf_str(&body), &links[i].answerer);
    gw_buf_fini(&body);
    gw_buf_fini(&trailers);
}

static void ask_next(unsigned i)
{
    ask(i, NEXT "\r\n");
}

/* POST invocation/{id of call}/what */
static void post(unsigned i, unsigned call, const char *what,
                 const char *headers, const char *body)
{
    ask(i,
        POST "invocation/%s/%s HTTP/1.1\r\nHost: h\r\n%s"
             "Content-Length: %zu\r\n\r\n%s",
        calls[call].v.id, what, headers, strlen(body), body);
}

static void got(unsigned i, unsigned status, const char *body)
{
    ck_assert_msg(!links[i].asked, "no answer yet");
    ck_assert_uint_eq(links[i].status, status);
    ck_assert_gw_str(gw_buf_str(&links[i].body), gw_str_of(body));
}

static void is_waiting(unsigned i)
{
    ck_assert(links[i].asked);
    ck_assert_ptr_nonnull(links[i].answerer);
}

static void got_event(unsigned i, unsigned call)
{
    got(i, 200, "{\"event\":1}");
    ck_assert_gw_str(
        fake_link_header(&links[i], "Lambda-Runtime-Aws-Request-Id"),
        gw_str_of(calls[call].v.id));
}

static void ended(unsigned call, bool is_error, const char *payload)
{
    ck_assert_uint_eq(calls[call].told, 1);
    ck_assert_str_eq(calls[call].payload, payload);
    ck_assert(calls[call].is_error == is_error);
}

static void later(int64_t ms)
{
    wall.now_ms += ms;
    wall.unix_ms += ms;
    gw_wheel_advance(&wheel, wall.now_ms);
}

/* --- next --------------------------------------------------------------------- */

START_TEST(an_event_has_its_headers)
{
    open_door(_i);
    calls[0].v.trace_id = GW_LIT("Root=1-5759e988-bd862e3fe1be46a994272793");
    calls[0].v.client_context =
        GW_LIT("{\"custom\":\r\n\t{\"a\":\"\xc3\xa9\"}}");
    invoke(0);
    ask_next(0);
    got_event(0, 0);
    ck_assert(!links[0].last);
    ck_assert_gw_str(fake_link_header(&links[0], "Lambda-Runtime-Deadline-Ms"),
                     GW_LIT("1700000003000"));
    ck_assert_gw_str(
        fake_link_header(&links[0], "Lambda-Runtime-Invoked-Function-Arn"),
        spec.arn);
    ck_assert_gw_str(fake_link_header(&links[0], "Lambda-Runtime-Trace-Id"),
                     calls[0].v.trace_id);
    ck_assert_gw_str(
        fake_link_header(&links[0], "Lambda-Runtime-Client-Context"),
        GW_LIT("{\"custom\":  \t{\"a\":\"\xc3\xa9\"}}"));
    ck_assert_gw_str(fake_link_header(&links[0], "Content-Type"),
                     GW_LIT("application/json"));
    close_door();
}
END_TEST

START_TEST(empty_headers_are_left_out)
{
    open_door(_i);
    ask_next(0);
    is_waiting(0);
    invoke(0);
    got_event(0, 0);
    ck_assert_ptr_null(
        fake_link_header(&links[0], "Lambda-Runtime-Trace-Id").at);
    ck_assert_ptr_null(
        fake_link_header(&links[0], "Lambda-Runtime-Client-Context").at);
    ck_assert_ptr_null(
        fake_link_header(&links[0], "Lambda-Runtime-Cognito-Identity").at);
    close_door();
}
END_TEST

START_TEST(who_came_first_is_served_first)
{
    open_door(true);
    for (unsigned i = 0; i < 3; i++)
        ask_next(i);
    for (unsigned i = 0; i < 3; i++)
        invoke(i);
    for (unsigned i = 0; i < 3; i++)
        got_event(i, i);
    close_door();
}
END_TEST

START_TEST(who_hangs_up_while_waiting_is_given_nothing)
{
    open_door(_i);
    ask_next(0);
    hang_up(0, NULL);
    ask_next(1);
    invoke(0);
    got_event(1, 0);
    post(1, 0, "response", "", "1");
    ended(0, false, "1");
    close_door();
}
END_TEST

START_TEST(next_is_refused_while_an_answer_is_owed)
{
    open_door(_i);
    invoke(0);
    ask_next(0);
    got_event(0, 0);
    ask_next(0);
    got(0, 403, NO_TRANSITION("Running", "Ready"));
    post(0, 0, "response", "", "1");
    got(0, 202, OK);
    ask_next(0);
    is_waiting(0);
    close_door();
}
END_TEST

START_TEST(a_process_is_one_whatever_its_connections)
{
    open_door(false);
    ask_next(0);
    ask_next(1);
    got(1, 403, NO_TRANSITION("Ready", "Ready"));
    invoke(0);
    got_event(0, 0);
    ask_next(1);
    got(1, 403, NO_TRANSITION("Running", "Ready"));
    post(2, 0, "response", "", "1");
    got(2, 202, OK);
    ended(0, false, "1");
    post(1, 0, "response", "", "2");
    got(1, 403,
        NO_TRANSITION("RuntimeResponseSentState", "InvocationResponse"));
    ask_next(3);
    is_waiting(3);
    close_door();
}
END_TEST

START_TEST(a_process_that_rests_waits_for_nothing)
{
    open_door(false);
    gw_runtime_rest(&runtime);
    ask_next(0);
    is_waiting(0);
    hang_up(0, NULL);
    close_door();
}
END_TEST

START_TEST(only_so_many_wait)
{
    static struct gw_waiter crowd[GW_WAITERS_MAX];

    open_door(true);
    for (size_t i = 0; i < GW_WAITERS_MAX; i++) {
        gw_list_init(&crowd[i].node);
        crowd[i].runtime = &runtime;
        ck_assert_int_eq(gw_function_wait(&f, &crowd[i]), GW_OK);
    }
    ask_next(0);
    ck_assert_uint_eq(links[0].status, 503);
    gw_function_unwait(&f, &crowd[7]);
    ask_next(0);
    is_waiting(0);
    for (size_t i = 0; i < GW_WAITERS_MAX; i++)
        gw_function_unwait(&f, &crowd[i]);
    close_door();
}
END_TEST

/* --- answers ------------------------------------------------------------------ */

#define STREAMING "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
#define CAUSE     "Content-Type: application/vnd.aws.lambda.error.cause+json\r\n"

static const struct {
    const char *name, *what, *headers, *body;
    unsigned status;
    const char *answer;
    bool is_error;
    const char *outcome;
} answers[] = {
    { "response", "response", "", "{\"a\":1}", 202, OK, false, "{\"a\":1}" },
    { "garbage is for others to judge", "response", "", "garbage", 202, OK,
      false, "garbage" },
    { "empty", "response", "", "", 202, OK, false, "" },
    { "streaming", "response", STREAMING, "text", 202, OK, false, "text" },
    { "empty mode", "response", "Lambda-Runtime-Function-Response-Mode:\r\n",
      "text", 202, OK, false, "text" },
    { "unknown mode", "response",
      "Lambda-Runtime-Function-Response-Mode: buffered\r\n", "text", 400,
      "{\"errorMessage\":\"Invalid function response mode\",\"errorType\":"
      "\"InvalidFunctionResponseMode\"}\n",
      true,
      "{\"errorMessage\":\"Invalid function response mode\",\"errorType\":"
      "\"Runtime.InvalidResponseModeHeader\"}" },
    { "error", "error", "Lambda-Runtime-Function-Error-Type: Runtime.X\r\n",
      "{\"errorType\":\"E\"}", 202, OK, true, "{\"errorType\":\"E\"}" },
    { "error with its cause", "error", CAUSE,
      "{\"errorCause\":{\"a\":1},\"stackTrace\":[\"x\"],\"errorType\":\"E\","
      "\"errorMessage\":\"m\\n\"}",
      202, OK, true,
      "{\"errorMessage\":\"m\\n\",\"errorType\":\"E\",\"stackTrace\":[\"x\"]}" },
    { "error with a cause and little else", "error", CAUSE,
      "{\"errorCause\":{}}", 202, OK, true,
      "{\"errorMessage\":\"\",\"errorType\":\"\",\"stackTrace\":[]}" },
    { "error with a cause, not read", "error", CAUSE, "[1", 202, OK, true,
      "\"Invalid error body\"" },
};

START_TEST(an_answer_ends_its_run)
{
    bool attached = _i & 1;
    size_t row = (size_t)_i / 2;

    open_door(attached);
    invoke(0);
    ask_next(0);
    post(0, 0, answers[row].what, answers[row].headers, answers[row].body);
    got(0, answers[row].status, answers[row].answer);
    ck_assert(!links[0].last);
    ck_assert_gw_str(fake_link_header(&links[0], "Content-Type"),
                     GW_LIT("application/json"));
    ended(0, answers[row].is_error, answers[row].outcome);
    post(0, 0, "response", "", "again");
    got(0, 403,
        NO_TRANSITION("RuntimeResponseSentState", "InvocationResponse"));
    post(0, 0, "error", "", "again");
    got(0, 403,
        NO_TRANSITION("RuntimeResponseSentState", "InvocationErrorResponse"));
    ck_assert_uint_eq(calls[0].told, 1);
    close_door();
}
END_TEST

/* base64 of {"errorType":"E"} and the Go client's way to send it. */
static const struct {
    const char *trailers;
    bool is_error;
    const char *outcome;
} trailed[] = {
    { "", false, "begun" },
    { "Lambda-Runtime-Function-Error-Type:\r\n"
      "Lambda-Runtime-Function-Error-Body:\r\n",
      false, "begun" },
    { "Lambda-Runtime-Function-Error-Type: E\r\n"
      "Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJFIn0=\r\n",
      true, "{\"errorType\":\"E\"}" },
    { "Lambda-Runtime-Function-Error-Type: Runtime.\"X\"\r\n", true,
      "{\"errorMessage\":\"\",\"errorType\":\"Runtime.\\\"X\\\"\"}" },
    { "Lambda-Runtime-Function-Error-Type: E\r\n"
      "Lambda-Runtime-Function-Error-Body: *\r\n",
      true, "{\"errorMessage\":\"\",\"errorType\":\"E\"}" },
};

START_TEST(a_streamed_answer_may_fail_in_its_trailers)
{
    open_door(true);
    invoke(0);
    ask_next(0);
    ask(0,
        POST "invocation/%s/response HTTP/1.1\r\nHost: h\r\n" STREAMING
             "Transfer-Encoding: chunked\r\nTrailer: "
             "Lambda-Runtime-Function-Error-Type, "
             "Lambda-Runtime-Function-Error-Body\r\n\r\n"
             "2\r\nbe\r\n3\r\ngun\r\n0\r\n%s\r\n",
        calls[0].v.id, trailed[_i].trailers);
    got(0, 202, OK);
    ended(0, trailed[_i].is_error, trailed[_i].outcome);
    close_door();
}
END_TEST

START_TEST(ids_may_be_percent_encoded)
{
    open_door(true);
    invoke(0);
    ask_next(0);
    ask(0, POST "invocation/%%300000000%%2d0000%%2D4000-8000-00000000abcd/"
                "response HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1");
    got(0, 202, OK);
    ended(0, false, "1");
    close_door();
}
END_TEST

START_TEST(an_unknown_id_is_refused)
{
    static const char *const ids[] = {
        "00000001-0000-4000-8000-00000000abcd",
        "x",
        "%",
        "%zz",
        "",
        "00000000-0000-4000-8000-00000000abc",
        "00000000-0000-4000-8000-00000000abcd%00",
    };

    open_door(_i);
    invoke(0);
    ask_next(0);
    for (size_t i = 0; i < GW_LEN(ids); i++) {
        ask(1,
            POST "invocation/%s/response HTTP/1.1\r\nHost: h\r\n"
                 "Content-Length: 1\r\n\r\n1",
            ids[i]);
        got(1, 400, BADID);
    }
    ck_assert_uint_eq(calls[0].told, 0);
    close_door();
}
END_TEST

START_TEST(another_door_of_the_function_knows_its_own_runs_only)
{
    struct gw_runtime other = { .function = &f };
    struct gw_flight *flight;
    struct gw_door *first, *second;

    open_door(true);
    first = door;
    second = gw_door_new(&fake_link_ops, &other);
    invoke(0);
    ask_next(0);
    door = second;
    post(1, 0, "response", "", "1");
    got(1, 400, BADID);
    hang_up(1, NULL);
    gw_door_close(second);
    door = first;
    flight = gw_function_find(&f, gw_str_of(calls[0].v.id));
    ck_assert_ptr_nonnull(flight);
    close_door();
}
END_TEST

START_TEST(a_late_answer_is_refused)
{
    open_door(_i);
    invoke(0);
    ask_next(0);
    later(TIMEOUT_MS + GW_WHEEL_TICK_MS);
    ck_assert_uint_eq(calls[0].told, 1);
    ck_assert(calls[0].is_error);
    post(0, 0, "response", "", "1");
    got(0, 400, BADID);
    ask_next(0);
    is_waiting(0);
    invoke(1);
    got_event(0, 1);
    close_door();
}
END_TEST

static void refuse(unsigned i, const char *path, unsigned status,
                   uint64_t length)
{
    struct gw_http_request r = { .method = GW_LIT("POST"),
                                 .path = gw_str_of(path),
                                 .has_length = length != 0,
                                 .body_bytes = length };

    links[i].asked = true;
    gw_door_events.on_refuse(door, fake_link_of(&links[i]), path ? &r : NULL,
                             status);
    ck_assert(links[i].last);
}

#define TOO_LARGE                                                         \
    "{\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 " \
    "bytes).\",\"errorType\":\"RequestEntityTooLarge\"}\n"
#define TRUNCATED                                               \
    "{\"errorMessage\":\"HTTP request detected as truncated\"," \
    "\"errorType\":\"TruncatedHTTPRequest\"}\n"
#define CUT                                                           \
    "{\"errorMessage\":\"The response was truncated\",\"errorType\":" \
    "\"Runtime.TruncatedResponse\"}"

static const char *path_of(unsigned call)
{
    static char path[128];

    snprintf(path, sizeof(path), "/2018-06-01/runtime/invocation/%s/response",
             calls[call].v.id);
    return path;
}

START_TEST(an_answer_too_large_fails_its_run)
{
    open_door(_i);
    invoke(0);
    invoke(1);
    ask_next(0);
    refuse(0, path_of(0), 413, 7000000);
    got(0, 413, TOO_LARGE);
    ck_assert_uint_eq(calls[0].told, 1);
    ck_assert(calls[0].is_error);
    ck_assert_ptr_nonnull(
        strstr(calls[0].payload, "\"Function.ResponseSizeTooLarge\""));
    hang_up(0, NULL);
    /* in chunks */
    ask_next(1);
    got_event(1, 1);
    refuse(2, path_of(1), 413, 0);
    got(2, 413, TOO_LARGE);
    ck_assert_ptr_nonnull(
        strstr(calls[1].payload, "\"Function.ResponseSizeTooLarge\""));
    /* whose it was cannot be told */
    refuse(3, "/2018-06-01/runtime/init/error", 413, 7000000);
    got(3, 413, TOO_LARGE);
    close_door();
}
END_TEST

START_TEST(a_body_that_cannot_be_read_fails_its_run)
{
    open_door(_i);
    invoke(0);
    ask_next(0);
    refuse(1, path_of(0), 400, 0);
    got(1, 400, TRUNCATED);
    ended(0, true, CUT);
    refuse(2, NULL, 431, 0);
    ck_assert_uint_eq(links[2].status, 431);
    close_door();
}
END_TEST

START_TEST(an_answer_cut_off_fails_its_run)
{
    struct gw_http_request r = { .method = GW_LIT("POST") };

    open_door(_i);
    invoke(0);
    ask_next(0);
    r.path = gw_str_of(path_of(0));
    hang_up(1, &r);
    ended(0, true, CUT);
    /* on the connection that took it: it is told once */
    invoke(1);
    ask_next(0);
    r.path = gw_str_of(path_of(1));
    hang_up(0, &r);
    ended(1, true, CUT);
    close_door();
}
END_TEST

/* --- lost runtimes -------------------------------------------------------------- */

static const struct {
    const char *name, *line, *headers;
    bool comes_back;
} habits[] = {
    { "a client that keeps its connection", "HTTP/1.1", "Host: h\r\n", false },
    { "one that says it will close", "HTTP/1.1",
      "Host: h\r\nConnection: close\r\n", true },
    { "http 1.0", "HTTP/1.0", "", true },
    { "http 1.0 that stays", "HTTP/1.0", "Connection: keep-alive\r\n", false },
    { "curl", "HTTP/1.1", "Host: h\r\nUser-Agent: curl/7.88.1\r\n", true },
    { "wget", "HTTP/1.1", "Host: h\r\nUser-Agent: Wget/1.21.3\r\n", true },
    { "python's client, which is a libcurl", "HTTP/1.1",
      "Host: h\r\nUser-Agent: aws-lambda-cpp/0.2.8\r\n", false },
};

START_TEST(an_attached_runtime_is_lost_with_its_connection)
{
    open_door(true);
    invoke(0);
    ask(0, "GET /2018-06-01/runtime/invocation/next %s\r\n%s\r\n",
        habits[_i].line, habits[_i].headers);
    got_event(0, 0);
    hang_up(0, NULL);
    post(1, 0, "response", "", "1");
    if (habits[_i].comes_back) {
        got(1, 202, OK);
        ended(0, false, "1");
    } else {
        got(1, 400, BADID);
        ended(0, true,
              "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":"
              "\"RequestId: 00000000-0000-4000-8000-00000000abcd Error: "
              "Runtime exited with error: it closed its connection\"}");
    }
    close_door();
}
END_TEST

START_TEST(who_has_answered_may_go)
{
    open_door(_i);
    invoke(0);
    ask_next(0);
    post(1, 0, "response", "", "1");
    hang_up(0, NULL);
    ended(0, false, "1");
    close_door();
}
END_TEST

START_TEST(a_process_is_lost_when_its_supervisor_says_so)
{
    open_door(false);
    invoke(0);
    ask_next(0);
    hang_up(0, NULL);
    ck_assert_uint_eq(calls[0].told, 0);
    post(1, 0, "response", "", "1");
    ended(0, false, "1");
    close_door();
}
END_TEST

START_TEST(a_closed_door_leaves_its_runs_alone)
{
    open_door(true);
    invoke(0);
    ask_next(0);
    hang_up(0, NULL); /* lost: keeps its connection */
    ck_assert_uint_eq(calls[0].told, 1);
    invoke(1);
    ask(0, NEXT "Connection: close\r\n\r\n");
    hang_up(0, NULL);
    gw_door_close(door);
    door = gw_door_new(&fake_link_ops, &runtime);
    post(1, 1, "response", "", "1");
    got(1, 202, OK);
    ended(1, false, "1");
    close_door();
}
END_TEST

/* --- the rest ------------------------------------------------------------------- */

START_TEST(a_runtime_may_fail_to_start)
{
    open_door(false);
    ask(0, POST "init/error HTTP/1.1\r\nHost: h\r\nContent-Length: 17\r\n\r\n"
                "{\"errorType\":\"E\"}");
    got(0, 202, OK);
    ck_assert_str_eq(failure, "{\"errorType\":\"E\"}");
    ask(1, POST "init/error HTTP/1.1\r\nHost: h\r\n\r\n");
    got(1, 403, NO_TRANSITION("InitError", "InitError"));
    ask_next(1);
    got(1, 403, NO_TRANSITION("InitError", "Ready"));
    close_door();
}
END_TEST

START_TEST(a_runtime_that_started_cannot_fail_to)
{
    open_door(_i);
    invoke(0);
    ask_next(0);
    ask(0, POST "init/error HTTP/1.1\r\nHost: h\r\n\r\n");
    got(0, 403, NO_TRANSITION("Running", "InitError"));
    post(0, 0, "response", "", "1");
    ask(0, POST "init/error HTTP/1.1\r\nHost: h\r\n\r\n");
    got(0, 403, NO_TRANSITION("RuntimeResponseSentState", "InitError"));
    ck_assert_str_eq(failure, "");
    close_door();
}
END_TEST

static const struct {
    const char *method, *path;
    unsigned status;
    const char *allow;
} paths[] = {
    { "GET", "/2018-06-01/ping", 200, NULL },
    { "POST", "/2018-06-01/ping", 405, "GET" },
    { "POST", "/2018-06-01/runtime/invocation/next", 405, "GET" },
    { "HEAD", "/2018-06-01/runtime/invocation/next", 405, "GET" },
    { "GET", "/2018-06-01/runtime/invocation/x/response", 405, "POST" },
    { "PUT", "/2018-06-01/runtime/invocation/x/error", 405, "POST" },
    { "GET", "/2018-06-01/runtime/init/error", 405, "POST" },
    { "GET", "/2018-06-01/runtime/restore/next", 404, NULL },
    { "POST", "/2018-06-01/runtime/restore/error", 404, NULL },
    { "POST", "/2018-06-01/runtime/invocation/x/respons", 404, NULL },
    { "POST", "/2018-06-01/runtime/invocation/x/response/", 404, NULL },
    { "POST", "/2018-06-01/runtime/invocation/x", 404, NULL },
    { "GET", "/2018-06-01/runtime/invocation/", 404, NULL },
    { "GET", "/2018-06-01/runtime/invocation", 404, NULL },
    { "GET", "/2018-06-01/pingg", 404, NULL },
    { "GET", "/2018-06-02/runtime/invocation/next", 404, NULL },
    { "GET", "/", 404, NULL },
};

START_TEST(paths_and_methods)
{
    open_door(true);
    ask(0, "%s %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[_i].method,
        paths[_i].path);
    ck_assert(!links[0].asked);
    ck_assert_uint_eq(links[0].status, paths[_i].status);
    ck_assert(!links[0].last);
    ck_assert_gw_str(fake_link_header(&links[0], "Allow"),
                     gw_str_of(paths[_i].allow));
    if (paths[_i].status == 200)
        got(0, 200, "pong");
    close_door();
}
END_TEST

GW_SUITE("server/function/runtime_api")
{
    tcase_add_loop_test(tc, an_event_has_its_headers, 0, 2);
    tcase_add_loop_test(tc, empty_headers_are_left_out, 0, 2);
    tcase_add_test(tc, who_came_first_is_served_first);
    tcase_add_loop_test(tc, who_hangs_up_while_waiting_is_given_nothing, 0, 2);
    tcase_add_loop_test(tc, next_is_refused_while_an_answer_is_owed, 0, 2);
    tcase_add_test(tc, a_process_is_one_whatever_its_connections);
    tcase_add_test(tc, a_process_that_rests_waits_for_nothing);
    tcase_add_test(tc, only_so_many_wait);
    tcase_add_loop_test(tc, an_answer_ends_its_run, 0, 2 * GW_LEN(answers));
    tcase_add_loop_test(tc, a_streamed_answer_may_fail_in_its_trailers, 0,
                        GW_LEN(trailed));
    tcase_add_test(tc, ids_may_be_percent_encoded);
    tcase_add_loop_test(tc, an_unknown_id_is_refused, 0, 2);
    tcase_add_test(tc, another_door_of_the_function_knows_its_own_runs_only);
    tcase_add_loop_test(tc, a_late_answer_is_refused, 0, 2);
    tcase_add_loop_test(tc, an_answer_too_large_fails_its_run, 0, 2);
    tcase_add_loop_test(tc, a_body_that_cannot_be_read_fails_its_run, 0, 2);
    tcase_add_loop_test(tc, an_answer_cut_off_fails_its_run, 0, 2);
    tcase_add_loop_test(tc, an_attached_runtime_is_lost_with_its_connection, 0,
                        GW_LEN(habits));
    tcase_add_loop_test(tc, who_has_answered_may_go, 0, 2);
    tcase_add_test(tc, a_process_is_lost_when_its_supervisor_says_so);
    tcase_add_test(tc, a_closed_door_leaves_its_runs_alone);
    tcase_add_test(tc, a_runtime_may_fail_to_start);
    tcase_add_loop_test(tc, a_runtime_that_started_cannot_fail_to, 0, 2);
    tcase_add_loop_test(tc, paths_and_methods, 0, GW_LEN(paths));
}
