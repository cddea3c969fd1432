/*
 * A template is cut into parts when it is read: literals, which are views of
 * it, and references. What would mean more to Velocity than this file knows
 * is refused then; what means nothing to it ("$5", "#fff") is a literal, as
 * it is there.
 */
#include "protocol/vtl/template.h"

#include "protocol/json/path.h"

typedef enum part_kind {
    LITERAL,
    CONTEXT,
    STAGE_VARIABLE,
    INPUT_BODY,
    INPUT_PATH,
    INPUT_JSON,
} part_kind;

struct part {
    part_kind kind;
    gw_str text; /* the literal, or the name */
    struct gw_json_path path;
};

struct gw_template {
    bool reads_json;
    size_t count;
    struct part parts[];
};

/* --- reading -------------------------------------------------------------- */

struct reader {
    struct gw_arena *a;
    gw_str rest; /* not yet read */
    struct gw_template *t;
    struct gw_fault *why;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Velocity 1.7: a hyphen may be inside a name. */
static bool is_id_char(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A letter, and what of a name follows; empty when there is none. */
static gw_str take_id(struct reader *r)
{
    gw_str id = gw_str_head(r->rest, 0);

    if (r->rest.len && is_letter(r->rest.at[0]))
        while (id.len < r->rest.len && is_id_char(r->rest.at[id.len]))
            id.len++;
    r->rest = gw_str_skip(r->rest, id.len);
    return id;
}

/* $name, $!name, ${name}, $!{name: does one begin here? */
static bool begins_reference(gw_str s)
{
    size_t i = 1;

    if (s.len == 0 || s.at[0] != '$')
        return false;
    i += i < s.len && s.at[i] == '!';
    i += i < s.len && s.at[i] == '{';
    return i < s.len && is_letter(s.at[i]);
}

/* #if, #{if}: does the name of a directive follow the '#'? */
static bool begins_directive(gw_str s)
{
    static const char *const names[] = {
        "set",   "if",    "elseif", "else",  "end",      "foreach", "include",
        "parse", "macro", "stop",   "break", "evaluate", "define",
    };
    gw_str word;

    if (s.len < 2 || s.at[0] != '#')
        return false;
    s = gw_str_skip(s, s.at[1] == '{' ? 2 : 1);
    word = gw_str_head(s, 0);
    while (word.len < s.len && is_letter(s.at[word.len]))
        word.len++;
    for (size_t i = 0; i < GW_LEN(names); i++)
        if (gw_str_eq(word, gw_str_of(names[i])))
            return true;
    return false;
}

/* ## to the end of the line, #* comment *#, #[[ as it is ]]# */
static bool begins_comment(gw_str s)
{
    return gw_str_starts(s, GW_LIT("##")) || gw_str_starts(s, GW_LIT("#*")) ||
           gw_str_starts(s, GW_LIT("#[["));
}

static gw_err refuse(struct reader *r, gw_str from)
{
    return gw_fail(r->why, GW_E_SYNTAX,
                   "\"%.*s\" is not supported: templates know $context.NAME, "
                   "$stageVariables.NAME, $input.body, $input.path('...') and "
                   "$input.json('...')",
                   (int)GW_MIN(from.len, 40), from.at);
}

/* Literals that touch become one, so that most text is a single view. */
static void add_literal(struct reader *r, size_t len)
{
    struct part *last = r->t->parts + r->t->count;
    gw_str text = gw_str_head(r->rest, len);

    r->rest = gw_str_skip(r->rest, len);
    if (r->t->count && last[-1].kind == LITERAL &&
        last[-1].text.at + last[-1].text.len == text.at)
        last[-1].text.len += len;
    else if (len)
        r->t->parts[r->t->count++] = (struct part){ LITERAL, text, { 0 } };
}

/* ('path') or ("path") */
static gw_err read_argument(struct reader *r, gw_str from, gw_str *text)
{
    char quote;
    ptrdiff_t end;

    if (!gw_str_pass(&r->rest, '('))
        return refuse(r, from);
    r->rest = gw_str_trim(r->rest);
    if (!gw_str_begins(r->rest, '\'') && !gw_str_begins(r->rest, '"'))
        return refuse(r, from);
    quote = r->rest.at[0];
    end = gw_str_find(r->rest, quote, 1);
    if (end < 0)
        return gw_fail(r->why, GW_E_SYNTAX, "\"%.*s\": a quote is not closed",
                       (int)GW_MIN(from.len, 40), from.at);
    *text = gw_str_head(gw_str_skip(r->rest, 1), (size_t)end - 1);
    r->rest = gw_str_trim(gw_str_skip(r->rest, (size_t)end + 1));
    /* double quotes would have it evaluated first */
    for (size_t i = 0; quote == '"' && i < text->len; i++)
        if (begins_reference(gw_str_skip(*text, i)))
            return refuse(r, from);
    if (!gw_str_pass(&r->rest, ')'))
        return refuse(r, from);
    return GW_OK;
}

static gw_err read_input(struct reader *r, gw_str from, struct part *part)
{
    gw_str member, text;
    gw_err err;

    member = gw_str_pass(&r->rest, '.') ? take_id(r) : GW_EMPTY;
    if (gw_str_eq(member, GW_LIT("body"))) {
        part->kind = INPUT_BODY;
        return GW_OK;
    }
    if (gw_str_eq(member, GW_LIT("path")))
        part->kind = INPUT_PATH;
    else if (gw_str_eq(member, GW_LIT("json")))
        part->kind = INPUT_JSON;
    else
        return refuse(r, from);
    r->t->reads_json = true;
    err = read_argument(r, from, &text);
    return err ? err : gw_json_path_read(r->a, text, &part->path, r->why);
}

/* .name.name: as many as there are. */
static gw_str take_names(struct reader *r)
{
    gw_str names = r->rest;

    while (r->rest.len > 1 && r->rest.at[0] == '.' &&
           is_letter(r->rest.at[1])) {
        r->rest = gw_str_skip(r->rest, 1);
        take_id(r);
    }
    names.len -= r->rest.len;
    return names.len ? gw_str_skip(names, 1) : names;
}

static gw_err read_context(struct reader *r, gw_str from, struct part *part)
{
    part->kind = CONTEXT;
    part->text = take_names(r);
    if (part->text.len == 0)
        return refuse(r, from);
    if (!gw_context_knows(part->text))
        return gw_fail(r->why, GW_E_INVALID,
                       "$context.%.*s: no such name; where text follows at "
                       "once, write ${context.NAME}",
                       (int)GW_MIN(part->text.len, 80), part->text.at);
    return GW_OK;
}

static gw_err read_stage_variable(struct reader *r, gw_str from,
                                  struct part *part)
{
    part->kind = STAGE_VARIABLE;
    part->text = gw_str_pass(&r->rest, '.') ? take_id(r) : GW_EMPTY;
    return part->text.len ? GW_OK : refuse(r, from);
}

/* Would Velocity read on: a property, a method, an index? */
static bool goes_on(const struct reader *r)
{
    return gw_str_begins(r->rest, '(') || gw_str_begins(r->rest, '[') ||
           (r->rest.len > 1 && r->rest.at[0] == '.' &&
            is_letter(r->rest.at[1]));
}

static const struct {
    gw_str name;
    gw_err (*read)(struct reader *r, gw_str from, struct part *part);
} objects[] = {
    { GW_LIT("context"), read_context },
    { GW_LIT("input"), read_input },
    { GW_LIT("stageVariables"), read_stage_variable },
};

/* "$", "$!", "${" or "$!{", and the name behind. */
static gw_str take_root(struct reader *r, bool *braced)
{
    gw_str_pass(&r->rest, '$');
    gw_str_pass(&r->rest, '!'); /* quiet; what is absent is empty either way */
    *braced = gw_str_pass(&r->rest, '{');
    return take_id(r);
}

static gw_err read_reference(struct reader *r)
{
    struct part *part = &r->t->parts[r->t->count++];
    gw_err err = GW_E_SYNTAX;
    bool braced;
    gw_str from = r->rest, name = take_root(r, &braced);

    for (size_t i = 0; i < GW_LEN(objects); i++)
        if (gw_str_eq(name, objects[i].name)) {
            err = objects[i].read(r, from, part);
            if (err)
                return err;
        }
    if (err || goes_on(r))
        return refuse(r, from);
    if (braced && !gw_str_pass(&r->rest, '}'))
        return gw_fail(r->why, GW_E_SYNTAX, "\"%.*s\": the brace is not closed",
                       (int)GW_MIN(from.len, 40), from.at);
    return GW_OK;
}

/* Is this reference one of ours? An escaped one of another name would keep
 * its backslash in Velocity, if the name is not set. */
static bool names_object(gw_str reference)
{
    struct reader r = { .rest = reference };
    bool braced;
    gw_str name = take_root(&r, &braced);

    for (size_t i = 0; i < GW_LEN(objects); i++)
        if (gw_str_eq(name, objects[i].name))
            return true;
    return false;
}

/* Backslashes. Before something that means something, two stand for one, and
 * an odd one makes it a literal; elsewhere they are what they are. */
static gw_err read_escapes(struct reader *r)
{
    size_t run = 0;
    gw_str behind;

    while (run < r->rest.len && r->rest.at[run] == '\\')
        run++;
    behind = gw_str_skip(r->rest, run);
    if (!begins_reference(behind) && !begins_directive(behind)) {
        add_literal(r, run);
        return GW_OK;
    }
    add_literal(r, run / 2);
    if (run % 2 && behind.at[0] == '$' && !names_object(behind))
        return refuse(r, r->rest);
    r->rest = behind;
    if (run % 2)
        add_literal(r, 1);
    return GW_OK;
}

static gw_err read_part(struct reader *r)
{
    size_t len = 1;

    if (gw_str_begins(r->rest, '\\'))
        return read_escapes(r);
    if (begins_reference(r->rest))
        return read_reference(r);
    if (begins_directive(r->rest) || begins_comment(r->rest))
        return refuse(r, r->rest);
    while (len < r->rest.len && !strchr("$#\\", r->rest.at[len]))
        len++;
    add_literal(r, len);
    return GW_OK;
}

/* Only '$', '#' and '\' begin a part, and each may be followed by one. */
static size_t parts_at_most(gw_str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] && strchr("$#\\", text.at[i]) ? 2 : 0;
    return count;
}

gw_err gw_template_read(struct gw_arena *a, gw_str text,
                        struct gw_template **out, struct gw_fault *why)
{
    size_t room = parts_at_most(text);
    struct gw_template *t =
        gw_arena_alloc(a, sizeof(*t) + room * sizeof(t->parts[0]));
    struct reader r = { a, GW_EMPTY, t, why };
    gw_err err = t ? gw_arena_dup(a, text, &r.rest) : GW_E_TOO_BIG;

    if (err)
        return gw_fail(why, err, "the template is too long");
    while (r.rest.len && !err) {
        err = read_part(&r);
        GW_ASSERT(t->count <= room);
    }
    *out = t;
    return err;
}

/* --- rendering ------------------------------------------------------------ */

/* What $input is. */
struct input {
    gw_str body;
    gw_json json;
};

static struct input input_of(const struct gw_template *t, gw_template_side side,
                             const struct gw_scope *scope)
{
    struct input in = { scope->body, scope->json };

    if (side == GW_TEMPLATE_RESPONSE) {
        in.body = scope->response_body;
        if (t->reads_json)
            in.json = gw_scope_response_json(scope);
    }
    /* Paths into an empty body look into an empty object, as in
     * rest-and-services.md 12.2. The body itself stays as it came: an empty
     * message is sent back empty. */
    if (in.body.len == 0)
        in.json = (gw_json){ GW_JSON_OBJECT, GW_LIT("{}") };
    return in;
}

static gw_err input_text(const struct part *part, const struct input *in,
                         struct gw_arena *a, gw_str *out)
{
    gw_json value;
    gw_err err = gw_json_path_find(a, &part->path, in->json, &value);

    if (err)
        return err;
    if (part->kind == INPUT_PATH)
        return gw_json_to_template_text(a, value, out);
    *out = value.kind == GW_JSON_ABSENT ? GW_LIT("\"\"") : value.raw;
    return GW_OK;
}

static gw_err part_text(const struct part *part, const struct input *in,
                        const struct gw_scope *scope, struct gw_arena *a,
                        gw_str *out)
{
    switch (part->kind) {
    case LITERAL:
        *out = part->text;
        return GW_OK;
    case CONTEXT:
        if (!scope->context ||
            !gw_context_find(scope->context, a, part->text, out))
            *out = GW_EMPTY;
        return GW_OK;
    case STAGE_VARIABLE:
        if (!scope->stage_variables ||
            !gw_pairs_find(scope->stage_variables, part->text, out))
            *out = GW_EMPTY;
        return GW_OK;
    case INPUT_BODY:
        *out = in->body;
        return GW_OK;
    case INPUT_PATH:
    case INPUT_JSON:
        return input_text(part, in, a, out);
    }
    return GW_OK;
}

gw_err gw_template_render(const struct gw_template *t, gw_template_side side,
                          const struct gw_scope *scope, struct gw_arena *a,
                          gw_str *out)
{
    struct input in = input_of(t, side, scope);
    gw_str *pieces;

    if (t->count == 1)
        return part_text(&t->parts[0], &in, scope, a, out);
    pieces = gw_arena_alloc(a, t->count * sizeof(*pieces));
    if (!pieces)
        return GW_E_TOO_BIG;
    for (size_t i = 0; i < t->count; i++) {
        gw_err err = part_text(&t->parts[i], &in, scope, a, &pieces[i]);

        if (err)
            return err;
    }
    return gw_arena_join(a, pieces, t->count, out);
}
