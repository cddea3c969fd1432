/*
 * Who is connected, and whose goodbyes are owed. One per worker, on its loop
 * and thread. store/README.md says what is kept where, and why it holds.
 *
 * Two backends, one interface: Redis, where all this outlives the process,
 * and memory, where a process is alone and only dead letters are kept (its
 * connections are their own records).
 */
#ifndef GW_STORE_REGISTRY_H
#define GW_STORE_REGISTRY_H

#include "protocol/base/err.h"
#include "protocol/base/hash.h"
#include "store/record.h"

struct gw_registry;

/* Fires exactly once for every call that returned GW_OK. Backends that need
 * not ask anybody may fire it before the call has returned. */
typedef void gw_registry_done(void *ctx, gw_err err);

/* What a registry tells the gateway it serves. */
struct gw_registry_events {
    /* From now on connections may be added, until on_lost or an absence.
     * id_key is the cluster's; a copy is to be made. Called again when a key
     * has changed or after an on_lost. */
    void (*on_joined)(void *ctx, const struct gw_hash_key *id_key);

    /* Everything added so far belongs to heirs: close it all (1012), forget
     * what is owed, acknowledge nothing of it. on_joined follows. */
    void (*on_lost)(void *ctx);

    /* The store may have forgotten: add every live connection again, `end`
     * every owed goodbye again, at most `max` calls now, going on where the
     * last call stopped (`again`: from the beginning). False: that was all. */
    bool (*on_resync)(void *ctx, bool again, size_t max);

    /* How many inherited goodbyes may be handed over now. */
    size_t (*inherit_room)(void *ctx);

    /* An heir's: this one is owed by us now (it is in our estate already).
     * Views for this call. To be delivered, then acknowledged. */
    void (*on_inherited)(void *ctx, gw_str id, gw_str record);
};

typedef enum gw_registry_state {
    GW_REGISTRY_AWAY, /* the store cannot be reached */
    GW_REGISTRY_JOINING,
    GW_REGISTRY_TAKEN, /* another process lives at our address */
    GW_REGISTRY_JOINED,
} gw_registry_state;

/* A dead letter. */
struct gw_letter {
    gw_str id;     /* what retry and drop take */
    gw_str why;    /* "GW_E_TIMEOUT" and its like, in words */
    gw_str record; /* gw_record_read */
};

typedef void gw_letters_done(void *ctx, gw_err err,
                             const struct gw_letter *letters, size_t count);

/* The backends fill this in; callers use the functions below. */
struct gw_registry_ops {
    gw_registry_state (*state)(const struct gw_registry *r);
    bool (*is_sure)(const struct gw_registry *r);
    gw_err (*add)(struct gw_registry *r, gw_str id, gw_str record,
                  gw_registry_done *done, void *ctx);
    void (*drop)(struct gw_registry *r, gw_str id);
    void (*end)(struct gw_registry *r, gw_str id, gw_str record,
                gw_registry_done *done, void *ctx);
    void (*ack)(struct gw_registry *r, gw_str id);
    void (*bury)(struct gw_registry *r, gw_str id, gw_str record, gw_str why);
    gw_err (*letters)(struct gw_registry *r, gw_str after, size_t max,
                      gw_letters_done *done, void *ctx);
    gw_err (*letter_retry)(struct gw_registry *r, gw_str letter,
                           gw_registry_done *done, void *ctx);
    gw_err (*letter_drop)(struct gw_registry *r, gw_str letter,
                          gw_registry_done *done, void *ctx);
    void (*leave)(struct gw_registry *r, void (*left)(void *ctx), void *ctx);
    void (*free)(struct gw_registry *r);
};

struct gw_registry {
    const struct gw_registry_ops *ops;
    const struct gw_registry_events *events;
    void *ctx;          /* of the events */
    bool keeps_records; /* false: `add` and `end` may be given empty ones */
};

static inline gw_registry_state gw_registry_state_of(
    const struct gw_registry *r)
{
    return r->ops->state(r);
}

/* Can nobody have claimed our estate, by our own clock, read now? False after
 * a sleep or an absence as long as a lease, until it is renewed. From any
 * thread. */
static inline bool gw_registry_is_sure(const struct gw_registry *r)
{
    return r->ops->is_sure(r);
}

/* Writes (or rewrites) the record of a connection. done may be NULL, and comes
 * within 2 s: with an error the record may be there or not, and `drop` is to
 * follow. GW_E_UNREACHABLE at once: not joined, or the store is away. */
GW_MUST_CHECK static inline gw_err gw_registry_add(struct gw_registry *r,
                                                   gw_str id, gw_str record,
                                                   gw_registry_done *done,
                                                   void *ctx)
{
    return r->ops->add(r, id, record, done, ctx);
}

/* It never came to be: no goodbye is owed. Happens, if not now, then when the
 * store is back. */
static inline void gw_registry_drop(struct gw_registry *r, gw_str id)
{
    r->ops->drop(r, id);
}

/* The record becomes a goodbye, however long the store is away: done comes
 * when it is written (GW_OK), or with GW_E_GONE when the estate was lost
 * first: then it is an heir's. Also rewrites a goodbye (its attempts); done
 * may be NULL. */
static inline void gw_registry_end(struct gw_registry *r, gw_str id,
                                   gw_str record, gw_registry_done *done,
                                   void *ctx)
{
    r->ops->end(r, id, record, done, ctx);
}

/* The goodbye's integration has run. */
static inline void gw_registry_ack(struct gw_registry *r, gw_str id)
{
    r->ops->ack(r, id);
}

/* Given up: to the dead letters; then its record or its goodbye goes. */
static inline void gw_registry_bury(struct gw_registry *r, gw_str id,
                                    gw_str record, gw_str why)
{
    r->ops->bury(r, id, record, why);
}

/* Dead letters, oldest first, at most `max`, behind the one named `after`
 * (empty: from the first). */
GW_MUST_CHECK static inline gw_err gw_registry_letters(struct gw_registry *r,
                                                       gw_str after, size_t max,
                                                       gw_letters_done *done,
                                                       void *ctx)
{
    return r->ops->letters(r, after, max, done, ctx);
}

/* Owed again, by this worker (on_inherited comes), and not a dead letter any
 * more. done: GW_E_NOT_FOUND. */
GW_MUST_CHECK static inline gw_err gw_registry_letter_retry(
    struct gw_registry *r, gw_str letter, gw_registry_done *done, void *ctx)
{
    return r->ops->letter_retry(r, letter, done, ctx);
}

GW_MUST_CHECK static inline gw_err gw_registry_letter_drop(
    struct gw_registry *r, gw_str letter, gw_registry_done *done, void *ctx)
{
    return r->ops->letter_drop(r, letter, done, ctx);
}

/* Gives the lease back after what is queued was written, or after 2 s; `left`
 * once, possibly at once, and behind every `done` that is owed. No event comes
 * any more. */
static inline void gw_registry_leave(struct gw_registry *r,
                                     void (*left)(void *ctx), void *ctx)
{
    r->ops->leave(r, left, ctx);
}

static inline void gw_registry_free(struct gw_registry *r) /* left, or never
                                                              started */
{
    r->ops->free(r);
}

#endif
