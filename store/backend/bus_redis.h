/*
 * The bus between processes: a worker's messages to other nodes are published
 * on the channel of the worker they are for, `bus:NODE.WORKER`, and what comes
 * on its own channel is received by it. store/wire.h says what the bytes are;
 * in front of each message stands its length in four bytes, the highest first.
 *
 * Pub/sub keeps nothing. When nobody was subscribed, the registry is asked
 * whether anybody lives there: the call ends with GW_E_GONE if not, and with
 * GW_E_BUSY if so, or if that cannot be said. A call that was received and is
 * not answered is its sender's to give up.
 */
#ifndef GW_STORE_BUS_REDIS_H
#define GW_STORE_BUS_REDIS_H

#include "store/backend/redis_registry.h"
#include "store/bus.h"

struct gw_bus_redis;

/* Counters since the beginning, and a gauge. */
struct gw_bus_redis_stats {
    uint64_t sent, received;
    uint64_t garbage;     /* came, and was no message */
    uint64_t unreachable; /* were sent, and nobody received them */
    size_t queued_bytes;  /* sent, and Redis has not answered */
};

/* Becomes the worker's carrier. Before gw_redis_start; link, registry and bus
 * outlive it. */
struct gw_bus_redis *gw_bus_redis_new(struct gw_bus *bus,
                                      struct gw_bus_address self,
                                      struct gw_redis *redis,
                                      struct gw_registry *registry,
                                      gw_str prefix);
void gw_bus_redis_free(struct gw_bus_redis *r); /* the link is closed */

struct gw_bus_redis_stats gw_bus_redis_stats(const struct gw_bus_redis *r);

#endif
