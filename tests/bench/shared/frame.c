#include "tests/bench/shared/frame.h"

#include "tests/bench/shared/net.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

static uint64_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t n = 0;

    while (bytes--)
        n = n << 8 | *at++;
    return n;
}

size_t frame_read(uint8_t *bytes, size_t len, struct frame *out)
{
    size_t header = 2;
    bool masked;

    if (len < header)
        return 0;
    masked = bytes[1] & 0x80;
    out->fin = bytes[0] & 0x80;
    out->opcode = bytes[0] & 0x0f;
    out->len = bytes[1] & 0x7f;
    if (out->len >= 126) {
        unsigned size = out->len == 126 ? 2 : 8;

        header += size;
        if (len < header)
            return 0;
        out->len = big_endian(bytes + 2, size);
    }
    if (masked)
        header += 4;
    if (len < header || len - header < out->len)
        return 0;
    out->payload = bytes + header;
    if (masked)
        frame_mask(out->payload, out->len, out->payload - 4);
    return header + out->len;
}

size_t frame_header(uint8_t out[FRAME_HEADER_MAX], unsigned opcode, size_t len,
                    const uint8_t *key)
{
    unsigned size = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;
    size_t header = 2 + size;

    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(size == 0 ? len : size == 2 ? 126 : 127);
    for (unsigned i = 0; i < size; i++)
        out[2 + i] = (uint8_t)(len >> 8 * (size - 1 - i));
    if (key) {
        out[1] |= 0x80;
        memcpy(out + header, key, 4);
        header += 4;
    }
    return header;
}

void frame_mask(uint8_t *bytes, size_t len, const uint8_t key[4])
{
    uint64_t wide;
    size_t i = 0;

    memcpy(&wide, key, 4);
    memcpy((uint8_t *)&wide + 4, key, 4);
    for (; i + 8 <= len; i += 8) {
        uint64_t word;

        memcpy(&word, bytes + i, 8);
        word ^= wide;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < len; i++)
        bytes[i] ^= key[i % 4];
}

void frame_accept(const char *key, size_t len, char out[FRAME_ACCEPT_SIZE])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[64 + sizeof guid], digest[SHA_DIGEST_LENGTH];

    if (len > 64)
        die("a Sec-WebSocket-Key of %zu bytes", len);
    memcpy(text, key, len);
    memcpy(text + len, guid, sizeof guid - 1);
    SHA1(text, len + sizeof guid - 1, digest);
    EVP_EncodeBlock((uint8_t *)out, digest, sizeof digest);
}
