#include "store/backend/bus_redis.h"

#include "store/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LENGTH_BYTES = 4,
    CHANNEL_MAX = 160,
    MESSAGE_MAX = 64 << 20, /* limits.maxPostBytes may be raised so far */
    QUEUED_MAX = 64 << 20,  /* bytes that Redis has not taken; beyond: busy */
};

struct gw_bus_redis {
    struct gw_bus_carrier carrier;
    struct gw_bus *bus;
    struct gw_bus_address self;
    struct gw_redis *redis;
    struct gw_registry *registry;
    char *prefix;
    struct gw_buf bytes; /* of the message that is being sent */
    struct gw_bus_redis_stats stats;
};

/* A message that Redis has not answered for yet. */
struct flight {
    struct gw_bus_redis *owner;
    struct gw_bus_address to;
    bool is_call;
    uint64_t token;
    size_t bytes;
};

/* --- out --------------------------------------------------------------------- */

/* The flight is over; a call ends with that error. */
static void land(struct flight *f, gw_err err)
{
    struct gw_bus_redis *r = f->owner;

    if (f->is_call)
        gw_bus_receive_now(r->bus, r->self.worker,
                           &(struct gw_bus_message){ .kind = GW_BUS_ANSWER,
                                                     .token = f->token,
                                                     .err = err });
    free(f);
}

static void on_asked(void *ctx, gw_err err)
{
    land(ctx, err == GW_E_GONE ? GW_E_GONE : GW_E_BUSY);
}

static void on_published(void *ctx, gw_err err,
                         const struct gw_redis_reply *reply)
{
    struct flight *f = ctx;
    struct gw_bus_redis *r = f->owner;

    r->stats.queued_bytes -= f->bytes;
    if (!err && reply->kind == GW_REDIS_INTEGER && reply->integer > 0) {
        free(f); /* it is there; its answer comes, or the deadline */
        return;
    }
    if (err) {
        land(f, GW_E_BUSY);
        return;
    }
    r->stats.unreachable++;
    if (!f->is_call || gw_redis_registry_ask(r->registry, f->to.node,
                                             f->to.worker, on_asked, f))
        land(f, GW_E_BUSY);
}

static size_t channel_of(const struct gw_bus_redis *r,
                         struct gw_bus_address address, char out[CHANNEL_MAX])
{
    int n = snprintf(out, CHANNEL_MAX, "%sbus:%u.%u", r->prefix, address.node,
                     address.worker);

    GW_ASSERT(n > 0 && n < CHANNEL_MAX);
    return (size_t)n;
}

static gw_err write_message(struct gw_bus_redis *r,
                            const struct gw_bus_message *message)
{
    size_t len;
    gw_err err;

    r->bytes.len = 0;
    err = gw_buf_reserve(&r->bytes, LENGTH_BYTES);
    if (err)
        return err;
    r->bytes.len = LENGTH_BYTES;
    err = gw_wire_write(message, gw_bytes_str(message->payload), &r->bytes);
    len = r->bytes.len - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++)
        r->bytes.at[i] = (char)(len >> (8 * (LENGTH_BYTES - 1 - i)));
    return err;
}

static gw_err carry(struct gw_bus_carrier *self, struct gw_bus_address to,
                    const struct gw_bus_message *message)
{
    struct gw_bus_redis *r = GW_CONTAINER(self, struct gw_bus_redis, carrier);
    char channel[CHANNEL_MAX];
    struct flight *f;
    gw_err err;

    if (!gw_redis_is_up(r->redis))
        return GW_E_BUSY;
    err = write_message(r, message);
    if (err)
        return err;
    if (r->stats.queued_bytes &&
        r->stats.queued_bytes + r->bytes.len > QUEUED_MAX)
        return GW_E_BUSY;
    f = gw_alloc(sizeof(*f));
    *f = (struct flight){ .owner = r,
                          .to = to,
                          .is_call = message->kind == GW_BUS_CALL,
                          .token = message->token,
                          .bytes = r->bytes.len };
    err = gw_redis_command(r->redis, 3,
                           (gw_str[]){ GW_LIT("PUBLISH"),
                                       { channel, channel_of(r, to, channel) },
                                       gw_buf_str(&r->bytes) },
                           on_published, f);
    if (err) {
        free(f);
        return GW_E_BUSY;
    }
    r->stats.sent++;
    r->stats.queued_bytes += f->bytes;
    return GW_OK;
}

/* --- in ---------------------------------------------------------------------- */

/* What we do not know is said so, or its caller would wait in vain. */
static void refuse(struct gw_bus_redis *r, const struct gw_bus_message *call)
{
    struct gw_bus_message answer = { .kind = GW_BUS_ANSWER,
                                     .token = call->token,
                                     .err = GW_E_NOT_FOUND };

    if (gw_bus_send(r->bus, r->self.worker, call->from, &answer))
        return; /* who cannot be told learns from the deadline */
}

static void receive(struct gw_bus_redis *r, gw_str bytes)
{
    struct gw_bus_message m = { 0 };
    gw_str payload;

    switch (gw_wire_read(bytes, &m, &payload)) {
    case GW_OK:
        r->stats.received++;
        m.payload = payload.len ? gw_bytes_dup(payload) : NULL;
        gw_bus_receive_now(r->bus, r->self.worker, &m);
        gw_bytes_unref(m.payload);
        break;
    case GW_E_NOT_FOUND:
        r->stats.received++;
        refuse(r, &m);
        break;
    default:
        r->stats.garbage++;
    }
}

/* Several messages may come at once, behind each other. */
static void on_message(void *ctx, gw_str bytes)
{
    struct gw_bus_redis *r = ctx;

    while (bytes.len) {
        size_t len = 0;

        for (size_t i = 0; i < LENGTH_BYTES && i < bytes.len; i++)
            len = len << 8 | (unsigned char)bytes.at[i];
        if (bytes.len < LENGTH_BYTES || len > bytes.len - LENGTH_BYTES) {
            r->stats.garbage++;
            return;
        }
        bytes = gw_str_skip(bytes, LENGTH_BYTES);
        receive(r, gw_str_head(bytes, len));
        bytes = gw_str_skip(bytes, len);
    }
}

/* --- life -------------------------------------------------------------------- */

struct gw_bus_redis *gw_bus_redis_new(struct gw_bus *bus,
                                      struct gw_bus_address self,
                                      struct gw_redis *redis,
                                      struct gw_registry *registry,
                                      gw_str prefix)
{
    struct gw_bus_redis *r = gw_alloc(sizeof(*r));
    char channel[CHANNEL_MAX];

    *r = (struct gw_bus_redis){ .carrier = { carry },
                                .bus = bus,
                                .self = self,
                                .redis = redis,
                                .registry = registry,
                                .prefix = gw_str_dup(prefix) };
    gw_buf_init(&r->bytes, MESSAGE_MAX);
    gw_bus_carry(bus, self.worker, &r->carrier);
    gw_redis_subscribe(redis, (gw_str){ channel, channel_of(r, self, channel) },
                       on_message, r);
    return r;
}

void gw_bus_redis_free(struct gw_bus_redis *r)
{
    gw_bus_carry(r->bus, r->self.worker, NULL);
    gw_buf_fini(&r->bytes);
    free(r->prefix);
    free(r);
}

struct gw_bus_redis_stats gw_bus_redis_stats(const struct gw_bus_redis *r)
{
    return r->stats;
}
