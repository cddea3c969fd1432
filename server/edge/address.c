#include "server/edge/address.h"

#include "protocol/limit/bucket.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

struct entry {
    gw_address_key address;
    uint32_t open;
    bool used;
    struct gw_bucket handshakes;
};

struct gw_addresses {
    pthread_mutex_t lock;
    struct gw_hash_key key;
    struct entry *at; /* open addressing */
    size_t mask, count;
    _Atomic size_t open; /* connections, all addresses together */
};

enum { FIRST_ROOM = 64 };

struct gw_addresses *gw_addresses_new(const struct gw_hash_key *key)
{
    struct gw_addresses *t = gw_alloc(sizeof(*t));

    pthread_mutex_init(&t->lock, NULL);
    t->key = *key;
    t->mask = FIRST_ROOM - 1;
    t->at = gw_alloc(FIRST_ROOM * sizeof(*t->at));
    return t;
}

void gw_addresses_free(struct gw_addresses *t)
{
    pthread_mutex_destroy(&t->lock);
    free(t->at);
    free(t);
}

gw_address_key gw_address_key_of(const struct sockaddr_storage *peer)
{
    const struct sockaddr_in6 *six = (const void *)peer;
    const struct sockaddr_in *four = (const void *)peer;
    gw_address_key key = 0;

    if (peer->ss_family == AF_INET) {
        memcpy(&key, &four->sin_addr, 4);
        return key;
    }
    if (peer->ss_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        memcpy(&key, six->sin6_addr.s6_addr + 12, 4);
    else
        memcpy(&key, six->sin6_addr.s6_addr, 8);
    return key;
}

static struct entry *find(const struct gw_addresses *t, gw_address_key address)
{
    gw_str text = { (const char *)&address, sizeof(address) };
    size_t i = gw_hash(&t->key, text) & t->mask;

    while (t->at[i].used && t->at[i].address != address)
        i = (i + 1) & t->mask;
    return &t->at[i];
}

/* Nothing to remember: none open, and its bucket is full. */
static bool is_quiet(const struct entry *e, int64_t now_ms)
{
    return e->open == 0 &&
           atomic_load(&e->handshakes.full_at_ns) / 1000000 < now_ms;
}

/* Makes a table without the quiet ones, twice as large as what is left. */
static void rebuild(struct gw_addresses *t, int64_t now_ms)
{
    struct entry *old = t->at;
    size_t old_room = t->mask + 1, keep = 0, room = FIRST_ROOM;

    for (size_t i = 0; i < old_room; i++)
        keep += old[i].used && !is_quiet(&old[i], now_ms);
    while (room < keep * 4)
        room *= 2;
    t->at = gw_alloc(room * sizeof(*t->at));
    t->mask = room - 1;
    t->count = keep;
    for (size_t i = 0; i < old_room; i++)
        if (old[i].used && !is_quiet(&old[i], now_ms))
            *find(t, old[i].address) = old[i];
    free(old);
}

bool gw_addresses_enter(struct gw_addresses *t, gw_address_key address,
                        uint32_t max_open, uint32_t per_second, int64_t now_ms)
{
    struct entry *e;
    bool admitted;

    pthread_mutex_lock(&t->lock);
    e = find(t, address);
    if (!e->used) {
        if (t->count * 2 > t->mask)
            rebuild(t, now_ms);
        e = find(t, address);
        *e = (struct entry){ .address = address, .used = true };
        t->count++;
    }
    admitted = (max_open == 0 || e->open < max_open) &&
               (per_second == 0 ||
                gw_bucket_take(&e->handshakes, per_second, per_second, now_ms));
    if (admitted)
        e->open++;
    pthread_mutex_unlock(&t->lock);
    return admitted;
}

void gw_addresses_leave(struct gw_addresses *t, gw_address_key address)
{
    struct entry *e;

    pthread_mutex_lock(&t->lock);
    e = find(t, address);
    GW_ASSERT(e->used && e->open);
    e->open--;
    pthread_mutex_unlock(&t->lock);
}

bool gw_addresses_open_one(struct gw_addresses *t, uint32_t max)
{
    if (atomic_fetch_add(&t->open, 1) < max || max == 0)
        return true;
    gw_addresses_close_one(t);
    return false;
}

void gw_addresses_close_one(struct gw_addresses *t)
{
    GW_ASSERT(atomic_fetch_sub(&t->open, 1) > 0);
}

size_t gw_addresses_count(struct gw_addresses *t)
{
    size_t count;

    pthread_mutex_lock(&t->lock);
    count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}
