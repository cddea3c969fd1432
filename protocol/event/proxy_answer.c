/*
 * Strict, as the original is: a member too many, or a value of another kind,
 * fails the whole answer.
 */
#include "protocol/event/proxy.h"

#include "protocol/base/base64.h"
#include "protocol/base/utf8.h"
#include "protocol/json/json.h"

enum member {
    STATUS_CODE,
    HEADERS,
    MULTI_VALUE_HEADERS,
    BODY,
    IS_BASE64,
    MEMBERS
};

struct reader {
    struct gw_arena *arena;
    gw_json members[MEMBERS]; /* null counts as ABSENT; the last one counts */
    struct gw_http_headers *headers; /* NULL: none so far */
    struct gw_fault *why;
};

static gw_err refuse(struct reader *r, const char *what)
{
    return gw_fail(r->why, GW_E_UPSTREAM, "%s", what);
}

static gw_err read_members(struct reader *r, gw_json root)
{
    static const gw_str names[MEMBERS] = {
        [STATUS_CODE] = { "statusCode", 10 },
        [HEADERS] = { "headers", 7 },
        [MULTI_VALUE_HEADERS] = { "multiValueHeaders", 17 },
        [BODY] = { "body", 4 },
        [IS_BASE64] = { "isBase64Encoded", 15 },
    };
    gw_json name, value;
    size_t at = 0;

    while (gw_json_next(root, &at, &name, &value)) {
        size_t i = 0;

        while (i < MEMBERS && !gw_json_is_text(name, names[i]))
            i++;
        if (i == MEMBERS)
            return gw_fail(r->why, GW_E_UPSTREAM, "unknown member %.*s",
                           (int)GW_MIN(name.raw.len, 80), name.raw.at);
        if (value.kind == GW_JSON_NULL)
            value.kind = GW_JSON_ABSENT;
        r->members[i] = value;
    }
    return GW_OK;
}

static gw_err read_status(struct reader *r, unsigned *out)
{
    gw_json value = r->members[STATUS_CODE];
    uint64_t digits;
    int64_t number;
    gw_str text;
    gw_err err;

    if (value.kind == GW_JSON_STRING) {
        err = gw_json_text(r->arena, value, &text);
        if (err)
            return err;
        number =
            gw_str_to_u64(text, &digits) && digits <= 999 ? (int64_t)digits : 0;
    } else if (!gw_json_to_i64(value, &number)) {
        return refuse(r, "expected a statusCode");
    }
    if (number < 100 || number > 599)
        return refuse(r, "expected a statusCode from 100 to 599");
    *out = (unsigned)number;
    return GW_OK;
}

/* --- headers ----------------------------------------------------------------- */

/* A text, a number or a boolean, as it is written. */
static gw_err value_text(struct reader *r, gw_json value, gw_str *out)
{
    switch (value.kind) {
    case GW_JSON_STRING:
        return gw_json_text(r->arena, value, out);
    case GW_JSON_NUMBER:
    case GW_JSON_TRUE:
    case GW_JSON_FALSE:
        *out = value.raw;
        return GW_OK;
    default:
        return refuse(r, "expected texts as the values of headers");
    }
}

static gw_err add_header(struct reader *r, gw_str name, gw_json value)
{
    gw_str text = GW_EMPTY;
    gw_err err = value_text(r, value, &text);

    if (err)
        return err;
    if (!gw_http_is_token(name) || !gw_http_is_field_value(text))
        return refuse(r, "a header that cannot be sent");
    if (!r->headers)
        r->headers = gw_arena_alloc(r->arena, sizeof(*r->headers));
    if (!r->headers)
        return GW_E_TOO_BIG;
    if (r->headers->count == GW_HTTP_HEADERS_MAX)
        return refuse(r, "too many headers");
    r->headers->at[r->headers->count++] = (struct gw_http_header){ name, text };
    return GW_OK;
}

static gw_err read_multi(struct reader *r)
{
    gw_json map = r->members[MULTI_VALUE_HEADERS], key, list, item, unused;
    size_t at = 0;

    if (map.kind != GW_JSON_OBJECT)
        return map.kind == GW_JSON_ABSENT
                   ? GW_OK
                   : refuse(r, "expected an object as multiValueHeaders");
    while (gw_json_next(map, &at, &key, &list)) {
        size_t inner = 0;
        gw_str name;
        gw_err err = gw_json_text(r->arena, key, &name);

        if (err)
            return err;
        if (list.kind != GW_JSON_ARRAY)
            return refuse(r, "expected lists in multiValueHeaders");
        while (!err && gw_json_next(list, &inner, &unused, &item))
            err = add_header(r, name, item);
        if (err)
            return err;
    }
    return GW_OK;
}

/* Is that pair among the first `count`? If only its name is, *name becomes
 * the spelling there. */
static bool is_given(const struct reader *r, size_t count, gw_str *name,
                     gw_str value)
{
    bool same = false;

    for (size_t i = 0; i < count; i++) {
        const struct gw_http_header *h = &r->headers->at[i];

        if (!gw_str_eq_nocase(h->name, *name))
            continue;
        same |= gw_str_eq(h->value, value);
        *name = h->name;
    }
    return same;
}

/* Each behind what multiValueHeaders gave under its name, unless that had the
 * very same value. */
static gw_err read_single(struct reader *r)
{
    gw_json map = r->members[HEADERS], key, value;
    size_t at = 0, multi = r->headers ? r->headers->count : 0;

    if (map.kind != GW_JSON_OBJECT)
        return map.kind == GW_JSON_ABSENT
                   ? GW_OK
                   : refuse(r, "expected an object as headers");
    while (gw_json_next(map, &at, &key, &value)) {
        gw_str name, text = GW_EMPTY;
        gw_err err = gw_json_text(r->arena, key, &name);

        if (!err && value.kind == GW_JSON_NULL)
            continue;
        if (!err)
            err = value_text(r, value, &text);
        if (!err && !is_given(r, multi, &name, text))
            err = add_header(r, name, value);
        if (err)
            return err;
    }
    return GW_OK;
}

/* --- body -------------------------------------------------------------------- */

static gw_err decode(struct reader *r, gw_str *body)
{
    char *bytes = gw_arena_text(r->arena, body->len + 1);

    if (!bytes)
        return GW_E_TOO_BIG;
    if (!gw_base64_decode(GW_BASE64, *body, bytes, &body->len))
        return refuse(r, "a body that is not base64, as isBase64Encoded says");
    body->at = bytes;
    return GW_OK;
}

static gw_err read_body(struct reader *r, gw_str *out)
{
    gw_json body = r->members[BODY], flag = r->members[IS_BASE64];
    gw_err err;

    *out = GW_EMPTY;
    if (flag.kind != GW_JSON_ABSENT && flag.kind != GW_JSON_TRUE &&
        flag.kind != GW_JSON_FALSE)
        return refuse(r, "expected true or false as isBase64Encoded");
    if (body.kind == GW_JSON_ABSENT)
        return GW_OK;
    if (body.kind != GW_JSON_STRING)
        return refuse(r, "expected a text as body");
    err = gw_json_text(r->arena, body, out);
    return !err && flag.kind == GW_JSON_TRUE ? decode(r, out) : err;
}

gw_err gw_proxy_answer_read(struct gw_arena *a, gw_str payload,
                            struct gw_proxy_answer *out, struct gw_fault *why)
{
    struct reader r = { .arena = a, .why = why };
    gw_json root;
    gw_err err;

    if (!gw_utf8_is_valid(payload) || gw_json_read(payload, &root) ||
        root.kind != GW_JSON_OBJECT)
        return refuse(&r, "expected a JSON object");
    err = read_members(&r, root);
    if (!err)
        err = read_status(&r, &out->status);
    if (!err)
        err = read_multi(&r);
    if (!err)
        err = read_single(&r);
    if (!err)
        err = read_body(&r, &out->body);
    out->headers = r.headers;
    return err;
}

gw_err gw_function_error_message(struct gw_arena *a, gw_str payload,
                                 gw_str *out)
{
    gw_json root, message;

    *out = GW_EMPTY;
    if (!gw_utf8_is_valid(payload) || gw_json_read(payload, &root))
        return GW_OK;
    message = gw_json_member(root, GW_LIT("errorMessage"));
    return message.kind == GW_JSON_STRING ? gw_json_text(a, message, out)
                                          : GW_OK;
}
