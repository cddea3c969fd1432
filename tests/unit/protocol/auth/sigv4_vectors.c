/*
 * The published requests of awslabs/aws-c-auth: both forms of each, as a
 * signer and as a verifier.
 */
#include "protocol/auth/sigv4.h"

#include "protocol/auth/digest.h"
#include "protocol/base/base64.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <stdio.h>

#define NOW INT64_C(1440938160) /* 2015-08-30T12:36:00Z, all of them */

struct example {
    const char *folder;
    char name[256];
    struct gw_arena arena;
    gw_str context;
    bool normalize, sign_body, omit_token;
    gw_str access_key, secret, token, region, service;
};

/* A request as the files show it: LF for line ends, folded lines allowed. */
struct request {
    struct gw_sigv4_request req;
    struct gw_http_headers headers;
};

static gw_str file(struct example *x, const char *name)
{
    char path[1024];
    struct gw_buf buf;
    gw_str text;

    snprintf(path, sizeof(path), "%s/%s/%s", x->folder, x->name, name);
    gw_file_read(path, &buf);
    ck_assert(gw_arena_dup(&x->arena, gw_buf_str(&buf), &text) == GW_OK);
    gw_buf_fini(&buf);
    return text;
}

/* The value of a member: all names in these files differ. */
static gw_str member(const struct example *x, const char *name)
{
    char quoted[64];
    const char *at;
    gw_str rest;

    snprintf(quoted, sizeof(quoted), "\"%s\": ", name);
    at = strstr(x->context.at, quoted);
    if (!at)
        return GW_EMPTY;
    rest = gw_str_of(at + strlen(quoted));
    if (rest.at[0] != '"')
        return gw_str_head(rest, strcspn(rest.at, ",\n}"));
    rest = gw_str_skip(rest, 1);
    return gw_str_cut(&rest, '"');
}

static bool is_set(const struct example *x, const char *name)
{
    return gw_str_eq(member(x, name), GW_LIT("true"));
}

static void open_example(struct example *x, const char *folder,
                         const char *name)
{
    *x = (struct example){ .folder = folder };
    snprintf(x->name, sizeof(x->name), "%s", name);
    gw_arena_init(&x->arena, 1 << 20);
    x->context = file(x, "context.json");
    x->normalize = is_set(x, "normalize");
    x->sign_body = is_set(x, "sign_body");
    x->omit_token = is_set(x, "omit_session_token");
    x->access_key = member(x, "access_key_id");
    x->secret = member(x, "secret_access_key");
    x->token = member(x, "token");
    x->region = member(x, "region");
    x->service = member(x, "service");
}

static void add(struct request *r, gw_str name, gw_str value)
{
    r->headers.at[r->headers.count++] =
        (struct gw_http_header){ name, gw_str_trim(value) };
}

/* Unfolds in place: the line feed becomes one more blank. */
static void unfold(gw_str text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.at[i] == '\n' && text.at[i + 1] == ' ')
            ((char *)text.at)[i] = ' ';
}

static void read_request(struct request *r, gw_str text)
{
    gw_str line, target;

    r->headers.count = 0;
    unfold(text);
    line = gw_str_cut(&text, '\n');
    r->req = (struct gw_sigv4_request){ .headers = &r->headers };
    r->req.method = gw_str_cut(&line, ' ');
    ck_assert(gw_str_ends(line, GW_LIT(" HTTP/1.1")));
    target = gw_str_head(line, line.len - 9); /* may hold blanks */
    r->req.path = gw_str_cut(&target, '?');
    r->req.query = target;
    while (text.len && text.at[0] != '\n') {
        gw_str value = gw_str_cut(&text, '\n');
        gw_str name = gw_str_cut(&value, ':');

        add(r, name, value);
    }
    r->req.body = text.len ? gw_str_skip(text, 1) : GW_EMPTY;
    if (gw_str_eq(r->req.body, GW_LIT("\n")))
        r->req.body = GW_EMPTY; /* the signed requests end in one more */
}

static void sign(const struct example *x, const char *date, gw_str to_sign,
                 char hex[2 * GW_SHA256_LEN])
{
    struct gw_sigv4_key key;
    uint8_t mac[GW_SHA256_LEN];

    gw_sigv4_derive(x->secret, (gw_str){ date, 8 }, x->region, x->service,
                    &key);
    gw_hmac_sha256((gw_str){ (char *)key.bytes, sizeof(key.bytes) }, to_sign,
                   mac);
    gw_hex_encode(mac, sizeof(mac), hex);
}

/* Canonical request, string to sign and signature are the files'. */
static void expect_canonical(struct example *x, const struct request *r,
                             struct gw_sigv4 sig, const char *form)
{
    char name[64], hex[2 * GW_SHA256_LEN];
    gw_str canonical, to_sign;

    if (x->omit_token)
        sig.token = GW_EMPTY;
    ck_assert(gw_sigv4_canonical(&x->arena, &sig, &r->req, x->normalize,
                                 &canonical, &to_sign) == GW_OK);
    snprintf(name, sizeof(name), "%s-canonical-request.txt", form);
    ck_assert_gw_str(canonical, file(x, name));
    snprintf(name, sizeof(name), "%s-string-to-sign.txt", form);
    ck_assert_gw_str(to_sign, file(x, name));
    snprintf(name, sizeof(name), "%s-signature.txt", form);
    sign(x, sig.amz_date.at, to_sign, hex);
    ck_assert_gw_str(((gw_str){ hex, sizeof(hex) }), file(x, name));
}

static gw_err check(struct example *x, const struct request *r,
                    const struct gw_sigv4 *sig, const struct gw_sigv4_key *key)
{
    return gw_sigv4_check(&x->arena, sig, &r->req, key, x->service, NOW, NULL);
}

/* What is written there is read, accepted, and refused when altered. Paths
 * that may not be normalised belong to S3: no other service accepts them. */
static void expect_accepted(struct example *x, const char *form)
{
    char name[64];
    struct gw_sigv4 sig;
    struct gw_sigv4_key key;
    struct gw_fault why;
    struct request r;
    bool plain;

    snprintf(name, sizeof(name), "%s-signed-request.txt", form);
    read_request(&r, file(x, name));
    ck_assert_msg(gw_sigv4_read(&x->arena, &r.req, &sig, &why) == GW_OK, "%s",
                  why.text);
    ck_assert_gw_str(sig.access_key, x->access_key);
    ck_assert_gw_str(sig.region, x->region);
    ck_assert_gw_str(sig.token, x->token);
    expect_canonical(x, &r, sig, form);

    gw_sigv4_derive(x->secret, sig.date, sig.region, sig.service, &key);
    plain = x->normalize || (gw_str_find(r.req.path, '.', 0) < 0 &&
                             !strstr(r.req.path.at, "//"));
    ck_assert(check(x, &r, &sig, &key) == (plain ? GW_OK : GW_E_SIGNATURE));
    r.req.method = GW_LIT("PUT");
    ck_assert(check(x, &r, &sig, &key) == GW_E_SIGNATURE);
    read_request(&r, file(x, name));
    r.req.body = GW_LIT("another");
    ck_assert(check(x, &r, &sig, &key) == GW_E_SIGNATURE);
    read_request(&r, file(x, name));
    r.req.query = GW_LIT("a=b");
    ck_assert(check(x, &r, &sig, &key) == GW_E_SIGNATURE);
    key.bytes[31] ^= 1;
    read_request(&r, file(x, name));
    ck_assert(check(x, &r, &sig, &key) == GW_E_SIGNATURE);
}

/* gw_sigv4_sign writes the Authorization that the signed request has. */
static void expect_signed(struct example *x)
{
    char hex[2 * GW_SHA256_LEN];
    uint8_t hash[GW_SHA256_LEN];
    struct request r, want;
    gw_str made, given;

    read_request(&r, file(x, "request.txt"));
    add(&r, GW_LIT("X-Amz-Date"), GW_LIT("20150830T123600Z"));
    if (x->token.len && !x->omit_token)
        add(&r, GW_LIT("X-Amz-Security-Token"), x->token);
    if (x->sign_body) {
        gw_sha256(r.req.body, hash);
        gw_hex_encode(hash, sizeof(hash), hex);
        add(&r, GW_LIT("x-amz-content-sha256"), (gw_str){ hex, sizeof(hex) });
    }
    ck_assert(gw_sigv4_sign(&x->arena, &r.req, x->access_key, x->secret,
                            x->region, x->service, &made) == GW_OK);
    read_request(&want, file(x, "header-signed-request.txt"));
    ck_assert(
        gw_http_header_first(&want.headers, GW_LIT("authorization"), &given));
    ck_assert_gw_str(made, given);
}

START_TEST(published_requests_hold_both_ways)
{
    const char *vectors = gw_vectors();
    char folder[1024];
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir;

    snprintf(folder, sizeof(folder), "%s/sigv4", vectors ? vectors : "");
    dir = vectors ? opendir(folder) : NULL;
    if (!dir) {
        gw_skip("protocol/auth/sigv4_vectors", "no folder of vectors");
        return;
    }
    while ((entry = readdir(dir))) {
        struct example x;

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        open_example(&x, folder, entry->d_name);
        ck_assert_gw_str(member(&x, "timestamp"),
                         GW_LIT("2015-08-30T12:36:00Z"));
        expect_accepted(&x, "header");
        expect_accepted(&x, "query");
        if (x.normalize)
            expect_signed(&x);
        gw_arena_fini(&x.arena);
        count++;
    }
    closedir(dir);
    ck_assert_uint_eq(count, 38);
}
END_TEST

GW_SUITE("protocol/auth/sigv4_vectors")
{
    tcase_add_test(tc, published_requests_hold_both_ways);
}
