#include "store/backend/memory.h"

#include "tests/unit/store/player.h"

static struct stage stage;
static struct player one, other;

static void on_letters(void *ctx, gw_err err, const struct gw_letter *letters,
                       size_t count)
{
    size_t *out = ctx;
    uint64_t first;

    ck_assert_int_eq(err, GW_OK);
    ck_assert(!count || gw_str_to_u64(letters[0].id, &first));
    out[0] = count;
    out[1] = count ? (size_t)first : 0;
}

START_TEST(workers_of_a_process_share_their_letters)
{
    size_t seen[2];

    stage_set(&stage, false);
    player_enter_memory(&one, &stage);
    player_enter_memory(&other, &stage);
    ck_assert_uint_eq(one.joined, 1);
    ck_assert_uint_eq(one.key.k0, 1);
    ck_assert_uint_eq(one.key.k1, 2);
    gw_registry_bury(one.registry, player_id(1), player_record(1, true),
                     GW_LIT("why"));
    ck_assert_int_eq(
        gw_registry_letters(other.registry, GW_EMPTY, 5, on_letters, seen),
        GW_OK);
    ck_assert_uint_eq(seen[0], 1);
    player_exit(&one);
    player_exit(&other);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_full_box_loses_its_oldest)
{
    size_t seen[2];

    stage_set(&stage, false);
    player_enter_memory(&one, &stage);
    for (unsigned i = 0; i < GW_MEMORY_LETTERS_MAX + 3; i++)
        gw_registry_bury(one.registry, player_id(1), player_record(1, true),
                         GW_LIT("why"));
    ck_assert_int_eq(
        gw_registry_letters(one.registry, GW_EMPTY, SIZE_MAX, on_letters, seen),
        GW_OK);
    ck_assert_uint_eq(seen[0], GW_MEMORY_LETTERS_MAX);
    ck_assert_uint_eq(seen[1], 4);
    player_exit(&one);
    stage_strike(&stage);
}
END_TEST

GW_SUITE("store/backend/memory")
{
    tcase_add_test(tc, workers_of_a_process_share_their_letters);
    tcase_add_test(tc, a_full_box_loses_its_oldest);
}
