/*
 * Mapping templates. For now literals, $context.NAME, $stageVariables.NAME,
 * $input.body, $input.path('…') and $input.json('…'); anything else that
 * begins with '$' or '#' and is a directive is refused when the template is
 * read, so that no template silently means something else once the whole
 * language is here. ${…} braces are understood around every reference.
 */
#ifndef GW_VTL_TEMPLATE_H
#define GW_VTL_TEMPLATE_H

#include "protocol/base/buf.h"
#include "protocol/expr/scope.h"

struct gw_template; /* immutable; lives in the arena */

gw_err gw_template_read(struct gw_arena *a, gw_str text,
                        struct gw_template **out,
                        struct gw_fault *why) GW_MUST_CHECK;

/* Which text is $input: the message, or the integration's answer. */
typedef enum gw_template_side {
    GW_TEMPLATE_REQUEST,
    GW_TEMPLATE_RESPONSE
} gw_template_side;

/* A view into the template, the scope (a template that is just $input.body
 * costs no copy) or the arena. GW_E_TOO_BIG past the arena. */
gw_err gw_template_render(const struct gw_template *t, gw_template_side side,
                          const struct gw_scope *scope, struct gw_arena *a,
                          gw_str *out) GW_MUST_CHECK;

#endif
