/*
 * A non-blocking socket that keeps what did not fit: bytes read that are not
 * yet whole, bytes written that the kernel did not take. Whole things leave
 * nothing behind, so an idle connection owns no buffer, and the bare servers
 * are as small and as fast as a server can be.
 */
#ifndef BENCH_SHARED_STREAM_H
#define BENCH_SHARED_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_READ_MAX = 256 * 1024 };

struct stream {
    int fd; /* -1: closed */
    uint8_t *kept, *unsent;
    size_t kept_len, unsent_len;
};

/* All bytes not used yet, old and new; returns how many it used. They are in
 * a buffer that all streams share, and its own to write to. */
typedef size_t stream_bytes_fn(struct stream *s, uint8_t *bytes, size_t len);

/* An event (of edge-triggered epoll) has come: sends what was left to send,
 * reads all there is. False: the peer is gone, the stream wants closing. */
bool stream_on_event(struct stream *s, uint32_t events,
                     stream_bytes_fn *on_bytes);

void stream_write(struct stream *s, const void *bytes, size_t len);
void stream_close(struct stream *s);

/* A whole server of one thread. Its connections are allocated zeroed, and
 * begin with their struct stream. */
_Noreturn void stream_serve(const char *address, size_t conn_size,
                            stream_bytes_fn *on_bytes);

#endif
