/*
 * The registry of a process that is alone: joined from the start. Dead letters
 * are the process's, kept in one place for all its workers and lost with it.
 */
#ifndef GW_STORE_MEMORY_H
#define GW_STORE_MEMORY_H

#include "store/registry.h"

enum { GW_MEMORY_LETTERS_MAX = 10000 }; /* beyond: the oldest goes */

struct gw_letterbox; /* shared by the workers of a process */

struct gw_letterbox *gw_letterbox_new(void);
void gw_letterbox_free(struct gw_letterbox *box);

struct gw_registry *gw_memory_registry_new(
    struct gw_letterbox *box, const struct gw_hash_key *id_key,
    const struct gw_registry_events *events, void *ctx);

/* on_joined comes before it returns. */
void gw_memory_registry_start(struct gw_registry *r);

#endif
