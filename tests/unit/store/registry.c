#include "store/registry.h"

#include "tests/unit/store/player.h"

#include <stdio.h>

/* What holds of every registry, whatever it stands on. */

static void enter_redis(struct player *p, struct stage *s)
{
    player_enter(p, s, 7, NULL, false);
}

/* Is anything of an estate kept, now that everybody has left? */
static long long holds_redis(const struct stage *s)
{
    return gw_redis_server_do(&s->server, "EVAL %s 0",
                              "return #redis.call('KEYS', 't:{*')"
                              " + redis.call('EXISTS', 't:estates')");
}

static long long holds_nothing(const struct stage *s)
{
    return 0;
}

static const struct {
    const char *name;
    bool redis;
    void (*enter)(struct player *p, struct stage *s);
    long long (*holds)(const struct stage *s);
} backends[] = {
    { "memory", false, player_enter_memory, holds_nothing },
    { "redis", true, enter_redis, holds_redis },
};

static struct stage stage;
static struct player player;

static void begin(int backend)
{
    stage_set(&stage, backends[backend].redis);
    backends[backend].enter(&player, &stage);
    WAIT(&player, player.joined);
    ck_assert_int_eq(gw_registry_state_of(player.registry), GW_REGISTRY_JOINED);
}

static void end(int backend, long long holds)
{
    player_exit(&player);
    ck_assert_int_eq(backends[backend].holds(&stage), holds);
    ck_assert_uint_eq(player.lost, 0);
    stage_strike(&stage);
}

START_TEST(a_life_leaves_nothing_behind)
{
    begin(_i);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_eq(player_add(&player, i), GW_OK);
    WAIT(&player, player.ok == 1000);
    for (unsigned i = 0; i < 1000; i++)
        player_end(&player, i);
    WAIT(&player, player.ok == 2000);
    for (unsigned i = 0; i < 1000; i++)
        player_ack(&player, i);
    end(_i, 0);
    ck_assert_uint_eq(player.failed, 0);
    ck_assert_uint_eq(player.inherited_all, 0);
}
END_TEST

START_TEST(a_refused_connection_owes_nothing)
{
    begin(_i);
    ck_assert_int_eq(player_add(&player, 1), GW_OK);
    player_drop(&player, 1); /* before it is answered */
    ck_assert_int_eq(player_add(&player, 2), GW_OK);
    WAIT(&player, player.ok == 2);
    player_drop(&player, 2);
    end(_i, 0);
}
END_TEST

START_TEST(a_goodbye_can_be_rewritten)
{
    begin(_i);
    ck_assert_int_eq(player_add(&player, 1), GW_OK);
    player_end(&player, 1);
    player_end(&player, 1);
    gw_registry_end(player.registry, player_id(1), GW_LIT("goodbye, again"),
                    NULL, NULL);
    WAIT(&player, player.ok == 3);
    player_ack(&player, 1);
    end(_i, 0);
}
END_TEST

START_TEST(a_record_can_be_rewritten_unasked)
{
    begin(_i);
    ck_assert_int_eq(player_add(&player, 1), GW_OK);
    ck_assert_int_eq(gw_registry_add(player.registry, player_id(1),
                                     GW_LIT("another record"), NULL, NULL),
                     GW_OK);
    player_end(&player, 1);
    WAIT(&player, player.ok == 2);
    player_ack(&player, 1);
    end(_i, 0);
}
END_TEST

/* --- dead letters --------------------------------------------------------------- */

struct page {
    bool come;
    gw_err err;
    size_t count;
    char ids[16][64], whys[16][64], records[16][64];
};

static void keep(char out[64], gw_str s)
{
    snprintf(out, 64, "%.*s", GW_FMT(s));
}

static void on_page(void *ctx, gw_err err, const struct gw_letter *letters,
                    size_t count)
{
    struct page *page = ctx;

    ck_assert(!page->come);
    ck_assert_uint_le(count, GW_LEN(page->ids));
    page->come = true;
    page->err = err;
    page->count = count;
    for (size_t i = 0; i < count; i++) {
        keep(page->ids[i], letters[i].id);
        keep(page->whys[i], letters[i].why);
        keep(page->records[i], letters[i].record);
    }
}

static struct page list(const char *after, size_t max)
{
    struct page page = { 0 };

    ck_assert_int_eq(gw_registry_letters(player.registry, gw_str_of(after), max,
                                         on_page, &page),
                     GW_OK);
    WAIT(&player, page.come);
    ck_assert_int_eq(page.err, GW_OK);
    return page;
}

static void bury(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char why[32];

        snprintf(why, sizeof(why), "why %u", i);
        ck_assert_int_eq(player_add(&player, i), GW_OK);
        player_end(&player, i);
        gw_registry_bury(player.registry, player_id(i), player_record(i, true),
                         gw_str_of(why));
        player.known[i] = UNKNOWN;
    }
    WAIT(&player, list("", count + 1).count == count);
}

START_TEST(dead_letters_are_listed_page_by_page)
{
    char last[64] = "";
    unsigned seen = 0;
    struct page page;

    begin(_i);
    ck_assert_uint_eq(list("", 10).count, 0);
    bury(5);
    do {
        page = list(last, 2);
        ck_assert_uint_eq(page.count, seen < 4 ? 2 : 5 - seen);
        for (size_t i = 0; i < page.count; i++, seen++) {
            char why[32];

            snprintf(why, sizeof(why), "why %u", seen);
            ck_assert_str_eq(page.whys[i], why);
            ck_assert_gw_str(gw_str_of(page.records[i]),
                             player_record(seen, true));
            strcpy(last, page.ids[i]);
        }
    } while (page.count);
    ck_assert_uint_eq(seen, 5);
    end(_i, 0); /* what is buried is not owed */
}
END_TEST

START_TEST(a_dead_letter_can_be_retried)
{
    struct page page;

    begin(_i);
    bury(3);
    page = list("", 10);
    player.ok = 0;
    ck_assert_int_eq(gw_registry_letter_retry(player.registry,
                                              gw_str_of(page.ids[1]),
                                              player_done, &player),
                     GW_OK);
    WAIT(&player, player.ok == 1);
    ck_assert_uint_eq(player.inherited_all, 1);
    ck_assert_uint_eq(player.inherited[1], 1);
    page = list("", 10);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_str_eq(page.whys[0], "why 0");
    ck_assert_str_eq(page.whys[1], "why 2");
    player_ack(&player, 1);
    end(_i, 0);
}
END_TEST

START_TEST(a_dead_letter_can_be_dropped)
{
    struct page page;

    begin(_i);
    bury(2);
    page = list("", 10);
    player.ok = 0;
    ck_assert_int_eq(gw_registry_letter_drop(player.registry,
                                             gw_str_of(page.ids[0]),
                                             player_done, &player),
                     GW_OK);
    WAIT(&player, player.ok == 1);
    ck_assert_uint_eq(list("", 10).count, 1);
    end(_i, 0);
    ck_assert_uint_eq(player.inherited_all, 0);
}
END_TEST

/* Either at once or when it is answered. */
static void expect_not_found(gw_err (*what)(struct gw_registry *, gw_str,
                                            gw_registry_done *, void *),
                             const char *letter)
{
    size_t failed = player.failed;
    gw_err err = what(player.registry, gw_str_of(letter), player_done, &player);

    if (!err) {
        WAIT(&player, player.failed == failed + 1);
        err = player.last_err;
    }
    ck_assert_msg(err == GW_E_NOT_FOUND, "%s: %s", letter, gw_err_name(err));
}

START_TEST(a_letter_that_is_not_there_is_not_found)
{
    static const char *const names[] = { "17", "17-0", "", "-", "+", "no" };
    struct page page;

    begin(_i);
    bury(1);
    page = list("", 10);
    for (size_t i = 0; i < GW_LEN(names); i++) {
        if (strcmp(names[i], page.ids[0]) == 0)
            continue;
        expect_not_found(gw_registry_letter_retry, names[i]);
        expect_not_found(gw_registry_letter_drop, names[i]);
    }
    ck_assert_uint_eq(list("", 10).count, 1);
    ck_assert_int_eq(
        gw_registry_letters(player.registry, GW_LIT("no"), 10, on_page, &page),
        GW_E_INVALID);
    end(_i, 0);
}
END_TEST

GW_SUITE("store/registry")
{
    int count = GW_LEN(backends);

    tcase_add_loop_test(tc, a_life_leaves_nothing_behind, 0, count);
    tcase_add_loop_test(tc, a_refused_connection_owes_nothing, 0, count);
    tcase_add_loop_test(tc, a_goodbye_can_be_rewritten, 0, count);
    tcase_add_loop_test(tc, a_record_can_be_rewritten_unasked, 0, count);
    tcase_add_loop_test(tc, dead_letters_are_listed_page_by_page, 0, count);
    tcase_add_loop_test(tc, a_dead_letter_can_be_retried, 0, count);
    tcase_add_loop_test(tc, a_dead_letter_can_be_dropped, 0, count);
    tcase_add_loop_test(tc, a_letter_that_is_not_there_is_not_found, 0, count);
}
