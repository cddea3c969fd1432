/*
 * JSONPath, the part of Goessner's dialect that selection expressions,
 * mappings and templates use: $ or nothing at the start, .name, ['name'],
 * [n] (negative counts from the end), [*], .*, ..name.
 */
#ifndef GW_JSON_PATH_H
#define GW_JSON_PATH_H

#include "protocol/json/json.h"

struct gw_json_path_step {
    enum { GW_STEP_NAME, GW_STEP_INDEX, GW_STEP_ALL, GW_STEP_DEEP } kind;
    gw_str name; /* NAME and DEEP */
    int64_t index;
};

struct gw_json_path {
    struct gw_json_path_step *steps;
    size_t count;
    bool is_plain; /* only NAME steps: names[] below */
    gw_str *names; /* for gw_json_read_find */
};

/* Reads "a.b['c'][0]" or "$.a.b"; "$" alone is the root. The whole text must
 * be a path. Names are views of it unless they were escaped. */
gw_err gw_json_path_read(struct gw_arena *a, gw_str text,
                         struct gw_json_path *out,
                         struct gw_fault *why) GW_MUST_CHECK;

/*
 * Definite paths give one value or ABSENT. Indefinite ones ([*], .*, ..)
 * give a new array, built in the arena, of what they found (ABSENT when
 * nothing), the members of an outer object before those of an inner one.
 *
 * Bounds   what is found, by the arena. The bytes looked at, by a fixed
 *          multiple of the text's length times the number of steps: only
 *          ".." over deep nesting gets there.
 * Errors   GW_E_TOO_BIG past either.
 */
gw_err gw_json_path_find(struct gw_arena *a, const struct gw_json_path *path,
                         gw_json root, gw_json *out) GW_MUST_CHECK;

/* The text of a value where text is asked for: strings unescaped; numbers,
 * true and false as spelled; null and absent empty; arrays "[item1, item2]"
 * and objects "{a=1, b=2}" (websocket-api.md 2.1). */
gw_err gw_json_to_text(struct gw_arena *a, gw_json value,
                       gw_str *out) GW_MUST_CHECK;

/* The same the way templates print: an array, and all that is inside it,
 * stays JSON (rest-and-services.md 12.2). */
gw_err gw_json_to_template_text(struct gw_arena *a, gw_json value,
                                gw_str *out) GW_MUST_CHECK;

#endif
