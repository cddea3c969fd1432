#include "server/config/config.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct gw_config_errors errors;

static struct gw_config *load(const struct gw_config_source *source)
{
    struct gw_config *config = NULL;

    if (gw_config_load(source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    ck_assert_uint_eq(errors.count, 0);
    return config;
}

static struct gw_config *load_text(const char *text)
{
    struct gw_config_source source = { .text = gw_str_of(text) };

    return load(&source);
}

#define API                                                 \
    "apis:\n"                                               \
    "  chat:\n"                                             \
    "    routeSelectionExpression: $request.body.action\n"  \
    "    routes: { $default: http://127.0.0.1:3000/any }\n" \
    "    stages: { dev: {} }\n"

#define FUNCTION "arn:aws:lambda:eu-west-1:123456789012:function:chat"

/* The whole contract of the file, as the README shows it. */
static const char whole[] =
    "listen: 0.0.0.0:8080\n"
    "admin: 127.0.0.1:8081\n"
    "workers: auto\n"
    "credentials:\n"
    "  - { accessKeyId: AKIDEXAMPLE, secretAccessKey: 'top secret' }\n"
    "limits: { maxFrameBytes: 64KB, idleTimeout: 5m }\n"
    "apis:\n"
    "  chat:\n"
    "    protocolType: WEBSOCKET\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes:\n"
    "      $connect: http://127.0.0.1:3000/connect\n"
    "      $disconnect: http://127.0.0.1:3000/disconnect\n"
    "      $default:\n"
    "        integration: { type: MOCK, responses: { $default: {\n"
    "          responseTemplates: { $default: '$input.body' } } } }\n"
    "        routeResponse: true\n"
    "      sendmessage:\n"
    "        integration:\n"
    "          type: HTTP_PROXY\n"
    "          integrationUri: http://127.0.0.1:3000/send\n"
    "          integrationMethod: PUT\n"
    "          timeoutInMillis: 1000\n"
    "          requestParameters:\n"
    "            integration.request.header.connectionId: "
    "context.connectionId\n"
    "        routeResponse: true\n"
    "        ordered: true\n"
    "      typing: { integration: http://127.0.0.1:3000/typing }\n"
    "    stages:\n"
    "      dev:\n"
    "        stageVariables: { room: lobby }\n"
    "        defaultRouteSettings:\n"
    "          throttlingRateLimit: 1000.5\n"
    "          throttlingBurstLimit: 500\n"
    "        routeSettings: { sendmessage: { throttlingRateLimit: 1 } }\n"
    "      prod:\n";

START_TEST(a_whole_file_becomes_settings_and_plans)
{
    struct gw_config *c = load_text(whole);
    struct gw_plan *p = gw_config_plan(c, GW_LIT("chat"), GW_LIT("dev"));
    struct gw_plan_route *send;

    ck_assert_uint_eq(c->settings.max_frame_bytes, 65536);
    ck_assert_uint_eq(c->settings.idle_timeout_ms, 300000);
    ck_assert_uint_eq(c->settings.listen.port, 8080);
    ck_assert_uint_eq(c->api_count, 1);
    ck_assert_uint_eq(c->plan_count, 2);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p->route_count, 5);
    ck_assert(p->connect && p->disconnect && p->fallback);

    ck_assert_int_eq(p->connect->integration.type, GW_INTEGRATION_HTTP_PROXY);
    ck_assert_gw_str(p->connect->integration.method, GW_LIT("POST"));
    ck_assert(p->connect->integration.gateway_headers);
    ck_assert_uint_eq(p->connect->integration.timeout_ms, 29000);
    ck_assert_uint_eq(p->connect->integration.max_in_flight, 1000);
    ck_assert_uint_eq(p->connect->integration.max_waiting, 10000);
    ck_assert_int_eq(p->fallback->integration.type, GW_INTEGRATION_MOCK);
    ck_assert(p->fallback->two_way);

    send = gw_map_get(&p->routes, GW_LIT("sendmessage"));
    ck_assert(send->two_way && send->ordered);
    ck_assert(!send->integration.gateway_headers);
    ck_assert_gw_str(send->integration.method, GW_LIT("PUT"));
    ck_assert_uint_eq(send->integration.timeout_ms, 1000);
    ck_assert_uint_eq(send->integration.mapping_count, 1);
    ck_assert_double_eq(send->rate, 1);
    ck_assert_double_eq(send->burst, 500);
    ck_assert_double_eq(p->connect->rate, 1000.5);

    /* a URL alone is one-way and brings the gateway's headers */
    send = gw_map_get(&p->routes, GW_LIT("typing"));
    ck_assert(!send->two_way && send->integration.gateway_headers);

    p = gw_config_plan(c, GW_LIT("chat"), GW_LIT("prod"));
    ck_assert(!p->connect->throttled);
    gw_config_unref(c);
}
END_TEST

START_TEST(lookups_find_by_name)
{
    struct gw_config *c = load_text(whole);

    ck_assert_int_eq(gw_config_plan_index(c, GW_LIT("chat"), GW_LIT("prod")),
                     1);
    ck_assert_int_eq(gw_config_plan_index(c, GW_LIT("chat"), GW_LIT("test")),
                     -1);
    ck_assert_ptr_null(gw_config_plan(c, GW_LIT("dev"), GW_LIT("chat")));
    ck_assert_ptr_eq(gw_config_only_api(c), gw_config_api(c, GW_LIT("chat")));
    ck_assert_ptr_null(gw_config_api(c, GW_LIT("Chat")));
    ck_assert_gw_str(*gw_config_secret(c, GW_LIT("AKIDEXAMPLE")),
                     GW_LIT("top secret"));
    ck_assert_ptr_null(gw_config_secret(c, GW_LIT("AKID")));
    gw_config_unref(gw_config_ref(c));
    ck_assert_uint_eq(c->api_count, 1);
    gw_config_unref(c);
    gw_config_unref(NULL);
}
END_TEST

START_TEST(with_two_apis_there_is_no_only_one)
{
    struct gw_config *c =
        load_text(API "  news:\n"
                      "    routeSelectionExpression: $request.body.action\n"
                      "    routes: { $default: http://127.0.0.1:3000/any }\n"
                      "    stages: { a: {}, b: {} }\n");
    struct gw_buf out;

    ck_assert_ptr_null(gw_config_only_api(c));
    ck_assert_int_eq(gw_config_plan_index(c, GW_LIT("news"), GW_LIT("b")), 2);
    gw_buf_init(&out, 256);
    ck_assert(gw_config_summary(c, &out) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&out),
                     GW_LIT("ok: 2 apis, 2 routes, 3 stages"));
    gw_buf_fini(&out);
    gw_config_unref(c);
}
END_TEST

START_TEST(the_summary_counts)
{
    struct gw_config *c = load_text(API);
    struct gw_buf out;

    gw_buf_init(&out, 256);
    ck_assert(gw_config_summary(c, &out) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&out), GW_LIT("ok: 1 api, 1 route, 1 stage"));
    gw_buf_fini(&out);
    gw_config_unref(c);
}
END_TEST

START_TEST(the_demo_loads)
{
    struct gw_config_source source = { .text = gw_config_demo, .dev = true };
    struct gw_config *c = load(&source);
    struct gw_plan *p = gw_config_plan(c, GW_LIT("demo"), GW_LIT("dev"));
    struct gw_fault why;

    ck_assert_ptr_nonnull(p);
    ck_assert(p->binary && p->fallback->two_way);
    ck_assert_ptr_nonnull(gw_map_get(&p->routes, GW_LIT("whoami")));
    ck_assert_ptr_nonnull(gw_map_get(&p->routes, GW_LIT("ping")));
    ck_assert(!gw_config_wants_signatures(c));
    ck_assert(gw_config_check_exposure(c, &why) == GW_OK);
    gw_config_unref(c);
}
END_TEST

/* --- what is refused ------------------------------------------------- */

#define IN_ROUTE(text)                                     \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    stages: { dev: {} }\n"                            \
    "    routes:\n"                                        \
    "      a:\n" text
#define IN_STAGE(text)                                     \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes: { a: http://b/ }\n"                       \
    "    stages:\n"                                        \
    "      dev:\n" text

static const struct {
    const char *text;
    const char *error; /* the first; where it ends in "…" only its start */
} refused[] = {
    { "", "(built-in): expected at least one API under `apis`" },
    { "listen: :80\n", "(built-in): expected at least one API under `apis`" },
    { "apis: {}\n", "(built-in): expected at least one API under `apis`" },
    { "- a\n", "(built-in):1:1: expected settings and `apis`" },
    { "apis: [a]\n", "(built-in):1:7: expected APIs by name" },
    { "limts:\n  a: 1\n" API,
      "(built-in):1:1: unknown key `limts`; did you mean `limits`?" },
    { "limits:\n  maxFrameByte: 1\n" API,
      "(built-in):2:3: unknown key `maxFrameByte`; did you mean "
      "`maxFrameBytes`?" },
    { "limits.maxFrameBytes: 1\n" API, "(built-in):1:1: unknown key `lim…" },
    { "limits: 5\n" API, "(built-in):1:9: expected settings by name" },
    { "listen: [a]\n" API, "(built-in):1:9: expected one value" },
    { "listen: nowhere\n" API,
      "(built-in):1:9: expected an address and a port, such as 0.0.0.0:8080, "
      "[::]:8080 or :8080" },
    { "tls: { certificate: /dev/null }\n" API,
      "(built-in):1: tls.certificate: expected a tls.key with it" },
    { "tls: { key: /dev/null }\n" API,
      "(built-in):1: tls.key: expected a tls.certificate with it" },
    { "\nupstream: { ca: /nonexistent }\n" API,
      "(built-in):2: upstream.ca: No such file or directory" },
    { "managementAuth: sigv4\n" API,
      "(built-in):1: managementAuth: sigv4 needs at least one of "
      "`credentials`" },
    { "\nredis: localhost:6379\n" API,
      "(built-in):2:8: expected redis://host, redis-sentinel://host/name or "
      "unix:///path" },
    { "redis: redis://:a@b\nredisPassword: c\n" API,
      "(built-in):1: redis: expected its password in one place only: the URL, "
      "redisPassword or redisPasswordFile" },
    { "redis: redis://b\nredisPassword: c\nredisPasswordFile: /d\n" API,
      "(built-in):1: redis: expected its password in one place only…" },
    { "redis: redis://b\n\nredisPasswordFile: /none\n" API,
      "(built-in):3: redisPasswordFile: cannot read /none: No such file or "
      "directory" },
    { "redis: redis://a:b@c\nredisUser: d\n" API,
      "(built-in):2: redisUser: the URL names a user already" },
    { "requireRedis: true\n" API,
      "(built-in):1: requireRedis: expected a `redis` with it" },
    { "credentials: { a: b }\n" API, "(built-in):1:14: expected a list…" },
    { "credentials: [{ accessKeyId: A }]\n" API,
      "(built-in):1:15: expected exactly one of secretAccessKey and "
      "secretAccessKeyFile" },
    { "credentials: [{ accessKeyId: A, secretAccessKey: b, "
      "secretAccessKeyFile: c }]\n" API,
      "(built-in):1:15: expected exactly one of…" },
    { "credentials: [{ secretAccessKey: b }]\n" API,
      "(built-in):1:15: expected an accessKeyId…" },
    { "credentials: [{ accessKeyId: a/b, secretAccessKey: b }]\n" API,
      "(built-in):1:30: expected an accessKeyId…" },
    { "credentials: [{ accessKeyId: A, secretAccessKey: '' }]\n" API,
      "(built-in):1:50: expected the secret, one line" },
    { "credentials: [{ accessKeyId: A, secretAccessKeyFile: /dev }]\n" API,
      "(built-in):1:54: cannot read /dev: not a regular file" },
    { "credentials: [{ accessKeyId: A, secretAccessKeyFile: /dev/zero }]\n" API,
      "(built-in):1:54: cannot read /dev/zero: not a regular file" },
    { "credentials: [{ accessKeyId: A, secretAccessKeyFile: /none }]\n" API,
      "(built-in):1:54: cannot read /none: No such file or directory" },
    { "credentials: [{ accessKeyId: A, secret: b }]\n" API,
      "(built-in):1:33: expected accessKeyId and one of…" },
    { "credentials:\n- { accessKeyId: A, secretAccessKey: b }\n"
      "- { accessKeyId: A, secretAccessKey: c }\n" API,
      "(built-in):3:3: the accessKeyId is given twice" },

    { "apis: { chat: 1 }\n",
      "(built-in):1:9: expected an API with `routes` and `stages`" },
    { "apis: { chat: { routs: {} } }\n",
      "(built-in):1:17: unknown key `routs`; did you mean `routes`?" },
    { "apis: { chat: { protocolType: HTTP } }\n",
      "(built-in):1:31: expected WEBSOCKET" },
    { "apis: { chat: { stages: { dev: {} } } }\n",
      "(built-in):1:9: expected at least one of `routes`" },
    { "apis: { chat: { routes: { a: http://b/ } } }\n",
      "(built-in):1:9: expected at least one of `stages`" },
    { "apis: { c: { routes: { a: http://b/ }, stages: { dev: } } }\n",
      "(built-in):1:9: expected a routeSelectionExpression…" },
    { "apis: { c/d: { routeSelectionExpression: a,\n"
      "  routes: { a: http://b/ }, stages: { dev: } } }\n",
      "(built-in):1:9: expected an API name…" },

    { IN_ROUTE("        routeResponse: true\n"),
      "(built-in):6:7: expected an `integration`" },
    { IN_ROUTE("        integration: { integrationUri: http://b/ }\n"),
      "(built-in):7:9: expected a `type`: MOCK, HTTP, HTTP_PROXY, AWS "
      "or AWS_PROXY" },
    { IN_ROUTE("        integration: { type: AWS_PROXY }\n"),
      "(built-in):7:9: expected an integrationUri, the ARN of a function…" },
    { IN_ROUTE("        integration: { integrationType: AWS }\n"),
      "(built-in):7:9: expected an integrationUri, the ARN of a function…" },
    { IN_ROUTE("        integration:\n"
               "          type: AWS_PROXY\n"
               "          integrationUri: arn:aws:s3:::bucket\n"),
      "(built-in):9:27: expected a function: its ARN…" },
    { IN_ROUTE("        integration:\n"
               "          type: AWS_PROXY\n"
               "          integrationUri: " FUNCTION "\n"),
      "(built-in):9:27: expected credentials to call the function with, "
      "lambda.accessKeyId and lambda.secretAccessKey, or a lambda.endpoint "
      "that does not ask for them" },
    { IN_ROUTE("        integration:\n"
               "          type: AWS_PROXY\n"
               "          payloadFormatVersion: '2.0'\n"
               "          integrationUri: " FUNCTION "\n"),
      "(built-in):9:33: expected 1.0" },
    { "lambda: { accessKeyId: A }\n" API,
      "(built-in):1: lambda.accessKeyId: expected exactly one of "
      "lambda.secretAccessKey and lambda.secretAccessKeyFile with it" },
    { "lambda: { accessKeyId: A, secretAccessKey: b, "
      "secretAccessKeyFile: c }\n" API,
      "(built-in):1: lambda.accessKeyId: expected exactly one of…" },
    { "lambda: { secretAccessKey: b }\n" API,
      "(built-in): lambda.accessKeyId: expected it with the secret or the "
      "token" },
    { "lambda:\n  accessKeyId: A\n  secretAccessKeyFile: /none\n" API,
      "(built-in):3: lambda.secretAccessKeyFile: cannot read /none: No such "
      "file or directory" },
    { IN_ROUTE("        integration: { type: LAMBDA }\n"),
      "(built-in):7:30: expected one of MOCK, HTTP, HTTP_PROXY, AWS, "
      "AWS_PROXY" },
    { IN_ROUTE("        integration: { type: MOCK, timeoutInMillis: 49 }\n"),
      "(built-in):7:53: expected a whole number, 50 to 29000" },
    { IN_ROUTE("        integration: { type: MOCK, timeoutInMillis: 30000 }\n"),
      "(built-in):7:53: expected a whole number, 50 to 29000" },
    { IN_ROUTE("        integration: { type: MOCK, maxInFlight: 0 }\n"),
      "(built-in):7:49: expected a whole number, 1 to 1000000" },
    { IN_ROUTE(
          "        integration: { type: MOCK, passthroughBehavior: NO }\n"),
      "(built-in):7:57: expected WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER" },
    { IN_ROUTE("        integration: { type: MOCK, contentHandlingStrategy: x "
               "}\n"),
      "(built-in):7:61: expected CONVERT_TO_BINARY or CONVERT_TO_TEXT" },
    { IN_ROUTE("        integration: { type: MOCK, integrationURI: x }\n"),
      "(built-in):7:36: unknown key `integrationURI`; did you mean "
      "`integrationUri`?" },
    { IN_ROUTE("        integration: ftp://b/\n"),
      "(built-in):7:22: expected a URL that begins with http:// or https://" },
    { IN_ROUTE("        integration: http://b/${stageVariables.x}\n"),
      "(built-in):7:22: the stage variable `x` is not defined in the stage "
      "`dev`" },
    { IN_ROUTE("        integration: http://b/\n        ordered: 1\n"),
      "(built-in):8:18: expected true or false" },
    { IN_ROUTE("        integration: http://b/\n"
               "        routeResponseSelectionExpression: a\n"),
      "(built-in):8:43: expected $default" },
    { IN_ROUTE("        integration:\n"
               "          type: HTTP\n"
               "          integrationUri: http://b/\n"
               "          integrationMethod: POST\n"
               "          requestParameters:\n"
               "            integration.request.header.a: context.stage\n"
               "            integration.request.header.b: $context.stage\n"),
      "(built-in):13:43: …" },
    { IN_ROUTE("        integration:\n"
               "          type: MOCK\n"
               "          integrationResponses:\n"
               "            $default:\n"
               "              responseTemplates:\n"
               "                $default: '#set($a = 1)'\n"),
      "(built-in):12:27: …" },
    { IN_ROUTE("        integration: { type: MOCK, responses: { 2xx: {} } }\n"),
      "(built-in):7:49: expected $default, or a pattern such as /2\\d\\d/" },
    { IN_ROUTE("        integration: { type: MOCK, responses: { $default: {\n"
               "          responsTemplates: {} } } }\n"),
      "(built-in):8:11: unknown key `responsTemplates`; did you mean "
      "`responseTemplates`?" },
    { IN_ROUTE("          [http://b/]\n"),
      "(built-in):6:7: expected a URL, function:NAME, or a route with an "
      "integration" },
    { "apis:\n  chat:\n    routeSelectionExpression: a\n"
      "    stages: { dev: {} }\n"
      "    routes:\n      $send: http://b/\n",
      "(built-in):6:14: a route key that begins with $ is $connect, "
      "$disconnect or $default" },

    { IN_STAGE("        stageVariables: { ro-om: x }\n"),
      "(built-in):7:34: expected a name of letters, digits and '_', at most "
      "64 characters" },
    { IN_STAGE("        stageVariables: { room: 'a b' }\n"),
      "(built-in):7:33: expected 1 to 512 characters…" },
    { IN_STAGE("        stageVariables: { room: [a] }\n"),
      "(built-in):7:33: expected a text" },
    { IN_STAGE("        routeSettings: { b: { throttlingRateLimit: 1 } }\n"),
      "(built-in):7:26: there is no route `b`" },
    { IN_STAGE("        defaultRouteSettings: { throttlingRateLimit: -1 }\n"),
      "(built-in):7:54: expected a number of requests a second, such as 100 "
      "or 0.5, up to 1000000" },
    { IN_STAGE("        defaultRouteSettings: { throttlingBurstLimit: 1.5 }\n"),
      "(built-in):7:55: expected a whole number, 0 to 1000000" },
    { IN_STAGE("        defaultRouteSetting: {}\n"),
      "(built-in):7:9: unknown key `defaultRouteSetting`; did you mean "
      "`defaultRouteSettings`?" },
    { "apis:\n  chat:\n    routeSelectionExpression: a\n"
      "    routes: { a: http://b/ }\n"
      "    stages:\n      $default: {}\n",
      "(built-in):6:7: expected a stage name of…" },
};

START_TEST(mistakes_are_told_with_their_place)
{
    struct gw_config_source source = { .text = gw_str_of(refused[_i].text) };
    struct gw_config *c;
    const char *want = refused[_i].error;
    const char *cut = strstr(want, "…");
    size_t len = cut ? (size_t)(cut - want) : strlen(want) + 1;

    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert_msg(strncmp(errors.lines[0], want, len) == 0, "got  %s\nwant %s",
                  errors.lines[0], want);
}
END_TEST

START_TEST(all_mistakes_are_told)
{
    static const char text[] =
        "listen: 1\n"
        "limits: { maxFrameBytes: x, idleTimeout: y }\n"
        "apis:\n"
        "  chat:\n"
        "    routeSelectionExpression: $request.body.action\n"
        "    routes:\n"
        "      a: ftp://b/\n"
        "      b: { integration: { type: AWSPROXY } }\n"
        "      c: http://b/${stageVariables.x}\n"
        "      d: http://b/ok\n"
        "    stages: { dev: {}, prod: { stageVariables: { x: 1 } } }\n";
    static const char *const wants[] = { ":1:9:",  ":2:26:", ":2:42:",
                                         ":8:33:", ":7:10:", ":9:10:" };
    struct gw_config_source source = { .text = gw_str_of(text) };
    struct gw_config *c;

    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert_uint_eq(errors.count, GW_LEN(wants));
    for (size_t i = 0; i < GW_LEN(wants); i++) {
        bool told = false;

        for (size_t e = 0; e < errors.count; e++)
            told |= strstr(errors.lines[e], wants[i]) != NULL;
        ck_assert_msg(told, "%s", wants[i]);
    }
}
END_TEST

/* --- where values come from ------------------------------------------ */

START_TEST(flags_win_over_environment_over_file)
{
    char listen[] = "GATEWIRE_LISTEN=127.0.0.1:2",
         frame[] = "GATEWIRE_LIMITS_MAX_FRAME_BYTES=2KB",
         foreign[] = "GATEWIRE_SERVICE_HOST=10.0.0.1", home[] = "HOME=/root";
    char *const environment[] = { home, listen, foreign, frame, NULL };
    struct gw_config_flag flags[2];
    struct gw_config_source source = {
        .text = GW_LIT("listen: 127.0.0.1:1\n"
                       "workers: 3\n"
                       "limits: { maxFrameBytes: 1KB }\n" API),
        .environment = environment,
        .flags = flags,
        .flag_count = 2,
    };
    struct gw_config *c;
    struct gw_buf out;

    ck_assert(gw_config_flag_read(GW_LIT("limits.maxFrameBytes=3KB"), &flags[0],
                                  NULL) == GW_OK);
    flags[1] = (struct gw_config_flag){ GW_LIT("admin"), GW_LIT(""),
                                        GW_LIT("--admin") };
    c = load(&source);
    ck_assert_uint_eq(c->settings.listen.port, 2);
    ck_assert_uint_eq(c->settings.workers, 3);
    ck_assert_uint_eq(c->settings.max_frame_bytes, 3072);
    ck_assert_uint_eq(c->settings.admin.text.len, 0);

    gw_buf_init(&out, 1 << 16);
    ck_assert(gw_config_print(c, &out) == GW_OK);
    ck_assert(gw_buf_add(&out, (gw_str){ "", 1 }) == GW_OK);
    ck_assert(strstr(out.at, "listen: 127.0.0.1:2  # GATEWIRE_LISTEN\n"));
    ck_assert(strstr(out.at, "admin: \"\"  # --admin\n"));
    ck_assert(strstr(out.at, "workers: 3  # (built-in):2\n"));
    ck_assert(strstr(out.at, "limits:\n  maxFrameBytes: 3072  # --set\n"));
    ck_assert(strstr(out.at, "  idleTimeout: 10m  # default\n"));
    ck_assert(strstr(out.at, "# 1 api, 1 route, 1 stage\n"));
    gw_buf_fini(&out);
    gw_config_unref(c);
}
END_TEST

static const struct {
    const char *variable, *error;
} bad_variables[] = {
    { "GATEWIRE_LISTEN=x", "GATEWIRE_LISTEN: expected an address" },
    { "GATEWIRE_LISTN=:80",
      "GATEWIRE_LISTN: unknown variable; did you mean `GATEWIRE_LISTEN`?" },
    { "GATEWIRE_LIMITS_MAXFRAME_BYTES=1",
      "GATEWIRE_LIMITS_MAXFRAME_BYTES: unknown variable; did you mean "
      "`GATEWIRE_LIMITS_MAX_FRAME_BYTES`?" },
    { "GATEWIRE_CREDENTIALS=abc", "GATEWIRE_CREDENTIALS: expected ID:SECRET" },
    { "GATEWIRE_CREDENTIALS=a:b,a:c",
      "GATEWIRE_CREDENTIALS: expected ID:SECRET" },
};

START_TEST(a_wrong_variable_is_told)
{
    char *variable = gw_str_dup(gw_str_of(bad_variables[_i].variable));
    char *const environment[] = { variable, NULL };
    struct gw_config_source source = { .text = GW_LIT(API),
                                       .environment = environment };
    struct gw_config *c;

    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert_msg(strstr(errors.lines[0], bad_variables[_i].error), "%s",
                  errors.lines[0]);
    free(variable);
}
END_TEST

START_TEST(a_wrong_flag_is_told)
{
    struct gw_config_flag flag;
    struct gw_config_source source = { .text = GW_LIT(API),
                                       .flags = &flag,
                                       .flag_count = 1 };
    struct gw_fault why;
    struct gw_config *c;

    ck_assert(gw_config_flag_read(GW_LIT("listen"), &flag, &why) != GW_OK);
    ck_assert(gw_config_flag_read(GW_LIT("=x"), &flag, &why) != GW_OK);
    ck_assert(gw_config_flag_read(GW_LIT("limits.maxFramBytes=1"), &flag,
                                  &why) == GW_OK);
    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert_str_eq(errors.lines[0],
                     "--set: unknown setting `limits.maxFramBytes`; did you "
                     "mean `limits.maxFrameBytes`?");
    ck_assert(gw_config_flag_read(GW_LIT("credentials=a:b"), &flag, &why) ==
              GW_OK);
    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert(strstr(errors.lines[0], "command line"));
    ck_assert(gw_config_flag_read(GW_LIT("redisPassword=a"), &flag, &why) ==
              GW_OK);
    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert(strstr(errors.lines[0], "command line"));
    ck_assert(strstr(errors.lines[0], "GATEWIRE_REDIS_PASSWORD"));
}
END_TEST

START_TEST(credentials_come_from_the_environment_too)
{
    char variable[] = "GATEWIRE_CREDENTIALS=A:s/1+=,B:s:2";
    char *const environment[] = { variable, NULL };
    struct gw_config_source source = {
        .text = GW_LIT("credentials: [{ accessKeyId: C, secretAccessKey: x "
                       "}]\n" API),
        .environment = environment
    };
    struct gw_config *c = load(&source);

    ck_assert_uint_eq(c->credential_count, 2);
    ck_assert_gw_str(*gw_config_secret(c, GW_LIT("A")), GW_LIT("s/1+="));
    ck_assert_gw_str(*gw_config_secret(c, GW_LIT("B")), GW_LIT("s:2"));
    gw_config_unref(c);
}
END_TEST

/* --- files ----------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *folder, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_int_eq(unlink(path), 0);
}

/* The password is found wherever it stands, and shown nowhere. */
/* --- who invokes functions ------------------------------------------- */

/* The API comes first: the order of a file does not matter. */
static const char invokes[] =
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes:\n"
    "      $default:\n"
    "        integration:\n"
    "          type: AWS_PROXY\n"
    "          integrationUri: " FUNCTION "\n"
    "    stages: { dev: {} }\n";

static const struct {
    const char *settings, *environment[6];
    const char *id, *secret, *token, *host; /* id: NULL for unsigned calls */
} callers[] = {
    { "lambda: { accessKeyId: A, secretAccessKey: b }\n",
      { 0 },
      "A",
      "b",
      "",
      "lambda.eu-west-1.amazonaws.com" },
    { "lambda: { accessKeyId: A, secretAccessKey: b, sessionToken: c }\n",
      { 0 },
      "A",
      "b",
      "c",
      "lambda.eu-west-1.amazonaws.com" },
    { "lambda: { accessKeyId: A }\n",
      { "GATEWIRE_LAMBDA_SECRET_ACCESS_KEY=b" },
      "A",
      "b",
      "",
      "lambda.eu-west-1.amazonaws.com" },
    { "",
      { "AWS_ACCESS_KEY_ID=A",
        "AWS_SECRET_ACCESS_KEY=b/+=", "AWS_SESSION_TOKEN=c" },
      "A",
      "b/+=",
      "c",
      "lambda.eu-west-1.amazonaws.com" },
    { "lambda: { accessKeyId: A, secretAccessKey: b }\n", /* ours alone */
      { "AWS_ACCESS_KEY_ID=X", "AWS_SECRET_ACCESS_KEY=y",
        "AWS_SESSION_TOKEN=z" },
      "A",
      "b",
      "",
      "lambda.eu-west-1.amazonaws.com" },
    { "lambda: { endpoint: 'http://here:9001' }\n",
      { "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=b" },
      "A",
      "b",
      "",
      "here" },
    { "lambda: { endpoint: 'http://here:9001' }\n",
      { "AWS_ACCESS_KEY_ID=A" },
      NULL,
      NULL,
      NULL,
      "here" },
    { "",
      { "GATEWIRE_LAMBDA_ENDPOINT=http://here:9001" },
      NULL,
      NULL,
      NULL,
      "here" },
};

START_TEST(functions_are_invoked_by_whom_it_was_said)
{
    const struct gw_plan_integration *to;
    struct gw_config_source source = {
        .environment = (char *const *)callers[_i].environment
    };
    struct gw_config *c;
    char text[1024];

    snprintf(text, sizeof(text), "%s%s", invokes, callers[_i].settings);
    source.text = gw_str_of(text);
    c = load(&source);
    to = &c->plans[0]->fallback->integration;
    ck_assert_gw_str(to->host, gw_str_of(callers[_i].host));
    ck_assert((to->signs != NULL) == (callers[_i].id != NULL));
    if (to->signs) {
        ck_assert_gw_str(to->signs->access_key_id, gw_str_of(callers[_i].id));
        ck_assert_gw_str(to->signs->secret, gw_str_of(callers[_i].secret));
        ck_assert_gw_str(to->signs->session_token,
                         gw_str_of(callers[_i].token));
        ck_assert_gw_str(to->region, GW_LIT("eu-west-1"));
    }
    gw_config_unref(c);
}
END_TEST

START_TEST(the_password_of_redis_is_a_secret)
{
    char folder[] = "/tmp/gatewire-config-XXXXXX", path[512];
    char *environment[] = { "GATEWIRE_REDIS_PASSWORD=hush", NULL };
    struct gw_config_source source = { .path = path };
    struct gw_config *from[3];
    struct gw_buf out;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/g.yaml", folder);
    write_file(folder, "secret", "hush\n");
    write_file(folder, "g.yaml", "redis: redis://me:hush@there/3\n" API);
    from[0] = load(&source);
    write_file(folder, "g.yaml",
               "redis: redis://me@there/3\nredisPasswordFile: secret\n" API);
    from[1] = load(&source);
    write_file(folder, "g.yaml", "redis: redis://there/3\nredisUser: me\n" API);
    source.environment = environment;
    from[2] = load(&source);
    for (size_t i = 0; i < GW_LEN(from); i++) {
        ck_assert_gw_str(from[i]->redis.user, GW_LIT("me"));
        ck_assert_gw_str(from[i]->redis.password, GW_LIT("hush"));
        ck_assert_gw_str(from[i]->redis.hosts[0].host, GW_LIT("there"));
        ck_assert_uint_eq(from[i]->redis.db, 3);
        gw_buf_init(&out, 1 << 16);
        ck_assert(gw_config_print(from[i], &out) == GW_OK);
        ck_assert(gw_buf_add(&out, (gw_str){ "", 1 }) == GW_OK);
        ck_assert_ptr_nonnull(strstr(out.at, "there"));
        ck_assert_ptr_null(strstr(out.at, "hush"));
        gw_buf_fini(&out);
        gw_config_unref(from[i]);
    }
    remove_file(folder, "secret");
    remove_file(folder, "g.yaml");
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

/* Masked, both look the same; they are not. */
START_TEST(another_password_needs_a_restart)
{
    static const char *const texts[][2] = {
        { "redis: redis://:a@b\n" API, "redis: redis://:c@b\n" API },
        { "redisPassword: a\n" API, "redisPassword: b\n" API },
    };
    struct gw_config *old = load_text(texts[_i][0]);
    struct gw_config *new_one = load_text(texts[_i][1]);
    struct gw_buf keys;

    gw_buf_init(&keys, 4096);
    ck_assert_uint_eq(gw_config_restart_needed(old, new_one, &keys), 1);
    gw_buf_fini(&keys);
    gw_config_unref(old);
    gw_config_unref(new_one);
}
END_TEST

START_TEST(paths_are_relative_to_the_file)
{
    char folder[] = "/tmp/gatewire-config-XXXXXX", path[512], want[512];
    struct gw_config_source source = { .path = path };
    struct gw_config *c;
    struct gw_buf out;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/g.yaml", folder);
    write_file(folder, "secret.txt", "hush\r\n");
    write_file(folder, "cert.pem", "");
    write_file(folder, "key.pem", "");
    write_file(folder, "g.yaml",
               "credentials: [{ accessKeyId: A, secretAccessKeyFile: "
               "secret.txt }]\n"
               "tls: { certificate: cert.pem, key: key.pem }\n" API);
    c = load(&source);
    ck_assert_gw_str(*gw_config_secret(c, GW_LIT("A")), GW_LIT("hush"));
    snprintf(want, sizeof(want), "%s/cert.pem", folder);
    ck_assert_str_eq(c->settings.tls_certificate.at, want);
    gw_buf_init(&out, 1 << 16);
    ck_assert(gw_config_print(c, &out) == GW_OK);
    ck_assert(gw_buf_add(&out, (gw_str){ "", 1 }) == GW_OK);
    ck_assert_ptr_null(strstr(out.at, "hush"));
    ck_assert(strstr(out.at, "accessKeyId: \"A\""));
    gw_buf_fini(&out);
    gw_config_unref(c);
    remove_file(folder, "secret.txt");
    remove_file(folder, "cert.pem");
    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert(strstr(errors.lines[0], "g.yaml:1:54: cannot read "));
    remove_file(folder, "key.pem");
    remove_file(folder, "g.yaml");
    ck_assert(gw_config_load(&source, &c, &errors) != GW_OK);
    ck_assert(strstr(errors.lines[0],
                     "g.yaml: cannot be read: No such file or directory"));
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

/* --- safety and reload ----------------------------------------------- */

static const struct {
    const char *text;
    bool dev, safe, wants_signatures;
} exposures[] = {
    { "listen: 127.0.0.1:80\n", false, true, false },
    { "listen: '[::1]:80'\n", false, true, false },
    { "listen: localhost:80\n", false, true, false },
    { "", false, false, false },
    { "listen: :80\n", false, false, false },
    { "listen: '[::]:80'\n", false, false, false },
    { "managementAuth: none\n", false, true, false },
    { "managementAuth: auto\n", false, false, false },
    { "credentials: [{ accessKeyId: A, secretAccessKey: b }]\n", false, true,
      true },
    { "credentials: [{ accessKeyId: A, secretAccessKey: b }]\n"
      "managementAuth: none\n",
      false, true, false },
    { "", true, true, false },
    { "listen: 0.0.0.0:80\n", true, false, false },
    { "listen: 0.0.0.0:80\nmanagementAuth: none\n", true, true, false },
    { "listen: 0.0.0.0:80\nmanagementAuth: auto\n"
      "credentials: [{ accessKeyId: A, secretAccessKey: b }]\n",
      true, true, true },
};

START_TEST(an_open_door_must_be_asked_for)
{
    struct gw_fault why = { "" };
    struct gw_config_source source = { .dev = exposures[_i].dev };
    struct gw_config *c;
    char text[1024];

    snprintf(text, sizeof(text), "%s%s", exposures[_i].text, API);
    source.text = gw_str_of(text);
    c = load(&source);
    ck_assert_int_eq(gw_config_check_exposure(c, &why) == GW_OK,
                     exposures[_i].safe);
    ck_assert_int_eq(gw_config_wants_signatures(c),
                     exposures[_i].wants_signatures);
    if (!exposures[_i].safe) {
        ck_assert(strstr(why.text, "credentials"));
        ck_assert(strstr(why.text, "managementAuth: none"));
    }
    gw_config_unref(c);
}
END_TEST

START_TEST(a_reload_says_what_waits_for_a_restart)
{
    struct gw_config *old = load_text("listen: 127.0.0.1:1\n" API);
    struct gw_config *same = load_text("listen: 127.0.0.1:1\n"
                                       "limits: { idleTimeout: 1m }\n" API);
    struct gw_config *other = load_text("listen: 127.0.0.1:2\n"
                                        "workers: 2\n"
                                        "limits: { idleTimeout: 1m }\n" API);
    struct gw_config *secure =
        load_text("listen: 127.0.0.1:1\n"
                  "tls: { certificate: /dev/null, key: /dev/null }\n" API);
    struct gw_buf keys;

    gw_buf_init(&keys, 1024);
    ck_assert_uint_eq(gw_config_restart_needed(old, same, &keys), 0);
    ck_assert_uint_eq(keys.len, 0);
    ck_assert_uint_eq(gw_config_restart_needed(old, other, &keys), 2);
    ck_assert_gw_str(gw_buf_str(&keys), GW_LIT("listen, workers"));
    keys.len = 0;
    ck_assert_uint_eq(gw_config_restart_needed(old, secure, &keys), 1);
    ck_assert_gw_str(gw_buf_str(&keys), GW_LIT("tls.certificate"));
    gw_buf_fini(&keys);
    gw_config_unref(old);
    gw_config_unref(same);
    gw_config_unref(other);
    gw_config_unref(secure);
}
END_TEST

START_TEST(what_is_printed_loads_again)
{
    struct gw_config_source source = {
        .text = GW_LIT("listen: '[::1]:81'\n"
                       "admin: ''\n"
                       "region: \"null\"\n"
                       "domainName: 'null'\n"
                       "log: { level: warn, format: json }\n"
                       "upstream: { ca: /dev/null }\n"
                       "credentials: [{ accessKeyId: A, secretAccessKey: b "
                       "}]\n" API)
    };
    struct gw_config *first = load(&source), *second;
    struct gw_buf out;

    gw_buf_init(&out, 1 << 16);
    ck_assert(gw_config_print(first, &out) == GW_OK);
    ck_assert(gw_buf_add(&out, GW_LIT(API)) == GW_OK);
    source.text = gw_buf_str(&out);
    second = load(&source);
    for (unsigned i = 0; i < gw_settings_count(); i++)
        ck_assert_msg(gw_setting_same(i, &first->settings, &second->settings),
                      "%s", gw_setting_key(i));
    gw_buf_fini(&out);
    gw_config_unref(first);
    gw_config_unref(second);
}
END_TEST

GW_SUITE("server/config/config")
{
    tcase_add_test(tc, a_whole_file_becomes_settings_and_plans);
    tcase_add_test(tc, lookups_find_by_name);
    tcase_add_test(tc, with_two_apis_there_is_no_only_one);
    tcase_add_test(tc, the_summary_counts);
    tcase_add_test(tc, the_demo_loads);
    tcase_add_loop_test(tc, mistakes_are_told_with_their_place, 0,
                        GW_LEN(refused));
    tcase_add_test(tc, all_mistakes_are_told);
    tcase_add_test(tc, flags_win_over_environment_over_file);
    tcase_add_loop_test(tc, a_wrong_variable_is_told, 0, GW_LEN(bad_variables));
    tcase_add_test(tc, a_wrong_flag_is_told);
    tcase_add_test(tc, credentials_come_from_the_environment_too);
    tcase_add_test(tc, paths_are_relative_to_the_file);
    tcase_add_loop_test(tc, functions_are_invoked_by_whom_it_was_said, 0,
                        GW_LEN(callers));
    tcase_add_test(tc, the_password_of_redis_is_a_secret);
    tcase_add_loop_test(tc, another_password_needs_a_restart, 0, 2);
    tcase_add_loop_test(tc, an_open_door_must_be_asked_for, 0,
                        GW_LEN(exposures));
    tcase_add_test(tc, a_reload_says_what_waits_for_a_restart);
    tcase_add_test(tc, what_is_printed_loads_again);
}
