#include "protocol/api/plan.h"

#include "tests/support/suite.h"

#include <stdlib.h>

/* A small API that is right; each test bends one thing. */
struct sample {
    struct gw_route routes[3];
    struct gw_integration_response response;
    struct gw_pair templates[2], parameters[2], variables[2], headers[2];
    struct gw_route_settings settings[2];
    struct gw_stage stage;
    struct gw_lambda lambda;
    struct gw_api api;
};

static struct gw_integration *http_of(struct sample *s)
{
    return &s->routes[1].integration;
}

static void init_sample(struct sample *s)
{
    *s = (struct sample){ 0 };
    for (int i = 0; i < 3; i++)
        s->routes[i].integration = (struct gw_integration){
            .type = GW_INTEGRATION_MOCK,
            .timeout_ms = 29000,
            .max_in_flight = 1000,
            .max_waiting = 10000,
        };
    s->routes[0].key = GW_LIT("$connect");
    s->routes[1].key = GW_LIT("sendmessage");
    s->routes[2].key = GW_LIT("$default");
    http_of(s)->type = GW_INTEGRATION_HTTP;
    http_of(s)->uri = GW_LIT("http://${stageVariables.host}/send?a=b");
    http_of(s)->method = GW_LIT("POST");
    s->variables[0] = (struct gw_pair){ GW_LIT("host"), GW_LIT("b:3000") };
    s->stage = (struct gw_stage){
        .name = GW_LIT("dev"),
        .variables = { s->variables, 1 },
        .defaults = { .rate_limit = -1, .burst_limit = -1 },
    };
    s->api = (struct gw_api){
        .id = GW_LIT("chat"),
        .route_selection_expression = GW_LIT("$request.body.action"),
        .routes = s->routes,
        .route_count = 3,
        .stages = &s->stage,
        .stage_count = 1,
    };
}

static struct gw_plan *compile(struct sample *s)
{
    struct gw_fault why = { "" };
    struct gw_plan *plan = NULL;
    char where[256];
    gw_err err =
        gw_plan_compile(&s->api, &s->stage, &s->lambda, &plan, where, &why);

    ck_assert_msg(err == GW_OK, "%s: %s", where, why.text);
    return plan;
}

START_TEST(a_plan_holds_what_the_data_path_walks)
{
    struct sample s;
    struct gw_plan *p;
    const struct gw_plan_integration *i;

    init_sample(&s);
    s.routes[1].route_response = true;
    s.routes[2].ordered = true;
    s.api.binary = true;
    p = compile(&s);
    ck_assert_gw_str(p->api_id, GW_LIT("chat"));
    ck_assert_gw_str(p->stage, GW_LIT("dev"));
    ck_assert(p->binary);
    ck_assert_uint_eq(p->route_count, 3);
    ck_assert_ptr_eq(p->connect, &p->all[0]);
    ck_assert_ptr_null(p->disconnect);
    ck_assert_ptr_eq(p->fallback, &p->all[2]);
    ck_assert_ptr_eq(gw_map_get(&p->routes, GW_LIT("sendmessage")), &p->all[1]);
    ck_assert(p->all[1].two_way && !p->all[1].ordered);
    ck_assert(p->all[2].ordered && !p->all[2].two_way);
    ck_assert_uint_eq(p->all[1].index, 1);
    i = &p->all[1].integration;
    ck_assert_uint_eq(i->index, 1);
    ck_assert_uint_eq(i->timeout_ms, 29000);
    ck_assert_gw_str(i->host, GW_LIT("b"));
    ck_assert_gw_str(i->authority, GW_LIT("b:3000"));
    ck_assert_uint_eq(i->port, 3000);
    ck_assert_gw_str(i->path, GW_LIT("/send"));
    ck_assert_gw_str(i->query, GW_LIT("a=b"));
    ck_assert_gw_str(i->method, GW_LIT("POST"));
    gw_plan_unref(p);
}
END_TEST

/* Clients must not reach $connect and $disconnect by naming them
 * (websocket-api.md 2.3, step 4). */
START_TEST(no_message_selects_a_predefined_route)
{
    struct sample s;
    struct gw_plan *p;

    init_sample(&s);
    s.routes[1].key = GW_LIT("$disconnect");
    p = compile(&s);
    ck_assert_ptr_null(gw_map_get(&p->routes, GW_LIT("$connect")));
    ck_assert_ptr_null(gw_map_get(&p->routes, GW_LIT("$disconnect")));
    ck_assert_ptr_null(gw_map_get(&p->routes, GW_LIT("$default")));
    ck_assert_ptr_eq(p->disconnect, &p->all[1]);
    gw_plan_unref(p);
}
END_TEST

START_TEST(a_plan_outlives_its_model)
{
    struct sample *s = gw_alloc(sizeof(*s));
    char *id = gw_str_dup(GW_LIT("chat"));
    char *uri = gw_str_dup(GW_LIT("http://backend/x"));
    struct gw_plan *p;

    init_sample(s);
    s->api.id = gw_str_of(id);
    http_of(s)->uri = gw_str_of(uri);
    p = gw_plan_ref(compile(s));
    free(id);
    free(uri);
    free(s);
    gw_plan_unref(p);
    ck_assert_gw_str(p->api_id, GW_LIT("chat"));
    ck_assert_gw_str(p->all[1].integration.host, GW_LIT("backend"));
    gw_plan_unref(p);
    gw_plan_unref(NULL);
}
END_TEST

/* websocket-api.md 8: route or stage throttle; the account's values where
 * only one of the two was given. */
static const struct {
    const char *name;
    double rate, burst;         /* of the stage */
    double own_rate, own_burst; /* of sendmessage */
    bool throttled;
    double want_rate, want_burst;
} throttles[] = {
    { "none", -1, -1, -1, -1, false, 0, 0 },
    { "stage", 100, 50, -1, -1, true, 100, 50 },
    { "route", -1, -1, 5, 2, true, 5, 2 },
    { "route over stage", 100, 50, 5, 2, true, 5, 2 },
    { "half over stage", 100, 50, 5, -1, true, 5, 50 },
    { "only a rate", 100, -1, -1, -1, true, 100, 5000 },
    { "only a burst", -1, 7, -1, -1, true, 10000, 7 },
    { "nothing may pass", -1, -1, 0, 0, true, 0, 0 },
};

START_TEST(the_narrower_throttle_counts)
{
    struct sample s;
    struct gw_plan *p;

    init_sample(&s);
    s.stage.defaults.rate_limit = throttles[_i].rate;
    s.stage.defaults.burst_limit = throttles[_i].burst;
    s.settings[0] = (struct gw_route_settings){ GW_LIT("sendmessage"),
                                                throttles[_i].own_rate,
                                                throttles[_i].own_burst };
    s.stage.route_settings = s.settings;
    s.stage.route_settings_count = 1;
    p = compile(&s);
    ck_assert_msg(p->all[1].throttled == throttles[_i].throttled, "%s",
                  throttles[_i].name);
    if (throttles[_i].throttled) {
        ck_assert_double_eq(p->all[1].rate, throttles[_i].want_rate);
        ck_assert_double_eq(p->all[1].burst, throttles[_i].want_burst);
    }
    gw_plan_unref(p);
}
END_TEST

/* --- what is refused, and where -------------------------------------- */

static char long_name[130];

static void bad_id(struct sample *s)
{
    s->api.id = GW_LIT("a/b");
}
static void no_selection(struct sample *s)
{
    s->api.route_selection_expression = GW_EMPTY;
}
static void header_selection(struct sample *s)
{
    s->api.route_selection_expression = GW_LIT("$request.header.action");
}
static void broken_selection(struct sample *s)
{
    s->api.route_selection_expression = GW_LIT("${request.body.action");
}
static void dollar_stage(struct sample *s)
{
    s->stage.name = GW_LIT("$default");
}
static void long_stage(struct sample *s)
{
    memset(long_name, 's', 129);
    s->stage.name = gw_str_of(long_name);
}
static void dollar_route(struct sample *s)
{
    s->routes[1].key = GW_LIT("$send");
}
static void twice(struct sample *s)
{
    s->routes[2].key = GW_LIT("sendmessage");
}
static void default_twice(struct sample *s)
{
    s->routes[1].key = GW_LIT("$default");
}
static void variable_name(struct sample *s)
{
    s->variables[0].name = GW_LIT("ho-st");
}
static void variable_value(struct sample *s)
{
    s->variables[0].value = GW_LIT("a b");
}
static void unknown_settings(struct sample *s)
{
    s->settings[0].route_key = GW_LIT("nosuch");
    s->stage.route_settings = s->settings;
    s->stage.route_settings_count = 1;
}
static void no_uri(struct sample *s)
{
    http_of(s)->uri = GW_EMPTY;
}
static void wrong_uri(struct sample *s)
{
    http_of(s)->uri = GW_LIT("ws://b/");
}
static void no_method(struct sample *s)
{
    http_of(s)->method = GW_EMPTY;
}
static void any_method(struct sample *s)
{
    http_of(s)->method = GW_LIT("ANY");
}
static void undefined_variable(struct sample *s)
{
    http_of(s)->uri = GW_LIT("http://a/${stageVariables.room}");
}
static void short_timeout(struct sample *s)
{
    http_of(s)->timeout_ms = 49;
}
static void long_timeout(struct sample *s)
{
    http_of(s)->timeout_ms = 29001;
}
static void parameter(struct sample *s, gw_str name, gw_str value)
{
    s->parameters[0] = (struct gw_pair){ name, value };
    http_of(s)->request_parameters = (struct gw_pairs){ s->parameters, 1 };
}
static void bad_parameter(struct sample *s)
{
    parameter(s, GW_LIT("integration.request.header.x"), GW_LIT("$context.x"));
}
static void framing_parameter(struct sample *s)
{
    parameter(s, GW_LIT("integration.request.header.content-length"),
              GW_LIT("'5'"));
}
static void hop_parameter(struct sample *s)
{
    parameter(s, GW_LIT("integration.request.header.Transfer-Encoding"),
              GW_LIT("'chunked'"));
}
static void lone_placeholder(struct sample *s)
{
    http_of(s)->uri = GW_LIT("http://a/{room}");
}
static void lone_path_parameter(struct sample *s)
{
    parameter(s, GW_LIT("integration.request.path.room"),
              GW_LIT("context.connectionId"));
}
static void template(struct sample *s, gw_str key, gw_str text)
{
    s->templates[0] = (struct gw_pair){ key, text };
    http_of(s)->request_templates = (struct gw_pairs){ s->templates, 1 };
}
static void bad_template(struct sample *s)
{
    template(s, GW_LIT("$default"), GW_LIT("#set($a = 1)"));
}
static void bad_template_selection(struct sample *s)
{
    http_of(s)->template_selection_expression = GW_LIT("${request.body.x");
}
static void respond(struct sample *s, gw_str key)
{
    s->response.key = key;
    http_of(s)->responses = &s->response;
    http_of(s)->response_count = 1;
}
static void bad_response(struct sample *s)
{
    respond(s, GW_LIT("200"));
}
static void header(struct sample *s, gw_str name, gw_str source)
{
    respond(s, GW_LIT("$default"));
    s->headers[0] = (struct gw_pair){ name, source };
    s->response.response_parameters = (struct gw_pairs){ s->headers, 1 };
}
static void bad_header_name(struct sample *s)
{
    header(s, GW_LIT("method.response.header.a b"), GW_LIT("'x'"));
}
static void bad_header_source(struct sample *s)
{
    header(s, GW_LIT("method.response.header.a"), GW_LIT("context.stage"));
}
static void split_header(struct sample *s)
{
    header(s, GW_LIT("method.response.header.a"), GW_LIT("'x\r\nb: c'"));
}
static void proxy_template(struct sample *s)
{
    http_of(s)->type = GW_INTEGRATION_HTTP_PROXY;
    template(s, GW_LIT("$default"), GW_LIT("x"));
}
static void proxy_response(struct sample *s)
{
    http_of(s)->type = GW_INTEGRATION_HTTP_PROXY;
    respond(s, GW_LIT("$default"));
}
static void function(struct sample *s, gw_integration_type type)
{
    http_of(s)->type = type;
    http_of(s)->uri = GW_LIT("http://b/2015-03-31/functions/f/invocations");
}
static void no_function(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS_PROXY);
    http_of(s)->uri = GW_EMPTY;
}
static void wrong_function(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS_PROXY);
    http_of(s)->uri = GW_LIT("http://b/f");
}
static void unsigned_function(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    http_of(s)->uri = GW_LIT("arn:aws:lambda:us-east-1:1:function:f");
}
static void function_method(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    http_of(s)->method = GW_LIT("GET");
}
static void function_proxy_template(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS_PROXY);
    template(s, GW_LIT("$default"), GW_LIT("x"));
}
static void function_proxy_response(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS_PROXY);
    respond(s, GW_LIT("$default"));
}
static void function_proxy_parameter(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS_PROXY);
    parameter(s, GW_LIT("integration.request.header.x"), GW_LIT("'1'"));
}
static void function_query(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    parameter(s, GW_LIT("integration.request.querystring.x"), GW_LIT("'1'"));
}
static void function_signature(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    parameter(s, GW_LIT("integration.request.header.authorization"),
              GW_LIT("'1'"));
}
static void function_framing(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    parameter(s, GW_LIT("integration.request.header.Content-Length"),
              GW_LIT("'1'"));
}
static void function_response(struct sample *s)
{
    function(s, GW_INTEGRATION_AWS);
    respond(s, GW_LIT("/(/"));
}

#define IN_ROUTE "routes.sendmessage.integration"
static const struct {
    void (*bend)(struct sample *s);
    const char *where, *why; /* a part of it; NULL: another file's words */
} faults[] = {
    { bad_id, "", "API name" },
    { no_selection, "routeSelectionExpression", "expected a route" },
    { header_selection, "routeSelectionExpression", "request.body" },
    { broken_selection, "routeSelectionExpression", NULL },
    { dollar_stage, "stages.$default", "stage name" },
    { long_stage, NULL, "at most 128" },
    { dollar_route, "routes.$send", "$connect, $disconnect or $default" },
    { twice, "routes.sendmessage", "twice" },
    { default_twice, "routes.$default", "twice" },
    { variable_name, "stages.dev.stageVariables.ho-st", "expected a name" },
    { variable_value, "stages.dev.stageVariables.host", "characters out of" },
    { unknown_settings, "stages.dev.routeSettings.nosuch",
      "no route `nosuch`" },
    { no_uri, IN_ROUTE ".integrationUri", "expected an integrationUri" },
    { wrong_uri, IN_ROUTE ".integrationUri", "http:// or https://" },
    { no_method, IN_ROUTE ".integrationMethod", "such as POST" },
    { any_method, IN_ROUTE ".integrationMethod", "such as POST" },
    { undefined_variable, IN_ROUTE ".integrationUri",
      "`room` is not defined in the stage `dev`" },
    { short_timeout, IN_ROUTE ".timeoutInMillis", "50 to 29000" },
    { long_timeout, IN_ROUTE ".timeoutInMillis", "50 to 29000" },
    { bad_parameter, IN_ROUTE ".requestParameters.integration.request.header.x",
      NULL },
    { framing_parameter,
      IN_ROUTE ".requestParameters.integration.request.header.content-length",
      "the connection's own" },
    { hop_parameter,
      IN_ROUTE
      ".requestParameters.integration.request.header.Transfer-Encoding",
      "the connection's own" },
    { lone_placeholder, IN_ROUTE ".integrationUri",
      "integration.request.path.room" },
    { lone_path_parameter, IN_ROUTE ".integrationUri", "{room}" },
    { bad_template, IN_ROUTE ".requestTemplates.$default", NULL },
    { bad_template_selection, IN_ROUTE ".templateSelectionExpression", NULL },
    { bad_response, IN_ROUTE ".responses.200", "$default, or a pattern" },
    { bad_header_name,
      IN_ROUTE ".responses.$default.responseParameters."
               "method.response.header.a b",
      "method.response.header.NAME" },
    { bad_header_source,
      IN_ROUTE ".responses.$default.responseParameters."
               "method.response.header.a",
      "integration.response.header.NAME" },
    { split_header,
      IN_ROUTE ".responses.$default.responseParameters."
               "method.response.header.a",
      NULL },
    { proxy_template, IN_ROUTE ".requestTemplates", "HTTP_PROXY" },
    { proxy_response, IN_ROUTE ".responses", "HTTP_PROXY" },
    { no_function, IN_ROUTE ".integrationUri", "the ARN of a function" },
    { wrong_function, IN_ROUTE ".integrationUri", "expected a function" },
    { unsigned_function, IN_ROUTE ".integrationUri", "expected credentials" },
    { function_method, IN_ROUTE ".integrationMethod", "expected POST" },
    { function_proxy_template, IN_ROUTE ".requestTemplates", "AWS_PROXY" },
    { function_proxy_response, IN_ROUTE ".responses", "AWS_PROXY" },
    { function_proxy_parameter, IN_ROUTE ".requestParameters", "AWS_PROXY" },
    { function_query,
      IN_ROUTE ".requestParameters.integration.request.querystring.x",
      "integration.request.header.NAME" },
    { function_signature,
      IN_ROUTE ".requestParameters.integration.request.header.authorization",
      "other than Authorization" },
    { function_framing,
      IN_ROUTE ".requestParameters.integration.request.header.Content-Length",
      "the connection's own" },
    { function_response, IN_ROUTE ".responses./(/",
      "expected a regular expression" },
};

START_TEST(faults_are_found_and_placed)
{
    struct sample s;
    struct gw_fault why = { "" };
    struct gw_plan *plan;
    char where[256];

    init_sample(&s);
    faults[_i].bend(&s);
    ck_assert(gw_plan_compile(&s.api, &s.stage, &s.lambda, &plan, where,
                              &why) != GW_OK);
    if (faults[_i].where)
        ck_assert_str_eq(where, faults[_i].where);
    ck_assert(why.text[0]);
    if (faults[_i].why)
        ck_assert_msg(strstr(why.text, faults[_i].why), "%s", why.text);
    ck_assert(gw_plan_compile(&s.api, &s.stage, &s.lambda, &plan, where,
                              NULL) != GW_OK);
}
END_TEST

/* Bounds as in websocket-api.md 4.2, 8 and 9.4: just inside is fine. */
START_TEST(the_last_allowed_value_is_allowed)
{
    struct sample s;
    char variable[64], value[512];

    init_sample(&s);
    memset(long_name, 's', 128);
    memset(variable, 'v', sizeof(variable));
    memset(value, 'x', sizeof(value));
    s.stage.name = (gw_str){ long_name, 128 };
    s.variables[1] = (struct gw_pair){ { variable, 64 }, { value, 512 } };
    s.stage.variables.count = 2;
    http_of(&s)->timeout_ms = 50;
    gw_plan_unref(compile(&s));
    s.variables[1].value = GW_LIT("aZ0-._~:/?#&=,");
    http_of(&s)->timeout_ms = 29000;
    gw_plan_unref(compile(&s));
}
END_TEST

/* --- picking --------------------------------------------------------- */

static const struct {
    const char *selection, *body;
    const char *key[2]; /* each one's template is its own key */
    const char *picked; /* ends in the key of it; NULL: none */
} picks[] = {
    { "$request.body.kind", "{\"kind\":\"a\"}", { "a", "$default" }, "a" },
    { "$request.body.kind",
      "{\"kind\":\"b\"}",
      { "a", "$default" },
      "$default" },
    { "$request.body.kind", "{}", { "a", NULL }, NULL },
    { "a", "{}", { "$default", "a" }, "a" },
    { "", "{}", { "$default", "a" }, "$default" },
    { "", "{}", { "application/json", "a" }, "application/json" },
    { "", "{}", { "application/json", "$default" }, "$default" },
    { "x", "{}", { "application/json", NULL }, NULL },
    { "", "{}", { "a", NULL }, NULL },
};

START_TEST(a_template_is_picked_by_its_key)
{
    struct gw_scope scope = { .body = gw_str_of(picks[_i].body) };
    struct gw_pairs none = { NULL, 0 };
    const struct gw_template *t;
    struct gw_context context = { .event_type = GW_EVENT_MESSAGE };
    struct gw_arena a;
    struct gw_plan *p;
    struct sample s;
    gw_str text;

    init_sample(&s);
    http_of(&s)->template_selection_expression = gw_str_of(picks[_i].selection);
    for (size_t i = 0; i < 2 && picks[_i].key[i]; i++) {
        gw_str key = gw_str_of(picks[_i].key[i]);
        bool dollar = gw_str_starts(key, GW_LIT("$"));

        /* in a template a '$' would begin a reference */
        s.templates[i] = (struct gw_pair){ key, gw_str_skip(key, dollar) };
        http_of(&s)->request_templates =
            (struct gw_pairs){ s.templates, i + 1 };
    }
    p = compile(&s);
    scope.context = &context;
    scope.stage_variables = &none;
    ck_assert(gw_json_read(scope.body, &scope.json) == GW_OK);
    gw_arena_init(&a, 1 << 16);
    ck_assert(gw_plan_template_pick(&p->all[1].integration.templates, &scope,
                                    &a, &t) == GW_OK);
    ck_assert_int_eq(t != NULL, picks[_i].picked != NULL);
    if (t) {
        ck_assert(gw_template_render(t, GW_TEMPLATE_REQUEST, &scope, &a,
                                     &text) == GW_OK);
        ck_assert(gw_str_ends(gw_str_of(picks[_i].picked), text));
    }
    gw_arena_fini(&a);
    gw_plan_unref(p);
}
END_TEST

START_TEST(a_response_is_picked_by_status)
{
    struct gw_integration_response list[] = {
        { .key = GW_LIT("/2\\d\\d/") },
        { .key = GW_LIT("$default") },
        { .key = GW_LIT("/404/") },
        { .key = GW_LIT("/4\\d\\d/") },
    };
    const struct gw_plan_integration *i;
    struct gw_plan *p;
    struct sample s;

    init_sample(&s);
    http_of(&s)->responses = list;
    http_of(&s)->response_count = GW_LEN(list);
    p = compile(&s);
    i = &p->all[1].integration;
    ck_assert_ptr_eq(gw_plan_response_pick(i, 204), &i->responses[0]);
    ck_assert_ptr_eq(gw_plan_response_pick(i, 404), &i->responses[2]);
    ck_assert_ptr_eq(gw_plan_response_pick(i, 400), &i->responses[3]);
    ck_assert_ptr_eq(gw_plan_response_pick(i, 500), &i->responses[1]);
    ck_assert_ptr_eq(gw_plan_response_pick(i, 4000000), &i->responses[1]);
    ck_assert_ptr_null(gw_plan_response_pick(&p->all[0].integration, 200));
    gw_plan_unref(p);
}
END_TEST

START_TEST(response_headers_come_from_three_places)
{
    const struct gw_plan_header *h;
    struct gw_plan *p;
    struct sample s;

    init_sample(&s);
    header(&s, GW_LIT("method.response.header.X-A"), GW_LIT("'it''s'"));
    s.headers[1] =
        (struct gw_pair){ GW_LIT("method.response.header.X-B"),
                          GW_LIT("integration.response.header.Location") };
    s.response.response_parameters.count = 2;
    p = compile(&s);
    h = p->all[1].integration.responses[0].headers;
    ck_assert_gw_str(h[0].name, GW_LIT("X-A"));
    ck_assert_int_eq(h[0].from, GW_FROM_CONSTANT);
    ck_assert_gw_str(h[0].text, GW_LIT("it''s"));
    ck_assert_gw_str(h[1].name, GW_LIT("X-B"));
    ck_assert_int_eq(h[1].from, GW_FROM_HEADER);
    ck_assert_gw_str(h[1].text, GW_LIT("Location"));
    gw_plan_unref(p);

    s.headers[0].value = GW_LIT("integration.response.body.a.b");
    s.headers[1].value = GW_LIT("integration.response.body");
    p = compile(&s);
    h = p->all[1].integration.responses[0].headers;
    ck_assert_int_eq(h[0].from, GW_FROM_BODY);
    ck_assert_uint_eq(h[0].path.count, 2);
    ck_assert_int_eq(h[1].from, GW_FROM_BODY);
    ck_assert_uint_eq(h[1].path.count, 0);
    gw_plan_unref(p);
}
END_TEST

GW_SUITE("protocol/api/plan")
{
    tcase_add_test(tc, a_plan_holds_what_the_data_path_walks);
    tcase_add_test(tc, no_message_selects_a_predefined_route);
    tcase_add_test(tc, a_plan_outlives_its_model);
    tcase_add_loop_test(tc, the_narrower_throttle_counts, 0, GW_LEN(throttles));
    tcase_add_loop_test(tc, faults_are_found_and_placed, 0, GW_LEN(faults));
    tcase_add_test(tc, the_last_allowed_value_is_allowed);
    tcase_add_loop_test(tc, a_template_is_picked_by_its_key, 0, GW_LEN(picks));
    tcase_add_test(tc, a_response_is_picked_by_status);
    tcase_add_test(tc, response_headers_come_from_three_places);
}
