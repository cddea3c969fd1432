/*
 * What a backend may answer, whole, byte by byte and cut at every place.
 */
#include "tests/unit/server/edge/upstream_world.h"

#include <stdlib.h>
#include <unistd.h>

typedef enum ending { STAYS, CLOSES, RESETS } ending;

#define R "HTTP/1.1 200 OK\r\n"
#define I "HTTP/1.1 100 Continue\r\n\r\n"

/* The cap is 64 here. Framing: RFC 9112, 6 and 7; 1xx: RFC 9110, 15.2. */
static const struct {
    const char *name, *method;
    gw_str answer;
    ending ending;
    gw_err err;
    unsigned status;
    const char *body;
    bool kept;
} rows[] = {
    { "length", "GET", GW_LIT(R "Content-Length: 5\r\n\r\nhello"), STAYS, 0,
      200, "hello", true },
    { "length of zero", "POST", GW_LIT(R "Content-Length: 0\r\n\r\n"), STAYS, 0,
      200, "", true },
    { "as long as allowed", "GET",
      GW_LIT(R "Content-Length: 64\r\n\r\n0123456789abcdef0123456789abcdef"
               "0123456789abcdef0123456789abcdef"),
      STAYS, 0, 200,
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      true },
    { "chunked", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n"
               "0\r\nTrailer: t\r\n\r\n"),
      STAYS, 0, 200, "hello", true },
    { "no chunk but the last", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), STAYS, 0, 200,
      "", true },
    { "until the end", "GET", GW_LIT(R "\r\nhello"), CLOSES, 0, 200, "hello",
      false },
    { "until the end, empty", "GET", GW_LIT(R "\r\n"), CLOSES, 0, 200, "",
      false },
    { "until a reset", "GET", GW_LIT(R "\r\nhello"), RESETS, GW_E_UPSTREAM, 0,
      "", false },
    { "HEAD", "HEAD", GW_LIT(R "Content-Length: 5\r\n\r\n"), STAYS, 0, 200, "",
      true },
    { "204", "DELETE", GW_LIT("HTTP/1.1 204 No Content\r\n\r\n"), STAYS, 0, 204,
      "", true },
    { "304", "GET",
      GW_LIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), STAYS,
      0, 304, "", true },
    { "an error", "POST",
      GW_LIT("HTTP/1.1 500 Internal Server Error\r\nContent-Length: "
             "2\r\n\r\nno"),
      STAYS, 0, 500, "no", true },
    { "a redirect is not followed", "GET",
      GW_LIT("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: "
             "0\r\n\r\n"),
      STAYS, 0, 302, "", true },
    { "100 first", "POST", GW_LIT(I R "Content-Length: 2\r\n\r\nok"), STAYS, 0,
      200, "ok", true },
    { "several interim answers", "POST",
      GW_LIT(I "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" I R
               "Content-Length: 2\r\n\r\nok"),
      STAYS, 0, 200, "ok", true },
    { "too many of them", "GET",
      GW_LIT(I I I I I I I I I I I I I I I I I R "Content-Length: 0\r\n\r\n"),
      STAYS, GW_E_UPSTREAM, 0, "", false },
    { "101, unasked", "GET",
      GW_LIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), STAYS,
      GW_E_UPSTREAM, 0, "", false },
    { "Connection: close", "GET",
      GW_LIT(R "Connection: close\r\nContent-Length: 2\r\n\r\nok"), STAYS, 0,
      200, "ok", false },
    { "HTTP/1.0", "GET", GW_LIT("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
      STAYS, 0, 200, "", false },
    { "HTTP/1.0, kept", "GET",
      GW_LIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
             "0\r\n\r\n"),
      STAYS, 0, 200, "", true },
    { "more than the length", "GET",
      GW_LIT(R "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n"), STAYS,
      0, 200, "hello", false },
    { "more than the chunks", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nmore"),
      STAYS, 0, 200, "x", false },
    { "a body behind HEAD", "HEAD", GW_LIT(R "Content-Length: 5\r\n\r\nhello"),
      STAYS, 0, 200, "", false },
    { "length past the cap", "GET", GW_LIT(R "Content-Length: 65\r\n\r\n"),
      STAYS, GW_E_TOO_BIG, 0, "", false },
    { "chunks past the cap", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n40\r\n"), STAYS,
      GW_E_TOO_BIG, 0, "", false },
    { "all in all past the cap", "GET",
      GW_LIT(R "\r\n0123456789abcdef0123456789abcdef"
               "0123456789abcdef0123456789abcdef!"),
      STAYS, GW_E_TOO_BIG, 0, "", false },
    { "not HTTP", "GET", GW_LIT("SSH-2.0-OpenSSH_9.2\r\n"), STAYS,
      GW_E_UPSTREAM, 0, "", false },
    { "both lengths", "GET",
      GW_LIT(R "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
      STAYS, GW_E_UPSTREAM, 0, "", false },
    { "two lengths", "GET",
      GW_LIT(R "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), STAYS,
      GW_E_UPSTREAM, 0, "", false },
    { "a chunk size with a sign", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n"), STAYS,
      GW_E_UPSTREAM, 0, "", false },
    { "closes at once", "POST", GW_LIT(""), CLOSES, GW_E_UPSTREAM, 0, "",
      false },
    { "resets at once", "POST", GW_LIT(""), RESETS, GW_E_UPSTREAM, 0, "",
      false },
    { "closes inside the head", "GET", GW_LIT(R "Content-Le"), CLOSES,
      GW_E_UPSTREAM, 0, "", false },
    { "closes inside the body", "GET", GW_LIT(R "Content-Length: 5\r\n\r\nhe"),
      CLOSES, GW_E_UPSTREAM, 0, "", false },
    { "resets inside the body", "GET", GW_LIT(R "Content-Length: 5\r\n\r\nhe"),
      RESETS, GW_E_UPSTREAM, 0, "", false },
    { "closes inside the chunks", "GET",
      GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), CLOSES,
      GW_E_UPSTREAM, 0, "", false },
    { "whole, then reset", "GET", GW_LIT(R "Content-Length: 5\r\n\r\nhello"),
      RESETS, 0, 200, "hello", false },
};

static void small_world(struct world *w)
{
    world_init_with(w, &(struct gw_upstream_settings){
                           .max_response_bytes = 64,
                           .idle_connections = 2,
                           .idle_ms = 60 * 1000,
                       });
}

/* Cut after `split` bytes, then every `step`. */
static void converse(struct world *w, struct backend *b,
                     struct gw_fetch_lane *lane, size_t row, size_t split,
                     size_t step)
{
    gw_str rest = rows[row].answer;
    struct call c = { 0 };
    int fd;

    call_start(w, &c, lane, rows[row].method, GW_EMPTY);
    fd = backend_accept(w, b);
    hear_any(w, fd);
    for (size_t n = split; rest.len; n = step) {
        n = GW_MIN(n, rest.len);
        say(w, fd, gw_str_head(rest, n));
        rest = gw_str_skip(rest, n);
        if (rest.len)
            world_settle(w);
    }
    if (rows[row].ending == CLOSES)
        close(fd);
    if (rows[row].ending == RESETS)
        reset(fd);
    if (rows[row].err)
        call_ends(w, &c, rows[row].err);
    else
        call_answered(w, &c, rows[row].status, gw_str_of(rows[row].body));
    world_settle(w);
    if (rows[row].ending == STAYS)
        close(fd); /* one connection for each conversation */
    world_settle(w);
    ck_assert_uint_eq(w->counters->open, 0);
}

START_TEST(an_answer_is_understood_however_it_is_cut)
{
    struct world world, *w = &world;
    struct backend b;
    struct gw_fetch_lane *lane;
    size_t len = rows[_i].answer.len;

    small_world(w);
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, 4, 4);
    for (size_t split = 1; split < GW_MAX(len, 2); split++)
        converse(w, &b, lane, (size_t)_i, split, len);
    converse(w, &b, lane, (size_t)_i, 1, 1);
    converse(w, &b, lane, (size_t)_i, len, len);
    ck_assert_uint_eq(w->counters->failures[GW_E_UPSTREAM] +
                          w->counters->failures[GW_E_TOO_BIG],
                      rows[_i].err ? w->counters->requests : 0);
    w->f->lane_close(lane);
    backend_close(&b);
    world_fini(w);
}
END_TEST

START_TEST(a_connection_is_kept_when_nothing_speaks_against_it)
{
    struct world world, *w = &world;
    struct backend b;
    struct gw_fetch_lane *lane;
    struct call c = { 0 };
    int fd;

    if (rows[_i].ending != STAYS)
        return;
    small_world(w);
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, 4, 4);
    call_start(w, &c, lane, rows[_i].method, GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    say(w, fd, rows[_i].answer);
    call_ends(w, &c, rows[_i].err);
    ck_assert_msg(w->counters->open == rows[_i].kept, "%s", rows[_i].name);
    close(fd);
    w->f->lane_close(lane);
    backend_close(&b);
    world_fini(w);
}
END_TEST

/* "HTTP/1.1 200 OK", then `len` bytes in all of one endless field. */
static struct gw_buf long_head(size_t len)
{
    struct gw_buf head;

    gw_buf_init(&head, SIZE_MAX / 4);
    ck_assert(gw_buf_add(&head, GW_LIT(R "X: ")) == GW_OK);
    while (head.len < len)
        ck_assert(gw_buf_add(&head, GW_LIT("x")) == GW_OK);
    return head;
}

static const struct {
    const char *name;
    size_t head_bytes, cut;
    gw_str tail;
    gw_err err;
} heads[] = {
    { "long, whole", 32000, 32000, GW_LIT("\r\nContent-Length: 0\r\n\r\n"), 0 },
    { "long, in pieces", 32000, 700, GW_LIT("\r\nContent-Length: 0\r\n\r\n"),
      0 },
    { "too long, whole", 33000, 33000, GW_EMPTY, GW_E_TOO_BIG },
    { "too long, in pieces", 33000, 900, GW_EMPTY, GW_E_TOO_BIG },
    { "far too long", 200000, 200000, GW_EMPTY, GW_E_TOO_BIG },
};

START_TEST(a_head_has_its_bound)
{
    struct world world, *w = &world;
    struct gw_buf head = long_head(heads[_i].head_bytes);
    struct backend b;
    struct gw_fetch_lane *lane;
    struct call c = { 0 };
    gw_str rest = gw_buf_str(&head);
    int fd;

    world_init(w);
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, 4, 4);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    hear_any(w, fd);
    while (rest.len) {
        size_t n = GW_MIN(rest.len, heads[_i].cut);

        say(w, fd, gw_str_head(rest, n));
        world_settle(w);
        rest = gw_str_skip(rest, n);
    }
    say(w, fd, heads[_i].tail);
    call_ends(w, &c, heads[_i].err);
    close(fd);
    w->f->lane_close(lane);
    gw_buf_fini(&head);
    backend_close(&b);
    world_fini(w);
}
END_TEST

static struct gw_buf pattern(size_t len)
{
    struct gw_buf b;

    gw_buf_init(&b, SIZE_MAX / 4);
    ck_assert(gw_buf_reserve(&b, len) == GW_OK);
    for (b.len = 0; b.len < len; b.len++)
        b.at[b.len] = (char)(b.len * 31 + b.len / 251);
    return b;
}

static const struct {
    const char *name;
    size_t request, answer;
    bool chunked;
} bulks[] = {
    { "128 KB there", 128 * 1024, 0, false },
    { "8 MB there", 8 << 20, 2, false },
    { "128 KB back", 0, 128 * 1024, false },
    { "8 MB back", 0, 8 << 20, false },
    { "1 MB back in chunks", 0, 1 << 20, true },
    { "4 MB both ways", 4 << 20, 4 << 20, false },
};

static void say_length(struct world *w, int fd, gw_str body)
{
    struct gw_buf head;

    gw_buf_init(&head, 4096);
    ck_assert(gw_buf_addf(&head, R "Content-Length: %zu\r\n\r\n", body.len) ==
              GW_OK);
    say(w, fd, gw_buf_str(&head));
    say(w, fd, body);
    gw_buf_fini(&head);
}

/* In chunks of 1,024 bytes. */
static void say_chunks(struct world *w, int fd, gw_str body)
{
    say(w, fd, GW_LIT(R "Transfer-Encoding: chunked\r\n\r\n"));
    for (; body.len; body = gw_str_skip(body, 1024)) {
        say(w, fd, GW_LIT("400\r\n"));
        say(w, fd, gw_str_head(body, 1024));
        say(w, fd, GW_LIT("\r\n"));
    }
    say(w, fd, GW_LIT("0\r\n\r\n"));
}

START_TEST(large_bodies_go_both_ways)
{
    struct world world, *w = &world;
    struct gw_buf there = pattern(bulks[_i].request), heard;
    struct gw_buf back = pattern(bulks[_i].answer);
    struct backend b;
    struct gw_fetch_lane *lane;
    struct call c = { 0 };
    int fd;

    world_init_with(w, &(struct gw_upstream_settings){
                           .max_response_bytes = 8 << 20,
                           .idle_connections = 2,
                           .idle_ms = 60 * 1000,
                       });
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, 4, 4);
    call_start(w, &c, lane, "POST", gw_buf_str(&there));
    fd = backend_accept(w, &b);
    hear(w, fd, &heard);
    ck_assert(gw_str_ends(gw_buf_str(&heard), gw_buf_str(&there)));
    if (bulks[_i].chunked)
        say_chunks(w, fd, gw_buf_str(&back));
    else
        say_length(w, fd, gw_buf_str(&back));
    call_answered(w, &c, 200, gw_buf_str(&back));
    ck_assert_uint_eq(w->counters->open, 1);
    close(fd);
    w->f->lane_close(lane);
    gw_buf_fini(&heard);
    gw_buf_fini(&there);
    gw_buf_fini(&back);
    backend_close(&b);
    world_fini(w);
}
END_TEST

/* Closing with unread bytes makes the kernel send a reset right behind. */
START_TEST(an_answer_before_the_request_has_been_read_counts)
{
    struct world world, *w = &world;
    struct gw_buf there = pattern(8 << 20);
    struct backend b;
    struct gw_fetch_lane *lane;
    struct call c = { 0 };
    int fd;

    world_init(w);
    backend_open(&b);
    lane = lane_to(w, "127.0.0.1", b.port, 4, 4);
    call_start(w, &c, lane, "POST", gw_buf_str(&there));
    fd = backend_accept(w, &b);
    if (_i) /* so that the first send has come up short before */
        world_settle(w);
    say(w, fd,
        GW_LIT("HTTP/1.1 413 Content Too Large\r\nContent-Length: "
               "3\r\n\r\nbig"));
    close(fd);
    call_answered(w, &c, 413, GW_LIT("big"));
    ck_assert_uint_eq(w->counters->open, 0);
    w->f->lane_close(lane);
    gw_buf_fini(&there);
    backend_close(&b);
    world_fini(w);
}
END_TEST

GW_SUITE("server/edge/upstream_answer")
{
    tcase_add_loop_test(tc, an_answer_is_understood_however_it_is_cut, 0,
                        GW_LEN(rows));
    tcase_add_loop_test(tc, a_connection_is_kept_when_nothing_speaks_against_it,
                        0, GW_LEN(rows));
    tcase_add_loop_test(tc, a_head_has_its_bound, 0, GW_LEN(heads));
    tcase_add_loop_test(tc, large_bodies_go_both_ways, 0, GW_LEN(bulks));
    tcase_add_loop_test(tc, an_answer_before_the_request_has_been_read_counts,
                        0, 2);
}
