/*
 * The integrationUri of an HTTP integration (websocket-api.md 4.2): stage
 * variables filled in, then taken apart.
 */
#ifndef GW_API_URI_H
#define GW_API_URI_H

#include "protocol/base/arena.h"
#include "protocol/event/context.h"

enum { GW_URI_MAX = 2048 };

/* Views into the text that was read. */
struct gw_uri {
    bool tls;
    gw_str host;      /* an IPv6 address without its brackets */
    gw_str authority; /* what a Host header says: the default port left out */
    uint16_t port;
    gw_str path, query; /* raw; the path at least "/", the query without '?' */
};

/* Replaces every ${stageVariables.NAME}; one that is not defined, and any
 * other ${...}, is an error. `stage` is for the message. */
gw_err gw_uri_fill(struct gw_arena *a, gw_str text, gw_str stage,
                   const struct gw_pairs *variables, gw_str *out,
                   struct gw_fault *why) GW_MUST_CHECK;

/* http:// or https://, without user and fragment. Braces may stand in the
 * path, in pairs around a name. */
gw_err gw_uri_read(gw_str text, struct gw_uri *out,
                   struct gw_fault *why) GW_MUST_CHECK;

/* The names of the {NAME}s in a path, one by one: start with *at = 0. */
bool gw_uri_placeholder(gw_str path, size_t *at, gw_str *name);

#endif
