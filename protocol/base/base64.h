/*
 * Base64 (RFC 4648) and hexadecimal, both ways.
 */
#ifndef GW_BASE_BASE64_H
#define GW_BASE_BASE64_H

#include "protocol/base/str.h"

typedef enum gw_base64_kind { GW_BASE64, GW_BASE64URL } gw_base64_kind;

#define GW_BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/* out has GW_BASE64_LEN(in.len) bytes, padding included; returns that. */
size_t gw_base64_encode(gw_base64_kind kind, gw_str in, char *out);

/* Canonical and padded text only: no blanks, spare bits zero. out has room
 * for in.len / 4 * 3 bytes. */
bool gw_base64_decode(gw_base64_kind kind, gw_str in, void *out, size_t *len);

void gw_hex_encode(const void *bytes, size_t len, char *out); /* lower case */
bool gw_hex_decode(gw_str in, void *out); /* out has in.len / 2 bytes */

#endif
