/*
 * SipHash-2-4 (Aumasson and Bernstein): a keyed hash that a peer cannot steer.
 * Serves the tables and, as a round function, the sealed connection ids.
 */
#ifndef GW_BASE_HASH_H
#define GW_BASE_HASH_H

#include "protocol/base/str.h"

struct gw_hash_key {
    uint64_t k0, k1;
};

uint64_t gw_hash(const struct gw_hash_key *key, gw_str bytes);

#endif
