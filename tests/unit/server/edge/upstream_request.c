#include "server/edge/upstream_request.h"

#include "tests/support/suite.h"

#define HOST            \
    {                   \
        { "Host", 4 },  \
        {               \
            "a.test", 6 \
        }               \
    }
#define HOST_LINE "Host: a.test\r\n"

/* RFC 9112, 3 and 5; RFC 9110, 8.6 for the length of nothing. */
static const struct {
    const char *name, *method, *target;
    struct gw_http_header headers[3];
    size_t header_count;
    gw_str body;
    const char *bytes; /* NULL: refused */
    unsigned dropped;
} rows[] = {
    { "GET",
      "GET",
      "/a?b=c",
      { HOST },
      1,
      GW_LIT(""),
      "GET /a?b=c HTTP/1.1\r\n" HOST_LINE "\r\n",
      0 },
    { "headers in their order",
      "GET",
      "/",
      { HOST, { { "B", 1 }, { "2", 1 } }, { { "a", 1 }, { "", 0 } } },
      3,
      GW_LIT(""),
      "GET / HTTP/1.1\r\n" HOST_LINE "B: 2\r\na: \r\n\r\n",
      0 },
    { "POST with a body",
      "POST",
      "/",
      { HOST },
      1,
      GW_LIT("hello"),
      "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 5\r\n\r\nhello",
      0 },
    { "POST without",
      "POST",
      "/",
      { HOST },
      1,
      GW_LIT(""),
      "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 0\r\n\r\n",
      0 },
    { "PUT without",
      "PUT",
      "/",
      { HOST },
      1,
      GW_LIT(""),
      "PUT / HTTP/1.1\r\n" HOST_LINE "Content-Length: 0\r\n\r\n",
      0 },
    { "PATCH without",
      "PATCH",
      "/",
      { HOST },
      1,
      GW_LIT(""),
      "PATCH / HTTP/1.1\r\n" HOST_LINE "Content-Length: 0\r\n\r\n",
      0 },
    { "DELETE with a body",
      "DELETE",
      "/",
      { HOST },
      1,
      GW_LIT("x"),
      "DELETE / HTTP/1.1\r\n" HOST_LINE "Content-Length: 1\r\n\r\nx",
      0 },
    { "a value that would break out",
      "GET",
      "/",
      { HOST, { { "X", 1 }, { "1\r\nY: 2", 7 } }, { { "Z", 1 }, { "3", 1 } } },
      3,
      GW_LIT(""),
      "GET / HTTP/1.1\r\n" HOST_LINE "Z: 3\r\n\r\n",
      1 },
    { "a lone LF, a NUL",
      "GET",
      "/",
      { { { "X", 1 }, { "1\n", 2 } }, { { "Y", 1 }, { "\0", 1 } }, HOST },
      3,
      GW_LIT(""),
      "GET / HTTP/1.1\r\n" HOST_LINE "\r\n",
      2 },
    { "a name that would break out",
      "GET",
      "/",
      { HOST, { { "X: 1\r\nY", 7 }, { "2", 1 } } },
      2,
      GW_LIT(""),
      "GET / HTTP/1.1\r\n" HOST_LINE "\r\n",
      1 },
    { "a target with a line's end",
      "GET",
      "/ HTTP/1.1\r\nX: y",
      { HOST },
      1,
      GW_LIT(""),
      NULL,
      0 },
    { "a target with a blank",
      "GET",
      "/a b",
      { HOST },
      1,
      GW_LIT(""),
      NULL,
      0 },
    { "no target", "GET", "", { HOST }, 1, GW_LIT(""), NULL, 0 },
    { "a method with a line's end",
      "GET\n",
      "/",
      { HOST },
      1,
      GW_LIT(""),
      NULL,
      0 },
};

START_TEST(a_request_is_written)
{
    struct gw_fetch_request r = {
        .method = gw_str_of(rows[_i].method),
        .target = gw_str_of(rows[_i].target),
        .headers = rows[_i].headers,
        .header_count = rows[_i].header_count,
        .body = rows[_i].body,
    };
    struct gw_buf out;
    uint64_t dropped = 0;

    gw_buf_init(&out, 1);
    if (rows[_i].bytes) {
        for (unsigned again = 0; again < 2; again++)
            ck_assert_int_eq(gw_upstream_request_write(&out, &r, &dropped),
                             GW_OK);
        ck_assert_gw_str(gw_buf_str(&out), gw_str_of(rows[_i].bytes));
        ck_assert_uint_eq(dropped, 2 * rows[_i].dropped);
    } else {
        ck_assert_int_eq(gw_upstream_request_write(&out, &r, &dropped),
                         GW_E_INVALID);
    }
    gw_buf_fini(&out);
}
END_TEST

GW_SUITE("server/edge/upstream_request")
{
    tcase_add_loop_test(tc, a_request_is_written, 0, GW_LEN(rows));
}
