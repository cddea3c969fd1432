#include "protocol/auth/canonical.h"

#include "protocol/auth/digest.h"
#include "protocol/base/base64.h"
#include "protocol/http/query.h"

#include <stdlib.h>

/* Text of a known greatest length, written from front to back. */
struct text {
    char *at;
    size_t len, room;
};

static gw_err text_init(struct text *t, struct gw_arena *a, size_t room)
{
    *t = (struct text){ .at = gw_arena_text(a, room), .room = room };
    return t->at ? GW_OK : GW_E_TOO_BIG;
}

static void put(struct text *t, gw_str s)
{
    GW_ASSERT(s.len <= t->room - t->len);
    if (s.len)
        memcpy(t->at + t->len, s.at, s.len);
    t->len += s.len;
}

static void put_char(struct text *t, char c)
{
    GW_ASSERT(t->len < t->room);
    t->at[t->len++] = c;
}

static void put_line(struct text *t, gw_str s)
{
    put(t, s);
    put_char(t, '\n');
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

static void put_encoded(struct text *t, unsigned char c)
{
    if (is_unreserved((char)c)) {
        put_char(t, (char)c);
        return;
    }
    put_char(t, '%');
    put_char(t, "0123456789ABCDEF"[c >> 4]);
    put_char(t, "0123456789ABCDEF"[c & 15]);
}

static void put_segment(struct text *t, gw_str segment)
{
    for (size_t i = 0; i < segment.len; i++)
        put_encoded(t, (unsigned char)segment.at[i]);
}

/* Every octet that came is encoded once more: "%3D" becomes "%253D". */
static void put_path_as_is(struct text *t, gw_str path)
{
    while (path.len) {
        bool more = gw_str_find(path, '/', 0) >= 0;

        put_segment(t, gw_str_cut(&path, '/'));
        if (more)
            put_char(t, '/');
    }
}

/* The same without empty and dot segments. As the SDKs do it, "/a/." ends up
 * as "/a": only a slash at the very end stays (RFC 3986, 5.2.4 would keep
 * that one too). */
static void put_path(struct text *t, gw_str path)
{
    size_t start = t->len;
    bool slash_last = path.len && path.at[path.len - 1] == '/';

    while (path.len) {
        gw_str segment = gw_str_cut(&path, '/');

        if (gw_str_eq(segment, GW_LIT(".."))) {
            while (t->len > start && t->at[--t->len] != '/')
                ;
        } else if (segment.len && !gw_str_eq(segment, GW_LIT("."))) {
            put_char(t, '/');
            put_segment(t, segment);
        }
    }
    if (slash_last || t->len == start)
        put_char(t, '/');
}

struct parameter {
    gw_str name, value; /* as they are compared and written */
};

static int by_name_then_value(const void *left, const void *right)
{
    const struct parameter *a = left, *b = right;
    int order = gw_str_cmp(a->name, b->name);

    return order ? order : gw_str_cmp(a->value, b->value);
}

/* Decoded and encoded again: one spelling for every octet. A '+' is a plus
 * here, and a '%' that begins nothing is a percent sign. */
static gw_err respell(struct gw_arena *a, struct text *t, gw_str in,
                      gw_str *out)
{
    size_t start = t->len;
    gw_err err = gw_http_decode(a, in, false, &in);

    if (err)
        return err;
    for (size_t i = 0; i < in.len; i++)
        put_encoded(t, (unsigned char)in.at[i]);
    *out = (gw_str){ t->at + start, t->len - start };
    return GW_OK;
}

/* X-Amz-Signature cannot be among what it signs. */
static bool is_left_out(gw_str name, struct gw_canonical_form form)
{
    return gw_str_eq(name, GW_LIT("X-Amz-Signature")) ||
           (form.drop_token && gw_str_eq(name, GW_LIT("X-Amz-Security-Token")));
}

struct query {
    struct parameter *at;
    size_t count, len; /* len: of its canonical text */
};

static gw_err read_query(struct gw_arena *a, gw_str raw, bool in_query,
                         struct gw_canonical_form form, struct query *out)
{
    size_t most = 1;
    struct text t;

    *out = (struct query){ .len = 0 };
    if (raw.len == 0)
        return GW_OK;
    for (size_t i = 0; i < raw.len; i++)
        most += raw.at[i] == '&';
    out->at = gw_arena_alloc(a, most * sizeof(*out->at));
    if (!out->at || text_init(&t, a, 3 * raw.len))
        return GW_E_TOO_BIG;
    for (struct parameter p; gw_http_query_next(&raw, &p.name, &p.value);) {
        gw_err err = GW_OK;

        if (!form.raw_query) {
            err = respell(a, &t, p.name, &p.name);
            if (!err)
                err = respell(a, &t, p.value, &p.value);
        }
        if (err)
            return err;
        if (in_query && is_left_out(p.name, form))
            continue;
        out->len += p.name.len + p.value.len + 2;
        out->at[out->count++] = p;
    }
    qsort(out->at, out->count, sizeof(*out->at), by_name_then_value);
    return GW_OK;
}

static void put_query(struct text *t, const struct query *q)
{
    for (size_t i = 0; i < q->count; i++) {
        if (i)
            put_char(t, '&');
        put(t, q->at[i].name);
        put_char(t, '=');
        put(t, q->at[i].value);
    }
    put_char(t, '\n');
}

/* Without the blanks around it, and one space for each run of them inside. */
static void put_value(struct text *t, gw_str value)
{
    value = gw_str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] != ' ' && value.at[i] != '\t')
            put_char(t, value.at[i]);
        else if (t->at[t->len - 1] != ' ')
            put_char(t, ' ');
    }
}

/* Walks all headers for each signed name: at most 100 times 100 short
 * comparisons, mostly of lengths, because no name may come twice. */
static gw_err put_headers(struct text *t, gw_str names,
                          const struct gw_http_headers *headers,
                          struct gw_fault *why)
{
    bool used[GW_HTTP_HEADERS_MAX] = { false };

    while (names.len) {
        gw_str name = gw_str_cut(&names, ';');
        bool found = false;

        for (size_t i = 0; i < headers->count; i++) {
            if (!gw_str_eq_nocase(headers->at[i].name, name))
                continue;
            if (used[i])
                return gw_fail(why, GW_E_SYNTAX,
                               "SignedHeaders names '%.*s' twice.",
                               GW_FMT(name));
            if (!found)
                put(t, name);
            put_char(t, found ? ',' : ':');
            put_value(t, headers->at[i].value);
            used[i] = found = true;
        }
        if (!found)
            return gw_fail(why, GW_E_SYNTAX,
                           "The signed header '%.*s' is not in the request.",
                           (int)GW_MIN(name.len, 100), name.at);
        put_char(t, '\n');
    }
    put_char(t, '\n');
    return GW_OK;
}

gw_err gw_canonical_write(struct gw_arena *a, const struct gw_sigv4 *sig,
                          const struct gw_sigv4_request *req,
                          struct gw_canonical_form form, gw_str payload_hash,
                          gw_str *out, struct gw_fault *why)
{
    size_t room = req->method.len + 3 * req->path.len +
                  sig->signed_headers.len + payload_hash.len + 8;
    struct query query;
    struct text t;
    gw_err err = read_query(a, req->query, sig->in_query, form, &query);

    if (err)
        return gw_fail(why, err, "the request is too large to be signed");
    room += query.len;
    for (size_t i = 0; i < req->headers->count; i++)
        room += req->headers->at[i].name.len + req->headers->at[i].value.len +
                2; /* ':' or ',' before the value, '\n' after the last */
    err = text_init(&t, a, room);
    if (err)
        return gw_fail(why, err, "the request is too large to be signed");

    put_line(&t, req->method);
    if (form.path_as_is)
        put_path_as_is(&t, req->path);
    else
        put_path(&t, req->path);
    put_char(&t, '\n');
    put_query(&t, &query);
    err = put_headers(&t, sig->signed_headers, req->headers, why);
    if (err)
        return err;
    put_line(&t, sig->signed_headers);
    put(&t, payload_hash);
    *out = (gw_str){ t.at, t.len };
    return GW_OK;
}

gw_err gw_canonical_to_sign(struct gw_arena *a, const struct gw_sigv4 *sig,
                            gw_str canonical, gw_str *out)
{
    uint8_t hash[GW_SHA256_LEN];
    char hex[2 * GW_SHA256_LEN];
    struct text t;
    gw_err err =
        text_init(&t, a,
                  GW_SIGV4_ALGORITHM.len + sig->amz_date.len + sig->date.len +
                      sig->region.len + sig->service.len +
                      GW_SIGV4_TERMINATOR.len + sizeof(hex) + 6);

    if (err)
        return err;
    gw_sha256(canonical, hash);
    gw_hex_encode(hash, sizeof(hash), hex);
    put_line(&t, GW_SIGV4_ALGORITHM);
    put_line(&t, sig->amz_date);
    put(&t, sig->date);
    put_char(&t, '/');
    put(&t, sig->region);
    put_char(&t, '/');
    put(&t, sig->service);
    put_char(&t, '/');
    put_line(&t, GW_SIGV4_TERMINATOR);
    put(&t, (gw_str){ hex, sizeof(hex) });
    *out = (gw_str){ t.at, t.len };
    return GW_OK;
}
