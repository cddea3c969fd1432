/*
 * The names of things in Redis: estates and keys, as store/README.md lists
 * them.
 */
#ifndef GW_STORE_REGISTRY_KEYS_H
#define GW_STORE_REGISTRY_KEYS_H

#include "protocol/base/str.h"

enum {
    GW_EPOCH_LEN = 16, /* hexadecimal digits */
    GW_PREFIX_MAX = 256,
    GW_KEY_MAX = GW_PREFIX_MAX + 64,
};

/* One life of one worker. */
struct gw_estate {
    uint16_t node;
    uint8_t worker;
    char epoch[GW_EPOCH_LEN];
};

typedef enum gw_key_kind {
    GW_KEY_LEASE,
    GW_KEY_CONNS,
    GW_KEY_GOODBYES,
    GW_KEY_CLAIMED,
    GW_KEY_HEIR,
    GW_KEY_ESTATES, /* these three are the whole gateway's */
    GW_KEY_CLUSTER,
    GW_KEY_LETTERS,
} gw_key_kind;

struct gw_key {
    size_t len;
    char at[GW_KEY_MAX];
};

/* A key of that estate (NULL: one of the whole gateway's). A view into `out`.
 * The prefix is at most GW_PREFIX_MAX long. */
gw_str gw_key_write(struct gw_key *out, gw_str prefix, gw_key_kind kind,
                    const struct gw_estate *estate);

/* The same worker with a new epoch. */
void gw_estate_draw(struct gw_estate *e);

/* "7.1:00c0ffee00c0ffee", a view into `out`. */
gw_str gw_estate_name(struct gw_key *out, const struct gw_estate *e);
bool gw_estate_read(gw_str name, struct gw_estate *out) GW_MUST_CHECK;

/* Is it the holder of this lease: "00c0ffee00c0ffee/3"? */
bool gw_estate_holds(const struct gw_estate *e, gw_str lease);

static inline gw_str gw_estate_epoch(const struct gw_estate *e)
{
    return (gw_str){ e->epoch, GW_EPOCH_LEN };
}

#endif
