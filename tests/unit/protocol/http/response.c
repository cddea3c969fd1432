#include "protocol/http/response.h"

#include "tests/support/suite.h"

#include <stdlib.h>

enum { MAX_HEAD = 8192 };

/* Reads from a copy that a sanitizer guards at its end. */
static gw_http_step read_exactly(gw_str bytes, bool to_head,
                                 struct gw_http_response *out, size_t *used)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    gw_http_step step;

    memcpy(copy, bytes.at, bytes.len);
    step = gw_http_response_read((gw_str){ copy, bytes.len }, to_head, MAX_HEAD,
                                 out, used);
    free(copy);
    return step;
}

/* --- heads that are accepted: RFC 9112, 4, 6.3 and 9.3 ---------------------- */

#define OK_LINE "HTTP/1.1 200 OK\r\n"

static const struct {
    const char *name, *head;
    bool to_head;
    unsigned status;
    bool keep_alive;
    gw_http_framing framing;
    uint64_t body_bytes;
} good[] = {
    { "length", OK_LINE "Content-Length: 5\r\n\r\n", false, 200, true,
      GW_HTTP_LENGTH, 5 },
    { "length zero", OK_LINE "Content-Length: 0\r\n\r\n", false, 200, true,
      GW_HTTP_LENGTH, 0 },
    { "largest length", OK_LINE "Content-Length: 18446744073709551615\r\n\r\n",
      false, 200, true, GW_HTTP_LENGTH, UINT64_MAX },
    { "the same length twice",
      OK_LINE "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", false, 200,
      true, GW_HTTP_LENGTH, 5 },
    { "the same length in a list", OK_LINE "Content-Length: 5, 5 ,5\r\n\r\n",
      false, 200, true, GW_HTTP_LENGTH, 5 },
    { "chunked", OK_LINE "Transfer-Encoding: chunked\r\n\r\n", false, 200, true,
      GW_HTTP_CHUNKED, 0 },
    { "chunked in other case", OK_LINE "transfer-encoding: Chunked\r\n\r\n",
      false, 200, true, GW_HTTP_CHUNKED, 0 },
    { "neither", OK_LINE "\r\n", false, 200, false, GW_HTTP_UNTIL_CLOSE, 0 },
    { "neither, said to be kept", OK_LINE "Connection: keep-alive\r\n\r\n",
      false, 200, false, GW_HTTP_UNTIL_CLOSE, 0 },
    { "close", OK_LINE "Connection: close\r\nContent-Length: 1\r\n\r\n", false,
      200, false, GW_HTTP_LENGTH, 1 },
    { "http 1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false, 200,
      false, GW_HTTP_LENGTH, 1 },
    { "http 1.0, kept",
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n",
      false, 200, true, GW_HTTP_LENGTH, 1 },
    { "continue", "HTTP/1.1 100 Continue\r\n\r\n", false, 100, true,
      GW_HTTP_NO_BODY, 0 },
    { "early hints", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", false,
      103, true, GW_HTTP_NO_BODY, 0 },
    { "no content", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, true,
      GW_HTTP_NO_BODY, 0 },
    { "no content, length zero",
      "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, 204, true,
      GW_HTTP_NO_BODY, 0 },
    { "no content, but a length: not to be kept",
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, 204, false,
      GW_HTTP_NO_BODY, 0 },
    { "no content, but chunked: not to be kept",
      "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false,
      204, false, GW_HTTP_NO_BODY, 0 },
    { "not modified names the length of what it does not send",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 304,
      true, GW_HTTP_NO_BODY, 0 },
    { "answer to head", OK_LINE "Content-Length: 5\r\n\r\n", true, 200, true,
      GW_HTTP_NO_BODY, 0 },
    { "answer to head, chunked", OK_LINE "Transfer-Encoding: chunked\r\n\r\n",
      true, 200, true, GW_HTTP_NO_BODY, 0 },
    { "answer to head without a length", OK_LINE "\r\n", true, 200, true,
      GW_HTTP_NO_BODY, 0 },
    { "no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, 200,
      true, GW_HTTP_LENGTH, 0 },
    { "no reason and no blank", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
      false, 200, true, GW_HTTP_LENGTH, 0 },
    { "reason with a tab and obs-text",
      "HTTP/1.1 200 a\tb \xe9\r\nContent-Length: 0\r\n\r\n", false, 200, true,
      GW_HTTP_LENGTH, 0 },
    { "later minor version", "HTTP/1.3 200 OK\r\nContent-Length: 0\r\n\r\n",
      false, 200, true, GW_HTTP_LENGTH, 0 },
    { "largest status", "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", false,
      599, true, GW_HTTP_LENGTH, 0 },
};

START_TEST(a_response_head_is_framed)
{
    gw_str head = gw_str_of(good[_i].head);
    struct gw_http_response res;
    size_t used;

    ck_assert_msg(read_exactly(head, good[_i].to_head, &res, &used) ==
                      GW_HTTP_READY,
                  "%s", good[_i].name);
    ck_assert_uint_eq(used, head.len);
    ck_assert_uint_eq(res.status, good[_i].status);
    ck_assert_msg(res.keep_alive == good[_i].keep_alive, "%s", good[_i].name);
    ck_assert_msg(res.framing == good[_i].framing, "%s: %d", good[_i].name,
                  res.framing);
    ck_assert_uint_eq(res.body_bytes, good[_i].body_bytes);
    ck_assert_uint_eq(res.minor, good[_i].head[7] != '0');
    for (size_t n = 0; n < head.len; n++)
        ck_assert_msg(read_exactly(gw_str_head(head, n), good[_i].to_head, &res,
                                   &used) == GW_HTTP_MORE,
                      "%s: %zu bytes", good[_i].name, n);
}
END_TEST

/* --- heads that are not ----------------------------------------------------- */

static const struct {
    const char *name;
    gw_str head;
} bad[] = {
    { "request", GW_LIT("GET / HTTP/1.1\r\n\r\n") },
    { "empty line first", GW_LIT("\r\n" OK_LINE "\r\n") },
    { "http 2", GW_LIT("HTTP/2.0 200 OK\r\n\r\n") },
    { "http 0.9", GW_LIT("HTTP/0.9 200 OK\r\n\r\n") },
    { "other case", GW_LIT("http/1.1 200 OK\r\n\r\n") },
    { "other protocol", GW_LIT("ICY 200 OK\r\n\r\n") },
    { "no status", GW_LIT("HTTP/1.1 OK\r\n\r\n") },
    { "status of two digits", GW_LIT("HTTP/1.1 20 OK\r\n\r\n") },
    { "status of four digits", GW_LIT("HTTP/1.1 2000 OK\r\n\r\n") },
    { "status with a sign", GW_LIT("HTTP/1.1 +20 OK\r\n\r\n") },
    { "status 0", GW_LIT("HTTP/1.1 000 OK\r\n\r\n") },
    { "status 99", GW_LIT("HTTP/1.1 099 OK\r\n\r\n") },
    { "status 600", GW_LIT("HTTP/1.1 600 OK\r\n\r\n") },
    { "two blanks before the status", GW_LIT("HTTP/1.1  200 OK\r\n\r\n") },
    { "reason not set off", GW_LIT("HTTP/1.1 200OK\r\n\r\n") },
    { "tab after the status", GW_LIT("HTTP/1.1 200\tOK\r\n\r\n") },
    { "control in the reason", GW_LIT("HTTP/1.1 200 O\001K\r\n\r\n") },
    { "nul in the reason", GW_LIT("HTTP/1.1 200 O\000K\r\n\r\n") },
    { "bare lf after the line", GW_LIT("HTTP/1.1 200 OK\nA: b\r\n\r\n") },
    { "bare cr after the line", GW_LIT("HTTP/1.1 200 OK\rA: b\r\n\r\n") },
    { "bare lf in the head", GW_LIT(OK_LINE "A: b\n\r\n") },
    { "bare lf ends the head", GW_LIT(OK_LINE "\n") },
    { "folded field", GW_LIT(OK_LINE "A: b\r\n c\r\n\r\n") },
    { "blank before the colon", GW_LIT(OK_LINE "A : b\r\n\r\n") },
    { "empty name", GW_LIT(OK_LINE ": b\r\n\r\n") },
    { "nul in a value", GW_LIT(OK_LINE "A: b\000\r\n\r\n") },
    { "length and chunked", GW_LIT(OK_LINE "Content-Length: 5\r\n"
                                           "Transfer-Encoding: chunked\r\n"
                                           "\r\n") },
    { "chunked and length", GW_LIT(OK_LINE "Transfer-Encoding: chunked\r\n"
                                           "Content-Length: 0\r\n\r\n") },
    { "two lengths", GW_LIT(OK_LINE "Content-Length: 5\r\n"
                                    "Content-Length: 6\r\n\r\n") },
    { "two lengths in a list", GW_LIT(OK_LINE "Content-Length: 5, 6\r\n\r\n") },
    { "list with a gap", GW_LIT(OK_LINE "Content-Length: 5,,5\r\n\r\n") },
    { "list without an end", GW_LIT(OK_LINE "Content-Length: 5,\r\n\r\n") },
    { "length with plus", GW_LIT(OK_LINE "Content-Length: +5\r\n\r\n") },
    { "length with minus", GW_LIT(OK_LINE "Content-Length: -5\r\n\r\n") },
    { "length with letter", GW_LIT(OK_LINE "Content-Length: 5x\r\n\r\n") },
    { "length in two numbers", GW_LIT(OK_LINE "Content-Length: 5 5\r\n\r\n") },
    { "empty length", GW_LIT(OK_LINE "Content-Length:\r\n\r\n") },
    { "length past 64 bits",
      GW_LIT(OK_LINE "Content-Length: 18446744073709551616\r\n\r\n") },
    { "unknown coding", GW_LIT(OK_LINE "Transfer-Encoding: gzip\r\n\r\n") },
    { "coding we did not ask for",
      GW_LIT(OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n") },
    { "chunked twice",
      GW_LIT(OK_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n") },
    { "chunked in two fields", GW_LIT(OK_LINE "Transfer-Encoding: chunked\r\n"
                                              "Transfer-Encoding: chunked\r\n"
                                              "\r\n") },
    { "chunked not last",
      GW_LIT(OK_LINE "Transfer-Encoding: chunked, gzip\r\n\r\n") },
    { "chunked in http 1.0",
      GW_LIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") },
    { "no content with two lengths",
      GW_LIT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n"
             "Content-Length: 6\r\n\r\n") },
};

START_TEST(a_response_one_cannot_trust_is_refused)
{
    struct gw_http_response res;
    size_t used;
    bool refused = false;

    for (size_t n = 0; n <= bad[_i].head.len; n++) {
        gw_http_step step =
            read_exactly(gw_str_head(bad[_i].head, n), false, &res, &used);

        ck_assert_msg(step == GW_HTTP_BAD || (!refused && step == GW_HTTP_MORE),
                      "%s: %zu bytes", bad[_i].name, n);
        refused = step == GW_HTTP_BAD;
    }
    ck_assert_msg(refused, "%s", bad[_i].name);
}
END_TEST

START_TEST(a_response_head_has_its_limits)
{
    struct gw_http_response res;
    struct gw_buf b;
    size_t used;

    gw_buf_init(&b, 1 << 16);
    ck_assert(
        !gw_buf_addf(&b, OK_LINE "A: %0*d\r\n\r\n", MAX_HEAD - 17 - 3 - 4, 0));
    ck_assert_uint_eq(b.len, MAX_HEAD);
    ck_assert_int_eq(read_exactly(gw_buf_str(&b), false, &res, &used),
                     GW_HTTP_READY);
    b.at[b.len - 1] = b.at[b.len - 2] = b.at[b.len - 3] = b.at[b.len - 4] = '0';
    ck_assert_int_eq(read_exactly(gw_buf_str(&b), false, &res, &used),
                     GW_HTTP_MORE);
    ck_assert(!gw_buf_add(&b, GW_LIT("\r\n\r\n")));
    ck_assert_int_eq(read_exactly(gw_buf_str(&b), false, &res, &used),
                     GW_HTTP_BAD);

    b.len = 0;
    ck_assert(!gw_buf_add(&b, GW_LIT(OK_LINE)));
    for (int i = 0; i < GW_HTTP_HEADERS_MAX; i++)
        ck_assert(!gw_buf_add(&b, GW_LIT("A:\r\n")));
    ck_assert(!gw_buf_add(&b, GW_LIT("\r\n")));
    ck_assert_int_eq(read_exactly(gw_buf_str(&b), false, &res, &used),
                     GW_HTTP_READY);
    ck_assert_uint_eq(res.headers.count, GW_HTTP_HEADERS_MAX);
    b.len -= 2;
    ck_assert(!gw_buf_add(&b, GW_LIT("A:\r\n\r\n")));
    ck_assert_int_eq(read_exactly(gw_buf_str(&b), false, &res, &used),
                     GW_HTTP_BAD);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(reason_and_fields_are_views)
{
    gw_str head =
        GW_LIT("HTTP/1.1 404 Not  Found \r\nA:  b \r\nC:\r\n\r\nrest");
    struct gw_http_response res;
    size_t used;

    ck_assert_int_eq(gw_http_response_read(head, false, MAX_HEAD, &res, &used),
                     GW_HTTP_READY);
    ck_assert_uint_eq(used, head.len - 4);
    ck_assert_gw_str(res.reason, GW_LIT("Not  Found "));
    ck_assert_uint_eq(res.headers.count, 2);
    ck_assert_gw_str(res.headers.at[0].name, GW_LIT("A"));
    ck_assert_gw_str(res.headers.at[0].value, GW_LIT("b"));
    ck_assert_gw_str(res.headers.at[1].value, GW_LIT(""));
}
END_TEST

/* --- writing ---------------------------------------------------------------- */

static const struct gw_http_header fields[] = {
    { GW_LIT("x-amzn-ErrorType"), GW_LIT("GoneException") },
    { GW_LIT("X"), GW_LIT("") },
};

static const struct {
    struct gw_http_answer answer;
    unsigned minor;
    bool keep_alive, to_head;
    const char *bytes;
} written[] = {
    { { 410, fields, 1, GW_LIT("") },
      1,
      true,
      false,
      "HTTP/1.1 410 Gone\r\nx-amzn-ErrorType: GoneException\r\n"
      "Content-Length: 0\r\n\r\n" },
    { { 200, fields, 2, GW_LIT("hello") },
      1,
      false,
      false,
      OK_LINE "x-amzn-ErrorType: GoneException\r\nX: \r\n"
              "Content-Length: 5\r\nConnection: close\r\n\r\nhello" },
    { { 200, NULL, 0, GW_LIT("hello") },
      1,
      true,
      true,
      OK_LINE "Content-Length: 5\r\n\r\n" },
    { { 200, NULL, 0, GW_LIT("0123456789") },
      0,
      true,
      false,
      OK_LINE
      "Content-Length: 10\r\nConnection: keep-alive\r\n\r\n0123456789" },
    { { 200, NULL, 0, GW_LIT("") },
      0,
      false,
      false,
      OK_LINE "Content-Length: 0\r\nConnection: close\r\n\r\n" },
    { { 204, NULL, 0, GW_LIT("never") },
      1,
      true,
      false,
      "HTTP/1.1 204 No Content\r\n\r\n" },
    { { 304, NULL, 0, GW_LIT("never") },
      1,
      true,
      false,
      "HTTP/1.1 304 Not Modified\r\n\r\n" },
    { { 100, NULL, 0, GW_LIT("") },
      1,
      false,
      false,
      "HTTP/1.1 100 Continue\r\n\r\n" },
    { { 101, &fields[1], 1, GW_LIT("") },
      1,
      true,
      false,
      "HTTP/1.1 101 Switching Protocols\r\nX: \r\n\r\n" },
    { { 299, NULL, 0, GW_LIT("") },
      1,
      true,
      false,
      "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n" },
    { { 599, NULL, 0, GW_LIT("x") },
      1,
      true,
      false,
      "HTTP/1.1 599 \r\nContent-Length: 1\r\n\r\nx" },
};

START_TEST(a_response_is_written)
{
    struct gw_buf b;

    gw_buf_init(&b, 1024);
    ck_assert(!gw_buf_add(&b, GW_LIT("before")));
    ck_assert(!gw_http_response_write(&b, &written[_i].answer,
                                      written[_i].minor, written[_i].keep_alive,
                                      written[_i].to_head));
    gw_buf_consume(&b, 6);
    ck_assert_gw_str(gw_buf_str(&b), gw_str_of(written[_i].bytes));

    /* exactly as much room as it needs, and one byte less */
    b.max = b.len;
    b.len = 0;
    ck_assert(!gw_http_response_write(&b, &written[_i].answer,
                                      written[_i].minor, written[_i].keep_alive,
                                      written[_i].to_head));
    b.len = 1;
    ck_assert_int_eq(
        gw_http_response_write(&b, &written[_i].answer, written[_i].minor,
                               written[_i].keep_alive, written[_i].to_head),
        GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 1);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(statuses_have_names)
{
    ck_assert_str_eq(gw_http_status_text(200), "OK");
    ck_assert_str_eq(gw_http_status_text(413), "Content Too Large");
    ck_assert_str_eq(gw_http_status_text(426), "Upgrade Required");
    ck_assert_str_eq(gw_http_status_text(431),
                     "Request Header Fields Too Large");
    ck_assert_str_eq(gw_http_status_text(299), "");
    ck_assert_str_eq(gw_http_status_text(0), "");
}
END_TEST

GW_SUITE("protocol/http/response")
{
    tcase_add_loop_test(tc, a_response_head_is_framed, 0, GW_LEN(good));
    tcase_add_loop_test(tc, a_response_one_cannot_trust_is_refused, 0,
                        GW_LEN(bad));
    tcase_add_test(tc, a_response_head_has_its_limits);
    tcase_add_test(tc, reason_and_fields_are_views);
    tcase_add_loop_test(tc, a_response_is_written, 0, GW_LEN(written));
    tcase_add_test(tc, statuses_have_names);
}
