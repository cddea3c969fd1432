#include "protocol/expr/mapping.h"

#include "protocol/json/path.h"

typedef enum source {
    CONSTANT,
    HEADER,
    QUERY,
    MULTI_HEADER,
    MULTI_QUERY,
    BODY,
    STAGE_VARIABLE,
    CONTEXT,
} source;

struct gw_mapping {
    gw_mapping_place place;
    gw_str name;
    source source;
    gw_str argument; /* the source's NAME, or the constant */
    bool has_path;
    struct gw_json_path path; /* of BODY */
};

/* --- reading -------------------------------------------------------------- */

static bool is_name(gw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || (c && strchr("._$-", c))))
            return false;
    }
    return s.len > 0;
}

/* Takes the prefix off; false when it is not there. */
static bool pass(gw_str *s, gw_str prefix)
{
    if (!gw_str_starts(*s, prefix))
        return false;
    *s = gw_str_skip(*s, prefix.len);
    return true;
}

static gw_err read_destination(gw_str text, struct gw_mapping *m,
                               struct gw_fault *why)
{
    static const struct {
        gw_str prefix;
        gw_mapping_place place;
    } places[] = {
        { GW_LIT("integration.request.header."), GW_MAPPING_HEADER },
        { GW_LIT("integration.request.querystring."), GW_MAPPING_QUERY },
        { GW_LIT("integration.request.path."), GW_MAPPING_PATH },
    };

    for (size_t i = 0; i < GW_LEN(places); i++) {
        m->name = text;
        m->place = places[i].place;
        if (pass(&m->name, places[i].prefix) && is_name(m->name))
            return GW_OK;
    }
    return gw_fail(why, GW_E_SYNTAX,
                   "\"%.*s\": expected integration.request."
                   "header|querystring|path.NAME, and in NAME only letters, "
                   "digits and . _ $ -",
                   (int)GW_MIN(text.len, 80), text.at);
}

static gw_err read_body(struct gw_arena *a, gw_str rest, struct gw_mapping *m,
                        struct gw_fault *why)
{
    m->source = BODY;
    m->has_path = rest.len > 0;
    return m->has_path ? gw_json_path_read(a, rest, &m->path, why) : GW_OK;
}

static gw_err read_named(gw_str text, struct gw_mapping *m,
                         struct gw_fault *why)
{
    static const struct {
        gw_str prefix;
        source source;
    } sources[] = {
        { GW_LIT("route.request.header."), HEADER },
        { GW_LIT("route.request.querystring."), QUERY },
        { GW_LIT("route.request.multivalueheader."), MULTI_HEADER },
        { GW_LIT("route.request.multivaluequerystring."), MULTI_QUERY },
        { GW_LIT("method.request.header."), HEADER },
        { GW_LIT("method.request.querystring."), QUERY },
        { GW_LIT("method.request.multivalueheader."), MULTI_HEADER },
        { GW_LIT("method.request.multivaluequerystring."), MULTI_QUERY },
        { GW_LIT("stageVariables."), STAGE_VARIABLE },
        { GW_LIT("context."), CONTEXT },
    };

    for (size_t i = 0; i < GW_LEN(sources); i++) {
        m->argument = text;
        m->source = sources[i].source;
        if (!pass(&m->argument, sources[i].prefix) || !is_name(m->argument))
            continue;
        if (m->source == CONTEXT && !gw_context_knows(m->argument))
            return gw_fail(why, GW_E_INVALID, "%.*s: $context has no such name",
                           GW_FMT(text));
        return GW_OK;
    }
    return gw_fail(why, GW_E_SYNTAX,
                   "\"%.*s\": expected route.request.header|querystring|"
                   "multivalueheader|multivaluequerystring.NAME, "
                   "route.request.body[.PATH], stageVariables.NAME, "
                   "context.NAME or 'text'%s",
                   (int)GW_MIN(text.len, 40), text.at,
                   text.len && text.at[0] == '$' ? ", without $" : "");
}

static gw_err read_source(struct gw_arena *a, gw_str text, struct gw_mapping *m,
                          struct gw_fault *why)
{
    gw_str rest = text;

    if (text.len >= 2 && text.at[0] == '\'' && gw_str_ends(text, GW_LIT("'"))) {
        m->source = CONSTANT;
        m->argument = (gw_str){ text.at + 1, text.len - 2 };
        return GW_OK;
    }
    if ((pass(&rest, GW_LIT("route.request.body")) ||
         pass(&rest, GW_LIT("method.request.body"))) &&
        (rest.len == 0 || rest.at[0] == '.' || rest.at[0] == '['))
        return read_body(a, rest, m, why);
    return read_named(text, m, why);
}

gw_err gw_mapping_read(struct gw_arena *a, gw_str destination, gw_str from,
                       struct gw_mapping **out, struct gw_fault *why)
{
    struct gw_mapping *m = gw_arena_alloc(a, sizeof(*m));
    gw_err err = m ? GW_OK : GW_E_TOO_BIG;

    if (!err)
        err = gw_arena_dup(a, destination, &destination);
    if (!err)
        err = gw_arena_dup(a, from, &from);
    if (err)
        return gw_fail(why, err, "the mapping is too long");
    err = read_destination(destination, m, why);
    if (!err)
        err = read_source(a, from, m, why);
    *out = m;
    return err;
}

/* --- evaluating ----------------------------------------------------------- */

static bool body_text(const struct gw_mapping *m, const struct gw_scope *scope,
                      struct gw_arena *a, gw_str *value)
{
    gw_json found;

    if (!m->has_path) {
        *value = scope->body;
        return scope->body.len > 0;
    }
    return gw_json_path_find(a, &m->path, scope->json, &found) == GW_OK &&
           found.kind != GW_JSON_ABSENT && found.kind != GW_JSON_NULL &&
           gw_json_to_text(a, found, value) == GW_OK;
}

static bool last_query_value(const struct gw_mapping *m,
                             const struct gw_scope *scope, struct gw_arena *a,
                             gw_str *value)
{
    gw_str rest = scope->query, next;
    bool found = false;

    while (gw_scope_query_next(a, m->argument, &rest, &next)) {
        *value = next;
        found = true;
    }
    return found;
}

static bool one_value(const struct gw_mapping *m, const struct gw_scope *scope,
                      struct gw_arena *a, gw_str *value)
{
    switch (m->source) {
    case CONSTANT:
        *value = m->argument;
        return true;
    case HEADER:
        return scope->headers &&
               gw_http_header_last(scope->headers, m->argument, value);
    case QUERY:
        return last_query_value(m, scope, a, value);
    case BODY:
        return body_text(m, scope, a, value);
    case STAGE_VARIABLE:
        return scope->stage_variables &&
               gw_pairs_find(scope->stage_variables, m->argument, value);
    case CONTEXT:
        return scope->context &&
               gw_context_find(scope->context, a, m->argument, value);
    case MULTI_HEADER:
    case MULTI_QUERY:
        break; /* next_value */
    }
    return false;
}

/* The values of a multivalue source, one by one. *at is what to go on from:
 * the next header's index, or the bytes of the query already read. */
static bool next_value(const struct gw_mapping *m, const struct gw_scope *scope,
                       struct gw_arena *a, size_t *at, gw_str *value)
{
    const struct gw_http_headers *h = scope->headers;
    gw_str rest;
    bool found;

    if (m->source == MULTI_QUERY) {
        rest = gw_str_skip(scope->query, GW_MIN(*at, scope->query.len));
        found = gw_scope_query_next(a, m->argument, &rest, value);
        *at = scope->query.len - rest.len;
        return found;
    }
    while (h && *at < h->count) {
        const struct gw_http_header *header = &h->at[(*at)++];

        *value = header->value;
        if (gw_str_eq_nocase(header->name, m->argument))
            return true;
    }
    return false;
}

static bool joined_values(const struct gw_mapping *m,
                          const struct gw_scope *scope, struct gw_arena *a,
                          gw_str *value)
{
    gw_str pieces[2 * GW_HTTP_HEADERS_MAX], next;
    size_t count = 0, at = 0;

    /* more values than there may be headers: the rest is left out */
    while (count + 2 <= GW_LEN(pieces) && next_value(m, scope, a, &at, &next)) {
        if (count)
            pieces[count++] = GW_LIT(", ");
        pieces[count++] = next;
    }
    return count && gw_arena_join(a, pieces, count, value) == GW_OK;
}

bool gw_mapping_eval(const struct gw_mapping *m, const struct gw_scope *scope,
                     struct gw_arena *a, size_t *at, gw_str *value)
{
    bool is_multi = m->source == MULTI_HEADER || m->source == MULTI_QUERY;

    if (is_multi && m->place == GW_MAPPING_QUERY)
        return next_value(m, scope, a, at, value);
    if ((*at)++)
        return false;
    if (is_multi ? !joined_values(m, scope, a, value)
                 : !one_value(m, scope, a, value))
        return false;
    return m->place != GW_MAPPING_HEADER || gw_http_is_field_value(*value);
}

gw_mapping_place gw_mapping_place_of(const struct gw_mapping *m)
{
    return m->place;
}

gw_str gw_mapping_name(const struct gw_mapping *m)
{
    return m->name;
}

bool gw_mapping_is_encoded(const struct gw_mapping *m)
{
    return m->source == CONSTANT;
}
