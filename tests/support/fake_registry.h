/*
 * A registry the test plays: it knows what it was told, and answers at once,
 * or when the test lets it.
 */
#ifndef GW_SUPPORT_FAKE_REGISTRY_H
#define GW_SUPPORT_FAKE_REGISTRY_H

#include "protocol/base/list.h"
#include "store/registry.h"

typedef enum fake_kind { FAKE_CONN, FAKE_GOODBYE, FAKE_LETTER } fake_kind;

/* Something it knows. */
struct fake_entry {
    struct gw_list node;
    fake_kind kind;
    char id[16];
    gw_str record, why; /* owned; why: LETTER */
};

struct fake_registry {
    struct gw_registry base;
    struct gw_list entries; /* struct fake_entry */
    struct gw_list writes; /* add and end that are not answered, oldest first */
    bool holds;            /* add and end wait for fake_registry_answer */
    gw_err refuse;         /* what add returns, if not GW_OK */
    unsigned adds, drops, ends, acks, burials; /* calls */
};

/* Joins when told to; keeps records. */
void fake_registry_init(struct fake_registry *f,
                        const struct gw_registry_events *events, void *ctx);

/* Nothing is unanswered, and nobody is forgotten: no connection is there any
 * more, and no goodbye is owed. */
void fake_registry_fini(struct fake_registry *f);

void fake_registry_join(struct fake_registry *f);

/* The estate goes to heirs, and all it held with it. What is unanswered is
 * answered with GW_E_GONE, `first` before the gateway is told, else after. */
void fake_registry_lose(struct fake_registry *f, bool first);

/* The oldest write that waits: carried out (GW_OK) or not, and answered. */
void fake_registry_answer(struct fake_registry *f, gw_err err);
unsigned fake_registry_waiting(const struct fake_registry *f);

/* What it knows by that id, or NULL; of that kind, in all. */
const struct fake_entry *fake_registry_find(const struct fake_registry *f,
                                            gw_str id);
unsigned fake_registry_count(const struct fake_registry *f, fake_kind kind);

/* Fails if it is not one that can be read. */
struct gw_record fake_record(const struct fake_entry *entry);

/* An heir's share: it is in our estate, and the gateway is told. */
void fake_registry_inherit(struct fake_registry *f,
                           const struct gw_record *record);
void fake_registry_inherit_bytes(struct fake_registry *f, gw_str id,
                                 gw_str record);

/* Empty, as a Redis that has lost its data. */
void fake_registry_clear(struct fake_registry *f);

#endif
