/*
 * A door on a real edge: what the fake link of runtime_api.c cannot show.
 * Client and server take turns on one thread.
 */
#include "server/function/runtime_api.h"

#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 4, CLIENTS = 5 };

static const char next[] =
    "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n";

struct call {
    struct gw_invocation v;
    unsigned told;
    bool is_error;
    size_t bytes;
    char start[256];
};

struct client {
    int fd;
    struct gw_buf got;
    bool over;
};

static struct gw_loop loop;

/* Tight: what a door's clients may do is not by these. */
static const struct gw_settings settings = {
    .max_header_bytes = 10240,
    .max_target_bytes = 4096,
    .max_body_bytes = 1024,
    .head_timeout_ms = 10000,
    .body_timeout_ms = 1,
    .keep_alive_timeout_ms = 1,
    .out_queue_bytes = 64 * 1024,
    .out_queue_total_bytes = 1 << 20,
};
static struct gw_addresses *addresses;
static struct gw_metrics metrics;
static struct gw_edge *edge;
static struct gw_function f;
static struct gw_function_spec spec;
static struct gw_runtime runtime;
static struct gw_door *door;
static uint16_t port;
static struct call calls[CALLS];
static struct client clients[CLIENTS];

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct call *c = GW_CONTAINER(v, struct call, v);

    c->told++;
    if (err)
        return;
    c->is_error = outcome->is_error;
    c->bytes = outcome->payload.len;
    snprintf(c->start, sizeof(c->start), "%.*s", GW_FMT(outcome->payload));
}

static void turn(void)
{
    struct pollfd fd = { .fd = uv_backend_fd(&loop.uv), .events = POLLIN };
    int wait = uv_backend_timeout(&loop.uv);

    if (wait)
        poll(&fd, 1, wait < 0 || wait > 10 ? 10 : wait);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
}

/* Takes what has come for a client; false at the end. */
static void listen_to(struct client *c)
{
    char bytes[65536];
    ssize_t n = 0;

    while (!c->over && (n = read(c->fd, bytes, sizeof(bytes))) > 0)
        ck_assert(!gw_buf_add(&c->got, (gw_str){ bytes, (size_t)n }));
    if (n == 0 || errno != EAGAIN)
        c->over = true;
    ck_assert_msg(n >= 0 || errno == EAGAIN, "the client's socket: %s",
                  strerror(errno));
}

static void turns(void)
{
    turn();
    for (size_t i = 0; i < CLIENTS; i++)
        if (clients[i].fd >= 0)
            listen_to(&clients[i]);
}

/* Takes turns until it holds; a test that hangs is ended by its runner. */
#define UNTIL(what) \
    while (!(what)) \
    turns()

static void start(void)
{
    const struct gw_address address = { .text = GW_LIT("127.0.0.1:0"),
                                        .host = GW_LIT("127.0.0.1") };
    char bound[GW_BOUND_MAX];
    struct gw_fault why;
    int fd;

    memset(calls, 0, sizeof(calls));
    memset(&metrics, 0, sizeof(metrics));
    addresses = gw_addresses_new(&(struct gw_hash_key){ 1, 2 });
    gw_loop_init(&loop);
    edge = gw_edge_new(&loop, &settings, 1, addresses, &metrics, &why);
    ck_assert_msg(edge != NULL, "%s", why.text);
    spec = (struct gw_function_spec){ .name = GW_LIT("chat"),
                                      .arn = GW_LIT("arn:aws:lambda:x"),
                                      .timeout_ms = 900000,
                                      .concurrency = 8 };
    f = (struct gw_function){ .spec = &spec,
                              .waiting_max = CALLS,
                              .wheel = &loop.wheel,
                              .clock = &loop.clock,
                              .metrics = &metrics,
                              .land = on_land };
    gw_function_init(&f);
    runtime = (struct gw_runtime){ .function = &f };
    ck_assert_int_eq(gw_edge_bind(&address, &fd, bound, &port, &why), GW_OK);
    door = gw_door_open(edge, fd, &runtime);
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
}

/* Everything the door and the edge had is given back. */
static void finish(void)
{
    if (door)
        gw_door_close(door);
    door = NULL;
    gw_function_cancel_all(&f);
    GW_LIST_EACH_SAFE (node, after, &f.flights) {
        gw_flight_lose(GW_CONTAINER(node, struct gw_flight, node), "over");
    }
    gw_function_fini(&f);
    gw_edge_close(edge);
    UNTIL(gw_edge_is_empty(edge));
    ck_assert_uint_eq(metrics.sockets_open, 0);
    ck_assert_uint_eq(metrics.out_queued_bytes, 0);
    gw_edge_leave_loop(edge);
    gw_loop_close(&loop);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    gw_edge_free(edge);
    gw_loop_fini(&loop);
    gw_addresses_free(addresses);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].fd < 0)
            continue;
        close(clients[i].fd);
        gw_buf_fini(&clients[i].got);
    }
}

static void enter(unsigned i)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct client *c = &clients[i];

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    gw_buf_init(&c->got, 16 << 20);
}

static void send_all(unsigned i, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(clients[i].fd, bytes, len, MSG_NOSIGNAL);

        ck_assert_msg(n > 0 || errno == EAGAIN, "send: %s", strerror(errno));
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
        turns();
    }
}

static void ask(unsigned i, const char *text)
{
    send_all(i, text, strlen(text));
}

static void post(unsigned i, unsigned call, const char *framing)
{
    char head[512];
    int n = snprintf(head, sizeof(head),
                     "POST /2018-06-01/runtime/invocation/%s/response "
                     "HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n",
                     calls[call].v.id, framing);

    send_all(i, head, (size_t)n);
}

static void invoke(unsigned i, gw_str payload)
{
    calls[i].v.payload = payload;
    snprintf(calls[i].v.id, sizeof(calls[i].v.id),
             "0000%04x-0000-4000-8000-00000000abcd", i);
    ck_assert_int_eq(gw_function_invoke(&f, &calls[i].v), GW_OK);
}

static bool has(unsigned i, const char *text)
{
    return clients[i].got.len &&
           memmem(clients[i].got.at, clients[i].got.len, text, strlen(text));
}

static char *large(size_t bytes)
{
    char *text = gw_realloc(NULL, bytes);

    memset(text, 'x', bytes);
    return text;
}

/* As large as an event and an answer may be, on one connection, though the
 * settings bound everybody else to less; and a drain does not end it. */
START_TEST(an_event_and_its_answer_may_be_large)
{
    char *text = large(GW_INVOKE_ANSWER_MAX);

    start();
    gw_edge_drain(edge);
    enter(0);
    ask(0, next);
    UNTIL(f.waiter_count);
    invoke(0, (gw_str){ text, GW_INVOKE_BYTES_MAX });
    UNTIL(clients[0].got.len > GW_INVOKE_BYTES_MAX);
    ck_assert(has(0, "Content-Length: 6291456\r\n"));
    ck_assert(!has(0, "Connection: close"));
    post(0, 0, "Content-Length: 6291556");
    send_all(0, text, GW_INVOKE_ANSWER_MAX);
    UNTIL(has(0, "{\"status\":\"OK\"}"));
    ck_assert_uint_eq(calls[0].told, 1);
    ck_assert_uint_eq(calls[0].bytes, GW_INVOKE_ANSWER_MAX);
    ask(0, next);
    UNTIL(f.waiter_count);
    ck_assert(!clients[0].over);
    finish();
    free(text);
}
END_TEST

/* 7 MB, all of it sent before the client reads what became of it. */
START_TEST(who_sends_too_much_reads_why)
{
    enum { BYTES = 7000000 };
    char *text = large(BYTES);

    start();
    enter(0);
    ask(0, next);
    invoke(0, GW_LIT("{}"));
    UNTIL(has(0, "{}"));
    if (_i) {
        post(0, 0, "Transfer-Encoding: chunked");
        for (size_t at = 0; at < BYTES; at += 1000000) {
            ask(0, "f4240\r\n");
            send_all(0, text, 1000000);
            ask(0, "\r\n");
        }
        ask(0, "0\r\n\r\n");
    } else {
        post(0, 0, "Content-Length: 7000000");
        send_all(0, text, BYTES);
    }
    UNTIL(clients[0].over);
    ck_assert(has(0, "HTTP/1.1 413 "));
    ck_assert(has(0, "\"errorType\":\"RequestEntityTooLarge\""));
    ck_assert_uint_eq(calls[0].told, 1);
    ck_assert_ptr_nonnull(
        strstr(calls[0].start, "\"Function.ResponseSizeTooLarge\""));
    finish();
    free(text);
}
END_TEST

START_TEST(trailers_come_up_with_the_request)
{
    start();
    enter(0);
    ask(0, next);
    invoke(0, GW_LIT("{}"));
    UNTIL(has(0, "{}"));
    post(0, 0, "Transfer-Encoding: chunked");
    ask(0, "1\r\nx\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n");
    UNTIL(has(0, "{\"status\":\"OK\"}"));
    ck_assert(calls[0].is_error);
    ck_assert_str_eq(calls[0].start,
                     "{\"errorMessage\":\"\",\"errorType\":\"E\"}");
    finish();
}
END_TEST

START_TEST(a_body_may_take_its_time)
{
    start();
    enter(0);
    ask(0, next);
    invoke(0, GW_LIT("{}"));
    UNTIL(has(0, "{}"));
    post(0, 0, "Content-Length: 2\r\nExpect: 100-continue");
    UNTIL(has(0, "100 Continue"));          /* the body is waited for */
    ck_assert_uint_eq(loop.wheel.count, 1); /* with the run's deadline only */
    ask(0, "12");
    UNTIL(has(0, "{\"status\":\"OK\"}"));
    ck_assert_uint_eq(loop.wheel.count, 0);
    ck_assert_str_eq(calls[0].start, "12");
    finish();
}
END_TEST

START_TEST(a_lost_runtime_is_told_at_once)
{
    start();
    enter(0);
    ask(0, next);
    invoke(0, GW_LIT("{}"));
    UNTIL(has(0, "{}"));
    if (_i) {
        post(0, 0, "Content-Length: 2");
        ask(0, "1");
    }
    close(clients[0].fd);
    clients[0].fd = -1;
    gw_buf_fini(&clients[0].got);
    UNTIL(calls[0].told);
    ck_assert(calls[0].is_error);
    ck_assert_ptr_nonnull(
        strstr(calls[0].start,
               _i ? "Runtime.TruncatedResponse" : "Runtime.ExitError"));
    finish();
}
END_TEST

/* A client that waits, one that owes an answer, one amid its body, one at
 * rest, one that has said nothing: the runtime is gone before they are. */
START_TEST(a_door_may_close_on_everybody)
{
    start();
    for (unsigned i = 0; i < CLIENTS; i++)
        enter(i);
    ask(0, next);
    UNTIL(f.waiter_count);
    invoke(0, GW_LIT("{}"));
    invoke(1, GW_LIT("{}"));
    UNTIL(has(0, "{}"));
    ask(1, next);
    UNTIL(has(1, "{}"));
    ask(2, next);
    UNTIL(f.waiter_count);
    ask(3, "GET /2018-06-01/ping HTTP/1.1\r\nHost: h\r\n\r\n");
    UNTIL(has(3, "pong"));
    post(1, 1, "Content-Length: 9");
    ask(1, "1");
    gw_edge_close(edge); /* does not end what is ours */
    turns();
    ck_assert(gw_edge_is_closed(edge));
    ck_assert(!gw_edge_is_empty(edge));
    ck_assert(!clients[2].over);
    gw_door_close(door);
    door = NULL;
    memset(&runtime, 0xff, sizeof(runtime));
    ck_assert_uint_eq(f.waiter_count, 0);
    ck_assert_uint_eq(f.flight_count, 2);
    for (unsigned i = 0; i < CLIENTS; i++)
        UNTIL(clients[i].over);
    UNTIL(gw_edge_is_empty(edge));
    runtime = (struct gw_runtime){ .function = &f };
    finish();
}
END_TEST

GW_SUITE("server/function/door")
{
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, an_event_and_its_answer_may_be_large);
    tcase_add_loop_test(tc, who_sends_too_much_reads_why, 0, 2);
    tcase_add_test(tc, trailers_come_up_with_the_request);
    tcase_add_test(tc, a_body_may_take_its_time);
    tcase_add_loop_test(tc, a_lost_runtime_is_told_at_once, 0, 2);
    tcase_add_test(tc, a_door_may_close_on_everybody);
}
