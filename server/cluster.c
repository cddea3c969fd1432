#include "server/cluster.h"

#include "protocol/base/log.h"
#include "store/backend/bus_redis.h"
#include "store/backend/redis_registry.h"

#include <stdlib.h>

/* How often what happens in there is brought to the metrics; also
 * how old the answer of /readyz may be. */
enum { LOOK_MS = 100 };

struct gw_cluster {
    struct gw_loop *loop;
    struct gw_metrics *metrics;
    struct gw_registry *registry;

    /* With Redis. */
    struct gw_redis *redis;
    struct gw_bus_redis *carrier;
    struct gw_timer look;

    void (*left)(void *ctx);
    void *left_ctx;
};

/* --- metrics ------------------------------------------------------------------- */

static void count(struct gw_cluster *c,
                  const struct gw_redis_registry_stats *registry)
{
    struct gw_redis_stats redis = gw_redis_stats(c->redis);
    struct gw_bus_redis_stats bus = gw_bus_redis_stats(c->carrier);
    struct gw_metrics *m = c->metrics;

    GW_SET(m->redis_up, redis.up);
    GW_SET(m->redis_pending, redis.pending);
    GW_SET(m->redis_commands, redis.commands);
    GW_SET(m->redis_errors, redis.error_replies);
    GW_SET(m->redis_refused, redis.refused);
    GW_SET(m->redis_breaks, redis.breaks);
    GW_SET(m->redis_reconnects, redis.reconnects);
    GW_SET(m->registry_queued, registry->queued);
    GW_SET(m->registry_writes, registry->writes);
    GW_SET(m->registry_refused, registry->refused_writes);
    GW_SET(m->leases_lost, registry->lost);
    GW_SET(m->leases_regained, registry->regained);
    GW_SET(m->bus_remote_sent, bus.sent);
    GW_SET(m->bus_remote_received, bus.received);
    GW_SET(m->bus_remote_garbage, bus.garbage);
    GW_SET(m->bus_remote_unreachable, bus.unreachable);
    GW_SET(m->bus_remote_queued_bytes, bus.queued_bytes);
}

static void on_look(struct gw_timer *timer)
{
    struct gw_cluster *c = GW_CONTAINER(timer, struct gw_cluster, look);
    struct gw_redis_registry_stats stats = gw_redis_registry_stats(c->registry);

    GW_SET(c->metrics->registry_joined,
           gw_registry_state_of(c->registry) == GW_REGISTRY_JOINED);
    count(c, &stats);
    gw_timer_start(&c->loop->wheel, &c->look, gw_loop_now(c->loop), LOOK_MS);
}

/* --- life ---------------------------------------------------------------------- */

static void open_redis(struct gw_cluster *c, const struct gw_cluster_options *o)
{
    gw_str prefix = o->config->settings.redis_prefix;
    struct gw_redis_registry_options options = {
        .prefix = prefix,
        .node = o->address.node,
        .worker = o->address.worker,
    };

    c->redis = gw_redis_new(&o->loop->uv, &o->config->redis);
    c->registry = gw_redis_registry_new(c->redis, &options, o->events, o->ctx);
    c->carrier =
        gw_bus_redis_new(o->bus, o->address, c->redis, c->registry, prefix);
    c->look.fire = on_look;
}

struct gw_cluster *gw_cluster_new(const struct gw_cluster_options *o)
{
    struct gw_cluster *c = gw_alloc(sizeof(*c));

    *c = (struct gw_cluster){ .loop = o->loop, .metrics = o->metrics };
    if (o->config->settings.redis.len)
        open_redis(c, o);
    else
        c->registry =
            gw_memory_registry_new(o->letterbox, o->id_key, o->events, o->ctx);
    return c;
}

void gw_cluster_free(struct gw_cluster *c)
{
    if (c->carrier)
        gw_bus_redis_free(c->carrier);
    gw_registry_free(c->registry);
    if (c->redis)
        gw_redis_free(c->redis);
    free(c);
}

struct gw_registry *gw_cluster_registry(struct gw_cluster *c)
{
    return c->registry;
}

void gw_cluster_start(struct gw_cluster *c)
{
    if (!c->redis) {
        gw_memory_registry_start(c->registry);
        GW_SET(c->metrics->registry_joined, 1);
        return;
    }
    gw_redis_registry_start(c->registry);
    gw_redis_start(c->redis);
    gw_timer_start(&c->loop->wheel, &c->look, gw_loop_now(c->loop), LOOK_MS);
}

gw_registry_state gw_cluster_state(const struct gw_cluster *c)
{
    return gw_registry_state_of(c->registry);
}

gw_str gw_cluster_fault(const struct gw_cluster *c)
{
    return c->redis ? gw_redis_fault(c->redis) : GW_EMPTY;
}

static void on_closed(void *ctx)
{
    struct gw_cluster *c = ctx;

    GW_SET(c->metrics->redis_up, 0);
    c->left(c->left_ctx);
}

static void on_left(void *ctx)
{
    struct gw_cluster *c = ctx;

    GW_SET(c->metrics->registry_joined, 0);
    if (!c->redis) {
        c->left(c->left_ctx);
        return;
    }
    gw_timer_stop(&c->loop->wheel, &c->look);
    gw_redis_close(c->redis, on_closed, c);
}

void gw_cluster_leave(struct gw_cluster *c, void (*left)(void *ctx), void *ctx)
{
    c->left = left;
    c->left_ctx = ctx;
    gw_registry_leave(c->registry, on_left, c);
}
