/*
 * The gateway of one worker: its stages, its connections, the exchanges under
 * way. One thread only; never names a socket (port/link.h does).
 */
#ifndef GW_GATEWAY_GATEWAY_H
#define GW_GATEWAY_GATEWAY_H

#include "protocol/api/connection_id.h"
#include "protocol/base/draw.h"
#include "server/config/config.h"
#include "server/gateway/drain.h"
#include "server/observe/metrics.h"
#include "server/port/clock.h"
#include "server/port/fetch.h"
#include "server/port/invoker.h"
#include "server/port/link.h"
#include "server/port/timer.h"
#include "store/bus.h"
#include "store/registry.h"

/* A plan as this worker runs it: with its lanes to backends.
 * Counted: exchanges keep the one they began with. */
struct gw_deployment {
    unsigned refs;
    struct gw_plan *plan;
    struct gw_fetch_lane **lanes; /* by route index; NULL: needs none */
};

/* A stage lives on through reloads; its deployment changes. */
struct gw_stage_state {
    struct gw_list node;
    struct gw_deployment *deployment;
    uint64_t key; /* the same on every worker, and no other stage's */
    size_t conn_count;
    bool retired; /* not in the configuration any more */

    struct gw_list goodbyes; /* struct gw_goodbye, waiting for their turn */
    uint32_t goodbyes_tried; /* whose turn it is */
    bool goodbyes_run;
};

struct gw_conn_slot {
    struct gw_conn *conn; /* NULL: free */
    uint64_t nonce;
    uint32_t next_free;
};

/* Deliveries that other workers were asked for, by slot: a call's token names
 * its own (deliver.c). */
enum { GW_CALLS_MAX = 65536 }; /* per worker; beyond: 503 */

struct gw_call_slot {
    struct gw_pending_call *call; /* NULL: free */
    uint32_t next_free;
};

struct gw_gateway {
    /* The world, given by the worker. */
    unsigned worker, worker_count;
    uint16_t node;
    const struct gw_link_ops *link_ops;
    struct gw_wheel *wheel;
    const struct gw_clock *clock;
    struct gw_fetcher *fetcher;
    struct gw_invoker *invoker;
    struct gw_bus *bus;
    struct gw_metrics *metrics;
    struct gw_registry *registry;
    uint64_t seed; /* random: tells what is drawn here from anybody else's */

    struct gw_config *config;
    struct gw_list stages;           /* struct gw_stage_state */
    struct gw_stage_state **by_plan; /* as config->plans */
    bool draining;
    struct gw_drain drain;

    /* What the registry has told. */
    struct gw_hash_key id_key; /* the cluster's */
    bool joined;               /* the address in our ids is ours */
    _Atomic uint32_t life;     /* of connections that were not lost with their
                              estate; asked by other workers' functions, too */
    bool registers;            /* disconnectDelivery, as it was at the start */

    struct gw_list goodbyes; /* struct gw_goodbye: all that are owed here */
    size_t goodbye_count, goodbye_pauses; /* pauses: between two tries */
    uint32_t resync_round, resync_slot;
    struct gw_buf record; /* the last one written */

    struct gw_conn_slot *slots;
    uint32_t slot_count, first_free;
    uint32_t client_count; /* slots taken: connections with a socket */
    size_t conn_count;     /* and those whose $disconnect still runs */

    struct gw_list free_exchanges;
    size_t free_exchange_count, exchange_count;
    struct gw_draw draw; /* ids made here */
    char id_salt[4];

    struct gw_call_slot *calls;
    uint32_t call_room, call_count, first_free_call;
    struct gw_arena scratch; /* for the length of one callback */
    struct gw_log_gate access_gate;
};

/* For the registry of a gateway; ctx is the gateway. */
extern const struct gw_registry_events gw_gateway_registry_events;

/* The fields above "config" are filled in by the caller. No connection comes
 * in before the registry has joined. */
void gw_gateway_init(struct gw_gateway *g);
void gw_gateway_fini(struct gw_gateway *g); /* no connections, no exchanges */

/* Puts a configuration into force (takes a reference). Exchanges under way
 * keep their deployment; connections of stages that are gone are closed. */
void gw_gateway_configure(struct gw_gateway *g, struct gw_config *config);

/* No new connections; those there are closed one after another (drain.h).
 * Calls to @connections are served as ever. */
void gw_gateway_drain(struct gw_gateway *g);

/* The end of every stage, at the latest with its last connection: gives the
 * lanes back to the fetcher. */
void gw_gateway_retire(struct gw_gateway *g);

/* True when nothing is left to wait for: goodbyes that wait for their next
 * try included. */
bool gw_gateway_is_quiet(const struct gw_gateway *g);

/* Nothing is left to wait for but retries of goodbyes. */
bool gw_gateway_has_only_retries(const struct gw_gateway *g);

/* Goodbyes owed by this worker. */
size_t gw_gateway_goodbyes_pending(const struct gw_gateway *g);

/* The end does not wait for them any longer: they stay in the registry, for
 * its heirs, or are lost, and logged, if it keeps no records. */
void gw_gateway_abandon_goodbyes(struct gw_gateway *g);

/* 64 bits, never the same twice on a worker. */
uint64_t gw_gateway_draw(struct gw_gateway *g);

/* 16 characters: request and message ids. */
void gw_gateway_make_id(struct gw_gateway *g, char out[16]);

/* "Root=1-5759e988-bd862e3fe1be46a994272793", for X-Amzn-Trace-Id. */
enum { GW_TRACE_ID_LEN = 40 };
void gw_gateway_make_trace_id(struct gw_gateway *g, char out[GW_TRACE_ID_LEN]);

/* A fresh uuid for x-amzn-RequestId; NUL-terminated. */
void gw_gateway_make_uuid(struct gw_gateway *g, char out[37]);

#endif
