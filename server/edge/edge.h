/*
 * The edge of one worker: its libwebsockets context, its listeners, its
 * sockets. Implements port/link.h. One thread only.
 *
 * libwebsockets owns the sockets (TLS, life, write path) in its raw role; the
 * codecs are protocol/http and protocol/ws; what is queued is ours, and leaves
 * in one write per socket and loop turn.
 */
#ifndef GW_EDGE_EDGE_H
#define GW_EDGE_EDGE_H

#include "protocol/base/str.h"
#include "server/config/settings.h"
#include "server/edge/address.h"
#include "server/loop.h"
#include "server/observe/metrics.h"
#include "server/port/link.h"

struct gw_edge;
struct gw_listener;

extern const struct gw_link_ops *const gw_edge_link_ops;

/* settings: what new connections go by; see gw_edge_configure. addresses: the
 * process's table of limits per address; metrics: this worker's. Create edges
 * one after another on one thread: libwebsockets' set-up is not re-entrant. */
struct gw_edge *gw_edge_new(struct gw_loop *loop,
                            const struct gw_settings *settings,
                            unsigned workers, struct gw_addresses *addresses,
                            struct gw_metrics *metrics, struct gw_fault *why);

/* New limits and certificates, for what comes from now on. The settings must
 * stay until the next call. An error leaves the old certificate in force. */
gw_err gw_edge_configure(struct gw_edge *edge,
                         const struct gw_settings *settings,
                         struct gw_fault *why) GW_MUST_CHECK;

/* Can the certificate and key of these settings be used, if there are any? */
gw_err gw_edge_check_certificate(const struct gw_settings *settings,
                                 struct gw_fault *why) GW_MUST_CHECK;

/* The terms on which the clients of a listener are served. */
struct gw_edge_terms {
    /* Also TLS, told from plain text by the first byte, and bounded by the
     * limits on connections; the operator gets in when all is full. */
    bool is_public;
    /* Functions that work for us: a body may take as long as it takes, and so
     * may the next request; a drain does not end their connections, nor does
     * gw_edge_close; they are not shed when queues are full. */
    bool is_ours;
    uint64_t body_bytes;      /* of a request; 0: as the settings say */
    uint64_t out_queue_bytes; /* the same */
};

/* Accepts from a listening socket, which it then owns. The listener is the
 * edge's, until gw_edge_unlisten. */
struct gw_listener *gw_edge_listen(struct gw_edge *edge, int fd,
                                   const struct gw_edge_terms *terms,
                                   const struct gw_link_events *events,
                                   void *ctx);

/* The end of one listener: nobody else gets in, and its sockets are dropped.
 * Their ends are told as ever; `gone` is the last its ctx hears of it, never
 * before this has returned. The loop must run on until then. */
void gw_edge_unlisten(struct gw_listener *listener, void (*gone)(void *ctx));

/* From here on every HTTP answer is the last of its socket, and says so. */
void gw_edge_drain(struct gw_edge *edge);

/*
 * The end of the listeners whose events these are, without a reset for
 * anybody, in two steps. What waits in a listener's queue, and whoever is in
 * the middle of a TCP handshake, is reset by the kernel when it is closed. So
 * first the kernel is told to ignore new SYNs there; then, a round trip later,
 * when those under way have arrived, what is queued is taken and the listener
 * closed. A client that was ignored tries again after a second, as for any
 * lost packet, and meets the neighbour who shares the port. Where the sysctl
 * net.ipv4.tcp_migrate_req is 1, the kernel hands all of them to the
 * neighbour, and nobody is ignored.
 *
 * What was taken is answered as ever. Sockets on which no request begins for
 * rest_ms are ended; WebSockets are their connections' to close.
 */
void gw_edge_hold_off(struct gw_edge *edge,
                      const struct gw_link_events *events);
void gw_edge_stop_listening(struct gw_edge *edge,
                            const struct gw_link_events *events,
                            int64_t rest_ms);

/* Sockets open on the listeners whose events these are. */
size_t gw_edge_busy_count(const struct gw_edge *edge,
                          const struct gw_link_events *events);

/* Drops what is still open, but for what is ours (gw_edge_terms): that is its
 * owners' to end. The loop must run on until all of it is closed, too, then
 * gw_edge_leave_loop; once the loop has ended, gw_edge_free. */
void gw_edge_close(struct gw_edge *edge);
bool gw_edge_is_closed(const struct gw_edge *edge); /* what it drops is gone */
bool gw_edge_is_empty(const struct gw_edge *edge);  /* all is */
void gw_edge_leave_loop(struct gw_edge *edge);
void gw_edge_free(struct gw_edge *edge);

/* Does nobody listen there yet? GW_OK too when the address is off. */
gw_err gw_edge_check_free(const struct gw_address *address,
                          struct gw_fault *why) GW_MUST_CHECK;

/* A bound, listening, non-blocking socket with SO_REUSEPORT. Port 0 takes a
 * free one; *bound is what it is in the end ("127.0.0.1:8080"). */
enum { GW_BOUND_MAX = 64 };
gw_err gw_edge_bind(const struct gw_address *address, int *fd,
                    char bound[GW_BOUND_MAX], uint16_t *port,
                    struct gw_fault *why) GW_MUST_CHECK;

#endif
