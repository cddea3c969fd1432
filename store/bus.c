#include "store/bus.h"

#include <stdlib.h>

/* Senders push onto a stack, the reader takes the whole stack at once and
 * turns it round: no lock, and order is kept for each sender. */
struct mailbox {
    _Atomic(struct gw_bus_message *) top;
    atomic_size_t waiting;
    uv_async_t wake;
    gw_bus_receive *receive;
    void *ctx;
    struct gw_bus_carrier *carrier; /* the worker's own; or NULL */
};

struct gw_bus {
    uint16_t node;
    unsigned workers;
    size_t mailbox_max;
    struct mailbox boxes[];
};

struct gw_bus *gw_bus_new(uint16_t node, unsigned workers, size_t mailbox_max)
{
    struct gw_bus *bus =
        gw_alloc(sizeof(*bus) + workers * sizeof(bus->boxes[0]));

    bus->node = node;
    bus->workers = workers;
    bus->mailbox_max = mailbox_max;
    return bus;
}

static struct gw_bus_message *take_all(struct mailbox *box)
{
    struct gw_bus_message *stack = atomic_exchange(&box->top, NULL);
    struct gw_bus_message *queue = NULL;

    while (stack) {
        struct gw_bus_message *next = stack->next;

        stack->next = queue;
        queue = stack;
        stack = next;
    }
    return queue;
}

void gw_bus_free(struct gw_bus *bus)
{
    for (unsigned i = 0; i < bus->workers; i++) {
        struct gw_bus_message *m = take_all(&bus->boxes[i]);

        while (m) {
            struct gw_bus_message *next = m->next;

            gw_bytes_unref(m->payload);
            free(m);
            m = next;
        }
    }
    free(bus);
}

static void on_wake(uv_async_t *wake)
{
    struct mailbox *box = wake->data;
    struct gw_bus_message *m = take_all(box);

    while (m) {
        struct gw_bus_message *next = m->next;

        atomic_fetch_sub(&box->waiting, 1);
        if (m->kind == GW_BUS_TASK)
            m->task(box->ctx, m->argument);
        else
            box->receive(box->ctx, m);
        gw_bytes_unref(m->payload);
        free(m);
        m = next;
    }
}

void gw_bus_attach(struct gw_bus *bus, unsigned worker, uv_loop_t *loop,
                   gw_bus_receive *receive, void *ctx)
{
    struct mailbox *box = &bus->boxes[worker];

    box->receive = receive;
    box->ctx = ctx;
    box->wake.data = box;
    GW_ASSERT(uv_async_init(loop, &box->wake, on_wake) == 0);
}

void gw_bus_detach(struct gw_bus *bus, unsigned worker)
{
    uv_close((uv_handle_t *)&bus->boxes[worker].wake, NULL);
}

void gw_bus_carry(struct gw_bus *bus, unsigned worker,
                  struct gw_bus_carrier *carrier)
{
    bus->boxes[worker].carrier = carrier;
}

void gw_bus_receive_now(struct gw_bus *bus, unsigned worker,
                        const struct gw_bus_message *message)
{
    struct mailbox *box = &bus->boxes[worker];

    box->receive(box->ctx, message);
}

static void append(struct mailbox *box, const struct gw_bus_message *message)
{
    struct gw_bus_message *m = gw_alloc(sizeof(*m));

    *m = *message;
    m->next = atomic_load(&box->top);
    while (!atomic_compare_exchange_weak(&box->top, &m->next, m))
        continue;
    uv_async_send(&box->wake);
}

gw_err gw_bus_send(struct gw_bus *bus, unsigned from, struct gw_bus_address to,
                   const struct gw_bus_message *message)
{
    struct gw_bus_carrier *carrier = bus->boxes[from].carrier;
    struct mailbox *box;
    gw_err err;

    if (to.node != bus->node) {
        err = carrier ? carrier->send(carrier, to, message) : GW_E_GONE;
        if (!err)
            gw_bytes_unref(message->payload); /* it has been copied */
        return err;
    }
    if (to.worker >= bus->workers)
        return GW_E_GONE;
    box = &bus->boxes[to.worker];
    if (atomic_fetch_add(&box->waiting, 1) >= bus->mailbox_max) {
        atomic_fetch_sub(&box->waiting, 1);
        return GW_E_BUSY;
    }
    append(box, message);
    return GW_OK;
}

void gw_bus_task(struct gw_bus *bus, unsigned to,
                 void (*task)(void *ctx, void *argument), void *argument)
{
    atomic_fetch_add(&bus->boxes[to].waiting, 1);
    append(&bus->boxes[to], &(struct gw_bus_message){ .kind = GW_BUS_TASK,
                                                      .task = task,
                                                      .argument = argument });
}

size_t gw_bus_waiting(const struct gw_bus *bus, unsigned worker)
{
    return atomic_load(&bus->boxes[worker].waiting);
}
