/*
 * What is known about one exchange, as `$context.…` and events name it
 * (websocket-api.md 3.5 and 9.1). Views only: the connection and the
 * exchange own the text.
 */
#ifndef GW_EVENT_CONTEXT_H
#define GW_EVENT_CONTEXT_H

#include "protocol/base/arena.h"
#include "protocol/http/header.h"

typedef enum gw_event_type {
    GW_EVENT_CONNECT,
    GW_EVENT_MESSAGE,
    GW_EVENT_DISCONNECT,
} gw_event_type;

/* A pair of configuration texts: stage variables, tags. */
struct gw_pair {
    gw_str name, value;
};

struct gw_pairs {
    const struct gw_pair *at;
    size_t count;
};

bool gw_pairs_find(const struct gw_pairs *pairs, gw_str name, gw_str *value);

struct gw_context {
    gw_event_type event_type;
    gw_str api_id, stage, domain_name, route_key;
    gw_str connection_id, message_id;         /* message_id: MESSAGE only */
    gw_str request_id;                        /* extendedRequestId too */
    gw_str source_ip, user_agent;             /* user_agent: empty if none */
    int64_t connected_at_ms, request_time_ms; /* since 1970 */
    /* DISCONNECT only */
    unsigned disconnect_status;
    unsigned attempt; /* 1: the first try to tell of it */
    gw_str disconnect_reason;
    gw_str event_id; /* the same on every try; empty: not set */
};

/* The text of $context.NAME ("identity.sourceIp", "requestTime", ...). A name
 * that is unknown, or not set in this event, gives false. */
bool gw_context_find(const struct gw_context *c, struct gw_arena *a,
                     gw_str name, gw_str *value);

/* Is NAME one that some event sets? For checking configurations. */
bool gw_context_knows(gw_str name);

const char *gw_event_type_text(gw_event_type type); /* "CONNECT", ... */

/* "20/Jan/2024:11:55:00 +0000" and "2024-01-20T11:55:00.453Z". */
enum { GW_CLF_TIME_LEN = 26, GW_ISO_TIME_LEN = 24 };
void gw_time_clf(int64_t unix_ms, char out[GW_CLF_TIME_LEN + 1]);
void gw_time_iso(int64_t unix_ms, char out[GW_ISO_TIME_LEN + 1]);

#endif
