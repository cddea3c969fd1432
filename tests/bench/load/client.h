/*
 * The generator's connections, WebSocket or HTTP, and the loop they live on.
 * What is sent to one connection while one event is handled leaves in one
 * write. A connection that fails, or ends when nobody expects it, ends the
 * program with what the server said.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include "tests/bench/shared/stream.h"

#include <netinet/in.h>

struct client;

struct client_ops {
    void (*on_open)(struct client *c);
    /* A WebSocket message, or the body of an HTTP answer. */
    void (*on_message)(struct client *c, char *payload, size_t len);
    void (*on_close)(struct client *c); /* NULL: must not happen */
};

struct client {
    struct stream stream;
    const struct client_ops *ops;
    enum { CLIENT_WAITS, CLIENT_UPGRADES, CLIENT_OPEN } state;
    bool is_http;
    unsigned status; /* of the HTTP answer */
    const char *path;
    char key[25]; /* its Sec-WebSocket-Key */
};

/* `source`: see net_connect(). path is borrowed until on_open. */
void client_connect_ws(struct client *c, const struct sockaddr_in *to,
                       unsigned source, const char *path,
                       const struct client_ops *ops);
void client_connect_http(struct client *c, const struct sockaddr_in *to,
                         unsigned source, const struct client_ops *ops);

void client_send(struct client *c, const void *bytes, size_t len);
void client_send_text(struct client *c, const void *payload, size_t len);
void client_send_close(struct client *c);

/* Sends what was gathered, waits for events that long (-1: for ever, but a
 * silence of ten seconds ends the program), handles them. */
void client_turn(int64_t wait_ns);

#endif
