/*
 * Signatures over any request: what a peer sends as a signature is never
 * accepted without the key; what we sign is; and after any change to what the
 * canonical form shows it no longer is.
 *
 * Input: "METHOD TARGET", header lines, an empty line, the body.
 */
#include "protocol/auth/sigv4.h"

#include <stdlib.h>

#define NOW INT64_C(1440938160) /* 20150830T123600Z */

#define SERVICE GW_LIT("execute-api")

struct request {
    struct gw_sigv4_request req;
    struct gw_http_headers headers;
};

static void read_request(struct request *r, gw_str text)
{
    gw_str target = gw_str_cut(&text, '\n');

    r->headers.count = 0;
    r->req = (struct gw_sigv4_request){ .headers = &r->headers };
    r->req.method = gw_str_cut(&target, ' ');
    r->req.path = gw_str_cut(&target, '?');
    r->req.query = target;
    while (text.len && text.at[0] != '\n' &&
           r->headers.count < GW_HTTP_HEADERS_MAX - 3) {
        gw_str value = gw_str_cut(&text, '\n'), name = gw_str_cut(&value, ':');

        value = gw_str_trim(value);
        if (gw_http_is_token(name) && gw_http_is_field_value(value))
            r->headers.at[r->headers.count++] =
                (struct gw_http_header){ name, value };
    }
    r->req.body = text.len ? gw_str_skip(text, 1) : text;
}

static gw_err check(struct gw_arena *a, const struct request *r,
                    const struct gw_sigv4_key *key)
{
    struct gw_sigv4 sig;
    struct gw_fault why;
    gw_err err = gw_sigv4_read(a, &r->req, &sig, &why);

    if (err)
        return err;
    return gw_sigv4_check(a, &sig, &r->req, key, SERVICE, NOW, &why);
}

static void nobody_forges(struct gw_arena *a, const struct request *r)
{
    static const struct gw_sigv4_key key;

    GW_ASSERT(check(a, r, &key) != GW_OK);
}

/* Drops what the request said of signatures, and adds what signing needs. */
static void prepare(struct request *r)
{
    size_t count = 0;

    for (size_t i = 0; i < r->headers.count; i++) {
        gw_str name = r->headers.at[i].name;

        if (!gw_str_eq_nocase(name, GW_LIT("authorization")) &&
            !gw_str_eq_nocase(name, GW_LIT("x-amz-date")) &&
            !gw_str_eq_nocase(name, GW_LIT("x-amz-content-sha256")))
            r->headers.at[count++] = r->headers.at[i];
    }
    r->headers.at[count++] =
        (struct gw_http_header){ GW_LIT("Host"), GW_LIT("example.com") };
    r->headers.at[count++] =
        (struct gw_http_header){ GW_LIT("X-Amz-Date"),
                                 GW_LIT("20150830T123600Z") };
    r->headers.count = count;
}

static void canonical_query_is_a_fixed_point(struct gw_arena *a,
                                             const struct request *r)
{
    struct gw_sigv4 sig = { .signed_headers = GW_LIT("x-amz-date"),
                            .amz_date = GW_LIT("20150830T123600Z") };
    struct request again = *r;
    gw_str once, twice, to_sign;

    again.req.headers = &again.headers;
    again.req.path = GW_LIT("/");
    again.req.method = GW_LIT("GET");
    if (gw_sigv4_canonical(a, &sig, &again.req, true, &once, &to_sign))
        return;
    again.req.query = gw_str_skip(once, 6); /* "GET\n/\n" */
    again.req.query = gw_str_cut(&again.req.query, '\n');
    if (gw_sigv4_canonical(a, &sig, &again.req, true, &twice, &to_sign))
        return;
    GW_ASSERT(gw_str_eq(once, twice));
}

/* One bit of one byte of the text, wherever a view holds it. */
static void changes_are_noticed(struct gw_arena *a, const struct request *r,
                                gw_str text, const struct gw_sigv4_key *key)
{
    struct gw_sigv4 sig;
    gw_str before, after, to_sign;
    size_t at = text.len ? text.len * 7 / 11 % text.len : 0;
    char *byte = (char *)text.at + at;
    gw_err err;

    if (gw_sigv4_read(a, &r->req, &sig, NULL) ||
        gw_sigv4_canonical(a, &sig, &r->req, true, &before, &to_sign) ||
        text.len == 0)
        return;
    *byte ^= 1;
    if (gw_sigv4_canonical(a, &sig, &r->req, true, &after, &to_sign) == GW_OK) {
        err = check(a, r, key);
        GW_ASSERT(err == GW_E_TOO_BIG ||
                  (err == GW_OK) == gw_str_eq(before, after));
    } else {
        GW_ASSERT(check(a, r, key) != GW_OK);
    }
    *byte ^= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = gw_alloc(len);
    gw_str text = { copy, len }, authorization;
    struct gw_sigv4_key key;
    struct gw_arena a;
    struct request r;

    if (len)
        memcpy(copy, bytes, len);
    gw_arena_init(&a, 256 * 1024);
    read_request(&r, text);
    nobody_forges(&a, &r);

    prepare(&r);
    canonical_query_is_a_fixed_point(&a, &r);
    gw_sigv4_derive(GW_LIT("secret"), GW_LIT("20150830"), GW_LIT("r"), SERVICE,
                    &key);
    if (gw_sigv4_sign(&a, &r.req, GW_LIT("AKID"), GW_LIT("secret"), GW_LIT("r"),
                      SERVICE, &authorization) == GW_OK) {
        gw_err err;

        r.headers.at[r.headers.count++] =
            (struct gw_http_header){ GW_LIT("Authorization"), authorization };
        err = check(&a, &r, &key);
        /* SYNTAX: the query claims to be signed itself */
        GW_ASSERT(err == GW_OK || err == GW_E_TOO_BIG || err == GW_E_SYNTAX);
        if (err == GW_OK)
            changes_are_noticed(&a, &r, text, &key);
    }
    gw_arena_fini(&a);
    free(copy);
    return 0;
}
