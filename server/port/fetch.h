/*
 * HTTP requests to backends, as the core asks for them. A worker has one
 * fetcher; server/edge/upstream.c is the real one, tests have a fake.
 *
 * A lane is one integration's share: it bounds how many of its requests run
 * and wait at a time, so that one slow backend cannot slow another.
 */
#ifndef GW_PORT_FETCH_H
#define GW_PORT_FETCH_H

#include "protocol/http/response.h"

struct gw_fetch; /* one request under way */
struct gw_fetch_lane;

struct gw_fetch_origin {
    bool tls; /* the certificate is verified against host */
    gw_str host;
    uint16_t port;
};

struct gw_fetch_request {
    gw_str method, target;
    const struct gw_http_header *headers; /* Host among them; no Content-Length,
                                             Connection or Transfer-Encoding */
    size_t header_count;
    gw_str body;
    uint32_t timeout_ms; /* in all, waiting included */

    /* Asked each time its first byte is about to leave, with the ctx of done.
     * False: nothing leaves, and it ends with GW_E_CANCELLED. NULL: always. */
    bool (*is_wanted)(void *ctx);
};

/*
 * Fires exactly once for every start that returned GW_OK, never before it
 * has returned.
 *   GW_OK             response and body are set; views for this call only
 *   GW_E_UNREACHABLE  no connection: name, refused, TLS
 *   GW_E_UPSTREAM     the connection broke, or the answer was malformed
 *   GW_E_TOO_BIG      the answer was larger than the cap
 *   GW_E_TIMEOUT, GW_E_CANCELLED
 */
typedef void gw_fetch_done(void *ctx, gw_err err,
                           const struct gw_http_response *response,
                           gw_str body);

struct gw_fetcher {
    /* Never NULL. The origin's host is copied. */
    struct gw_fetch_lane *(*lane_open)(struct gw_fetcher *f,
                                       const struct gw_fetch_origin *origin,
                                       uint32_t max_in_flight,
                                       uint32_t max_waiting);
    /* What is under way on it goes on. */
    void (*lane_close)(struct gw_fetch_lane *lane);

    /* GW_E_BUSY: the lane is full; done never fires. The request is copied. */
    gw_err (*start)(struct gw_fetch_lane *lane,
                    const struct gw_fetch_request *request, gw_fetch_done *done,
                    void *ctx, struct gw_fetch **out);
    void (*cancel)(struct gw_fetch *fetch);
};

#endif
