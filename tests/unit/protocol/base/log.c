#include "protocol/base/log.h"

#include "protocol/base/str.h"
#include "tests/support/suite.h"

#include <stdio.h>

static char last[1200];

static void keep(gw_log_level level, const char *event, const char *text)
{
    snprintf(last, sizeof(last), "%d %s %s", (int)level, event, text);
}

START_TEST(lines_reach_the_sink_up_to_its_level)
{
    char *last_line = last;

    gw_log_install(NULL, GW_LOG_DEBUG);
    gw_error("lost", "x=%d", 1); /* no sink: nowhere */
    gw_log_install(keep, GW_LOG_INFO);
    gw_info("conn.open", "id=%s", "abc");
    ck_assert_str_eq(last_line, "2 conn.open id=abc");
    gw_debug("wire", "x=%d", 1);
    ck_assert_str_eq(last_line, "2 conn.open id=abc");
    gw_error("bad", "x=%2000d", 1); /* cut, not overrun */
    ck_assert(gw_str_starts(gw_str_of(last), GW_LIT("0 bad x=")));
    gw_log_install(NULL, GW_LOG_WARN);
}
END_TEST

START_TEST(the_gate_lets_some_pass_and_counts_the_rest)
{
    struct gw_log_gate gate = { 0 };
    uint64_t held = 99;

    ck_assert(gw_log_admit(&gate, 100, 2, &held) && held == 0);
    ck_assert(gw_log_admit(&gate, 100, 2, &held) && held == 0);
    ck_assert(!gw_log_admit(&gate, 100, 2, &held));
    ck_assert(!gw_log_admit(&gate, 100, 2, &held));
    ck_assert(!gw_log_admit(&gate, 100, 2, &held));
    ck_assert(gw_log_admit(&gate, 101, 2, &held) && held == 3);
    ck_assert(gw_log_admit(&gate, 101, 2, &held) && held == 0);
    ck_assert(!gw_log_admit(&gate, 101, 2, &held));
    ck_assert(gw_log_admit(&gate, 50, 2, &held) && held == 1);
    ck_assert(!gw_log_admit(&gate, 50, 0, &held));
}
END_TEST

GW_SUITE("protocol/base/log")
{
    tcase_add_test(tc, lines_reach_the_sink_up_to_its_level);
    tcase_add_test(tc, the_gate_lets_some_pass_and_counts_the_rest);
}
