/*
 * One socket to one backend: connects, shakes hands, carries one exchange at
 * a time, rests in between.
 *
 * A job is one request on its way. A connection that has one calls back at
 * most once for it: through job->done with the answer, or through
 * ops->failed. Either may come before gw_upstream_conn_run has returned.
 * A closed connection is freed by the loop, so its memory stays valid for
 * whoever is still on the stack.
 */
#ifndef GW_EDGE_UPSTREAM_CONN_H
#define GW_EDGE_UPSTREAM_CONN_H

#include "protocol/base/log.h"
#include "protocol/http/body.h"
#include "server/edge/upstream.h"
#include "server/edge/upstream_tls.h"

#include <sys/socket.h>

enum { GW_UPSTREAM_READ_BYTES = 64 * 1024 };

/* What all connections of a worker share. */
struct gw_upstream_env {
    uv_loop_t *loop;
    struct gw_wheel *wheel;
    const struct gw_clock *clock;
    struct gw_upstream_settings settings;
    struct gw_upstream_counters counters;
    SSL_CTX *tls;
    char *read_at; /* every recv goes here first: idle sockets own no buffer */
    struct gw_log_gate gate;
};

/* Whom connections lead to; shared by those of one origin. */
struct gw_upstream_peer {
    char *host;
    uint16_t port;
    bool tls;
    SSL_SESSION *session; /* to resume; NULL: none yet */
};

struct gw_upstream_origin;
struct gw_upstream_conn;

struct gw_upstream_job {
    gw_str bytes; /* the request; stays put until done */
    bool to_head, idempotent;

    /* Is it still to be sent? NULL: always. */
    bool (*is_wanted)(const struct gw_upstream_job *job);

    /* response and body are views for this call only. */
    void (*done)(struct gw_upstream_job *job, gw_err err,
                 const struct gw_http_response *response, gw_str body);

    /* the origin's: where it stands */
    struct gw_upstream_origin *origin;
    struct gw_upstream_conn *conn; /* NULL: none at the moment */
    struct gw_list node;           /* of those that wait for the name */
    size_t next_address;
    bool fresh; /* on a connection of its own, not a kept one */
};

struct gw_upstream_failure {
    gw_err err;    /* UNREACHABLE: before there was a connection */
    bool sent;     /* some of the request may have left */
    bool answered; /* some of an answer came */
};

struct gw_upstream_conn_ops {
    /* It rests and may be run again, or closed. */
    void (*rests)(struct gw_upstream_conn *c);
    /* It is closed; the job was on it. */
    void (*failed)(struct gw_upstream_job *job,
                   const struct gw_upstream_failure *how);
    /* It was at rest, and is closed. */
    void (*left)(struct gw_upstream_conn *c);
    /* Its memory goes now. */
    void (*gone)(struct gw_upstream_peer *peer);
};

typedef enum gw_upstream_conn_state {
    GW_UPSTREAM_CONNECTING,
    GW_UPSTREAM_HANDSHAKE,
    GW_UPSTREAM_BUSY,
    GW_UPSTREAM_RESTING,
    GW_UPSTREAM_CLOSED,
} gw_upstream_conn_state;

struct gw_upstream_conn {
    uv_poll_t poll;
    int fd, watched; /* watched: the UV_ events armed */
    gw_upstream_conn_state state;
    struct gw_upstream_env *env;
    struct gw_upstream_peer *peer;
    const struct gw_upstream_conn_ops *ops;
    struct gw_upstream_job *job;
    struct gw_list node;   /* the pool's */
    struct gw_timer timer; /* while connecting, and at rest */
    int64_t rests_since_ms;
    SSL *ssl;
    bool broken;      /* no writing any more; what came may still be read */
    bool handed;      /* the kernel may have bytes of this request */
    bool came;        /* there were bytes of an answer */
    bool in_body;     /* the head has been read */
    unsigned interim; /* 1xx answers skipped */
    size_t sent;      /* of job->bytes */
    size_t head_len;  /* of gathered, when in_body */
    struct gw_buf gathered; /* of an answer that came in pieces: the head,
                                then as much of the body, decoded */
    struct gw_http_body body;
};

/* Connects, then runs the job. attempt_ms: give up on this address after
 * that, 0: never. NULL: not even a socket. */
struct gw_upstream_conn *gw_upstream_conn_open(
    struct gw_upstream_env *env, struct gw_upstream_peer *peer,
    const struct sockaddr *address, int64_t attempt_ms,
    const struct gw_upstream_conn_ops *ops, struct gw_upstream_job *job);

/* On a resting one. */
void gw_upstream_conn_run(struct gw_upstream_conn *c,
                          struct gw_upstream_job *job);

/* Asks the kernel whether the peer has closed a resting one meanwhile. */
bool gw_upstream_conn_is_alive(const struct gw_upstream_conn *c);

/* Its job, if any, hears no more. */
void gw_upstream_conn_close(struct gw_upstream_conn *c);

#endif
