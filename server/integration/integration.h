/*
 * Integrations: what turns a call into a reply. One file per kind, one row
 * in the table of integration.c.
 *
 * To add one: 1 a value in gw_integration_type (protocol/api/api.h), 2 what
 * gw_plan_compile checks and prepares for it, 3 the file here, 4 the row,
 * 5 its tests in tests/unit/server/integration and tests/system.
 */
#ifndef GW_INTEGRATION_INTEGRATION_H
#define GW_INTEGRATION_INTEGRATION_H

#include "protocol/api/plan.h"
#include "server/port/clock.h"
#include "server/port/fetch.h"
#include "server/port/invoker.h"

/* Everything an integration may see. Never a connection. */
struct gw_call {
    const struct gw_plan_integration *integration;
    struct gw_scope *scope; /* the exchange's */
    struct gw_arena *arena; /* dies with the exchange */
    bool is_binary;         /* the message came as binary */
    gw_str endpoint;        /* callback base, for the backend */
    gw_str trace_id;        /* "Root=1-…", for X-Amzn-Trace-Id */
    struct gw_peer_facts {  /* of the connection, for forwarded headers */
        uint16_t local_port;
        bool tls;
    } peer;
    /* Asked right before the backend is, perhaps on another thread; false: it
     * must not be any more, and the call ends with GW_E_CANCELLED. NULL: it may
     * be at any time. */
    bool (*is_wanted)(const struct gw_call *call);
    const struct gw_clock *clock;
    struct gw_fetcher *fetcher;
    struct gw_invoker *invoker;
    struct gw_fetch_lane *lane; /* of this integration; NULL: it needs none */
};

/* What came back: views that live in the call's arena or scope, or (HTTP) for
 * the length of the done call. */
struct gw_reply {
    unsigned status;
    const struct gw_http_headers *headers; /* NULL: none */
    gw_str body;
    gw_str why; /* beside an error: what was wrong, for the log; or empty */
};

typedef void gw_reply_fn(void *ctx, gw_err err, const struct gw_reply *reply);

/*
 * A kind either answers at once (returns GW_OK with *now filled and *waits
 * false), or later (*waits true: done fires exactly once, not before the call
 * has returned), or fails with an error (done never fires):
 *   GW_E_BUSY the lane is full, GW_E_UPSTREAM templates that do not apply, ...
 */
struct gw_integration_ops {
    const char *name;
    gw_err (*start)(struct gw_call *call, struct gw_reply *now, bool *waits,
                    gw_reply_fn *done, void *ctx);
    bool needs_lane;
};

extern const struct gw_integration_ops gw_integrations[GW_INTEGRATION_TYPES];

#endif
