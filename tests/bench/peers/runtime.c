/*
 * runtime ADDRESS:PORT [CONNECTIONS]
 *
 * Runtimes of a function, as cheap as they get: on each connection to the
 * Runtime API it asks for an event, answers it at once with its own body (an
 * answer of the proxy kind), and asks for the next. Waits for the door to open;
 * ends when a connection does.
 */
#include "tests/bench/shared/head.h"
#include "tests/bench/shared/net.h"
#include "tests/bench/shared/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 8, BODY_MAX = 256 * 1024, EVENTS_A_TURN = 64 };

#define INVOCATION "/2018-06-01/runtime/invocation/"

static const char *address;

struct runtime {
    struct stream stream;
    bool answers; /* its response was sent, and not acknowledged yet */
};

static void await_door(const struct sockaddr_in *at)
{
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_open = !connect(fd, (const struct sockaddr *)at, sizeof *at);

        close(fd);
        if (is_open)
            return;
        usleep(10000);
    }
}

static void ask(struct runtime *rt)
{
    char out[256];
    int len = snprintf(out, sizeof out,
                       "GET " INVOCATION "next HTTP/1.1\r\nHost: %s\r\n\r\n",
                       address);

    rt->answers = false;
    stream_write(&rt->stream, out, (size_t)len);
}

/* The body in the event, as the JSON string it is there, quotes included. */
static const char *body_of(const char *event, size_t len, size_t *body_len)
{
    static const char name[] = "\"body\":\"";
    const char *begin = memmem(event, len, name, sizeof name - 1), *at;

    if (!begin)
        die("an event without a body: %.*s", (int)len, event);
    begin += sizeof name - 2;
    for (at = begin + 1; at < event + len && *at != '"'; at++)
        at += *at == '\\';
    *body_len = (size_t)(at + 1 - begin);
    return begin;
}

static void answer(struct runtime *rt, const char *id, size_t id_len,
                   const char *event, size_t event_len)
{
    static const char before[] = "{\"statusCode\":200,\"body\":";
    char out[BODY_MAX + 512];
    size_t body_len, len;
    const char *body = body_of(event, event_len, &body_len);

    if (body_len > BODY_MAX)
        die("a body of %zu bytes", body_len);
    len = (size_t)snprintf(out, sizeof out,
                           "POST " INVOCATION "%.*s/response HTTP/1.1\r\n"
                           "Host: %s\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           (int)id_len, id, address,
                           sizeof before - 1 + body_len + 1, before);
    memcpy(out + len, body, body_len);
    out[len + body_len] = '}';
    rt->answers = true;
    stream_write(&rt->stream, out, len + body_len + 1);
}

static void on_reply(struct runtime *rt, const char *head, size_t head_len,
                     size_t body_len)
{
    size_t id_len;
    const char *id;

    if (strncmp(head, rt->answers ? "HTTP/1.1 202 " : "HTTP/1.1 200 ", 13))
        die("refused: %.*s", (int)(head_len + body_len), head);
    if (rt->answers) {
        ask(rt);
        return;
    }
    id = head_field(head, head_len, "lambda-runtime-aws-request-id", &id_len);
    if (!id)
        die("an event without an id: %.*s", (int)head_len, head);
    answer(rt, id, id_len, head + head_len, body_len);
}

static size_t on_bytes(struct stream *s, uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    size_t head = head_len(text, len), body;

    if (!head)
        return 0;
    body = head_body_len(text, head);
    if (len - head < body)
        return 0;
    on_reply((struct runtime *)s, text, head, body);
    return head + body;
}

static void open_runtimes(int poll, const struct sockaddr_in *at,
                          unsigned count)
{
    struct runtime *runtimes = calloc(count, sizeof *runtimes);

    if (!runtimes)
        die("out of memory");
    for (unsigned i = 0; i < count; i++) {
        runtimes[i].stream.fd = net_connect(at, i);
        net_poll_add(poll, runtimes[i].stream.fd, &runtimes[i]);
        ask(&runtimes[i]);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_A_TURN];
    struct sockaddr_in at;
    int poll = net_poll_new();

    if (argc < 2 || argc > 3)
        die("usage: runtime ADDRESS:PORT [CONNECTIONS]");
    address = argv[1];
    at = net_address(address);
    await_door(&at);
    open_runtimes(poll, &at, argc > 2 ? (unsigned)atoi(argv[2]) : CONNECTIONS);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS_A_TURN, -1);

        for (int i = 0; i < n; i++) {
            struct runtime *rt = events[i].data.ptr;

            if (!stream_on_event(&rt->stream, events[i].events, on_bytes))
                die("%s closed a connection", address);
        }
    }
}
