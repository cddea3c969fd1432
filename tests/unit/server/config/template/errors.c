/*
 * What is wrong with a template is said at its line, with the logical id; what
 * has no effect is noted.
 */
#include "server/config/config.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct gw_config_errors errors;

#define SAM "Transform: AWS::Serverless-2016-10-31\n"

/* A template that is right: rows add to its resources, from line 7 on. */
#define API                                                              \
    SAM "Resources:\n"                                                   \
        "  A: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: a,\n"  \
        "    ProtocolType: WEBSOCKET, RouteSelectionExpression: a } }\n" \
        "  W: { Type: AWS::Serverless::WebSocketApi, Properties: {\n"    \
        "    RouteSelectionExpression: a, Routes: {} } }\n"
#define FUNCTION                                                           \
    "  F: { Type: AWS::Serverless::Function, Properties: { InlineCode: x," \
    " Runtime: nodejs20.x, Handler: index.handler,\n    "
#define VALUE(text)                                  \
    API "  Q: { Type: AWS::SQS::Queue }\nOutputs:\n" \
        "  X:\n    Value: " text "\n"

static const struct {
    const char *text, *error; /* one of the lines, or its beginning */
} cases[] = {
    /* sections */
    { "Resource: {}\nTransform: AWS::Serverless-2016-10-31\n",
      "1:1: unknown section `Resource`; did you mean `Resources`?" },
    { "AWSTemplateFormatVersion: '2010-09-10'\nResources: {}\n",
      "1:27: expected 2010-09-09" },
    { "AWSTemplateFormatVersion: '2010-09-09'\n", "1:1: expected `Resources`" },
    { "Resources: {}\n", "1:1: expected at least one WebSocket API" },
    { "Resources: []\n", "1:12: expected resources by logical id" },
    { "Transform: [AWS::Include]\nResources: {}\n",
      "1:13: this transform is not run here" },
    { "Resources: {}\nGlobals: {}\n", "2:1: Globals need `Transform" },
    { SAM "Resources: {}\nGlobals: { Funktion: {} }\n",
      "3:12: Globals.Funktion: unknown key `Funktion`; did you mean "
      "`Function`?" },
    { "Resources: &x {}\n", "1:12: anchors (&) and aliases (*)" },
    /* parameters */
    { "Parameters:\n  P: {}\nResources: {}\n",
      "2:3: Parameters.P: expected a Type" },
    { "Parameters:\n  P: { Type: Sting }\nResources: {}\n",
      "2:14: Parameters.P: expected String, Number" },
    { "Parameters:\n  P: { Type: String }\nResources: {}\n",
      "2:3: Parameters.P: it has no Default: give it with --parameter P=..." },
    { "Parameters:\n  P: { Type: String, Defalt: x }\nResources: {}\n",
      "2:22: Parameters.P: unknown key `Defalt`; did you mean `Default`?" },
    { "Parameters:\n  P: { Type: String, Default: !Ref X }\nResources: {}\n",
      "2:31: Parameters.P: expected a text or a number; no function" },
    { "Parameters:\n  P: { Type: Number, Default: x }\nResources: {}\n",
      "2:31: Parameters.P: expected a number" },
    { "Parameters:\n  P: { Type: Number, Default: 3, MinValue: 4 }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected a number from 4" },
    { "Parameters:\n  P: { Type: Number, Default: 3.5, MaxValue: 3 }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected a number up to 3" },
    { "Parameters:\n  P: { Type: Number, Default: -1, MinValue: -0.5 }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected a number from -0.5" },
    { "Parameters:\n  P: { Type: String, Default: \xc3\xa9, MinLength: 2 }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected at least 2 characters" },
    { "Parameters:\n  P: { Type: String, Default: abc, MaxLength: 2 }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected at most 2 characters" },
    { "Parameters:\n  P: { Type: String, Default: c, AllowedValues: [a, b] }\n"
      "Resources: {}\n",
      "2:31: Parameters.P: expected one of a, b" },
    { "Parameters:\n  P: { Type: String, Default: a1, AllowedPattern: '[a-z]',"
      " ConstraintDescription: a letter }\nResources: {}\n",
      "2:31: Parameters.P: expected a text that matches [a-z]: a letter" },
    { "Parameters:\n  P: { Type: List<Number>, Default: '1,x' }\n"
      "Resources: {}\n",
      "2:37: Parameters.P: expected a number" },
    { "Parameters:\n  P: { Type: AWS::SSM::Parameter::Value<String>,"
      " Default: /x }\nResources: {}\n",
      "2:14: Parameters.P: the store of this type's values is not asked" },
    /* conditions */
    { "Conditions:\n  C: !Equals [a]\nResources: {}\n",
      "2:6: Conditions.C: expected two values" },
    { "Conditions:\n  C: !Not [a, b]\nResources: {}\n",
      "2:6: Conditions.C: expected a list of one condition" },
    { "Conditions:\n  C: !And [Condition: D]\nResources: {}\n",
      "2:6: Conditions.C: expected 2 to 10 conditions" },
    { "Conditions:\n  C: !Not [Condition: D]\nResources: {}\n",
      "2:23: Conditions.C: there is no condition `D`" },
    { "Conditions:\n  C: !Not [!Condition D]\n  D: !Not [!Condition C]\n"
      "Resources: {}\n",
      "3:12: Conditions.D: the condition `C` waits for itself" },
    { "Conditions:\n  C: perhaps\nResources: {}\n",
      "2:6: Conditions.C: expected a condition" },
    { "Conditions:\n  C: !Equals [!Ref Q, a]\nResources: { Q: { Type:"
      " AWS::SQS::Queue } }\n",
      "2:15: Conditions.C: there is no parameter or resource `Q`" },
    /* resources */
    { API "  B-1: { Type: AWS::SQS::Queue }\n",
      "7:3: B-1: expected a logical id" },
    { API "  B: { Properties: {} }\n", "7:3: B: expected a resource with" },
    { API "  B: { Type: AWS::SQS::Queue, Propertys: {} }\n",
      "7:31: B: unknown key `Propertys`; did you mean `Properties`?" },
    { "Resources:\n  F: { Type: AWS::Serverless::Function }\n",
      "2:14: F: AWS::Serverless::Function needs `Transform" },
    { API "  a: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: a,\n"
          "    ProtocolType: WEBSOCKET, RouteSelectionExpression: a } }\n",
      "7:3: a: expected APIs that differ in more than capitals: A is one" },
    { API "  B: { Type: AWS::SQS::Queue, Condition: None }\n",
      "7:42: B: there is no condition `None`" },
    { API "  B: { Type: AWS::SQS::Queue, DependsOn: [A, C] }\n",
      "7:46: B: there is no resource `C`" },
    /* references, also of what is not evaluated */
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: !Ref Nothing } }\n",
      "7:48: B: there is no parameter or resource `Nothing`" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: [!Rev A] } }\n",
      "7:49: B: unknown function `!Rev`; did you mean `!Ref`?" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: { Fn::Joint: [] } }"
          " }\n",
      "7:48: B: unknown function `Fn::Joint`; did you mean `Fn::Join`?" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: !GetAtt C.Arn } }\n",
      "7:48: B: there is no resource `C`" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: !Sub '${C.D}' } }\n",
      "7:48: B: there is no resource `C`" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: !Ref B } }\n",
      "7:48: B: these wait for each other: B -> B" },
    { API "  B: { Type: AWS::SQS::Queue, Properties: { X: !Ref C } }\n"
          "  C: { Type: AWS::SQS::Queue, DependsOn: D }\n"
          "  D: { Type: AWS::SQS::Queue, Properties: { X: !Sub '${B.Arn}' } }"
          "\n",
      "9:48: D: these wait for each other: B -> C -> D -> B" },
    { API FUNCTION "FunctionName: !Ref G } }\n"
                   "  G: { Type: AWS::SQS::Queue, DependsOn: F }\n",
      "9:42: G: these wait for each other: F -> G -> F" },
    { "Conditions: { N: !Equals [a, b] }\n" API
      "  B: { Type: AWS::SQS::Queue, Condition: N }\n"
      "  C: { Type: AWS::SQS::Queue, Properties: { X: !Ref B } }\n",
      "9:48: C: `B` is not created: its Condition does not hold" },
    /* functions */
    { VALUE("!ImportValue x"), "10:12: Outputs.X: Fn::ImportValue: there are "
                               "no other stacks here to import from; make" },
    { VALUE("{ 'Fn::ImportValue': x }"), "10:12: Outputs.X: Fn::ImportValue" },
    { VALUE("!Cidr [a, 1, 2]"), "10:12: Outputs.X: Fn::Cidr: it is not" },
    { VALUE("!Transform { Name: x }"), "10:12: Outputs.X: Fn::Transform" },
    { VALUE("{ 'Fn::ForEach::X': [] }"), "10:12: Outputs.X: Fn::ForEach::X" },
    { VALUE("!Equals [a, b]"), "10:12: Outputs.X: Fn::Equals belongs into" },
    { VALUE("!Ref [A]"), "10:12: Outputs.X: expected the name of" },
    { VALUE("!Ref AWS::NoValue"), "10:12: Outputs.X: expected a text" },
    { VALUE("!GetAtt A"), "10:12: Outputs.X: expected RESOURCE.ATTRIBUTE" },
    { VALUE("!GetAtt A.Foo"),
      "10:12: Outputs.X: expected the attribute ApiId" },
    { VALUE("!Sub '${A'"), "10:12: Outputs.X: expected ${NAME}" },
    { VALUE("!Sub '${A-B}'"), "10:12: Outputs.X: expected ${NAME}" },
    { VALUE("!Sub '${}'"), "10:12: Outputs.X: expected ${NAME}" },
    { VALUE("!Sub [x]"), "10:12: Outputs.X: expected a text, or a list of" },
    { VALUE("!Join ['-', x]"), "10:24: Outputs.X: expected a list to join" },
    { VALUE("!Join ['-']"), "10:12: Outputs.X: expected [DELIMITER, LIST]" },
    { VALUE("!Join ['-', [[a]]]"), "10:25: Outputs.X: expected a text to" },
    { VALUE("!Select [3, [a]]"), "10:21: Outputs.X: expected an index from 0" },
    { VALUE("!Select [x, [a]]"), "10:21: Outputs.X: expected an index from 0" },
    { VALUE("!Split ['', a]"), "10:20: Outputs.X: expected a delimiter" },
    { VALUE("!Split [',', 'a,b']"), "10:12: Outputs.X: expected a text" },
    { VALUE("!If [C, a, b]"), "10:17: Outputs.X: there is no condition `C`" },
    { VALUE("!If [C, a]"), "10:12: Outputs.X: expected [CONDITION, VALUE" },
    { VALUE("!FindInMap [M, a, b]"),
      "10:24: Outputs.X: there is no `M` in the Mappings" },
    { "Mappings: { M: { a: { b: !Ref A } } }\nResources: {}\n",
      "1:26: Mappings.M: no function can stand in the Mappings" },
    { VALUE("{ a: b }"), "10:12: Outputs.X: expected a text" },
    { API "Outputs: { X: {} }\n", "7:12: Outputs.X: expected a `Value`" },
    { API "Outputs: { X: { Value: a, Exports: {} } }\n",
      "7:27: Outputs.X: unknown key `Exports`; did you mean `Export`?" },
    /* routes, integrations, stages */
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: integrations/I,\n"
          "    AuthorizationType: CUSTOM } }\n",
      "9:24: R: AuthorizationType CUSTOM is not enforced here yet" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: integrations/I,\n"
          "    AuthorizerId: z } }\n",
      "9:19: R: AuthorizerId is not enforced here yet" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: integrations/I,\n"
          "    ApiKeyRequired: true } }\n",
      "9:21: R: ApiKeyRequired is not enforced here yet" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: integrations/I } }\n",
      "8:41: R: expected integrations/ID of an integration of this" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: other, RouteKey: x } }\n",
      "8:12: R: expected an API of this template" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A } }\n",
      "7:40: R: expected a `RouteKey`" },
    { API "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RoutKey: x } }\n",
      "8:20: R: unknown property `RoutKey`; did you mean `RouteKey`?" },
    { API "  I: { Type: AWS::ApiGatewayV2::Integration, Properties: {\n"
          "    ApiId: !Ref A, IntegrationType: HTTP, IntegrationUri: !Sub\n"
          "      'ftp://x' } }\n"
          "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: !Sub 'integrations/${I}' }"
          " }\n"
          "  S: { Type: AWS::ApiGatewayV2::Stage, Properties: {\n"
          "    ApiId: !Ref A, StageName: s, AutoDeploy: true } }\n",
      "8:59: I: expected" },
    { API "  I: { Type: AWS::ApiGatewayV2::Integration, Properties: {\n"
          "    ApiId: !Ref A, IntegrationType: LAMBDA } }\n"
          "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
          "    ApiId: !Ref A, RouteKey: x, Target: !Sub 'integrations/${I}' }"
          " }\n",
      "8:37: I: expected one of MOCK" },
    { API "  M: { Type: AWS::ApiGatewayV2::IntegrationResponse, Properties: {"
          "\n    ApiId: !Ref A, IntegrationId: no, IntegrationResponseKey: x"
          " } }\n",
      "8:35: M: expected an integration of this template" },
    { API "  S: { Type: AWS::ApiGatewayV2::Stage, Properties: {\n"
          "    ApiId: !Ref A, StageName: s } }\n"
          "  T: { Type: AWS::ApiGatewayV2::Stage, Properties: {\n"
          "    ApiId: !Ref A, StageName: s } }\n",
      "10:31: T: the API has a stage of this name already" },
    { API "  S: { Type: AWS::ApiGatewayV2::Stage, Properties: {\n"
          "    ApiId: !Ref A, StageName: s, DefaultRouteSettings: {\n"
          "      ThrottlingRateLimit: fast } } }\n",
      "9:28: S: expected a number of requests a second" },
    { API "  B: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: b,\n"
          "    ProtocolType: WEBSOCKET, Body: {} } }\n",
      "8:30: B: OpenAPI definitions are not read here" },
    { API "  B: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: b,\n"
          "    ProtocolType: TELNET } }\n",
      "8:19: B: expected WEBSOCKET or HTTP" },
    /* SAM's */
    { API "  B: { Type: AWS::Serverless::WebSocketApi, Properties: {\n"
          "    RouteSelectionExpression: a, Routes: { x: {} } } }\n",
      "8:44: B: expected a `FunctionArn`" },
    { API "  B: { Type: AWS::Serverless::WebSocketApi, Properties: {\n"
          "    RouteSelectionExpression: a, Routes: { $connect: {\n"
          "      FunctionArn: x } }, Auth: { AuthType: AWS_IAM } } }\n",
      "9:45: B: AuthType AWS_IAM is not enforced here yet" },
    { API "  B: { Type: AWS::Serverless::WebSocketApi, Properties: {\n"
          "    RouteSelectionExpression: a, Routes: { x: {\n"
          "      FunctionArn: x } } } }\n",
      "9:20: B: expected a function" },
    /* functions of one's own */
    { API FUNCTION "Layers: [a] } }\n", "8:5: F: layers are not put together" },
    { API FUNCTION "PackageType: Image } }\n", "8:5: F: container images" },
    { API FUNCTION "ImageUri: x } }\n", "8:5: F: container images" },
    { API FUNCTION "CodeUri: . } }\n", "7:41: F: expected one of `CodeUri`" },
    { API FUNCTION "Timeout: 901 } }\n", "8:14: F: expected a whole number" },
    { API FUNCTION "MemorySize: 64 } }\n", "8:17: F: expected a whole number" },
    { API FUNCTION "ReservedConcurrentExecutions: -1 } }\n",
      "8:35: F: expected a whole number, 0 to" },
    { API FUNCTION "Environment: { Variables: { A-B: x } } } }\n",
      "8:33: F: expected a name of letters" },
    { API FUNCTION "Environment: { Variables: { A: [x] } } } }\n",
      "8:36: F: expected a text" },
    { API FUNCTION "Environment: { Variable: { A: x } } } }\n",
      "8:20: F: unknown property `Variable`; did you mean `Variables`?" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    CodeUri: /nowhere/at/all, Runtime: nodejs20.x } }\n",
      "8:14: F: /nowhere/at/all: No such file or directory" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    CodeUri: /dev/null, Runtime: nodejs20.x } }\n",
      "8:14: F: expected the path of a folder: archives" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    CodeUri: s3://b/k, Runtime: nodejs20.x } }\n",
      "8:14: F: code in S3 is not fetched here" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    CodeUri: { Bucket: b, Key: k }, Runtime: nodejs20.x } }\n",
      "8:14: F: code in S3 is not fetched here" },
    { API "  F: { Type: AWS::Lambda::Function, Properties: { Handler: a,"
          "\n    Code: { S3Bucket: b, S3Key: k }, Runtime: nodejs20.x } }\n",
      "8:23: F: code in S3 is not fetched here" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    CodeUri: . } }\n",
      "7:41: F: expected a `Runtime`" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: {\n"
          "    CodeUri: ., Runtime: nodejs20.x } }\n",
      "7:41: F: expected a `Handler`" },
    { API "  F: { Type: AWS::Serverless::Function, Properties: { Handler: a,"
          "\n    InlineCode: x, Runtime: java21 } }\n",
      "8:29: F: code in the template needs nodejs* or python3*" },
    { API FUNCTION "FunctionName: G } }\n"
                   "  G: { Type: AWS::Serverless::Function, Properties: {\n"
                   "    InlineCode: x, Runtime: nodejs20.x, Handler: a } }\n",
      "9:3: G: F has the same FunctionName" },
    /* tables */
    { API "  T: { Type: AWS::DynamoDB::Table, Properties: {\n"
          "    AttributeDefinitions: [{ AttributeName: a, AttributeType: S }],"
          "\n    KeySchema: [{ AttributeName: b, KeyType: HASH }] } }\n",
      "9:34: T: expected an attribute of the AttributeDefinitions" },
    { API "  T: { Type: AWS::DynamoDB::Table, Properties: {\n"
          "    AttributeDefinitions: [{ AttributeName: a, AttributeType: X }],"
          "\n    KeySchema: [{ AttributeName: a, KeyType: HASH }] } }\n",
      "8:63: T: expected S, N or B" },
    { API "  T: { Type: AWS::DynamoDB::Table, Properties: {\n"
          "    AttributeDefinitions: [{ AttributeName: a, AttributeType: S }],"
          "\n    KeySchema: [{ AttributeName: a, KeyType: RANGE }] } }\n",
      "9:16: T: expected a HASH key" },
    { API "  T: { Type: AWS::Serverless::SimpleTable, Properties: {\n"
          "    PrimaryKey: { Name: a, Type: S } } }\n",
      "8:34: T: expected String, Number or Binary" },
};

START_TEST(mistakes_are_placed)
{
    struct gw_config_source source = { .text = gw_str_of(cases[_i].text) };
    struct gw_config *config;
    char want[256];

    snprintf(want, sizeof(want), "(built-in):%s", cases[_i].error);
    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    for (unsigned i = 0; i < GW_MIN(errors.count, GW_CONFIG_ERRORS_MAX + 0U);
         i++)
        if (strncmp(errors.lines[i], want, strlen(want)) == 0)
            return;
    ck_abort_msg("want %s\nhave %s\nand  %s", want, errors.lines[0],
                 errors.count > 1 ? errors.lines[1] : "");
}
END_TEST

START_TEST(several_mistakes_are_told_at_once)
{
    static const char *const want[] = {
        "(built-in):2:6: Conditions.C: expected two values to compare",
        "(built-in):4:67: A: unknown property `RouteSelektionExpression`; did "
        "you mean `RouteSelectionExpression`?",
        "(built-in):5:60: F: expected a whole number, 1 to 900",
        "(built-in):7:15: Outputs.X: there is no parameter or resource `Y`",
    };
    struct gw_config_source source = {
        .text = GW_LIT(
            "Conditions:\n  C: !Equals [a]\nResources:\n"
            "  A: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: a,       "
            "RouteSelektionExpression: a, ProtocolType: WEBSOCKET } }\n"
            "  F: { Type: AWS::Lambda::Function, Properties: { Timeout: 0 } }\n"
            "Outputs:\n  X: { Value: !Ref Y }\n")
    };
    struct gw_config *config;

    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    for (size_t i = 0; i < GW_LEN(want); i++) {
        bool hit = false;

        for (unsigned n = 0; n < errors.count; n++)
            hit = hit || strcmp(errors.lines[n], want[i]) == 0;
        ck_assert_msg(hit, "%s, but: %s", want[i], errors.lines[0]);
    }
}
END_TEST

START_TEST(given_parameters_must_be_declared)
{
    static const struct gw_pair given[] = { { GW_LIT("Tabl"), GW_LIT("x") },
                                            { GW_LIT("Size"), GW_LIT("x") } };
    struct gw_config_source source = {
        .text = GW_LIT("Parameters: { Table: { Type: String, Default: a },\n"
                       "  Size: { Type: Number } }\nResources: {}\n"),
        .parameters = { given, GW_LEN(given) },
    };
    struct gw_config *config;

    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    ck_assert_str_eq(errors.lines[0], "--parameter Size: expected a number");
    ck_assert_str_eq(errors.lines[1],
                     "--parameter: the template has no parameter `Tabl`; did "
                     "you mean `Table`?");
    source.text = GW_LIT("apis: {}\n");
    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    ck_assert_str_eq(errors.lines[0],
                     "--parameter: only templates have parameters");
}
END_TEST

/* --- notes ----------------------------------------------------------- */

#define WHOLE                                                         \
    SAM "Conditions: { N: !Equals [a, b] }\nResources:\n"             \
        "  A: { Type: AWS::Serverless::WebSocketApi, Properties: {\n" \
        "    RouteSelectionExpression: a, Routes: { x: {\n"           \
        "      FunctionArn: !GetAtt F.Arn } } } }\n"                  \
        "  F: { Type: AWS::Serverless::Function, Properties: {\n"     \
        "    InlineCode: x, Runtime: nodejs20.x, Handler: index.handler"

static const struct {
    const char *text, *note; /* NULL: none */
} notes[] = {
    { WHOLE " } }\n", NULL },
    { WHOLE ", Tracing: Active } }\n", "`Tracing`: it has no effect here (F)" },
    { WHOLE ", NewInventions: x } }\n",
      "the property `NewInventions` is not known here (F)" },
    { WHOLE ", Environment: { Variables: { S: '{{resolve:ssm:x}}' } } } }\n",
      "`{{resolve:...}}` in the variable S is handed on as it is (F)" },
    { WHOLE " } }\n  X: { Type: Foo::Bar::Baz }\n  Y: { Type: Foo::Bar::Baz }"
            "\n",
      "Foo::Bar::Baz: it is not served here, and nothing is made of it (X, "
      "Y)" },
    { WHOLE " } }\n  X: { Type: Foo::Bar::Baz, Condition: N }\n", NULL },
    { WHOLE " } }\n  H: { Type: AWS::ApiGatewayV2::Api, Properties: {\n"
            "    Name: h, ProtocolType: HTTP, Body: { x: !Cidr [] } } }\n"
            "  R: { Type: AWS::ApiGatewayV2::Route, Properties: {\n"
            "    ApiId: !Ref H, RouteKey: GET /, AuthorizationType: JWT } }\n",
      "an API with ProtocolType HTTP is not served here, nor are its routes, "
      "integrations and stages (H)" },
    { WHOLE " } }\n  Z: { Type: AWS::ApiGatewayV2::Authorizer, Properties: {\n"
            "    ApiId: !Ref A, AuthorizerType: REQUEST, Name: z } }\n",
      "AWS::ApiGatewayV2::Authorizer: it is not asked here yet; a route that "
      "wants it is refused (Z)" },
    { WHOLE " } }\n  S: { Type: AWS::ApiGatewayV2::Stage, Properties: {\n"
            "    ApiId: !Ref A, StageName: s } }\n",
      "a stage without DeploymentId and AutoDeploy serves nothing at the "
      "original; here it serves all routes (S)" },
    { WHOLE " } }\n  D: { Type: AWS::ApiGatewayV2::DomainName, Properties: {\n"
            "    DomainName: x.example } }\n",
      "AWS::ApiGatewayV2::DomainName: it is not served here: name the domain "
      "with the setting `domainName` (D)" },
    { WHOLE " } }\nOutputs: { X: { Value: x, Export: { Name: y } } }\n",
      "`Export`: no other stack can import it from here (X)" },
    { WHOLE " } }\nRules: {}\n", "the Rules are not checked here" },
};

START_TEST(what_has_no_effect_is_noted)
{
    struct gw_config_source source = { .text = gw_str_of(notes[_i].text) };
    struct gw_config *config;

    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    ck_assert_uint_eq(config->note_count, notes[_i].note != NULL);
    if (notes[_i].note)
        ck_assert_gw_str(config->notes[0], gw_str_of(notes[_i].note));
    gw_config_unref(config);
}
END_TEST

/* References that wait for references: answered, not followed forever. */
START_TEST(long_chains_end)
{
    struct gw_config_source source = { 0 };
    struct gw_config *config;
    struct gw_buf text;

    gw_buf_init(&text, 1 << 20);
    ck_assert(gw_buf_add(&text, GW_LIT(API)) == GW_OK);
    for (int i = 0; i < 900; i++)
        ck_assert(gw_buf_addf(&text,
                              "  B%d: { Type: AWS::S3::Bucket, Properties: { "
                              "BucketName: !Sub 'x${B%d}' } }\n",
                              i, i + 1) == GW_OK);
    ck_assert(
        gw_buf_add(&text, GW_LIT("  B900: { Type: AWS::S3::Bucket }\n"
                                 "Outputs: { X: { Value: !Ref B0 } }\n")) ==
        GW_OK);
    source.text = gw_buf_str(&text);
    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    ck_assert_msg(strstr(errors.lines[0], "at most 500 deep"), "%s",
                  errors.lines[0]);
    gw_buf_fini(&text);
}
END_TEST

/* Each name asks twice for the next, and the last one cannot be known. */
START_TEST(what_fails_is_not_tried_again)
{
    struct gw_config_source source = { 0 };
    struct gw_config *config;
    struct gw_buf text;

    gw_buf_init(&text, 1 << 20);
    ck_assert(gw_buf_add(&text, GW_LIT(API)) == GW_OK);
    for (int i = 0; i < 60; i++)
        ck_assert(gw_buf_addf(&text,
                              "  B%d: { Type: AWS::S3::Bucket, Properties: { "
                              "BucketName: !Join ['', [!Ref B%d, !Ref B%d]] } "
                              "}\n",
                              i, i + 1, i + 1) == GW_OK);
    ck_assert(
        gw_buf_add(&text, GW_LIT("  B60: { Type: AWS::S3::Bucket, Properties: {"
                                 " BucketName: !Select [1, []] } }\n"
                                 "Outputs: { X: { Value: !Ref B0 } }\n")) ==
        GW_OK);
    source.text = gw_buf_str(&text);
    ck_assert_int_ne(gw_config_load(&source, &config, &errors), GW_OK);
    ck_assert_msg(strstr(errors.lines[0], "B60: expected an index from 0"),
                  "%s", errors.lines[0]);
    gw_buf_fini(&text);
}
END_TEST

GW_SUITE("server/config/template/errors")
{
    tcase_add_loop_test(tc, mistakes_are_placed, 0, GW_LEN(cases));
    tcase_add_test(tc, several_mistakes_are_told_at_once);
    tcase_add_test(tc, given_parameters_must_be_declared);
    tcase_add_loop_test(tc, what_has_no_effect_is_noted, 0, GW_LEN(notes));
    tcase_add_test(tc, long_chains_end);
    tcase_add_test(tc, what_fails_is_not_tried_again);
}
