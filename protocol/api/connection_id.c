#include "protocol/api/connection_id.h"

#include "protocol/base/base64.h"

#include <endian.h>

/*
 * A Feistel network turns any keyed function into a keyed permutation: 88
 * bits in two halves of 44, each round mixing a hash of the one into the
 * other. Four rounds of a random function already cannot be told from a
 * random permutation (Luby and Rackoff); six leave a margin, for 2^22 ids
 * are not many for halves this short.
 */
enum { ROUNDS = 6, HALF = 44, ID_BYTES = 11 };

#define HALF_MASK ((UINT64_C(1) << HALF) - 1)

struct halves {
    uint64_t left, right;
};

static uint64_t mix(const struct gw_hash_key *key, unsigned round,
                    uint64_t half)
{
    uint64_t word = htole64((uint64_t)round << HALF | half);

    /* 47 bits in 7 bytes: with its length that is one block, where 8 would be
     * two. */
    return gw_hash(key, (gw_str){ (char *)&word, 7 }) & HALF_MASK;
}

static struct halves seal(const struct gw_hash_key *key, struct halves h)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        h = (struct halves){ h.right, h.left ^ mix(key, round, h.right) };
    return h;
}

static struct halves unseal(const struct gw_hash_key *key, struct halves h)
{
    for (unsigned round = ROUNDS; round-- > 0;)
        h = (struct halves){ h.right ^ mix(key, round, h.left), h.left };
    return h;
}

static void put(unsigned char *at, int count, uint64_t value)
{
    while (count--) {
        at[count] = (unsigned char)value;
        value >>= 8;
    }
}

static uint64_t get(const unsigned char *at, int count)
{
    uint64_t value = 0;

    while (count--)
        value = value << 8 | *at++;
    return value;
}

/* left: node, worker, the upper 20 bits of slot; right: the rest. */
void gw_connection_id_write(const struct gw_hash_key *key,
                            struct gw_connection_id id,
                            char out[GW_CONNECTION_ID_LEN])
{
    struct halves h = {
        (uint64_t)id.node << 28 | (uint64_t)id.worker << 20 | id.slot >> 4,
        (uint64_t)(id.slot & 15) << 40 | id.nonce,
    };
    unsigned char bytes[ID_BYTES];

    GW_ASSERT(id.slot < UINT32_C(1) << 24 && id.nonce < UINT64_C(1) << 40);
    h = seal(key, h);
    put(bytes, 3, h.left >> 20);
    put(bytes + 3, 8, h.left << HALF | h.right);
    gw_base64_encode(GW_BASE64URL, (gw_str){ (char *)bytes, ID_BYTES }, out);
}

bool gw_connection_id_read(const struct gw_hash_key *key, gw_str text,
                           struct gw_connection_id *out)
{
    unsigned char bytes[ID_BYTES + 1]; /* +1: the decoder's room rule */
    struct halves h;
    size_t len;

    if (text.len != GW_CONNECTION_ID_LEN ||
        !gw_base64_decode(GW_BASE64URL, text, bytes, &len) || len != ID_BYTES)
        return false;
    h.left = get(bytes, 3) << 20 | get(bytes + 3, 3) >> 4;
    h.right = get(bytes + 5, 6) & HALF_MASK;
    h = unseal(key, h);
    *out = (struct gw_connection_id){
        .node = (uint16_t)(h.left >> 28),
        .worker = (uint8_t)(h.left >> 20),
        .slot = (uint32_t)(h.left << 4 & 0xFFFFFF) | (uint32_t)(h.right >> 40),
        .nonce = h.right & ((UINT64_C(1) << 40) - 1),
    };
    return true;
}
