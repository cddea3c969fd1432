#include "protocol/base/map.h"

#include "tests/support/suite.h"

#include <stdio.h>

START_TEST(what_was_put_is_found)
{
    static char keys[1000][8];
    struct gw_arena a;
    struct gw_map m;

    gw_arena_init(&a, 1 << 20);
    ck_assert(gw_map_init(&m, &a, GW_LEN(keys)) == GW_OK);
    for (size_t i = 0; i < GW_LEN(keys); i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        ck_assert(gw_map_put(&m, gw_str_of(keys[i]), keys[i]));
    }
    for (size_t i = 0; i < GW_LEN(keys); i++)
        ck_assert(gw_map_get(&m, gw_str_of(keys[i])) == keys[i]);
    ck_assert(gw_map_get(&m, GW_LIT("k1000")) == NULL);
    ck_assert(gw_map_get(&m, GW_EMPTY) == NULL);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(a_key_comes_once)
{
    struct gw_arena a;
    struct gw_map m;
    int one, two;

    gw_arena_init(&a, 4096);
    ck_assert(gw_map_init(&m, &a, 3) == GW_OK);
    ck_assert(gw_map_put(&m, GW_LIT("a"), &one));
    ck_assert(!gw_map_put(&m, GW_LIT("a"), &two));
    ck_assert(gw_map_put(&m, GW_LIT("A"), &two));
    ck_assert(gw_map_put(&m, GW_EMPTY, &two));
    ck_assert(gw_map_get(&m, GW_LIT("a")) == &one);
    ck_assert(gw_map_get(&m, GW_EMPTY) == &two);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(an_empty_map_has_nothing)
{
    struct gw_map never = { 0 }, m;
    struct gw_arena a;

    gw_arena_init(&a, 4096);
    ck_assert(gw_map_get(&never, GW_LIT("a")) == NULL);
    ck_assert(gw_map_init(&m, &a, 0) == GW_OK);
    ck_assert(gw_map_get(&m, GW_LIT("a")) == NULL);
    ck_assert(gw_map_init(&m, &a, 100000) == GW_E_TOO_BIG);
    gw_arena_fini(&a);
}
END_TEST

GW_SUITE("protocol/base/map")
{
    tcase_add_test(tc, what_was_put_is_found);
    tcase_add_test(tc, a_key_comes_once);
    tcase_add_test(tc, an_empty_map_has_nothing);
}
