/*
 * What nodes come to once the functions in them are evaluated.
 *
 * Results are new nodes: scalars without tags, mappings and sequences of
 * them. Each returns false after an error.
 * Bounds   texts to GW_VALUE_TEXT_MAX, lists to GW_YAML_ENTRIES_MAX, the
 *          depth of what waits for what to GW_VALUE_DEPTH_MAX, and all
 *          together to the arena.
 */
#ifndef GW_TEMPLATE_VALUE_H
#define GW_TEMPLATE_VALUE_H

#include "server/config/template/stack.h"

enum { GW_VALUE_TEXT_MAX = 1 << 20, GW_VALUE_DEPTH_MAX = 500 };

/* *out is NULL for AWS::NoValue: the property is to be left out. */
bool gw_value_read(struct gw_stack *s, const struct gw_yaml_node *node,
                   struct gw_yaml_node **out) GW_MUST_CHECK;

/* As above, where it must be a text: "expected <what>". */
bool gw_value_text(struct gw_stack *s, const struct gw_yaml_node *node,
                   const char *what, gw_str *out) GW_MUST_CHECK;

#endif
