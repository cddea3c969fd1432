#include "protocol/expr/select.h"

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

static struct gw_expr *read_ok(gw_str text)
{
    struct gw_fault why = { "" };
    struct gw_expr *e;

    ck_assert_msg(gw_expr_read(&arena, text, &e, &why) == GW_OK, "%s",
                  why.text);
    return e;
}

/* --- by the message ------------------------------------------------------- */

#define CHAT \
    "{\"service\":\"chat\",\"action\":\"join\",\"data\":{\"room\":\"room1234\"}}"

static const struct {
    gw_str body, text, want;
} selects[] = {
    /* websocket-api.md 2.1, the worked table */
    { GW_LIT(CHAT), GW_LIT("$request.body.action"), GW_LIT("join") },
    { GW_LIT(CHAT), GW_LIT("${request.body.action}"), GW_LIT("join") },
    { GW_LIT(CHAT), GW_LIT("${request.body.service}/${request.body.action}"),
      GW_LIT("chat/join") },
    { GW_LIT(CHAT),
      GW_LIT("${request.body.action}-${request.body.invalidPath}"),
      GW_LIT("join-") },
    { GW_LIT(CHAT), GW_LIT("$request.body.data.room"), GW_LIT("room1234") },
    { GW_LIT(CHAT), GW_LIT("action"), GW_LIT("action") },
    { GW_LIT(CHAT), GW_LIT("\\$default"), GW_LIT("$default") },
    /* its rules: what is no string, what is absent, one pass only */
    { GW_LIT("{\"action\":1}"), GW_LIT("$request.body.action"), GW_LIT("1") },
    { GW_LIT("{\"action\":true}"), GW_LIT("$request.body.action"),
      GW_LIT("true") },
    { GW_LIT("{\"action\":null}"), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("{\"a\":[\"item1\",\"item2\"]}"), GW_LIT("$request.body.a"),
      GW_LIT("[item1, item2]") },
    { GW_LIT("{\"a\":{\"a\":1,\"b\":2}}"), GW_LIT("$request.body.a"),
      GW_LIT("{a=1, b=2}") },
    { GW_LIT("{\"action\":\"$request.body.b\",\"b\":1}"),
      GW_LIT("$request.body.action"), GW_LIT("$request.body.b") },
    { GW_LIT("{\"action\":\"\\u006aoin\"}"), GW_LIT("$request.body.action"),
      GW_LIT("join") },
    { GW_LIT("{\"a\":{\"b\":[0,\"x\"]}}"), GW_LIT("$request.body.a['b'][1]"),
      GW_LIT("x") },
    { GW_LIT("{\"a\":[{\"n\":1},{\"n\":2}]}"), GW_LIT("$request.body.a[*].n"),
      GW_LIT("[1, 2]") },
    { GW_LIT("{\"a\":[{\"n\":1},{\"n\":2}]}"), GW_LIT("$request.body..n"),
      GW_LIT("[1, 2]") },
    { GW_LIT("{\"a}\":1}"), GW_LIT("${request.body['a}']}!"), GW_LIT("1!") },
    { GW_LIT("{\"a\":1}"), GW_LIT("$request.body.a/x"), GW_LIT("1/x") },
    { GW_LIT("{\"a\":1}"), GW_LIT("x\\$request.body.a"),
      GW_LIT("x$request.body.a") },
    { GW_LIT("{\"a\":1}"), GW_LIT("/2\\d\\d/"), GW_LIT("/2\\d\\d/") },
    { GW_LIT(" {\"a\":1} "), GW_LIT("$request.body"), GW_LIT(" {\"a\":1} ") },
    /* 2.3: other JSON has no members, what is no JSON selects nothing */
    { GW_LIT("\"x\""), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("5"), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("[1]"), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("{}"), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT(""), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("hello"), GW_LIT("$request.body.action"), GW_LIT("") },
    { GW_LIT("{\"action\":\"join\""), GW_LIT("$request.body.action"),
      GW_LIT("") },
    { GW_LIT("hello"), GW_LIT("action"), GW_LIT("") },
};

START_TEST(messages_select)
{
    struct gw_expr *e = read_ok(selects[_i].text);
    struct gw_scope scope = { .body = selects[_i].body };
    gw_json root;
    gw_str out;

    scope.json.kind = GW_JSON_TRUE; /* rubbish of an earlier use */
    ck_assert(gw_expr_select(e, &scope, &arena, &out) == GW_OK);
    ck_assert_gw_str(out, selects[_i].want);
    ck_assert(gw_expr_is_body_only(e));

    if (gw_json_read(scope.body, &root) != GW_OK) {
        ck_assert(scope.json.kind == GW_JSON_ABSENT);
        return;
    }
    ck_assert_gw_str(scope.json.raw, root.raw); /* and the slow road: */
    ck_assert(gw_expr_eval(e, &scope, &arena, &out) == GW_OK);
    ck_assert_gw_str(out, selects[_i].want);
}
END_TEST

START_TEST(too_deep_a_message_selects_nothing)
{
    char text[GW_JSON_DEPTH_MAX + 1];
    struct gw_scope scope = { .body = { text, sizeof(text) } };
    gw_str out;

    memset(text, '[', sizeof(text));
    ck_assert(!gw_expr_select(read_ok(GW_LIT("$request.body.a")), &scope,
                              &arena, &out));
    ck_assert_uint_eq(out.len, 0);
    ck_assert(scope.json.kind == GW_JSON_ABSENT);
}
END_TEST

/* --- by everything else --------------------------------------------------- */

static const struct {
    gw_str text, want;
    bool body_only;
} evals[] = {
    { GW_LIT("$request.header.x-api-key"), GW_LIT("k2"), false },
    { GW_LIT("$request.header.X-API-KEY"), GW_LIT("k2"), false },
    { GW_LIT("$request.header.none"), GW_LIT(""), false },
    { GW_LIT("${request.querystring.q}!"), GW_LIT("two words!"), false },
    { GW_LIT("$request.querystring.Q"), GW_LIT(""), false },
    { GW_LIT("$request.basepath"), GW_LIT(""), false },
    { GW_LIT("$context.connectionId"), GW_LIT("L0SM9cOFvHcCIhw="), false },
    { GW_LIT("$context.authorizer.usageIdentifierKey"), GW_LIT(""), false },
    { GW_LIT("$stageVariables.color"), GW_LIT("blue"), false },
    { GW_LIT("$stageVariables.none"), GW_LIT(""), false },
    { GW_LIT("${integration.response.statuscode}"), GW_LIT("201"), false },
    { GW_LIT("${response.statuscode}"), GW_LIT("201"), false },
    { GW_LIT("${integration.response.header.X-Kind}"), GW_LIT("b"), false },
    { GW_LIT("${integration.response.multivalueheader.x-kind}"),
      GW_LIT("[a, b]"), false },
    { GW_LIT("${integration.response.multivalueheader.none}"), GW_LIT(""),
      false },
    { GW_LIT("$integration.response.body.errorMessage"), GW_LIT("oops"),
      false },
    { GW_LIT("$integration.response.body"),
      GW_LIT("{\"errorMessage\":\"oops\"}"), false },
    { GW_LIT("$request.body.a"), GW_LIT(""), true },
    { GW_LIT("${request.body.a}${context.stage}"), GW_LIT("dev"), false },
    { GW_LIT(""), GW_LIT(""), true },
};

static const struct gw_pair pairs[] = { { GW_LIT("color"), GW_LIT("blue") } };
static const struct gw_pairs variables = { pairs, 1 };
static const struct gw_context context = {
    .connection_id = GW_LIT("L0SM9cOFvHcCIhw="),
    .stage = GW_LIT("dev"),
};
static const struct gw_http_headers headers = {
    { { GW_LIT("X-Api-Key"), GW_LIT("k1") },
      { GW_LIT("x-api-key"), GW_LIT("k2") } },
    2
};
static const struct gw_http_headers answer = {
    { { GW_LIT("x-kind"), GW_LIT("a") }, { GW_LIT("X-Kind"), GW_LIT("b") } }, 2
};

START_TEST(variables_are_resolved)
{
    struct gw_scope scope = {
        .context = &context,
        .stage_variables = &variables,
        .headers = &headers,
        .query = GW_LIT("q=one&%71=two+words"),
        .response_status = 201,
        .response_headers = &answer,
        .response_body = GW_LIT("{\"errorMessage\":\"oops\"}"),
    };
    struct gw_expr *e = read_ok(evals[_i].text);
    gw_str out;

    ck_assert(gw_expr_eval(e, &scope, &arena, &out) == GW_OK);
    ck_assert_gw_str(out, evals[_i].want);
    ck_assert(gw_expr_is_body_only(e) == evals[_i].body_only);
}
END_TEST

START_TEST(an_empty_scope_resolves_to_nothing)
{
    struct gw_scope scope = { .body = GW_EMPTY };
    gw_str out;

    ck_assert(!gw_expr_eval(read_ok(evals[_i].text), &scope, &arena, &out));
    ck_assert(out.len == 0 || gw_str_eq(out, GW_LIT("!")));
}
END_TEST

START_TEST(a_body_that_is_not_utf_8_is_not_json)
{
    struct gw_scope scope = { .response_body = GW_LIT("{\"a\":\"\xff\"}") };
    gw_str out;

    ck_assert(!gw_expr_eval(read_ok(GW_LIT("$integration.response.body.a")),
                            &scope, &arena, &out));
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* --- reading and printing ------------------------------------------------- */

static const struct {
    gw_str text;
    const char *why; /* occurs in the reason */
} refused[] = {
    { GW_LIT("${request.body.action"), "brace" },
    { GW_LIT("${request.body['a}"), "brace" },
    { GW_LIT("$request.boddy.action"), "$request.body.PATH" },
    { GW_LIT("$default"), "\\$ is a dollar" },
    { GW_LIT("$"), "\\$ is a dollar" },
    { GW_LIT("cost: $5"), "$5 is not known" },
    { GW_LIT("a$ b"), "\\$ is a dollar" },
    { GW_LIT("${}"), "$request.body.action" },
    { GW_LIT("$request"), "$request.body.PATH" },
    { GW_LIT("$request.header"), "$request.header.NAME" },
    { GW_LIT("$request.header."), "$request.header.NAME" },
    { GW_LIT("$stageVariables['x']"), "$stageVariables.NAME" },
    { GW_LIT("$request.basepath.x"), "nothing may follow" },
    { GW_LIT("$request.body."), "path:" },
    { GW_LIT("$request.body.a[b]"), "path:" },
    { GW_LIT("$request.body.a["), "path:" },
    { GW_LIT("${request.body.a b}"), "path:" },
};

START_TEST(what_is_wrong_is_said)
{
    struct gw_fault why = { "" };
    struct gw_expr *e;

    ck_assert(gw_expr_read(&arena, refused[_i].text, &e, &why) == GW_E_SYNTAX);
    ck_assert_msg(strstr(why.text, refused[_i].why), "%s", why.text);
    ck_assert(gw_expr_read(&arena, refused[_i].text, &e, NULL) == GW_E_SYNTAX);
}
END_TEST

static const struct {
    gw_str text, want;
} prints[] = {
    { GW_LIT("$request.body.action"), GW_LIT("${request.body.action}") },
    { GW_LIT("a$context.stage/b"), GW_LIT("a${context.stage}/b") },
    { GW_LIT("\\$default"), GW_LIT("\\$default") },
    { GW_LIT("a\\\\$b\\$"), GW_LIT("a\\\\$b\\$") },
    { GW_LIT("$request.body.a[0].b..c"), GW_LIT("${request.body.a[0].b..c}") },
    { GW_LIT(""), GW_LIT("") },
};

START_TEST(expressions_are_printed)
{
    struct gw_buf b;

    gw_buf_init(&b, 100);
    ck_assert(gw_expr_print(read_ok(prints[_i].text), &b) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), prints[_i].want);
    gw_buf_fini(&b);
}
END_TEST

START_TEST(the_text_need_not_outlive_the_reading)
{
    char text[] = "$request.body.action-x";
    struct gw_expr *e = read_ok(gw_str_of(text));
    struct gw_scope scope = { .body = GW_LIT("{\"action-x\":\"y\"}") };
    gw_str out;

    memset(text, '?', sizeof(text) - 1);
    ck_assert(gw_expr_select(e, &scope, &arena, &out) == GW_OK);
    ck_assert_gw_str(out, GW_LIT("y"));
}
END_TEST

GW_SUITE("protocol/expr/select")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, messages_select, 0, GW_LEN(selects));
    tcase_add_test(tc, too_deep_a_message_selects_nothing);
    tcase_add_loop_test(tc, variables_are_resolved, 0, GW_LEN(evals));
    tcase_add_loop_test(tc, an_empty_scope_resolves_to_nothing, 0,
                        GW_LEN(evals));
    tcase_add_test(tc, a_body_that_is_not_utf_8_is_not_json);
    tcase_add_loop_test(tc, what_is_wrong_is_said, 0, GW_LEN(refused));
    tcase_add_loop_test(tc, expressions_are_printed, 0, GW_LEN(prints));
    tcase_add_test(tc, the_text_need_not_outlive_the_reading);
}
