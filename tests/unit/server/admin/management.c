#include "server/admin/management.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link client, caller;

static const char config[] =
    "limits: { maxPostBytes: 20 }\n"
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes: { $connect: http://127.0.0.1:3000/,\n"
    "              $default: http://127.0.0.1:3000/ }\n"
    "    stages: { dev: {} }\n";

static void start(void)
{
    fake_world_init(&w, config);
    fake_link_init(&client);
    fake_link_init(&caller);
    fake_world_connect(&w, &client, "/dev", "User-Agent: test/1\r\n");
    fake_call_reply(fake_fetch_call(&w.fetch, 0), 200, "", GW_EMPTY);
}

static void end(void)
{
    if (client.conn)
        fake_link_ends(&client, 1000, "");
    fake_link_fini(&client);
    fake_link_fini(&caller);
    fake_world_fini(&w);
}

/* The id as SDKs spell it (websocket-api.md 6.2): "%3D" for its '='. */
static void ask(const char *method, gw_str id, const char *body)
{
    if (gw_str_ends(id, GW_LIT("=")))
        id.len--;
    fake_world_requestf(&w, &caller,
                        "%s /dev/@connections/%.*s%%3D HTTP/1.1\r\n"
                        "Host: a\r\nContent-Length: %zu\r\n\r\n%s",
                        method, GW_FMT(id), strlen(body), body);
    ck_assert(!caller.asked);
}

/* Every answer, good or bad: websocket-api.md 1.1 and 6.3. */
static void answered(unsigned status, const char *type, const char *body)
{
    gw_str have = fake_link_header(&caller, "x-amzn-ErrorType");

    ck_assert_uint_eq(caller.status, status);
    ck_assert_gw_str(gw_buf_str(&caller.body), gw_str_of(body));
    ck_assert((type != NULL) == (have.at != NULL));
    if (type)
        ck_assert_gw_str(have, gw_str_of(type));
    ck_assert((fake_link_header(&caller, "Content-Type").at != NULL) ==
              (body[0] != '\0'));
    ck_assert_uint_eq(fake_link_header(&caller, "x-amzn-RequestId").len, 36);
    ck_assert_uint_eq(fake_link_header(&caller, "x-amz-apigw-id").len, 16);
}

START_TEST(a_post_is_200_and_empty)
{
    start();
    ask("POST", fake_link_id(&client), "hello");
    answered(200, NULL, "");
    fake_link_got(&client, "hello");
    ck_assert_uint_eq(w.metrics.pushes, 1);
    ask("POST", fake_link_id(&client), "");
    answered(200, NULL, "");
    fake_link_got(&client, "");
    end();
}
END_TEST

START_TEST(a_get_is_200_and_describes)
{
    start();
    ask("GET", fake_link_id(&client), "");
    answered(200, NULL,
             "{\"connectedAt\":\"2015-08-30T12:36:00.000Z\",\"identity\":"
             "{\"sourceIp\":\"203.0.113.7\",\"userAgent\":\"test/1\"},"
             "\"lastActiveAt\":\"2015-08-30T12:36:00.000Z\"}");
    end();
}
END_TEST

#define LAST_ACTIVE "\"lastActiveAt\":\"2015-08-30T12:36:00.000Z\"}"

/* 6.1: both identity members are required: "" rather than nothing */
START_TEST(a_client_without_a_user_agent_has_an_empty_one)
{
    start();
    fake_link_ends(&client, 1000, "");
    fake_world_connect(&w, &client, "/dev", "");
    fake_call_reply(fake_fetch_call(&w.fetch, 0), 200, "", GW_EMPTY);
    ask("GET", fake_link_id(&client), "");
    ck_assert(gw_str_ends(gw_str_head(gw_buf_str(&caller.body),
                                      caller.body.len - strlen(LAST_ACTIVE)),
                          GW_LIT("\"userAgent\":\"\"},")));
    end();
}
END_TEST

/* What is shown must be JSON, which is UTF-8 (RFC 8259, 8.1), whatever the
 * client called itself. */
static const struct {
    const char *agent, *shown;
} agents[] = {
    { "a\t\"b\\\"", "\"userAgent\":\"a\\t\\\"b\\\\\\\"\"}" },
    { "caf\xc3\xa9", "\"userAgent\":\"caf\xc3\xa9\"}" },
    { "caf\xe9", "\"userAgent\":\"\"}" },
};

START_TEST(any_user_agent_is_shown_as_json)
{
    char header[100];

    start();
    fake_link_ends(&client, 1000, "");
    snprintf(header, sizeof(header), "User-Agent: %s\r\n", agents[_i].agent);
    fake_world_connect(&w, &client, "/dev", header);
    fake_call_reply(fake_fetch_call(&w.fetch, 0), 200, "", GW_EMPTY);
    ask("GET", fake_link_id(&client), "");
    ck_assert_uint_eq(caller.status, 200);
    ck_assert_ptr_nonnull(memmem(caller.body.at, caller.body.len,
                                 agents[_i].shown, strlen(agents[_i].shown)));
    end();
}
END_TEST

START_TEST(a_delete_is_204_and_closes)
{
    start();
    ask("DELETE", fake_link_id(&client), "");
    answered(204, NULL, "");
    ck_assert(client.closing);
    ck_assert_uint_eq(client.close_code, 1000);
    ask("DELETE", fake_link_id(&client), "");
    answered(410, "GoneException", "");
    fake_link_closed(&client);
    end();
}
END_TEST

#define NEVER_MADE "L0SM9cOFvHcCIhw="

static const struct {
    const char *method, *id, *body;
    unsigned status;
    const char *type, *answer;
} failures[] = {
    { "POST", NEVER_MADE, "x", 410, "GoneException", "" },
    { "GET", NEVER_MADE, "", 410, "GoneException", "" },
    { "DELETE", NEVER_MADE, "", 410, "GoneException", "" },
    { "POST", "nonsense", "x", 400, "BadRequestException",
      "{\"message\": \"Invalid connectionId\"}" },
    { "GET", "nonsense", "", 400, "BadRequestException",
      "{\"message\": \"Invalid connectionId\"}" },
    { "POST", NULL, "more than twenty bytes", 413, "PayloadTooLargeException",
      "{\"message\": \"Request Too Long\"}" },
    { "POST", NULL, "\xff", 400, "BadRequestException",
      "{\"message\": \"The data is not UTF-8 text, and the API does not have "
      "binary: true\"}" },
    { "PUT", NULL, "x", 403, "ForbiddenException",
      "{\"message\":\"Forbidden\"}" },
    { "HEAD", NULL, "", 403, "ForbiddenException",
      "{\"message\":\"Forbidden\"}" },
    { "post", NULL, "", 403, "ForbiddenException",
      "{\"message\":\"Forbidden\"}" },
};

START_TEST(failures_name_their_exception)
{
    start();
    ask(failures[_i].method,
        failures[_i].id ? gw_str_of(failures[_i].id) : fake_link_id(&client),
        failures[_i].body);
    answered(failures[_i].status, failures[_i].type, failures[_i].answer);
    ck_assert_uint_eq(w.metrics.pushes_gone, failures[_i].status == 410);
    ck_assert_uint_eq(w.metrics.pushes, 0);
    fake_link_got_nothing(&client);
    end();
}
END_TEST

START_TEST(a_client_that_does_not_read_is_429)
{
    start();
    client.send_err = GW_E_FULL;
    ask("POST", fake_link_id(&client), "x");
    answered(429, "LimitExceededException",
             "{\"message\": \"The client does not read what it is sent\"}");
    end();
}
END_TEST

/* The most that may be posted is posted. */
START_TEST(the_limit_itself_is_no_failure)
{
    start();
    ask("POST", fake_link_id(&client), "exactly twenty bytes");
    answered(200, NULL, "");
    end();
}
END_TEST

/* Another worker has it: the answer comes later, or to nobody. */
static void on_other(void *ctx, const struct gw_bus_message *m)
{
    *(struct gw_bus_message *)ctx = *m;
}

START_TEST(answers_from_another_worker_come_later)
{
    struct gw_bus *bus = gw_bus_new(7, 2, 10);
    struct gw_bus_message heard = { 0 };
    char id[16];
    uv_loop_t loop;

    ck_assert_int_eq(uv_loop_init(&loop), 0);
    fake_link_init(&caller);
    fake_world_init_at(&w, config, bus, 0, 2);
    gw_bus_attach(bus, 0, &loop, fake_world_on_bus, &w);
    gw_bus_attach(bus, 1, &loop, on_other, &heard);
    gw_connection_id_write(&w.gateway.id_key,
                           (struct gw_connection_id){ .node = 7, .worker = 1 },
                           id);

    fake_world_requestf(&w, &caller,
                        "POST /dev/@connections/%.16s HTTP/1.1\r\nHost: a\r\n"
                        "Content-Length: 1\r\n\r\nx",
                        id);
    ck_assert(caller.asked);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(heard.kind, GW_BUS_CALL);
    ck_assert_int_eq(heard.op, GW_BUS_POST);
    ck_assert(gw_bus_send(bus, 1, heard.from,
                          &(struct gw_bus_message){ .kind = GW_BUS_ANSWER,
                                                    .token = heard.token,
                                                    .err = GW_E_GONE }) ==
              GW_OK);
    uv_run(&loop, UV_RUN_NOWAIT);
    answered(410, "GoneException", "");

    /* never: 503 after the push timeout */
    fake_world_requestf(&w, &caller,
                        "GET /dev/@connections/%.16s HTTP/1.1\r\n"
                        "Host: a\r\n\r\n",
                        id);
    fake_world_advance(&w, 2000);
    answered(503, "ServiceUnavailableException",
             "{\"message\": \"Service Unavailable\"}");
    ck_assert_gw_str(fake_link_header(&caller, "Retry-After"), GW_LIT("1"));

    /* the caller leaves first */
    fake_world_requestf(&w, &caller,
                        "GET /dev/@connections/%.16s HTTP/1.1\r\n"
                        "Host: a\r\n\r\n",
                        id);
    fake_link_gone(&caller);
    fake_world_advance(&w, 2000);

    gw_bus_detach(bus, 0);
    gw_bus_detach(bus, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    fake_world_fini(&w);
    fake_link_fini(&caller);
    gw_bus_free(bus);
}
END_TEST

/* rest-and-services.md 12.1, the second vector; the clock stands at its
 * time. */
START_TEST(signed_calls_come_through_and_others_do_not)
{
    static const char text[] =
        "POST /prod/@connections/L0SM9cOFvHcCIhw%%3D HTTP/1.1\r\n"
        "Host: a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\r\n"
        "X-Amz-Date: 20150830T123600Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
        "us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, "
        "Signature=f70c9365a91e64ee51ee2f6c4187cde6d03f2b2cd139983dd2d4f55bbd9"
        "510b8\r\n"
        "Content-Length: 7\r\n\r\n{\"x\":%d}";

    fake_link_init(&caller);
    fake_world_init(
        &w, "credentials: [{ accessKeyId: AKIDEXAMPLE, secretAccessKey:\n"
            "  wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY }]\n"
            "apis:\n"
            "  a1b2c3d4e5:\n"
            "    routeSelectionExpression: $request.body.action\n"
            "    routes: { $default: http://127.0.0.1:3000/ }\n"
            "    stages: { prod: {} }\n");
    fake_world_requestf(&w, &caller, text, 1);
    answered(410, "GoneException", "");
    fake_world_requestf(&w, &caller, text, 2);
    ck_assert_uint_eq(caller.status, 403);
    ck_assert_gw_str(fake_link_header(&caller, "x-amzn-ErrorType"),
                     GW_LIT("InvalidSignatureException"));
    fake_world_advance(&w, 301000);
    fake_world_requestf(&w, &caller, text, 1);
    ck_assert_uint_eq(caller.status, 403);
    /* before anything is said about the call itself */
    fake_world_requestf(&w, &caller,
                        "PUT /prod/@connections/x HTTP/1.1\r\nHost: a\r\n\r\n");
    answered(403, "MissingAuthenticationTokenException",
             "{\"message\":\"Missing Authentication Token\"}");
    fake_link_fini(&caller);
    fake_world_fini(&w);
}
END_TEST

GW_SUITE("server/admin/management")
{
    tcase_add_test(tc, a_post_is_200_and_empty);
    tcase_add_test(tc, a_get_is_200_and_describes);
    tcase_add_test(tc, a_client_without_a_user_agent_has_an_empty_one);
    tcase_add_loop_test(tc, any_user_agent_is_shown_as_json, 0, GW_LEN(agents));
    tcase_add_test(tc, a_delete_is_204_and_closes);
    tcase_add_loop_test(tc, failures_name_their_exception, 0, GW_LEN(failures));
    tcase_add_test(tc, a_client_that_does_not_read_is_429);
    tcase_add_test(tc, the_limit_itself_is_no_failure);
    tcase_add_test(tc, answers_from_another_worker_come_later);
    tcase_add_test(tc, signed_calls_come_through_and_others_do_not);
}
