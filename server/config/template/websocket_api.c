/*
 * AWS::Serverless::WebSocketApi: SAM makes an API of it, a stage, and for each
 * of its routes an integration that calls the function.
 */
#include "server/config/template/model.h"
#include "server/config/template/parameter.h"
#include "server/config/template/property.h"

#include <stdio.h>

struct websocket_api {
    struct gw_yaml_node stage;
    const struct gw_yaml_node *selection, *routes, *stage_name;
};

static const char domains[] =
    "it has no effect here: name the domain with the setting `domainName`";

static const struct gw_property auth_rows[] = {
    { "AuthType", gw_model_refuse_authorization, 0, NULL, true },
    GW_PROPERTY_QUIET("AuthArn"),
    GW_PROPERTY_QUIET("IdentitySource"),
    GW_PROPERTY_QUIET("InvokeRole"),
    GW_PROPERTY_QUIET("Name"),
};

static void auth(struct gw_stack *s, struct gw_yaml_node *value, void *api)
{
    gw_properties_read(s, value, value->owner, auth_rows, GW_LEN(auth_rows),
                       api);
}

#define AT(member) offsetof(struct websocket_api, member)
static const struct gw_property rows[] = {
    { "Routes", gw_property_node, AT(routes), NULL, true },
    { "RouteSelectionExpression", gw_property_scalar, AT(selection), NULL,
      true },
    { "Auth", auth, 0, NULL, false },
    { "StageName", gw_property_scalar, AT(stage_name), NULL, false },
    { "StageVariables", gw_property_keep, AT(stage), NULL, false },
    { "DefaultRouteSettings", gw_model_default_settings, AT(stage), NULL,
      false },
    { "RouteSettings", gw_model_route_settings, AT(stage), NULL, false },
    { "AccessLogSettings", NULL, 0, gw_model_access_log, false },
    { "DisableExecuteApiEndpoint", NULL, 0, gw_property_idle, false },
    { "Domain", NULL, 0, domains, false },
    GW_PROPERTY_QUIET("ApiKeySelectionExpression"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("DisableSchemaValidation"),
    GW_PROPERTY_QUIET("FailOnWarnings"),
    GW_PROPERTY_QUIET("IpAddressType"),
    GW_PROPERTY_QUIET("Name"),
    GW_PROPERTY_QUIET("PropagateTags"),
    GW_PROPERTY_QUIET("Tags"),
};
#undef AT

struct route {
    struct gw_yaml_node native;
    const struct gw_yaml_node *function, *timeout;
};

#define AT(member) offsetof(struct route, member)
static const struct gw_property route_rows[] = {
    { "FunctionArn", gw_property_scalar, AT(function), NULL, true },
    { "IntegrationTimeout", gw_property_scalar, AT(timeout), NULL, false },
    { "RouteResponseSelectionExpression", gw_property_keep, AT(native), NULL,
      false },
    { "ApiKeyRequired", gw_model_refuse_api_key, 0, NULL, false },
    { "ModelSelectionExpression", NULL, 0, gw_model_not_validated, false },
    { "RequestModels", NULL, 0, gw_model_not_validated, false },
    { "RequestParameters", NULL, 0, gw_model_no_parameters, false },
    GW_PROPERTY_QUIET("OperationName"),
};
#undef AT

static void read_route(struct gw_stack *s, const struct gw_yaml_node *entry,
                       struct gw_yaml_node *routes)
{
    struct route *route = gw_stack_alloc(s, entry, sizeof(*route));
    struct gw_yaml_node *native = gw_model_mapping(s, entry, entry->key);
    struct gw_yaml_node *integration =
        gw_model_mapping(s, entry, GW_LIT("integration"));
    struct gw_yaml_node *uri;

    if (!route || !native || !integration)
        return;
    route->native = *native;
    gw_properties_read(s, entry, entry->owner, route_rows, GW_LEN(route_rows),
                       route);
    if (!route->function)
        return;
    uri = gw_stack_textf(
        s, route->function,
        "arn:%.*s:apigateway:%.*s:lambda:path/2015-03-31/functions/%.*s/"
        "invocations",
        GW_FMT(gw_parameter_pseudo(s, "AWS::Partition")),
        GW_FMT(gw_parameter_pseudo(s, "AWS::Region")),
        GW_FMT(route->function->text));
    if (!uri)
        return;
    gw_model_put(s, integration, "integrationType", entry, GW_LIT("AWS_PROXY"));
    gw_model_put(s, integration, "integrationUri", route->function, uri->text);
    if (route->timeout)
        gw_model_put(s, integration, "timeoutInMillis", route->timeout,
                     route->timeout->text);
    gw_yaml_hang(&route->native, integration);
    gw_yaml_hang(routes, &route->native);
}

void gw_model_websocket_api(struct gw_stack *s, struct gw_resource *r)
{
    struct websocket_api *api = gw_stack_alloc(s, r->node, sizeof(*api));
    struct gw_yaml_node *stage = gw_model_mapping(s, r->node, GW_EMPTY);

    if (!api || !stage)
        return;
    api->stage = *stage;
    gw_properties_read(s, r->properties, r->id, rows, GW_LEN(rows), api);
    if (api->selection)
        gw_model_put(s, r->native, "routeSelectionExpression", api->selection,
                     api->selection->text);
    if (api->routes && gw_yaml_is_mapping(s->y, api->routes, "routes by key"))
        GW_YAML_EACH(entry, api->routes)
    read_route(s, entry, gw_model_routes(r));
    gw_model_add_stage(
        s, r, &api->stage, api->stage_name ? api->stage_name : r->node,
        api->stage_name ? api->stage_name->text : GW_LIT("default"));
}
