/*
 * echo_epoll ADDRESS:PORT
 *
 * The floor: a WebSocket server that does nothing but answer each message
 * with itself, with one system call to read and one to write however many
 * messages came together. It checks nothing that a well-behaved client makes
 * unnecessary. What a gateway costs above this is what its work costs.
 */
#include "tests/bench/shared/frame.h"
#include "tests/bench/shared/head.h"
#include "tests/bench/shared/net.h"
#include "tests/bench/shared/stream.h"

#include <stdio.h>
#include <string.h>

struct conn {
    struct stream stream;
    bool upgraded;
};

/* The answers to all messages of one read. An answer is never longer than
 * its message, which is masked. */
static uint8_t answers[STREAM_READ_MAX];

static size_t upgrade(struct conn *c, const char *bytes, size_t len)
{
    char accept[FRAME_ACCEPT_SIZE], answer[256];
    size_t head = head_len(bytes, len), key_len;
    const char *key;
    int n;

    if (!head)
        return 0;
    key = head_field(bytes, head, "sec-websocket-key", &key_len);
    if (!key)
        die("a request that is no upgrade");
    frame_accept(key, key_len, accept);
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    stream_write(&c->stream, answer, (size_t)n);
    c->upgraded = true;
    return head;
}

static size_t echo(struct conn *c, uint8_t *bytes, size_t len)
{
    size_t used = 0, written = 0, size;
    struct frame in;

    while ((size = frame_read(bytes + used, len - used, &in))) {
        used += size;
        written += frame_header(answers + written, in.opcode, in.len, NULL);
        memcpy(answers + written, in.payload, in.len);
        written += in.len;
    }
    if (written)
        stream_write(&c->stream, answers, written);
    return used;
}

static size_t on_bytes(struct stream *s, uint8_t *bytes, size_t len)
{
    struct conn *c = (struct conn *)s;
    size_t used = 0;

    if (!c->upgraded)
        used = upgrade(c, (char *)bytes, len);
    if (c->upgraded)
        used += echo(c, bytes + used, len - used);
    return used;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("usage: echo_epoll ADDRESS:PORT");
    stream_serve(argv[1], sizeof(struct conn), on_bytes);
}
