/* Lines as they arrive at the other end of standard error. */
#include "server/observe/lines.h"

#include "tests/support/suite.h"

#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static int saved, from;

static void redirect(int to)
{
    saved = dup(STDERR_FILENO);
    dup2(to, STDERR_FILENO);
    close(to);
}

static void to_pipe(gw_log_format format)
{
    struct gw_settings s = { .log_format = format, .log_level = GW_LOG_INFO };
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    from = ends[0];
    redirect(ends[1]);
    gw_lines_install(&s);
}

static void to_terminal(const char *no_color)
{
    struct gw_settings s = { .log_level = GW_LOG_INFO };
    struct termios raw;
    int end;

    ck_assert_int_eq(openpty(&from, &end, NULL, NULL, NULL), 0);
    ck_assert_int_eq(tcgetattr(end, &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(end, TCSANOW, &raw), 0);
    if (no_color)
        setenv("NO_COLOR", no_color, 1);
    redirect(end);
    gw_lines_install(&s);
    unsetenv("NO_COLOR");
}

/* What was written; then all is as it was. */
static const char *take(void)
{
    static char text[64 * 1024];
    struct pollfd ready = { .fd = from, .events = POLLIN };
    size_t len = 0;

    while (len < sizeof(text) - 1 && poll(&ready, 1, 0) > 0) {
        ssize_t n = read(from, text + len, sizeof(text) - 1 - len);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(from);
    gw_log_install(NULL, GW_LOG_WARN);
    return text;
}

/* Behind the time. */
static const char *line(void)
{
    const char *text = take();

    ck_assert_uint_gt(strlen(text), 12);
    return text + 12;
}

START_TEST(a_pipe_gets_what_was_logged)
{
    to_pipe(GW_LOG_TEXT);
    gw_info("access", "MESSAGE route=%s status=200", "send");
    ck_assert_str_eq(line(),
                     " info  access       MESSAGE route=send status=200\n");
}
END_TEST

static const struct {
    const char *said, *shown;
} harmless[] = {
    { "a\nb\r\tc", "a b  c" },
    { "\x1b[31mred", " [31mred" },
    { "\x7f", " " },
    { "\xc2\x9b"
      "2J",
      "  2J" }, /* CSI in one character */
    { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
    { "\xe2\x98\x83\xf0\x9f\x98\x80", "\xe2\x98\x83\xf0\x9f\x98\x80" },
    { "\xff\xc3", "??" },
    { "\xc3\x28", "?(" },
    { "\xed\xa0\x80", "???" },
};

START_TEST(what_was_said_is_made_harmless)
{
    const char *text;

    to_pipe(GW_LOG_TEXT);
    gw_info("x", "%s", harmless[_i].said);
    text = line() + sizeof(" info  x            ") - 1;
    ck_assert_mem_eq(text, harmless[_i].shown, strlen(harmless[_i].shown));
    ck_assert_str_eq(text + strlen(harmless[_i].shown), "\n");
    to_terminal("1");
    gw_info("x", "%s", harmless[_i].said);
    text = line() + sizeof("       x            ") - 1;
    ck_assert_mem_eq(text, harmless[_i].shown, strlen(harmless[_i].shown));
    ck_assert_str_eq(text + strlen(harmless[_i].shown), "\n");
}
END_TEST

/* As far as the bar before what a function says. */
#define INDENT "                                                       "

static const struct {
    const char *event, *text, *shown;
} columns[] = {
    { "listen", "address=a:1", "       listen       address=a:1\n" },
    { "access",
      "CONNECT route=$connect status=200 in=0 out=0 ms=3 conn=abc request=r "
      "from=127.0.0.1",
      "       connect      $connect               200      3 ms  abc\n" },
    { "access",
      "MESSAGE route=two words status=502 error=UPSTREAM in=1 out=0 ms=29000 "
      "conn=abc request=r from=127.0.0.1",
      " error message      two words              502  29000 ms  abc  "
      "UPSTREAM\n" },
    { "access",
      "MESSAGE route=a status=502 error=UPSTREAM in=1 out=0 ms=2 conn=abc "
      "request=r from=127.0.0.1 why=unknown member x y",
      " error message      a                      502      2 ms  abc  "
      "UPSTREAM: unknown member x y\n" },
    { "access",
      "DISCONNECT route=$disconnect status=0 in=0 out=0 ms=1 conn=abc "
      "request=r from=127.0.0.1",
      "       goodbye      $disconnect              0      1 ms  abc\n" },
    { "access",
      "MESSAGE route=- status=403 error=FORBIDDEN in=1 out=0 ms=0 conn=abc "
      "request=r from=::1",
      " warn  message      -                      403      0 ms  abc  "
      "FORBIDDEN\n" },
    { "invoke", "function=Send request_id=8d1f ms=4",
      "       invoke       Send                            4 ms\n" },
    { "invoke", "function=Send request_id=8d1f ms=4 error=TypeError",
      " error invoke       Send                            4 ms  TypeError\n" },
    { "function.log", "function=Send request_id=8d1f to 2  clients",
      "       log          Send                   | to 2  clients\n" },
    { "function.log", "function=Send request_id=- request_id=x ms=1",
      "       log          Send                   | request_id=x ms=1\n" },
    { "function.log", "function=Send request_id=8d1f Error: x\r  at y\r\rz",
      "       log          Send                   | Error: x\n" INDENT
      "|   at y\n" INDENT "| \n" INDENT "| z\n" },
    { "function.log",
      "function=Send request_id=8d1f "
      "2026-11-22T20:54:13.948Z\t8d1f-2\tINFO\tline 0",
      "       log          Send                   | INFO line 0\n" },
    { "function.log", "function=Send request_id=8d1f 2026-11-22T20:54:13.948Z",
      "       log          Send                   | "
      "2026-11-22T20:54:13.948Z\n" },
    { "function.log",
      "function=Send request_id=8d1f 2026-11-22T20:54:13+01:00 a b",
      "       log          Send                   | 2026-11-22T20:54:13+01:00 "
      "a b\n" },
    { "note", "one\rline", "       note         one line\n" },
};

START_TEST(a_terminal_has_columns)
{
    to_terminal("1");
    gw_info(columns[_i].event, "%s", columns[_i].text);
    ck_assert_str_eq(line(), columns[_i].shown);
}
END_TEST

START_TEST(a_terminal_has_colours)
{
    to_terminal(NULL);
    gw_info("invoke", "function=Send request_id=8d1f ms=4 error=TypeError");
    ck_assert_str_eq(line(),
                     " \x1b[31merror invoke      \x1b[0m Send                "
                     "            4 ms  TypeError\n");
}
END_TEST

START_TEST(long_lines_of_functions_are_whole)
{
    static char said[8 * 1024 + 1];
    const char *text;

    memset(said, '"', sizeof(said) - 1);
    to_pipe(GW_LOG_TEXT);
    gw_info("function.log", "function=Send request_id=8d1f %s", said);
    ck_assert_ptr_nonnull(strstr(take(), said));
    to_terminal("1");
    gw_info("function.log", "function=Send request_id=8d1f %s", said);
    ck_assert_ptr_nonnull(strstr(take(), said));
    to_pipe(GW_LOG_JSON);
    gw_info("function.log", "function=Send request_id=8d1f %s", said);
    text = take();
    ck_assert_uint_gt(strlen(text), 2 * strlen(said));
    ck_assert_str_eq(text + strlen(text) - 4, "\"\"}\n");
}
END_TEST

static const struct {
    const char *event, *text, *members;
} members[] = {
    { "function.log", "function=Send request_id=8d1f {\"a\":1}",
      "\"event\":\"function.log\",\"function\":\"Send\",\"request_id\":"
      "\"8d1f\",\"text\":\"{\\\"a\\\":1}\"}\n" },
    { "invoke", "function=Send ms=4",
      "\"event\":\"invoke\",\"text\":\"function=Send ms=4\"}\n" },
    { "x", "\xff", "\"event\":\"x\",\"text\":\"\xef\xbf\xbd\"}\n" },
};

START_TEST(machines_get_members)
{
    const char *text;

    to_pipe(GW_LOG_JSON);
    gw_info(members[_i].event, "%s", members[_i].text);
    text = strstr(take(), "\"event\"");
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, members[_i].members);
}
END_TEST

GW_SUITE("server/observe/lines")
{
    tcase_add_test(tc, a_pipe_gets_what_was_logged);
    tcase_add_loop_test(tc, what_was_said_is_made_harmless, 0,
                        GW_LEN(harmless));
    tcase_add_loop_test(tc, a_terminal_has_columns, 0, GW_LEN(columns));
    tcase_add_test(tc, a_terminal_has_colours);
    tcase_add_test(tc, long_lines_of_functions_are_whole);
    tcase_add_loop_test(tc, machines_get_members, 0, GW_LEN(members));
}
