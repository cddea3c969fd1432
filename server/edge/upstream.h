/*
 * HTTP requests to backends over pooled keep-alive connections: the real
 * server/port/fetch.h, one per worker, on the worker's loop.
 *
 * Files    upstream.c          lanes, deadlines, what waits and what runs
 *          upstream_origin.c   a backend: its name, its pool, safe retries
 *          upstream_conn.c     a socket: connect, TLS, one exchange at a time
 *          upstream_tls.c      OpenSSL
 *          upstream_request.c  a request as bytes
 * Retries  Only on a kept connection that turned out to be dead: always when
 *          no byte of the request had been handed to the kernel, and for
 *          idempotent methods (RFC 9110, 9.2.2) when no byte of an answer
 *          had come. Everything else is the caller's decision.
 * Needs    SIGPIPE ignored by the process: OpenSSL writes with write().
 */
#ifndef GW_EDGE_UPSTREAM_H
#define GW_EDGE_UPSTREAM_H

#include "server/port/clock.h"
#include "server/port/fetch.h"
#include "server/port/timer.h"

#include <uv.h>

struct gw_upstream_settings {
    size_t max_response_bytes; /* of body */
    uint32_t idle_connections; /* kept per origin */
    int64_t idle_ms;           /* an idle one is closed after that */
    const char *ca_file;       /* NULL: the system's */
};

struct gw_upstream_counters {
    uint64_t requests;                 /* started; refusals not among them */
    uint64_t failures[GW_ERR_COUNT];   /* by gw_err, BUSY among them */
    uint64_t retried;                  /* sent again on a fresh connection */
    uint64_t opened, reused;           /* connections; requests on kept ones */
    uint64_t open, in_flight, waiting; /* now */
    uint64_t headers_dropped;          /* held CR, LF or NUL */
};

struct gw_upstream;

/* NULL when the certificates of ca_file cannot be read (logged). The settings
 * are copied; the clock and the wheel are the worker's. */
struct gw_upstream *gw_upstream_new(
    uv_loop_t *loop, struct gw_wheel *wheel, const struct gw_clock *clock,
    const struct gw_upstream_settings *settings);

/* Its start also answers GW_E_INVALID for a method or target that would not
 * stay on its line, and GW_E_CANCELLED once closing. A fetch is not to be
 * cancelled after, or inside, its done. */
struct gw_fetcher *gw_upstream_fetcher(struct gw_upstream *u);

const struct gw_upstream_counters *gw_upstream_counters(
    const struct gw_upstream *u);

/* Cancels what is under way and closes every handle; closed() fires from the
 * loop when the last one is gone. Lanes stay their owners' to close, then or
 * later: the last one frees what is left. Starting on them is refused. */
void gw_upstream_close(struct gw_upstream *u, void (*closed)(void *ctx),
                       void *ctx);

#endif
