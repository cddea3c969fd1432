/*
 * Each object has a table of its members; a member's row says how its node is
 * read and where the value goes. To add a member: 1 the field in
 * protocol/api/api.h, 2 its row here, 3 what gw_plan_compile makes of it.
 */
#include "server/config/apis.h"

#include "server/config/members.h"

#include <stdio.h>

enum {
    TIMEOUT_DEFAULT_MS = 29000,
    IN_FLIGHT_DEFAULT = 1000,
    WAITING_DEFAULT = 10000,
    COUNT_MAX = 1000000,
    STAGES_MAX = 100,           /* of an API; the original: 10 */
    PLANNED_ROUTES_MAX = 20000, /* routes times stages */
};

/* --- values ---------------------------------------------------------- */

/* A text of the original's that changes nothing here. */
static void remark(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   void *field)
{
    gw_str unused;

    gw_yaml_to_text(y, node, "a text", &unused);
}

static void count_from_0(const struct gw_yaml *y,
                         const struct gw_yaml_node *node, void *field)
{
    gw_yaml_to_count(y, node, 0, COUNT_MAX, field);
}

static void count_from_1(const struct gw_yaml *y,
                         const struct gw_yaml_node *node, void *field)
{
    gw_yaml_to_count(y, node, 1, COUNT_MAX, field);
}

static void timeout(const struct gw_yaml *y, const struct gw_yaml_node *node,
                    void *field)
{
    gw_yaml_to_count(y, node, 50, 29000, field);
}

/* The index of the node's text among words, or -1 after an error. */
static int word(const struct gw_yaml *y, const struct gw_yaml_node *node,
                const char *const *words, const char *expected)
{
    if (node->kind == GW_YAML_SCALAR)
        for (int i = 0; words[i]; i++)
            if (gw_str_eq(node->text, gw_str_of(words[i])))
                return i;
    gw_yaml_fault(y, node, "expected %s", expected);
    return -1;
}

static void passthrough(const struct gw_yaml *y,
                        const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = { "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES",
                                         "NEVER", NULL };
    int hit = word(y, node, words, "WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER");

    if (hit >= 0)
        *(gw_passthrough *)field = (gw_passthrough)hit;
}

static void content_handling(const struct gw_yaml *y,
                             const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = { "CONVERT_TO_BINARY", "CONVERT_TO_TEXT",
                                         NULL };
    int hit = word(y, node, words, "CONVERT_TO_BINARY or CONVERT_TO_TEXT");

    if (hit >= 0)
        *(gw_content_handling *)field =
            hit == 0 ? GW_CONTENT_TO_BINARY : GW_CONTENT_TO_TEXT;
}

static void protocol_type(const struct gw_yaml *y,
                          const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = { "WEBSOCKET", NULL };

    word(y, node, words, "WEBSOCKET");
}

/* Digits, with or without a fraction: strtod would ask the locale. */
static bool to_number(gw_str digits, double *out)
{
    gw_str whole = gw_str_cut(&digits, '.');
    uint64_t n, fraction = 0;
    double scale = 1;

    if (!gw_str_to_u64(whole, &n) || n > COUNT_MAX)
        return false;
    if (digits.len && (digits.len > 9 || !gw_str_to_u64(digits, &fraction)))
        return false;
    for (size_t i = 0; i < digits.len; i++)
        scale *= 10;
    *out = (double)n + (double)fraction / scale;
    return true;
}

static void rate(const struct gw_yaml *y, const struct gw_yaml_node *node,
                 void *field)
{
    if (node->kind != GW_YAML_SCALAR || !to_number(node->text, field))
        gw_yaml_fault(y, node,
                      "expected a number of requests a second, such as 100 or "
                      "0.5, up to %d",
                      COUNT_MAX);
}

static void burst(const struct gw_yaml *y, const struct gw_yaml_node *node,
                  void *field)
{
    uint32_t n;

    if (gw_yaml_to_count(y, node, 0, COUNT_MAX, &n))
        *(double *)field = n;
}

/* --- integrations ---------------------------------------------------- */

static void integration_type(const struct gw_yaml *y,
                             const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = {
        [GW_INTEGRATION_MOCK] = "MOCK",
        [GW_INTEGRATION_HTTP] = "HTTP",
        [GW_INTEGRATION_HTTP_PROXY] = "HTTP_PROXY",
        [GW_INTEGRATION_AWS] = "AWS",
        [GW_INTEGRATION_AWS_PROXY] = "AWS_PROXY",
        [GW_INTEGRATION_TYPES] = NULL,
    };
    int hit =
        word(y, node, words, "one of MOCK, HTTP, HTTP_PROXY, AWS, AWS_PROXY");

    if (hit >= 0)
        *(gw_integration_type *)field = (gw_integration_type)hit;
}

#define AT(member) offsetof(struct gw_integration_response, member)
static const struct gw_member response_members[] = {
    { "responseTemplates", gw_member_pairs, AT(response_templates) },
    { "responseParameters", gw_member_pairs, AT(response_parameters) },
    { "templateSelectionExpression", gw_member_text,
      AT(template_selection_expression) },
    { "contentHandlingStrategy", content_handling, AT(content_handling) },
};
#undef AT

static void responses(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      void *field)
{
    struct gw_integration *i = field;
    struct gw_integration_response *list;
    size_t count = 0;

    if (!gw_yaml_is_mapping(y, node, "responses by key: $default, /2\\d\\d/"))
        return;
    list = gw_members_room(y, node, node->count * sizeof(*list));
    if (!list)
        return;
    GW_YAML_EACH(entry, node)
    {
        list[count].key = entry->key;
        gw_members_read(y, entry, "a response", response_members,
                        GW_LEN(response_members), &list[count++]);
    }
    i->responses = list;
    i->response_count = count;
}

/* The other one is HTTP APIs'. */
static void payload_format(const struct gw_yaml *y,
                           const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = { "1.0", NULL };

    word(y, node, words, "1.0");
}

#define AT(member) offsetof(struct gw_integration, member)
static const struct gw_member integration_members[] = {
    { "type", integration_type, AT(type) },
    { "integrationType", integration_type, AT(type) },
    { "integrationUri", gw_member_text, AT(uri) },
    { "integrationMethod", gw_member_text, AT(method) },
    { "timeoutInMillis", timeout, AT(timeout_ms) },
    { "requestParameters", gw_member_pairs, AT(request_parameters) },
    { "requestTemplates", gw_member_pairs, AT(request_templates) },
    { "templateSelectionExpression", gw_member_text,
      AT(template_selection_expression) },
    { "passthroughBehavior", passthrough, AT(passthrough) },
    { "contentHandlingStrategy", content_handling, AT(content_handling) },
    { "maxInFlight", count_from_1, AT(max_in_flight) },
    { "maxWaiting", count_from_0, AT(max_waiting) },
    { "responses", responses, 0 },
    { "integrationResponses", responses, 0 },
    { "payloadFormatVersion", payload_format, 0 },
    { "description", remark, 0 },
};
#undef AT

static void init_integration(struct gw_integration *i)
{
    *i = (struct gw_integration){
        .type = GW_INTEGRATION_MOCK,
        .timeout_ms = TIMEOUT_DEFAULT_MS,
        .max_in_flight = IN_FLIGHT_DEFAULT,
        .max_waiting = WAITING_DEFAULT,
    };
}

/* A URL alone: the message is posted there, with the gateway's headers; a
 * function's name: it is told the event. */
static void read_shorthand(const struct gw_yaml_node *node,
                           struct gw_integration *i)
{
    i->uri = node->text;
    if (gw_str_starts(node->text, GW_LIT("function:"))) {
        i->type = GW_INTEGRATION_AWS_PROXY;
        return;
    }
    i->type = GW_INTEGRATION_HTTP_PROXY;
    i->method = GW_LIT("POST");
    i->gateway_headers = true;
}

static void integration(const struct gw_yaml *y,
                        const struct gw_yaml_node *node, void *field)
{
    const char *what = "a URL, function:NAME, or an integration with a type";

    if (node->kind == GW_YAML_SCALAR && !node->is_null) {
        read_shorthand(node, field);
        return;
    }
    if (node->kind != GW_YAML_MAPPING) {
        gw_yaml_fault_at_key(y, node, "expected %s", what);
        return;
    }
    if (!gw_yaml_member(node, GW_LIT("type")) &&
        !gw_yaml_member(node, GW_LIT("integrationType")))
        gw_yaml_fault_at_key(y, node,
                             "expected a `type`: MOCK, HTTP, HTTP_PROXY, AWS "
                             "or AWS_PROXY");
    gw_members_read(y, node, what, integration_members,
                    GW_LEN(integration_members), field);
}

/* --- routes ---------------------------------------------------------- */

/* The original's way of saying routeResponse: true. */
static void response_selection(const struct gw_yaml *y,
                               const struct gw_yaml_node *node, void *field)
{
    static const char *const words[] = { "$default", NULL };

    if (word(y, node, words, "$default") == 0)
        *(bool *)field = true;
}

#define AT(member) offsetof(struct gw_route, member)
static const struct gw_member route_members[] = {
    { "integration", integration, AT(integration) },
    { "routeResponse", gw_member_flag, AT(route_response) },
    { "routeResponseSelectionExpression", response_selection,
      AT(route_response) },
    { "ordered", gw_member_flag, AT(ordered) },
    { "description", remark, 0 },
};
#undef AT

static void read_route(const struct gw_yaml *y, const struct gw_yaml_node *node,
                       struct gw_route *route)
{
    const char *what = "a URL, function:NAME, or a route with an integration";
    unsigned before = y->errors->count;

    route->key = node->key;
    init_integration(&route->integration);
    if (node->kind == GW_YAML_SCALAR && !node->is_null)
        read_shorthand(node, &route->integration);
    else if (node->kind != GW_YAML_MAPPING)
        gw_yaml_fault_at_key(y, node, "expected %s", what);
    else if (!gw_yaml_member(node, GW_LIT("integration")))
        gw_yaml_fault_at_key(y, node, "expected an `integration`");
    if (node->kind == GW_YAML_MAPPING)
        gw_members_read(y, node, what, route_members, GW_LEN(route_members),
                        route);
    /* what was half read would only be complained about once more */
    if (y->errors->count != before)
        init_integration(&route->integration);
}

static void routes(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   void *field)
{
    struct gw_api *api = field;
    struct gw_route *list;
    size_t count = 0;

    if (!gw_yaml_is_mapping(y, node, "routes by key"))
        return;
    list = gw_members_room(y, node, node->count * sizeof(*list));
    if (!list)
        return;
    GW_YAML_EACH(entry, node)
    read_route(y, entry, &list[count++]);
    api->routes = list;
    api->route_count = count;
}

/* --- stages ---------------------------------------------------------- */

#define AT(member) offsetof(struct gw_route_settings, member)
static const struct gw_member settings_members[] = {
    { "throttlingRateLimit", rate, AT(rate_limit) },
    { "throttlingBurstLimit", burst, AT(burst_limit) },
};
#undef AT

static void route_settings(const struct gw_yaml *y,
                           const struct gw_yaml_node *node, void *field)
{
    struct gw_route_settings *s = field;

    s->rate_limit = s->burst_limit = -1;
    gw_members_read(y, node, "throttlingRateLimit and throttlingBurstLimit",
                    settings_members, GW_LEN(settings_members), s);
}

static void settings_by_route(const struct gw_yaml *y,
                              const struct gw_yaml_node *node, void *field)
{
    struct gw_stage *stage = field;
    struct gw_route_settings *list;
    size_t count = 0;

    if (!gw_yaml_is_mapping(y, node, "settings by route key"))
        return;
    list = gw_members_room(y, node, node->count * sizeof(*list));
    if (!list)
        return;
    GW_YAML_EACH(entry, node)
    {
        list[count].route_key = entry->key;
        route_settings(y, entry, &list[count++]);
    }
    stage->route_settings = list;
    stage->route_settings_count = count;
}

#define AT(member) offsetof(struct gw_stage, member)
static const struct gw_member stage_members[] = {
    { "stageVariables", gw_member_pairs, AT(variables) },
    { "defaultRouteSettings", route_settings, AT(defaults) },
    { "routeSettings", settings_by_route, 0 },
    { "description", remark, 0 },
};
#undef AT

static void stages(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   void *field)
{
    struct gw_api *api = field;
    struct gw_stage *list;
    size_t count = 0;

    if (!gw_yaml_is_mapping(y, node, "stages by name"))
        return;
    if (node->count > STAGES_MAX) {
        gw_yaml_fault_at_key(y, node, "expected at most %d stages", STAGES_MAX);
        return;
    }
    list = gw_members_room(y, node, node->count * sizeof(*list));
    if (!list)
        return;
    GW_YAML_EACH(entry, node)
    {
        unsigned before = y->errors->count;
        struct gw_stage *stage = &list[count];

        stage->name = entry->key;
        stage->defaults.rate_limit = stage->defaults.burst_limit = -1;
        gw_members_read(y, entry, "a stage", stage_members,
                        GW_LEN(stage_members), stage);
        /* a half-read one is left out: its variables would be missed */
        if (y->errors->count == before)
            count++;
    }
    api->stages = list;
    api->stage_count = count;
}

/* --- apis ------------------------------------------------------------ */

#define AT(member) offsetof(struct gw_api, member)
static const struct gw_member api_members[] = {
    { "protocolType", protocol_type, 0 },
    { "routeSelectionExpression", gw_member_text,
      AT(route_selection_expression) },
    { "binary", gw_member_flag, AT(binary) },
    { "routes", routes, 0 },
    { "stages", stages, 0 },
    { "description", remark, 0 },
};
#undef AT

static void read_api(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     struct gw_api *api)
{
    const struct gw_yaml_node *named_routes, *named_stages;

    api->id = node->key;
    if (node->kind != GW_YAML_MAPPING) {
        gw_yaml_fault_at_key(y, node,
                             "expected an API with `routes` and "
                             "`stages`");
        return;
    }
    gw_members_read(y, node, "an API", api_members, GW_LEN(api_members), api);
    named_routes = gw_yaml_member(node, GW_LIT("routes"));
    named_stages = gw_yaml_member(node, GW_LIT("stages"));
    if (!named_routes || (!named_routes->count && !api->route_count))
        gw_yaml_fault_at_key(y, node, "expected at least one of `routes`");
    if (!named_stages || (!named_stages->count && !api->stage_count))
        gw_yaml_fault_at_key(y, node, "expected at least one of `stages`");
}

/* The node a dotted path leads to, or the last one on the way. Keys hold dots
 * themselves: of those that fit, the longest counts. */
static const struct gw_yaml_node *locate(const struct gw_yaml_node *node,
                                         gw_str path)
{
    while (path.len && node->kind == GW_YAML_MAPPING) {
        const struct gw_yaml_node *best = NULL;
        size_t taken = 0;

        GW_YAML_EACH(entry, node)
        {
            bool alias = gw_str_eq(entry->key, GW_LIT("integrationResponses"));
            gw_str key = alias ? GW_LIT("responses") : entry->key;

            if (gw_str_starts(path, key) && key.len >= taken &&
                (path.len == key.len || path.at[key.len] == '.')) {
                best = entry;
                taken = key.len;
            }
        }
        if (!best)
            break;
        node = best;
        path = gw_str_skip(path, GW_MIN(taken + 1, path.len));
    }
    return node;
}

static struct gw_plan *compile(const struct gw_yaml *y,
                               const struct gw_yaml_node *node,
                               const struct gw_api *api,
                               const struct gw_stage *stage,
                               const struct gw_lambda *lambda)
{
    struct gw_plan *plan = NULL;
    struct gw_fault why;
    char where[256];

    if (gw_plan_compile(api, stage, lambda, &plan, where, &why) != GW_OK) {
        const struct gw_yaml_node *at = locate(node, gw_str_of(where));

        if (at->kind == GW_YAML_SCALAR)
            gw_yaml_fault(y, at, "%s", why.text);
        else
            gw_yaml_fault_at_key(y, at, "%s", why.text);
    }
    return plan;
}

/* The compiler stops at its first complaint: asking for one route at a time
 * brings out the others. */
static void complain(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const struct gw_api *api, const struct gw_stage *stage,
                     const struct gw_lambda *lambda)
{
    struct gw_stage alone = *stage;

    alone.route_settings_count = 0;
    for (size_t i = 0; i < api->route_count; i++) {
        struct gw_api one = *api;

        if (y->errors->count >= GW_CONFIG_ERRORS_MAX)
            return;
        one.routes = &api->routes[i];
        one.route_count = 1;
        gw_plan_unref(compile(y, node, &one, &alone, lambda));
    }
}

static void compile_apis(const struct gw_yaml *y,
                         const struct gw_yaml_node *node,
                         const struct gw_lambda *lambda, struct gw_apis *out)
{
    const struct gw_yaml_node *api_node = node->first;
    size_t room_for = 0, routes_planned = 0;

    for (size_t i = 0; i < out->count; i++) {
        room_for += out->at[i].stage_count;
        routes_planned += out->at[i].stage_count * out->at[i].route_count;
    }
    if (routes_planned > PLANNED_ROUTES_MAX) {
        gw_yaml_fault_at_key(y, node,
                             "expected at most %d routes, counted once per "
                             "stage",
                             PLANNED_ROUTES_MAX);
        return;
    }
    out->plans = gw_members_room(y, node, room_for * sizeof(*out->plans));
    if (!out->plans)
        return;
    for (size_t i = 0; i < out->count; i++, api_node = api_node->next)
        for (size_t s = 0; s < out->at[i].stage_count; s++) {
            const struct gw_stage *stage = &out->at[i].stages[s];
            struct gw_plan *plan =
                compile(y, api_node, &out->at[i], stage, lambda);

            if (plan)
                out->plans[out->plan_count++] = plan;
            else
                complain(y, api_node, &out->at[i], stage, lambda);
        }
}

void gw_apis_read(const struct gw_yaml *y, const struct gw_yaml_node *node,
                  const struct gw_lambda *lambda, struct gw_apis *out)
{
    size_t i = 0;

    *out = (struct gw_apis){ 0 };
    if (!gw_yaml_is_mapping(y, node, "APIs by name"))
        return;
    out->at = gw_members_room(y, node, node->count * sizeof(*out->at));
    if (!out->at)
        return;
    GW_YAML_EACH(entry, node)
    read_api(y, entry, &out->at[i++]);
    out->count = i;
    compile_apis(y, node, lambda, out);
}
