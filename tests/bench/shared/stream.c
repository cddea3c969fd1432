#include "tests/bench/shared/stream.h"

#include "tests/bench/shared/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 512 };

static uint8_t scratch[STREAM_READ_MAX];

static uint8_t *copy(const uint8_t *bytes, size_t len)
{
    uint8_t *made = malloc(len);

    if (!made)
        die("out of memory");
    return memcpy(made, bytes, len);
}

/* The kept bytes and `n` new ones behind them are in scratch. */
static void pass_on(struct stream *s, size_t n, stream_bytes_fn *on_bytes)
{
    size_t len = s->kept_len + n, used;

    if (s->kept_len) {
        memcpy(scratch, s->kept, s->kept_len);
        free(s->kept);
        s->kept = NULL;
        s->kept_len = 0;
    }
    used = on_bytes(s, scratch, len);
    if (used == len || s->fd < 0)
        return;
    s->kept = copy(scratch + used, len - used);
    s->kept_len = len - used;
}

static void flush(struct stream *s);

bool stream_on_event(struct stream *s, uint32_t events,
                     stream_bytes_fn *on_bytes)
{
    flush(s);
    while (s->fd >= 0) {
        size_t space = sizeof scratch - s->kept_len;
        ssize_t n;

        if (!space)
            die("%zu bytes, and still nothing whole", sizeof scratch);
        n = recv(s->fd, scratch + s->kept_len, space, 0);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            return false;
        pass_on(s, (size_t)n, on_bytes);
        /* A short read emptied the socket: what comes later is a new event.
         * An end that came together with the bytes is not. */
        if ((size_t)n < space && !(events & (EPOLLRDHUP | EPOLLHUP)))
            break;
    }
    return true;
}

/* A broken socket is found by the next read; here its bytes are as sent. */
static size_t send_some(int fd, const uint8_t *bytes, size_t len)
{
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

    if (n >= 0)
        return (size_t)n;
    return errno == EAGAIN ? 0 : len;
}

void stream_write(struct stream *s, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    if (!s->unsent_len) {
        size_t n = send_some(s->fd, at, len);

        if (n == len)
            return;
        at += n;
        len -= n;
    }
    s->unsent = realloc(s->unsent, s->unsent_len + len);
    if (!s->unsent)
        die("out of memory");
    memcpy(s->unsent + s->unsent_len, at, len);
    s->unsent_len += len;
}

static void flush(struct stream *s)
{
    size_t n;

    if (!s->unsent_len)
        return;
    n = send_some(s->fd, s->unsent, s->unsent_len);
    s->unsent_len -= n;
    memmove(s->unsent, s->unsent + n, s->unsent_len);
    if (s->unsent_len)
        return;
    free(s->unsent);
    s->unsent = NULL;
}

void stream_close(struct stream *s)
{
    close(s->fd);
    free(s->kept);
    free(s->unsent);
    *s = (struct stream){ .fd = -1 };
}

static void on_knock(int poll, int listener, size_t conn_size)
{
    int fd;

    while ((fd = net_accept(listener)) >= 0) {
        struct stream *s = calloc(1, conn_size);

        if (!s)
            die("out of memory");
        s->fd = fd;
        net_poll_add(poll, fd, s);
    }
}

_Noreturn void stream_serve(const char *address, size_t conn_size,
                            stream_bytes_fn *on_bytes)
{
    struct epoll_event events[EVENTS_A_TURN];
    struct sockaddr_in at = net_address(address);
    int poll = net_poll_new(), listener = net_listen(&at);

    net_poll_add(poll, listener, NULL);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS_A_TURN, -1);

        for (int i = 0; i < n; i++) {
            struct stream *s = events[i].data.ptr;

            if (!s) {
                on_knock(poll, listener, conn_size);
            } else if (!stream_on_event(s, events[i].events, on_bytes)) {
                stream_close(s);
                free(s);
            }
        }
    }
}
