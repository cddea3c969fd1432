/*
 * The types of resources: what becomes of each, and how others refer to it.
 *
 * To add one that is served: 1 its kind, 2 its row in type.c, 3 a reader that
 * makes the model of it, and its place in model.h.
 */
#ifndef GW_TEMPLATE_TYPE_H
#define GW_TEMPLATE_TYPE_H

#include "protocol/base/str.h"

typedef enum gw_type_kind {
    GW_TYPE_UNSERVED, /* nothing is made of it; stand-ins are given out */
    GW_TYPE_IDLE,     /* there is nothing to do for it */
    GW_TYPE_API,
    GW_TYPE_WEBSOCKET_API, /* SAM's: an api with its routes and stage */
    GW_TYPE_ROUTE,
    GW_TYPE_INTEGRATION,
    GW_TYPE_INTEGRATION_RESPONSE,
    GW_TYPE_ROUTE_RESPONSE,
    GW_TYPE_STAGE,
    GW_TYPE_DEPLOYMENT,
    GW_TYPE_AUTHORIZER,
    GW_TYPE_MODEL,
    GW_TYPE_FUNCTION,
    GW_TYPE_SAM_FUNCTION,
    GW_TYPE_TABLE,
    GW_TYPE_SIMPLE_TABLE,
} gw_type_kind;

struct gw_type {
    const char *name; /* NULL: any other */
    gw_type_kind kind;
    const char *named_by; /* the property that names it; NULL: none */
    const char *arn;      /* "lambda|function:", a service and what stands
                             before the name; NULL: none */
    const char *note;     /* UNSERVED, IDLE: what a person should know */
};

const struct gw_type *gw_type_find(gw_str name); /* never NULL */

#endif
