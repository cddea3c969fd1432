/*
 * A worker without sockets: a gateway over fake links and a fake fetcher, in
 * a time that moves only when it is told to.
 */
#ifndef GW_SUPPORT_FAKE_WORLD_H
#define GW_SUPPORT_FAKE_WORLD_H

#include "server/admin/public.h"
#include "tests/support/fake_fetch.h"
#include "tests/support/fake_link.h"
#include "tests/support/fake_registry.h"

struct fake_world {
    struct gw_clock clock; /* at 2015-08-30T12:36:00Z */
    struct gw_wheel wheel;
    struct fake_fetch fetch;
    struct fake_registry registry; /* joined */
    struct gw_metrics metrics;
    struct gw_public public;
    struct gw_gateway gateway;
    struct gw_bus *own_bus; /* of a world that is alone */
};

#define FAKE_WORLD_UNIX_MS INT64_C(1440938160000)

/* yaml: as a gatewire.yaml. */
void fake_world_init(struct fake_world *w, const char *yaml);

/* One of `count` workers that share a bus; the world is attached by the
 * caller, with fake_world_on_bus. */
void fake_world_init_at(struct fake_world *w, const char *yaml,
                        struct gw_bus *bus, unsigned worker, unsigned count);
void fake_world_on_bus(void *world, const struct gw_bus_message *message);

/* Everything must be over: no connection, no exchange, no timer, no goodbye
 * owed. */
void fake_world_fini(struct fake_world *w);

struct gw_config *fake_config(const char *yaml);
void fake_world_reload(struct fake_world *w, const char *yaml);
void fake_world_advance(struct fake_world *w, int64_t ms);

/* A request as it stands on the wire, its body behind it; what the worker's
 * public listener does with it. Its bytes are gone when this returns. */
void fake_world_request(struct fake_world *w, struct fake_link *l, gw_str text);
void fake_world_requestf(struct fake_world *w, struct fake_link *l,
                         const char *format, ...) GW_PRINTF(3, 4);

/* A handshake. `headers`: further lines, "Name: value\r\n" each. */
void fake_world_connect(struct fake_world *w, struct fake_link *l,
                        const char *target, const char *headers);

/* What the client does on an open link. */
void fake_link_says(struct fake_link *l, const char *text);
void fake_link_says_binary(struct fake_link *l, gw_str bytes);

/* The link is over: with the peer's close frame, or (1006) without. A close
 * of ours comes back as the edge reports it. */
void fake_link_ends(struct fake_link *l, unsigned code, const char *reason);
void fake_link_closed(struct fake_link *l); /* after gw_link_ops.close */
void fake_link_gone(struct fake_link *l); /* before its request was answered */

/* The id of the connection on an open link. */
gw_str fake_link_id(const struct fake_link *l);

#endif
