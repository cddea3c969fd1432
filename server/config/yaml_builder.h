/*
 * Builds the tree of a file out of the pieces a reader finds, in their order,
 * and keeps its bounds. Each returns false after an error that ends it.
 */
#ifndef GW_CONFIG_YAML_BUILDER_H
#define GW_CONFIG_YAML_BUILDER_H

#include "server/config/yaml.h"

struct gw_yaml_builder {
    struct gw_yaml *y;
    struct gw_yaml_node *open[GW_YAML_DEPTH_MAX]; /* containers, outermost
                                                     first */
    unsigned depth;
    bool has_key; /* of the innermost mapping: its value comes next */
    bool is_twin; /* that key was there before: the value is left out */
    gw_str key;
    struct gw_yaml_mark key_mark;
};

struct gw_yaml_piece {
    struct gw_yaml_mark mark;
    gw_str text, tag;
    bool is_plain; /* a scalar without quotes */
};

/* A key or a value, whichever is due. */
bool gw_yaml_builder_scalar(struct gw_yaml_builder *b,
                            const struct gw_yaml_piece *piece) GW_MUST_CHECK;
bool gw_yaml_builder_open(struct gw_yaml_builder *b, int kind,
                          const struct gw_yaml_piece *piece) GW_MUST_CHECK;
void gw_yaml_builder_close(struct gw_yaml_builder *b);

/* Adds an error and returns false. */
bool gw_yaml_refuse(const struct gw_yaml *y, struct gw_yaml_mark mark,
                    const char *format, ...) GW_PRINTF(3, 4);

/* yaml_json.c: the tree of a JSON text, already judged by gw_json_read. */
bool gw_yaml_read_json(struct gw_yaml *y, gw_str text,
                       gw_str root) GW_MUST_CHECK;

#endif
