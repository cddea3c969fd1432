#include "server/function/output.h"

#include "protocol/base/buf.h"
#include "protocol/base/log.h"
#include "server/port/invoker.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static uv_loop_t loop;
static struct gw_output *output;
static int end;
static struct gw_buf lines;

static void on_line(gw_log_level level, const char *event, const char *text)
{
    ck_assert_str_eq(event, "function.log");
    ck_assert(!gw_buf_addf(&lines, "%s|", text));
}

static void start(void)
{
    gw_log_install(on_line, GW_LOG_INFO);
    gw_buf_init(&lines, 4 << 20);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    output = gw_output_new(&loop, GW_LIT("f"), &end);
    ck_assert_ptr_nonnull(output);
}

static void finish(void)
{
    gw_output_free(output);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    gw_buf_fini(&lines);
    gw_log_install(NULL, GW_LOG_WARN);
}

static void print(const char *text)
{
    ck_assert_int_eq(write(end, text, strlen(text)), strlen(text));
}

#define NOBODY "function=f request_id=- "

static const struct {
    const char *printed, *logged;
} texts[] = {
    { "one\ntwo\n", NOBODY "one|" NOBODY "two|" },
    { "no end", NOBODY "no end|" },
    { "a\n\n\nb\n", NOBODY "a|" NOBODY "b|" },
    { "", "" },
    { "first\rsecond\n", NOBODY "first\rsecond|" },
    { "100 %s %n\n", NOBODY "100 %s %n|" },
};

/* Whole, and in two writes, wherever it is cut. */
START_TEST(lines_are_found)
{
    const char *text = texts[_i].printed;

    for (size_t cut = 0; cut <= strlen(text); cut++) {
        start();
        ck_assert_int_eq(write(end, text, cut), cut);
        uv_run(&loop, UV_RUN_NOWAIT);
        print(text + cut);
        close(end);
        gw_output_end(output);
        ck_assert_gw_str(gw_buf_str(&lines), gw_str_of(texts[_i].logged));
        finish();
    }
}
END_TEST

/* A line of any length, of characters of that many bytes, in pieces that fit a
 * line of the log, none of which has half a character. */
static const char *const characters[] = { "x", "\xc3\xa9", "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80" };

START_TEST(long_lines_are_cut_between_characters)
{
    const size_t size = strlen(characters[_i]), count = 12001;
    size_t found = 0;
    gw_str rest;

    start();
    print("."); /* so that no multiple of a character fits by chance */
    for (size_t i = 0; i < count; i++)
        print(characters[_i]);
    print("\n");
    gw_output_end(output);
    rest = gw_buf_str(&lines);
    while (rest.len) {
        gw_str piece = gw_str_cut(&rest, '|');

        ck_assert(gw_str_starts(piece, GW_LIT(NOBODY)));
        piece = gw_str_skip(piece, sizeof(NOBODY) - 1);
        ck_assert_uint_le(piece.len, 8192);
        if (found == 0)
            ck_assert(gw_str_pass(&piece, '.'));
        ck_assert_uint_eq(piece.len % size, 0);
        for (size_t at = 0; at < piece.len; at += size, found++)
            ck_assert_int_eq(memcmp(piece.at + at, characters[_i], size), 0);
    }
    ck_assert_uint_eq(found, count);
    close(end);
    finish();
}
END_TEST

START_TEST(lines_belong_to_runs)
{
    start();
    print("init\nhalf");
    gw_output_begin(output, GW_LIT("1"));
    print("in 1\nhalf");
    gw_output_end(output);
    print("between\n");
    gw_output_begin(output, GW_LIT("2"));
    print("in 2\n");
    ck_assert_gw_str(gw_output_tail(output), GW_LIT("in 2\n"));
    gw_output_end(output);
    ck_assert_gw_str(gw_buf_str(&lines),
                     GW_LIT(NOBODY "init|" NOBODY
                                   "half|function=f request_id=1 in 1|"
                                   "function=f request_id=1 half|" NOBODY
                                   "between|function=f request_id=2 in 2|"));
    close(end);
    finish();
}
END_TEST

START_TEST(the_tail_is_the_last_of_it)
{
    char text[32], want[GW_INVOKE_TAIL_MAX + 64] = "";
    gw_str tail;

    start();
    gw_output_begin(output, GW_LIT("1"));
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "line %04u\n", i);
        print(text);
        if (i % 100 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
        if (i >= 2000 - GW_INVOKE_TAIL_MAX / 10 - 1)
            strcat(want, text);
    }
    tail = gw_output_tail(output);
    ck_assert_uint_eq(tail.len, GW_INVOKE_TAIL_MAX);
    ck_assert_gw_str(tail, gw_str_of(want + strlen(want) - GW_INVOKE_TAIL_MAX));
    close(end);
    finish();
}
END_TEST

/* What one turn of the loop reads is little, whatever there is. */
START_TEST(a_flood_waits_in_its_pipe)
{
    char flood[4096];
    size_t written = 0, before;

    memset(flood, 'x', sizeof(flood));
    flood[sizeof(flood) - 1] = '\n';
    start();
    fcntl(end, F_SETFL, O_NONBLOCK);
    while (write(end, flood, sizeof(flood)) > 0)
        written += sizeof(flood);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_gt(written, 8192);
    before = lines.len;
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_gt(lines.len, before);
    ck_assert_uint_lt(lines.len - before, 8192);
    close(end);
    finish();
}
END_TEST

GW_SUITE("server/function/output")
{
    tcase_add_loop_test(tc, lines_are_found, 0, GW_LEN(texts));
    tcase_add_loop_test(tc, long_lines_are_cut_between_characters, 0,
                        GW_LEN(characters));
    tcase_add_test(tc, lines_belong_to_runs);
    tcase_add_test(tc, the_tail_is_the_last_of_it);
    tcase_add_test(tc, a_flood_waits_in_its_pipe);
}
