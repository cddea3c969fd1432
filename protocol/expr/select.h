/*
 * Selection expressions (websocket-api.md 2.1): "$request.body.action",
 * "${request.body.a}/${request.body.b}", "\$default", "static".
 *
 * Variables: request.body[.path], request.header.NAME,
 * request.querystring.NAME, request.basepath, context.NAME,
 * stageVariables.NAME, integration.response.statuscode (also
 * response.statuscode), integration.response.header.NAME,
 * integration.response.multivalueheader.NAME,
 * integration.response.body[.path]. A variable that cannot be resolved is
 * the empty string. One pass: results are not evaluated again.
 */
#ifndef GW_EXPR_SELECT_H
#define GW_EXPR_SELECT_H

#include "protocol/expr/scope.h"
#include "protocol/json/path.h"

struct gw_expr; /* immutable; lives in the arena it was read into */

gw_err gw_expr_read(struct gw_arena *a, gw_str text, struct gw_expr **out,
                    struct gw_fault *why) GW_MUST_CHECK;

/* A view into the expression, the scope or the arena. */
gw_err gw_expr_eval(const struct gw_expr *e, const struct gw_scope *scope,
                    struct gw_arena *a, gw_str *out) GW_MUST_CHECK;

/*
 * Judges the message and evaluates a route selection expression in one go:
 * sets scope->json from scope->body (ABSENT when it is not JSON: then *out is
 * empty and the result is still GW_OK). An expression that is one plain body
 * path costs a single pass over the message.
 */
gw_err gw_expr_select(const struct gw_expr *e, struct gw_scope *scope,
                      struct gw_arena *a, gw_str *out) GW_MUST_CHECK;

/* True when only request.body variables and literals occur: what
 * routeSelectionExpression may hold. */
bool gw_expr_is_body_only(const struct gw_expr *e);

/* Prints it back in canonical form (every variable in braces). */
gw_err gw_expr_print(const struct gw_expr *e, struct gw_buf *out) GW_MUST_CHECK;

#endif
