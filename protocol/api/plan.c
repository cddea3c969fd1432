/*
 * The compiler walks the model once, in its order, and keeps the path of
 * where it is: the first thing that is wrong stops it right there.
 */
#include "protocol/api/plan.h"

#include "protocol/api/uri.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PLAN_BYTES_MAX = 64 << 20,
    NAME_MAX_LEN = 128,
    VARIABLES_MAX = 100,
    VARIABLE_NAME_MAX = 64,
    VARIABLE_VALUE_MAX = 512,
    TEMPLATE_MAX = 300 * 1024,
    TIMEOUT_MIN_MS = 50,
    TIMEOUT_MAX_MS = 29000,
    PATH_MAX_LEN = 256,
};

/* The original's account-wide throttle, for the half that was not given. */
static const double account_rate = 10000, account_burst = 5000;

struct compiler {
    struct gw_plan *plan;
    struct gw_arena *arena; /* the plan's */
    const struct gw_api *api;
    const struct gw_stage *stage;
    char *where;
    size_t len; /* of the path in where */
    struct gw_fault *why;
};

/* --- where we are ---------------------------------------------------- */

/* Goes one member deeper; returns what leave() goes back to. */
static size_t enter(struct compiler *c, gw_str member)
{
    size_t from = c->len;
    int n = snprintf(c->where + from, PATH_MAX_LEN - from, "%s%.*s",
                     from ? "." : "", GW_FMT(member));

    GW_ASSERT(n >= 0);
    c->len = GW_MIN(from + (size_t)n, PATH_MAX_LEN - 1);
    return from;
}

static void leave(struct compiler *c, size_t to)
{
    c->len = to;
    c->where[to] = '\0';
}

static gw_err fail_at(struct compiler *c, const char *member, gw_err err,
                      const char *expected)
{
    enter(c, gw_str_of(member));
    return gw_fail(c->why, err, "%s", expected);
}

static gw_err no_room(struct compiler *c)
{
    return gw_fail(c->why, GW_E_TOO_BIG, "the API asks for too much memory");
}

static gw_err copy(struct compiler *c, gw_str text, gw_str *out)
{
    return gw_arena_dup(c->arena, text, out) ? no_room(c) : GW_OK;
}

static bool is_of(gw_str text, const char *marks)
{
    for (size_t i = 0; i < text.len; i++) {
        char k = text.at[i];

        if (!((k >= 'a' && k <= 'z') || (k >= 'A' && k <= 'Z') ||
              (k >= '0' && k <= '9') || (k && strchr(marks, k))))
            return false;
    }
    return true;
}

static bool is_name(gw_str text)
{
    return text.len && text.len <= NAME_MAX_LEN && is_of(text, "_-");
}

static gw_err read_expr(struct compiler *c, const char *member, gw_str text,
                        struct gw_expr **out)
{
    size_t back = enter(c, gw_str_of(member));
    gw_err err = copy(c, text, &text);

    if (!err)
        err = gw_expr_read(c->arena, text, out, c->why);
    if (!err)
        leave(c, back);
    return err;
}

/* --- templates and responses ----------------------------------------- */

static gw_err add_template(struct compiler *c, const struct gw_pair *pair,
                           struct gw_plan_template *out)
{
    size_t back = enter(c, pair->name);
    gw_str text;
    gw_err err = GW_OK;

    if (pair->value.len > TEMPLATE_MAX)
        err = gw_fail(c->why, GW_E_TOO_BIG,
                      "expected a template of at most %d bytes", TEMPLATE_MAX);
    if (!err)
        err = copy(c, pair->name, &out->key);
    if (!err)
        err = copy(c, pair->value, &text);
    if (!err)
        err = gw_template_read(c->arena, text, &out->template, c->why);
    if (!err)
        leave(c, back);
    return err;
}

static const struct gw_plan_template *find_template(
    const struct gw_plan_templates *t, gw_str key)
{
    for (size_t i = 0; i < t->count; i++)
        if (gw_str_eq(t->at[i].key, key))
            return &t->at[i];
    return NULL;
}

static gw_err compile_templates(struct compiler *c, const char *member,
                                const struct gw_pairs *texts, gw_str selection,
                                struct gw_plan_templates *out)
{
    struct gw_plan_template *at =
        gw_arena_alloc(c->arena, texts->count * sizeof(*at));
    size_t back;
    gw_err err = GW_OK;

    if (!at)
        return no_room(c);
    if (selection.len)
        err = read_expr(c, "templateSelectionExpression", selection,
                        &out->selection);
    if (err)
        return err;
    back = enter(c, gw_str_of(member));
    for (size_t i = 0; i < texts->count; i++) {
        err = add_template(c, &texts->at[i], &at[i]);
        if (err)
            return err;
    }
    leave(c, back);
    out->at = at;
    out->count = texts->count;
    out->fallback = find_template(out, GW_LIT("$default"));
    /* a WebSocket message has no content type; samples of the original use
     * this key where nothing is selected */
    if (!out->fallback && !out->selection)
        out->fallback = find_template(out, GW_LIT("application/json"));
    return GW_OK;
}

static bool is_constant(gw_str source)
{
    if (source.len < 2 || source.at[0] != '\'' ||
        source.at[source.len - 1] != '\'')
        return false;
    for (size_t i = 0; i < source.len; i++)
        if ((unsigned char)source.at[i] < 0x20 || source.at[i] == 0x7f)
            return false;
    return true;
}

/* RFC 9110's token: what a header name may consist of. */
static bool is_token(gw_str text)
{
    return text.len && text.len <= NAME_MAX_LEN &&
           is_of(text, "!#$%&'*+-.^_`|~");
}

static gw_err read_header_source(struct compiler *c, gw_str source,
                                 struct gw_plan_header *out)
{
    const gw_str header = GW_LIT("integration.response.header.");
    const gw_str body = GW_LIT("integration.response.body");
    gw_str path;

    if (is_constant(source)) {
        out->from = GW_FROM_CONSTANT;
        out->text = gw_str_head(gw_str_skip(source, 1), source.len - 2);
        return GW_OK;
    }
    if (gw_str_starts(source, header) &&
        is_token(gw_str_skip(source, header.len))) {
        out->from = GW_FROM_HEADER;
        out->text = gw_str_skip(source, header.len);
        return GW_OK;
    }
    if (!gw_str_starts(source, body) ||
        (source.len > body.len && source.at[body.len] != '.'))
        return gw_fail(c->why, GW_E_SYNTAX,
                       "expected integration.response.header.NAME, "
                       "integration.response.body.PATH or 'text'");
    path =
        source.len > body.len ? gw_str_skip(source, body.len + 1) : GW_LIT("$");
    out->from = GW_FROM_BODY;
    return gw_json_path_read(c->arena, path, &out->path, c->why);
}

static gw_err add_response_header(struct compiler *c,
                                  const struct gw_pair *pair,
                                  struct gw_plan_header *out)
{
    const gw_str prefix = GW_LIT("method.response.header.");
    size_t back = enter(c, pair->name);
    gw_str source;
    gw_err err;

    if (!gw_str_starts(pair->name, prefix) ||
        !is_token(gw_str_skip(pair->name, prefix.len)))
        return gw_fail(c->why, GW_E_SYNTAX,
                       "expected method.response.header.NAME as the key");
    err = copy(c, gw_str_skip(pair->name, prefix.len), &out->name);
    if (!err)
        err = copy(c, pair->value, &source);
    if (!err)
        err = read_header_source(c, source, out);
    if (!err)
        leave(c, back);
    return err;
}

static gw_err compile_response_headers(struct compiler *c,
                                       const struct gw_pairs *pairs,
                                       struct gw_plan_response *out)
{
    size_t back = enter(c, GW_LIT("responseParameters"));

    out->headers =
        gw_arena_alloc(c->arena, pairs->count * sizeof(*out->headers));
    if (!out->headers)
        return no_room(c);
    for (size_t i = 0; i < pairs->count; i++) {
        gw_err err = add_response_header(c, &pairs->at[i], &out->headers[i]);

        if (err)
            return err;
    }
    out->header_count = pairs->count;
    leave(c, back);
    return GW_OK;
}

static gw_err compile_response(struct compiler *c,
                               const struct gw_integration_response *r,
                               struct gw_plan_response *out)
{
    size_t back = enter(c, r->key);
    gw_err err = GW_OK;

    out->is_default = gw_str_eq(r->key, GW_LIT("$default"));
    out->content_handling = r->content_handling;
    if (!out->is_default)
        err = gw_status_set_read(r->key, &out->statuses, c->why);
    if (!err)
        err = compile_templates(c, "responseTemplates", &r->response_templates,
                                r->template_selection_expression,
                                &out->templates);
    if (!err)
        err = compile_response_headers(c, &r->response_parameters, out);
    if (!err)
        leave(c, back);
    return err;
}

static gw_err compile_responses(struct compiler *c,
                                const struct gw_integration *i,
                                struct gw_plan_integration *out)
{
    size_t back = enter(c, GW_LIT("responses"));

    out->responses =
        gw_arena_alloc(c->arena, i->response_count * sizeof(*out->responses));
    if (!out->responses)
        return no_room(c);
    for (size_t n = 0; n < i->response_count; n++) {
        gw_err err = compile_response(c, &i->responses[n], &out->responses[n]);

        if (err)
            return err;
    }
    out->response_count = i->response_count;
    leave(c, back);
    return GW_OK;
}

/* --- integrations ---------------------------------------------------- */

static gw_err compile_mappings(struct compiler *c,
                               const struct gw_integration *i,
                               struct gw_plan_integration *out)
{
    const struct gw_pairs *pairs = &i->request_parameters;
    size_t outer = enter(c, GW_LIT("requestParameters"));

    out->mappings =
        gw_arena_alloc(c->arena, pairs->count * sizeof(struct gw_mapping *));
    if (!out->mappings)
        return no_room(c);
    for (size_t n = 0; n < pairs->count; n++) {
        size_t back = enter(c, pairs->at[n].name);
        gw_str name, value;
        gw_err err = copy(c, pairs->at[n].name, &name);

        if (!err)
            err = copy(c, pairs->at[n].value, &value);
        if (!err)
            err = gw_mapping_read(c->arena, name, value, &out->mappings[n],
                                  c->why);
        if (err)
            return err;
        leave(c, back);
    }
    out->mapping_count = pairs->count;
    leave(c, outer);
    return GW_OK;
}

static bool maps_path(const struct gw_plan_integration *i, gw_str name)
{
    for (size_t n = 0; n < i->mapping_count; n++)
        if (gw_mapping_place_of(i->mappings[n]) == GW_MAPPING_PATH &&
            gw_str_eq(gw_mapping_name(i->mappings[n]), name))
            return true;
    return false;
}

static bool has_placeholder(gw_str path, gw_str wanted)
{
    size_t at = 0;
    gw_str name;

    while (gw_uri_placeholder(path, &at, &name))
        if (gw_str_eq(name, wanted))
            return true;
    return false;
}

/* Every {NAME} has its parameter, every path parameter its {NAME}: either one
 * alone is a slip that would reach the backend. */
static gw_err check_placeholders(struct compiler *c,
                                 const struct gw_plan_integration *i)
{
    size_t at = 0;
    gw_str name;

    while (gw_uri_placeholder(i->path, &at, &name))
        if (!maps_path(i, name)) {
            enter(c, GW_LIT("integrationUri"));
            return gw_fail(c->why, GW_E_INVALID,
                           "expected integration.request.path.%.*s among the "
                           "requestParameters, for {%.*s}",
                           GW_FMT(name), GW_FMT(name));
        }
    for (size_t n = 0; n < i->mapping_count; n++) {
        name = gw_mapping_name(i->mappings[n]);
        if (gw_mapping_place_of(i->mappings[n]) == GW_MAPPING_PATH &&
            !has_placeholder(i->path, name)) {
            enter(c, GW_LIT("integrationUri"));
            return gw_fail(c->why, GW_E_INVALID,
                           "expected {%.*s} in the path, for "
                           "integration.request.path.%.*s",
                           GW_FMT(name), GW_FMT(name));
        }
    }
    return GW_OK;
}

static gw_err compile_uri(struct compiler *c, gw_str text,
                          struct gw_plan_integration *out)
{
    size_t back = enter(c, GW_LIT("integrationUri"));
    struct gw_uri uri;
    gw_err err = gw_uri_fill(c->arena, text, c->stage->name,
                             &c->plan->stage_variables, &text, c->why);

    if (!err)
        err = gw_uri_read(text, &uri, c->why);
    if (err)
        return err;
    out->tls = uri.tls;
    out->host = uri.host;
    out->authority = uri.authority;
    out->port = uri.port;
    out->path = uri.path;
    out->query = uri.query;
    leave(c, back);
    return GW_OK;
}

static bool is_method(gw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 'A' || text.at[i] > 'Z')
            return false;
    return text.len && text.len <= 16 && !gw_str_eq(text, GW_LIT("ANY")) &&
           !gw_str_eq(text, GW_LIT("CONNECT"));
}

static gw_err compile_http(struct compiler *c, const struct gw_integration *i,
                           struct gw_plan_integration *out)
{
    gw_err err;

    if (i->uri.len == 0)
        return fail_at(c, "integrationUri", GW_E_INVALID,
                       "expected an integrationUri, http:// or https://");
    err = compile_uri(c, i->uri, out);
    if (err)
        return err;
    if (!is_method(i->method))
        return fail_at(c, "integrationMethod", GW_E_INVALID,
                       "expected an integrationMethod such as POST");
    err = copy(c, i->method, &out->method);
    return err ? err : check_placeholders(c, out);
}

/* What a proxy would silently ignore is more likely a wrong type. */
static gw_err check_proxy(struct compiler *c, const struct gw_integration *i)
{
    if (i->request_templates.count)
        return fail_at(c, "requestTemplates", GW_E_INVALID,
                       "HTTP_PROXY sends the message as it is; templates "
                       "need the type HTTP");
    if (i->response_count)
        return fail_at(c, "responses", GW_E_INVALID,
                       "HTTP_PROXY passes the answer on as it is; responses "
                       "need the type HTTP");
    return GW_OK;
}

static gw_err check_bounds(struct compiler *c, const struct gw_integration *i)
{
    if (i->timeout_ms < TIMEOUT_MIN_MS || i->timeout_ms > TIMEOUT_MAX_MS)
        return fail_at(c, "timeoutInMillis", GW_E_INVALID,
                       "expected a number from 50 to 29000");
    if (i->max_in_flight == 0)
        return fail_at(c, "maxInFlight", GW_E_INVALID,
                       "expected a number from 1");
    return i->type == GW_INTEGRATION_HTTP_PROXY ? check_proxy(c, i) : GW_OK;
}

static gw_err compile_integration(struct compiler *c,
                                  const struct gw_integration *i,
                                  unsigned index,
                                  struct gw_plan_integration *out)
{
    size_t back = enter(c, GW_LIT("integration"));
    gw_err err = check_bounds(c, i);

    *out = (struct gw_plan_integration){
        .type = i->type,
        .index = index,
        .timeout_ms = i->timeout_ms,
        .gateway_headers = i->gateway_headers,
        .passthrough = i->passthrough,
        .content_handling = i->content_handling,
        .max_in_flight = i->max_in_flight,
        .max_waiting = i->max_waiting,
    };
    if (!err)
        err = compile_mappings(c, i, out);
    if (!err && i->type != GW_INTEGRATION_MOCK)
        err = compile_http(c, i, out);
    if (!err)
        err = compile_templates(c, "requestTemplates", &i->request_templates,
                                i->template_selection_expression,
                                &out->templates);
    if (!err)
        err = compile_responses(c, i, out);
    if (!err)
        leave(c, back);
    return err;
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

static gw_err add_route(struct compiler *c, struct gw_plan_route *route)
{
    struct gw_plan_route **place = special(c->plan, route->key);
    bool is_twin;

    if (route->key.len == 0 || route->key.len > NAME_MAX_LEN)
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a route key of 1 to %d characters",
                       NAME_MAX_LEN);
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

static gw_err compile_route(struct compiler *c, const struct gw_route *r,
                            struct gw_plan_route *out)
{
    size_t back = enter(c, r->key);
    gw_err err = copy(c, r->key, &out->key);

    out->index = (unsigned)(out - c->plan->all);
    out->two_way = r->route_response;
    out->ordered = r->ordered;
    set_throttle(c->stage, out);
    if (!err)
        err = add_route(c, out);
    if (!err)
        err = compile_integration(c, &r->integration, out->index,
                                  &out->integration);
    if (!err)
        leave(c, back);
    return err;
}

static gw_err compile_routes(struct compiler *c)
{
    struct gw_plan *p = c->plan;
    size_t back = enter(c, GW_LIT("routes"));

    p->route_count = c->api->route_count;
    p->all = gw_arena_alloc(c->arena, p->route_count * sizeof(*p->all));
    if (!p->all || gw_map_init(&p->routes, c->arena, p->route_count))
        return no_room(c);
    for (size_t i = 0; i < p->route_count; i++) {
        gw_err err = compile_route(c, &c->api->routes[i], &p->all[i]);

        if (err)
            return err;
    }
    leave(c, back);
    return GW_OK;
}

/* --- the stage, the api ---------------------------------------------- */

static gw_err add_variable(struct compiler *c, const struct gw_pair *pair,
                           struct gw_pair *out)
{
    size_t back = enter(c, pair->name);
    gw_err err;

    if (!pair->name.len || pair->name.len > VARIABLE_NAME_MAX ||
        !is_of(pair->name, "_"))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a name of letters, digits and '_', at most "
                       "%d characters",
                       VARIABLE_NAME_MAX);
    if (!pair->value.len || pair->value.len > VARIABLE_VALUE_MAX ||
        !is_of(pair->value, "-._~:/?#&=,"))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected 1 to %d characters out of letters, digits "
                       "and -._~:/?#&=,",
                       VARIABLE_VALUE_MAX);
    err = copy(c, pair->name, &out->name);
    if (!err)
        err = copy(c, pair->value, &out->value);
    if (!err)
        leave(c, back);
    return err;
}

static gw_err compile_variables(struct compiler *c)
{
    const struct gw_pairs *from = &c->stage->variables;
    size_t back = enter(c, GW_LIT("stageVariables"));
    struct gw_pair *to;

    if (from->count > VARIABLES_MAX)
        return gw_fail(c->why, GW_E_TOO_BIG,
                       "expected at most %d stage variables", VARIABLES_MAX);
    to = gw_arena_alloc(c->arena, from->count * sizeof(*to));
    if (!to)
        return no_room(c);
    for (size_t i = 0; i < from->count; i++) {
        gw_err err = add_variable(c, &from->at[i], &to[i]);

        if (err)
            return err;
    }
    c->plan->stage_variables = (struct gw_pairs){ to, from->count };
    leave(c, back);
    return GW_OK;
}

static bool has_route(const struct gw_api *api, gw_str key)
{
    for (size_t i = 0; i < api->route_count; i++)
        if (gw_str_eq(api->routes[i].key, key))
            return true;
    return false;
}

static gw_err check_route_settings(struct compiler *c)
{
    size_t back = enter(c, GW_LIT("routeSettings"));

    for (size_t i = 0; i < c->stage->route_settings_count; i++) {
        gw_str key = c->stage->route_settings[i].route_key;

        if (!has_route(c->api, key)) {
            enter(c, key);
            return gw_fail(c->why, GW_E_INVALID, "there is no route `%.*s`",
                           (int)GW_MIN(key.len, NAME_MAX_LEN), key.at);
        }
    }
    leave(c, back);
    return GW_OK;
}

static gw_err compile_stage(struct compiler *c)
{
    size_t outer = enter(c, GW_LIT("stages"));
    gw_err err;

    enter(c, c->stage->name);
    if (!is_name(c->stage->name))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected a stage name of letters, digits, '-' and "
                       "'_', at most %d characters",
                       NAME_MAX_LEN);
    err = copy(c, c->stage->name, &c->plan->stage);
    if (!err)
        err = compile_variables(c);
    if (!err)
        err = check_route_settings(c);
    if (!err)
        leave(c, outer);
    return err;
}

static gw_err compile_api(struct compiler *c)
{
    const char *member = "routeSelectionExpression";
    gw_err err;

    if (!is_name(c->api->id))
        return gw_fail(c->why, GW_E_INVALID,
                       "expected an API name of letters, digits, '-' and "
                       "'_', at most %d characters",
                       NAME_MAX_LEN);
    if (!c->api->route_selection_expression.len)
        return fail_at(c, member, GW_E_INVALID,
                       "expected a routeSelectionExpression such as "
                       "$request.body.action");
    c->plan->binary = c->api->binary;
    err = copy(c, c->api->id, &c->plan->api_id);
    if (!err)
        err = read_expr(c, member, c->api->route_selection_expression,
                        &c->plan->selection);
    if (!err && !gw_expr_is_body_only(c->plan->selection))
        return fail_at(c, member, GW_E_INVALID,
                       "expected $request.body and constants only: a message "
                       "has no headers");
    return err;
}

gw_err gw_plan_compile(const struct gw_api *api, const struct gw_stage *stage,
                       struct gw_plan **out, char where[256],
                       struct gw_fault *why)
{
    struct gw_plan *p = gw_alloc(sizeof(*p));
    struct compiler c = {
        .plan = p,
        .arena = &p->arena,
        .api = api,
        .stage = stage,
        .where = where,
        .why = why,
    };
    gw_err err;

    where[0] = '\0';
    atomic_init(&p->refs, 1);
    gw_arena_init(&p->arena, PLAN_BYTES_MAX);
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
        hit = find_template(t, key);
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
