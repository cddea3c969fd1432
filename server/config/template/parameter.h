/*
 * The values from outside: the template's Parameters, and the pseudo
 * parameters (AWS::Region, ...), which --parameter may set as well.
 */
#ifndef GW_TEMPLATE_PARAMETER_H
#define GW_TEMPLATE_PARAMETER_H

#include "server/config/template/stack.h"

/* NULL: there are none. */
void gw_parameters_read(struct gw_stack *s, const struct gw_yaml_node *root,
                        const struct gw_yaml_node *section);

/* Its value, a scalar or a sequence of them. NULL: there is no such one. */
const struct gw_yaml_node *gw_parameter_find(const struct gw_stack *s,
                                             gw_str name);

/* The text of one that always is there: "AWS::Region". */
gw_str gw_parameter_pseudo(const struct gw_stack *s, const char *name);

#endif
