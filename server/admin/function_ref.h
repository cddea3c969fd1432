/*
 * How a caller of the Invoke API names a function (websocket-api.md 11.1):
 * NAME, ACCOUNT:function:NAME or the ARN, each with or without a :QUALIFIER.
 */
#ifndef GW_ADMIN_FUNCTION_REF_H
#define GW_ADMIN_FUNCTION_REF_H

#include "protocol/api/function_spec.h"

/* Views into the text that was read. */
struct gw_function_ref {
    gw_str name;
    gw_str arn;       /* without the qualifier; empty: not said */
    gw_str account;   /* the same */
    gw_str qualifier; /* the same */
};

/* False: no function can be called that. */
bool gw_function_ref_read(gw_str text, struct gw_function_ref *out);
bool gw_function_ref_is(const struct gw_function_ref *ref,
                        const struct gw_function_spec *spec);

/* "live", "7", "$LATEST" */
bool gw_function_qualifier_is_valid(gw_str text);

#endif
