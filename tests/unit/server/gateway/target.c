#include "server/gateway/conn.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#define ROUTES "    routes: { $default: http://127.0.0.1:3000/ }\n"
#define API(id, stages)                                           \
    "  " id ":\n"                                                 \
    "    routeSelectionExpression: $request.body.action\n" ROUTES \
    "    stages: " stages "\n"

/* One API; one of its stages is called like the API itself. */
static const char one[] = "apis:\n" API("chat", "{ dev: {}, chat: {} }");

static const char two[] =
    "apis:\n" API("chat", "{ dev: {} }") API("news", "{ dev: {}, prod: {} }");

#define HOST    "ws.example.com"
#define EXECUTE ".execute-api.eu-west-1.example.com"
#define ID      "L0SM9cOFvHcCIhw="

/* architecture.md, "One port for the public". No stage: 403. */
static const struct {
    const char *config, *host, *target;
    const char *api, *stage, *prefix, *connection;
} cases[] = {
    /* the stage alone, with a single API */
    { one, HOST, "/dev", "chat", "dev", "", NULL },
    { one, HOST, "/dev/", "chat", "dev", "", NULL },
    { one, HOST, "/dev?x=/chat/chat", "chat", "dev", "", NULL },
    { one, HOST, "/d%65v", "chat", "dev", "", NULL },
    { one, HOST, "/dev/@connections/" ID, "chat", "dev", "", ID },
    { one, HOST, "/test", NULL, NULL, NULL, NULL },
    { one, HOST, "/", NULL, NULL, NULL, NULL },
    { one, HOST, "//dev", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev/room", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev//", NULL, NULL, NULL, NULL },
    { one, HOST, "/Dev", NULL, NULL, NULL, NULL },

    /* the first segment names the API */
    { one, HOST, "/chat/dev", "chat", "dev", "/chat", NULL },
    { one, HOST, "/chat/dev/", "chat", "dev", "/chat", NULL },
    { one, HOST, "/ch%61t/dev", "chat", "dev", "/ch%61t", NULL },
    { one, HOST, "/chat/dev/@connections/" ID, "chat", "dev", "/chat", ID },
    { one, HOST, "/chat%2Fdev", NULL, NULL, NULL, NULL },
    { one, HOST, "/chat/test", NULL, NULL, NULL, NULL },
    { one, HOST, "http://" HOST "/chat/dev", "chat", "dev", "/chat", NULL },

    /* an API and its stage with one name */
    { one, HOST, "/chat", "chat", "chat", "", NULL },
    { one, HOST, "/chat/", "chat", "chat", "", NULL },
    { one, HOST, "/chat/chat", "chat", "chat", "/chat", NULL },
    { one, HOST, "/chat/@connections/" ID, "chat", "chat", "", ID },
    { one, HOST, "/chat/chat/@connections/" ID, "chat", "chat", "/chat", ID },

    /* with two APIs the stage alone says nothing */
    { two, HOST, "/prod", NULL, NULL, NULL, NULL },
    { two, HOST, "/dev", NULL, NULL, NULL, NULL },
    { two, HOST, "/news", NULL, NULL, NULL, NULL },
    { two, HOST, "/news/prod", "news", "prod", "/news", NULL },
    { two, HOST, "/chat/dev", "chat", "dev", "/chat", NULL },
    { two, HOST, "/chat/prod", NULL, NULL, NULL, NULL },

    /* the host names the API */
    { two, "news" EXECUTE, "/prod", "news", "prod", "", NULL },
    { two, "news" EXECUTE ":443", "/prod/", "news", "prod", "", NULL },
    { two, "news.execute-api", "/dev", "news", "dev", "", NULL },
    { two, "news.execute-api:8080", "/dev", "news", "dev", "", NULL },
    { two, "news" EXECUTE, "/dev/@connections/" ID, "news", "dev", "", ID },
    { two, "news" EXECUTE, "/news/prod", NULL, NULL, NULL, NULL },
    { two, "other" EXECUTE, "/prod", NULL, NULL, NULL, NULL },
    { one, "other" EXECUTE, "/dev", NULL, NULL, NULL, NULL },
    { two, "news.execute-apis.example.com", "/prod", NULL, NULL, NULL, NULL },
    { two, "news", "/dev", NULL, NULL, NULL, NULL },

    /* @connections and ids come encoded or not (websocket-api.md 6.2) */
    { one, HOST, "/dev/%40connections/" ID, "chat", "dev", "", ID },
    { one, HOST, "/dev/%40connections/L0SM9cOFvHcCIhw%3D", "chat", "dev", "",
      ID },
    { one, HOST, "/dev/@connections/L0SM9cOFvHcCIhw%3d", "chat", "dev", "",
      ID },
    { one, HOST, "/dev/@connections/a%2Fb", "chat", "dev", "", "a/b" },
    { one, HOST, "/dev/@connections/a+b", "chat", "dev", "", "a+b" },
    { one, HOST, "/dev/@connections", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev/@connections/", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev/@connections/" ID "/", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev/@connections/" ID "/x", NULL, NULL, NULL, NULL },
    { one, HOST, "/dev/@Connections/" ID, NULL, NULL, NULL, NULL },
    { one, HOST, "/@connections/" ID, NULL, NULL, NULL, NULL },
};

START_TEST(requests_are_addressed)
{
    static struct gw_http_request request;
    static struct fake_world w;
    struct gw_target target;
    gw_str query = gw_str_of(cases[_i].target);
    gw_err err;

    fake_world_init(&w, cases[_i].config);
    if (gw_str_starts(query, GW_LIT("http://")))
        query = gw_str_skip(query, strlen("http://" HOST));
    request.host = gw_str_of(cases[_i].host);
    request.path = gw_str_cut(&query, '?');
    request.query = query;
    err = gw_target_find(&w.gateway, &request, &target);
    ck_assert_msg((err == GW_OK) == (cases[_i].stage != NULL), "%s %s",
                  cases[_i].host, cases[_i].target);
    if (!err) {
        const struct gw_plan *plan = target.stage->deployment->plan;

        ck_assert_gw_str(plan->api_id, gw_str_of(cases[_i].api));
        ck_assert_gw_str(plan->stage, gw_str_of(cases[_i].stage));
        ck_assert_gw_str(target.prefix, gw_str_of(cases[_i].prefix));
        ck_assert(target.has_connection == (cases[_i].connection != NULL));
        if (target.has_connection)
            ck_assert_gw_str(target.connection_id,
                             gw_str_of(cases[_i].connection));
    } else {
        ck_assert_int_eq(err, GW_E_FORBIDDEN);
    }
    fake_world_fini(&w);
}
END_TEST

/* websocket-api.md 1.1: unknown api, unknown stage. */
START_TEST(nobody_is_answered_403)
{
    static struct fake_world w;
    static struct fake_link l;

    fake_world_init(&w, one);
    fake_link_init(&l);
    fake_world_connect(&w, &l, "/test", "");
    ck_assert_uint_eq(l.status, 403);
    ck_assert_gw_str(gw_buf_str(&l.body),
                     GW_LIT("{\"message\":\"Forbidden\"}"));
    ck_assert_gw_str(fake_link_header(&l, "x-amzn-ErrorType"),
                     GW_LIT("ForbiddenException"));
    ck_assert_uint_eq(fake_link_header(&l, "x-amzn-RequestId").len, 36);
    ck_assert_uint_eq(fake_link_header(&l, "x-amz-apigw-id").len, 16);
    fake_link_fini(&l);
    fake_world_fini(&w);
}
END_TEST

GW_SUITE("server/gateway/target")
{
    tcase_add_loop_test(tc, requests_are_addressed, 0, GW_LEN(cases));
    tcase_add_test(tc, nobody_is_answered_403);
}
