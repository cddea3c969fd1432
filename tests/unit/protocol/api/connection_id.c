#include "protocol/api/connection_id.h"

#include "protocol/base/base64.h"
#include "tests/support/suite.h"

static const struct gw_hash_key key = { 0x0706050403020100,
                                        0x0f0e0d0c0b0a0908 };

static bool same(struct gw_connection_id a, struct gw_connection_id b)
{
    return a.node == b.node && a.worker == b.worker && a.slot == b.slot &&
           a.nonce == b.nonce;
}

/* Any spread of numbers will do (splitmix64). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static struct gw_connection_id any(uint64_t *state)
{
    uint64_t a = next(state), b = next(state);

    return (struct gw_connection_id){
        .node = (uint16_t)a,
        .worker = (uint8_t)(a >> 16),
        .slot = (uint32_t)(a >> 24 & 0xFFFFFF),
        .nonce = b >> 24,
    };
}

static gw_str write(struct gw_connection_id id, char out[GW_CONNECTION_ID_LEN])
{
    gw_connection_id_write(&key, id, out);
    return (gw_str){ out, GW_CONNECTION_ID_LEN };
}

/* Asserts only on failure: a ck_assert is a message to another process. */
static void goes_round(struct gw_connection_id id)
{
    char text[GW_CONNECTION_ID_LEN];
    struct gw_connection_id back;
    gw_str s = write(id, text);
    bool well_spelt = s.at[15] == '=';

    for (size_t i = 0; i < 15; i++)
        well_spelt &= s.at[i] != '+' && s.at[i] != '/' && s.at[i] != '=';
    if (!well_spelt || !gw_connection_id_read(&key, s, &back) ||
        !same(id, back))
        ck_abort_msg("%.*s", GW_FMT(s));
}

START_TEST(ids_go_round)
{
    uint64_t state = 1;

    for (int i = 0; i < 100000; i++)
        goes_round(any(&state));
    goes_round((struct gw_connection_id){ 0 });
    goes_round((struct gw_connection_id){ UINT16_MAX, UINT8_MAX, 0xFFFFFF,
                                          0xFFFFFFFFFF });
    for (int bit = 0; bit < 40; bit++) /* no field spills into another */
        goes_round((struct gw_connection_id){
            (uint16_t)(UINT16_C(1) << bit % 16),
            (uint8_t)(UINT8_C(1) << bit % 8),
            UINT32_C(1) << bit % 24,
            UINT64_C(1) << bit,
        });
}
END_TEST

static const struct {
    const char *name, *text;
} misspelt[] = {
    { "empty", "" },
    { "padding only", "================" },
    { "fifteen characters", "L0SM9cOFvHcCIhw" },
    { "seventeen characters", "L0SM9cOFvHcCIhw==" },
    { "twenty characters", "AAAAL0SM9cOFvHcCIhw=" },
    { "no padding, twelve bytes", "L0SM9cOFvHcCIhwA" },
    { "two paddings, ten bytes", "L0SM9cOFvHcCIg==" },
    { "the plus of the other alphabet", "L0SM9+OFvHcCIhw=" },
    { "the slash of the other alphabet", "L0SM9/OFvHcCIhw=" },
    { "spare bits set", "L0SM9cOFvHcCIhx=" },
    { "still percent-encoded", "L0SM9cOFvHcCI%3D" },
    { "a blank", "L0SM9cOFvHcCIh =" },
    { "not ASCII", "L0SM9cOFvHcCI\xc3\xa9=" },
};

START_TEST(other_spellings_are_refused)
{
    struct gw_connection_id id;

    ck_assert_msg(
        !gw_connection_id_read(&key, gw_str_of(misspelt[_i].text), &id), "%s",
        misspelt[_i].name);
}
END_TEST

/* The ids of the reference's samples: legal spellings, though not ours. */
START_TEST(strange_ids_are_read_as_something_never_made)
{
    static const char *const texts[] = { "R1kmxc2VNjMCFIA=", "L0SM9cOFvHcCIhw=",
                                         "VNRXVFJOywMF3-Q=" };
    struct gw_connection_id id;
    char back[GW_CONNECTION_ID_LEN];

    for (size_t i = 0; i < GW_LEN(texts); i++) {
        ck_assert(gw_connection_id_read(&key, gw_str_of(texts[i]), &id));
        ck_assert_gw_str(write(id, back), gw_str_of(texts[i]));
    }
}
END_TEST

static int differing_bits(gw_str a, gw_str b)
{
    unsigned char x[12], y[12];
    size_t len;
    int bits = 0;

    if (!gw_base64_decode(GW_BASE64URL, a, x, &len) ||
        !gw_base64_decode(GW_BASE64URL, b, y, &len))
        ck_abort();
    for (size_t i = 0; i < len; i++)
        bits += __builtin_popcount((unsigned)(x[i] ^ y[i]));
    return bits;
}

/* Half of 88 bits on average, and never few: 15 or fewer has a chance below
 * 10^-9 each time. */
START_TEST(ids_one_bit_apart_look_unrelated)
{
    uint64_t state = 2;
    int sum = 0, count = 0;

    for (int i = 0; i < 100; i++)
        for (int bit = 0; bit < 88; bit++, count++) {
            struct gw_connection_id a = any(&state), b = a;
            char x[GW_CONNECTION_ID_LEN], y[GW_CONNECTION_ID_LEN];
            int bits;

            if (bit < 16)
                b.node ^= (uint16_t)(1u << bit);
            else if (bit < 24)
                b.worker ^= (uint8_t)(1u << (bit - 16));
            else if (bit < 48)
                b.slot ^= 1u << (bit - 24);
            else
                b.nonce ^= UINT64_C(1) << (bit - 48);
            bits = differing_bits(write(a, x), write(b, y));
            if (bits <= 15)
                ck_abort_msg("%d bits differ", bits);
            sum += bits;
        }
    ck_assert_double_eq_tol((double)sum / count, 44, 0.5);
}
END_TEST

START_TEST(another_key_reads_rubbish)
{
    struct gw_hash_key other = { key.k0, key.k1 ^ 1 };
    uint64_t state = 3;

    for (int i = 0; i < 10000; i++) {
        struct gw_connection_id id = any(&state), back;
        char text[GW_CONNECTION_ID_LEN];

        if (!gw_connection_id_read(&other, write(id, text), &back) ||
            same(id, back))
            ck_abort_msg("id %d", i);
    }
}
END_TEST

GW_SUITE("protocol/api/connection_id")
{
    tcase_add_test(tc, ids_go_round);
    tcase_add_loop_test(tc, other_spellings_are_refused, 0, GW_LEN(misspelt));
    tcase_add_test(tc, strange_ids_are_read_as_something_never_made);
    tcase_add_test(tc, ids_one_bit_apart_look_unrelated);
    tcase_add_test(tc, another_key_reads_rubbish);
}
