#include "tests/bench/load/client.h"

#include "tests/bench/shared/frame.h"
#include "tests/bench/shared/head.h"
#include "tests/bench/shared/net.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { EVENTS_A_TURN = 512, SILENCE_SECONDS = 10 };

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static int poll_fd = -1;

/* What is gathered, and for whom. */
static struct client *gathering;
static uint8_t gathered[STREAM_READ_MAX];
static size_t gathered_len;

static void leave(void)
{
    if (gathered_len)
        stream_write(&gathering->stream, gathered, gathered_len);
    gathered_len = 0;
}

static uint8_t *gather(struct client *c, size_t len)
{
    if (gathering != c || sizeof gathered - gathered_len < len)
        leave();
    if (len > sizeof gathered)
        die("%zu bytes are too many to send", len);
    gathering = c;
    gathered_len += len;
    return gathered + gathered_len - len;
}

void client_send(struct client *c, const void *bytes, size_t len)
{
    memcpy(gather(c, len), bytes, len);
}

static void send_frame(struct client *c, unsigned opcode, const void *payload,
                       size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_len = frame_header(header, opcode, len, mask);
    uint8_t *at = gather(c, header_len + len);

    memcpy(at, header, header_len);
    memcpy(at + header_len, payload, len);
    frame_mask(at + header_len, len, mask);
}

void client_send_text(struct client *c, const void *payload, size_t len)
{
    send_frame(c, FRAME_TEXT, payload, len);
}

void client_send_close(struct client *c)
{
    send_frame(c, FRAME_CLOSE, "\x03\xe8", 2); /* 1000 */
}

static void start(struct client *c, const struct sockaddr_in *to,
                  unsigned source, const struct client_ops *ops)
{
    if (poll_fd < 0)
        poll_fd = net_poll_new();
    c->stream = (struct stream){ .fd = net_connect(to, source) };
    c->ops = ops;
    c->state = CLIENT_WAITS;
    net_poll_add(poll_fd, c->stream.fd, c);
}

/* One of its own for every connection, as RFC 6455 has it: there are servers
 * that tell connections apart by it. */
static void make_key(struct client *c)
{
    static uint64_t number;
    uint8_t nonce[16] = "gatewire";

    number++;
    memcpy(nonce + 8, &number, sizeof number);
    EVP_EncodeBlock((uint8_t *)c->key, nonce, sizeof nonce);
}

void client_connect_ws(struct client *c, const struct sockaddr_in *to,
                       unsigned source, const char *path,
                       const struct client_ops *ops)
{
    c->path = path;
    c->is_http = false;
    make_key(c);
    start(c, to, source, ops);
}

void client_connect_http(struct client *c, const struct sockaddr_in *to,
                         unsigned source, const struct client_ops *ops)
{
    c->is_http = true;
    start(c, to, source, ops);
}

static void on_connected(struct client *c)
{
    char head[512];
    int n, err = 0;

    getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &err,
               &(socklen_t){ sizeof err });
    if (err)
        die("connect: %s", strerror(err));
    if (c->is_http) {
        c->state = CLIENT_OPEN;
        c->ops->on_open(c);
        return;
    }
    n = snprintf(head, sizeof head,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                 c->path, c->key);
    client_send(c, head, (size_t)n);
    c->state = CLIENT_UPGRADES;
}

static size_t on_upgraded(struct client *c, const char *bytes, size_t len)
{
    size_t head = head_len(bytes, len), accept_len;
    char expected[FRAME_ACCEPT_SIZE];
    const char *accept;

    if (!head)
        return 0;
    frame_accept(c->key, strlen(c->key), expected);
    accept = head_field(bytes, head, "sec-websocket-accept", &accept_len);
    if (!accept || accept_len != strlen(expected) ||
        memcmp(accept, expected, accept_len))
        die("the handshake failed: %.*s", (int)len, bytes);
    c->state = CLIENT_OPEN;
    c->ops->on_open(c);
    return head;
}

static void on_frame(struct client *c, const struct frame *in)
{
    if (in->opcode == FRAME_CLOSE) {
        if (!c->ops->on_close)
            die("the server closed: %u %.*s",
                in->len < 2 ? 0 : in->payload[0] << 8 | in->payload[1],
                in->len < 2 ? 0 : (int)in->len - 2, in->payload + 2);
        stream_close(&c->stream);
        c->ops->on_close(c);
        return;
    }
    if (!in->fin || in->opcode == 0)
        die("a fragmented message: the bench reads only whole ones");
    /* No run lasts long enough for an unanswered ping to matter. */
    if (in->opcode == FRAME_TEXT || in->opcode == FRAME_BINARY)
        c->ops->on_message(c, (char *)in->payload, in->len);
}

static size_t on_frames(struct client *c, uint8_t *bytes, size_t len)
{
    size_t used = 0, size;
    struct frame in;

    while (c->stream.fd >= 0 &&
           (size = frame_read(bytes + used, len - used, &in))) {
        used += size;
        on_frame(c, &in);
    }
    return used;
}

static size_t on_answer(struct client *c, char *bytes, size_t len)
{
    size_t head = head_len(bytes, len), body;

    if (!head)
        return 0;
    body = head_body_len(bytes, head);
    if (len - head < body)
        return 0;
    if (sscanf(bytes, "HTTP/1.1 %3u", &c->status) != 1)
        die("no HTTP/1.1 answer: %.*s", (int)head, bytes);
    c->ops->on_message(c, bytes + head, body);
    return head + body;
}

static size_t on_bytes(struct stream *s, uint8_t *bytes, size_t len)
{
    struct client *c = (struct client *)s;
    size_t used = 0;

    if (c->is_http)
        return on_answer(c, (char *)bytes, len);
    if (c->state == CLIENT_UPGRADES)
        used = on_upgraded(c, (char *)bytes, len);
    if (c->state == CLIENT_OPEN)
        used += on_frames(c, bytes + used, len - used);
    return used;
}

static void on_event(struct client *c, uint32_t events)
{
    if (c->state == CLIENT_WAITS)
        on_connected(c);
    if (stream_on_event(&c->stream, events, on_bytes))
        return;
    if (!c->ops->on_close)
        die("the server ended a connection");
    stream_close(&c->stream);
    c->ops->on_close(c);
}

void client_turn(int64_t wait_ns)
{
    bool forever = wait_ns < 0;
    struct timespec wait = {
        .tv_sec = forever ? SILENCE_SECONDS : wait_ns / 1000000000,
        .tv_nsec = forever ? 0 : wait_ns % 1000000000,
    };
    struct epoll_event events[EVENTS_A_TURN];
    int n;

    leave();
    n = epoll_pwait2(poll_fd, events, EVENTS_A_TURN, &wait, NULL);
    if (n < 0)
        die("epoll_pwait2: %s", strerror(errno));
    if (!n && forever)
        die("the server has been silent for %d seconds", SILENCE_SECONDS);
    for (int i = 0; i < n; i++) {
        on_event(events[i].data.ptr, events[i].events);
        leave();
    }
}
