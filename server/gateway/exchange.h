/*
 * One thing that arrived (a handshake, a message, a goodbye) on its way to
 * one answer. All take the same road, the table of stages in exchange.c.
 */
#ifndef GW_GATEWAY_EXCHANGE_H
#define GW_GATEWAY_EXCHANGE_H

#include "server/gateway/conn.h"
#include "server/integration/integration.h"

typedef enum gw_exchange_kind {
    GW_EXCHANGE_CONNECT = 1,
    GW_EXCHANGE_MESSAGE = 2,
    GW_EXCHANGE_DISCONNECT = 4,
} gw_exchange_kind;

typedef enum gw_step {
    GW_NEXT, /* on to the next stage */
    GW_DONE, /* x->err and x->reply say how it ended */
    GW_WAIT, /* somebody will call gw_exchange_resume */
} gw_step;

struct gw_exchange {
    struct gw_list node; /* on conn->queue, or the free list */
    struct gw_gateway *gateway;
    struct gw_conn *conn;
    struct gw_deployment *deployment;
    const struct gw_plan_route *route; /* NULL: none was defined */
    gw_exchange_kind kind;
    unsigned stage;
    gw_err err;
    bool is_binary, held, ordered;
    bool added, waits; /* CONNECT: for the registry (stage_register.c) */
    bool unregistered; /* the registry would not have it */
    bool asked;        /* the integration was handed the call */
    int64_t began_ms;
    struct gw_reply reply;
    struct gw_context context;
    struct gw_scope scope;
    struct gw_call call;
    const struct gw_http_request *request; /* CONNECT */
    struct gw_goodbye
        *goodbye; /* DISCONNECT: to be told how it went, or NULL */
    struct gw_arena arena;
    char request_id[16], message_id[16];
};

/* Begins and runs; each ends by itself. Views are borrowed for the call. */
void gw_exchange_connect(struct gw_conn *c,
                         const struct gw_http_request *request);
void gw_exchange_message(struct gw_conn *c, bool is_binary, gw_str body);
void gw_exchange_disconnect(struct gw_conn *c, unsigned code, gw_str reason,
                            unsigned attempt, struct gw_goodbye *goodbye);

/* After GW_WAIT: goes on with the stage behind the one that waited. */
void gw_exchange_resume(struct gw_exchange *x);

/* Copies what is borrowed, once, for an exchange that outlives the call. */
gw_err gw_exchange_hold(struct gw_exchange *x) GW_MUST_CHECK;

/* Refused because its registry cannot vouch for it. */
void gw_exchange_refuse_unregistered(struct gw_exchange *x);

/* Gives it back; the connection may go with it. */
void gw_exchange_end(struct gw_exchange *x);

void gw_exchange_pool_fini(struct gw_gateway *g);

gw_step gw_stage_select(struct gw_exchange *x);
gw_step gw_stage_throttle(struct gw_exchange *x);
gw_step gw_stage_shape(struct gw_exchange *x);
gw_step gw_stage_register(struct gw_exchange *x);
gw_step gw_stage_integrate(struct gw_exchange *x);
void gw_exchange_finish(struct gw_exchange *x);

#endif
