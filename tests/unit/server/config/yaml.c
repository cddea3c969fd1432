#include "server/config/yaml.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct gw_arena arena;
    struct gw_config_errors errors;
    struct gw_yaml yaml;
    bool ok;
};

static void start(struct reading *r, gw_str text)
{
    *r = (struct reading){ .yaml.file = "g.yaml" };
    gw_arena_init(&r->arena, (size_t)128 << 20);
    r->yaml.arena = &r->arena;
    r->yaml.errors = &r->errors;
    r->ok = gw_yaml_read(&r->yaml, text);
}

static void end(struct reading *r)
{
    gw_arena_fini(&r->arena);
}

START_TEST(nodes_know_their_place)
{
    struct reading *r = gw_alloc(sizeof(*r));
    const struct gw_yaml_node *a, *b, *c;

    start(r, GW_LIT("# first\na:\n  b: text\n  c: [1, 'two']\n"));
    ck_assert(r->ok && r->errors.count == 0);
    ck_assert_int_eq(r->yaml.root->kind, GW_YAML_MAPPING);
    a = gw_yaml_member(r->yaml.root, GW_LIT("a"));
    ck_assert_uint_eq(a->key_mark.line, 2);
    ck_assert_uint_eq(a->key_mark.column, 1);
    ck_assert_uint_eq(a->count, 2);
    b = gw_yaml_member(a, GW_LIT("b"));
    ck_assert_gw_str(b->text, GW_LIT("text"));
    ck_assert_uint_eq(b->mark.line, 3);
    ck_assert_uint_eq(b->mark.column, 6);
    c = gw_yaml_member(a, GW_LIT("c"));
    ck_assert_int_eq(c->kind, GW_YAML_SEQUENCE);
    ck_assert_gw_str(c->first->text, GW_LIT("1"));
    ck_assert_gw_str(c->last->text, GW_LIT("two"));
    ck_assert_ptr_null(gw_yaml_member(a, GW_LIT("d")));
    end(r);
    free(r);
}
END_TEST

static const struct {
    const char *value;
    bool is_null;
    const char *text;
} nulls[] = {
    { "", true, "" },          { "~", true, "" },
    { "null", true, "" },      { "''", false, "" },
    { "'~'", false, "~" },     { "\"null\"", false, "null" },
    { "none", false, "none" },
};

START_TEST(null_is_told_from_text)
{
    struct reading *r = gw_alloc(sizeof(*r));
    char text[64];

    snprintf(text, sizeof(text), "a: %s\n", nulls[_i].value);
    start(r, gw_str_of(text));
    ck_assert(r->ok);
    ck_assert_int_eq(r->yaml.root->first->is_null, nulls[_i].is_null);
    ck_assert_gw_str(r->yaml.root->first->text, gw_str_of(nulls[_i].text));
    end(r);
    free(r);
}
END_TEST

/* --- tags, JSON ------------------------------------------------------ */

START_TEST(tags_stay_on_their_nodes)
{
    struct reading *r = gw_alloc(sizeof(*r));
    const struct gw_yaml_node *root;

    start(r, GW_LIT("a: !Ref x\nb: !If [c, !Sub 'd', e]\nf: !Tag {g: h}\n"
                    "i: ! j\nk: !Empty\n"));
    ck_assert(r->ok && r->errors.count == 0);
    root = r->yaml.root;
    ck_assert_ptr_eq(r->yaml.tagged, root->first);
    ck_assert_gw_str(root->first->tag, GW_LIT("Ref"));
    ck_assert_gw_str(root->first->text, GW_LIT("x"));
    ck_assert_gw_str(gw_yaml_member(root, GW_LIT("b"))->tag, GW_LIT("If"));
    ck_assert_gw_str(gw_yaml_member(root, GW_LIT("b"))->first->next->tag,
                     GW_LIT("Sub"));
    ck_assert_gw_str(gw_yaml_member(root, GW_LIT("f"))->tag, GW_LIT("Tag"));
    ck_assert_gw_str(gw_yaml_member(root, GW_LIT("i"))->tag, GW_EMPTY);
    ck_assert_gw_str(root->last->tag, GW_LIT("Empty"));
    end(r);
    free(r);
}
END_TEST

/* RFC 8259; what libyaml would refuse or misread, and what both take. */
START_TEST(json_is_read_as_json)
{
    struct reading *r = gw_alloc(sizeof(*r));
    const struct gw_yaml_node *root, *b;

    start(r, GW_LIT("\t{\n\t\"a\"\n\t:\t\"\\ud83d\\ude00\\/\","
                    "\"\xc3\xa9\": [1.50, true, null, \"null\", {}],\r\n"
                    " \"n\": \"!Ref x\", \"o\": \"a\\nb\" }\n"));
    ck_assert_msg(r->ok && r->errors.count == 0, "%s", r->errors.lines[0]);
    root = r->yaml.root;
    ck_assert_uint_eq(root->mark.column, 2);
    ck_assert_gw_str(root->first->text, GW_LIT("\xf0\x9f\x98\x80/"));
    ck_assert_uint_eq(root->first->key_mark.line, 2);
    ck_assert_uint_eq(root->first->mark.line, 3);
    b = gw_yaml_member(root, GW_LIT("\xc3\xa9"));
    ck_assert_uint_eq(b->key_mark.column, 21);
    ck_assert_uint_eq(b->mark.column, 26); /* one column, two bytes */
    ck_assert_uint_eq(b->count, 5);
    ck_assert_gw_str(b->first->text, GW_LIT("1.50"));
    ck_assert(b->first->next->next->is_null);
    ck_assert(!b->first->next->next->next->is_null);
    ck_assert_int_eq(b->last->kind, GW_YAML_MAPPING);
    ck_assert_gw_str(gw_yaml_member(root, GW_LIT("n"))->text, GW_LIT("!Ref x"));
    ck_assert_gw_str(root->last->text, GW_LIT("a\nb"));
    ck_assert_ptr_null(r->yaml.tagged);
    end(r);
    free(r);
}
END_TEST

static const struct {
    gw_str text;
    const char *error; /* the first line, or its beginning */
} refused[] = {
    { GW_LIT("a: 1\nb: 2\na: 3\n"),
      "g.yaml:3:1: the key `a` is given twice, first on line 1" },
    { GW_LIT("x:\n  $d: 1\n  $d: 2\n"),
      "g.yaml:3:3: the key `$d` is given twice, first on line 2" },
    { GW_LIT("a: &x 1\n"), "g.yaml:1:4: anchors" },
    { GW_LIT("a: &x [1]\nb: *x\n"), "g.yaml:1:4: anchors" },
    { GW_LIT("a: *x\n"), "g.yaml:1:4: anchors" },
    { GW_LIT("a: !!binary eA==\n"), "g.yaml:1:4: tags" },
    { GW_LIT("a: !include x\n"), "g.yaml:1:4: tags" },
    { GW_LIT("a: 1\nb: [x, !y {}]\n"), "g.yaml:2:8: tags" },
    { GW_LIT("!x a: 1\n"), "g.yaml:1:1: expected a key without a tag" },
    { GW_LIT("{\"a\": 1,\n\"a\": 2}"),
      "g.yaml:2:1: the key `a` is given twice, first on line 1" },
    { GW_LIT("{\"a\": {\"\": 2}}"), "g.yaml:1:8: expected a key" },
    { GW_LIT("{\"a\": \"\\u0000\"}"), "g.yaml:1:7: expected a text without" },
    { GW_LIT("{\"a\": 1,}}"), "g.yaml:1:10: not valid YAML" },
    { GW_LIT("&x a: 1\n"), "g.yaml:1:1: anchors" },
    { GW_LIT("a: 1\n---\nb: 1\n"), "g.yaml:2:1: expected one document" },
    { GW_LIT("[a]: 1\n"), "g.yaml:1:1: expected a text as the key" },
    { GW_LIT("? {a: b}\n: 1\n"), "g.yaml:1:3: expected a text as the key" },
    { GW_LIT("'': 1\n"), "g.yaml:1:1: expected a key" },
    { GW_LIT("a: \"\\0\"\n"), "g.yaml:1:4: expected a text without NUL" },
    { GW_LIT("\"a\\0\": 1\n"), "g.yaml:1:1: expected a key without NUL" },
    { GW_LIT("a: [1\n"), "g.yaml:2:1: not valid YAML" },
    { GW_LIT("a: b: c\n"), "g.yaml:1:5: not valid YAML" },
    { GW_LIT("a:\n\t- 1\n"), "g.yaml:2:1: not valid YAML" },
    { GW_LIT("a: 'x\n"), "g.yaml:2:1: not valid YAML" },
    { GW_LIT("a: @x\n"), "g.yaml:1:4: not valid YAML" },
    { GW_LIT("a: \xff\n"), "g.yaml:1:" },
    { GW_LIT("a: \x01\n"), "g.yaml:1:" },
};

START_TEST(what_is_refused_is_placed)
{
    struct reading *r = gw_alloc(sizeof(*r));

    start(r, refused[_i].text);
    if (r->ok)
        gw_yaml_refuse_tags(&r->yaml);
    ck_assert_uint_ge(r->errors.count, 1);
    ck_assert_msg(strncmp(r->errors.lines[0], refused[_i].error,
                          strlen(refused[_i].error)) == 0,
                  "%s", r->errors.lines[0]);
    end(r);
    free(r);
}
END_TEST

START_TEST(a_twin_key_does_not_hide_the_rest)
{
    struct reading *r = gw_alloc(sizeof(*r));

    start(r, GW_LIT("a: 1\na: {x: [2]}\nb: 3\nb: 4\n"));
    ck_assert(r->ok);
    ck_assert_uint_eq(r->errors.count, 2);
    ck_assert_uint_eq(r->yaml.root->count, 2);
    ck_assert_gw_str(r->yaml.root->first->text, GW_LIT("1"));
    ck_assert_gw_str(r->yaml.root->last->text, GW_LIT("3"));
    end(r);
    free(r);
}
END_TEST

START_TEST(an_empty_text_has_no_root)
{
    struct reading *r = gw_alloc(sizeof(*r));

    start(r, GW_LIT("# nothing\n"));
    ck_assert(r->ok);
    ck_assert_ptr_null(r->yaml.root);
    end(r);
    free(r);
}
END_TEST

/* --- bounds ---------------------------------------------------------- */

/* `head`, then `count` times `piece`. */
static struct gw_buf repeat(const char *head, const char *piece, int count)
{
    struct gw_buf text;

    gw_buf_init(&text, (size_t)8 << 20);
    ck_assert(gw_buf_add(&text, gw_str_of(head)) == GW_OK);
    for (int i = 0; i < count; i++)
        ck_assert(gw_buf_add(&text, gw_str_of(piece)) == GW_OK);
    return text;
}

static const struct {
    const char *name, *head, *piece;
    int count;
    bool ok;
} bounds[] = {
    { "depth, just", "a: ", "[", 0, true },
    { "depth", "a: ", "[", 100000, false },
    { "depth of braces", "", "{a: ", 50000, false },
    { "depth by dashes", "", "- ", 50000, false },
    { "entries, just", "", "- 1\n", GW_YAML_ENTRIES_MAX, true },
    { "entries", "", "- 1\n", GW_YAML_ENTRIES_MAX + 1, false },
    { "size, just", "a: ", "x", GW_YAML_BYTES_MAX - 3, true },
    { "size", "a: ", "x", GW_YAML_BYTES_MAX - 2, false },
};

START_TEST(bounds_are_kept)
{
    struct reading *r = gw_alloc(sizeof(*r));
    struct gw_buf text =
        repeat(bounds[_i].head, bounds[_i].piece, bounds[_i].count);

    start(r, gw_buf_str(&text));
    ck_assert_msg(r->ok == bounds[_i].ok, "%s: %s", bounds[_i].name,
                  r->errors.lines[0]);
    if (!r->ok)
        ck_assert_msg(strstr(r->errors.lines[0], "expected at most"), "%s",
                      r->errors.lines[0]);
    gw_buf_fini(&text);
    end(r);
    free(r);
}
END_TEST

START_TEST(json_is_no_deeper)
{
    for (int depth = GW_YAML_DEPTH_MAX; depth <= GW_YAML_DEPTH_MAX + 1;
         depth++) {
        struct reading *r = gw_alloc(sizeof(*r));
        struct gw_buf text = repeat("", "{\"a\":", depth);

        ck_assert(gw_buf_add(&text, GW_LIT("1")) == GW_OK);
        for (int i = 0; i < depth; i++)
            ck_assert(gw_buf_add(&text, GW_LIT("}")) == GW_OK);
        start(r, gw_buf_str(&text));
        ck_assert_int_eq(r->ok, depth == GW_YAML_DEPTH_MAX);
        gw_buf_fini(&text);
        end(r);
        free(r);
    }
}
END_TEST

/* --- errors ---------------------------------------------------------- */

START_TEST(the_same_error_is_told_once)
{
    struct gw_config_errors *e = gw_alloc(sizeof(*e));

    gw_config_errors_add(e, "f:1:2", "expected %s", "a");
    gw_config_errors_add(e, "f:1:2", "expected %s", "a");
    gw_config_errors_add(e, "f:1:2", "expected %s", "b");
    ck_assert_uint_eq(e->count, 2);
    ck_assert_str_eq(e->lines[0], "f:1:2: expected a");
    for (int i = 0; i < 40; i++)
        gw_config_errors_add(e, "f", "%d", i);
    ck_assert_uint_eq(e->count, 42);
    free(e);
}
END_TEST

START_TEST(nothing_escapes_to_the_terminal)
{
    struct gw_config_errors *e = gw_alloc(sizeof(*e));

    gw_config_errors_add(e, "f", "\x1b[2J\n%s", "\xc3\xa4");
    ck_assert_str_eq(e->lines[0], "f: ?[2J?\xc3\xa4");
    gw_config_errors_add(e, "f", "%s", "\xff");
    ck_assert_str_eq(e->lines[1], "f: ?");
    free(e);
}
END_TEST

static const struct {
    const char *name, *hint;
} near[] = {
    { "routs", "; did you mean `routes`?" },
    { "Routes", "; did you mean `routes`?" },
    { "stage", "; did you mean `stages`?" },
    { "integrationURI", "; did you mean `integrationUri`?" },
    { "banana", "" },
    { "x", "" },
    { "", "" },
};

START_TEST(a_near_name_is_suggested)
{
    static const char *const known[] = { "routes", "stages", "integrationUri",
                                         "binary" };
    struct gw_suggestion s = { .name = gw_str_of(near[_i].name) };
    char hint[GW_SUGGESTION_MAX];

    for (size_t i = 0; i < GW_LEN(known); i++)
        gw_suggestion_offer(&s, gw_str_of(known[i]));
    gw_suggestion_print(&s, hint);
    ck_assert_str_eq(hint, near[_i].hint);
}
END_TEST

GW_SUITE("server/config/yaml")
{
    tcase_add_test(tc, nodes_know_their_place);
    tcase_add_loop_test(tc, null_is_told_from_text, 0, GW_LEN(nulls));
    tcase_add_test(tc, tags_stay_on_their_nodes);
    tcase_add_test(tc, json_is_read_as_json);
    tcase_add_loop_test(tc, what_is_refused_is_placed, 0, GW_LEN(refused));
    tcase_add_test(tc, a_twin_key_does_not_hide_the_rest);
    tcase_add_test(tc, an_empty_text_has_no_root);
    tcase_add_loop_test(tc, bounds_are_kept, 0, GW_LEN(bounds));
    tcase_add_test(tc, json_is_no_deeper);
    tcase_add_test(tc, the_same_error_is_told_once);
    tcase_add_test(tc, nothing_escapes_to_the_terminal);
    tcase_add_loop_test(tc, a_near_name_is_suggested, 0, GW_LEN(near));
}
