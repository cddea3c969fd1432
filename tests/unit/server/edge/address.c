#include "server/edge/address.h"

#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <pthread.h>

static const struct gw_hash_key key = { 1, 2 };
static struct gw_addresses *t;

static void set_up(void)
{
    t = gw_addresses_new(&key);
}

static void tear_down(void)
{
    gw_addresses_free(t);
}

static gw_address_key key_of(const char *text)
{
    struct sockaddr_storage peer = { 0 };
    struct sockaddr_in *four = (void *)&peer;
    struct sockaddr_in6 *six = (void *)&peer;

    if (strchr(text, ':')) {
        six->sin6_family = AF_INET6;
        ck_assert_int_eq(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    } else {
        four->sin_family = AF_INET;
        ck_assert_int_eq(inet_pton(AF_INET, text, &four->sin_addr), 1);
    }
    four->sin_port = htons(40000); /* must not matter */
    return gw_address_key_of(&peer);
}

static const struct {
    const char *a, *b;
    bool same;
} pairs[] = {
    { "203.0.113.7", "203.0.113.7", true },
    { "203.0.113.7", "203.0.113.8", false },
    { "203.0.113.7", "::ffff:203.0.113.7", true },
    { "::ffff:203.0.113.7", "::ffff:203.0.113.8", false },
    { "2001:db8::1", "2001:db8::2", true },
    { "2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true },
    { "2001:db8::1", "2001:db8:0:1::1", false },
    { "203.0.113.7", "2001:db8::1", false },
};

START_TEST(addresses_count_by_their_network)
{
    ck_assert((key_of(pairs[_i].a) == key_of(pairs[_i].b)) == pairs[_i].same);
}
END_TEST

static bool enter(const char *address, uint32_t max_open, uint32_t per_second,
                  int64_t now_ms)
{
    return gw_addresses_enter(t, key_of(address), max_open, per_second, now_ms);
}

START_TEST(only_so_many_are_open_at_a_time)
{
    for (int i = 0; i < 3; i++)
        ck_assert(enter("203.0.113.7", 3, 0, 0));
    ck_assert(!enter("203.0.113.7", 3, 0, 0));
    ck_assert(!enter("203.0.113.7", 3, 0, 1000000)); /* time changes nothing */
    ck_assert(enter("203.0.113.8", 3, 0, 0));
    gw_addresses_leave(t, key_of("203.0.113.7"));
    ck_assert(enter("203.0.113.7", 3, 0, 0));
    ck_assert(!enter("203.0.113.7", 3, 0, 0));
    ck_assert(enter("203.0.113.7", 4, 0, 0)); /* after a reload raised it */
    ck_assert(enter("203.0.113.7", 0, 0, 0)); /* 0: no limit */
}
END_TEST

START_TEST(only_so_many_come_in_a_second)
{
    for (int i = 0; i < 5; i++)
        ck_assert(enter("203.0.113.7", 0, 5, 0));
    ck_assert(!enter("203.0.113.7", 0, 5, 199));
    ck_assert(enter("203.0.113.7", 0, 5, 200));
    ck_assert(!enter("203.0.113.7", 0, 5, 200));
    for (int i = 0; i < 5; i++)
        ck_assert(enter("203.0.113.7", 0, 5, 60000));
    ck_assert(!enter("203.0.113.7", 0, 5, 60000));
    ck_assert(enter("203.0.113.7", 0, 0, 60000));
}
END_TEST

/* What is over one limit costs nothing of the other. */
START_TEST(refused_connections_take_no_token)
{
    ck_assert(enter("203.0.113.7", 1, 2, 0));
    for (int i = 0; i < 10; i++)
        ck_assert(!enter("203.0.113.7", 1, 2, 0));
    gw_addresses_leave(t, key_of("203.0.113.7"));
    ck_assert(enter("203.0.113.7", 1, 2, 0));
}
END_TEST

enum { MANY = 10000 };

/* Open ones are never forgotten, however large the table had to become. */
START_TEST(the_table_grows_and_keeps_who_is_open)
{
    for (gw_address_key a = 0; a < MANY; a++)
        ck_assert(gw_addresses_enter(t, a, 1, 0, 0));
    ck_assert_uint_eq(gw_addresses_count(t), MANY);
    for (gw_address_key a = 0; a < MANY; a++)
        ck_assert(!gw_addresses_enter(t, a, 1, 0, 100000));
    for (gw_address_key a = 0; a < MANY; a++)
        gw_addresses_leave(t, a);
    for (gw_address_key a = 0; a < MANY; a++)
        ck_assert(gw_addresses_enter(t, a, 1, 0, 100000));
    ck_assert_uint_eq(gw_addresses_count(t), MANY);
}
END_TEST

/* Visitors that came and went leave nothing behind: the table is bounded by
 * who is open and who came of late. */
START_TEST(the_quiet_are_forgotten)
{
    gw_address_key a = 1;

    ck_assert(gw_addresses_enter(t, 0, 1, 10, 0)); /* stays */
    for (int64_t now = 0; now < 1000000; now += 10, a++) {
        ck_assert(gw_addresses_enter(t, a, 1, 10, now));
        gw_addresses_leave(t, a);
        ck_assert_uint_le(gw_addresses_count(t), 1024);
    }
    ck_assert(!gw_addresses_enter(t, 0, 1, 10, 1000000));
}
END_TEST

/* A bucket that is not full yet must outlive a rebuild of the table. */
START_TEST(those_that_came_of_late_are_remembered)
{
    ck_assert(enter("203.0.113.7", 0, 1, 0));
    gw_addresses_leave(t, key_of("203.0.113.7"));
    for (gw_address_key a = 1; a < 1000; a++)
        ck_assert(gw_addresses_enter(t, a, 0, 0, 500));
    ck_assert(!enter("203.0.113.7", 0, 1, 500));
    ck_assert(enter("203.0.113.7", 0, 1, 1000));
}
END_TEST

/* Workers share it. */
static void *come_and_go(void *arg)
{
    size_t *admitted = arg;

    for (int i = 0; i < MANY; i++)
        if (gw_addresses_enter(t, (gw_address_key)(i % 200), 2, 0, i)) {
            ++*admitted;
            gw_addresses_leave(t, (gw_address_key)(i % 200));
        }
    return NULL;
}

START_TEST(threads_may_come_at_once)
{
    pthread_t threads[3];
    size_t admitted[3] = { 0 };

    for (size_t i = 0; i < GW_LEN(threads); i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, come_and_go, &admitted[i]), 0);
    for (size_t i = 0; i < GW_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_gt(admitted[0], 0);
    for (gw_address_key a = 0; a < 200; a++) /* all have left */
        ck_assert(gw_addresses_enter(t, a, 1, 0, MANY));
}
END_TEST

START_TEST(all_together_are_counted)
{
    for (int i = 0; i < 3; i++)
        ck_assert(gw_addresses_open_one(t, 3));
    ck_assert(!gw_addresses_open_one(t, 3));
    ck_assert(gw_addresses_open_one(t, 0)); /* no limit, yet counted */
    gw_addresses_close_one(t);
    ck_assert(!gw_addresses_open_one(t, 3));
    gw_addresses_close_one(t);
    ck_assert(gw_addresses_open_one(t, 3));
}
END_TEST

GW_SUITE("server/edge/address")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, addresses_count_by_their_network, 0, GW_LEN(pairs));
    tcase_add_test(tc, only_so_many_are_open_at_a_time);
    tcase_add_test(tc, only_so_many_come_in_a_second);
    tcase_add_test(tc, refused_connections_take_no_token);
    tcase_add_test(tc, the_table_grows_and_keeps_who_is_open);
    tcase_add_test(tc, the_quiet_are_forgotten);
    tcase_add_test(tc, those_that_came_of_late_are_remembered);
    tcase_add_test(tc, threads_may_come_at_once);
    tcase_add_test(tc, all_together_are_counted);
}
