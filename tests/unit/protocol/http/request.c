#include "protocol/http/request.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static const struct gw_http_limits limits = {
    .target_bytes = 4096,
    .header_bytes = 10240,
    .body_bytes = 10 << 20,
};

static const struct {
    const char *name;
    gw_str bytes;
    unsigned status;
} cases[] = {
#define GW_HTTP_CASE(name, bytes, status) { name, GW_LIT(bytes), status },
#include "tests/support/http_cases.def"
#undef GW_HTTP_CASE
};

/* Where the head of an accepted request ends. */
static size_t head_len(gw_str bytes)
{
    for (size_t i = 1; i + 4 <= bytes.len; i++)
        if (memcmp(bytes.at + i, "\r\n\r\n", 4) == 0)
            return i + 4;
    ck_abort_msg("a row without an end of its head");
    return 0;
}

static gw_http_step read_request(gw_str bytes, struct gw_http_request *out,
                                 size_t *used)
{
    return gw_http_request_read(bytes, &limits, out, used);
}

/* As above, from a copy that a sanitizer guards at its end. */
static gw_http_step read_exactly(gw_str bytes, struct gw_http_request *out,
                                 size_t *used)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    gw_http_step step;

    memcpy(copy, bytes.at, bytes.len);
    step = read_request((gw_str){ copy, bytes.len }, out, used);
    free(copy);
    return step;
}

START_TEST(a_whole_request_is_judged)
{
    struct gw_http_request req;
    size_t used;
    gw_http_step step = read_exactly(cases[_i].bytes, &req, &used);

    ck_assert_msg(req.status == cases[_i].status, "%s: got %u, want %u",
                  cases[_i].name, req.status, cases[_i].status);
    if (cases[_i].status) {
        ck_assert_msg(step == GW_HTTP_BAD, "%s", cases[_i].name);
    } else {
        ck_assert_msg(step == GW_HTTP_READY, "%s", cases[_i].name);
        ck_assert_msg(used == head_len(cases[_i].bytes), "%s", cases[_i].name);
    }
}
END_TEST

/* A refusal may come before the end of the head, but then it stays. */
START_TEST(a_request_in_pieces_is_judged_alike)
{
    gw_str bytes = cases[_i].bytes;
    bool refused = false;

    for (size_t n = 0; n <= bytes.len; n++) {
        struct gw_http_request req;
        size_t used;
        gw_http_step step = read_exactly(gw_str_head(bytes, n), &req, &used);
        gw_http_step want = GW_HTTP_MORE;

        if (!cases[_i].status && n >= head_len(bytes))
            want = GW_HTTP_READY;
        else if (refused || (cases[_i].status && step == GW_HTTP_BAD))
            want = GW_HTTP_BAD;
        ck_assert_msg(step == want, "%s: %zu bytes", cases[_i].name, n);
        refused = step == GW_HTTP_BAD;
        ck_assert_msg(req.status == (refused ? cases[_i].status : 0),
                      "%s: %zu bytes: %u", cases[_i].name, n, req.status);
    }
    ck_assert_msg(refused == (cases[_i].status != 0), "%s", cases[_i].name);
}
END_TEST

#define HOST "Host: a.example\r\n"

static const struct {
    gw_str bytes;
    gw_str method, target, path, query, host;
    size_t headers;
} parts[] = {
    { GW_LIT("GET / HTTP/1.1\r\n" HOST "\r\n"), GW_LIT("GET"), GW_LIT("/"),
      GW_LIT("/"), GW_LIT(""), GW_LIT("a.example"), 1 },
    { GW_LIT("\r\nPoST /a%20b/?x=%3d?&y HTTP/1.1\r\nA: b\r\nhOsT:h:1\r\n\r\n"),
      GW_LIT("PoST"), GW_LIT("/a%20b/?x=%3d?&y"), GW_LIT("/a%20b/"),
      GW_LIT("x=%3d?&y"), GW_LIT("h:1"), 2 },
    { GW_LIT("GET /? HTTP/1.0\r\n\r\n"), GW_LIT("GET"), GW_LIT("/?"),
      GW_LIT("/"), GW_LIT(""), GW_LIT(""), 0 },
    { GW_LIT("GET Http://A.example/p?q HTTP/1.1\r\n" HOST "\r\n"),
      GW_LIT("GET"), GW_LIT("Http://A.example/p?q"), GW_LIT("/p"), GW_LIT("q"),
      GW_LIT("a.example"), 1 },
    { GW_LIT("GET https://h:1?q HTTP/1.0\r\n\r\n"), GW_LIT("GET"),
      GW_LIT("https://h:1?q"), GW_LIT("/"), GW_LIT("q"), GW_LIT("h:1"), 0 },
    { GW_LIT("GET http://h HTTP/1.0\r\n\r\n"), GW_LIT("GET"),
      GW_LIT("http://h"), GW_LIT("/"), GW_LIT(""), GW_LIT("h"), 0 },
    { GW_LIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), GW_LIT("OPTIONS"),
      GW_LIT("*"), GW_LIT("*"), GW_LIT(""), GW_LIT("a.example"), 1 },
};

START_TEST(the_parts_are_views_of_what_came)
{
    struct gw_http_request req;
    size_t used;

    ck_assert_int_eq(read_request(parts[_i].bytes, &req, &used), GW_HTTP_READY);
    ck_assert_uint_eq(used, parts[_i].bytes.len);
    ck_assert_gw_str(req.method, parts[_i].method);
    ck_assert_gw_str(req.target, parts[_i].target);
    ck_assert_gw_str(req.path, parts[_i].path);
    ck_assert_gw_str(req.query, parts[_i].query);
    ck_assert_gw_str(req.host, parts[_i].host);
    ck_assert_uint_eq(req.headers.count, parts[_i].headers);
    ck_assert(req.method.at >= parts[_i].bytes.at);
    ck_assert(req.target.at < parts[_i].bytes.at + used);
}
END_TEST

/* What the fields of a request to / make of it. */
enum { KEEP = 1, CHUNKED = 2, LENGTH = 4, EXPECTS = 8, UPGRADE = 16 };

static const struct {
    const char *line, *fields;
    unsigned want;
    uint64_t body_bytes;
} meanings[] = {
    /* RFC 9112, 9.3 */
    { "HTTP/1.1", "", KEEP, 0 },
    { "HTTP/1.1", "Connection: close\r\n", 0, 0 },
    { "HTTP/1.1", "Connection: CLOSE\r\n", 0, 0 },
    { "HTTP/1.1", "Connection: x, close ,y\r\n", 0, 0 },
    { "HTTP/1.1", "Connection: x\r\nConnection: close\r\n", 0, 0 },
    { "HTTP/1.1", "Connection: closed\r\n", KEEP, 0 },
    { "HTTP/1.1", "Connection: ,, ,\r\n", KEEP, 0 },
    { "HTTP/1.1", "Connection: keep-alive, close\r\n", 0, 0 },
    { "HTTP/1.0", "", 0, 0 },
    { "HTTP/1.0", "Connection: Keep-Alive\r\n", KEEP, 0 },
    { "HTTP/1.0", "Connection: x,keep-alive\r\n", KEEP, 0 },
    { "HTTP/1.0", "Connection: close, keep-alive\r\n", 0, 0 },
    { "HTTP/1.2", "", KEEP, 0 },
    /* RFC 9112, 6 */
    { "HTTP/1.1", "Content-Length: 0\r\n", KEEP | LENGTH, 0 },
    { "HTTP/1.1", "Content-Length: 10485760\r\n", KEEP | LENGTH, 10485760 },
    { "HTTP/1.0", "Content-Length: 00000000000000000007\r\n", LENGTH, 7 },
    { "HTTP/1.1", "Transfer-Encoding: Chunked\r\n", KEEP | CHUNKED, 0 },
    /* RFC 9110, 10.1.1: not in HTTP/1.0, and not without a body */
    { "HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n",
      KEEP | LENGTH | EXPECTS, 1 },
    { "HTTP/1.1", "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n",
      KEEP | CHUNKED | EXPECTS, 0 },
    { "HTTP/1.1", "Expect: 100-continue\r\n", KEEP, 0 },
    { "HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n",
      KEEP | LENGTH, 0 },
    { "HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", LENGTH, 1 },
    /* RFC 9110, 7.8: not in HTTP/1.0, and only when Connection lists it */
    { "HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n",
      KEEP | UPGRADE, 0 },
    { "HTTP/1.1", "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
      KEEP | UPGRADE, 0 },
    { "HTTP/1.1", "Upgrade: websocket\r\n", KEEP, 0 },
    { "HTTP/1.1", "Connection: upgrade\r\n", KEEP, 0 },
    { "HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", 0, 0 },
};

START_TEST(the_fields_mean_what_they_say)
{
    struct gw_http_request req;
    struct gw_buf bytes;
    size_t used;
    unsigned got;

    gw_buf_init(&bytes, 1024);
    ck_assert(!gw_buf_addf(&bytes, "POST / %s\r\n" HOST "%s\r\n",
                           meanings[_i].line, meanings[_i].fields));
    ck_assert_int_eq(read_request(gw_buf_str(&bytes), &req, &used),
                     GW_HTTP_READY);
    got = (req.keep_alive ? KEEP : 0) | (req.chunked ? CHUNKED : 0) |
          (req.has_length ? LENGTH : 0) | (req.expects_continue ? EXPECTS : 0) |
          (req.wants_upgrade ? UPGRADE : 0);
    ck_assert_msg(got == meanings[_i].want, "%s: got %u, want %u", bytes.at,
                  got, meanings[_i].want);
    ck_assert_uint_eq(req.body_bytes, meanings[_i].body_bytes);
    ck_assert_uint_eq(req.minor, meanings[_i].line[7] != '0');
    gw_buf_fini(&bytes);
}
END_TEST

START_TEST(values_lose_their_outer_blanks_only)
{
    gw_str bytes = GW_LIT("GET / HTTP/1.1\r\n" HOST "A: \t b\t c \t\r\nD:\r\n"
                          "E:f\r\nG: \t \r\na: 2\r\n\r\n");
    static const gw_str want[][2] = {
        { GW_LIT("Host"), GW_LIT("a.example") },
        { GW_LIT("A"), GW_LIT("b\t c") },
        { GW_LIT("D"), GW_LIT("") },
        { GW_LIT("E"), GW_LIT("f") },
        { GW_LIT("G"), GW_LIT("") },
        { GW_LIT("a"), GW_LIT("2") },
    };
    struct gw_http_request req;
    size_t used;

    ck_assert_int_eq(read_request(bytes, &req, &used), GW_HTTP_READY);
    ck_assert_uint_eq(req.headers.count, GW_LEN(want));
    for (size_t i = 0; i < GW_LEN(want); i++) {
        ck_assert_gw_str(req.headers.at[i].name, want[i][0]);
        ck_assert_gw_str(req.headers.at[i].value, want[i][1]);
    }
}
END_TEST

/* The grammar, said once more: RFC 9110, 5.5 and 5.6.2; RFC 9112, 3.2. */
static bool may_stand(int where, unsigned c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    if (where == 'v')
        return c == '\t' || (c >= ' ' && c != 0x7f);
    if (where == 't')
        return c > ' ' && c < 0x7f && c != '#';
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c && strchr(marks, (int)c) != NULL);
}

/* Every byte at every place of a value, a target, a name and a method: the
 * readers look at several bytes at a time. */
START_TEST(every_byte_is_judged_wherever_it_stands)
{
    static const struct {
        int where;
        const char *text;
        size_t from, to;
    } places[] = {
        { 'v', "GET / HTTP/1.0\r\nX:01234567890123456789\r\n\r\n", 18, 38 },
        { 't', "GET /1234567890123456789 HTTP/1.0\r\n\r\n", 5, 24 },
        { 'n', "GET / HTTP/1.0\r\nX1234567890123: 1\r\n\r\n", 16, 30 },
        { 'm', "M0123456789 / HTTP/1.0\r\n\r\n", 0, 11 },
    };

    for (unsigned n = 0; n < 256 * GW_LEN(places); n++) {
        unsigned c = n % 256, p = n / 256;

        for (size_t i = places[p].from; i < places[p].to; i++) {
            char bytes[64];
            size_t len = strlen(places[p].text), used;
            struct gw_http_request req;
            gw_http_step want = GW_HTTP_BAD, step;

            memcpy(bytes, places[p].text, len);
            bytes[i] = (char)c;
            if (may_stand(places[p].where, c))
                want = GW_HTTP_READY;
            if (places[p].where == 'n' && c == ':' && i > places[p].from)
                want = GW_HTTP_READY; /* a shorter name */
            step = read_exactly((gw_str){ bytes, len }, &req, &used);
            ck_assert_msg(step == want, "%c: byte %u at %zu", places[p].where,
                          c, i);
        }
    }
}
END_TEST

/* --- limits ---------------------------------------------------------------- */

static void add(struct gw_buf *b, const char *text)
{
    ck_assert(!gw_buf_add(b, gw_str_of(text)));
}

static void add_many(struct gw_buf *b, const char *text, size_t times)
{
    while (times--)
        add(b, text);
}

static unsigned judge(const struct gw_buf *b, gw_http_step want)
{
    struct gw_http_request req;
    size_t used;

    ck_assert_int_eq(read_exactly(gw_buf_str(b), &req, &used), want);
    return req.status;
}

START_TEST(a_target_may_have_4096_bytes)
{
    struct gw_buf b;

    gw_buf_init(&b, 1 << 16);
    add(&b, "GET /");
    add_many(&b, "x", 4095);
    judge(&b, GW_HTTP_MORE);
    add(&b, " HTTP/1.0\r\n\r\n");
    judge(&b, GW_HTTP_READY);
    b.len = 5 + 4095;
    add(&b, "x"); /* at once, whatever follows */
    ck_assert_uint_eq(judge(&b, GW_HTTP_BAD), 414);
    add(&b, " HTTP/1.0\r\n\r\n");
    ck_assert_uint_eq(judge(&b, GW_HTTP_BAD), 414);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(field_lines_may_have_10240_bytes)
{
    static const char line[] = "GET / HTTP/1.0\r\n";
    struct gw_buf b;

    gw_buf_init(&b, 1 << 16);
    add(&b, line);
    add(&b, "A: ");
    add_many(&b, "x", 10239 - 3 - 2 - 5);
    add(&b, "\r\nB:y\r\n");
    judge(&b, GW_HTTP_MORE);
    ck_assert_uint_eq(b.len, sizeof(line) - 1 + 10240 - 1);
    b.len -= 2;
    add(&b, "y\r\n");
    judge(&b, GW_HTTP_MORE); /* 10,240 bytes, their end to come */
    add(&b, "\r");
    judge(&b, GW_HTTP_MORE);
    add(&b, "\n");
    judge(&b, GW_HTTP_READY);
    b.len -= 2;
    add(&b, "C"); /* at once */
    ck_assert_uint_eq(judge(&b, GW_HTTP_BAD), 431);
    b.len -= 3;
    add(&b, "y\r\n\r\n");
    ck_assert_uint_eq(judge(&b, GW_HTTP_BAD), 431);
    b.len = sizeof(line) - 1;
    add_many(&b, "N", 10240);
    judge(&b, GW_HTTP_MORE);
    add(&b, "N");
    ck_assert_uint_eq(judge(&b, GW_HTTP_BAD), 431);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(a_body_may_be_as_long_as_the_limit)
{
    struct gw_http_limits zero = limits;
    struct gw_http_request req;
    size_t used;
    gw_str one = GW_LIT("POST / HTTP/1.0\r\nContent-Length: 1\r\n");

    ck_assert_int_eq(read_request(one, &req, &used), GW_HTTP_MORE);
    zero.body_bytes = 0;
    ck_assert_int_eq(gw_http_request_read(one, &zero, &req, &used),
                     GW_HTTP_BAD);
    ck_assert_uint_eq(req.status, 413);
}
END_TEST

START_TEST(pipelined_requests_come_one_by_one)
{
    gw_str bytes =
        GW_LIT("GET /1 HTTP/1.1\r\n" HOST "\r\n"
               "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
               "\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n"
               "GET /4 HTTP/1.1\r\n");
    static const gw_str targets[] = { GW_LIT("/1"), GW_LIT("/2"),
                                      GW_LIT("/3") };
    struct gw_http_request req;
    size_t used;

    for (size_t i = 0; i < GW_LEN(targets); i++) {
        ck_assert_int_eq(read_request(bytes, &req, &used), GW_HTTP_READY);
        ck_assert_gw_str(req.target, targets[i]);
        bytes = gw_str_skip(bytes, used + req.body_bytes);
    }
    ck_assert_int_eq(read_request(bytes, &req, &used), GW_HTTP_MORE);
    ck_assert_uint_eq(used, 0);
}
END_TEST

/* A client that speaks TLS to a plain port. */
START_TEST(a_client_hello_is_refused_at_its_first_byte)
{
    struct gw_http_request req;
    size_t used;

    ck_assert_int_eq(read_request(GW_LIT("\026"), &req, &used), GW_HTTP_BAD);
    ck_assert_uint_eq(req.status, 400);
}
END_TEST

GW_SUITE("protocol/http/request")
{
    tcase_add_loop_test(tc, a_whole_request_is_judged, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, a_request_in_pieces_is_judged_alike, 0,
                        GW_LEN(cases));
    tcase_add_loop_test(tc, the_parts_are_views_of_what_came, 0, GW_LEN(parts));
    tcase_add_loop_test(tc, the_fields_mean_what_they_say, 0, GW_LEN(meanings));
    tcase_add_test(tc, values_lose_their_outer_blanks_only);
    tcase_add_test(tc, every_byte_is_judged_wherever_it_stands);
    tcase_add_test(tc, a_target_may_have_4096_bytes);
    tcase_add_test(tc, field_lines_may_have_10240_bytes);
    tcase_add_test(tc, a_body_may_be_as_long_as_the_limit);
    tcase_add_test(tc, pipelined_requests_come_one_by_one);
    tcase_add_test(tc, a_client_hello_is_refused_at_its_first_byte);
}
