#include "protocol/http/body.h"

#include "tests/support/suite.h"

#include <stdlib.h>

/* RFC 9112, 6 and 7. `body` is what comes out until the end or the refusal,
 * `rest` how much of the input belongs to the next message. */
static const struct {
    const char *name;
    gw_http_framing framing;
    uint64_t length, max;
    gw_str in, body;
    gw_http_step step;
    unsigned status; /* of a refusal */
    size_t rest;
} cases[] = {
    { "none", GW_HTTP_NO_BODY, 0, 9, GW_LIT("next"), GW_LIT(""), GW_HTTP_READY,
      0, 4 },
    { "length", GW_HTTP_LENGTH, 5, 9, GW_LIT("hello"), GW_LIT("hello"),
      GW_HTTP_READY, 0, 0 },
    { "length zero", GW_HTTP_LENGTH, 0, 9, GW_LIT("next"), GW_LIT(""),
      GW_HTTP_READY, 0, 4 },
    { "length and the next message", GW_HTTP_LENGTH, 5, 9, GW_LIT("helloGET /"),
      GW_LIT("hello"), GW_HTTP_READY, 0, 5 },
    { "length, not all there", GW_HTTP_LENGTH, 5, 9, GW_LIT("hell"),
      GW_LIT("hell"), GW_HTTP_MORE, 0, 0 },
    { "length at the limit", GW_HTTP_LENGTH, 9, 9, GW_LIT("123456789"),
      GW_LIT("123456789"), GW_HTTP_READY, 0, 0 },
    { "length past the limit", GW_HTTP_LENGTH, 10, 9, GW_LIT("1234567890"),
      GW_LIT(""), GW_HTTP_BAD, 413, 0 },
    { "largest length", GW_HTTP_LENGTH, UINT64_MAX, 9, GW_LIT("1"), GW_LIT(""),
      GW_HTTP_BAD, 413, 0 },
    { "until close", GW_HTTP_UNTIL_CLOSE, 0, 9, GW_LIT("hello"),
      GW_LIT("hello"), GW_HTTP_MORE, 0, 0 },
    { "until close, at the limit", GW_HTTP_UNTIL_CLOSE, 0, 5, GW_LIT("hello"),
      GW_LIT("hello"), GW_HTTP_MORE, 0, 0 },
    { "until close, past the limit", GW_HTTP_UNTIL_CLOSE, 0, 4, GW_LIT("hello"),
      GW_LIT("hell"), GW_HTTP_BAD, 413, 0 },

#define CHUNKED(name, in, body, step, status, rest)                           \
    {                                                                         \
        name, GW_HTTP_CHUNKED, 0, 99, GW_LIT(in), GW_LIT(body), step, status, \
            rest                                                              \
    }
#define GOOD(name, in, body)    CHUNKED(name, in, body, GW_HTTP_READY, 0, 0)
#define BAD(name, in, body)     CHUNKED(name, in, body, GW_HTTP_BAD, 400, 0)
#define PARTIAL(name, in, body) CHUNKED(name, in, body, GW_HTTP_MORE, 0, 0)

    GOOD("one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    GOOD("no chunk", "0\r\n\r\n", ""),
    GOOD("two chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
    GOOD("hexadecimal of both cases",
         "a\r\n0123456789\r\nB\r\n01234567890\r\n0\r\n\r\n",
         "012345678901234567890"),
    GOOD("leading zeros", "0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello"),
    GOOD("crlf as data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
    GOOD("extension", "5;a\r\nhello\r\n0;b=c;d=\"e\"\r\n\r\n", "hello"),
    GOOD("extension with blanks", "5; a = b\t;c\r\nhello\r\n0\r\n\r\n",
         "hello"),
    GOOD("empty extension", "5;\r\nhello\r\n0\r\n\r\n", "hello"),
    GOOD("quoted semicolon", "5;a=\";\\\"\"\r\nhello\r\n0\r\n\r\n", "hello"),
    GOOD("trailers", "5\r\nhello\r\n0\r\nA: b\r\nC:\r\nD:e f \r\n\r\n",
         "hello"),
    GOOD("framing in trailers is not looked at",
         "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", ""),
    CHUNKED("the next message", "1\r\nx\r\n0\r\n\r\n\r\nGET /", "x",
            GW_HTTP_READY, 0, 7),
    PARTIAL("nothing yet", "", ""),
    PARTIAL("half a size", "1", ""),
    PARTIAL("half a chunk", "5\r\nhel", "hel"),
    PARTIAL("no last chunk", "5\r\nhello\r\n", "hello"),
    PARTIAL("no last line", "5\r\nhello\r\n0\r\n", "hello"),
    PARTIAL("half a trailer", "5\r\nhello\r\n0\r\nA: b\r", "hello"),
    PARTIAL("half a last line", "5\r\nhello\r\n0\r\nA: b\r\n\r", "hello"),
    BAD("no size", "\r\nhello\r\n0\r\n\r\n", ""),
    BAD("no size, extension", ";a\r\nhello\r\n0\r\n\r\n", ""),
    BAD("no size is not zero", "\r\n\r\n", ""),
    BAD("no size but an extension is not zero", ";a\r\n\r\n", ""),
    BAD("plus", "+5\r\nhello\r\n0\r\n\r\n", ""),
    BAD("minus", "-5\r\nhello\r\n0\r\n\r\n", ""),
    BAD("0x", "0x5\r\nhello\r\n0\r\n\r\n", ""),
    BAD("no digit", "g\r\nhello\r\n0\r\n\r\n", ""),
    BAD("underscore between digits", "0_5\r\nhello\r\n0\r\n\r\n", ""),
    BAD("blank before the size", " 5\r\nhello\r\n0\r\n\r\n", ""),
    BAD("blank after the size", "5 \r\nhello\r\n0\r\n\r\n", ""),
    BAD("blank before the extension", "5 ;a\r\nhello\r\n0\r\n\r\n", ""),
    BAD("seventeen digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", ""),
    BAD("bare lf after the size", "5\nhello\r\n0\r\n\r\n", ""),
    BAD("bare cr after the size", "5\rhello\r\n0\r\n\r\n", ""),
    BAD("bare lf in an extension", "5;a\nhello\r\n0\r\n\r\n", ""),
    BAD("bare cr in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", ""),
    BAD("nul in an extension", "5;\000\r\nhello\r\n0\r\n\r\n", ""),
    BAD("bare lf after the data", "5\r\nhello\n0\r\n\r\n", "hello"),
    BAD("another byte and lf after the data", "5\r\nhello!\n0\r\n\r\n",
        "hello"),
    BAD("nothing after the data", "5\r\nhello0\r\n\r\n", "hello"),
    BAD("more data than said", "5\r\nhello!\r\n0\r\n\r\n", "hello"),
    BAD("less data than said", "6\r\nhello\r\n0\r\n\r\n", "hello\r"),
    BAD("cr only after the data", "5\r\nhello\r0\r\n\r\n", "hello"),
    BAD("bare lf after the last chunk", "0\n\r\n", ""),
    BAD("bare lf as the last line", "0\r\n\n", ""),
    BAD("cr only as the last line", "0\r\n\rGET /", ""),
    BAD("trailer without a colon", "0\r\nA\r\n\r\n", ""),
    BAD("trailer without a name", "0\r\n: b\r\n\r\n", ""),
    BAD("blank before the colon of a trailer", "0\r\nA : b\r\n\r\n", ""),
    BAD("folded trailer", "0\r\nA: b\r\n c\r\n\r\n", ""),
    BAD("nul in a trailer", "0\r\nA: \000\r\n\r\n", ""),
    BAD("bare lf after a trailer", "0\r\nA: b\n\r\n", ""),

    { "chunks at the limit", GW_HTTP_CHUNKED, 0, 5,
      GW_LIT("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), GW_LIT("hello"),
      GW_HTTP_READY, 0, 0 },
    { "chunks past the limit", GW_HTTP_CHUNKED, 0, 4,
      GW_LIT("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), GW_LIT("he"), GW_HTTP_BAD,
      413, 0 },
    { "largest chunk", GW_HTTP_CHUNKED, 0, 9,
      GW_LIT("ffffffffffffffff\r\nhello"), GW_LIT(""), GW_HTTP_BAD, 413, 0 },
    { "largest chunk that is allowed wraps nothing", GW_HTTP_CHUNKED, 0,
      UINT64_MAX, GW_LIT("1\r\nx\r\nffffffffffffffff\r\nhello"), GW_LIT("x"),
      GW_HTTP_BAD, 413, 0 },
};

struct feed {
    struct gw_http_body body;
    struct gw_buf out;
    gw_http_step step;
    size_t used; /* of all that was offered */
};

static void start(struct feed *f, gw_http_framing framing, uint64_t length,
                  uint64_t max)
{
    struct gw_http_response res = { .framing = framing, .body_bytes = length };

    gw_http_body_of_response(&f->body, &res, max);
    gw_buf_init(&f->out, 1 << 16);
    f->step = GW_HTTP_MORE;
    f->used = 0;
}

/* As the header says a caller does, from a copy guarded at its end. */
static void feed(struct feed *f, gw_str in)
{
    char *copy = malloc(in.len ? in.len : 1);
    gw_str rest = { copy, in.len }, piece;
    size_t used;

    memcpy(copy, in.at, in.len);
    do {
        f->step = gw_http_body_read(&f->body, rest, &used, &piece);
        ck_assert(used <= rest.len);
        ck_assert(!gw_buf_add(&f->out, piece));
        rest = gw_str_skip(rest, used);
        f->used += used;
    } while (f->step == GW_HTTP_MORE && piece.len);
    ck_assert(f->step != GW_HTTP_MORE || rest.len == 0);
    free(copy);
}

static void check(struct feed *f, int i, const char *how, size_t at)
{
    ck_assert_msg(f->step == cases[i].step, "%s, %s %zu: step %d",
                  cases[i].name, how, at, f->step);
    ck_assert_msg(f->body.status == cases[i].status, "%s, %s %zu: %u",
                  cases[i].name, how, at, f->body.status);
    ck_assert_gw_str(gw_buf_str(&f->out), cases[i].body);
    ck_assert_uint_eq(f->body.total, cases[i].body.len);
    if (f->step == GW_HTTP_READY)
        ck_assert_msg(f->used == cases[i].in.len - cases[i].rest, "%s, %s %zu",
                      cases[i].name, how, at);
    ck_assert(
        gw_http_body_may_end(&f->body) ==
        (f->step == GW_HTTP_READY ||
         (f->step == GW_HTTP_MORE && cases[i].framing == GW_HTTP_UNTIL_CLOSE)));
    gw_buf_fini(&f->out);
}

START_TEST(a_body_comes_out_at_every_split)
{
    gw_str in = cases[_i].in;

    for (size_t at = 0; at <= in.len; at++) {
        struct feed f;

        start(&f, cases[_i].framing, cases[_i].length, cases[_i].max);
        feed(&f, gw_str_head(in, at));
        if (f.step == GW_HTTP_MORE)
            feed(&f, gw_str_skip(in, at));
        check(&f, _i, "split at", at);
    }
}
END_TEST

START_TEST(a_body_comes_out_byte_by_byte)
{
    gw_str in = cases[_i].in;
    struct feed f;

    start(&f, cases[_i].framing, cases[_i].length, cases[_i].max);
    feed(&f, GW_EMPTY);
    for (size_t i = 0; i < in.len && f.step == GW_HTTP_MORE; i++)
        feed(&f, gw_str_head(gw_str_skip(in, i), 1));
    check(&f, _i, "byte by byte", 0);
}
END_TEST

START_TEST(an_end_or_a_refusal_is_final)
{
    struct feed f;

    start(&f, GW_HTTP_CHUNKED, 0, 9);
    feed(&f, GW_LIT("0\r\n\r\n"));
    feed(&f, GW_LIT("5\r\nhello\r\n"));
    ck_assert_int_eq(f.step, GW_HTTP_READY);
    ck_assert_uint_eq(f.used, 5);
    start(&f, GW_HTTP_CHUNKED, 0, 9);
    feed(&f, GW_LIT("x"));
    feed(&f, GW_LIT("5\r\nhello\r\n"));
    ck_assert_int_eq(f.step, GW_HTTP_BAD);
    ck_assert_uint_eq(f.body.status, 400);
    ck_assert_uint_eq(f.out.len, 0);
}
END_TEST

/* 256 bytes of a chunk line, without its CRLF's LF; 8 KB of trailers. */
START_TEST(chunk_lines_and_trailers_are_bounded)
{
    struct feed f;

    start(&f, GW_HTTP_CHUNKED, 0, 999);
    for (int round = 0; round < 3; round++) {
        feed(&f, GW_LIT("1;"));
        for (int i = 2; i < 255; i++)
            feed(&f, GW_LIT("x"));
        feed(&f, GW_LIT("\r\ny\r\n"));
        ck_assert_int_eq(f.step, GW_HTTP_MORE);
    }
    feed(&f, GW_LIT("1;"));
    for (int i = 2; i < 256; i++)
        feed(&f, GW_LIT("x"));
    ck_assert_int_eq(f.step, GW_HTTP_MORE);
    feed(&f, GW_LIT("x"));
    ck_assert_int_eq(f.step, GW_HTTP_BAD);
    ck_assert_uint_eq(f.body.status, 400);
    gw_buf_fini(&f.out);

    start(&f, GW_HTTP_CHUNKED, 0, 999);
    feed(&f, GW_LIT("0\r\n"));
    for (int lines = 0; lines < 8192 / 64; lines++) {
        ck_assert_int_eq(f.step, GW_HTTP_MORE);
        feed(&f, GW_LIT("Trailer: 0123456789012345678901234567890123456789"
                        "01234567890123\r\n"));
    }
    ck_assert_int_eq(f.step, GW_HTTP_MORE);
    feed(&f, GW_LIT("A: 1\r\n"));
    ck_assert_int_eq(f.step, GW_HTTP_BAD);
    ck_assert_uint_eq(f.body.status, 400);
    gw_buf_fini(&f.out);
}
END_TEST

/* RFC 9112, 7.1.2; `fields` is "name=value;" for each. */
static const struct {
    const char *name;
    gw_str in, fields;
} trailed[] = {
    { "none", GW_LIT("0\r\n\r\n"), GW_LIT("") },
    { "one", GW_LIT("5\r\nhello\r\n0\r\nA: b\r\n\r\n"), GW_LIT("A=b;") },
    { "several, repeated",
      GW_LIT("1\r\nx\r\n0\r\nA: b\r\nC:\r\na:\t d e \r\n\r\nnext"),
      GW_LIT("A=b;C=;a=d e;") },
    { "what looks like one is data", GW_LIT("6\r\nA: b\r\n\r\n0\r\n\r\n"),
      GW_LIT("") },
    { "an extension is none", GW_LIT("0;A=b\r\nC: d\r\n\r\n"), GW_LIT("C=d;") },
};

static void print_fields(const struct gw_http_headers *h, struct gw_buf *out)
{
    for (size_t i = 0; i < h->count; i++)
        ck_assert(!gw_buf_addf(out, "%.*s=%.*s;", GW_FMT(h->at[i].name),
                               GW_FMT(h->at[i].value)));
}

START_TEST(trailers_are_kept_at_every_split)
{
    gw_str in = trailed[_i].in;

    for (size_t at = 0; at <= in.len; at++) {
        struct gw_http_headers fields;
        struct gw_buf lines, text;
        struct feed f;

        gw_buf_init(&lines, 1 << 14);
        gw_buf_init(&text, 1 << 14);
        start(&f, GW_HTTP_CHUNKED, 0, 99);
        f.body.trailers = &lines;
        feed(&f, gw_str_head(in, at));
        if (f.step == GW_HTTP_MORE)
            feed(&f, gw_str_skip(in, at));
        ck_assert_int_eq(f.step, GW_HTTP_READY);
        ck_assert(gw_http_trailers_read(gw_buf_str(&lines), &fields));
        print_fields(&fields, &text);
        ck_assert_gw_str(gw_buf_str(&text), trailed[_i].fields);
        gw_buf_fini(&lines);
        gw_buf_fini(&text);
        gw_buf_fini(&f.out);
    }
}
END_TEST

START_TEST(no_more_trailers_than_headers)
{
    struct gw_http_headers fields;
    struct gw_buf lines;
    struct feed f;

    gw_buf_init(&lines, 1 << 14);
    start(&f, GW_HTTP_CHUNKED, 0, 99);
    f.body.trailers = &lines;
    feed(&f, GW_LIT("0\r\n"));
    for (int i = 0; i < GW_HTTP_HEADERS_MAX; i++)
        feed(&f, GW_LIT("A: b\r\n"));
    ck_assert(gw_http_trailers_read(gw_buf_str(&lines), &fields));
    ck_assert_uint_eq(fields.count, GW_HTTP_HEADERS_MAX);
    feed(&f, GW_LIT("A: b\r\n\r\n"));
    ck_assert_int_eq(f.step, GW_HTTP_READY);
    ck_assert(!gw_http_trailers_read(gw_buf_str(&lines), &fields));
    gw_buf_fini(&lines);
}
END_TEST

START_TEST(a_request_frames_its_body)
{
    struct gw_http_request req = { .chunked = true };
    struct gw_http_body b;

    gw_http_body_of_request(&b, &req, 7);
    ck_assert_int_eq(b.framing, GW_HTTP_CHUNKED);
    ck_assert_uint_eq(b.max_bytes, 7);
    ck_assert(!gw_http_body_may_end(&b));
    req = (struct gw_http_request){ .has_length = true, .body_bytes = 3 };
    gw_http_body_of_request(&b, &req, 7);
    ck_assert_int_eq(b.framing, GW_HTTP_LENGTH);
    ck_assert_uint_eq(b.left, 3);
    req = (struct gw_http_request){ .has_length = false };
    gw_http_body_of_request(&b, &req, 7);
    ck_assert_int_eq(b.framing, GW_HTTP_NO_BODY);
    ck_assert(gw_http_body_may_end(&b));
}
END_TEST

GW_SUITE("protocol/http/body")
{
    tcase_add_loop_test(tc, a_body_comes_out_at_every_split, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, a_body_comes_out_byte_by_byte, 0, GW_LEN(cases));
    tcase_add_test(tc, an_end_or_a_refusal_is_final);
    tcase_add_test(tc, chunk_lines_and_trailers_are_bounded);
    tcase_add_loop_test(tc, trailers_are_kept_at_every_split, 0,
                        GW_LEN(trailed));
    tcase_add_test(tc, no_more_trailers_than_headers);
    tcase_add_test(tc, a_request_frames_its_body);
}
