/*
 * Looks through the whole template before anything is made of it, also
 * through what will not be evaluated: are all functions known, does
 * everything exist that is referred to, and does nothing wait for itself?
 */
#ifndef GW_TEMPLATE_REFERENCE_H
#define GW_TEMPLATE_REFERENCE_H

#include "server/config/template/stack.h"

/* outputs: NULL, or that section. False: something waits for itself, and must
 * not be evaluated; what else is wrong can be met again without harm. */
bool gw_references_check(struct gw_stack *s,
                         const struct gw_yaml_node *outputs) GW_MUST_CHECK;

#endif
