#include "server/observe/metrics.h"

#include "tests/support/suite.h"

#include <ctype.h>
#include <pthread.h>

static void print(struct gw_metrics *const *workers, size_t count,
                  struct gw_buf *out)
{
    gw_buf_init(out, 1 << 20);
    ck_assert(gw_metrics_print(workers, count, out) == GW_OK);
    ck_assert(gw_buf_add(out, (gw_str){ "", 1 }) == GW_OK);
}

START_TEST(workers_are_summed)
{
    static struct gw_metrics a, b;
    struct gw_metrics *const workers[] = { &a, &b };
    struct gw_buf out;

    GW_COUNT(a.connections_open);
    GW_COUNT(a.connections_open);
    GW_UNCOUNT(a.connections_open);
    GW_COUNT(b.connections_open);
    GW_ADD(a.bytes_in, 5000000000);
    GW_ADD(b.bytes_in, 5000000000);
    /* A gauge may go down at a worker where it never went up. */
    GW_ADD(a.out_queued_bytes, 10);
    GW_ADD(b.out_queued_bytes, -4);
    print(workers, 2, &out);
    ck_assert_ptr_nonnull(strstr(out.at, "\ngatewire_connections_open 2\n"));
    ck_assert_ptr_nonnull(
        strstr(out.at, "\ngatewire_bytes_in_total 10000000000\n"));
    ck_assert_ptr_nonnull(strstr(out.at, "\ngatewire_out_queued_bytes 6\n"));
    gw_buf_fini(&out);
}
END_TEST

/* Prometheus, "Text-based format" and "Metric and label naming": HELP, TYPE,
 * value; letters, digits and underscores; counters end in _total. */
START_TEST(each_metric_has_three_lines)
{
    static struct gw_metrics m;
    struct gw_metrics *const workers[] = { &m };
    struct gw_buf out;
    size_t count = 0;
    gw_str rest;

    print(workers, 1, &out);
    rest = (gw_str){ out.at, out.len - 1 };
    ck_assert(gw_str_ends(rest, GW_LIT("\n")));
    for (; rest.len; count++) {
        gw_str help = gw_str_cut(&rest, '\n'), type = gw_str_cut(&rest, '\n');
        gw_str value = gw_str_cut(&rest, '\n'), name;

        ck_assert(gw_str_starts(help, GW_LIT("# HELP gatewire_")));
        ck_assert(gw_str_starts(type, GW_LIT("# TYPE gatewire_")));
        help = gw_str_skip(help, 7);
        type = gw_str_skip(type, 7);
        name = gw_str_cut(&value, ' ');
        ck_assert_gw_str(value, GW_LIT("0"));
        ck_assert_gw_str(gw_str_cut(&help, ' '), name);
        ck_assert_gw_str(gw_str_cut(&type, ' '), name);
        ck_assert_uint_gt(help.len, 0);
        ck_assert(gw_str_find(help, '\\', 0) < 0);
        ck_assert(gw_str_eq(type, GW_LIT("gauge")) ||
                  gw_str_eq(type, GW_LIT("counter")));
        ck_assert(gw_str_ends(name, GW_LIT("_total")) ==
                  gw_str_eq(type, GW_LIT("counter")));
        for (size_t i = 0; i < name.len; i++)
            ck_assert(isalnum((unsigned char)name.at[i]) || name.at[i] == '_');
    }
    ck_assert_uint_eq(count, sizeof(m) / sizeof(uint64_t));
    gw_buf_fini(&out);
}
END_TEST

START_TEST(what_does_not_fit_is_an_error)
{
    static struct gw_metrics m;
    struct gw_metrics *const workers[] = { &m };
    struct gw_buf out;

    gw_buf_init(&out, 100);
    ck_assert_int_eq(gw_metrics_print(workers, 1, &out), GW_E_TOO_BIG);
    gw_buf_fini(&out);
}
END_TEST

/* The owner counts while another thread reads. */
enum { COUNTS = 100000 };

static void *count_up(void *arg)
{
    struct gw_metrics *m = arg;

    for (int i = 0; i < COUNTS; i++)
        GW_COUNT(m->messages_in);
    return NULL;
}

START_TEST(readers_on_other_threads_see_some_recent_value)
{
    static struct gw_metrics m;
    struct gw_metrics *const workers[] = { &m };
    pthread_t owner;

    ck_assert_int_eq(pthread_create(&owner, NULL, count_up, &m), 0);
    for (int i = 0; i < 20; i++) {
        struct gw_buf out;

        print(workers, 1, &out);
        gw_buf_fini(&out);
    }
    pthread_join(owner, NULL);
    ck_assert_uint_eq(m.messages_in, COUNTS);
}
END_TEST

GW_SUITE("server/observe/metrics")
{
    tcase_add_test(tc, workers_are_summed);
    tcase_add_test(tc, each_metric_has_three_lines);
    tcase_add_test(tc, what_does_not_fit_is_an_error);
    tcase_add_test(tc, readers_on_other_threads_see_some_recent_value);
}
