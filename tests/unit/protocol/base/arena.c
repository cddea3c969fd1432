#include "protocol/base/arena.h"

#include "tests/support/suite.h"

START_TEST(memory_is_zeroed_and_aligned)
{
    struct gw_arena a;

    gw_arena_init(&a, 1 << 20);
    for (size_t size = 1; size < 5000; size += 97) {
        char *text = gw_arena_text(&a, 3), *p = gw_arena_alloc(&a, size);
        char dirty = 0;

        ck_assert(text && p);
        ck_assert((uintptr_t)p % _Alignof(max_align_t) == 0);
        for (size_t i = 0; i < size; i++)
            dirty |= p[i];
        ck_assert(dirty == 0);
        memset(p, 0xff, size);
        memset(text, 0xff, 3);
    }
    gw_arena_fini(&a);
}
END_TEST

START_TEST(the_cap_holds)
{
    struct gw_arena a;
    gw_str copy;

    gw_arena_init(&a, 100);
    ck_assert(gw_arena_alloc(&a, 101) == NULL);
    ck_assert(gw_arena_alloc(&a, SIZE_MAX) == NULL);
    ck_assert(gw_arena_text(&a, 60) != NULL);
    ck_assert(gw_arena_text(&a, 41) == NULL);
    ck_assert(gw_arena_text(&a, 39) != NULL);
    ck_assert(gw_arena_dup(&a, GW_LIT("xy"), &copy) == GW_E_TOO_BIG);
    ck_assert(gw_arena_dup(&a, GW_EMPTY, &copy) == GW_OK);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(a_reset_makes_room_again)
{
    struct gw_arena a;

    gw_arena_init(&a, 10000);
    gw_arena_reset(&a); /* before its first use */
    for (int i = 0; i < 10; i++) {
        ck_assert(gw_arena_text(&a, 3000) && gw_arena_text(&a, 7000));
        ck_assert(gw_arena_text(&a, 1) == NULL);
        gw_arena_reset(&a);
    }
    gw_arena_fini(&a);
    ck_assert(gw_arena_text(&a, 10000) != NULL); /* usable after fini */
    gw_arena_fini(&a);
}
END_TEST

START_TEST(copies_end_in_a_nul_that_is_not_counted)
{
    struct gw_arena a;
    gw_str copy;

    gw_arena_init(&a, 100);
    ck_assert(gw_arena_dup(&a, GW_LIT("a\0b"), &copy) == GW_OK);
    ck_assert_gw_str(copy, GW_LIT("a\0b"));
    ck_assert(copy.at[3] == '\0');
    ck_assert(gw_arena_dup(&a, (gw_str){ NULL, 0 }, &copy) == GW_OK);
    ck_assert_gw_str(copy, GW_EMPTY);
    gw_arena_fini(&a);
}
END_TEST

GW_SUITE("protocol/base/arena")
{
    tcase_add_test(tc, memory_is_zeroed_and_aligned);
    tcase_add_test(tc, the_cap_holds);
    tcase_add_test(tc, a_reset_makes_room_again);
    tcase_add_test(tc, copies_end_in_a_nul_that_is_not_counted);
}
