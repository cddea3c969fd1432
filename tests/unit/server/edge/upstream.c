/*
 * Lanes, the pool, retries, deadlines, cancelling and closing.
 */
#include "server/edge/upstream.h"

#include "tests/unit/server/edge/upstream_world.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct world world, *const w = &world;
static struct backend b;
static struct gw_fetch_lane *lane;

static void open_all(uint32_t in_flight, uint32_t waiting)
{
    world_init(w);
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, in_flight, waiting);
}

static void close_all(void)
{
    w->f->lane_close(lane);
    backend_close(&b);
    world_fini(w);
}

/* One exchange; the connection it leaves behind. */
static int warm(void)
{
    struct call c = { 0 };
    int fd;

    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd, OK_EMPTY);
    call_answered(w, &c, 200, GW_EMPTY);
    ck_assert_uint_eq(w->counters->open, 1);
    return fd;
}

static void answer(int fd, struct call *c)
{
    hear_any(w, fd);
    say(w, fd, OK_HELLO);
    call_answered(w, c, 200, GW_LIT("hello"));
}

/* On a connection of its own. */
static void answer_anew(struct call *c)
{
    int fd = backend_accept(w, &b);

    answer(fd, c);
    close(fd);
}

/* --- the pool ---------------------------------------------------------------- */

START_TEST(a_kept_connection_is_used_again)
{
    int fd;

    open_all(4, 4);
    fd = warm();
    for (unsigned i = 0; i < 10; i++) {
        struct call c = { 0 };

        call_start(w, &c, lane, "POST", GW_LIT("body"));
        answer(fd, &c);
    }
    ck_assert_uint_eq(w->counters->opened, 1);
    ck_assert_uint_eq(w->counters->reused, 10);
    close(fd);
    close_all();
}
END_TEST

START_TEST(lanes_to_one_origin_share_its_connections)
{
    struct gw_fetch_lane *other;
    struct call c = { 0 };
    int fd;

    open_all(4, 4);
    other = lane_to(w, "127.0.0.1", b.port, 1, 0);
    fd = warm();
    call_start(w, &c, other, "POST", GW_EMPTY);
    answer(fd, &c);
    ck_assert_uint_eq(w->counters->opened, 1);
    w->f->lane_close(lane);
    ck_assert_uint_eq(w->counters->open, 1);
    lane = other; /* the last one takes the connections along */
    close_all();
    close(fd);
}
END_TEST

START_TEST(no_more_than_the_bound_are_kept)
{
    struct call c[5] = { 0 };
    int fd[5];

    open_all(5, 0);
    for (size_t i = 0; i < 5; i++) {
        call_start(w, &c[i], lane, "GET", GW_EMPTY);
        fd[i] = backend_accept(w, &b);
    }
    for (size_t i = 0; i < 5; i++)
        answer(fd[i], &c[i]);
    ck_assert_uint_eq(w->counters->open, 2);
    for (size_t i = 0; i < 5; i++)
        close(fd[i]);
    close_all();
}
END_TEST

START_TEST(a_connection_rests_as_long_as_the_settings_say)
{
    int fd;

    open_all(4, 4);
    fd = warm();
    world_advance(w, 59 * 1000);
    ck_assert_uint_eq(w->counters->open, 1);
    world_advance(w, 1100);
    ck_assert_uint_eq(w->counters->open, 0);
    hear_end(w, fd);
    close_all();
}
END_TEST

START_TEST(a_connection_rests_less_when_the_backend_says_so)
{
    struct call c = { 0 };
    int fd;

    open_all(4, 4);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd,
        GW_LIT("HTTP/1.1 204 No Content\r\nKeep-Alive: max=9, "
               "timeout=5\r\n\r\n"));
    call_answered(w, &c, 204, GW_EMPTY);
    world_advance(w, 4400);
    ck_assert_uint_eq(w->counters->open, 1);
    world_advance(w, 200);
    ck_assert_uint_eq(w->counters->open, 0);
    hear_end(w, fd);
    close_all();
}
END_TEST

static const struct {
    const char *name;
    gw_str said;
    bool ends;
} stirrings[] = {
    { "an end", GW_LIT(""), true },
    { "a flood", GW_LIT("HTTP/1.1 408 Request Timeout\r\n\r\n"), false },
    { "last words", GW_LIT("HTTP/1.1 408 Request Timeout\r\n\r\n"), true },
};

START_TEST(a_resting_connection_that_stirs_is_dropped)
{
    struct call c = { 0 };
    int fd;

    open_all(4, 4);
    fd = warm();
    say(w, fd, stirrings[_i].said);
    if (stirrings[_i].ends)
        close(fd);
    UNTIL(w->counters->open == 0);
    call_start(w, &c, lane, "POST", GW_EMPTY);
    answer_anew(&c);
    ck_assert_uint_eq(w->counters->retried, 0);
    if (!stirrings[_i].ends)
        close(fd);
    close_all();
}
END_TEST

/* The loop has not come round to notice the end when the request sets out.
 * RFC 9112, 9.3.1: only idempotent methods are sent again unasked. */
static const struct {
    const char *name, *method;
    int64_t rested_ms;
    bool resets; /* before the request: nothing can be sent */
    gw_err err;
    unsigned retried;
} races[] = {
    { "GET", "GET", 0, false, GW_OK, 1 },
    { "HEAD", "HEAD", 0, false, GW_OK, 1 },
    { "PUT", "PUT", 0, false, GW_OK, 1 },
    { "DELETE", "DELETE", 0, false, GW_OK, 1 },
    { "POST", "POST", 0, false, GW_E_UPSTREAM, 0 },
    { "PATCH", "PATCH", 0, false, GW_E_UPSTREAM, 0 },
    { "POST that could not be sent", "POST", 0, true, GW_OK, 1 },
    { "POST, asked first", "POST", 600, false, GW_OK, 0 },
    { "POST, asked first, reset", "POST", 600, true, GW_OK, 0 },
};

START_TEST(a_dead_connection_is_retried_where_that_is_safe)
{
    struct call c = { 0 };
    int fd;

    open_all(4, 4);
    fd = warm();
    w->clock.now_ms += races[_i].rested_ms;
    if (races[_i].resets)
        reset(fd);
    else
        close(fd);
    call_start(w, &c, lane, races[_i].method, GW_EMPTY);
    if (races[_i].err) {
        call_ends(w, &c, races[_i].err);
        ck_assert(!backend_is_called(&b));
    } else {
        fd = backend_accept(w, &b);
        hear_any(w, fd);
        say(w, fd, OK_EMPTY);
        call_answered(w, &c, 200, GW_EMPTY);
        close(fd);
    }
    ck_assert_uint_eq(w->counters->retried, races[_i].retried);
    close_all();
}
END_TEST

/* --- what is not wanted any more ----------------------------------------------- */

static bool is_wanted(void *ctx)
{
    const struct call *c = ctx;

    return c->ctx == NULL;
}

/* Over a new connection and a kept one: the other end hears nothing of it. */
START_TEST(what_is_not_wanted_any_more_is_not_sent)
{
    struct call c = { .is_wanted = is_wanted }, next = { 0 };
    char byte;
    int fd = -1;

    open_all(4, 4);
    if (_i)
        fd = warm();
    if (_i)
        c.ctx = &c;
    call_start(w, &c, lane, "POST", GW_LIT("x"));
    c.ctx = &c; /* while it connects */
    call_ends(w, &c, GW_E_CANCELLED);
    if (!_i)
        fd = backend_accept(w, &b);
    world_settle(w);
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0); /* hung up */
    close(fd);
    if (_i) { /* it was tried on a fresh one, too */
        fd = backend_accept(w, &b);
        ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
        close(fd);
    }
    call_start(w, &next, lane, "POST", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd, OK_EMPTY);
    call_answered(w, &next, 200, GW_EMPTY);
    close(fd);
    close_all();
}
END_TEST

static const struct {
    const char *name;
    gw_str said;
    bool fresh;
} ends[] = {
    { "a fresh one, silent", GW_LIT(""), true },
    { "a kept one, half way", GW_LIT("HTTP/1.1 200 OK\r\nContent-"), false },
};

START_TEST(nothing_else_is_sent_again)
{
    struct call c = { 0 };
    int fd = -1;

    open_all(4, 4);
    if (!ends[_i].fresh)
        fd = warm();
    call_start(w, &c, lane, "GET", GW_EMPTY);
    if (ends[_i].fresh)
        fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd, ends[_i].said);
    close(fd);
    call_ends(w, &c, GW_E_UPSTREAM);
    world_settle(w);
    ck_assert(!backend_is_called(&b));
    close_all();
}
END_TEST

START_TEST(a_second_try_is_the_last)
{
    struct call c = { 0 };
    int fd;

    open_all(4, 4);
    close(warm());
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    close(fd);
    call_ends(w, &c, GW_E_UPSTREAM);
    ck_assert_uint_eq(w->counters->retried, 1);
    close_all();
}
END_TEST

/* --- names and addresses ----------------------------------------------------- */

static uint16_t unused_port(void)
{
    struct backend once;

    backend_open(&once);
    backend_close(&once);
    return once.port;
}

/* RFC 6761, 6.4: .invalid never resolves. */
static const char *const unreachable[] = {
    "127.0.0.1", "::1", "[::1]", "no-such-host.invalid", "", "a..b", "a b",
};

START_TEST(what_cannot_be_reached_is_said_so)
{
    struct gw_fetch_lane *nowhere;
    struct call c[3] = { 0 };

    open_all(1, 1);
    nowhere = lane_to(w, unreachable[_i], unused_port(), 2, 2);
    for (size_t i = 0; i < 3; i++)
        call_start(w, &c[i], nowhere, "POST", GW_EMPTY);
    for (size_t i = 0; i < 3; i++)
        call_ends(w, &c[i], GW_E_UNREACHABLE);
    ck_assert_uint_eq(w->counters->failures[GW_E_UNREACHABLE], 3);
    ck_assert_uint_eq(w->counters->in_flight, 0);
    w->f->lane_close(nowhere);
    close_all();
}
END_TEST

/* "localhost" may be ::1 first, where nobody listens. */
START_TEST(a_name_is_looked_up_once_for_all_that_wait_for_it)
{
    struct gw_fetch_lane *named;
    struct call c[3] = { 0 };
    int fd;

    open_all(1, 1);
    named = lane_to(w, "localhost", b.port, 3, 0);
    for (size_t i = 0; i < 3; i++)
        call_start(w, &c[i], named, "GET", GW_EMPTY);
    for (size_t i = 0; i < 3; i++) {
        fd = backend_accept(w, &b);
        hear_any(w, fd);
        say(w, fd, OK_EMPTY);
        close(fd);
    }
    for (size_t i = 0; i < 3; i++)
        call_ends(w, &c[i], GW_OK);
    /* Known by now, then asked for again behind the scenes. */
    for (size_t i = 0; i < 2; i++) {
        struct call again = { 0 };

        world_advance(w, 20 * 1000);
        call_start(w, &again, named, "GET", GW_EMPTY);
        answer_anew(&again);
    }
    w->f->lane_close(named);
    close_all();
}
END_TEST

/* --- lanes ------------------------------------------------------------------- */

START_TEST(a_lane_runs_as_many_as_it_may_and_the_rest_in_order)
{
    struct call c[6] = { 0 };
    int fd[2];

    open_all(2, 3);
    for (size_t i = 0; i < 5; i++)
        call_start(w, &c[i], lane, "POST", GW_EMPTY);
    ck_assert_uint_eq(w->counters->in_flight, 2);
    ck_assert_uint_eq(w->counters->waiting, 3);
    fd[0] = backend_accept(w, &b);
    fd[1] = backend_accept(w, &b);
    world_settle(w);
    ck_assert(!backend_is_called(&b));
    answer(fd[1], &c[1]);
    answer(fd[1], &c[2]);
    answer(fd[1], &c[3]);
    answer(fd[0], &c[0]);
    answer(fd[1], &c[4]);
    ck_assert_uint_lt(c[2].place, c[3].place);
    ck_assert_uint_lt(c[3].place, c[4].place);
    ck_assert_uint_eq(w->counters->opened, 2);
    close(fd[0]);
    close(fd[1]);
    close_all();
}
END_TEST

static void not_called(void *ctx, gw_err err,
                       const struct gw_http_response *response, gw_str body)
{
    ck_abort_msg("done of a refused start");
}

static gw_err try_start(struct gw_fetch_lane *l, const char *target)
{
    struct gw_fetch_request request = {
        .method = GW_LIT("GET"),
        .target = gw_str_of(target),
        .timeout_ms = 1000,
    };
    struct gw_fetch *fetch;

    return w->f->start(l, &request, not_called, NULL, &fetch);
}

START_TEST(a_full_lane_refuses_at_once)
{
    struct call c[2] = { 0 };

    open_all(1, 1);
    call_start(w, &c[0], lane, "GET", GW_EMPTY);
    call_start(w, &c[1], lane, "GET", GW_EMPTY);
    ck_assert_int_eq(try_start(lane, "/"), GW_E_BUSY);
    ck_assert_uint_eq(w->counters->failures[GW_E_BUSY], 1);
    ck_assert_uint_eq(w->counters->requests, 2);
    w->f->cancel(c[0].fetch);
    call_ends(w, &c[0], GW_E_CANCELLED);
    w->f->cancel(c[1].fetch);
    call_ends(w, &c[1], GW_E_CANCELLED);
    close_all();
}
END_TEST

START_TEST(a_request_that_cannot_be_written_is_refused_at_once)
{
    open_all(1, 1);
    ck_assert_int_eq(try_start(lane, "/ x"), GW_E_INVALID);
    ck_assert_uint_eq(w->counters->requests, 0);
    close_all();
}
END_TEST

START_TEST(one_slow_backend_does_not_slow_another)
{
    struct call slow[3] = { 0 }, quick = { 0 };
    struct gw_fetch_lane *other;
    struct backend b2;
    int fd;

    open_all(2, 1);
    backend_open(&b2);
    other = lane_to(w, "127.0.0.1", b2.port, 1, 0);
    for (size_t i = 0; i < 3; i++)
        call_start(w, &slow[i], lane, "POST", GW_EMPTY);
    ck_assert_int_eq(try_start(lane, "/"), GW_E_BUSY);
    call_start(w, &quick, other, "POST", GW_EMPTY);
    fd = backend_accept(w, &b2);
    answer(fd, &quick);
    ck_assert_uint_eq(slow[0].dones + slow[1].dones + slow[2].dones, 0);
    world_advance(w, 5100);
    for (size_t i = 0; i < 3; i++)
        call_ends(w, &slow[i], GW_E_TIMEOUT);
    w->f->lane_close(other);
    backend_close(&b2);
    close_all();
    close(fd);
}
END_TEST

START_TEST(a_closed_lane_sees_through_what_is_under_way)
{
    struct call c[2] = { 0 };
    int fd;

    open_all(1, 1);
    call_start(w, &c[0], lane, "GET", GW_EMPTY);
    call_start(w, &c[1], lane, "GET", GW_EMPTY);
    w->f->lane_close(lane);
    fd = backend_accept(w, &b);
    answer(fd, &c[0]);
    answer(fd, &c[1]);
    hear_end(w, fd); /* with the lane its origin is gone */
    backend_close(&b);
    world_fini(w);
}
END_TEST

/* --- deadlines and cancelling, wherever a fetch may be ----------------------- */

typedef enum place {
    IN_NAME,
    IN_CONNECT,
    IN_ANSWER,
    IN_HEAD,
    IN_BODY,
    IN_LANE,
    IN_SENDING,
    IN_FAILURE, /* deferred already */
    PLACES
} place;

struct stuck {
    struct backend b;
    struct gw_fetch_lane *lane;
    struct call first, c; /* first: stands before c in the lane */
    int fd;
    char *large;
};

static void say_to(struct stuck *s, gw_str bytes)
{
    s->fd = backend_accept(w, &s->b);
    hear_any(w, s->fd);
    say(w, s->fd, bytes);
    world_settle(w);
}

static void get_stuck(struct stuck *s, place where)
{
    const char *host = where == IN_NAME ? "no-such-host.invalid" : "127.0.0.1";
    gw_str body = GW_EMPTY;

    *s = (struct stuck){ .fd = -1 };
    backend_open(&s->b);
    s->lane = lane_to(w, host, where == IN_FAILURE ? 0 : s->b.port, 1, 1);
    if (where == IN_LANE)
        call_start(w, &s->first, s->lane, "GET", GW_EMPTY);
    if (where == IN_SENDING) {
        s->large = gw_alloc(16 << 20);
        body = (gw_str){ s->large, 16 << 20 };
    }
    call_start(w, &s->c, s->lane, "POST", body);
    if (where == IN_ANSWER)
        say_to(s, GW_EMPTY);
    else if (where == IN_HEAD)
        say_to(s, GW_LIT("HTTP/1.1 200 OK\r\nCont"));
    else if (where == IN_BODY)
        say_to(s, GW_LIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"));
    else if (where == IN_SENDING)
        s->fd = backend_accept(w, &s->b), world_settle(w);
}

static void get_unstuck(struct stuck *s, place where)
{
    if (where == IN_LANE) {
        w->f->cancel(s->first.fetch);
        call_ends(w, &s->first, GW_E_CANCELLED);
    }
    if (s->fd >= 0)
        hear_end(w, s->fd);
    ck_assert_uint_eq(w->counters->in_flight, 0);
    ck_assert_uint_eq(w->counters->waiting, 0);
    ck_assert_uint_eq(w->counters->open, 0);
    w->f->lane_close(s->lane);
    backend_close(&s->b);
    free(s->large);
}

START_TEST(a_fetch_may_be_cancelled_anywhere)
{
    struct stuck s;

    open_all(1, 1);
    get_stuck(&s, (place)_i);
    ck_assert_uint_eq(s.c.dones, 0);
    w->f->cancel(s.c.fetch);
    w->f->cancel(s.c.fetch);
    ck_assert_uint_eq(s.c.dones, 0); /* not from inside cancel */
    uv_run(&w->loop, UV_RUN_NOWAIT);
    call_ends(w, &s.c, GW_E_CANCELLED);
    get_unstuck(&s, (place)_i);
    close_all();
}
END_TEST

START_TEST(a_deadline_holds_anywhere)
{
    struct stuck s;

    if (_i == IN_FAILURE)
        return;
    open_all(1, 1);
    get_stuck(&s, (place)_i);
    world_advance(w, 4990);
    ck_assert_uint_eq(s.c.dones, 0);
    world_advance(w, 40);
    call_ends(w, &s.c, GW_E_TIMEOUT);
    if (_i == IN_LANE) {
        call_ends(w, &s.first, GW_E_TIMEOUT);
        w->f->lane_close(s.lane);
        backend_close(&s.b);
    } else {
        get_unstuck(&s, (place)_i);
    }
    close_all();
}
END_TEST

START_TEST(closing_ends_what_is_under_way_anywhere)
{
    struct stuck s[PLACES];

    open_all(1, 1);
    close(warm());                    /* at rest */
    for (size_t i = PLACES; i-- > 0;) /* the name last: it may fail soon */
        get_stuck(&s[i], (place)i);
    world_fini(w);
    for (size_t i = 0; i < PLACES; i++) {
        ck_assert_uint_eq(s[i].c.dones, 1);
        ck_assert_int_eq(s[i].c.err,
                         i == IN_FAILURE ? GW_E_UNREACHABLE : GW_E_CANCELLED);
        call_fini(&s[i].c);
        w->f->lane_close(s[i].lane); /* after all else has gone */
        if (s[i].fd >= 0)
            close(s[i].fd);
        backend_close(&s[i].b);
        free(s[i].large);
    }
    ck_assert_int_eq(s[IN_LANE].first.err, GW_E_CANCELLED);
    call_fini(&s[IN_LANE].first);
    w->f->lane_close(lane);
    backend_close(&b);
}
END_TEST

/* --- what a done may do ------------------------------------------------------ */

static struct call another;

static void start_another(struct call *c)
{
    call_start(c->w, &another, lane, "GET", GW_EMPTY);
}

START_TEST(a_done_may_start_the_next)
{
    struct call c = { .then = start_another }, waiting = { 0 };
    int fd;

    open_all(1, 2);
    another = (struct call){ 0 };
    call_start(w, &c, lane, "GET", GW_EMPTY);
    call_start(w, &waiting, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    answer(fd, &c);
    answer(fd, &waiting); /* was there first */
    answer(fd, &another);
    close(fd);
    close_all();
}
END_TEST

static void cancel_another(struct call *c)
{
    c->w->f->cancel(another.fetch);
}

START_TEST(a_done_may_cancel_others)
{
    struct call c = { .then = cancel_another };
    int fd;

    open_all(2, 0);
    another = (struct call){ 0 };
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    call_start(w, &another, lane, "GET", GW_EMPTY);
    answer(fd, &c);
    call_ends(w, &another, GW_E_CANCELLED);
    close(fd);
    close_all();
}
END_TEST

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

static void close_upstream(struct call *c)
{
    w->f->lane_close(lane);
    gw_upstream_close(w->u, on_closed, w);
    w->u = NULL;
}

START_TEST(a_done_may_close_everything)
{
    struct call c = { .then = close_upstream };
    int fd;

    open_all(1, 1);
    another = (struct call){ 0 };
    call_start(w, &c, lane, "GET", GW_EMPTY);
    call_start(w, &another, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd, _i ? OK_HELLO : GW_LIT("rubbish\r\n\r\n"));
    call_ends(w, &c, _i ? GW_OK : GW_E_UPSTREAM);
    call_ends(w, &another, GW_E_CANCELLED);
    close(fd);
    backend_close(&b);
    world_fini(w);
}
END_TEST

static gw_err late;

static void start_late(struct call *c)
{
    late = try_start(lane, "/");
}

START_TEST(nothing_starts_while_closing)
{
    struct call c = { .then = start_late };

    open_all(1, 1);
    late = GW_OK;
    call_start(w, &c, lane, "GET", GW_EMPTY);
    backend_close(&b);
    world_fini(w);
    ck_assert_int_eq(late, GW_E_CANCELLED);
    ck_assert_int_eq(try_start(lane, "/"), GW_E_CANCELLED);
    w->f->lane_close(lane);
    call_fini(&c);
}
END_TEST

START_TEST(a_certificate_file_that_is_none_is_refused)
{
    uv_loop_t loop;
    struct gw_clock clock = { 0 };
    struct gw_wheel wheel;

    uv_loop_init(&loop);
    gw_wheel_init(&wheel, 0, NULL);
    ck_assert_ptr_null(
        gw_upstream_new(&loop, &wheel, &clock,
                        &(struct gw_upstream_settings){
                            .ca_file = _i ? "/dev/null" : "/no/such/file" }));
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

GW_SUITE("server/edge/upstream")
{
    tcase_add_test(tc, a_kept_connection_is_used_again);
    tcase_add_test(tc, lanes_to_one_origin_share_its_connections);
    tcase_add_test(tc, no_more_than_the_bound_are_kept);
    tcase_add_test(tc, a_connection_rests_as_long_as_the_settings_say);
    tcase_add_test(tc, a_connection_rests_less_when_the_backend_says_so);
    tcase_add_loop_test(tc, a_resting_connection_that_stirs_is_dropped, 0,
                        GW_LEN(stirrings));
    tcase_add_loop_test(tc, a_dead_connection_is_retried_where_that_is_safe, 0,
                        GW_LEN(races));
    tcase_add_loop_test(tc, what_is_not_wanted_any_more_is_not_sent, 0, 2);
    tcase_add_loop_test(tc, nothing_else_is_sent_again, 0, GW_LEN(ends));
    tcase_add_test(tc, a_second_try_is_the_last);
    tcase_add_loop_test(tc, what_cannot_be_reached_is_said_so, 0,
                        GW_LEN(unreachable));
    tcase_add_test(tc, a_name_is_looked_up_once_for_all_that_wait_for_it);
    tcase_add_test(tc, a_lane_runs_as_many_as_it_may_and_the_rest_in_order);
    tcase_add_test(tc, a_full_lane_refuses_at_once);
    tcase_add_test(tc, a_request_that_cannot_be_written_is_refused_at_once);
    tcase_add_test(tc, one_slow_backend_does_not_slow_another);
    tcase_add_test(tc, a_closed_lane_sees_through_what_is_under_way);
    tcase_add_loop_test(tc, a_fetch_may_be_cancelled_anywhere, 0, PLACES);
    tcase_add_loop_test(tc, a_deadline_holds_anywhere, 0, PLACES);
    tcase_add_test(tc, closing_ends_what_is_under_way_anywhere);
    tcase_add_test(tc, a_done_may_start_the_next);
    tcase_add_test(tc, a_done_may_cancel_others);
    tcase_add_loop_test(tc, a_done_may_close_everything, 0, 2);
    tcase_add_test(tc, nothing_starts_while_closing);
    tcase_add_loop_test(tc, a_certificate_file_that_is_none_is_refused, 0, 2);
}
