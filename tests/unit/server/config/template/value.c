/*
 * Every function of templates, as the value of an output. What is expected is
 * CloudFormation's documented result of the call, with this stack's names.
 */
#include "server/config/config.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

#define ABOUT                                                                   \
    "Transform: AWS::Serverless-2016-10-31\n"                                   \
    "Parameters:\n"                                                             \
    "  Name: { Type: String, Default: chat }\n"                                 \
    "  Size: { Type: Number, Default: 007 }\n"                                  \
    "  Names: { Type: CommaDelimitedList, Default: 'a, b ,c' }\n"               \
    "  Nothing: { Type: CommaDelimitedList, Default: '' }\n"                    \
    "Mappings:\n"                                                               \
    "  Regions:\n"                                                              \
    "    us-east-1: { Short: use1, Zones: [a, b] }\n"                           \
    "    chat: { Long: chatty }\n"                                              \
    "    eu-west-1: { Short: euw1 }\n"                                          \
    "    eu-north-1: { Short: eun1 }\n"                                         \
    "Conditions:\n"                                                             \
    "  Yes: !Equals [!Ref Name, chat]\n"                                        \
    "  No: !Not [Condition: Yes]\n"                                             \
    "  Either: !Or [!Condition No, !Condition Yes]\n"                           \
    "  Each: { 'Fn::And': [Condition: Yes, Condition: No] }\n"                  \
    "  Mapped: !Equals [!FindInMap [Regions, !Ref AWS::Region, Short], use1]\n" \
    "Resources:\n"                                                              \
    "  MyApi:\n"                                                                \
    "    Type: AWS::ApiGatewayV2::Api\n"                                        \
    "    Properties: { ProtocolType: WEBSOCKET, Name: x,\n"                     \
    "      RouteSelectionExpression: $request.body.action }\n"                  \
    "  Route:\n"                                                                \
    "    Type: AWS::ApiGatewayV2::Route\n"                                      \
    "    Properties: { ApiId: !Ref MyApi, RouteKey: $default,\n"                \
    "      Target: !Sub 'integrations/${Mock}' }\n"                             \
    "  Mock:\n"                                                                 \
    "    Type: AWS::ApiGatewayV2::Integration\n"                                \
    "    Properties: { ApiId: !Ref MyApi, IntegrationType: MOCK }\n"            \
    "  Stage:\n"                                                                \
    "    Type: AWS::ApiGatewayV2::Stage\n"                                      \
    "    Properties: { ApiId: !Ref MyApi, StageName: v1, AutoDeploy: true }\n"  \
    "  Fn:\n"                                                                   \
    "    Type: AWS::Serverless::Function\n"                                     \
    "    Properties: { FunctionName: !Sub '${Name}-fn', InlineCode: x,\n"       \
    "      Runtime: nodejs20.x, Handler: index.handler }\n"                     \
    "  Table:\n"                                                                \
    "    Type: AWS::Serverless::SimpleTable\n"                                  \
    "  Role: { Type: AWS::IAM::Role, Properties: { RoleName: r } }\n"           \
    "  Logs: { Type: AWS::Logs::LogGroup }\n"                                   \
    "  Queue: { Type: AWS::SQS::Queue }\n"                                      \
    "  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: b-1 } }\n"    \
    "  Never: { Type: AWS::SQS::Queue, Condition: No }\n"                       \
    "Outputs:\n"                                                                \
    "  X:\n"                                                                    \
    "    Value: "

static struct gw_config_errors errors;

static const struct {
    const char *value, *want;
} cases[] = {
    /* Ref */
    { "!Ref Name", "chat" },
    { "{ Ref: Name }", "chat" },
    { "{ \"Ref\": \"Name\" }", "chat" },
    { "!Ref Size", "007" },
    { "!Ref MyApi", "myapi" },
    { "!Ref Route", "Route" },
    { "!Ref Stage", "v1" },
    { "!Ref Fn", "chat-fn" },
    { "!Ref Table", "Table" },
    { "!Ref Role", "r" },
    { "!Ref Queue", "Queue" },
    { "!Ref Bucket", "b-1" },
    { "!Ref FnRole", "FnRole" },
    { "!Ref Fn.Alias",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn" },
    /* pseudo parameters */
    { "!Ref AWS::Region", "us-east-1" },
    { "!Ref AWS::AccountId", "123456789012" },
    { "!Ref AWS::Partition", "aws" },
    { "!Ref AWS::StackName", "local" },
    { "!Ref AWS::URLSuffix", "amazonaws.com" },
    { "!Ref AWS::StackId",
      "arn:aws:cloudformation:us-east-1:123456789012:stack/local/"
      "00000000-0000-0000-0000-000000000000" },
    { "!Join [',', !Ref AWS::NotificationARNs]", "" },
    /* GetAtt */
    { "!GetAtt Fn.Arn",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn" },
    { "!GetAtt [Fn, Arn]",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn" },
    { "{ 'Fn::GetAtt': [Fn, !Sub 'Arn'] }",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn" },
    { "{ 'Fn::GetAtt': Fn.Arn }",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn" },
    { "!GetAtt MyApi.ApiEndpoint",
      "wss://myapi.execute-api.us-east-1.amazonaws.com" },
    { "!GetAtt MyApi.ApiId", "myapi" },
    { "!GetAtt Mock.IntegrationId", "Mock" },
    { "!GetAtt Table.Arn",
      "arn:aws:dynamodb:us-east-1:123456789012:table/Table" },
    { "!GetAtt Role.Arn", "arn:aws:iam::123456789012:role/r" },
    { "!GetAtt Logs.Arn",
      "arn:aws:logs:us-east-1:123456789012:log-group:Logs:*" },
    { "!GetAtt Queue.Nested.Attribute", "Queue.Nested.Attribute" },
    /* Sub */
    { "!Sub plain", "plain" },
    { "!Sub ''", "" },
    { "!Sub 'x${Name}y${Size}'", "xchaty007" },
    { "!Sub '${Fn.Arn}:live'",
      "arn:aws:lambda:us-east-1:123456789012:function:chat-fn:live" },
    { "!Sub 'a $ b $$ ${!Name} $${Name}'", "a $ b $$ ${Name} $chat" },
    { "!Sub ['${Name}-${Own}', { Own: !Ref Size }]", "chat-007" },
    { "!Sub ['${Name}', { Name: mine }]", "mine" },
    { "!Sub ['${A}', { A: !Sub ['${B}', { B: deep }] }]", "deep" },
    { "{ 'Fn::Sub': '${AWS::Region}' }", "us-east-1" },
    { "!Sub ${Name}", "chat" },
    /* Join, Select, Split */
    { "!Join ['-', [a, !Ref Name, 3]]", "a-chat-3" },
    { "!Join ['', [a]]", "a" },
    { "!Join ['-', []]", "" },
    { "!Join ['-', [a, !Ref AWS::NoValue, b]]", "a-b" },
    { "!Join ['+', !Ref Names]", "a+b+c" },
    { "!Join ['+', !Ref Nothing]", "" },
    { "!Join [!Ref Name, [a, b]]", "achatb" },
    { "!Join ['+', !Split ['::', 'a::b::::c']]", "a+b++c" },
    { "!Select [1, !Ref Names]", "b" },
    { "!Select ['0', [x, y]]", "x" },
    { "!Select [!Sub '2', !Split [',', 'a,b,c']]", "c" },
    { "{ 'Fn::Select': [1, { 'Fn::Split': ['|', 'a|b'] }] }", "b" },
    { "!Select [0, !FindInMap [Regions, us-east-1, Zones]]", "a" },
    /* If and the conditions */
    { "!If [Yes, a, b]", "a" },
    { "!If [No, a, b]", "b" },
    { "!If [Either, a, b]", "a" },
    { "!If [Each, a, b]", "b" },
    { "!If [Mapped, a, b]", "a" },
    { "!If [Yes, !If [No, a, c], b]", "c" },
    { "{ 'Fn::If': [Yes, { Ref: Name }, { Ref: Never }] }", "chat" },
    /* FindInMap */
    { "!FindInMap [Regions, !Ref AWS::Region, Short]", "use1" },
    { "!FindInMap [Regions, !Ref Name, Long]", "chatty" },
    { "!FindInMap [Regions, none, Long, { DefaultValue: !Ref Name }]", "chat" },
    { "{ 'Fn::FindInMap': [Regions, us-east-1, Short] }", "use1" },
    /* Base64: RFC 4648 section 10 */
    { "!Base64 foobar", "Zm9vYmFy" },
    { "!Base64 ''", "" },
    /* scalars are taken as written, but for the booleans of CloudFormation */
    { "on", "on" },
    { "yes", "yes" },
    { "010", "010" },
    { "1e3", "1e3" },
    { "2012-10-17", "2012-10-17" },
    { "True", "true" },
    { "FALSE", "false" },
    { "'True'", "True" },
};

START_TEST(functions_are_evaluated)
{
    struct gw_config_source source = { 0 };
    struct gw_config *config;
    char text[4096];

    snprintf(text, sizeof(text), "%s%s\n", ABOUT, cases[_i].value);
    source.text = gw_str_of(text);
    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s: %s", cases[_i].value, errors.lines[0]);
    ck_assert_uint_eq(config->outputs.count, 1);
    ck_assert_gw_str(config->outputs.at[0].name, GW_LIT("X"));
    ck_assert_gw_str(config->outputs.at[0].value, gw_str_of(cases[_i].want));
    gw_config_unref(config);
}
END_TEST

START_TEST(parameters_come_from_the_command_line)
{
    static const struct gw_pair given[] = {
        { GW_LIT("Name"), GW_LIT("first") },
        { GW_LIT("Name"), GW_LIT("last") },
        { GW_LIT("AWS::Region"), GW_LIT("eu-west-1") },
        { GW_LIT("AWS::AccountId"), GW_LIT("1") },
        { GW_LIT("AWS::StackName"), GW_LIT("s") },
    };
    struct gw_config_source source = {
        .text = GW_LIT(ABOUT "!Sub '${Fn.Arn} ${AWS::StackId}'\n"),
        .parameters = { given, GW_LEN(given) },
    };
    struct gw_config *config;

    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    ck_assert_gw_str(config->outputs.at[0].value,
                     GW_LIT("arn:aws:lambda:eu-west-1:1:function:last-fn "
                            "arn:aws:cloudformation:eu-west-1:1:stack/s/"
                            "00000000-0000-0000-0000-000000000000"));
    gw_config_unref(config);
}
END_TEST

START_TEST(the_region_is_the_setting)
{
    static const struct gw_config_flag flag = { GW_LIT("region"),
                                                GW_LIT("eu-north-1"),
                                                GW_LIT("--set") };
    struct gw_config_source source = { .text =
                                           GW_LIT(ABOUT "!Ref AWS::Region\n"),
                                       .flags = &flag,
                                       .flag_count = 1 };
    struct gw_config *config;

    ck_assert(gw_config_load(&source, &config, &errors) == GW_OK);
    ck_assert_gw_str(config->outputs.at[0].value, GW_LIT("eu-north-1"));
    gw_config_unref(config);
}
END_TEST

/* Twenty levels that each double what is in them are a million times as much;
 * what is more than a text may be is refused, and quickly. */
START_TEST(nothing_grows_without_bound)
{
    struct gw_config_source source = { 0 };
    struct gw_config *config;
    struct gw_buf text;

    gw_buf_init(&text, 1 << 20);
    ck_assert(gw_buf_add(&text, GW_LIT(ABOUT)) == GW_OK);
    for (int i = 0; i < 25; i++)
        ck_assert(gw_buf_add(&text, GW_LIT("!Sub ['${a}${a}', { a: ")) ==
                  GW_OK);
    ck_assert(gw_buf_add(&text, GW_LIT("xx")) == GW_OK);
    for (int i = 0; i < 25; i++)
        ck_assert(gw_buf_add(&text, GW_LIT(" }]")) == GW_OK);
    source.text = gw_buf_str(&text);
    ck_assert(gw_config_load(&source, &config, &errors) != GW_OK);
    ck_assert_msg(strstr(errors.lines[0], "at most 1048576 bytes"), "%s",
                  errors.lines[0]);
    gw_buf_fini(&text);
}
END_TEST

GW_SUITE("server/config/template/value")
{
    tcase_add_loop_test(tc, functions_are_evaluated, 0, GW_LEN(cases));
    tcase_add_test(tc, parameters_come_from_the_command_line);
    tcase_add_test(tc, the_region_is_the_setting);
    tcase_add_test(tc, nothing_grows_without_bound);
}
