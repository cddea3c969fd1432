/*
 * UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing
 * above U+10FFFF. Streams: state 0 starts, and a text is complete when the
 * state is 0 again; GW_UTF8_BAD is final and is reported at the first byte
 * that cannot be part of valid text.
 */
#ifndef GW_BASE_UTF8_H
#define GW_BASE_UTF8_H

#include "protocol/base/arena.h"

#define GW_UTF8_BAD UINT32_MAX

uint32_t gw_utf8_feed(uint32_t state, gw_str bytes);
bool gw_utf8_is_valid(gw_str text);

/* The text itself where it is valid; else a copy with U+FFFD for every byte
 * that is no part of a valid sequence. */
gw_err gw_utf8_repair(struct gw_arena *a, gw_str text,
                      gw_str *out) GW_MUST_CHECK;

/* Writes the 1 to 4 bytes of a scalar value; returns how many. */
size_t gw_utf8_encode(uint32_t scalar, char out[4]);

#endif
