/*
 * A client's connection, from the first byte of its handshake to the end of
 * its $disconnect.
 */
#ifndef GW_GATEWAY_CONN_H
#define GW_GATEWAY_CONN_H

#include "server/gateway/gateway.h"

typedef enum gw_conn_state {
    GW_CONN_OPENING, /* $connect runs; the upgrade is not answered */
    GW_CONN_OPEN,
    GW_CONN_CLOSING, /* our close frame is out */
    GW_CONN_GONE,    /* the socket is; its goodbye may still be owed */
    GW_CONN_STATES
} gw_conn_state;

struct gw_conn {
    struct gw_answerer answerer; /* of the handshake */
    struct gw_gateway *gateway;
    struct gw_stage_state *stage;
    struct gw_link *link;         /* NULL once the socket is gone */
    struct gw_timer timer;        /* idle and lifetime, whichever is first */
    struct gw_list queue;         /* exchanges of ordered routes, waiting */
    int64_t connected_at_ms;      /* since 1970 */
    int64_t opened_ms, active_ms; /* monotonic */
    uint32_t slot;
    uint32_t in_flight; /* exchanges, queued ones included */
    uint32_t life;      /* the gateway's, when it was made */
    uint16_t local_port;
    uint8_t state;
    bool tls, paused, leaving, ordered_runs, ordered_resumes;
    bool registered; /* its registry may know it: a goodbye is owed */
    char id[GW_CONNECTION_ID_LEN];
    char event_id[GW_EVENT_ID_LEN]; /* of its goodbye */
    /* Views into the text behind the struct. */
    gw_str domain_name, source_ip, user_agent;
    gw_str base; /* "127.0.0.1:8080/chat": where backends reach this node,
                    with the API however the client was addressed */
    char text[];
};

/* How a handshake was addressed. */
struct gw_target {
    struct gw_stage_state *stage;
    gw_str prefix;        /* "/chat" when the path named the API */
    bool has_connection;  /* …/@connections/{id} */
    gw_str connection_id; /* decoded, in g->scratch */
};

/* Who is addressed? Host {apiId}.execute-api.…, then /{apiId}/{stage}, then
 * /{stage} when there is one API. GW_E_FORBIDDEN: nobody. */
gw_err gw_target_find(struct gw_gateway *g,
                      const struct gw_http_request *request,
                      struct gw_target *out) GW_MUST_CHECK;

/* A request at a stage itself: the handshake, or its refusal. Answers the
 * link at once or after $connect. */
void gw_conn_open(struct gw_gateway *g, struct gw_link *link,
                  const struct gw_target *target,
                  const struct gw_http_request *request,
                  struct gw_answerer **answerer);

/* port/link.h's, for the links accepted here. */
void gw_conn_on_message(void *conn, gw_ws_opcode opcode, gw_str payload);
void gw_conn_on_activity(void *conn);
void gw_conn_on_closed(void *conn, unsigned code, gw_str reason);

void gw_conn_close(struct gw_conn *c, unsigned code, gw_str reason);

/* The settings have changed: its timer goes by the new ones. */
void gw_conn_on_settings(struct gw_conn *c);

/* Its turn in a drain has come: takes no more messages; closes with 1012 once
 * those in flight are answered. */
void gw_conn_drain(struct gw_conn *c);

/* What is written of it. Views; what a client made longer than a record may
 * hold is cut. */
struct gw_record gw_conn_record(const struct gw_conn *c);

/* Adds it to the registry: as gw_registry_add. */
gw_err gw_conn_register(struct gw_conn *c, gw_registry_done *done,
                        void *ctx) GW_MUST_CHECK;

/* A connection that is nothing but its record: GONE, of a stage there is. */
struct gw_conn *gw_conn_inherit(struct gw_gateway *g, struct gw_stage_state *s,
                                const struct gw_record *record);

/* The open connection with that id, or NULL. */
struct gw_conn *gw_conn_find(struct gw_gateway *g,
                             const struct gw_connection_id *id);

/* Queues a message to the client. */
gw_err gw_conn_send(struct gw_conn *c, gw_ws_opcode opcode,
                    gw_str payload) GW_MUST_CHECK;

static inline gw_str gw_conn_id(const struct gw_conn *c)
{
    return (gw_str){ c->id, sizeof(c->id) };
}

/* An exchange of this connection begins, or has ended. */
void gw_conn_enter(struct gw_conn *c);
void gw_conn_leave(struct gw_conn *c);

/* The answers to a handshake. The first makes the connection open; the other
 * (for whatever `answer` says) ends it before it began. */
void gw_conn_accept(struct gw_conn *c, const struct gw_accept *how);
void gw_conn_refuse(struct gw_conn *c, const struct gw_http_answer *answer);

void gw_stage_leave(struct gw_gateway *g, struct gw_stage_state *s);
void gw_deployment_unref(struct gw_gateway *g, struct gw_deployment *d);

#endif
