#include "protocol/api/compiler.h"

#include <stdio.h>

size_t gw_compiler_enter(struct gw_compiler *c, gw_str member)
{
    size_t from = c->len;
    int n = snprintf(c->where + from, GW_WHERE_MAX - from, "%s%.*s",
                     from ? "." : "", GW_FMT(member));

    GW_ASSERT(n >= 0);
    c->len = GW_MIN(from + (size_t)n, GW_WHERE_MAX - 1);
    return from;
}

void gw_compiler_leave(struct gw_compiler *c, size_t to)
{
    c->len = to;
    c->where[to] = '\0';
}

gw_err gw_compiler_fail_at(struct gw_compiler *c, const char *member,
                           gw_err err, const char *expected)
{
    gw_compiler_enter(c, gw_str_of(member));
    return gw_fail(c->why, err, "%s", expected);
}

gw_err gw_compiler_no_room(struct gw_compiler *c)
{
    return gw_fail(c->why, GW_E_TOO_BIG, "the API asks for too much memory");
}

gw_err gw_compiler_copy(struct gw_compiler *c, gw_str text, gw_str *out)
{
    return gw_arena_dup(c->arena, text, out) ? gw_compiler_no_room(c) : GW_OK;
}

gw_err gw_compiler_expr(struct gw_compiler *c, const char *member, gw_str text,
                        struct gw_expr **out)
{
    size_t back = gw_compiler_enter(c, gw_str_of(member));
    gw_err err = gw_compiler_copy(c, text, &text);

    if (!err)
        err = gw_expr_read(c->arena, text, out, c->why);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}
