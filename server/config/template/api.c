/*
 * AWS::ApiGatewayV2::*: one reader and one table a type. They run type by
 * type, in the order of who needs whom.
 */
#include "server/config/template/model.h"
#include "server/config/template/property.h"
#include "server/config/template/value.h"

#include <stdio.h>

const char gw_model_not_validated[] = "messages are not validated here";
const char gw_model_no_parameters[] =
    "it is not enforced here: what is required may be absent";
const char gw_model_access_log[] =
    "it has no effect here: see the setting `log.access`";

static const char calls_directly[] =
    "it has no effect here: backends are called directly";
static const char http_only[] =
    "it has no effect here: it belongs to HTTP APIs";

/* --- native nodes ---------------------------------------------------- */

struct gw_yaml_node *gw_model_mapping(struct gw_stack *s,
                                      const struct gw_yaml_node *like,
                                      gw_str key)
{
    struct gw_yaml_node *node = gw_yaml_new(s->y, GW_YAML_MAPPING, like);

    if (node)
        node->key = key;
    return node;
}

void gw_model_put(struct gw_stack *s, struct gw_yaml_node *mapping,
                  const char *key, const struct gw_yaml_node *like, gw_str text)
{
    struct gw_yaml_node *node = gw_stack_text(s, like, text);

    if (!node)
        return;
    node->key = gw_str_of(key);
    node->key_mark = like->mark;
    gw_yaml_hang(mapping, node);
}

static struct gw_yaml_node *child(struct gw_yaml_node *mapping, gw_str key)
{
    for (struct gw_yaml_node *n = mapping->first; n; n = n->next)
        if (gw_str_eq(n->key, key))
            return n;
    return NULL;
}

struct gw_yaml_node *gw_model_routes(struct gw_resource *api)
{
    return child(api->native, GW_LIT("routes"));
}

struct gw_yaml_node *gw_model_stages(struct gw_resource *api)
{
    return child(api->native, GW_LIT("stages"));
}

bool gw_model_api(struct gw_stack *s, struct gw_resource *r,
                  struct gw_yaml_node *apis)
{
    struct gw_yaml_node *routes =
        gw_model_mapping(s, r->node, GW_LIT("routes"));
    struct gw_yaml_node *stages =
        gw_model_mapping(s, r->node, GW_LIT("stages"));
    gw_str id;

    if (!routes || !stages || !gw_resource_name(s, r, &id))
        return false;
    r->native = gw_model_mapping(s, r->node, id);
    if (!r->native)
        return false;
    gw_yaml_hang(r->native, routes);
    gw_yaml_hang(r->native, stages);
    gw_yaml_hang(apis, r->native);
    return true;
}

static struct gw_resource *find_api(struct gw_stack *s, gw_str id)
{
    for (size_t i = 0; i < s->resource_count; i++) {
        struct gw_resource *r = &s->resources[i];

        if ((r->type->kind == GW_TYPE_API ||
             r->type->kind == GW_TYPE_WEBSOCKET_API) &&
            gw_str_eq_nocase(r->id, id))
            return r;
    }
    return NULL;
}

/* The API a resource says it belongs to. NULL after an error. */
static struct gw_resource *api_of(struct gw_stack *s,
                                  const struct gw_yaml_node *id)
{
    struct gw_resource *api = id ? find_api(s, id->text) : NULL;

    if (id && !api)
        gw_yaml_fault(s->y, id, "expected an API of this template");
    return api && api->native ? api : NULL;
}

/* Is it part of an API that is not served, and known not to be? */
static bool is_left_out(struct gw_stack *s, const struct gw_resource *r)
{
    const struct gw_yaml_node *id =
        gw_yaml_member(r->properties, GW_LIT("ApiId"));
    struct gw_resource *api;
    gw_str text;

    if (!id || !gw_value_text(s, id, "a text", &text))
        return false;
    api = find_api(s, text);
    return api && api->exists && !api->native;
}

/* --- apis ------------------------------------------------------------ */

struct api {
    const struct gw_yaml_node *protocol, *selection;
};

#define AT(member) offsetof(struct api, member)
static const struct gw_property api_rows[] = {
    { "ProtocolType", gw_property_scalar, AT(protocol), NULL, true },
    { "RouteSelectionExpression", gw_property_scalar, AT(selection), NULL,
      false },
    { "DisableExecuteApiEndpoint", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("Name"),
    GW_PROPERTY_QUIET("ApiKeySelectionExpression"),
    GW_PROPERTY_QUIET("BasePath"),
    GW_PROPERTY_QUIET("Body"), /* see read_api */
    GW_PROPERTY_QUIET("BodyS3Location"),
    GW_PROPERTY_QUIET("CorsConfiguration"),
    GW_PROPERTY_QUIET("CredentialsArn"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("DisableSchemaValidation"),
    GW_PROPERTY_QUIET("FailOnWarnings"),
    GW_PROPERTY_QUIET("IpAddressType"),
    GW_PROPERTY_QUIET("RouteKey"),
    GW_PROPERTY_QUIET("Tags"),
    GW_PROPERTY_QUIET("Target"),
    GW_PROPERTY_QUIET("Version"),
};
#undef AT

static void refuse_body(struct gw_stack *s, const struct gw_resource *r,
                        gw_str name)
{
    const struct gw_yaml_node *body = gw_yaml_member(r->properties, name);

    if (body)
        gw_yaml_fault_at_key(s->y, body,
                             "OpenAPI definitions are not read here: write the "
                             "API as resources");
}

static void read_api(struct gw_stack *s, struct gw_resource *r,
                     struct gw_yaml_node *apis)
{
    struct api api = { 0 };

    gw_properties_read(s, r->properties, r->id, api_rows, GW_LEN(api_rows),
                       &api);
    if (api.protocol && gw_str_eq(api.protocol->text, GW_LIT("HTTP"))) {
        gw_notes_add(&s->notes, r->id,
                     "an API with ProtocolType HTTP is not served here, nor "
                     "are its routes, integrations and stages");
        return;
    }
    if (api.protocol && !gw_str_eq(api.protocol->text, GW_LIT("WEBSOCKET")))
        gw_yaml_fault(s->y, api.protocol, "expected WEBSOCKET or HTTP");
    refuse_body(s, r, GW_LIT("Body"));
    refuse_body(s, r, GW_LIT("BodyS3Location"));
    if (!api.protocol || !gw_model_api(s, r, apis))
        return;
    if (api.selection)
        gw_model_put(s, r->native, "routeSelectionExpression", api.selection,
                     api.selection->text);
}

/* --- integrations ---------------------------------------------------- */

struct integration {
    struct gw_yaml_node native;
    const struct gw_yaml_node *api;
};

#define KEEP(name)                                                          \
    {                                                                       \
        name, gw_property_keep, offsetof(struct integration, native), NULL, \
            false                                                           \
    }
static const struct gw_property integration_rows[] = {
    { "ApiId", gw_property_scalar, offsetof(struct integration, api), NULL,
      true },
    { "IntegrationType", gw_property_keep, offsetof(struct integration, native),
      NULL, true },
    KEEP("IntegrationUri"),
    KEEP("IntegrationMethod"),
    KEEP("TimeoutInMillis"),
    KEEP("RequestParameters"),
    KEEP("RequestTemplates"),
    KEEP("TemplateSelectionExpression"),
    KEEP("PassthroughBehavior"),
    KEEP("ContentHandlingStrategy"),
    { "ConnectionId", NULL, 0, calls_directly, false },
    { "CredentialsArn", NULL, 0, gw_property_idle, false },
    { "IntegrationSubtype", NULL, 0, http_only, false },
    { "ResponseParameters", NULL, 0, http_only, false },
    { "TlsConfig", NULL, 0, http_only, false },
    GW_PROPERTY_QUIET("ConnectionType"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("PayloadFormatVersion"), /* WebSocket knows one */
};
#undef KEEP

static void read_integration(struct gw_stack *s, struct gw_resource *r,
                             struct gw_yaml_node *apis)
{
    struct integration *i = gw_stack_alloc(s, r->node, sizeof(*i));
    struct gw_yaml_node *native =
        gw_model_mapping(s, r->node, GW_LIT("integration"));

    if (!i || !native)
        return;
    i->native = *native;
    gw_properties_read(s, r->properties, r->id, integration_rows,
                       GW_LEN(integration_rows), i);
    if (api_of(s, i->api))
        r->native = &i->native;
}

struct integration_response {
    struct gw_yaml_node native;
    const struct gw_yaml_node *integration, *key;
};

#define AT(member) offsetof(struct integration_response, member)
static const struct gw_property integration_response_rows[] = {
    { "IntegrationId", gw_property_scalar, AT(integration), NULL, true },
    { "IntegrationResponseKey", gw_property_scalar, AT(key), NULL, true },
    { "ResponseTemplates", gw_property_keep, AT(native), NULL, false },
    { "ResponseParameters", gw_property_keep, AT(native), NULL, false },
    { "TemplateSelectionExpression", gw_property_keep, AT(native), NULL,
      false },
    { "ContentHandlingStrategy", gw_property_keep, AT(native), NULL, false },
    GW_PROPERTY_QUIET("ApiId"),
};
#undef AT

static void read_integration_response(struct gw_stack *s, struct gw_resource *r,
                                      struct gw_yaml_node *apis)
{
    struct integration_response *i = gw_stack_alloc(s, r->node, sizeof(*i));
    struct gw_yaml_node *native = gw_model_mapping(s, r->node, GW_EMPTY);
    struct gw_yaml_node *responses;
    struct gw_resource *integration;

    if (!i || !native)
        return;
    i->native = *native;
    gw_properties_read(s, r->properties, r->id, integration_response_rows,
                       GW_LEN(integration_response_rows), i);
    if (!i->integration || !i->key)
        return;
    integration =
        gw_resource_by_ref(s, GW_TYPE_INTEGRATION, i->integration->text);
    if (!integration)
        gw_yaml_fault(s->y, i->integration,
                      "expected an integration of this template");
    if (!integration || !integration->native)
        return;
    responses = child(integration->native, GW_LIT("responses"));
    if (!responses) {
        responses = gw_model_mapping(s, r->node, GW_LIT("responses"));
        if (!responses)
            return;
        gw_yaml_hang(integration->native, responses);
    }
    if (child(responses, i->key->text))
        gw_yaml_fault(s->y, i->key, "the integration has this key already");
    i->native.key = i->key->text;
    i->native.key_mark = i->key->mark;
    gw_yaml_hang(responses, &i->native);
}

/* --- routes ---------------------------------------------------------- */

struct route {
    struct gw_yaml_node native;
    const struct gw_yaml_node *api, *key, *target, *authorizer;
};

static void refuse_protection(struct gw_stack *s,
                              const struct gw_yaml_node *value,
                              const char *what)
{
    gw_yaml_fault(s->y, value,
                  "%s is not enforced here yet, and a route is not served "
                  "without the protection it asks for",
                  what);
}

void gw_model_refuse_authorization(struct gw_stack *s,
                                   struct gw_yaml_node *value, void *unused)
{
    char what[80];

    if (value->kind == GW_YAML_SCALAR && gw_str_eq(value->text, GW_LIT("NONE")))
        return;
    snprintf(what, sizeof(what), "%s %.*s", value->key.at,
             (int)GW_MIN(value->text.len, 20),
             value->text.at ? value->text.at : "");
    refuse_protection(s, value, what);
}

void gw_model_refuse_api_key(struct gw_stack *s, struct gw_yaml_node *value,
                             void *unused)
{
    bool wanted;

    if (gw_yaml_to_bool(s->y, value, &wanted) && wanted)
        refuse_protection(s, value, "ApiKeyRequired");
}

#define AT(member) offsetof(struct route, member)
static const struct gw_property route_rows[] = {
    { "ApiId", gw_property_scalar, AT(api), NULL, true },
    { "RouteKey", gw_property_scalar, AT(key), NULL, true },
    { "Target", gw_property_scalar, AT(target), NULL, true },
    { "RouteResponseSelectionExpression", gw_property_keep, AT(native), NULL,
      false },
    { "AuthorizationType", gw_model_refuse_authorization, 0, NULL, false },
    { "AuthorizerId", gw_property_scalar, AT(authorizer), NULL, false },
    { "ApiKeyRequired", gw_model_refuse_api_key, 0, NULL, false },
    { "ModelSelectionExpression", NULL, 0, gw_model_not_validated, false },
    { "RequestModels", NULL, 0, gw_model_not_validated, false },
    { "RequestParameters", NULL, 0, gw_model_no_parameters, false },
    GW_PROPERTY_QUIET("AuthorizationScopes"),
    GW_PROPERTY_QUIET("OperationName"),
};
#undef AT

static struct gw_resource *target_of(struct gw_stack *s,
                                     const struct gw_yaml_node *target)
{
    const gw_str prefix = GW_LIT("integrations/");
    struct gw_resource *hit = NULL;

    if (gw_str_starts(target->text, prefix))
        hit = gw_resource_by_ref(s, GW_TYPE_INTEGRATION,
                                 gw_str_skip(target->text, prefix.len));
    if (!hit)
        gw_yaml_fault(s->y, target,
                      "expected integrations/ID of an integration of this "
                      "template");
    return hit && hit->native ? hit : NULL;
}

static void read_route(struct gw_stack *s, struct gw_resource *r,
                       struct gw_yaml_node *apis)
{
    struct route *route = gw_stack_alloc(s, r->node, sizeof(*route));
    struct gw_yaml_node *native = gw_model_mapping(s, r->node, GW_EMPTY);
    struct gw_yaml_node *integration;
    struct gw_resource *api, *target;

    if (!route || !native)
        return;
    route->native = *native;
    gw_properties_read(s, r->properties, r->id, route_rows, GW_LEN(route_rows),
                       route);
    api = api_of(s, route->api);
    if (!api || !route->key || !route->target)
        return;
    /* whoever names an authorizer and forgets the type means to be asked */
    if (route->authorizer &&
        !gw_yaml_member(r->properties, GW_LIT("AuthorizationType")))
        refuse_protection(s, route->authorizer, "AuthorizerId");
    target = target_of(s, route->target);
    integration = gw_model_mapping(s, r->node, GW_LIT("integration"));
    if (!target || !integration)
        return;
    *integration = *target->native; /* the same members, for another parent */
    integration->next = NULL;
    gw_yaml_hang(&route->native, integration);
    route->native.key = route->key->text;
    route->native.key_mark = route->key->mark;
    gw_yaml_hang(gw_model_routes(api), &route->native);
    r->native = &route->native;
}

struct route_response {
    const struct gw_yaml_node *route, *key;
};

#define AT(member) offsetof(struct route_response, member)
static const struct gw_property route_response_rows[] = {
    { "RouteId", gw_property_scalar, AT(route), NULL, true },
    { "RouteResponseKey", gw_property_scalar, AT(key), NULL, true },
    { "ResponseParameters", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("ApiId"),
    GW_PROPERTY_QUIET("ModelSelectionExpression"),
    GW_PROPERTY_QUIET("ResponseModels"),
};
#undef AT

/* The route's own expression makes it two-way. */
static void read_route_response(struct gw_stack *s, struct gw_resource *r,
                                struct gw_yaml_node *apis)
{
    struct route_response response = { 0 };
    struct gw_resource *route;

    gw_properties_read(s, r->properties, r->id, route_response_rows,
                       GW_LEN(route_response_rows), &response);
    if (!response.route || !response.key)
        return;
    if (!gw_str_eq(response.key->text, GW_LIT("$default")))
        gw_yaml_fault(s->y, response.key, "expected $default");
    route = gw_resource_by_ref(s, GW_TYPE_ROUTE, response.route->text);
    if (!route)
        gw_yaml_fault(s->y, response.route,
                      "expected a route of this "
                      "template");
    else if (route->native &&
             !child(route->native, GW_LIT("routeResponseSelectionExpression")))
        gw_notes_add(&s->notes, route->id,
                     "a route with a RouteResponse stays one-way without a "
                     "RouteResponseSelectionExpression");
}

/* --- stages ---------------------------------------------------------- */

struct stage {
    struct gw_yaml_node native;
    const struct gw_yaml_node *api, *name, *deployment;
    bool auto_deploy;
};

static const struct gw_property settings_rows[] = {
    { "ThrottlingRateLimit", gw_property_keep, 0, NULL, false },
    { "ThrottlingBurstLimit", gw_property_keep, 0, NULL, false },
    { "DataTraceEnabled", NULL, 0, gw_property_idle, false },
    { "DetailedMetricsEnabled", NULL, 0, gw_property_idle, false },
    { "LoggingLevel", NULL, 0, gw_property_idle, false },
};

static struct gw_yaml_node *read_settings(struct gw_stack *s,
                                          const struct gw_yaml_node *value,
                                          gw_str key)
{
    struct gw_yaml_node *native = gw_model_mapping(s, value, key);

    if (native)
        gw_properties_read(s, value, value->owner, settings_rows,
                           GW_LEN(settings_rows), native);
    return native;
}

void gw_model_default_settings(struct gw_stack *s, struct gw_yaml_node *value,
                               void *stage)
{
    struct gw_yaml_node *native =
        read_settings(s, value, GW_LIT("defaultRouteSettings"));

    if (native)
        gw_yaml_hang(stage, native);
}

void gw_model_route_settings(struct gw_stack *s, struct gw_yaml_node *value,
                             void *stage)
{
    struct gw_yaml_node *all =
        gw_model_mapping(s, value, GW_LIT("routeSettings"));

    if (!all || !gw_yaml_is_mapping(s->y, value, "settings by route key"))
        return;
    GW_YAML_EACH(entry, value)
    {
        struct gw_yaml_node *one = read_settings(s, entry, entry->key);

        if (one)
            gw_yaml_hang(all, one);
    }
    gw_yaml_hang(stage, all);
}

#define AT(member) offsetof(struct stage, member)
static const struct gw_property stage_rows[] = {
    { "ApiId", gw_property_scalar, AT(api), NULL, true },
    { "StageName", gw_property_scalar, AT(name), NULL, true },
    { "DeploymentId", gw_property_scalar, AT(deployment), NULL, false },
    { "AutoDeploy", gw_property_flag, AT(auto_deploy), NULL, false },
    { "StageVariables", gw_property_keep, AT(native), NULL, false },
    { "DefaultRouteSettings", gw_model_default_settings, AT(native), NULL,
      false },
    { "RouteSettings", gw_model_route_settings, AT(native), NULL, false },
    { "AccessLogSettings", NULL, 0, gw_model_access_log, false },
    { "ClientCertificateId", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("AccessPolicyId"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("Tags"),
};
#undef AT

void gw_model_add_stage(struct gw_stack *s, struct gw_resource *api,
                        struct gw_yaml_node *stage,
                        const struct gw_yaml_node *at, gw_str name)
{
    struct gw_yaml_node *stages = gw_model_stages(api);

    if (child(stages, name))
        gw_yaml_fault(s->y, at, "the API has a stage of this name already");
    stage->key = name;
    stage->key_mark = at->mark;
    gw_yaml_hang(stages, stage);
}

static void read_stage(struct gw_stack *s, struct gw_resource *r,
                       struct gw_yaml_node *apis)
{
    struct stage *stage = gw_stack_alloc(s, r->node, sizeof(*stage));
    struct gw_yaml_node *native = gw_model_mapping(s, r->node, GW_EMPTY);
    struct gw_resource *api;

    if (!stage || !native)
        return;
    stage->native = *native;
    gw_properties_read(s, r->properties, r->id, stage_rows, GW_LEN(stage_rows),
                       stage);
    api = api_of(s, stage->api);
    if (!api || !stage->name)
        return;
    if (!stage->deployment && !stage->auto_deploy)
        gw_notes_add(&s->notes, r->id,
                     "a stage without DeploymentId and AutoDeploy serves "
                     "nothing at the original; here it serves all routes");
    gw_model_add_stage(s, api, &stage->native, stage->name, stage->name->text);
}

/* --- what has no part in serving -------------------------------------- */

struct other {
    const struct gw_yaml_node *api, *type, *name;
};

#define AT(member) offsetof(struct other, member)
static const struct gw_property deployment_rows[] = {
    { "ApiId", gw_property_scalar, AT(api), NULL, true },
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("StageName"),
};

static const struct gw_property authorizer_rows[] = {
    { "ApiId", gw_property_scalar, AT(api), NULL, true },
    { "AuthorizerType", gw_property_scalar, AT(type), NULL, true },
    { "Name", gw_property_scalar, AT(name), NULL, true },
    GW_PROPERTY_QUIET("AuthorizerCredentialsArn"),
    GW_PROPERTY_QUIET("AuthorizerPayloadFormatVersion"),
    GW_PROPERTY_QUIET("AuthorizerResultTtlInSeconds"),
    GW_PROPERTY_QUIET("AuthorizerUri"),
    GW_PROPERTY_QUIET("EnableSimpleResponses"),
    GW_PROPERTY_QUIET("IdentitySource"),
    GW_PROPERTY_QUIET("IdentityValidationExpression"),
    GW_PROPERTY_QUIET("JwtConfiguration"),
};

static const struct gw_property model_rows[] = {
    { "ApiId", gw_property_scalar, AT(api), NULL, true },
    { "Name", gw_property_scalar, AT(name), NULL, true },
    GW_PROPERTY_QUIET("ContentType"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("Schema"),
};
#undef AT

static void read_other(struct gw_stack *s, struct gw_resource *r,
                       const struct gw_property *rows, size_t count,
                       const char *note)
{
    struct other other = { 0 };

    gw_properties_read(s, r->properties, r->id, rows, count, &other);
    if (api_of(s, other.api) && note)
        gw_notes_add(&s->notes, r->id, "%.*s: %s", GW_FMT(r->type_name), note);
}

static void read_deployment(struct gw_stack *s, struct gw_resource *r,
                            struct gw_yaml_node *apis)
{
    read_other(s, r, deployment_rows, GW_LEN(deployment_rows), NULL);
}

static void read_authorizer(struct gw_stack *s, struct gw_resource *r,
                            struct gw_yaml_node *apis)
{
    read_other(s, r, authorizer_rows, GW_LEN(authorizer_rows),
               "it is not asked here yet; a route that wants it is refused");
}

static void read_model(struct gw_stack *s, struct gw_resource *r,
                       struct gw_yaml_node *apis)
{
    read_other(s, r, model_rows, GW_LEN(model_rows), gw_model_not_validated);
}

static void read_websocket_api(struct gw_stack *s, struct gw_resource *r,
                               struct gw_yaml_node *apis)
{
    if (gw_model_api(s, r, apis))
        gw_model_websocket_api(s, r);
}

/* --- the whole ------------------------------------------------------- */

static const struct {
    gw_type_kind kind;
    void (*read)(struct gw_stack *s, struct gw_resource *r,
                 struct gw_yaml_node *apis);
} readers[] = {
    { GW_TYPE_API, read_api },
    { GW_TYPE_WEBSOCKET_API, read_websocket_api },
    { GW_TYPE_INTEGRATION, read_integration },
    { GW_TYPE_INTEGRATION_RESPONSE, read_integration_response },
    { GW_TYPE_ROUTE, read_route },
    { GW_TYPE_ROUTE_RESPONSE, read_route_response },
    { GW_TYPE_STAGE, read_stage },
    { GW_TYPE_DEPLOYMENT, read_deployment },
    { GW_TYPE_AUTHORIZER, read_authorizer },
    { GW_TYPE_MODEL, read_model },
};

struct gw_yaml_node *gw_model_apis(struct gw_stack *s,
                                   const struct gw_yaml_node *resources)
{
    struct gw_yaml_node *apis = gw_model_mapping(s, resources, GW_LIT("apis"));

    for (size_t k = 0; apis && k < GW_LEN(readers); k++)
        for (size_t i = 0; i < s->resource_count; i++) {
            struct gw_resource *r = &s->resources[i];

            if (r->exists && r->type->kind == readers[k].kind &&
                !is_left_out(s, r))
                readers[k].read(s, r, apis);
        }
    return apis;
}
