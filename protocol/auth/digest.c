/*
 * The low-level interface of libcrypto: the same SHA-NI code as behind EVP,
 * without its fetches, locks and allocations, which cost several times what
 * a short digest does. OpenSSL 3 calls it deprecated and keeps it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "protocol/auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { BLOCK = 64 };

void gw_sha256(gw_str bytes, uint8_t out[GW_SHA256_LEN])
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, bytes.at, bytes.len);
    SHA256_Final(out, &ctx);
}

static void keyed(const uint8_t key[BLOCK], uint8_t pad, gw_str bytes,
                  uint8_t out[GW_SHA256_LEN])
{
    uint8_t padded[BLOCK];
    SHA256_CTX ctx;

    for (int i = 0; i < BLOCK; i++)
        padded[i] = key[i] ^ pad;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, padded, sizeof(padded));
    SHA256_Update(&ctx, bytes.at, bytes.len);
    SHA256_Final(out, &ctx);
    OPENSSL_cleanse(padded, sizeof(padded));
}

void gw_hmac_sha256(gw_str key, gw_str bytes, uint8_t out[GW_SHA256_LEN])
{
    uint8_t block[BLOCK] = { 0 }, inner[GW_SHA256_LEN];

    if (key.len > BLOCK)
        gw_sha256(key, block);
    else if (key.len)
        memcpy(block, key.at, key.len);
    keyed(block, 0x36, bytes, inner);
    keyed(block, 0x5c, (gw_str){ (char *)inner, sizeof(inner) }, out);
    OPENSSL_cleanse(block, sizeof(block));
}
