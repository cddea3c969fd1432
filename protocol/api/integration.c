/*
 * Compiles one integration: its URI, parameters, templates and responses.
 */
#include "protocol/api/compiler.h"
#include "protocol/api/function.h"
#include "protocol/api/uri.h"

enum {
    TEMPLATE_MAX = 300 * 1024,
    TIMEOUT_MIN_MS = 50,
    TIMEOUT_MAX_MS = 29000,
};

/* --- templates and responses ----------------------------------------- */

static gw_err add_template(struct gw_compiler *c, const struct gw_pair *pair,
                           struct gw_plan_template *out)
{
    size_t back = gw_compiler_enter(c, pair->name);
    gw_str text;
    gw_err err = GW_OK;

    if (pair->value.len > TEMPLATE_MAX)
        err = gw_fail(c->why, GW_E_TOO_BIG,
                      "expected a template of at most %d bytes", TEMPLATE_MAX);
    if (!err)
        err = gw_compiler_copy(c, pair->name, &out->key);
    if (!err)
        err = gw_compiler_copy(c, pair->value, &text);
    if (!err)
        err = gw_template_read(c->arena, text, &out->template, c->why);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}

static gw_err compile_templates(struct gw_compiler *c, const char *member,
                                const struct gw_pairs *texts, gw_str selection,
                                struct gw_plan_templates *out)
{
    struct gw_plan_template *at =
        gw_arena_alloc(c->arena, texts->count * sizeof(*at));
    size_t back;
    gw_err err = GW_OK;

    if (!at)
        return gw_compiler_no_room(c);
    if (selection.len)
        err = gw_compiler_expr(c, "templateSelectionExpression", selection,
                               &out->selection);
    if (err)
        return err;
    back = gw_compiler_enter(c, gw_str_of(member));
    for (size_t i = 0; i < texts->count; i++) {
        err = add_template(c, &texts->at[i], &at[i]);
        if (err)
            return err;
    }
    gw_compiler_leave(c, back);
    out->at = at;
    out->count = texts->count;
    out->fallback = gw_plan_template_find(out, GW_LIT("$default"));
    /* a WebSocket message has no content type; samples of the original use
     * this key where nothing is selected */
    if (!out->fallback && !out->selection)
        out->fallback = gw_plan_template_find(out, GW_LIT("application/json"));
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
    return text.len && text.len <= GW_API_NAME_MAX &&
           gw_str_is_of(text, "!#$%&'*+-.^_`|~");
}

static gw_err read_header_source(struct gw_compiler *c, gw_str source,
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

static gw_err add_response_header(struct gw_compiler *c,
                                  const struct gw_pair *pair,
                                  struct gw_plan_header *out)
{
    const gw_str prefix = GW_LIT("method.response.header.");
    size_t back = gw_compiler_enter(c, pair->name);
    gw_str source;
    gw_err err;

    if (!gw_str_starts(pair->name, prefix) ||
        !is_token(gw_str_skip(pair->name, prefix.len)))
        return gw_fail(c->why, GW_E_SYNTAX,
                       "expected method.response.header.NAME as the key");
    err = gw_compiler_copy(c, gw_str_skip(pair->name, prefix.len), &out->name);
    if (!err)
        err = gw_compiler_copy(c, pair->value, &source);
    if (!err)
        err = read_header_source(c, source, out);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}

static gw_err compile_response_headers(struct gw_compiler *c,
                                       const struct gw_pairs *pairs,
                                       struct gw_plan_response *out)
{
    size_t back = gw_compiler_enter(c, GW_LIT("responseParameters"));

    out->headers =
        gw_arena_alloc(c->arena, pairs->count * sizeof(*out->headers));
    if (!out->headers)
        return gw_compiler_no_room(c);
    for (size_t i = 0; i < pairs->count; i++) {
        gw_err err = add_response_header(c, &pairs->at[i], &out->headers[i]);

        if (err)
            return err;
    }
    out->header_count = pairs->count;
    gw_compiler_leave(c, back);
    return GW_OK;
}

/* What an AWS integration chooses by: any text a function may fail with. */
static gw_err read_pattern(struct gw_compiler *c, gw_str key,
                           struct gw_plan_response *out)
{
    struct gw_regex *regex = NULL;
    gw_err err;

    if (!gw_regex_key(&key))
        return gw_fail(c->why, GW_E_SYNTAX,
                       "expected $default, or a pattern such as /.*denied.*/");
    err = gw_regex_read(c->arena, key, &regex, c->why);
    out->pattern = regex;
    return err;
}

static gw_err compile_response(struct gw_compiler *c, gw_integration_type type,
                               const struct gw_integration_response *r,
                               struct gw_plan_response *out)
{
    size_t back = gw_compiler_enter(c, r->key);
    gw_err err = GW_OK;

    out->is_default = gw_str_eq(r->key, GW_LIT("$default"));
    out->content_handling = r->content_handling;
    if (!out->is_default)
        err = type == GW_INTEGRATION_AWS
                  ? read_pattern(c, r->key, out)
                  : gw_status_set_read(r->key, &out->statuses, c->why);
    if (!err)
        err = compile_templates(c, "responseTemplates", &r->response_templates,
                                r->template_selection_expression,
                                &out->templates);
    if (!err)
        err = compile_response_headers(c, &r->response_parameters, out);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}

static gw_err compile_responses(struct gw_compiler *c,
                                const struct gw_integration *i,
                                struct gw_plan_integration *out)
{
    size_t back = gw_compiler_enter(c, GW_LIT("responses"));

    out->responses =
        gw_arena_alloc(c->arena, i->response_count * sizeof(*out->responses));
    if (!out->responses)
        return gw_compiler_no_room(c);
    for (size_t n = 0; n < i->response_count; n++) {
        gw_err err =
            compile_response(c, i->type, &i->responses[n], &out->responses[n]);

        if (err)
            return err;
    }
    out->response_count = i->response_count;
    gw_compiler_leave(c, back);
    return GW_OK;
}

/* --- integrations ---------------------------------------------------- */

/* What frames a message on its connection is not a backend's to be told. */
static gw_err check_header(struct gw_compiler *c, const struct gw_mapping *m)
{
    gw_str name = gw_mapping_name(m);

    if (!gw_http_header_is_hop(name) &&
        !gw_str_eq_nocase(name, GW_LIT("Content-Length")))
        return GW_OK;
    return gw_fail(c->why, GW_E_INVALID,
                   "expected a header other than %.*s, which is the "
                   "connection's own",
                   GW_FMT(name));
}

/* Of the Invoke call only headers are free, X-Amz-Invocation-Type above all,
 * and of those not what signs it. */
static gw_err check_invoke_parameter(struct gw_compiler *c,
                                     const struct gw_mapping *m)
{
    static const gw_str ours[] = {
        { "Host", 4 },
        { "Authorization", 13 },
        { "X-Amz-Date", 10 },
        { "X-Amz-Security-Token", 20 },
        { "X-Amz-Content-Sha256", 20 },
    };

    if (gw_mapping_place_of(m) != GW_MAPPING_HEADER)
        return gw_fail(c->why, GW_E_INVALID,
                       "expected integration.request.header.NAME: what a "
                       "function is told is its payload, of a template");
    for (size_t i = 0; i < GW_LEN(ours); i++)
        if (gw_str_eq_nocase(gw_mapping_name(m), ours[i]))
            return gw_fail(c->why, GW_E_INVALID,
                           "expected a header other than %.*s, which the "
                           "signature is made with",
                           GW_FMT(ours[i]));
    return GW_OK;
}

static gw_err check_mapping(struct gw_compiler *c, gw_integration_type type,
                            const struct gw_mapping *m)
{
    gw_err err = GW_OK;

    if (gw_mapping_place_of(m) == GW_MAPPING_HEADER)
        err = check_header(c, m);
    if (!err && type == GW_INTEGRATION_AWS)
        err = check_invoke_parameter(c, m);
    return err;
}

static gw_err compile_mappings(struct gw_compiler *c,
                               const struct gw_integration *i,
                               struct gw_plan_integration *out)
{
    const struct gw_pairs *pairs = &i->request_parameters;
    size_t outer = gw_compiler_enter(c, GW_LIT("requestParameters"));

    out->mappings =
        gw_arena_alloc(c->arena, pairs->count * sizeof(struct gw_mapping *));
    if (!out->mappings)
        return gw_compiler_no_room(c);
    for (size_t n = 0; n < pairs->count; n++) {
        size_t back = gw_compiler_enter(c, pairs->at[n].name);
        gw_str name, value;
        gw_err err = gw_compiler_copy(c, pairs->at[n].name, &name);

        if (!err)
            err = gw_compiler_copy(c, pairs->at[n].value, &value);
        if (!err)
            err = gw_mapping_read(c->arena, name, value, &out->mappings[n],
                                  c->why);
        if (!err)
            err = check_mapping(c, i->type, out->mappings[n]);
        if (err)
            return err;
        gw_compiler_leave(c, back);
    }
    out->mapping_count = pairs->count;
    gw_compiler_leave(c, outer);
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
static gw_err check_placeholders(struct gw_compiler *c,
                                 const struct gw_plan_integration *i)
{
    size_t at = 0;
    gw_str name;

    while (gw_uri_placeholder(i->path, &at, &name))
        if (!maps_path(i, name)) {
            gw_compiler_enter(c, GW_LIT("integrationUri"));
            return gw_fail(c->why, GW_E_INVALID,
                           "expected integration.request.path.%.*s among the "
                           "requestParameters, for {%.*s}",
                           GW_FMT(name), GW_FMT(name));
        }
    for (size_t n = 0; n < i->mapping_count; n++) {
        name = gw_mapping_name(i->mappings[n]);
        if (gw_mapping_place_of(i->mappings[n]) == GW_MAPPING_PATH &&
            !has_placeholder(i->path, name)) {
            gw_compiler_enter(c, GW_LIT("integrationUri"));
            return gw_fail(c->why, GW_E_INVALID,
                           "expected {%.*s} in the path, for "
                           "integration.request.path.%.*s",
                           GW_FMT(name), GW_FMT(name));
        }
    }
    return GW_OK;
}

/* Who is called, and as whom. */
static gw_err read_function(struct gw_compiler *c, gw_str *text,
                            struct gw_plan_integration *out)
{
    const struct gw_lambda *lambda = &c->plan->lambda;
    struct gw_function_uri f;
    gw_err err = gw_function_uri_read(c->arena, *text, lambda, &f, c->why);

    if (err)
        return err;
    if (f.is_real && !lambda->access_key_id.len)
        return gw_fail(c->why, GW_E_INVALID,
                       "expected credentials to call the function with, "
                       "lambda.accessKeyId and lambda.secretAccessKey, or a "
                       "lambda.endpoint that does not ask for them");
    *text = f.url;
    out->function = f.name;
    out->region = f.region;
    out->here = f.here;
    out->signs = lambda->access_key_id.len ? lambda : NULL;
    return GW_OK;
}

static bool is_function(gw_integration_type type)
{
    return type == GW_INTEGRATION_AWS || type == GW_INTEGRATION_AWS_PROXY;
}

static gw_err compile_uri(struct gw_compiler *c, gw_str text,
                          struct gw_plan_integration *out)
{
    size_t back = gw_compiler_enter(c, GW_LIT("integrationUri"));
    struct gw_uri uri;
    gw_err err = gw_uri_fill(c->arena, text, c->stage->name,
                             &c->plan->stage_variables, &text, c->why);

    if (!err && is_function(out->type))
        err = read_function(c, &text, out);
    if (!err && out->here.len) {
        gw_compiler_leave(c, back);
        return GW_OK;
    }
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
    gw_compiler_leave(c, back);
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

static gw_err compile_http(struct gw_compiler *c,
                           const struct gw_integration *i,
                           struct gw_plan_integration *out)
{
    gw_err err;

    if (i->uri.len == 0)
        return gw_compiler_fail_at(
            c, "integrationUri", GW_E_INVALID,
            "expected an integrationUri, http:// or https://");
    err = compile_uri(c, i->uri, out);
    if (err)
        return err;
    if (!is_method(i->method))
        return gw_compiler_fail_at(
            c, "integrationMethod", GW_E_INVALID,
            "expected an integrationMethod such as POST");
    err = gw_compiler_copy(c, i->method, &out->method);
    return err ? err : check_placeholders(c, out);
}

static gw_err compile_function(struct gw_compiler *c,
                               const struct gw_integration *i,
                               struct gw_plan_integration *out)
{
    if (i->uri.len == 0)
        return gw_compiler_fail_at(c, "integrationUri", GW_E_INVALID,
                                   "expected an integrationUri, the ARN of a "
                                   "function or the URL of its Invoke call");
    if (i->method.len && !gw_str_eq(i->method, GW_LIT("POST")))
        return gw_compiler_fail_at(
            c, "integrationMethod", GW_E_INVALID,
            "expected POST: functions are invoked with it");
    out->method = GW_LIT("POST");
    return compile_uri(c, i->uri, out);
}

/* What a proxy would silently ignore is more likely a wrong type. */
static gw_err check_proxy(struct gw_compiler *c, const struct gw_integration *i)
{
    bool http = i->type == GW_INTEGRATION_HTTP_PROXY;

    if (i->request_templates.count)
        return gw_compiler_fail_at(
            c, "requestTemplates", GW_E_INVALID,
            http ? "HTTP_PROXY sends the message as it is; templates "
                   "need the type HTTP"
                 : "AWS_PROXY sends the event; templates need the type AWS");
    if (i->response_count)
        return gw_compiler_fail_at(
            c, "responses", GW_E_INVALID,
            http ? "HTTP_PROXY passes the answer on as it is; responses "
                   "need the type HTTP"
                 : "AWS_PROXY does what the function answers; responses need "
                   "the type AWS");
    if (!http && i->request_parameters.count)
        return gw_compiler_fail_at(
            c, "requestParameters", GW_E_INVALID,
            "AWS_PROXY sends the event; parameters need the type AWS");
    return GW_OK;
}

static bool is_proxy(gw_integration_type type)
{
    return type == GW_INTEGRATION_HTTP_PROXY ||
           type == GW_INTEGRATION_AWS_PROXY;
}

static gw_err check_bounds(struct gw_compiler *c,
                           const struct gw_integration *i)
{
    if (i->timeout_ms < TIMEOUT_MIN_MS || i->timeout_ms > TIMEOUT_MAX_MS)
        return gw_compiler_fail_at(c, "timeoutInMillis", GW_E_INVALID,
                                   "expected a number from 50 to 29000");
    if (i->max_in_flight == 0)
        return gw_compiler_fail_at(c, "maxInFlight", GW_E_INVALID,
                                   "expected a number from 1");
    return is_proxy(i->type) ? check_proxy(c, i) : GW_OK;
}

gw_err gw_compiler_integration(struct gw_compiler *c,
                               const struct gw_integration *i, unsigned index,
                               struct gw_plan_integration *out)
{
    size_t back = gw_compiler_enter(c, GW_LIT("integration"));
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
    if (!err && is_function(i->type))
        err = compile_function(c, i, out);
    else if (!err && i->type != GW_INTEGRATION_MOCK)
        err = compile_http(c, i, out);
    if (!err)
        err = compile_templates(c, "requestTemplates", &i->request_templates,
                                i->template_selection_expression,
                                &out->templates);
    if (!err)
        err = compile_responses(c, i, out);
    if (!err)
        gw_compiler_leave(c, back);
    return err;
}
