/*
 * Limits per client address, IPv6 by /64: connections open at a time, and
 * handshakes a second. Off by default; then nothing is looked up.
 *
 * The one table that workers share and change, because a limit per process
 * cannot be kept by halves. It is behind a lock, taken once when a connection
 * is accepted and once when it ends, and only when a limit is set.
 */
#ifndef GW_EDGE_ADDRESS_H
#define GW_EDGE_ADDRESS_H

#include "protocol/base/hash.h"

#include <sys/socket.h>

struct gw_addresses;

/* The 8 bytes that count: an IPv4 address, or the upper half of an IPv6. */
typedef uint64_t gw_address_key;

struct gw_addresses *gw_addresses_new(const struct gw_hash_key *key);
void gw_addresses_free(struct gw_addresses *t);

gw_address_key gw_address_key_of(const struct sockaddr_storage *peer);

/* False: over a limit (0: none), refuse it. True: counted until it leaves. */
bool gw_addresses_enter(struct gw_addresses *t, gw_address_key address,
                        uint32_t max_open, uint32_t per_second, int64_t now_ms);
void gw_addresses_leave(struct gw_addresses *t, gw_address_key address);

/* All addresses together: false when `max` (0: no limit) are open already,
 * otherwise one more is until close_one. Always counted, and without the lock. */
bool gw_addresses_open_one(struct gw_addresses *t, uint32_t max);
void gw_addresses_close_one(struct gw_addresses *t);

/* Addresses with open connections or a recent handshake. */
size_t gw_addresses_count(struct gw_addresses *t);

#endif
