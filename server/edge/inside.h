/*
 * What the files of the edge share. Nobody else includes this.
 */
#ifndef GW_EDGE_INSIDE_H
#define GW_EDGE_INSIDE_H

#include "protocol/http/body.h"
#include "server/edge/edge.h"

#include <libwebsockets.h>

enum {
    READ_BYTES = 64 * 1024,   /* one read, at most: pt_serv_buf_size */
    WRITE_BYTES = 256 * 1024, /* one write, at most */
    STASH_BYTES = 192 * 1024, /* bytes read and not yet used, at most */
    CLOSING_MS = 5000,        /* for the peer's half of a closing handshake */
    LINGER_MS = 2000,         /* for it to read our last bytes */
    READS_MAX = 64,           /* between two flushes */
    POOL_CLASSES = 11,        /* 1 KB << 0 .. 10: 1 KB to 1 MB */
};

struct gw_listener {
    struct gw_list node; /* edge->listeners */
    struct gw_edge *edge;
    int fd;
    struct gw_edge_terms terms;
    bool accepting;
    size_t socket_count;   /* open, accepted here */
    size_t handles;        /* of libuv */
    struct gw_list unsure; /* sockets whose first byte is awaited */
    uv_poll_t poll;
    struct gw_timer retry; /* after running out of descriptors */
    const struct gw_link_events *events;
    void *ctx;
    void (*gone)(void *ctx); /* freed with its last socket; NULL: with the
                                edge */
};

struct gw_edge {
    struct gw_loop *loop;
    const struct gw_settings *settings;
    unsigned workers;
    struct gw_addresses *addresses;
    struct gw_metrics *metrics;
    struct lws_context *context;
    struct lws_vhost *plain, *secure;
    void *tls;    /* the secure vhost's SSL_CTX */
    void *unused; /* another, for what it would do as a client: tls.c */
    struct gw_list listeners, links, dirty, blocked, ready;
    size_t link_count;
    size_t queued_bytes; /* of all links */
    bool draining;
    unsigned reads;                 /* since output was last flushed */
    struct gw_http_request request; /* scratch: the head being read */
    struct gw_buf answer;           /* scratch: the answer being written */
    struct gw_log_gate gate;
    struct {
        void *free; /* each free buffer points to the next */
        unsigned count;
    } pool[POOL_CLASSES];
};

enum link_state {
    LINK_HEAD,    /* reading a request's head, or waiting for one */
    LINK_BODY,    /* reading its body */
    LINK_BUSY,    /* the core has the request; its answer is awaited */
    LINK_OPEN,    /* WebSocket */
    LINK_CLOSING, /* our close frame is out, the peer's is awaited */
    LINK_LINGER,  /* nothing more to say; what still comes is thrown away */
    LINK_DEAD,    /* being closed by libwebsockets */
};

/* A request whose body did not come in one piece with its head; until it is
 * answered. */
struct incoming {
    struct gw_http_request request; /* views into head */
    struct gw_http_body decoder;
    struct gw_buf head, body, trailers;
    struct gw_http_headers *trailer_fields; /* NULL: there are none */
};

struct gw_link {
    struct gw_edge *edge;
    struct lws *wsi;
    struct gw_listener *listener;
    struct gw_list node;    /* edge->links */
    struct gw_list dirty;   /* edge->dirty: output to write this turn */
    struct gw_list blocked; /* edge->blocked: the socket is full */
    struct gw_list ready;   /* edge->ready: stashed input to go on with */
    struct gw_timer timer;  /* head, body, keep-alive, closing, linger */

    char *out; /* LWS_PRE bytes of room, then the queue; NULL: empty */
    size_t out_at, out_len, out_room;
    size_t in_flight; /* given to libwebsockets, not yet in the socket */

    struct gw_buf stash; /* input that could not be used yet */

    gw_address_key address;
    unsigned char ip[16];
    uint16_t port;
    uint8_t state; /* enum link_state */
    bool six, counted, tls;
    bool paused;   /* the core asked us not to read */
    bool rx_off;   /* libwebsockets was told not to read */
    bool accepted; /* it is, or was, a WebSocket */
    bool flush_then_close;
    bool said_close; /* a close frame of ours is queued or out */

    /* The HTTP request under way. */
    bool http_one; /* HTTP/1.1, not 1.0 */
    bool keep_alive, to_head, head_timed;
    struct incoming *incoming;
    struct gw_answerer *answerer;
    void *user; /* the listener's owner's */

    /* WebSocket. */
    void *conn; /* the core's */
    struct gw_ws_reader reader;
    struct gw_ws_limits limits;
    uint16_t close_code; /* what on_closed will say */
};

/* link.c */
struct gw_link *link_new(struct gw_listener *listener, int fd,
                         const struct sockaddr_storage *peer, bool tls);
void link_on_bytes(struct gw_link *link, char *bytes, size_t len);
void link_on_closed(struct gw_link *link); /* frees it */
void link_pump_stash(struct gw_link *link);
void link_kill(struct gw_link *link);   /* at once, from anywhere */
void link_linger(struct gw_link *link); /* after what is queued */
void link_close(struct gw_link *link, unsigned code, gw_str reason);
void link_read_or_not(struct gw_link *link);

/* request.c: take bytes, return how many */
size_t request_take_head(struct gw_link *link, char *bytes, size_t len);
size_t request_take_body(struct gw_link *link, char *bytes, size_t len);
void request_forget(struct gw_link *link);
void request_respond(struct gw_link *link, const struct gw_http_answer *answer,
                     bool last);
void request_on_timer(struct gw_link *link);
void request_await(struct gw_link *link, bool first);
/* Waiting for a request, and nothing of it has come? Then for ms at most. */
void request_await_for(struct gw_link *link, int64_t ms);

/* outbox.c */
gw_err outbox_add(struct gw_link *link, gw_str head, gw_str body);
/* An answer may be larger than the bound, which is for what waits before it. */
gw_err outbox_add_answer(struct gw_link *link, gw_str head, gw_str body);
/* Requests behind the ones that were answered have to wait. */
bool outbox_is_busy(const struct gw_link *link);
void outbox_flush(struct gw_link *link);
void outbox_on_writable(struct gw_link *link);
void outbox_fini(struct gw_link *link);
bool outbox_is_empty(const struct gw_link *link);
void outbox_pool_fini(struct gw_edge *edge);

/* edge.c */
extern const struct lws_protocols edge_protocols[];

/* listener.c */
void listener_hold_off(struct gw_listener *listener);
void listener_stop(struct gw_listener *listener);
/* Sockets that have not said yet whether they are TLS: those end, too, if
 * they still have not after `ms`. */
void listener_end_unsure(struct gw_listener *listener, int64_t ms);
/* A socket that was let in is over. May free the listener. */
void listener_release(struct gw_listener *listener, gw_address_key address,
                      bool counted);

/* tls.c */
gw_err tls_vhost(struct gw_edge *edge, struct gw_fault *why);
gw_err tls_reload(struct gw_edge *edge, struct gw_fault *why);

#endif
