/*
 * Whole templates become the model. Their shapes are those of
 * rest-and-services.md section 2.3.
 */
#include "server/config/config.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/unit/server/config/template/"

static struct gw_config_errors errors;

static struct gw_config *load(const char *path)
{
    struct gw_config_source source = { .path = path };
    struct gw_config *config = NULL;

    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    ck_assert(config->is_template);
    return config;
}

static gw_str value_of(const struct gw_pairs *pairs, const char *name)
{
    gw_str value;

    ck_assert_msg(gw_pairs_find(pairs, gw_str_of(name), &value), "%s", name);
    return value;
}

static bool is_noted(const struct gw_config *c, const char *text)
{
    for (size_t i = 0; i < c->note_count; i++)
        if (strstr(c->notes[i].at, text))
            return true;
    return false;
}

START_TEST(the_classic_chat_is_loaded)
{
    struct gw_config *c = load(FOLDER "chat.yaml");
    struct gw_plan *p = gw_config_plan(c, GW_LIT("chat"), GW_LIT("Prod"));
    const struct gw_function_spec *send;
    struct gw_plan_route *route;

    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(c->plan_count, 1);
    ck_assert_uint_eq(p->route_count, 3);
    ck_assert(p->connect && p->disconnect && !p->fallback);
    route = gw_map_get(&p->routes, GW_LIT("sendmessage"));
    ck_assert_ptr_nonnull(route);
    ck_assert_int_eq(route->integration.type, GW_INTEGRATION_AWS_PROXY);
    ck_assert(route->integration.here.len && !route->two_way);
    ck_assert_gw_str(route->integration.function,
                     GW_LIT("arn:aws:lambda:us-east-1:123456789012:function:"
                            "Send"));
    ck_assert_gw_str(p->connect->integration.function,
                     GW_LIT("arn:aws:lambda:us-east-1:123456789012:function:"
                            "OnConnect"));

    ck_assert_uint_eq(c->function_count, 3);
    send = &c->functions[2];
    ck_assert_gw_str(send->id, GW_LIT("Send"));
    ck_assert_gw_str(send->name, GW_LIT("Send"));
    ck_assert_gw_str(send->runtime, GW_LIT("nodejs20.x"));
    ck_assert_gw_str(send->handler, GW_LIT("app.handler"));
    ck_assert_gw_str(send->code, GW_LIT(FOLDER "src/send"));
    ck_assert_uint_eq(send->inline_code.len, 0);
    ck_assert_uint_eq(send->memory_mb, 256);
    ck_assert_uint_eq(send->timeout_ms, 3000);
    ck_assert_uint_eq(send->concurrency, 4);
    ck_assert_uint_eq(send->environment.count, 1);
    ck_assert_gw_str(value_of(&send->environment, "TABLE_NAME"),
                     GW_LIT("chat_connections"));

    ck_assert_uint_eq(c->table_count, 1);
    ck_assert_gw_str(c->tables[0].id, GW_LIT("Connections"));
    ck_assert_gw_str(c->tables[0].name, GW_LIT("chat_connections"));
    ck_assert_gw_str(c->tables[0].hash.name, GW_LIT("connectionId"));
    ck_assert_int_eq(c->tables[0].hash.type, 'S');
    ck_assert_uint_eq(c->tables[0].range.name.len, 0);

    ck_assert_uint_eq(c->outputs.count, 3);
    ck_assert_gw_str(value_of(&c->outputs, "WebSocketURI"),
                     GW_LIT("wss://chat.execute-api.us-east-1.amazonaws.com/"
                            "Prod"));
    ck_assert_gw_str(value_of(&c->outputs, "ConnectionsTableArn"),
                     GW_LIT("arn:aws:dynamodb:us-east-1:123456789012:table/"
                            "chat_connections"));
    ck_assert_uint_eq(c->note_count, 2);
    ck_assert(is_noted(c, "AWS::Lambda::Permission"));
    ck_assert(is_noted(c, "`Policies`"));
    gw_config_unref(c);
}
END_TEST

START_TEST(cloudformation_in_json_is_loaded)
{
    struct gw_config *c = load(FOLDER "plain.json");
    struct gw_plan *p = gw_config_plan(c, GW_LIT("echo"), GW_LIT("test"));
    const struct gw_function_spec *f = c->functions;
    const struct gw_table_spec *t = c->tables;

    ck_assert_ptr_nonnull(p);
    ck_assert(p->fallback && p->fallback->two_way);
    ck_assert_int_eq(p->fallback->integration.type, GW_INTEGRATION_MOCK);
    ck_assert_uint_eq(p->fallback->integration.response_count, 1);
    ck_assert_double_eq(p->fallback->rate, 50);
    ck_assert_double_eq(p->fallback->burst, 5);
    ck_assert_gw_str(value_of(&p->stage_variables, "table"), GW_LIT("Table"));

    ck_assert_uint_eq(c->function_count, 1);
    ck_assert_gw_str(f->name, GW_LIT("local-worker"));
    ck_assert_gw_str(f->inline_code, GW_LIT("def handler(event, context):\n"
                                            "    return {'statusCode': 200}"));
    ck_assert_uint_eq(f->code.len, 0);
    ck_assert_uint_eq(f->timeout_ms, 10000);
    ck_assert_uint_eq(f->memory_mb, 128);
    ck_assert_uint_eq(f->concurrency, 4); /* AWS::NoValue */
    ck_assert_gw_str(value_of(&f->environment, "DEBUG"), GW_LIT("true"));
    ck_assert_gw_str(value_of(&f->environment, "QUEUE"), GW_LIT("Queue"));
    ck_assert_gw_str(value_of(&f->environment, "ENDPOINT"),
                     GW_LIT("wss://echo.execute-api.us-east-1.amazonaws.com/"
                            "test"));

    ck_assert_uint_eq(c->table_count, 1);
    ck_assert_gw_str(t->range.name, GW_LIT("at"));
    ck_assert_int_eq(t->range.type, 'N');
    ck_assert_uint_eq(t->index_count, 2);
    ck_assert_gw_str(t->indexes[0].name, GW_LIT("by-who"));
    ck_assert(!t->indexes[0].is_local);
    ck_assert_int_eq(t->indexes[0].hash.type, 'B');
    ck_assert_int_eq(t->indexes[0].projection, GW_PROJECT_SOME);
    ck_assert_uint_eq(t->indexes[0].projected_count, 2);
    ck_assert_gw_str(t->indexes[0].projected[1], GW_LIT("sent"));
    ck_assert(t->indexes[1].is_local);
    ck_assert_int_eq(t->indexes[1].projection, GW_PROJECT_KEYS);
    ck_assert_gw_str(t->expires_attribute, GW_LIT("expires"));
    ck_assert_gw_str(t->stream_view, GW_LIT("NEW_IMAGE"));

    ck_assert_uint_eq(c->outputs.count, 1); /* the other's condition fails */
    ck_assert(is_noted(c, "AWS::IAM::Role"));
    ck_assert(is_noted(c, "AWS::SQS::Queue"));
    ck_assert(is_noted(c, "`Queue` of what is not served"));
    ck_assert(!is_noted(c, "AWS::CloudWatch::Alarm"));
    gw_config_unref(c);
}
END_TEST

START_TEST(sam_is_loaded)
{
    struct gw_config *c = load(FOLDER "sam.yaml");
    struct gw_plan *p = gw_config_plan(c, GW_LIT("rooms2"), GW_LIT("on"));
    const struct gw_function_spec *hello = &c->functions[0];
    const struct gw_function_spec *join = &c->functions[1];
    gw_str none;

    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p->route_count, 3);
    ck_assert(p->connect && p->fallback->two_way);
    ck_assert_uint_eq(p->fallback->integration.timeout_ms, 1500);
    ck_assert(p->fallback->integration.here.len);
    ck_assert_double_eq(p->connect->rate, 0.5);
    ck_assert_gw_str(value_of(&p->stage_variables, "room"), GW_LIT("garden"));

    ck_assert_uint_eq(c->function_count, 2);
    ck_assert_gw_str(hello->runtime, GW_LIT("python3.12"));
    ck_assert_gw_str(hello->code, GW_LIT(FOLDER "src"));
    ck_assert_uint_eq(hello->timeout_ms, 7000);
    ck_assert_gw_str(value_of(&hello->environment, "STAGE"), GW_LIT("on"));
    ck_assert_gw_str(value_of(&hello->environment, "LEVEL"), GW_LIT("debug"));
    ck_assert_gw_str(value_of(&hello->environment, "PYTHON"), GW_LIT("True"));
    ck_assert_gw_str(value_of(&hello->environment, "YES"), GW_LIT("yes"));
    ck_assert_gw_str(value_of(&hello->environment, "OCTAL"), GW_LIT("010"));
    ck_assert_gw_str(value_of(&hello->environment, "ENDPOINT"),
                     GW_LIT("wss://rooms2.execute-api.us-east-1.amazonaws.com/"
                            "on"));
    ck_assert(!gw_pairs_find(&hello->environment, GW_LIT("NOTHING"), &none));

    ck_assert_gw_str(join->name, GW_LIT("join"));
    ck_assert_gw_str(join->runtime, GW_LIT("nodejs22.x"));
    ck_assert_gw_str(join->handler, GW_LIT("app.handler"));
    ck_assert_uint_eq(join->timeout_ms, 3000); /* IgnoreGlobals */
    ck_assert_uint_eq(join->environment.count, 3);
    ck_assert_gw_str(join->inline_code,
                     GW_LIT("exports.handler = async () => {};\n"));

    ck_assert_uint_eq(c->table_count, 2);
    ck_assert_gw_str(c->tables[0].hash.name, GW_LIT("id"));
    ck_assert_int_eq(c->tables[0].hash.type, 'S');
    ck_assert_gw_str(c->tables[1].name, GW_LIT("keyed"));
    ck_assert_int_eq(c->tables[1].hash.type, 'N');
    ck_assert_gw_str(value_of(&c->outputs, "Stage"), GW_LIT("on"));
    ck_assert(is_noted(c, "type Schedule"));
    gw_config_unref(c);
}
END_TEST

START_TEST(functions_of_elsewhere_stay_there)
{
    static const struct gw_config_flag flag = { GW_LIT("lambda.endpoint"),
                                                GW_LIT("http://127.0.0.1:3001"),
                                                GW_LIT("--set") };
    struct gw_config_source source = { .path = FOLDER "chat.yaml",
                                       .flags = &flag,
                                       .flag_count = 1 };
    struct gw_config *c;
    struct gw_plan *p;

    ck_assert(gw_config_load(&source, &c, &errors) == GW_OK);
    p = gw_config_plan(c, GW_LIT("chat"), GW_LIT("Prod"));
    ck_assert(!p->connect->integration.here.len);
    ck_assert_uint_eq(p->connect->integration.port, 3001);
    gw_config_unref(c);
}
END_TEST

START_TEST(a_template_is_described)
{
    static const char *const lines[] = {
        "  api       chat\n",
        "  stage     Prod\n",
        "  route     sendmessage -> AWS_PROXY Send\n",
        "  function  Send nodejs20.x app.handler " FOLDER "src/send\n",
        "  table     chat_connections by connectionId\n",
        "  output    WebSocketURI = wss://chat.",
        "  note      `Policies`: it has no effect here (OnConnect, "
        "OnDisconnect, Send)\n",
    };
    struct gw_config *c = load(FOLDER "chat.yaml");
    struct gw_buf text;

    gw_buf_init(&text, 1 << 20);
    ck_assert(gw_config_summary(c, &text) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&text), GW_LIT("ok: 1 api, 3 routes, 1 stage, "
                                               "3 functions, 1 table"));
    ck_assert(gw_config_describe(c, &text) == GW_OK);
    ck_assert(gw_buf_add(&text, (gw_str){ "", 1 }) == GW_OK);
    for (size_t i = 0; i < GW_LEN(lines); i++)
        ck_assert_msg(strstr(text.at, lines[i]), "%s", lines[i]);
    gw_buf_fini(&text);
    gw_config_unref(c);
}
END_TEST

GW_SUITE("server/config/template/cfn")
{
    tcase_add_test(tc, the_classic_chat_is_loaded);
    tcase_add_test(tc, cloudformation_in_json_is_loaded);
    tcase_add_test(tc, sam_is_loaded);
    tcase_add_test(tc, functions_of_elsewhere_stay_there);
    tcase_add_test(tc, a_template_is_described);
}
