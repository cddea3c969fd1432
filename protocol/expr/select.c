#include "protocol/expr/select.h"

typedef enum source {
    LITERAL,
    REQUEST_BODY,
    REQUEST_HEADER,
    REQUEST_QUERY,
    REQUEST_BASEPATH,
    CONTEXT,
    STAGE_VARIABLE,
    RESPONSE_STATUS,
    RESPONSE_HEADER,
    RESPONSE_MULTI_HEADER,
    RESPONSE_BODY,
} source;

struct part {
    source source;
    gw_str text; /* the literal, or the variable as it was spelled */
    gw_str name; /* what follows the root */
    bool has_path;
    struct gw_json_path path; /* of a body */
};

struct gw_expr {
    size_t count;
    struct part parts[];
};

/* --- reading -------------------------------------------------------------- */

/* What may follow a root: nothing, .NAME, or .PATH and nothing too. */
static const struct root {
    gw_str name;
    enum { ALONE, NAMED, PATHED } form;
    source source;
} roots[] = {
    { GW_LIT("request.body"), PATHED, REQUEST_BODY },
    { GW_LIT("request.header"), NAMED, REQUEST_HEADER },
    { GW_LIT("request.querystring"), NAMED, REQUEST_QUERY },
    { GW_LIT("request.basepath"), ALONE, REQUEST_BASEPATH },
    { GW_LIT("context"), NAMED, CONTEXT },
    { GW_LIT("stageVariables"), NAMED, STAGE_VARIABLE },
    { GW_LIT("integration.response.statuscode"), ALONE, RESPONSE_STATUS },
    { GW_LIT("response.statuscode"), ALONE, RESPONSE_STATUS },
    { GW_LIT("integration.response.header"), NAMED, RESPONSE_HEADER },
    { GW_LIT("integration.response.multivalueheader"), NAMED,
      RESPONSE_MULTI_HEADER },
    { GW_LIT("integration.response.body"), PATHED, RESPONSE_BODY },
};

static bool is_name(gw_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] <= ' ' ||
            strchr("'\"[]{}\x7f", name.at[i]))
            return false;
    return name.len > 0;
}

static gw_err read_rest(struct gw_arena *a, const struct root *root,
                        gw_str rest, struct part *part, struct gw_fault *why)
{
    if (rest.len == 0 && root->form != NAMED)
        return GW_OK;
    if (root->form == ALONE)
        return gw_fail(why, GW_E_SYNTAX, "$%.*s: nothing may follow it",
                       GW_FMT(root->name));
    if (root->form == PATHED) {
        part->has_path = true;
        return gw_json_path_read(a, rest, &part->path, why);
    }
    if (rest.len == 0 || rest.at[0] != '.' || !is_name(gw_str_skip(rest, 1)))
        return gw_fail(why, GW_E_SYNTAX,
                       "$%.*s: a name must follow, "
                       "as in $%.*s.NAME",
                       GW_FMT(root->name), GW_FMT(root->name));
    part->name = gw_str_skip(rest, 1);
    return GW_OK;
}

/* "request.body.a", the dollar and braces taken off. */
static gw_err read_variable(struct gw_arena *a, gw_str text, struct part *part,
                            struct gw_fault *why)
{
    for (size_t i = 0; i < GW_LEN(roots); i++) {
        gw_str root = roots[i].name;

        if (!gw_str_starts(text, root) ||
            (text.len > root.len && text.at[root.len] != '.' &&
             text.at[root.len] != '['))
            continue;
        *part = (struct part){ .source = roots[i].source, .text = text };
        return read_rest(a, &roots[i], gw_str_skip(text, root.len), part, why);
    }
    return gw_fail(why, GW_E_SYNTAX,
                   "$%.*s is not known; there are $request.body.PATH, "
                   "$request.header.NAME, $request.querystring.NAME, "
                   "$context.NAME, $stageVariables.NAME, "
                   "$integration.response.…; \\$ is a dollar",
                   (int)GW_MIN(text.len, 40), text.at);
}

/* The length of a variable up to its closing brace; -1 when that is missing.
 * A brace in a quoted name is part of it. */
static ptrdiff_t braced_len(gw_str text)
{
    bool in_brackets = false;
    char quote = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (quote && c == '\\')
            i++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (in_brackets && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '[' || c == ']')
            in_brackets = c == '[';
        else if (c == '}')
            return (ptrdiff_t)i;
    }
    return -1;
}

static bool is_bare_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
           (unsigned char)c >= 0x80;
}

/* The length of a variable without braces: names, dots and brackets. */
static size_t bare_len(gw_str text)
{
    size_t i = 0;

    while (i < text.len) {
        if (is_bare_char(text.at[i]) ||
            (text.at[i] == '*' && i && text.at[i - 1] == '.')) {
            i++;
        } else if (text.at[i] == '[') {
            ptrdiff_t end = gw_str_find(text, ']', i);

            if (end < 0)
                return text.len; /* the path reader says what is wrong */
            i = (size_t)end + 1;
        } else {
            break;
        }
    }
    return i;
}

/* A variable at the dollar *rest begins with; takes it off. */
static gw_err take_variable(struct gw_arena *a, gw_str *rest, struct part *part,
                            struct gw_fault *why)
{
    bool braced = rest->len > 1 && rest->at[1] == '{';
    gw_str text = gw_str_skip(*rest, braced ? 2 : 1);
    ptrdiff_t len = braced ? braced_len(text) : (ptrdiff_t)bare_len(text);

    if (len < 0)
        return gw_fail(why, GW_E_SYNTAX, "the brace of \"%.*s\" is not closed",
                       GW_FMT(*rest));
    if (len == 0)
        return gw_fail(why, GW_E_SYNTAX,
                       "a $ begins a variable, as in $request.body.action; "
                       "\\$ is a dollar");
    *rest = gw_str_skip(text, (size_t)len + braced);
    return read_variable(a, gw_str_head(text, (size_t)len), part, why);
}

/* Text up to the next variable. It ends before a "\$" too, whose dollar then
 * begins the next literal: so nothing needs to be copied. */
static gw_str take_literal(gw_str *rest)
{
    const gw_str escape = GW_LIT("\\$");
    gw_str literal;
    size_t len = 0;

    if (gw_str_starts(*rest, escape)) {
        *rest = gw_str_skip(*rest, 1);
        len = 1;
    }
    while (len < rest->len && rest->at[len] != '$' &&
           !gw_str_starts(gw_str_skip(*rest, len), escape))
        len++;
    literal = gw_str_head(*rest, len);
    *rest = gw_str_skip(*rest, len);
    return literal;
}

/* Every part but the first begins at a dollar or ends before one. */
static size_t parts_at_most(gw_str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '$';
    return 2 * count;
}

gw_err gw_expr_read(struct gw_arena *a, gw_str text, struct gw_expr **out,
                    struct gw_fault *why)
{
    size_t room = parts_at_most(text);
    struct gw_expr *e =
        gw_arena_alloc(a, sizeof(*e) + room * sizeof(e->parts[0]));
    gw_err err = e ? gw_arena_dup(a, text, &text) : GW_E_TOO_BIG;

    if (err)
        return gw_fail(why, err, "the expression is too long");
    while (text.len && !err) {
        struct part *part = &e->parts[e->count++];

        GW_ASSERT(e->count <= room);
        if (text.at[0] == '$')
            err = take_variable(a, &text, part, why);
        else
            part->text = take_literal(&text);
    }
    *out = e;
    return err;
}

/* --- evaluating ----------------------------------------------------------- */

/* Of several values the last, as in an event's queryStringParameters. */
static void query_value(struct gw_arena *a, gw_str query, gw_str name,
                        gw_str *out)
{
    gw_str next;

    while (gw_scope_query_next(a, name, &query, &next))
        *out = next;
}

static gw_err status_text(struct gw_arena *a, unsigned status, gw_str *out)
{
    char digits[10];
    size_t at = sizeof(digits);

    for (; status; status /= 10)
        digits[--at] = (char)('0' + status % 10);
    return gw_arena_dup(a, (gw_str){ digits + at, sizeof(digits) - at }, out);
}

/* All values of a header as the list they are: "[one, two]". */
static gw_err header_list(struct gw_arena *a, const struct gw_http_headers *h,
                          gw_str name, gw_str *out)
{
    gw_str pieces[2 * GW_HTTP_HEADERS_MAX + 1];
    size_t count = 0;

    for (size_t i = 0; i < h->count; i++)
        if (gw_str_eq_nocase(h->at[i].name, name)) {
            pieces[count] = count ? GW_LIT(", ") : GW_LIT("[");
            count++;
            pieces[count++] = h->at[i].value;
        }
    if (count == 0)
        return GW_OK;
    pieces[count++] = GW_LIT("]");
    return gw_arena_join(a, pieces, count, out);
}

static gw_err body_text(struct gw_arena *a, const struct part *part,
                        gw_json root, gw_str *out)
{
    gw_json value;
    gw_err err = gw_json_path_find(a, &part->path, root, &value);

    return err ? err : gw_json_to_text(a, value, out);
}

static gw_err part_text(const struct part *part, const struct gw_scope *scope,
                        struct gw_arena *a, gw_str *out)
{
    *out = GW_EMPTY;
    switch (part->source) {
    case LITERAL:
        *out = part->text;
        return GW_OK;
    case REQUEST_BODY:
        if (part->has_path)
            return body_text(a, part, scope->json, out);
        *out = scope->body;
        return GW_OK;
    case REQUEST_HEADER:
        if (scope->headers)
            gw_http_header_last(scope->headers, part->name, out);
        return GW_OK;
    case REQUEST_QUERY:
        query_value(a, scope->query, part->name, out);
        return GW_OK;
    case REQUEST_BASEPATH:
        return GW_OK; /* a domain name's, decided before there is a scope */
    case CONTEXT:
        if (scope->context)
            gw_context_find(scope->context, a, part->name, out);
        return GW_OK;
    case STAGE_VARIABLE:
        if (scope->stage_variables)
            gw_pairs_find(scope->stage_variables, part->name, out);
        return GW_OK;
    case RESPONSE_STATUS:
        return status_text(a, scope->response_status, out);
    case RESPONSE_HEADER:
        if (scope->response_headers)
            gw_http_header_last(scope->response_headers, part->name, out);
        return GW_OK;
    case RESPONSE_MULTI_HEADER:
        if (!scope->response_headers)
            return GW_OK;
        return header_list(a, scope->response_headers, part->name, out);
    case RESPONSE_BODY:
        if (part->has_path)
            return body_text(a, part, gw_scope_response_json(scope), out);
        *out = scope->response_body;
        return GW_OK;
    }
    return GW_OK;
}

gw_err gw_expr_eval(const struct gw_expr *e, const struct gw_scope *scope,
                    struct gw_arena *a, gw_str *out)
{
    gw_str *pieces;

    if (e->count == 1)
        return part_text(&e->parts[0], scope, a, out);
    pieces = gw_arena_alloc(a, e->count * sizeof(*pieces));
    if (!pieces)
        return GW_E_TOO_BIG;
    for (size_t i = 0; i < e->count; i++) {
        gw_err err = part_text(&e->parts[i], scope, a, &pieces[i]);

        if (err)
            return err;
    }
    return gw_arena_join(a, pieces, e->count, out);
}

/* The one body path that the whole expression is, NULL when it is more. */
static const struct gw_json_path *plain_path(const struct gw_expr *e)
{
    const struct part *part = &e->parts[0];

    if (e->count != 1 || part->source != REQUEST_BODY || !part->has_path ||
        !part->path.is_plain)
        return NULL;
    return &part->path;
}

gw_err gw_expr_select(const struct gw_expr *e, struct gw_scope *scope,
                      struct gw_arena *a, gw_str *out)
{
    const struct gw_json_path *plain = plain_path(e);
    gw_json hit;
    gw_err err =
        gw_json_read_find(scope->body, plain ? plain->names : NULL,
                          plain ? plain->count : 0, &scope->json, &hit);

    *out = GW_EMPTY;
    if (err) { /* not JSON: no error, but nothing to select by */
        scope->json = (gw_json){ GW_JSON_ABSENT, GW_EMPTY };
        return GW_OK;
    }
    return plain ? gw_json_to_text(a, hit, out)
                 : gw_expr_eval(e, scope, a, out);
}

/* --- looking at it -------------------------------------------------------- */

bool gw_expr_is_body_only(const struct gw_expr *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->parts[i].source != LITERAL && e->parts[i].source != REQUEST_BODY)
            return false;
    return true;
}

static gw_err print_literal(struct gw_buf *out, gw_str text)
{
    gw_err err = GW_OK;

    while (text.len && !err) {
        ptrdiff_t dollar = gw_str_find(text, '$', 0);
        size_t len = dollar < 0 ? text.len : (size_t)dollar;

        err = gw_buf_add(out, gw_str_head(text, len));
        text = gw_str_skip(text, len);
        if (text.len && !err) {
            err = gw_buf_add(out, GW_LIT("\\$"));
            text = gw_str_skip(text, 1);
        }
    }
    return err;
}

static gw_err print_variable(struct gw_buf *out, gw_str text)
{
    gw_err err = gw_buf_add(out, GW_LIT("${"));

    if (!err)
        err = gw_buf_add(out, text);
    return err ? err : gw_buf_add(out, GW_LIT("}"));
}

gw_err gw_expr_print(const struct gw_expr *e, struct gw_buf *out)
{
    gw_err err = GW_OK;

    for (size_t i = 0; i < e->count && !err; i++) {
        const struct part *part = &e->parts[i];

        err = part->source == LITERAL ? print_literal(out, part->text)
                                      : print_variable(out, part->text);
    }
    return err;
}
