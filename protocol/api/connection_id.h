/*
 * Connection ids: 11 bytes as 16 characters of base64url ending in '=', like
 * the original's. The bytes say where the socket lives, sealed by a keyed
 * permutation (a Feistel network over SipHash), so that an id can neither be
 * guessed nor read, and is either one we made or nobody's.
 */
#ifndef GW_API_CONNECTION_ID_H
#define GW_API_CONNECTION_ID_H

#include "protocol/base/hash.h"

enum { GW_CONNECTION_ID_LEN = 16 };

struct gw_connection_id {
    uint16_t node;
    uint8_t worker;
    uint32_t slot;  /* 24 bits */
    uint64_t nonce; /* 40 bits */
};

void gw_connection_id_write(const struct gw_hash_key *key,
                            struct gw_connection_id id,
                            char out[GW_CONNECTION_ID_LEN]);

/* False for what is not the spelling of any id. A well-spelled id that we
 * never made comes out as random fields: the owner's slot table refuses it. */
bool gw_connection_id_read(const struct gw_hash_key *key, gw_str text,
                           struct gw_connection_id *out);

#endif
