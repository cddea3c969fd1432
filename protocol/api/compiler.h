/*
 * What the parts of the plan's compiler share: the plan they fill in, and the
 * path of where they are in the model. The first thing that is wrong stops
 * the walk, and the path says where.
 */
#ifndef GW_API_COMPILER_H
#define GW_API_COMPILER_H

#include "protocol/api/plan.h"

enum { GW_WHERE_MAX = 256, GW_API_NAME_MAX = 128 };

struct gw_compiler {
    struct gw_plan *plan;
    struct gw_arena *arena; /* the plan's */
    const struct gw_api *api;
    const struct gw_stage *stage;
    const struct gw_lambda *lambda;
    char *where;
    size_t len; /* of the path in where */
    struct gw_fault *why;
};

/* Goes one member deeper; returns what leave goes back to. */
size_t gw_compiler_enter(struct gw_compiler *c, gw_str member);
void gw_compiler_leave(struct gw_compiler *c, size_t to);

gw_err gw_compiler_fail_at(struct gw_compiler *c, const char *member,
                           gw_err err, const char *expected);
gw_err gw_compiler_no_room(struct gw_compiler *c);

/* Into the plan, which outlives the model. */
gw_err gw_compiler_copy(struct gw_compiler *c, gw_str text,
                        gw_str *out) GW_MUST_CHECK;
gw_err gw_compiler_expr(struct gw_compiler *c, const char *member, gw_str text,
                        struct gw_expr **out) GW_MUST_CHECK;

/* integration.c; index: the route's. */
gw_err gw_compiler_integration(struct gw_compiler *c,
                               const struct gw_integration *i, unsigned index,
                               struct gw_plan_integration *out) GW_MUST_CHECK;

#endif
