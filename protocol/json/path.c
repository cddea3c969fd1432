#include "protocol/json/path.h"

/* --- reading a path ------------------------------------------------------- */

struct reader {
    struct gw_arena *a;
    gw_str rest; /* not yet read */
    struct gw_json_path *path;
    struct gw_fault *why;
};

/* What a name may hold outside of quotes. Generous: "my-key", "@type", any
 * letter beyond ASCII; nothing that means something to JSONPath. */
static bool is_name_char(char c)
{
    return (unsigned char)c > ' ' && c != '\x7f' && !strchr(".[]*'\"(),?", c);
}

static gw_err add_step(struct reader *r, struct gw_json_path_step step)
{
    r->path->steps[r->path->count++] = step;
    return GW_OK;
}

static gw_err read_dotted(struct reader *r, bool deep)
{
    struct gw_json_path_step step = { deep ? GW_STEP_DEEP : GW_STEP_NAME,
                                      r->rest, 0 };

    step.name.len = 0;
    while (r->rest.len && is_name_char(r->rest.at[0])) {
        r->rest = gw_str_skip(r->rest, 1);
        step.name.len++;
    }
    if (step.name.len == 0)
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: a name is missing before \"%.*s\"",
                       GW_FMT(r->rest));
    return add_step(r, step);
}

/* 'name' or "name"; a backslash keeps the quote, or itself, in the name. */
static gw_err read_quoted(struct reader *r, char quote, gw_str *name)
{
    gw_str text = gw_str_skip(r->rest, 1);
    size_t len = 0, escapes = 0;
    char *plain;

    for (; len < text.len && text.at[len] != quote; len++)
        if (text.at[len] == '\\' && len + 1 < text.len) {
            escapes++;
            len++;
        }
    if (len >= text.len)
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: the quote in \"%.*s\" is not closed",
                       GW_FMT(r->rest));
    r->rest = gw_str_skip(text, len + 1);
    *name = gw_str_head(text, len);
    if (escapes == 0)
        return GW_OK;
    plain = gw_arena_text(r->a, len - escapes);
    if (!plain)
        return gw_fail(r->why, GW_E_TOO_BIG, "path: too long");
    *name = (gw_str){ plain, len - escapes };
    for (size_t i = 0; i < len; i++) {
        i += text.at[i] == '\\';
        *plain++ = text.at[i];
    }
    return GW_OK;
}

static gw_err read_index(struct reader *r, int64_t *index)
{
    bool negative = gw_str_pass(&r->rest, '-');
    size_t len = 0;
    uint64_t value;

    while (len < r->rest.len && r->rest.at[len] >= '0' &&
           r->rest.at[len] <= '9')
        len++;
    if (!gw_str_to_u64(gw_str_head(r->rest, len), &value) || value > INT32_MAX)
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: in brackets belongs a 'name', a number or *, "
                       "not \"%.*s\"",
                       GW_FMT(r->rest));
    r->rest = gw_str_skip(r->rest, len);
    *index = negative ? -(int64_t)value : (int64_t)value;
    return GW_OK;
}

static gw_err read_bracket(struct reader *r, bool deep)
{
    struct gw_json_path_step step = { GW_STEP_ALL, GW_EMPTY, 0 };
    gw_err err = GW_OK;

    r->rest = gw_str_trim(r->rest);
    if (gw_str_begins(r->rest, '\'') || gw_str_begins(r->rest, '"')) {
        step.kind = deep ? GW_STEP_DEEP : GW_STEP_NAME;
        err = read_quoted(r, r->rest.at[0], &step.name);
    } else if (deep) {
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: behind \"..\" belongs a name");
    } else if (!gw_str_pass(&r->rest, '*')) {
        step.kind = GW_STEP_INDEX;
        err = read_index(r, &step.index);
    }
    if (err)
        return err;
    r->rest = gw_str_trim(r->rest);
    if (!gw_str_pass(&r->rest, ']'))
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: a ] is missing before \"%.*s\"", GW_FMT(r->rest));
    return add_step(r, step);
}

static gw_err read_step(struct reader *r)
{
    bool deep;

    if (gw_str_pass(&r->rest, '['))
        return read_bracket(r, false);
    if (!gw_str_pass(&r->rest, '.'))
        return gw_fail(r->why, GW_E_SYNTAX,
                       "path: \"%.*s\" is neither .name nor [...]",
                       GW_FMT(r->rest));
    deep = gw_str_pass(&r->rest, '.');
    if (deep && gw_str_pass(&r->rest, '['))
        return read_bracket(r, true);
    if (!deep && gw_str_pass(&r->rest, '*'))
        return add_step(r,
                        (struct gw_json_path_step){ GW_STEP_ALL, GW_EMPTY, 0 });
    return read_dotted(r, deep);
}

/* Every step but the first begins with a dot or a bracket. */
static size_t steps_at_most(gw_str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '.' || text.at[i] == '[';
    return count;
}

gw_err gw_json_path_read(struct gw_arena *a, gw_str text,
                         struct gw_json_path *out, struct gw_fault *why)
{
    struct reader r = { a, text, out, why };
    size_t room = steps_at_most(text);
    gw_err err = GW_OK;

    *out = (struct gw_json_path){ .is_plain = true };
    if (text.len == 0)
        return gw_fail(why, GW_E_SYNTAX, "path: empty");
    out->steps = gw_arena_alloc(a, room * sizeof(*out->steps));
    out->names = gw_arena_alloc(a, room * sizeof(*out->names));
    if (!out->steps || !out->names)
        return gw_fail(why, GW_E_TOO_BIG, "path: too long");
    if (!gw_str_pass(&r.rest, '$') && !gw_str_begins(r.rest, '.') &&
        !gw_str_begins(r.rest, '['))
        err = read_dotted(&r, false);
    while (!err && r.rest.len)
        err = read_step(&r);
    for (size_t i = 0; i < out->count; i++) {
        out->is_plain &= out->steps[i].kind == GW_STEP_NAME;
        out->names[i] = out->steps[i].name;
    }
    return err;
}

/* --- finding -------------------------------------------------------------- */

/* Values found so far. Grows in the arena. */
struct nodes {
    gw_json *at;
    size_t count, room;
};

struct search {
    struct gw_arena *a;
    size_t budget; /* bytes that may still be looked at */
};

static gw_err push(struct search *s, struct nodes *n, gw_json value)
{
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 8;
        gw_json *grown = gw_arena_alloc(s->a, room * sizeof(*grown));

        if (!grown)
            return GW_E_TOO_BIG;
        if (n->count)
            memcpy(grown, n->at, n->count * sizeof(*grown));
        n->at = grown;
        n->room = room;
    }
    n->at[n->count++] = value;
    return GW_OK;
}

static bool is_container(gw_json value)
{
    return value.kind == GW_JSON_ARRAY || value.kind == GW_JSON_OBJECT;
}

static gw_json item_from_end(gw_json array, int64_t index)
{
    gw_json name, value;
    size_t at = 0;
    int64_t count = 0;

    while (gw_json_next(array, &at, &name, &value))
        count++;
    if (array.kind != GW_JSON_ARRAY || count + index < 0)
        return (gw_json){ GW_JSON_ABSENT, GW_EMPTY };
    return gw_json_item(array, (size_t)(count + index));
}

static gw_json one_step(const struct gw_json_path_step *step, gw_json from)
{
    if (step->kind == GW_STEP_NAME)
        return gw_json_member(from, step->name);
    if (step->index < 0)
        return item_from_end(from, step->index);
    return gw_json_item(from, (size_t)step->index);
}

static gw_err push_children(struct search *s, struct nodes *out, gw_json from)
{
    gw_json name, value;
    size_t at = 0;
    gw_err err = GW_OK;

    while (!err && gw_json_next(from, &at, &name, &value))
        err = push(s, out, value);
    return err;
}

static void reverse(gw_json *at, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        gw_json swap = at[i];

        at[i] = at[count - 1 - i];
        at[count - 1 - i] = swap;
    }
}

/* Takes one container: pushes its own member of that name to the found, and
 * what is to be looked into to `open`, first child on top. */
static gw_err look_into(struct search *s, gw_str name, gw_json from,
                        struct nodes *open, struct nodes *found)
{
    gw_json key, value, own = { GW_JSON_ABSENT, GW_EMPTY };
    size_t at = 0, first = open->count;
    gw_err err = GW_OK;

    if (from.raw.len > s->budget)
        return GW_E_TOO_BIG;
    s->budget -= from.raw.len;
    while (!err && gw_json_next(from, &at, &key, &value)) {
        if (gw_json_is_text(key, name))
            own = value;
        if (is_container(value))
            err = push(s, open, value);
    }
    reverse(open->at + first, open->count - first);
    if (!err && own.kind != GW_JSON_ABSENT)
        err = push(s, found, own);
    return err;
}

static gw_err push_deep(struct search *s, struct nodes *out, gw_str name,
                        gw_json from)
{
    struct nodes open = { 0 };
    gw_err err = is_container(from) ? push(s, &open, from) : GW_OK;

    while (!err && open.count)
        err = look_into(s, name, open.at[--open.count], &open, out);
    return err;
}

static gw_err every_step(struct search *s, const struct gw_json_path_step *step,
                         const struct nodes *from, struct nodes *to)
{
    gw_err err = GW_OK;

    for (size_t i = 0; i < from->count && !err; i++) {
        gw_json node = from->at[i], value;

        if (node.raw.len > s->budget)
            return GW_E_TOO_BIG;
        s->budget -= node.raw.len;
        if (step->kind == GW_STEP_ALL) {
            err = push_children(s, to, node);
        } else if (step->kind == GW_STEP_DEEP) {
            err = push_deep(s, to, step->name, node);
        } else {
            value = one_step(step, node);
            if (value.kind != GW_JSON_ABSENT)
                err = push(s, to, value);
        }
    }
    return err;
}

/* [ and what was found, with commas, and ] */
static gw_err array_of(struct search *s, const struct nodes *n, gw_json *out)
{
    size_t count = 0;
    gw_str *pieces;

    if (n->count == 0)
        return GW_OK;
    pieces = gw_arena_alloc(s->a, (2 * n->count + 1) * sizeof(*pieces));
    if (!pieces)
        return GW_E_TOO_BIG;
    for (size_t i = 0; i < n->count; i++) {
        pieces[count++] = i ? GW_LIT(",") : GW_LIT("[");
        pieces[count++] = n->at[i].raw;
    }
    pieces[count++] = GW_LIT("]");
    out->kind = GW_JSON_ARRAY;
    return gw_arena_join(s->a, pieces, count, &out->raw);
}

gw_err gw_json_path_find(struct gw_arena *a, const struct gw_json_path *path,
                         gw_json root, gw_json *out)
{
    /* no honest text nests so deep that ".." passes each byte 64 times */
    struct search s = { a, ((size_t)1 << 20) +
                               64 * root.raw.len * (path->count + 1) };
    struct nodes from = { 0 };
    size_t i = 0;
    gw_err err;

    for (; i < path->count; i++) {
        if (path->steps[i].kind == GW_STEP_ALL ||
            path->steps[i].kind == GW_STEP_DEEP)
            break;
        root = one_step(&path->steps[i], root);
    }
    *out = root;
    if (i == path->count)
        return GW_OK;
    *out = (gw_json){ GW_JSON_ABSENT, GW_EMPTY };
    err = push(&s, &from, root);
    for (; i < path->count && !err; i++) {
        struct nodes to = { 0 };

        err = every_step(&s, &path->steps[i], &from, &to);
        from = to;
    }
    return err ? err : array_of(&s, &from, out);
}

/* --- text ----------------------------------------------------------------- */

static const char *quoted_end(const char *p)
{
    for (p++; *p != '"'; p++)
        p += *p == '\\';
    return p + 1;
}

static size_t count_of(gw_str s, char c)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += s.at[i] == c;
    return count;
}

/* Prints a container the way Java prints its maps and lists: blanks go, ','
 * becomes ", ", ':' becomes '=', strings lose their quotes. */
static gw_err print_container(struct gw_arena *a, gw_str raw,
                              bool arrays_as_json, gw_str *out)
{
    const char *p = raw.at, *end = p + raw.len;
    char *text = gw_arena_text(a, raw.len + count_of(raw, ','));
    size_t len = 0, arrays = 0; /* open */

    if (!text)
        return GW_E_TOO_BIG;
    while (p < end) {
        bool as_json = arrays_as_json && (arrays || *p == '[');
        gw_str piece = { p, 1 };

        arrays += *p == '[';
        arrays -= *p == ']';
        if (*p == '"') {
            piece.len = (size_t)(quoted_end(p) - p);
            p += piece.len;
            if (!as_json && gw_json_text(a, (gw_json){ GW_JSON_STRING, piece },
                                         &piece) != GW_OK)
                return GW_E_TOO_BIG;
        } else {
            p++;
            if (!as_json && *piece.at == ',')
                piece = GW_LIT(", ");
            else if (!as_json && *piece.at == ':')
                piece = GW_LIT("=");
            else if (!as_json && strchr(" \t\r\n", *piece.at))
                continue;
        }
        memcpy(text + len, piece.at, piece.len);
        len += piece.len;
    }
    *out = (gw_str){ text, len };
    return GW_OK;
}

static gw_err to_text(struct gw_arena *a, gw_json value, bool arrays_as_json,
                      gw_str *out)
{
    switch (value.kind) {
    case GW_JSON_ABSENT:
    case GW_JSON_NULL:
        *out = GW_EMPTY;
        return GW_OK;
    case GW_JSON_FALSE:
    case GW_JSON_TRUE:
    case GW_JSON_NUMBER:
        *out = value.raw;
        return GW_OK;
    case GW_JSON_STRING:
        return gw_json_text(a, value, out);
    case GW_JSON_ARRAY:
    case GW_JSON_OBJECT:
        break;
    }
    if (arrays_as_json && value.kind == GW_JSON_ARRAY) {
        *out = value.raw;
        return GW_OK;
    }
    return print_container(a, value.raw, arrays_as_json, out);
}

gw_err gw_json_to_text(struct gw_arena *a, gw_json value, gw_str *out)
{
    return to_text(a, value, false, out);
}

gw_err gw_json_to_template_text(struct gw_arena *a, gw_json value, gw_str *out)
{
    return to_text(a, value, true, out);
}
