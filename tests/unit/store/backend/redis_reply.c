#include "store/backend/redis_reply.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static const struct {
    const char *words;
    gw_err err;
} classes[] = {
    { "LOADING Redis is loading the dataset in memory", GW_E_BUSY },
    { "BUSY Redis is busy running a script.", GW_E_BUSY },
    { "OOM command not allowed", GW_E_BUSY },
    { "MISCONF Redis is configured to save RDB snapshots", GW_E_BUSY },
    { "READONLY You can't write against a read only replica.", GW_E_BUSY },
    { "CLUSTERDOWN The cluster is down", GW_E_BUSY },
    { "TRYAGAIN Multiple keys request during rehashing", GW_E_BUSY },
    { "MASTERDOWN Link with MASTER is down", GW_E_BUSY },
    { "NOREPLICAS Not enough good replicas to write.", GW_E_BUSY },
    { "NOAUTH Authentication required.", GW_E_FORBIDDEN },
    { "WRONGPASS invalid username-password pair", GW_E_FORBIDDEN },
    { "NOPERM this user has no permissions", GW_E_FORBIDDEN },
    { "WRONGTYPE Operation against a key", GW_E_INVALID },
    { "ERR unknown command", GW_E_INVALID },
    { "NOSCRIPT No matching script.", GW_E_INVALID },
    { "OOM", GW_E_BUSY },
    { "BUSYGROUP Consumer Group name already exists", GW_E_INVALID },
    { "", GW_E_INVALID },
};

START_TEST(the_first_word_is_the_class)
{
    ck_assert_int_eq(gw_redis_error_class(gw_str_of(classes[_i].words)),
                     classes[_i].err);
}
END_TEST

/* One that never becomes whole is refused at the bound. */
START_TEST(a_reply_is_bounded)
{
    enum { CHUNK = 1 << 20 };
    char *zeros = gw_alloc(CHUNK);
    const struct gw_redis_reply *reply;
    struct gw_redis_reader r;
    struct gw_fault why;
    size_t taken = 0;
    gw_err err;

    gw_redis_reader_init(&r);
    ck_assert_int_eq(
        gw_redis_reader_feed(&r, GW_LIT("$9223372036854775807\r\n")), GW_OK);
    while (gw_redis_reader_feed(&r, (gw_str){ zeros, CHUNK }) == GW_OK) {
        ck_assert_int_eq(gw_redis_reader_next(&r, &reply, &err, &why), GW_OK);
        ck_assert_ptr_null(reply);
        taken += CHUNK;
    }
    ck_assert_uint_le(taken, GW_REDIS_REPLY_MAX);
    ck_assert_uint_ge(taken, GW_REDIS_REPLY_MAX - CHUNK);
    gw_redis_reader_fini(&r);
    free(zeros);
}
END_TEST

/* Small as sent, large as objects. */
START_TEST(so_is_what_it_becomes)
{
    const struct gw_redis_reply *reply = NULL;
    struct gw_redis_reader r;
    struct gw_fault why;
    gw_err err;

    gw_redis_reader_init(&r);
    ck_assert_int_eq(gw_redis_reader_feed(&r, GW_LIT("*1000000\r\n")), GW_OK);
    ck_assert_int_eq(gw_redis_reader_next(&r, &reply, &err, &why), GW_OK);
    ck_assert_ptr_null(reply);
    for (int i = 0; i < 8 && !reply; i++) {
        ck_assert_int_eq(gw_redis_reader_feed(&r, GW_LIT("*200000\r\n")),
                         GW_OK);
        err = gw_redis_reader_next(&r, &reply, &err, &why);
        if (err)
            break;
    }
    ck_assert_int_eq(err, GW_E_TOO_BIG);
    gw_redis_reader_fini(&r);
}
END_TEST

GW_SUITE("store/backend/redis_reply")
{
    tcase_add_loop_test(tc, the_first_word_is_the_class, 0, GW_LEN(classes));
    tcase_add_test(tc, a_reply_is_bounded);
    tcase_add_test(tc, so_is_what_it_becomes);
}
