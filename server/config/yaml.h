/*
 * A YAML or JSON file as a tree whose nodes know their line and column, and
 * the typed reading of it.
 *
 * Bounds   the text (GW_YAML_BYTES_MAX), the depth, the entries of one node.
 * Refused  anchors and aliases, further documents, keys given twice or that
 *          are not plain texts, NUL characters.
 * Tags     stay on their nodes; whoever has no use for them says so.
 * Null (an empty value, ~) reads as an empty text or an empty mapping.
 */
#ifndef GW_CONFIG_YAML_H
#define GW_CONFIG_YAML_H

#include "protocol/base/arena.h"
#include "protocol/event/context.h"
#include "server/config/errors.h"

enum {
    GW_YAML_BYTES_MAX = 1 << 20,
    GW_YAML_DEPTH_MAX = 64,
    GW_YAML_ENTRIES_MAX = 1000,
};

struct gw_yaml_mark {
    unsigned line, column; /* from 1 */
};

struct gw_yaml_node {
    enum { GW_YAML_SCALAR, GW_YAML_MAPPING, GW_YAML_SEQUENCE } kind;
    struct gw_yaml_mark mark;
    bool is_plain; /* a scalar without quotes */
    bool is_null;  /* that is empty, ~ or null */
    gw_str text;   /* SCALAR; NUL-terminated behind its len */
    gw_str tag;    /* "Ref" for !Ref; empty: none */
    gw_str owner;  /* whose part it is, said in messages; empty: the file's */

    gw_str key; /* in a mapping */
    struct gw_yaml_mark key_mark;
    struct gw_yaml_node *next;

    struct gw_yaml_node *first, *last; /* MAPPING, SEQUENCE */
    size_t count;
};

struct gw_yaml {
    const char *file; /* for messages */
    struct gw_arena *arena;
    struct gw_config_errors *errors;
    struct gw_yaml_node *root;         /* NULL: an empty text */
    const struct gw_yaml_node *tagged; /* the first with a tag; NULL: none */
};

/* Reads the tree; false when it is not fit to be looked at. Mistakes that
 * leave a tree behind (a key given twice) return true and are in errors. */
bool gw_yaml_read(struct gw_yaml *y, gw_str text) GW_MUST_CHECK;

/* Adds an error when there are tags. */
void gw_yaml_refuse_tags(const struct gw_yaml *y);

/* Nodes of one's own: a new one that stands where `like` does (NULL after an
 * error: no room), and a child for a container. */
struct gw_yaml_node *gw_yaml_new(const struct gw_yaml *y, int kind,
                                 const struct gw_yaml_node *like);
void gw_yaml_hang(struct gw_yaml_node *parent, struct gw_yaml_node *child);

#define GW_YAML_EACH(node, container)                                \
    for (const struct gw_yaml_node *node = (container)->first; node; \
         node = node->next)

/* NULL: not there. */
const struct gw_yaml_node *gw_yaml_member(const struct gw_yaml_node *mapping,
                                          gw_str key);

/* Adds an error at the node's value, or at its key. */
void gw_yaml_fault(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   const char *format, ...) GW_PRINTF(3, 4);
void gw_yaml_fault_at_key(const struct gw_yaml *y,
                          const struct gw_yaml_node *node, const char *format,
                          ...) GW_PRINTF(3, 4);

/* Each returns false after having added an error. `what` is a noun phrase:
 * "expected <what>". */
bool gw_yaml_is_mapping(const struct gw_yaml *y,
                        const struct gw_yaml_node *node, const char *what);
bool gw_yaml_to_text(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const char *what, gw_str *out);
bool gw_yaml_to_bool(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     bool *out);
bool gw_yaml_to_count(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      uint32_t min, uint32_t max, uint32_t *out);
bool gw_yaml_to_pairs(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      struct gw_pairs *out);

#endif
