#include "protocol/vtl/template.h"

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

static struct gw_template *read_ok(gw_str text)
{
    struct gw_fault why = { "" };
    struct gw_template *t;

    ck_assert_msg(gw_template_read(&arena, text, &t, &why) == GW_OK, "%s",
                  why.text);
    return t;
}

static const struct gw_pair pairs[] = { { GW_LIT("color"), GW_LIT("blue") } };
static const struct gw_pairs variables = { pairs, 1 };
static const struct gw_context context = {
    .connection_id = GW_LIT("L0SM9cOFvHcCIhw="),
    .stage = GW_LIT("dev"),
    .source_ip = GW_LIT("203.0.113.7"),
};

/* One message and its template: $input is the message, or the answer. */
static gw_str render(gw_template_side side, gw_str text, gw_str body)
{
    struct gw_scope scope = {
        .context = &context,
        .stage_variables = &variables,
    };
    gw_str out;

    if (side == GW_TEMPLATE_RESPONSE) {
        scope.body = GW_LIT("not this one");
        scope.response_body = body;
    } else {
        scope.body = body;
        if (gw_json_read(body, &scope.json) != GW_OK)
            scope.json = (gw_json){ 0 };
        scope.response_body = GW_LIT("not this one");
    }
    ck_assert(gw_template_render(read_ok(text), side, &scope, &arena, &out) ==
              GW_OK);
    return out;
}

static const struct {
    gw_str text, body, want;
} rows[] = {
    { GW_LIT(""), GW_LIT("{}"), GW_LIT("") },
    { GW_LIT("{\"statusCode\":200}"), GW_LIT("{}"),
      GW_LIT("{\"statusCode\":200}") },
    /* websocket-api.md 4.4 */
    { GW_LIT("{\"connectionId\":\"$context.connectionId\","
             "\"body\":$input.json('$')}"),
      GW_LIT("{\"a\": 1}"),
      GW_LIT("{\"connectionId\":\"L0SM9cOFvHcCIhw=\",\"body\":{\"a\": 1}}") },
    /* An empty message is a message: as it came. (That an absent body reads
     * "{}" is recorded for REST, rest-and-services.md 12.2.) */
    { GW_LIT("Action=SendMessage&MessageBody=$input.body"), GW_LIT(""),
      GW_LIT("Action=SendMessage&MessageBody=") },
    /* rest-and-services.md 12.2 */
    { GW_LIT("$input.path(\"$.json\")"), GW_LIT("{\"json\":{\"foo\":\"bar\"}}"),
      GW_LIT("{foo=bar}") },
    { GW_LIT("$input.path('$.json')"), GW_LIT("{\"json\":[{\"foo\":\"bar\"}]}"),
      GW_LIT("[{\"foo\":\"bar\"}]") },
    { GW_LIT("{\"body\": $input.path('$.json')}"), GW_LIT("{}"),
      GW_LIT("{\"body\": }") },
    { GW_LIT("{\"body\": $input.path('$.json')}"), GW_LIT("{\"json\":null}"),
      GW_LIT("{\"body\": }") },
    { GW_LIT("{\"body\": $input.path('$.json')}"), GW_LIT("{\"json\":[]}"),
      GW_LIT("{\"body\": []}") },
    /* websocket-api.md 5.2 */
    { GW_LIT("$input.body"), GW_LIT(" {\"a\":1} "), GW_LIT(" {\"a\":1} ") },
    { GW_LIT("$input.body"), GW_LIT("not JSON"), GW_LIT("not JSON") },
    { GW_LIT("$input.json('$.a.b')"), GW_LIT("{\"a\":{\"b\":\"x\\ny\"}}"),
      GW_LIT("\"x\\ny\"") },
    { GW_LIT("$input.json('$.a')"), GW_LIT("{}"), GW_LIT("\"\"") },
    { GW_LIT("$input.json('$.a')"), GW_LIT("{\"a\":null}"), GW_LIT("null") },
    { GW_LIT("$input.json('$')"), GW_LIT("not JSON"), GW_LIT("\"\"") },
    { GW_LIT("$input.json('$')"), GW_LIT(""), GW_LIT("{}") },
    { GW_LIT("$input.path('$.a')"), GW_LIT("{\"a\":\"x\\ny\"}"),
      GW_LIT("x\ny") },
    { GW_LIT("$input.path('$.a[1]')"), GW_LIT("{\"a\":[1,2]}"), GW_LIT("2") },
    { GW_LIT("$input.path( '$.a' )"), GW_LIT("not JSON"), GW_LIT("") },
    { GW_LIT("$stageVariables.color/$stageVariables.none."), GW_LIT(""),
      GW_LIT("blue/.") },
    { GW_LIT("$context.identity.sourceIp, $context.stage."), GW_LIT(""),
      GW_LIT("203.0.113.7, dev.") },
    { GW_LIT("<$context.messageId>"), GW_LIT(""), GW_LIT("<>") },
    /* braces and quiet references around all of them */
    { GW_LIT("${context.stage}x$!context.stage$!{context.stage}y"), GW_LIT(""),
      GW_LIT("devxdevdevy") },
    { GW_LIT("${stageVariables.color}s"), GW_LIT(""), GW_LIT("blues") },
    { GW_LIT("[${input.body}]"), GW_LIT("1"), GW_LIT("[1]") },
    { GW_LIT("[$input.json('$')]${input.path('$')}"), GW_LIT("\"x\""),
      GW_LIT("[\"x\"]x") },
    { GW_LIT("${context.stage}.x[0]"), GW_LIT(""), GW_LIT("dev.x[0]") },
    /* what begins no reference and no directive */
    { GW_LIT("$5 $ $$ $! ${ ${5} $.a $"), GW_LIT(""),
      GW_LIT("$5 $ $$ $! ${ ${5} $.a $") },
    { GW_LIT("$$context.stage"), GW_LIT(""), GW_LIT("$dev") },
    { GW_LIT("#fff #5 # #settle #"), GW_LIT(""),
      GW_LIT("#fff #5 # #settle #") },
    { GW_LIT("C:\\dir\\ \\5 \\\\"), GW_LIT(""), GW_LIT("C:\\dir\\ \\5 \\\\") },
    /* the VTL guide's escapes: \$x, \\$x, \\\$x */
    { GW_LIT("\\$context.stage"), GW_LIT(""), GW_LIT("$context.stage") },
    { GW_LIT("\\${context.stage}"), GW_LIT(""), GW_LIT("${context.stage}") },
    { GW_LIT("\\\\$context.stage"), GW_LIT(""), GW_LIT("\\dev") },
    { GW_LIT("\\\\\\$context.stage"), GW_LIT(""), GW_LIT("\\$context.stage") },
    { GW_LIT("a\\#if(b)\\#{end}"), GW_LIT(""), GW_LIT("a#if(b)#{end}") },
};

START_TEST(templates_are_rendered)
{
    ck_assert_gw_str(render(GW_TEMPLATE_REQUEST, rows[_i].text, rows[_i].body),
                     rows[_i].want);
    ck_assert_gw_str(render(GW_TEMPLATE_RESPONSE, rows[_i].text, rows[_i].body),
                     rows[_i].want);
}
END_TEST

START_TEST(a_body_alone_is_not_copied)
{
    gw_str body = GW_LIT("{\"a\":1}");

    ck_assert(render(GW_TEMPLATE_REQUEST, GW_LIT("$input.body"), body).at ==
              body.at);
    ck_assert(render(GW_TEMPLATE_RESPONSE, GW_LIT("${input.body}"), body).at ==
              body.at);
    ck_assert(
        render(GW_TEMPLATE_REQUEST, GW_LIT("$input.json('$')"), body).at ==
        body.at);
}
END_TEST

START_TEST(an_empty_scope_renders)
{
    struct gw_scope scope = { .body = GW_EMPTY };
    gw_str out;

    ck_assert(!gw_template_render(
        read_ok(GW_LIT("$context.stage|$stageVariables.a|$input.path('$.a')")),
        GW_TEMPLATE_REQUEST, &scope, &arena, &out));
    ck_assert_gw_str(out, GW_LIT("||"));
}
END_TEST

START_TEST(rendering_minds_the_arena)
{
    struct gw_template *t = read_ok(GW_LIT("$input.body$input.body"));
    struct gw_scope scope = { .body = GW_LIT("0123456789") };
    struct gw_arena small;
    gw_str out;

    gw_arena_init(&small, 40);
    ck_assert(gw_template_render(t, GW_TEMPLATE_REQUEST, &scope, &small,
                                 &out) == GW_E_TOO_BIG);
    gw_arena_fini(&small);
}
END_TEST

static const struct {
    gw_str text;
    const char *why; /* occurs in the reason */
} refused[] = {
    { GW_LIT("#set($x = 1)"), "\"#set($x = 1)\" is not supported" },
    { GW_LIT("a #if(true)b#end"), "templates know $context.NAME" },
    { GW_LIT("#{else}"), "is not supported" },
    { GW_LIT("#foreach($i in $x)"), "is not supported" },
    { GW_LIT("#end"), "is not supported" },
    { GW_LIT("a ## b"), "is not supported" },
    { GW_LIT("#* b *#"), "is not supported" },
    { GW_LIT("#[[ b ]]#"), "is not supported" },
    { GW_LIT("\\\\#if(true)"), "is not supported" },
    { GW_LIT("$x"), "$input.json('...')" },
    { GW_LIT("${x}"), "is not supported" },
    { GW_LIT("$!x"), "is not supported" },
    { GW_LIT("\\$x"), "is not supported" },
    { GW_LIT("$context"), "is not supported" },
    { GW_LIT("$context['stage']"), "is not supported" },
    { GW_LIT("$context.nonsense"), "$context.nonsense: no such name" },
    { GW_LIT("$context.stage.length()"), "no such name" },
    { GW_LIT("$context.stage-x"), "${context.NAME}" },
    { GW_LIT("$context.stage[0]"), "is not supported" },
    { GW_LIT("${context.stage"), "brace" },
    { GW_LIT("${context.stage!}"), "brace" },
    { GW_LIT("$stageVariables"), "is not supported" },
    { GW_LIT("$stageVariables['x']"), "is not supported" },
    { GW_LIT("$stageVariables.x.y"), "is not supported" },
    { GW_LIT("$input"), "is not supported" },
    { GW_LIT("$input.params('x')"), "is not supported" },
    { GW_LIT("$input.body.testAccess"), "is not supported" },
    { GW_LIT("$input.path('$.a').size()"), "is not supported" },
    { GW_LIT("$input.path('$.a')[0]"), "is not supported" },
    { GW_LIT("$input.path"), "is not supported" },
    { GW_LIT("$input.path()"), "is not supported" },
    { GW_LIT("$input.path($x)"), "is not supported" },
    { GW_LIT("$input.path('$.a'"), "is not supported" },
    { GW_LIT("$input.path('$.a"), "quote" },
    { GW_LIT("$input.path(\"$x\")"), "is not supported" },
    { GW_LIT("$input.json('$.a[')"), "path:" },
    { GW_LIT("$util.urlEncode($input.body)"), "$util.urlEncode" },
};

START_TEST(what_is_more_than_that_is_refused)
{
    struct gw_fault why = { "" };
    struct gw_template *t;

    ck_assert_msg(gw_template_read(&arena, refused[_i].text, &t, &why) != GW_OK,
                  "%.*s", GW_FMT(refused[_i].text));
    ck_assert_msg(strstr(why.text, refused[_i].why), "%s", why.text);
}
END_TEST

GW_SUITE("protocol/vtl/template")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, templates_are_rendered, 0, GW_LEN(rows));
    tcase_add_test(tc, a_body_alone_is_not_copied);
    tcase_add_test(tc, an_empty_scope_renders);
    tcase_add_test(tc, rendering_minds_the_arena);
    tcase_add_loop_test(tc, what_is_more_than_that_is_refused, 0,
                        GW_LEN(refused));
}
