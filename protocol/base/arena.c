#include "protocol/base/arena.h"

#include <stdlib.h>

struct gw_arena_block {
    struct gw_arena_block *older;
    size_t used, room;
    _Alignas(max_align_t) char at[];
};

enum { FIRST_BLOCK = 2048 };

void gw_arena_init(struct gw_arena *a, size_t max_bytes)
{
    *a = (struct gw_arena){ .max = max_bytes };
}

void gw_arena_fini(struct gw_arena *a)
{
    for (struct gw_arena_block *b = a->blocks, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    gw_arena_init(a, a->max);
}

void gw_arena_reset(struct gw_arena *a)
{
    struct gw_arena_block *b = a->blocks;

    if (!b)
        return;
    while (b->older) {
        struct gw_arena_block *older = b->older;

        free(b);
        b = older;
    }
    b->used = 0;
    a->blocks = b;
    a->used = 0;
}

static void *take(struct gw_arena *a, size_t size, size_t align)
{
    struct gw_arena_block *b = a->blocks;
    size_t start = b ? (b->used + align - 1) & ~(align - 1) : 0;

    if (size > a->max || a->used > a->max - size)
        return NULL;
    if (!b || start > b->room || size > b->room - start) {
        size_t room = b ? b->room * 2 : FIRST_BLOCK;

        room = GW_MAX(GW_MIN(room, (size_t)1 << 20), size);
        /* not gw_alloc: the text of a block need not be zeroed */
        b = gw_realloc(NULL, sizeof(*b) + room);
        *b = (struct gw_arena_block){ .older = a->blocks, .room = room };
        a->blocks = b;
        start = 0;
    }
    b->used = start + size;
    a->used += size;
    return b->at + start;
}

void *gw_arena_alloc(struct gw_arena *a, size_t size)
{
    void *p = take(a, size, _Alignof(max_align_t));

    return p ? memset(p, 0, size) : NULL;
}

char *gw_arena_text(struct gw_arena *a, size_t size)
{
    return take(a, size, 1);
}

gw_err gw_arena_dup(struct gw_arena *a, gw_str s, gw_str *out)
{
    char *copy = s.len < SIZE_MAX ? gw_arena_text(a, s.len + 1) : NULL;

    if (!copy)
        return GW_E_TOO_BIG;
    if (s.len)
        memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    *out = (gw_str){ copy, s.len };
    return GW_OK;
}

gw_err gw_arena_join(struct gw_arena *a, const gw_str *pieces, size_t count,
                     gw_str *out)
{
    size_t len = 0;
    char *text;

    if (count == 1) {
        *out = pieces[0];
        return GW_OK;
    }
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(len, pieces[i].len, &len))
            return GW_E_TOO_BIG;
    text = gw_arena_text(a, len);
    if (!text)
        return GW_E_TOO_BIG;
    *out = (gw_str){ text, len };
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len)
            memcpy(text, pieces[i].at, pieces[i].len);
        text += pieces[i].len;
    }
    return GW_OK;
}
