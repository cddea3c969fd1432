#include "protocol/json/path.h"

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

static gw_json read_ok(gw_str text)
{
    gw_json root;

    ck_assert_msg(gw_json_read(text, &root) == GW_OK, "%.*s", GW_FMT(text));
    return root;
}

/* The example of Goessner's article "JSONPath - XPath for JSON", shortened
 * to what the rows ask for. */
#define STORE                                                              \
    "{\"store\":{\"book\":[{\"author\":\"Rees\",\"price\":8.95},"          \
    "{\"author\":\"Waugh\",\"price\":12.99},{\"author\":\"Melville\","     \
    "\"isbn\":\"0-553\",\"price\":8.99},{\"author\":\"Tolkien\",\"isbn\":" \
    "\"0-395\",\"price\":22.99}],\"bicycle\":{\"color\":\"red\","          \
    "\"price\":19.95}}}"

static const struct {
    gw_str text, path, want; /* want: empty means absent */
} rows[] = {
    { GW_LIT(STORE), GW_LIT("$.store.book[*].author"),
      GW_LIT("[\"Rees\",\"Waugh\",\"Melville\",\"Tolkien\"]") },
    { GW_LIT(STORE), GW_LIT("$..author"),
      GW_LIT("[\"Rees\",\"Waugh\",\"Melville\",\"Tolkien\"]") },
    { GW_LIT(STORE), GW_LIT("$.store..price"),
      GW_LIT("[8.95,12.99,8.99,22.99,19.95]") },
    { GW_LIT(STORE), GW_LIT("$..book[2].author"), GW_LIT("[\"Melville\"]") },
    { GW_LIT(STORE), GW_LIT("$..book[-1].isbn"), GW_LIT("[\"0-395\"]") },
    { GW_LIT(STORE), GW_LIT("store.book[0].price"), GW_LIT("8.95") },
    { GW_LIT(STORE), GW_LIT("$['store'][\"book\"][ -1 ]['author']"),
      GW_LIT("\"Tolkien\"") },
    { GW_LIT(STORE), GW_LIT("$.store.bicycle.*"), GW_LIT("[\"red\",19.95]") },
    { GW_LIT(STORE), GW_LIT("$.store.book[-5]"), GW_LIT("") },
    { GW_LIT(STORE), GW_LIT("$.store.book[4]"), GW_LIT("") },
    { GW_LIT(STORE), GW_LIT("$.store.book.author"), GW_LIT("") },
    { GW_LIT(STORE), GW_LIT("$.store.book[*].none"), GW_LIT("") },
    { GW_LIT(STORE), GW_LIT("$..none"), GW_LIT("") },
    { GW_LIT(STORE), GW_LIT("$.store[0]"), GW_LIT("") },
    { GW_LIT("5"), GW_LIT("$"), GW_LIT("5") },
    { GW_LIT("5"), GW_LIT("$.a"), GW_LIT("") },
    { GW_LIT("5"), GW_LIT("$..a"), GW_LIT("") },
    { GW_LIT("5"), GW_LIT("$[*]"), GW_LIT("") },
    { GW_LIT("[[1,2],[3]]"), GW_LIT("$[*][*]"), GW_LIT("[1,2,3]") },
    { GW_LIT("[[1,2],[3]]"), GW_LIT("[1][0]"), GW_LIT("3") },
    { GW_LIT("{\"my-key\":1}"), GW_LIT("my-key"), GW_LIT("1") },
    { GW_LIT("{\"@type\":1}"), GW_LIT("$.@type"), GW_LIT("1") },
    { GW_LIT("{\"\xc3\xa9\":1}"), GW_LIT("\xc3\xa9"), GW_LIT("1") },
    { GW_LIT("{\"a.b\":{\"c'd\":1}}"), GW_LIT("['a.b']['c\\'d']"),
      GW_LIT("1") },
    { GW_LIT("{\"a\\\\b\":1}"), GW_LIT("['a\\\\b']"), GW_LIT("1") },
    { GW_LIT("{\"\":{\"x]\":1}}"), GW_LIT("['']['x']"), GW_LIT("") },
    { GW_LIT("{\"\":{\"x]\":1}}"), GW_LIT("['']['x]']"), GW_LIT("1") },
    { GW_LIT("{\"a\":null}"), GW_LIT("a"), GW_LIT("null") },
    { GW_LIT("{\"a\":{\"x\":1,\"a\":{\"a\":2}}}"), GW_LIT("$..a"),
      GW_LIT("[{\"x\":1,\"a\":{\"a\":2}},{\"a\":2},2]") },
    /* the outer member first, wherever it stands */
    { GW_LIT("{\"b\":{\"n\":1},\"n\":2}"), GW_LIT("$..n"), GW_LIT("[2,1]") },
    { GW_LIT("{\"b\":{\"n\":1},\"n\":2}"), GW_LIT("$..['n']"),
      GW_LIT("[2,1]") },
};

START_TEST(values_are_found)
{
    struct gw_json_path path;
    struct gw_fault why = { "" };
    gw_json value;

    ck_assert_msg(gw_json_path_read(&arena, rows[_i].path, &path, &why) ==
                      GW_OK,
                  "%s", why.text);
    ck_assert(gw_json_path_find(&arena, &path, read_ok(rows[_i].text),
                                &value) == GW_OK);
    ck_assert_gw_str(value.raw, rows[_i].want);
    ck_assert((value.kind == GW_JSON_ABSENT) == (rows[_i].want.len == 0));
    if (value.kind != GW_JSON_ABSENT)
        ck_assert(read_ok(value.raw).kind == value.kind);
}
END_TEST

static const gw_str refused[] = {
    GW_LIT(""),
    GW_LIT("."),
    GW_LIT("a."),
    GW_LIT("a..b."),
    GW_LIT("a b"),
    GW_LIT("$a"),
    GW_LIT("a["),
    GW_LIT("a[]"),
    GW_LIT("a[b]"),
    GW_LIT("a['b'"),
    GW_LIT("a['b"),
    GW_LIT("a[1"),
    GW_LIT("a[-]"),
    GW_LIT("a[1.5]"),
    GW_LIT("a[1,2]"),
    GW_LIT("a[0:2]"),
    GW_LIT("a[?(@.b)]"),
    GW_LIT("a..*"),
    GW_LIT("a..[0]"),
    GW_LIT("a*"),
    GW_LIT("a]"),
    GW_LIT("*"),
    GW_LIT("a.length()"),
    GW_LIT("a[99999999999999999999]"),
    GW_LIT("a['b'].['c']"),
};

START_TEST(what_is_no_path_is_refused_with_a_reason)
{
    struct gw_json_path path;
    struct gw_fault why = { "" };

    ck_assert_msg(gw_json_path_read(&arena, refused[_i], &path, &why) ==
                      GW_E_SYNTAX,
                  "%.*s", GW_FMT(refused[_i]));
    ck_assert(gw_str_starts(gw_str_of(why.text), GW_LIT("path: ")));
}
END_TEST

START_TEST(plain_paths_are_known)
{
    struct gw_json_path path;

    ck_assert(!gw_json_path_read(&arena, GW_LIT("$.a['b'].c"), &path, NULL));
    ck_assert(path.is_plain && path.count == 3);
    ck_assert_gw_str(path.names[1], GW_LIT("b"));
    ck_assert(!gw_json_path_read(&arena, GW_LIT("a[0]"), &path, NULL));
    ck_assert(!path.is_plain);
    ck_assert(!gw_json_path_read(&arena, GW_LIT("a..b"), &path, NULL));
    ck_assert(!path.is_plain);
}
END_TEST

/* {"a":{"a":...}}, as deep as may be, wide enough to hurt. */
static gw_str deep_text(char *text, size_t room)
{
    size_t len = 0, depth = 500;

    for (size_t i = 0; i < depth; i++, len += 5)
        memcpy(text + len, "{\"a\":", 5);
    text[len++] = '"';
    memset(text + len, 'x', room - len - depth - 1);
    len = room - depth - 1;
    text[len++] = '"';
    memset(text + len, '}', depth);
    return (gw_str){ text, room };
}

START_TEST(deep_searches_have_a_bound)
{
    static char text[128 * 1024];
    gw_json root = read_ok(deep_text(text, sizeof(text))), value;
    struct gw_json_path path;

    ck_assert(!gw_json_path_read(&arena, GW_LIT("$..a..a..a..a"), &path, NULL));
    ck_assert(gw_json_path_find(&arena, &path, root, &value) == GW_E_TOO_BIG);
    ck_assert(!gw_json_path_read(&arena, GW_LIT("$..b"), &path, NULL));
    ck_assert(gw_json_path_find(&arena, &path, root, &value) == GW_E_TOO_BIG);

    root = read_ok(deep_text(text, 4096)); /* small ones may be deep */
    ck_assert(gw_json_path_find(&arena, &path, root, &value) == GW_OK);
    ck_assert(value.kind == GW_JSON_ABSENT);
}
END_TEST

/* websocket-api.md 2.1; the last column rest-and-services.md 12.2 */
static const struct {
    gw_str value, text, in_template;
} texts[] = {
    { GW_LIT("\"a\\nb\""), GW_LIT("a\nb"), GW_LIT("a\nb") },
    { GW_LIT("1"), GW_LIT("1"), GW_LIT("1") },
    { GW_LIT("-1.50e3"), GW_LIT("-1.50e3"), GW_LIT("-1.50e3") },
    { GW_LIT("true"), GW_LIT("true"), GW_LIT("true") },
    { GW_LIT("false"), GW_LIT("false"), GW_LIT("false") },
    { GW_LIT("null"), GW_LIT(""), GW_LIT("") },
    { GW_LIT("[\"item1\",\"item2\"]"), GW_LIT("[item1, item2]"),
      GW_LIT("[\"item1\",\"item2\"]") },
    { GW_LIT("{\"a\" : 1,\n\"b\":\"2\"}"), GW_LIT("{a=1, b=2}"),
      GW_LIT("{a=1, b=2}") },
    { GW_LIT("[]"), GW_LIT("[]"), GW_LIT("[]") },
    { GW_LIT("{ }"), GW_LIT("{}"), GW_LIT("{}") },
    { GW_LIT("[null,{\"a\":[1,2]}]"), GW_LIT("[null, {a=[1, 2]}]"),
      GW_LIT("[null,{\"a\":[1,2]}]") },
    { GW_LIT("{\"k\\u0041\":\"\\\"]},:\\\\\"}"), GW_LIT("{kA=\"]},:\\}"),
      GW_LIT("{kA=\"]},:\\}") },
    { GW_LIT("{\"foo\":\"bar\"}"), GW_LIT("{foo=bar}"), GW_LIT("{foo=bar}") },
    { GW_LIT("[{\"foo\":\"bar\"}]"), GW_LIT("[{foo=bar}]"),
      GW_LIT("[{\"foo\":\"bar\"}]") },
    { GW_LIT("{\"foo\":[{\"nested\":\"bar\"}]}"),
      GW_LIT("{foo=[{nested=bar}]}"), GW_LIT("{foo=[{\"nested\":\"bar\"}]}") },
    { GW_LIT("{\"bigger\":\"dict\",\"to\":\"test\",\"with\":\"separators\"}"),
      GW_LIT("{bigger=dict, to=test, with=separators}"),
      GW_LIT("{bigger=dict, to=test, with=separators}") },
    { GW_LIT("{\"a\":[[\"]\"],{}],\"b\":{\"c\":\"d\"}}"),
      GW_LIT("{a=[[]], {}], b={c=d}}"), GW_LIT("{a=[[\"]\"],{}], b={c=d}}") },
};

START_TEST(values_are_printed)
{
    gw_json value = read_ok(texts[_i].value);
    gw_str text;

    ck_assert(gw_json_to_text(&arena, value, &text) == GW_OK);
    ck_assert_gw_str(text, texts[_i].text);
    ck_assert(gw_json_to_template_text(&arena, value, &text) == GW_OK);
    ck_assert_gw_str(text, texts[_i].in_template);
}
END_TEST

START_TEST(printing_minds_the_arena)
{
    struct gw_arena small;
    gw_str text;

    gw_arena_init(&small, 10);
    ck_assert(gw_json_to_text(&small, read_ok(GW_LIT("[1,2,3,4,5]")), &text) ==
              GW_E_TOO_BIG);
    gw_arena_fini(&small);
    ck_assert(!gw_json_to_text(&arena, (gw_json){ 0 }, &text));
    ck_assert_uint_eq(text.len, 0);
}
END_TEST

GW_SUITE("protocol/json/path")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, values_are_found, 0, GW_LEN(rows));
    tcase_add_loop_test(tc, what_is_no_path_is_refused_with_a_reason, 0,
                        GW_LEN(refused));
    tcase_add_test(tc, plain_paths_are_known);
    tcase_add_test(tc, deep_searches_have_a_bound);
    tcase_add_loop_test(tc, values_are_printed, 0, GW_LEN(texts));
    tcase_add_test(tc, printing_minds_the_arena);
}
