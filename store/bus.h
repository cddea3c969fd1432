/*
 * Messages between workers. A worker is a node: it asks the worker beside it
 * as it would ask one on another machine, and never reaches into it.
 *
 * Two carriers. In the process, each worker has a mailbox: senders on any
 * thread append, a wake-up of its loop makes it read all there is. The mailbox
 * is bounded; a message that does not fit is refused to the sender, who
 * answers for it. To other processes, each worker may be given a carrier of
 * its own (backend/bus_redis.h), which it uses on its own thread.
 */
#ifndef GW_STORE_BUS_H
#define GW_STORE_BUS_H

#include "protocol/api/connection_id.h"
#include "protocol/base/bytes.h"
#include "protocol/base/err.h"

#include <uv.h>

typedef enum gw_bus_kind {
    GW_BUS_CALL,   /* do something with a connection of yours; answer */
    GW_BUS_ANSWER, /* to the call with this token */
    GW_BUS_TASK,   /* from the process: run this on your thread */
} gw_bus_kind;

/* Where a worker can be reached: in every connection id. */
struct gw_bus_address {
    uint16_t node;
    uint8_t worker;
};

typedef enum gw_bus_op { GW_BUS_POST, GW_BUS_GET, GW_BUS_DELETE } gw_bus_op;

struct gw_bus_message {
    struct gw_bus_message *next; /* the bus's own */
    gw_bus_kind kind;
    gw_bus_op op;
    struct gw_bus_address from; /* the worker to answer */
    uint64_t token;             /* the caller's, returned in the answer */
    struct gw_connection_id id;
    uint64_t stage;           /* CALL: the key of the stage it has to be of */
    gw_err err;               /* ANSWER */
    struct gw_bytes *payload; /* CALL: what to post; ANSWER: the body.
                                        May be NULL; the receiver's */
    void (*task)(void *ctx, void *argument); /* TASK; ctx is the receiver's */
    void *argument;
};

typedef void gw_bus_receive(void *ctx, const struct gw_bus_message *message);

/* A way to the workers of other processes: lives inside its owner. */
struct gw_bus_carrier {
    /* Copies what it needs; takes no reference. GW_OK for a call means that an
     * answer will come to its sender, from there or, when the carrier finds
     * that nobody is there, from the carrier itself; or none, if that worker
     * keeps silent. GW_E_BUSY: not now. */
    gw_err (*send)(struct gw_bus_carrier *self, struct gw_bus_address to,
                   const struct gw_bus_message *message);
};

struct gw_bus;

struct gw_bus *gw_bus_new(uint16_t node, unsigned workers, size_t mailbox_max);
void gw_bus_free(struct gw_bus *bus); /* all detached, loops done */

/* From here on `receive` is called on that loop. A message's payload is
 * released after the call: who keeps it takes a reference. */
void gw_bus_attach(struct gw_bus *bus, unsigned worker, uv_loop_t *loop,
                   gw_bus_receive *receive, void *ctx);
void gw_bus_detach(struct gw_bus *bus, unsigned worker);

/* What that worker sends to other nodes goes this way; NULL: there are none.
 * Before its loop runs, or on it. */
void gw_bus_carry(struct gw_bus *bus, unsigned worker,
                  struct gw_bus_carrier *carrier);

/* What a carrier has brought: received now, on that worker's loop. */
void gw_bus_receive_now(struct gw_bus *bus, unsigned worker,
                        const struct gw_bus_message *message);

/*
 * From a worker's own thread. Copies the message; with GW_OK the payload's
 * reference goes with it, otherwise it stays the caller's.
 * GW_E_BUSY  the mailbox is full, or the other process cannot be reached now
 * GW_E_GONE  nobody has that address
 */
gw_err gw_bus_send(struct gw_bus *bus, unsigned from, struct gw_bus_address to,
                   const struct gw_bus_message *message) GW_MUST_CHECK;

/* To a worker of this process, from any thread; never refused. */
void gw_bus_task(struct gw_bus *bus, unsigned to,
                 void (*task)(void *ctx, void *argument), void *argument);

/* Messages in that worker's mailbox; from any thread. */
size_t gw_bus_waiting(const struct gw_bus *bus, unsigned worker);

#endif
