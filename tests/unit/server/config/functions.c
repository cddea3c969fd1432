/*
 * `functions` of the native file: what they come to, how routes name them, and
 * which mistakes are told where. The code's folder is a template's.
 */
#include "server/config/config.h"

#include "tests/support/suite.h"

#include <stdio.h>

#define CODE "tests/unit/server/config/template/src"

static struct gw_config_errors errors;

static struct gw_config *load(const char *text, bool dev)
{
    struct gw_config_source source = { .text = gw_str_of(text), .dev = dev };
    struct gw_config *config = NULL;

    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    return config;
}

/* The routes come first: the order of a file does not matter. */
#define API(uri)                                           \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes: { $default: " uri " }\n"                  \
    "    stages: { dev: {} }\n"

static const char whole[] = API(
    "'function:send-it'") "functions:\n"
                          "  send-it:\n"
                          "    runtime: nodejs20.x\n"
                          "    handler: app.handler\n"
                          "    codeUri: " CODE "\n"
                          "    environment: { TABLE_NAME: chat, LIMIT: 10 }\n"
                          "    memorySize: 256\n"
                          "    timeout: 10\n"
                          "    concurrency: 0\n"
                          "    reload: true\n"
                          "    runtimeApi: 127.0.0.1:9001\n"
                          "  plain: { runtime: provided.al2023, codeUri: " CODE
                          " }\n"
                          "  theirs: { runtimeApi: '[::1]:9002', timeout: 1 }\n";

START_TEST(functions_are_read)
{
    struct gw_config *c = load(whole, false);
    const struct gw_function_spec *f = c->functions;
    gw_str value;

    ck_assert_uint_eq(c->function_count, 3);
    ck_assert_gw_str(f->name, GW_LIT("send-it"));
    ck_assert_gw_str(
        f->arn,
        GW_LIT("arn:aws:lambda:us-east-1:000000000000:function:send-it"));
    ck_assert_gw_str(f->runtime, GW_LIT("nodejs20.x"));
    ck_assert_gw_str(f->handler, GW_LIT("app.handler"));
    ck_assert_str_eq(f->code.at, CODE);
    ck_assert_uint_eq(f->environment.count, 2);
    ck_assert(gw_pairs_find(&f->environment, GW_LIT("LIMIT"), &value));
    ck_assert_gw_str(value, GW_LIT("10"));
    ck_assert_uint_eq(f->memory_mb, 256);
    ck_assert_uint_eq(f->timeout_ms, 10000);
    ck_assert_uint_eq(f->concurrency, 0);
    ck_assert(f->reload);
    ck_assert_gw_str(f->door, GW_LIT("127.0.0.1:9001"));

    f++;
    ck_assert_uint_eq(f->memory_mb, GW_FUNCTION_MEMORY_DEFAULT_MB);
    ck_assert_uint_eq(f->timeout_ms, GW_FUNCTION_TIMEOUT_DEFAULT_MS);
    ck_assert_uint_eq(f->concurrency, GW_FUNCTION_CONCURRENCY_DEFAULT);
    ck_assert(!f->reload && !f->door.len && !f->handler.len);

    f++;
    ck_assert(!f->runtime.len && !f->code.len);
    ck_assert_uint_eq(f->concurrency, GW_FUNCTION_CONCURRENCY_MAX);
    ck_assert_gw_str(f->door, GW_LIT("[::1]:9002"));
    ck_assert_uint_eq(f->timeout_ms, 1000);
    ck_assert_uint_eq(c->note_count, 0);
    gw_config_unref(c);

    c = load(whole, true);
    ck_assert(c->functions[1].reload); /* in dev, unless said otherwise */
    gw_config_unref(c);
}
END_TEST

#define FUNCTION                                                          \
    "functions: { f: { runtime: python3.12, handler: a.b, codeUri: " CODE \
    " } }\n"
#define ARN "arn:aws:lambda:eu-west-1:000000000000:function:f"

static const struct {
    const char *text;
    gw_integration_type type;
} named[] = {
    { API("'function:f'"), GW_INTEGRATION_AWS_PROXY },
    { API("'function:f:live'"), GW_INTEGRATION_AWS_PROXY },
    { API("{ integration: 'function:f' }"), GW_INTEGRATION_AWS_PROXY },
    { API("{ integration: { type: AWS, integrationUri: 'function:f' } }"),
      GW_INTEGRATION_AWS },
    { API("{ integration: { type: AWS_PROXY, integrationUri: '" ARN "' } }"),
      GW_INTEGRATION_AWS_PROXY },
    { API("{ integration: { type: AWS_PROXY, integrationUri: "
          "'arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" ARN
          "/invocations' } }"),
      GW_INTEGRATION_AWS_PROXY },
    { API("'function:f'") "lambda: { endpoint: 'http://b:9001' }\n",
      GW_INTEGRATION_AWS_PROXY },
};

START_TEST(routes_name_functions)
{
    char text[2048];
    struct gw_config *c;
    const struct gw_plan_integration *to;

    snprintf(text, sizeof(text), "region: eu-west-1\n%s%s", named[_i].text,
             FUNCTION);
    c = load(text, false);
    to = &c->plans[0]->fallback->integration;
    ck_assert_int_eq(to->type, named[_i].type);
    ck_assert_gw_str(to->here, GW_LIT("f"));
    ck_assert_uint_eq(to->host.len, 0);
    ck_assert(!to->gateway_headers);
    gw_config_unref(c);
}
END_TEST

START_TEST(an_endpoint_goes_before_an_arn)
{
    struct gw_config *c =
        load("region: eu-west-1\n" API(
                 "{ integration: { type: AWS, integrationUri: '" ARN
                 "' } }") "lambda: { endpoint: 'http://b:9001' }\n" FUNCTION,
             false);

    ck_assert_uint_eq(c->plans[0]->fallback->integration.here.len, 0);
    ck_assert_gw_str(c->plans[0]->fallback->integration.host, GW_LIT("b"));
    gw_config_unref(c);
}
END_TEST

START_TEST(an_open_door_is_noted)
{
    struct gw_config *c = load(API("'function:f'") "functions:\n"
                                                   "  f: { runtimeApi: ':9001' "
                                                   "}\n",
                               false);

    ck_assert_uint_eq(c->note_count, 1);
    ck_assert_ptr_nonnull(strstr(c->notes[0].at, "not on loopback (f)"));
    gw_config_unref(c);
}
END_TEST

START_TEST(functions_are_counted_and_described)
{
    struct gw_config *c = load(whole, false);
    struct gw_buf out;

    gw_buf_init(&out, 4096);
    ck_assert(gw_config_summary(c, &out) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&out),
                     GW_LIT("ok: 1 api, 1 route, 1 stage, 3 functions"));
    out.len = 0;
    ck_assert(gw_config_describe(c, &out) == GW_OK);
    ck_assert(gw_buf_add(&out, GW_LIT("\0")) == GW_OK);
    ck_assert_ptr_nonnull(
        strstr(out.at, "route     $default -> AWS_PROXY send-it\n"));
    ck_assert_ptr_nonnull(
        strstr(out.at, "function  send-it nodejs20.x app.handler " CODE
                       " attached at 127.0.0.1:9001\n"));
    ck_assert_ptr_nonnull(
        strstr(out.at, "function  theirs attached at [::1]:9002\n"));
    gw_buf_fini(&out);
    gw_config_unref(c);
}
END_TEST

#define OTHER API("http://b/")
#define RUN   "runtime: nodejs20.x, handler: a.b, codeUri: " CODE

/* The API takes five lines. */
static const struct {
    const char *text, *error; /* or its beginning */
} refused[] = {
    { OTHER "functions: []\n", "6:12: expected functions by name" },
    { OTHER "functions: { f: x }\n",
      "6:14: expected a function with a `runtime` or a `runtimeApi`" },
    { OTHER "functions: { f: {} }\n",
      "6:14: expected a `runtime`, to have it run here, or `runtimeApi`" },
    { OTHER "functions: { f: { runtimeAPI: ':9001' } }\n",
      "6:19: unknown key `runtimeAPI`; did you mean `runtimeApi`?" },
    { OTHER "functions: { f: { " RUN ", memory: 128 } }\n", "6:" },
    { OTHER "functions: { 'a b': { " RUN " } }\n",
      "6:14: expected a name of letters, digits, '-' and '_'" },
    { OTHER "functions: { f: { runtime: java21 } }\n",
      "6:28: expected nodejs*, python3* or provided*" },
    { OTHER "functions: { f: { runtime: nodejs20.x, codeUri: " CODE " } }\n",
      "6:14: expected a `handler`" },
    { OTHER "functions: { f: { runtime: nodejs20.x, handler: a.b } }\n",
      "6:14: expected a `codeUri`" },
    { OTHER "functions: { f: { runtime: provided, codeUri: /none } }\n",
      "6:47: /none: No such file or directory" },
    { OTHER "functions: { f: { runtime: provided, codeUri: Makefile } }\n",
      "6:47: expected the path of a folder" },
    { OTHER "functions: { f: { " RUN ", timeout: 901 } }\n", "6:" },
    { OTHER "functions: { f: { " RUN ", environment: { A-B: x } } }\n", "6:" },
    { OTHER "functions: { f: { runtimeApi: 9001 } }\n",
      "6:31: expected an address and a port" },
    { OTHER "functions: { f: { runtimeApi: ':9001', memorySize: 256 } }\n",
      "6:40: expected a `runtime` with it" },
    { OTHER "functions: { f: { runtimeApi: ':9001', concurrency: 1001 } }\n",
      "6:53: expected" },
    { OTHER "functions:\n  f: { runtimeApi: 127.0.0.1:9001 }\n"
            "  g: { runtimeApi: localhost:9001 }\n",
      "8:20: f has the same address" },
    { OTHER "functions:\n  f: { runtimeApi: ':9001' }\n"
            "  g: { runtimeApi: 127.0.0.1:9001 }\n",
      "8:20: f has the same address" },
    { OTHER "functions: { f: { runtimeApi: 127.0.0.1:8081 } }\n",
      "6:31: the gateway itself listens there" },
    { API("'function:g'") "functions: { f: { runtimeApi: ':9001' } }\n",
      "4:25: expected the name of one of the functions of this file: there is "
      "no g" },
    { API("'function:'"), "4:25: expected a function: its ARN" },
    { OTHER "function: {}\n",
      "6:1: unknown key `function`; did you mean `functions`?" },
};

START_TEST(mistakes_are_told_with_their_place)
{
    struct gw_config_source source = { .text = gw_str_of(refused[_i].text) };
    struct gw_config *c;
    char want[300];

    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    snprintf(want, sizeof(want), "(built-in):%s", refused[_i].error);
    ck_assert_msg(strncmp(errors.lines[0], want, strlen(want)) == 0,
                  "got  %s\nwant %s", errors.lines[0], want);
    ck_assert_uint_eq(errors.count, 1);
}
END_TEST

/* Port 0 finds a free one for each. */
START_TEST(doors_at_free_ports_do_not_clash)
{
    gw_config_unref(load(OTHER "functions:\n  f: { runtimeApi: 127.0.0.1:0 }\n"
                               "  g: { runtimeApi: 127.0.0.1:0 }\n",
                         false));
}
END_TEST

GW_SUITE("server/config/functions")
{
    tcase_add_test(tc, functions_are_read);
    tcase_add_loop_test(tc, routes_name_functions, 0, GW_LEN(named));
    tcase_add_test(tc, an_endpoint_goes_before_an_arn);
    tcase_add_test(tc, an_open_door_is_noted);
    tcase_add_test(tc, functions_are_counted_and_described);
    tcase_add_loop_test(tc, mistakes_are_told_with_their_place, 0,
                        GW_LEN(refused));
    tcase_add_test(tc, doors_at_free_ports_do_not_clash);
}
