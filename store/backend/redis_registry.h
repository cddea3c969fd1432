/*
 * The registry in Redis: lease, records, goodbyes, inheritance, dead letters,
 * by the rules of store/README.md.
 *
 * What is queued in a turn of the loop leaves as one script call. The queue is
 * bounded by what it is about: the connections and goodbyes of this worker.
 */
#ifndef GW_STORE_REDIS_REGISTRY_H
#define GW_STORE_REDIS_REGISTRY_H

#include "store/backend/redis.h"
#include "store/registry.h"

enum {
    GW_HEARTBEAT_MS = 2000,
    GW_LEASE_MS = 6000,
    GW_TAKEN_MS = 7000,         /* how long another's lease is waited for */
    GW_INHERIT_AFTER_MS = 8000, /* of a link that did not break */
    GW_INHERIT_LOOK_MS = 1000,
    GW_LETTERS_MAX = 100000, /* about; beyond: the oldest go */
};

/* Tests wait for shorter ones. */
struct gw_registry_times {
    int64_t heartbeat_ms, lease_ms, taken_ms, inherit_after_ms, inherit_look_ms;
};

struct gw_redis_registry_options {
    gw_str prefix; /* "gatewire:"; at most 256 bytes */
    uint16_t node;
    uint8_t worker;
    const struct gw_registry_times *times; /* NULL: those above */
};

/* For metrics; read on the worker's thread. */
struct gw_redis_registry_stats {
    uint64_t lost, regained, inherited, writes, refused_writes;
    size_t queued; /* writes not answered yet */
};

struct gw_registry *gw_redis_registry_new(
    struct gw_redis *redis, const struct gw_redis_registry_options *options,
    const struct gw_registry_events *events, void *ctx);

/* Joins as soon as the link is up. */
void gw_redis_registry_start(struct gw_registry *r);

struct gw_redis_registry_stats gw_redis_registry_stats(
    const struct gw_registry *r);

/* Does anybody live at that address? done: GW_OK, GW_E_GONE (nobody, for as
 * long as we could have seen), GW_E_BUSY (cannot be said now). */
gw_err gw_redis_registry_ask(struct gw_registry *r, uint16_t node,
                             uint8_t worker, gw_registry_done *done,
                             void *ctx) GW_MUST_CHECK;

#endif
