#include "protocol/api/uri.h"

static const gw_str opening = { "${stageVariables.", 17 };

static size_t find_opening(gw_str text)
{
    size_t i = 0;

    while (i < text.len && !gw_str_starts(gw_str_skip(text, i), GW_LIT("${")))
        i++;
    return i;
}

/* One part of the filled text: what stands before a variable, or its value. */
static gw_err take_part(gw_str *rest, gw_str stage,
                        const struct gw_pairs *variables, gw_str *part,
                        struct gw_fault *why)
{
    size_t before = find_opening(*rest);
    ptrdiff_t end = gw_str_find(*rest, '}', before);
    gw_str name;

    if (before) {
        *part = gw_str_head(*rest, before);
        *rest = gw_str_skip(*rest, before);
        return GW_OK;
    }
    if (!gw_str_starts(*rest, opening) || end < 0)
        return gw_fail(why, GW_E_SYNTAX,
                       "expected ${stageVariables.NAME} where ${ begins");
    name =
        gw_str_head(gw_str_skip(*rest, opening.len), (size_t)end - opening.len);
    if (!gw_pairs_find(variables, name, part))
        return gw_fail(why, GW_E_INVALID,
                       "the stage variable `%.*s` is not defined in the "
                       "stage `%.*s`",
                       (int)GW_MIN(name.len, 64), name.at, GW_FMT(stage));
    *rest = gw_str_skip(*rest, (size_t)end + 1);
    return GW_OK;
}

gw_err gw_uri_fill(struct gw_arena *a, gw_str text, gw_str stage,
                   const struct gw_pairs *variables, gw_str *out,
                   struct gw_fault *why)
{
    char *filled = gw_arena_text(a, GW_URI_MAX + 1);
    size_t len = 0;

    if (!filled)
        return gw_fail(why, GW_E_TOO_BIG, "too much memory");
    while (text.len) {
        gw_str part = GW_EMPTY;
        gw_err err = take_part(&text, stage, variables, &part, why);

        if (err)
            return err;
        if (part.len > GW_URI_MAX - len)
            return gw_fail(why, GW_E_TOO_BIG,
                           "expected a URL of at most %d characters",
                           GW_URI_MAX);
        memcpy(filled + len, part.at, part.len);
        len += part.len;
    }
    filled[len] = '\0';
    *out = (gw_str){ filled, len };
    return GW_OK;
}

static bool read_authority(gw_str text, struct gw_uri *out)
{
    bool bracketed = gw_str_starts(text, GW_LIT("["));
    size_t host_len = text.len;
    ptrdiff_t end =
        bracketed ? gw_str_find(text, ']', 0) : gw_str_find(text, ':', 0);
    uint64_t port = out->tls ? 443 : 80;
    gw_str digits;

    if (bracketed && end < 0)
        return false;
    if (end >= 0)
        host_len = (size_t)end + bracketed;
    out->host = gw_str_head(text, host_len);
    out->authority = out->host;
    if (bracketed)
        out->host = gw_str_head(gw_str_skip(text, 1), host_len - 2);
    if (out->host.len == 0 || out->host.len > 253 ||
        !gw_str_is_of(out->host, bracketed ? ".:" : ".-_"))
        return false;
    digits = gw_str_skip(text, host_len);
    if (digits.len) {
        uint64_t usual = port;

        if (digits.at[0] != ':' ||
            !gw_str_to_u64(gw_str_skip(digits, 1), &port) || port == 0 ||
            port > UINT16_MAX)
            return false;
        if (port != usual)
            out->authority = text;
    }
    out->port = (uint16_t)port;
    return true;
}

bool gw_uri_placeholder(gw_str path, size_t *at, gw_str *name)
{
    ptrdiff_t open = gw_str_find(path, '{', *at), close;

    if (open < 0)
        return false;
    close = gw_str_find(path, '}', (size_t)open);
    if (close < 0)
        return false;
    *name = gw_str_head(gw_str_skip(path, (size_t)open + 1),
                        (size_t)(close - open) - 1);
    *at = (size_t)close + 1;
    return true;
}

static bool are_braces_in_pairs(gw_str path)
{
    bool inside = false;
    size_t len = 0;

    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];

        if (c == '{' ? inside : c == '}' && (!inside || len == 0))
            return false;
        if (c == '{' || c == '}') {
            inside = c == '{';
            len = 0;
        } else if (inside && !gw_str_is_of((gw_str){ &c, 1 }, "._$-")) {
            return false;
        } else {
            len++;
        }
    }
    return !inside;
}

gw_err gw_uri_read(gw_str text, struct gw_uri *out, struct gw_fault *why)
{
    gw_str rest = text, authority, path;
    size_t end = 0;
    bool has_query;

    *out = (struct gw_uri){ 0 };
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '#')
            return gw_fail(why, GW_E_SYNTAX,
                           "expected a URL without blanks, control "
                           "characters and fragment");
    if (gw_str_eq_nocase(gw_str_head(text, GW_MIN(text.len, 8)),
                         GW_LIT("https://")))
        out->tls = true;
    else if (!gw_str_eq_nocase(gw_str_head(text, GW_MIN(text.len, 7)),
                               GW_LIT("http://")))
        return gw_fail(why, GW_E_SYNTAX,
                       "expected a URL that begins with http:// or https://");
    rest = gw_str_skip(text, out->tls ? 8 : 7);
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    authority = gw_str_head(rest, end);
    if (!read_authority(authority, out))
        return gw_fail(why, GW_E_SYNTAX,
                       "expected HOST or HOST:PORT between %s:// and the path",
                       out->tls ? "https" : "http");
    rest = gw_str_skip(rest, end);
    has_query = gw_str_find(rest, '?', 0) >= 0;
    path = gw_str_cut(&rest, '?');
    out->path = path.len ? path : GW_LIT("/");
    out->query = has_query ? rest : GW_EMPTY;
    if (!are_braces_in_pairs(out->path) ||
        gw_str_find(out->query, '{', 0) >= 0 ||
        gw_str_find(out->query, '}', 0) >= 0)
        return gw_fail(why, GW_E_SYNTAX,
                       "expected braces only in the path, around a name");
    return GW_OK;
}
