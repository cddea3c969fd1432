/*
 * SAM's Globals: what every resource of a type has, unless it says otherwise.
 * Maps are merged, lists joined (the Globals' first), all else is replaced.
 */
#ifndef GW_TEMPLATE_GLOBALS_H
#define GW_TEMPLATE_GLOBALS_H

#include "server/config/template/stack.h"

/* NULL: there are none. */
void gw_globals_read(struct gw_stack *s, const struct gw_yaml_node *section);

/* The properties of a resource (own may be NULL), always a mapping; NULL
 * after an error. */
const struct gw_yaml_node *gw_globals_apply(struct gw_stack *s,
                                            const struct gw_yaml_node *resource,
                                            gw_str type_name,
                                            const struct gw_yaml_node *own);

#endif
