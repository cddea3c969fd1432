/*
 * WebSocket frames (RFC 6455, section 5.2), as much as a bench needs: whole,
 * well-formed ones. Written apart from the server's codec on purpose, so that
 * both cannot share a mistake.
 */
#ifndef BENCH_SHARED_FRAME_H
#define BENCH_SHARED_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER_MAX = 14 };
enum { FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9 };

struct frame {
    unsigned opcode;
    bool fin;
    uint8_t *payload; /* unmasked, in place */
    size_t len;
};

/* The bytes the frame takes, or 0: it is not all there yet. */
size_t frame_read(uint8_t *bytes, size_t len, struct frame *out);

/* Writes a header, returns its length. key: four bytes, or NULL: not masked. */
size_t frame_header(uint8_t out[FRAME_HEADER_MAX], unsigned opcode, size_t len,
                    const uint8_t *key);

void frame_mask(uint8_t *bytes, size_t len, const uint8_t key[4]);

/* The answer to a Sec-WebSocket-Key of `len` bytes; NUL-terminated. */
enum { FRAME_ACCEPT_SIZE = 29 };
void frame_accept(const char *key, size_t len, char out[FRAME_ACCEPT_SIZE]);

#endif
