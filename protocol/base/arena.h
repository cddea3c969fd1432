/*
 * Memory that dies together: everything made for one exchange, one plan, one
 * configuration. Capped, so that a peer cannot ask for more than its share.
 */
#ifndef GW_BASE_ARENA_H
#define GW_BASE_ARENA_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

struct gw_arena_block;

struct gw_arena {
    struct gw_arena_block *blocks; /* newest first */
    size_t used, max;
};

void gw_arena_init(struct gw_arena *a, size_t max_bytes); /* no allocation */
void gw_arena_fini(struct gw_arena *a);

/* Empties it but keeps its first block, for the next user. */
void gw_arena_reset(struct gw_arena *a);

/* Zeroed, aligned for anything; NULL past the cap. */
void *gw_arena_alloc(struct gw_arena *a, size_t size) GW_MUST_CHECK;

/* As above, not zeroed, not aligned: for text. */
char *gw_arena_text(struct gw_arena *a, size_t size) GW_MUST_CHECK;

/* A copy, NUL-terminated behind its len. */
gw_err gw_arena_dup(struct gw_arena *a, gw_str s, gw_str *out) GW_MUST_CHECK;

/* All pieces in a row. A single one stays a view. */
gw_err gw_arena_join(struct gw_arena *a, const gw_str *pieces, size_t count,
                     gw_str *out) GW_MUST_CHECK;

#endif
