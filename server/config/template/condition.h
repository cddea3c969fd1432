/*
 * The Conditions: each is evaluated once, when first asked for.
 */
#ifndef GW_TEMPLATE_CONDITION_H
#define GW_TEMPLATE_CONDITION_H

#include "server/config/template/stack.h"

/* Evaluates them all. NULL: there are none. */
void gw_conditions_read(struct gw_stack *s, const struct gw_yaml_node *section);

/* `at` is where the name stands. False after an error. */
bool gw_condition_named(struct gw_stack *s, const struct gw_yaml_node *at,
                        gw_str name, bool *out) GW_MUST_CHECK;

/* Does the Condition of a resource or output, if it has one, hold? */
bool gw_condition_holds(struct gw_stack *s,
                        const struct gw_yaml_node *conditioned);

#endif
