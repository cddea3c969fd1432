#include "tests/bench/load/sign.h"

#include "tests/bench/shared/net.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void hex(const uint8_t digest[SHA256_DIGEST_LENGTH], char out[SIGN_SIZE])
{
    for (unsigned i = 0; i < SHA256_DIGEST_LENGTH; i++)
        sprintf(out + 2 * i, "%02x", digest[i]);
}

static void hex_hash(const char *bytes, size_t len, char out[SIGN_SIZE])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)bytes, len, digest);
    hex(digest, out);
}

/* The path is encoded once more than it is on the wire. */
static void encode(const char *path, char *out, size_t size)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~/";
    size_t len = 0;

    for (; *path; path++) {
        if (len + 4 > size)
            die("a path too long to sign");
        len +=
            (size_t)sprintf(out + len, strchr(plain, *path) ? "%c" : "%%%02X",
                            (unsigned char)*path);
    }
    out[len] = '\0';
}

static void hmac(uint8_t key[SHA256_DIGEST_LENGTH], const char *text,
                 size_t len)
{
    uint8_t out[SHA256_DIGEST_LENGTH];

    HMAC(EVP_sha256(), key, SHA256_DIGEST_LENGTH, (const uint8_t *)text, len,
         out, NULL);
    memcpy(key, out, sizeof out);
}

static void derive_key(const struct sign *s, uint8_t key[SHA256_DIGEST_LENGTH])
{
    char first[128];
    int len = snprintf(first, sizeof first, "AWS4%s", s->secret);

    HMAC(EVP_sha256(), first, len, (const uint8_t *)s->date, 8, key, NULL);
    hmac(key, s->region, strlen(s->region));
    hmac(key, "execute-api", strlen("execute-api"));
    hmac(key, "aws4_request", strlen("aws4_request"));
}

void sign_request(const struct sign *s, const char *body, size_t body_len,
                  char out[SIGN_SIZE])
{
    char path[512], hash[SIGN_SIZE], text[1024];
    uint8_t key[SHA256_DIGEST_LENGTH];
    int len;

    encode(s->path, path, sizeof path);
    hex_hash(body, body_len, hash);
    len = snprintf(text, sizeof text,
                   "%s\n%s\n\nhost:%s\nx-amz-date:%s\n\nhost;x-amz-date\n%s",
                   s->method, path, s->host, s->date, hash);
    hex_hash(text, (size_t)len, hash);
    len = snprintf(text, sizeof text,
                   "AWS4-HMAC-SHA256\n%s\n%.8s/%s/execute-api/aws4_request\n%s",
                   s->date, s->date, s->region, hash);
    derive_key(s, key);
    hmac(key, text, (size_t)len);
    hex(key, out);
}
