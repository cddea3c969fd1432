#include "protocol/limit/bucket.h"

#include "tests/support/suite.h"

#include <pthread.h>

/* How many takes succeed in `calls` calls, one every `step_ms`. */
static const struct {
    const char *name;
    double rate, burst;
    int64_t step_ms;
    unsigned calls, passed;
} runs[] = {
    { "a full bucket, time standing still", 10, 5, 0, 20, 5 },
    { "burst, then the rate: 5 + 9.9 s of 10/s", 10, 5, 10, 1000, 104 },
    { "slower than the rate, all pass", 10, 5, 100, 1000, 1000 },
    { "just as fast as the rate", 1000, 1, 1, 1000, 1000 },
    { "twice the rate: half, after the burst", 500, 1, 1, 1000, 500 },
    { "one in ten seconds", 0.1, 1, 1000, 101, 11 },
    { "one in three seconds", 1.0 / 3, 1, 1000, 31, 11 },
    { "a burst of two and a half saves two", 10, 2.5, 0, 10, 2 },
    { "a burst below one never holds a token", 100, 0.5, 1000, 10, 0 },
    { "nothing passes", 0, 0, 1000, 10, 0 },
    { "a rate without a burst saves nothing", 100, 0, 1000, 10, 0 },
    { "a burst without a rate is never filled", 0, 3, 1000, 10, 0 },
    { "more than a token a nanosecond step", 2e6, 2000, 1, 10000, 10000 },
};

START_TEST(buckets_let_pass_what_they_should)
{
    struct gw_bucket b = { 0 };
    unsigned passed = 0;

    for (unsigned i = 0; i < runs[_i].calls; i++)
        passed += gw_bucket_take(&b, runs[_i].rate, runs[_i].burst,
                                 1705751697419 + i * runs[_i].step_ms);
    ck_assert_msg(passed == runs[_i].passed, "%s: %u passed", runs[_i].name,
                  passed);
}
END_TEST

static unsigned take_all(struct gw_bucket *b, double rate, double burst,
                         int64_t now_ms)
{
    unsigned n = 0;

    while (n < 1000 && gw_bucket_take(b, rate, burst, now_ms))
        n++;
    return n;
}

START_TEST(a_clock_that_runs_backwards_adds_nothing)
{
    struct gw_bucket b = { 0 };

    ck_assert_uint_eq(take_all(&b, 10, 5, 10000), 5);
    ck_assert_uint_eq(take_all(&b, 10, 5, 2000), 0);
    ck_assert_uint_eq(take_all(&b, 10, 5, 9999), 0);
    ck_assert_uint_eq(take_all(&b, 10, 5, 10000), 0);
    ck_assert_uint_eq(take_all(&b, 10, 5, 10100), 1); /* as if nothing was */
}
END_TEST

START_TEST(idleness_saves_up_no_more_than_the_burst)
{
    struct gw_bucket b = { 0 };

    ck_assert_uint_eq(take_all(&b, 10, 5, 1000), 5);
    ck_assert_uint_eq(take_all(&b, 10, 5, 4102444800000), 5);
    ck_assert_uint_eq(take_all(&b, 10, 5, 4102444800000), 0);
}
END_TEST

static struct gw_bucket shared;

static void *take_many(void *passed)
{
    for (unsigned i = 0; i < 100000; i++)
        *(unsigned *)passed += gw_bucket_take(&shared, 1, 1000, 5000);
    return NULL;
}

START_TEST(threads_share_one_burst)
{
    unsigned passed[4] = { 0 }, sum = 0;
    pthread_t threads[GW_LEN(passed)];

    for (size_t i = 0; i < GW_LEN(threads); i++)
        ck_assert(!pthread_create(&threads[i], NULL, take_many, &passed[i]));
    for (size_t i = 0; i < GW_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        sum += passed[i];
    }
    ck_assert_uint_eq(sum, 1000);
}
END_TEST

GW_SUITE("protocol/limit/bucket")
{
    tcase_add_loop_test(tc, buckets_let_pass_what_they_should, 0, GW_LEN(runs));
    tcase_add_test(tc, a_clock_that_runs_backwards_adds_nothing);
    tcase_add_test(tc, idleness_saves_up_no_more_than_the_burst);
    tcase_add_test(tc, threads_share_one_burst);
}
