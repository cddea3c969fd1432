/*
 * Text to pointer, built once and then only read: the routes of a stage, the
 * stages of a gateway. Keys come from the configuration, never from a peer.
 * Keys are borrowed and must live as long as the map.
 */
#ifndef GW_BASE_MAP_H
#define GW_BASE_MAP_H

#include "protocol/base/arena.h"

struct gw_map {
    struct gw_map_slot {
        gw_str key;
        void *value; /* NULL: free */
    } * slots;
    size_t mask, used;
};

/* Room for `count` keys, in the arena. */
gw_err gw_map_init(struct gw_map *m, struct gw_arena *a,
                   size_t count) GW_MUST_CHECK;

/* False when the key is there already (the old value stays). */
bool gw_map_put(struct gw_map *m, gw_str key, void *value) GW_MUST_CHECK;

void *gw_map_get(const struct gw_map *m, gw_str key); /* NULL: not there */

#endif
