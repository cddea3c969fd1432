#include "protocol/base/map.h"

/* FNV-1a: short keys, trusted, looked up once per message. */
static size_t hash_of(gw_str key)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.at[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

gw_err gw_map_init(struct gw_map *m, struct gw_arena *a, size_t count)
{
    size_t room = 4;

    while (room < count * 2)
        room *= 2;
    *m = (struct gw_map){ .mask = room - 1 };
    m->slots = gw_arena_alloc(a, room * sizeof(*m->slots));
    return m->slots ? GW_OK : GW_E_TOO_BIG;
}

static struct gw_map_slot *find(const struct gw_map *m, gw_str key)
{
    size_t i = hash_of(key) & m->mask;

    while (m->slots[i].value && !gw_str_eq(m->slots[i].key, key))
        i = (i + 1) & m->mask;
    return &m->slots[i];
}

bool gw_map_put(struct gw_map *m, gw_str key, void *value)
{
    struct gw_map_slot *slot = find(m, key);

    GW_ASSERT(value && m->used < m->mask); /* one slot stays free: find ends */
    if (slot->value)
        return false;
    *slot = (struct gw_map_slot){ key, value };
    m->used++;
    return true;
}

void *gw_map_get(const struct gw_map *m, gw_str key)
{
    return m->slots ? find(m, key)->value : NULL;
}
