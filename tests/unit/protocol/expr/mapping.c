#include "protocol/expr/mapping.h"

#include "tests/support/suite.h"

static struct gw_arena arena;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
}

static const struct gw_pair pairs[] = { { GW_LIT("v1"), GW_LIT("blue") },
                                        { GW_LIT("bad"), GW_LIT("a\r\nb") } };
static const struct gw_pairs variables = { pairs, 2 };
static const struct gw_context context = {
    .connection_id = GW_LIT("L0SM9cOFvHcCIhw="),
    .source_ip = GW_LIT("203.0.113.7"),
};
static const struct gw_http_headers headers = {
    { { GW_LIT("Cookie"), GW_LIT("a=1") },
      { GW_LIT("Host"), GW_LIT("h") },
      { GW_LIT("cookie"), GW_LIT("b=2") },
      { GW_LIT("X-Empty"), GW_LIT("") } },
    4
};
static const struct gw_scope scope = {
    .context = &context,
    .stage_variables = &variables,
    .headers = &headers,
    .query = GW_LIT("auth=x%20y&z&auth=2+3&%61uth=4&evil=a%0d%0aX:y&nul=%00"),
    .body = GW_LIT("{\"a\":{\"b\":[1,\"two\"]},\"s\":\"x\\ny\",\"n\":null,"
                   "\"e\":\"\"}"),
    .json = { GW_JSON_OBJECT,
              GW_LIT("{\"a\":{\"b\":[1,\"two\"]},\"s\":\"x\\ny\",\"n\":null,"
                     "\"e\":\"\"}") },
};

#define IN_HEADER "integration.request.header.h"
#define IN_QUERY  "integration.request.querystring.q"
#define IN_PATH   "integration.request.path.p"

/* websocket-api.md 4.3; a NULL ends the values, the first means dropped */
static const struct {
    gw_str to, from;
    const char *want[4];
} rows[] = {
    { GW_LIT(IN_HEADER),
      GW_LIT("context.connectionId"),
      { "L0SM9cOFvHcCIhw=" } },
    { GW_LIT(IN_QUERY),
      GW_LIT("context.identity.sourceIp"),
      { "203.0.113.7" } },
    { GW_LIT(IN_HEADER), GW_LIT("context.messageId"), { NULL } },
    { GW_LIT(IN_PATH), GW_LIT("stageVariables.v1"), { "blue" } },
    { GW_LIT(IN_PATH), GW_LIT("stageVariables.none"), { NULL } },
    { GW_LIT(IN_HEADER), GW_LIT("'0'"), { "0" } },
    { GW_LIT(IN_HEADER), GW_LIT("''"), { "" } },
    { GW_LIT(IN_QUERY), GW_LIT("'it's a%20b'"), { "it's a%20b" } },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.header.HOST"), { "h" } },
    { GW_LIT(IN_HEADER), GW_LIT("method.request.header.Host"), { "h" } },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.header.x-empty"), { "" } },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.header.none"), { NULL } },
    /* of several the last, as in the event (3.2) */
    { GW_LIT(IN_HEADER), GW_LIT("route.request.header.Cookie"), { "b=2" } },
    { GW_LIT(IN_HEADER),
      GW_LIT("route.request.multivalueheader.COOKIE"),
      { "a=1, b=2" } },
    { GW_LIT(IN_QUERY),
      GW_LIT("route.request.multivalueheader.cookie"),
      { "a=1", "b=2" } },
    { GW_LIT(IN_HEADER),
      GW_LIT("route.request.multivalueheader.none"),
      { NULL } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.querystring.auth"), { "4" } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.querystring.z"), { "" } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.querystring.none"), { NULL } },
    { GW_LIT(IN_QUERY),
      GW_LIT("route.request.multivaluequerystring.auth"),
      { "x y", "2 3", "4" } },
    { GW_LIT(IN_HEADER),
      GW_LIT("method.request.multivaluequerystring.auth"),
      { "x y, 2 3, 4" } },
    { GW_LIT(IN_PATH),
      GW_LIT("route.request.multivaluequerystring.none"),
      { NULL } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body.a.b[1]"), { "two" } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body['a'].b"), { "[1, two]" } },
    { GW_LIT(IN_QUERY), GW_LIT("method.request.body.a.b[0]"), { "1" } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body.e"), { "" } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body.n"), { NULL } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body.none"), { NULL } },
    { GW_LIT(IN_QUERY),
      GW_LIT("route.request.body"),
      { "{\"a\":{\"b\":[1,\"two\"]},\"s\":\"x\\ny\",\"n\":null,\"e\":\"\"}" } },
    /* what could not stand in a head */
    { GW_LIT(IN_HEADER), GW_LIT("route.request.body.s"), { NULL } },
    { GW_LIT(IN_QUERY), GW_LIT("route.request.body.s"), { "x\ny" } },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.querystring.evil"), { NULL } },
    { GW_LIT(IN_HEADER),
      GW_LIT("route.request.multivaluequerystring.evil"),
      { NULL } },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.querystring.nul"), { NULL } },
    { GW_LIT(IN_HEADER), GW_LIT("stageVariables.bad"), { NULL } },
    { GW_LIT(IN_HEADER), GW_LIT("'a\nb'"), { NULL } },
};

static struct gw_mapping *read_ok(gw_str to, gw_str from)
{
    struct gw_fault why = { "" };
    struct gw_mapping *m;

    ck_assert_msg(gw_mapping_read(&arena, to, from, &m, &why) == GW_OK, "%s",
                  why.text);
    return m;
}

START_TEST(sources_are_resolved)
{
    struct gw_mapping *m = read_ok(rows[_i].to, rows[_i].from);
    size_t at = 0, i = 0;
    gw_str value;

    for (; rows[_i].want[i]; i++) {
        ck_assert(gw_mapping_eval(m, &scope, &arena, &at, &value));
        ck_assert_gw_str(value, gw_str_of(rows[_i].want[i]));
    }
    ck_assert(!gw_mapping_eval(m, &scope, &arena, &at, &value));
    ck_assert(!gw_mapping_eval(m, &scope, &arena, &at, &value));
    ck_assert(gw_mapping_is_encoded(m) == (rows[_i].from.at[0] == '\''));
}
END_TEST

START_TEST(a_message_has_neither_headers_nor_query)
{
    struct gw_mapping *m = read_ok(rows[_i].to, rows[_i].from);
    struct gw_scope empty = { .body = GW_EMPTY };
    size_t at = 0;
    gw_str value;

    ck_assert(gw_mapping_eval(m, &empty, &arena, &at, &value) ==
              (gw_mapping_is_encoded(m) && rows[_i].want[0]));
}
END_TEST

START_TEST(destinations_are_known)
{
    struct gw_mapping *m =
        read_ok(GW_LIT("integration.request.header.Sec-WebSocket-Version"),
                GW_LIT("'0'"));

    ck_assert(gw_mapping_place_of(m) == GW_MAPPING_HEADER);
    ck_assert_gw_str(gw_mapping_name(m), GW_LIT("Sec-WebSocket-Version"));
    m = read_ok(GW_LIT("integration.request.querystring.a.b_$"), GW_LIT("'0'"));
    ck_assert(gw_mapping_place_of(m) == GW_MAPPING_QUERY);
    ck_assert_gw_str(gw_mapping_name(m), GW_LIT("a.b_$"));
    m = read_ok(GW_LIT("integration.request.path.proxy"), GW_LIT("'0'"));
    ck_assert(gw_mapping_place_of(m) == GW_MAPPING_PATH);
    ck_assert_gw_str(gw_mapping_name(m), GW_LIT("proxy"));
}
END_TEST

static const struct {
    gw_str to, from;
    const char *why; /* occurs in the reason */
} refused[] = {
    { GW_LIT(""), GW_LIT("'x'"), "integration.request." },
    { GW_LIT("integration.request.header."), GW_LIT("'x'"), "NAME" },
    { GW_LIT("integration.request.header.a b"), GW_LIT("'x'"), "letters" },
    { GW_LIT("integration.request.header.a\r\nb"), GW_LIT("'x'"), "letters" },
    { GW_LIT("integration.request.body.a"), GW_LIT("'x'"), "header|query" },
    { GW_LIT("append:header.x"), GW_LIT("'x'"), "integration.request." },
    { GW_LIT(IN_HEADER), GW_LIT(""), "route.request." },
    { GW_LIT(IN_HEADER), GW_LIT("'"), "'text'" },
    { GW_LIT(IN_HEADER), GW_LIT("'x"), "'text'" },
    { GW_LIT(IN_HEADER), GW_LIT("x"), "'text'" },
    { GW_LIT(IN_HEADER), GW_LIT("$context.stage"), "without $" },
    { GW_LIT(IN_HEADER), GW_LIT("context."), "context.NAME" },
    { GW_LIT(IN_HEADER), GW_LIT("context.nonsense"), "no such name" },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.path.x"), "route.request." },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.header.a b"), "NAME" },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.bodyx"), "route.request." },
    { GW_LIT(IN_HEADER), GW_LIT("route.request.body.a["), "path:" },
};

START_TEST(what_is_wrong_is_said)
{
    struct gw_fault why = { "" };
    struct gw_mapping *m;

    ck_assert(gw_mapping_read(&arena, refused[_i].to, refused[_i].from, &m,
                              &why) != GW_OK);
    ck_assert_msg(strstr(why.text, refused[_i].why), "%s", why.text);
}
END_TEST

/* More values than fit are left out, not written past the end. */
START_TEST(many_values_are_bounded)
{
    struct gw_mapping *m = read_ok(
        GW_LIT(IN_HEADER), GW_LIT("route.request.multivaluequerystring.a"));
    static char query[3 * 500];
    struct gw_scope many = { .query = { query, sizeof(query) } };
    size_t at = 0;
    gw_str value;

    for (size_t i = 0; i < sizeof(query); i += 3)
        memcpy(query + i, "a=&", 3);
    ck_assert(gw_mapping_eval(m, &many, &arena, &at, &value));
    ck_assert_uint_lt(value.len, 2 * GW_HTTP_HEADERS_MAX);
}
END_TEST

GW_SUITE("protocol/expr/mapping")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, sources_are_resolved, 0, GW_LEN(rows));
    tcase_add_loop_test(tc, a_message_has_neither_headers_nor_query, 0,
                        GW_LEN(rows));
    tcase_add_test(tc, destinations_are_known);
    tcase_add_loop_test(tc, what_is_wrong_is_said, 0, GW_LEN(refused));
    tcase_add_test(tc, many_values_are_bounded);
}
