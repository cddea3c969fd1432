/*
 * One client's socket, as the core sees it, and what it tells the core.
 *
 * A link begins as an HTTP connection. Each request goes up once, whole, and
 * is answered once; the next one is read only after that. A request that
 * asked for an upgrade may be answered with `accept`, and from then on the
 * link carries messages. server/edge/link.c is the real one.
 */
#ifndef GW_PORT_LINK_H
#define GW_PORT_LINK_H

#include "protocol/http/response.h"
#include "protocol/ws/frame.h"

struct gw_link;

/* The peer, as text ("203.0.113.7", "2001:db8::1"), and how it came. */
struct gw_peer {
    gw_str address;
    gw_str local_address; /* ours, as the client reached us */
    uint16_t port, local_port;
    bool tls;
};

struct gw_accept {
    gw_str key;                           /* gw_ws_handshake_check's */
    gw_str protocol;                      /* empty: no header */
    const struct gw_http_header *headers; /* further ones for the 101 */
    size_t header_count;
    struct gw_ws_limits limits;
};

/* None of these calls back into the core before it returns. */
struct gw_link_ops {
    /* Answers the request. `last`: close after it. */
    void (*respond)(struct gw_link *link, const struct gw_http_answer *answer,
                    bool last);

    /* Answers it with 101; on_message and on_closed follow, with `conn`. */
    void (*accept)(struct gw_link *link, const struct gw_accept *how,
                   void *conn);

    /* Queues one whole message. GW_E_FULL: the queue is at its bound, nothing
     * was queued, and the link is closing with 1008 (on_closed follows).
     * GW_E_GONE: it is closing already. */
    gw_err (*send)(struct gw_link *link, gw_ws_opcode opcode, gw_str payload);

    /* Starts the closing handshake after what is queued. */
    void (*close)(struct gw_link *link, unsigned code, gw_str reason);

    /* Stops and resumes reading; the socket's own buffers then fill up. */
    void (*pause)(struct gw_link *link, bool paused);

    /* The texts are valid until the next call on any link. */
    struct gw_peer (*peer)(struct gw_link *link);

    /* A pointer for the listener's owner, who may keep what he knows of this
     * link there: NULL at first, the same place until on_end. */
    void **(*user)(struct gw_link *link);
};

/* Whoever owes a link an answer: told once if the client leaves first. */
struct gw_answerer {
    void (*gone)(struct gw_answerer *self);
};

/* What a listener's owner is told; `ctx` is the listener's. */
struct gw_link_events {
    /* Views for this call only. Who does not answer before returning sets
     * *answerer, which is forgotten with the answer. */
    void (*on_request)(void *ctx, struct gw_link *link,
                       const struct gw_http_request *request, gw_str body,
                       struct gw_answerer **answerer);

    /* What came cannot be read as a request, or is larger than allowed: to be
     * answered with that status, now, and as the last answer of the link.
     * request is NULL, or what could be read of it: all when only its body is
     * at fault; of a Content-Length past the limit the request line, and the
     * length. NULL: the link does so itself. */
    void (*on_refuse)(void *ctx, struct gw_link *link,
                      const struct gw_http_request *request, unsigned status);

    /* The last word about a link that was never accepted; NULL: not asked
     * for. Whoever owed it an answer has been told before. cut: a request
     * whose body broke off with it, or NULL. */
    void (*on_end)(void *ctx, struct gw_link *link,
                   const struct gw_http_request *cut);

    /* payload may be written to until the call returns. */
    void (*on_message)(void *conn, gw_ws_opcode opcode, gw_str payload);
    void (*on_activity)(void *conn); /* a ping or pong came */

    /* The last word about an accepted link; the link is not to be used any
     * more. code is what a $disconnect event shows: the peer's, 1005, 1006,
     * or ours when we closed first. */
    void (*on_closed)(void *conn, unsigned code, gw_str reason);
};

#endif
