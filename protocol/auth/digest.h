/*
 * SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) of bytes at hand.
 */
#ifndef GW_AUTH_DIGEST_H
#define GW_AUTH_DIGEST_H

#include "protocol/base/str.h"

enum { GW_SHA256_LEN = 32 };

void gw_sha256(gw_str bytes, uint8_t out[GW_SHA256_LEN]);
void gw_hmac_sha256(gw_str key, gw_str bytes, uint8_t out[GW_SHA256_LEN]);

#endif
