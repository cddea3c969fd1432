#include "protocol/base/hash.h"

#include <endian.h>

static uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static void rounds(uint64_t v[4], int n)
{
    while (n--) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

/* Little-endian whatever the machine is, so that vectors and ids agree. */
static uint64_t load_word(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

/* Fewer than 8 bytes, in at most three loads. */
static uint64_t load_tail(const unsigned char *p, size_t len)
{
    uint64_t word = 0;
    uint32_t four;
    uint16_t two;

    if (len & 1)
        word = p[--len];
    if (len & 2) {
        len -= 2;
        memcpy(&two, p + len, sizeof(two));
        word = word << 16 | le16toh(two);
    }
    if (len) {
        memcpy(&four, p, sizeof(four));
        word = word << 32 | le32toh(four);
    }
    return word;
}

uint64_t gw_hash(const struct gw_hash_key *key, gw_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.at;
    size_t whole = bytes.len & ~(size_t)7;
    uint64_t last = (uint64_t)bytes.len << 56;
    uint64_t v[4] = { key->k0 ^ 0x736f6d6570736575u,
                      key->k1 ^ 0x646f72616e646f6du,
                      key->k0 ^ 0x6c7967656e657261u,
                      key->k1 ^ 0x7465646279746573u };

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = load_word(p + i);

        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    last |= load_tail(p + whole, bytes.len - whole);
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
