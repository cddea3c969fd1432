/*
 * The compiler walks the model once, in its order, and keeps the path of
 * where it is: the first thing that is wrong stops it right there.
 */
#include "protocol/api/plan.h"

#include "protocol/api/compiler.h"

#include <stdlib.h>

enum {
    PLAN_BYTES_MAX = 64 << 20,
    VARIABLES_MAX = 100,
    VARIABLE_NAME_MAX = 64,
    VARIABLE_VALUE_MAX = 512,
};

/* The original's account-wide throttle, for the half that was not given. */
static const double account_rate = 10000, account_burst = 5000;

static bool is_name(gw_str text)
{
    return text.len && text.len <= GW_API_NAME_MAX && gw_str_is_of(text, "_-");
}

/* --- routes ---------------------------------------------------------- */

static struct gw_plan_route **special(struct gw_plan *p, gw_str key)
{
    if (gw_str_eq(key, GW_LIT("$connect")))
        return &p->connect;
    if (gw_str_eq(key, GW_LIT("$disconnect")))
        return &p->disconnect;
    return gw_str_eq(key, GW_LIT("$default")) ? &p->fallback : NULL;
}

static gw_err add_route(struct gw_compiler *c, struct gw_plan_route *route)
{
    struct gw_plan_route **place = special(c->plan, route->key);
    bool is_twin;

    if (route->key.len == 0 || route->key.len > GW_API_NAME_MAX)
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a route key of 1 to %d characters",
                       GW_API_NAME_MAX);
    if (route->key.at[0] == '$' && !place)
        return gw_fail(c->why, GW_E_INVALID,
                       "a route key that begins with $ is $connect, "
                       "$disconnect or $default");
    is_twin = place ? *place != NULL
                    : !gw_map_put(&c->plan->routes, route->key, route);
    if (is_twin)
        return gw_fail(c->why, GW_E_INVALID, "the route key is given twice");
    if (place)
        *place = route;
    return GW_OK;
}

/* The narrower setting counts, member by member; of a throttle with one
 * half, the other half is the account's. */
static void set_throttle(const struct gw_stage *stage,
                         struct gw_plan_route *route)
{
    double rate = stage->defaults.rate_limit;
    double burst = stage->defaults.burst_limit;

    for (size_t i = 0; i < stage->route_settings_count; i++) {
        const struct gw_route_settings *s = &stage->route_settings[i];

        if (!gw_str_eq(s->route_key, route->key))
            continue;
        rate = s->rate_limit >= 0 ? s->rate_limit : rate;
        burst = s->burst_limit >= 0 ? s->burst_limit : burst;
    }
    route->throttled = rate >= 0 || burst >= 0;
    route->rate = rate >= 0 ? rate : account_rate;
    route->burst = burst >= 0 ? burst : account_burst;
}

static gw_err compile_route(struct gw_compiler *c, const struct gw_route *r,
                            struct gw_plan_route *out)
{
    size_t back = gw_compiler_enter(c, r->key);
    gw_err err = gw_compiler_copy(c, r->key, &out->key);

    out->index = (unsigned)(out - c->plan->all);
    out->two_way = r->route_response;
    out->ordered = r->ordered;
    set_throttle(c->stage, out);
    if (!err)
        err = add_route(c, out);
    if (!err)
        err = gw_compiler_integration(c, &r->integration, out->index,
                                      &out->integration);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}

static gw_err compile_routes(struct gw_compiler *c)
{
    struct gw_plan *p = c->plan;
    size_t back = gw_compiler_enter(c, GW_LIT("routes"));

    p->route_count = c->api->route_count;
    p->all = gw_arena_alloc(c->arena, p->route_count * sizeof(*p->all));
    p->buckets = gw_arena_alloc(c->arena, p->route_count * sizeof(*p->buckets));
    if (!p->all || !p->buckets ||
        gw_map_init(&p->routes, c->arena, p->route_count))
        return gw_compiler_no_room(c);
    for (size_t i = 0; i < p->route_count; i++) {
        gw_err err = compile_route(c, &c->api->routes[i], &p->all[i]);

        if (err)
            return err;
    }
    gw_compiler_leave(c, back);
    return GW_OK;
}

/* --- the stage, the api ---------------------------------------------- */

static gw_err add_variable(struct gw_compiler *c, const struct gw_pair *pair,
                           struct gw_pair *out)
{
    size_t back = gw_compiler_enter(c, pair->name);
    gw_err err;

    if (!pair->name.len || pair->name.len > VARIABLE_NAME_MAX ||
        !gw_str_is_of(pair->name, "_"))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a name of letters, digits and '_', at most "
                       "%d characters",
                       VARIABLE_NAME_MAX);
    if (!pair->value.len || pair->value.len > VARIABLE_VALUE_MAX ||
        !gw_str_is_of(pair->value, "-._~:/?#&=,"))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected 1 to %d characters out of letters, digits "
                       "and -._~:/?#&=,",
                       VARIABLE_VALUE_MAX);
    err = gw_compiler_copy(c, pair->name, &out->name);
    if (!err)
        err = gw_compiler_copy(c, pair->value, &out->value);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}

static gw_err compile_variables(struct gw_compiler *c)
{
    const struct gw_pairs *from = &c->stage->variables;
    size_t back = gw_compiler_enter(c, GW_LIT("stageVariables"));
    struct gw_pair *to;

    if (from->count > VARIABLES_MAX)
        return gw_fail(c->why, GW_E_TOO_BIG,
                       "expected at most %d stage variables", VARIABLES_MAX);
    to = gw_arena_alloc(c->arena, from->count * sizeof(*to));
    if (!to)
        return gw_compiler_no_room(c);
    for (size_t i = 0; i < from->count; i++) {
        gw_err err = add_variable(c, &from->at[i], &to[i]);

        if (err)
            return err;
    }
    c->plan->stage_variables = (struct gw_pairs){ to, from->count };
    gw_compiler_leave(c, back);
    return GW_OK;
}

static bool has_route(const struct gw_api *api, gw_str key)
{
    for (size_t i = 0; i < api->route_count; i++)
        if (gw_str_eq(api->routes[i].key, key))
            return true;
    return false;
}

static gw_err check_route_settings(struct gw_compiler *c)
{
    size_t back = gw_compiler_enter(c, GW_LIT("routeSettings"));

    for (size_t i = 0; i < c->stage->route_settings_count; i++) {
        gw_str key = c->stage->route_settings[i].route_key;

        if (!has_route(c->api, key)) {
            gw_compiler_enter(c, key);
            return gw_fail(c->why, GW_E_INVALID, "there is no route `%.*s`",
                           (int)GW_MIN(key.len, GW_API_NAME_MAX), key.at);
        }
    }
    gw_compiler_leave(c, back);
    return GW_OK;
}

static gw_err compile_stage(struct gw_compiler *c)
{
    size_t outer = gw_compiler_enter(c, GW_LIT("stages"));
    gw_err err;

    gw_compiler_enter(c, c->stage->name);
    if (!is_name(c->stage->name))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a stage name of letters, digits, '-' and "
                       "'_', at most %d characters",
                       GW_API_NAME_MAX);
    err = gw_compiler_copy(c, c->stage->name, &c->plan->stage);
    if (!err)
        err = compile_variables(c);
    if (!err)
        err = check_route_settings(c);
    if (!err)
        gw_compiler_leave(c, outer);
    return err;
}

static gw_err compile_api(struct gw_compiler *c)
{
    const char *member = "routeSelectionExpression";
    gw_err err;

    if (!is_name(c->api->id))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected an API name of letters, digits, '-' and "
                       "'_', at most %d characters",
                       GW_API_NAME_MAX);
    if (!c->api->route_selection_expression.len)
        return gw_compiler_fail_at(
            c, member, GW_E_INVALID,
            "expected a routeSelectionExpression such as "
            "$request.body.action");
    c->plan->binary = c->api->binary;
    err = gw_compiler_copy(c, c->api->id, &c->plan->api_id);
    if (!err)
        err = gw_compiler_expr(c, member, c->api->route_selection_expression,
                               &c->plan->selection);
    if (!err && !gw_expr_is_body_only(c->plan->selection))
        return gw_compiler_fail_at(
            c, member, GW_E_INVALID,
            "expected $request.body and constants only: a message "
            "has no headers");
    return err;
}

static gw_err copy_here(struct gw_compiler *c, const struct gw_lambda *from,
                        struct gw_lambda *to)
{
    gw_str *list = gw_arena_alloc(c->arena, from->here_count * sizeof(*list));
    gw_err err = list ? GW_OK : gw_compiler_no_room(c);

    for (size_t i = 0; i < from->here_count && !err; i++)
        err = gw_compiler_copy(c, from->here[i], &list[i]);
    to->here = list;
    to->here_count = err ? 0 : from->here_count;
    return err;
}

static gw_err compile_lambda(struct gw_compiler *c)
{
    const struct gw_lambda *from = c->lambda;
    struct gw_lambda *to = &c->plan->lambda;
    gw_err err = gw_compiler_copy(c, from->endpoint, &to->endpoint);

    if (!err)
        err = copy_here(c, from, to);

    if (!err)
        err = gw_compiler_copy(c, from->region, &to->region);
    if (!err)
        err = gw_compiler_copy(c, from->access_key_id, &to->access_key_id);
    if (!err)
        err = gw_compiler_copy(c, from->secret, &to->secret);
    if (!err)
        err = gw_compiler_copy(c, from->session_token, &to->session_token);
    return err;
}

gw_err gw_plan_compile(const struct gw_api *api, const struct gw_stage *stage,
                       const struct gw_lambda *lambda, struct gw_plan **out,
                       char where[256], struct gw_fault *why)
{
    struct gw_plan *p = gw_alloc(sizeof(*p));
    struct gw_compiler c = {
        .plan = p,
        .arena = &p->arena,
        .api = api,
        .stage = stage,
        .lambda = lambda,
        .where = where,
        .why = why,
    };
    gw_err err;

    where[0] = '\0';
    atomic_init(&p->refs, 1);
    gw_arena_init(&p->arena, PLAN_BYTES_MAX);
    err = compile_lambda(&c);
    if (!err)
        err = compile_api(&c);
    if (!err)
        err = compile_stage(&c);
    if (!err)
        err = compile_routes(&c);
    if (err)
        gw_plan_unref(p);
    else
        *out = p;
    return err;
}

struct gw_plan *gw_plan_ref(struct gw_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

void gw_plan_unref(struct gw_plan *plan)
{
    if (!plan ||
        atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
        return;
    gw_arena_fini(&plan->arena);
    free(plan);
}

/* --- what the data path asks ----------------------------------------- */

const struct gw_plan_template *gw_plan_template_find(
    const struct gw_plan_templates *t, gw_str key)
{
    for (size_t i = 0; i < t->count; i++)
        if (gw_str_eq(t->at[i].key, key))
            return &t->at[i];
    return NULL;
}

gw_err gw_plan_template_pick(const struct gw_plan_templates *t,
                             const struct gw_scope *scope, struct gw_arena *a,
                             const struct gw_template **out)
{
    const struct gw_plan_template *hit = NULL;

    if (t->selection && t->count) {
        gw_str key;
        gw_err err = gw_expr_eval(t->selection, scope, a, &key);

        if (err)
            return err;
        hit = gw_plan_template_find(t, key);
    }
    if (!hit)
        hit = t->fallback;
    *out = hit ? hit->template : NULL;
    return GW_OK;
}

const struct gw_plan_response *gw_plan_response_pick(
    const struct gw_plan_integration *i, unsigned status)
{
    const struct gw_plan_response *fallback = NULL;

    for (size_t n = 0; n < i->response_count; n++) {
        const struct gw_plan_response *r = &i->responses[n];

        if (r->is_default)
            fallback = r;
        else if (gw_status_set_has(&r->statuses, status))
            return r;
    }
    return fallback;
}

const struct gw_plan_response *gw_plan_response_pick_error(
    const struct gw_plan_integration *i, gw_str message)
{
    const struct gw_plan_response *fallback = NULL;

    for (size_t n = 0; n < i->response_count; n++) {
        const struct gw_plan_response *r = &i->responses[n];

        if (r->is_default)
            fallback = r;
        else if (message.len && gw_regex_matches(r->pattern, message))
            return r;
    }
    return fallback;
}
