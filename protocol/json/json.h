/*
 * JSON (RFC 8259) without a tree: a value is its kind and the slice of text
 * that spells it. gw_json_read judges a whole text once; every later call
 * walks text already known to be valid, and allocates nothing.
 *
 * Bounds   nesting to GW_JSON_DEPTH_MAX, deeper is GW_E_TOO_BIG.
 * UTF-8    not judged here: texts come from where it was (the WebSocket
 *          reader) or are passed to gw_utf8_is_valid first.
 */
#ifndef GW_JSON_JSON_H
#define GW_JSON_JSON_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"

enum { GW_JSON_DEPTH_MAX = 512 };

typedef enum gw_json_kind {
    GW_JSON_ABSENT, /* what a lookup that found nothing returns */
    GW_JSON_NULL,
    GW_JSON_FALSE,
    GW_JSON_TRUE,
    GW_JSON_NUMBER,
    GW_JSON_STRING,
    GW_JSON_ARRAY,
    GW_JSON_OBJECT,
} gw_json_kind;

typedef struct gw_json {
    gw_json_kind kind;
    gw_str raw; /* strings with their quotes; no blanks around */
} gw_json;

gw_err gw_json_read(gw_str text, gw_json *root) GW_MUST_CHECK;

/*
 * The same, and finds on the way the value at a path of object members
 * (names[0] in the root, names[1] in that, ...); *hit is GW_JSON_ABSENT when
 * it is not there. Names are compared after unescaping; of equal names in an
 * object the last counts. One pass: this is the hot path of route selection.
 */
gw_err gw_json_read_find(gw_str text, const gw_str *names, size_t count,
                         gw_json *root, gw_json *hit) GW_MUST_CHECK;

/* Lookups in a judged value. Anything absent, or of another kind: ABSENT. */
gw_json gw_json_member(gw_json object, gw_str name);
gw_json gw_json_item(gw_json array, size_t index);

/* Walks an array's items or an object's members: start with *at = 0. For
 * objects *name is the raw name, quotes included (gw_json_text reads it). */
bool gw_json_next(gw_json container, size_t *at, gw_json *name, gw_json *value);

/* The characters of a string: a view when nothing is escaped, otherwise in
 * the arena. Lone surrogates become U+FFFD. */
gw_err gw_json_text(struct gw_arena *a, gw_json string,
                    gw_str *out) GW_MUST_CHECK;

/* Is this string exactly `text`, unescaped? */
bool gw_json_is_text(gw_json string, gw_str text);

/* True for a number that is a whole one and fits. */
bool gw_json_to_i64(gw_json number, int64_t *out);

/* Appends text as a JSON string, quotes included. Escapes what RFC 8259 asks
 * for and nothing else. */
gw_err gw_json_write_text(struct gw_buf *out, gw_str text) GW_MUST_CHECK;

#endif
