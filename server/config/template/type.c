#include "server/config/template/type.h"

#define V2  "AWS::ApiGatewayV2::"
#define SAM "AWS::Serverless::"

#define RIGHTS "functions run with the rights gatewire gives them"
#define DOMAINS \
    "it is not served here: name the domain with the setting `domainName`"
#define HTTP_API "it is not served here: only WebSocket APIs are"

/* The last row is any other type's. */
static const struct gw_type types[] = {
    { V2 "Api", GW_TYPE_API, NULL, NULL, NULL },
    { V2 "Route", GW_TYPE_ROUTE, NULL, NULL, NULL },
    { V2 "Integration", GW_TYPE_INTEGRATION, NULL, NULL, NULL },
    { V2 "IntegrationResponse", GW_TYPE_INTEGRATION_RESPONSE, NULL, NULL,
      NULL },
    { V2 "RouteResponse", GW_TYPE_ROUTE_RESPONSE, NULL, NULL, NULL },
    { V2 "Stage", GW_TYPE_STAGE, "StageName", NULL, NULL },
    { V2 "Deployment", GW_TYPE_DEPLOYMENT, NULL, NULL, NULL },
    { V2 "Authorizer", GW_TYPE_AUTHORIZER, NULL, NULL, NULL },
    { V2 "Model", GW_TYPE_MODEL, NULL, NULL, NULL },
    { V2 "DomainName", GW_TYPE_UNSERVED, "DomainName", NULL, DOMAINS },
    { V2 "ApiMapping", GW_TYPE_UNSERVED, NULL, NULL, DOMAINS },
    { V2 "VpcLink", GW_TYPE_IDLE, NULL, NULL,
      "nothing to do: backends are called directly" },
    { SAM "WebSocketApi", GW_TYPE_WEBSOCKET_API, NULL, NULL, NULL },
    { SAM "Function", GW_TYPE_SAM_FUNCTION, "FunctionName",
      "lambda|function:", NULL },
    { SAM "SimpleTable", GW_TYPE_SIMPLE_TABLE, "TableName", "dynamodb|table/",
      NULL },
    { SAM "Api", GW_TYPE_UNSERVED, NULL, NULL, HTTP_API },
    { SAM "HttpApi", GW_TYPE_UNSERVED, NULL, NULL, HTTP_API },
    { "AWS::Lambda::Function", GW_TYPE_FUNCTION, "FunctionName",
      "lambda|function:", NULL },
    { "AWS::Lambda::Permission", GW_TYPE_IDLE, NULL, NULL,
      "nothing to do: routes may call every function here" },
    { "AWS::DynamoDB::Table", GW_TYPE_TABLE, "TableName", "dynamodb|table/",
      NULL },
    { "AWS::IAM::Role", GW_TYPE_IDLE, "RoleName", "iam|role/", RIGHTS },
    { "AWS::IAM::Policy", GW_TYPE_IDLE, "PolicyName", NULL, RIGHTS },
    { "AWS::IAM::ManagedPolicy", GW_TYPE_IDLE, NULL, "iam|policy/", RIGHTS },
    { "AWS::IAM::RolePolicy", GW_TYPE_IDLE, NULL, NULL, RIGHTS },
    { "AWS::ApiGateway::Account", GW_TYPE_IDLE, NULL, NULL,
      "nothing to do: logs go where gatewire's go" },
    { "AWS::Logs::LogGroup", GW_TYPE_IDLE, "LogGroupName",
      "logs|log-group:", "nothing to do: logs go where gatewire's go" },
    { "AWS::CDK::Metadata", GW_TYPE_IDLE, NULL, NULL, "nothing to do" },
    { "AWS::SQS::Queue", GW_TYPE_UNSERVED, "QueueName", NULL, NULL },
    { "AWS::SNS::Topic", GW_TYPE_UNSERVED, "TopicName", NULL, NULL },
    { "AWS::S3::Bucket", GW_TYPE_UNSERVED, "BucketName", NULL, NULL },
    { "AWS::StepFunctions::StateMachine", GW_TYPE_UNSERVED, "StateMachineName",
      NULL, NULL },
    { NULL, GW_TYPE_UNSERVED, NULL, NULL, NULL },
};

const struct gw_type *gw_type_find(gw_str name)
{
    size_t i = 0;

    while (types[i].name && !gw_str_eq(name, gw_str_of(types[i].name)))
        i++;
    return &types[i];
}
