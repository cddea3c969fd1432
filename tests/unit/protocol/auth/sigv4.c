#include "protocol/auth/sigv4.h"

#include "protocol/auth/amz_date.h"
#include "protocol/base/base64.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET GW_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
#define HOST   GW_LIT("a1b2c3d4e5.execute-api.us-east-1.amazonaws.com")
#define NOW    INT64_C(1440938160) /* 20150830T123600Z */

static struct gw_arena arena;
static struct gw_fault why;

static void set_up(void)
{
    gw_arena_init(&arena, 1 << 20);
    why.text[0] = '\0';
}

static void tear_down(void)
{
    gw_arena_fini(&arena);
}

struct request {
    struct gw_sigv4_request req;
    struct gw_http_headers headers;
};

static void add(struct request *r, const char *name, const char *value)
{
    r->headers.at[r->headers.count++] =
        (struct gw_http_header){ gw_str_of(name), gw_str_of(value) };
}

static void start(struct request *r, const char *method, const char *target,
                  const char *body)
{
    gw_str query = gw_str_of(target);

    r->headers.count = 0;
    r->req = (struct gw_sigv4_request){ .method = gw_str_of(method),
                                        .body = gw_str_of(body),
                                        .headers = &r->headers };
    r->req.path = gw_str_cut(&query, '?');
    r->req.query = query;
}

static gw_err check(const struct request *r, gw_str secret, int64_t now)
{
    struct gw_sigv4_key key;
    struct gw_sigv4 sig;
    gw_err err = gw_sigv4_read(&arena, &r->req, &sig, &why);

    if (err)
        return err;
    gw_sigv4_derive(secret, sig.date, sig.region, sig.service, &key);
    return gw_sigv4_check(&arena, &sig, &r->req, &key, GW_LIT("execute-api"),
                          now, &why);
}

static void expect(const struct request *r, int64_t now, gw_err want)
{
    gw_err err = check(r, SECRET, now);

    ck_assert_msg(err == want, "%s, not %s: %s", gw_err_name(err),
                  gw_err_name(want), why.text);
}

/* rest-and-services.md 12.1 and, with the other secret, websocket-api.md
 * 7.2 (the request captured in 6.2). */
static const struct {
    const char *method, *target, *body, *host, *date, *secret;
    const char *canonical, *signature;
} signed_requests[] = {
    { "GET", "/prod/pets?b=2&a=1", "",
      "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "20150830T123600Z",
      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      "GET\n/prod/pets\na=1&b=2\n"
      "host:a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\n"
      "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "11371f07a2e1e4bdeb10e3b856179a7d026325e58a2bca6b4a2ae1184a9af4f3" },
    { "POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D", "{\"x\":1}",
      "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "20150830T123600Z",
      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      "POST\n/prod/%40connections/L0SM9cOFvHcCIhw%253D\n\n"
      "host:a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\n"
      "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
      "5041bf1f713df204784353e82f6a4a535931cb64f1f4b4a5aeaffcb720918b22",
      "f70c9365a91e64ee51ee2f6c4187cde6d03f2b2cd139983dd2d4f55bbd9510b8" },
    { "GET", "/prod/a%20b/c?q=x%20y%2Bz&empty=", "",
      "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "20150830T123600Z",
      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      "GET\n/prod/a%2520b/c\nempty=&q=x%20y%2Bz\n"
      "host:a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\n"
      "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "033ffc940585915bd9f85798460c9eac7a8855d3b2d0f8ee472d071ad3af4df8" },
    { "POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D", "hello",
      "127.0.0.1:18080", "20261122T104941Z", "secret",
      "POST\n/prod/%40connections/L0SM9cOFvHcCIhw%253D\n\n"
      "host:127.0.0.1:18080\nx-amz-date:20261122T104941Z\n\n"
      "host;x-amz-date\n"
      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      "8c994c264f766c666bd8e0e3fa9d36d8e108c9d78e312808def3a1be19a86864" },
};

START_TEST(the_references_requests_hold_both_ways)
{
    gw_str secret = gw_str_of(signed_requests[_i].secret);
    gw_str made, canonical, to_sign;
    char authorization[512];
    struct gw_sigv4 sig;
    struct request r;
    int64_t now;

    snprintf(authorization, sizeof(authorization),
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%.8s/us-east-1/"
             "execute-api/aws4_request, SignedHeaders=host;x-amz-date, "
             "Signature=%s",
             signed_requests[_i].date, signed_requests[_i].signature);
    start(&r, signed_requests[_i].method, signed_requests[_i].target,
          signed_requests[_i].body);
    add(&r, "Host", signed_requests[_i].host);
    add(&r, "X-Amz-Date", signed_requests[_i].date);
    ck_assert(gw_sigv4_sign(&arena, &r.req, GW_LIT("AKIDEXAMPLE"), secret,
                            GW_LIT("us-east-1"), GW_LIT("execute-api"),
                            &made) == GW_OK);
    ck_assert_gw_str(made, gw_str_of(authorization));

    add(&r, "User-Agent", "not signed");
    add(&r, "Authorization", authorization);
    ck_assert(gw_sigv4_read(&arena, &r.req, &sig, &why) == GW_OK);
    ck_assert(gw_sigv4_canonical(&arena, &sig, &r.req, true, &canonical,
                                 &to_sign) == GW_OK);
    ck_assert_gw_str(canonical, gw_str_of(signed_requests[_i].canonical));
    ck_assert(gw_amz_date_read(sig.amz_date, &now));
    ck_assert(check(&r, secret, now) == GW_OK);
    ck_assert(check(&r, GW_LIT("another"), now) == GW_E_SIGNATURE);
    ck_assert_str_eq(why.text, ""); /* the usual text */
}
END_TEST

START_TEST(the_derived_key_is_the_references)
{
    struct gw_sigv4_key key;
    char hex[64];

    gw_sigv4_derive(SECRET, GW_LIT("20150830"), GW_LIT("us-east-1"),
                    GW_LIT("execute-api"), &key);
    gw_hex_encode(key.bytes, sizeof(key.bytes), hex);
    ck_assert_gw_str(
        ((gw_str){ hex, sizeof(hex) }),
        GW_LIT(
            "93b1c5eb2fe9ca2ea35c60c8c2216092743113fd16a90223462cdd68ec95b5a7"));
}
END_TEST

/* --- presigned ----------------------------------------------------------- */

#define PRESIGNED                                                      \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F" \
    "20150830%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Date="    \
    "20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
#define PRESIGNATURE    \
    "&X-Amz-Signature=" \
    "41b0708e9ad396298cce7e00a0d1b3cbd7ccce93ae8762a524d4dea998f4660e"

static void presigned(struct request *r, const char *target)
{
    start(r, "GET", target, "");
    add(r, "Host", HOST.at);
}

static const struct {
    const char *name, *target;
    int64_t age_s;
    gw_err err;
    const char *text;
} presigned_requests[] = {
    { "as signed", "/prod?" PRESIGNED PRESIGNATURE, 0, GW_OK, "" },
    { "the signature first",
      "/prod?X-Amz-Signature="
      "41b0708e9ad396298cce7e00a0d1b3cbd7ccce93ae8762a524d4dea998f4660e"
      "&" PRESIGNED,
      0, GW_OK, "" },
    { "a token appended after signing",
      "/prod?" PRESIGNED PRESIGNATURE "&X-Amz-Security-Token=TOK%2FEN%3D%3D", 0,
      GW_OK, "" },
    { "something else appended", "/prod?" PRESIGNED PRESIGNATURE "&a=b", 0,
      GW_E_SIGNATURE, "" },
    { "another path", "/prod/?" PRESIGNED PRESIGNATURE, 0, GW_E_SIGNATURE, "" },
    { "on its last second", "/prod?" PRESIGNED PRESIGNATURE, 300, GW_OK, "" },
    { "after it", "/prod?" PRESIGNED PRESIGNATURE, 301, GW_E_EXPIRED,
      "Signature expired: 20150830T123600Z is now earlier than "
      "20150830T123601Z (20150830T124101Z - 5 min.)" },
    { "five minutes before", "/prod?" PRESIGNED PRESIGNATURE, -300, GW_OK, "" },
    { "more before", "/prod?" PRESIGNED PRESIGNATURE, -301, GW_E_EXPIRED,
      "Signature not yet current: 20150830T123600Z is still later than "
      "20150830T123559Z (20150830T123059Z + 5 min.)" },
    { "no signature", "/prod?" PRESIGNED, 0, GW_E_SYNTAX,
      "AWS query-string parameters must include 'X-Amz-Signature'. "
      "Re-examine the query-string parameters." },
    { "two signatures", "/prod?" PRESIGNED PRESIGNATURE PRESIGNATURE, 0,
      GW_E_SYNTAX,
      "AWS query-string parameters include 'X-Amz-Signature' more than "
      "once." },
    /* as many sentences as a fault has room for */
    { "only an algorithm", "/prod?X-Amz-Algorithm=AWS4-HMAC-SHA256", 0,
      GW_E_SYNTAX,
      "AWS query-string parameters must include 'X-Amz-Credential'. "
      "AWS query-string parameters must include 'X-Amz-Signature'. "
      "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
      "AWS query-string parameters must include 'X-Amz-Date'." },
    { "nothing of it", "/prod?token=1", 0, GW_E_NOT_FOUND,
      "Missing Authentication Token" },
};

START_TEST(presigned_requests_are_judged)
{
    struct request r;

    presigned(&r, presigned_requests[_i].target);
    expect(&r, NOW + presigned_requests[_i].age_s, presigned_requests[_i].err);
    ck_assert_str_eq(why.text, presigned_requests[_i].text);
}
END_TEST

/* websocket-api.md 7.2, vector 2. */
START_TEST(a_token_signed_in_the_query_is_accepted)
{
    static const char target[] =
        "/prod?token=a%20b&X-Amz-Security-Token=TOK%2FEN%3D%3D&"
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F"
        "20240101%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Date="
        "20240101T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature="
        "03d950595d6fa559864310bb562b9584ac29f1249f13df10244303bbba585dc5";
    static const char want[] =
        "GET\n/prod\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "AKIDEXAMPLE%2F20240101%2Fus-east-1%2Fexecute-api%2Faws4_request&"
        "X-Amz-Date=20240101T000000Z&X-Amz-Expires=300&X-Amz-Security-Token="
        "TOK%2FEN%3D%3D&X-Amz-SignedHeaders=host&token=a%20b\n"
        "host:abc.execute-api.us-east-1.amazonaws.com\n\nhost\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    gw_str canonical, to_sign;
    struct gw_sigv4 sig;
    struct request r;

    start(&r, "GET", target, "");
    add(&r, "Host", "abc.execute-api.us-east-1.amazonaws.com");
    ck_assert(gw_sigv4_read(&arena, &r.req, &sig, &why) == GW_OK);
    ck_assert(sig.in_query && sig.expires_s == 300);
    ck_assert_gw_str(sig.token, GW_LIT("TOK/EN=="));
    ck_assert(gw_sigv4_canonical(&arena, &sig, &r.req, true, &canonical,
                                 &to_sign) == GW_OK);
    ck_assert_gw_str(canonical, gw_str_of(want));
    ck_assert(check(&r, GW_LIT("secret"), 1704067200) == GW_OK);
}
END_TEST

/* The lifetime a query may give itself. */
static const struct {
    const char *expires; /* with its "&X-Amz-Expires=" */
    gw_err err;
} lifetimes[] = {
    { "", GW_OK },
    { "&X-Amz-Expires=1", GW_OK },
    { "&X-Amz-Expires=604800", GW_OK },
    { "&X-Amz-Expires=604801", GW_E_SYNTAX },
    { "&X-Amz-Expires=0", GW_E_SYNTAX },
    { "&X-Amz-Expires=-1", GW_E_SYNTAX },
    { "&X-Amz-Expires=", GW_E_SYNTAX },
    { "&X-Amz-Expires=300s", GW_E_SYNTAX },
    { "&X-Amz-Expires=99999999999999999999", GW_E_SYNTAX },
    { "&X-Amz-Expires=300&X-Amz-Expires=300", GW_E_SYNTAX },
};

START_TEST(lifetimes_are_a_week_at_most)
{
    char target[1024];
    struct gw_sigv4 sig;
    struct request r;

    snprintf(target, sizeof(target),
             "/prod?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%%2F"
             "20150830%%2Fr%%2Fexecute-api%%2Faws4_request&X-Amz-Date="
             "20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=f%s",
             lifetimes[_i].expires);
    presigned(&r, target);
    ck_assert_msg(gw_sigv4_read(&arena, &r.req, &sig, &why) ==
                      lifetimes[_i].err,
                  "%s: %s", lifetimes[_i].expires, why.text);
}
END_TEST

START_TEST(without_a_lifetime_the_five_minutes_count)
{
    struct gw_sigv4_key key = { { 0 } };
    struct gw_sigv4 sig;
    struct request r;

    presigned(&r, "/prod?" PRESIGNED PRESIGNATURE);
    ck_assert(gw_sigv4_read(&arena, &r.req, &sig, &why) == GW_OK);
    sig.expires_s = 0;
    ck_assert(gw_sigv4_check(&arena, &sig, &r.req, &key, GW_LIT("execute-api"),
                             NOW + 300, &why) == GW_E_SIGNATURE);
    ck_assert(gw_sigv4_check(&arena, &sig, &r.req, &key, GW_LIT("execute-api"),
                             NOW + 301, &why) == GW_E_EXPIRED);
    sig.expires_s = 90;
    ck_assert(gw_sigv4_check(&arena, &sig, &r.req, &key, GW_LIT("execute-api"),
                             NOW + 91, &why) == GW_E_EXPIRED);
    ck_assert_str_eq(why.text,
                     "Signature expired: 20150830T123600Z is now earlier than "
                     "20150830T123601Z (20150830T123731Z - 90 sec.)");
}
END_TEST

/* --- the header ---------------------------------------------------------- */

#define CREDENTIAL \
    "Credential=AKIDEXAMPLE/20150830/us-east-1/execute-api/aws4_request"
#define SIGNED "SignedHeaders=host;x-amz-date"
#define SIGNATURE \
    "Signature="  \
    "11371f07a2e1e4bdeb10e3b856179a7d026325e58a2bca6b4a2ae1184a9af4f3"

static const struct {
    const char *name, *authorization; /* NULL: none */
    const char *date;                 /* NULL: none */
    gw_err err;
    const char *text;
} headers[] = {
    { "in the usual order",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_OK, "" },
    { "in another, without blanks",
      "AWS4-HMAC-SHA256 " SIGNATURE "," CREDENTIAL "," SIGNED,
      "20150830T123600Z", GW_OK, "" },
    { "with more blanks and a stranger",
      "AWS4-HMAC-SHA256   " CREDENTIAL " ,\t" SIGNED ",  X=y,   " SIGNATURE,
      "20150830T123600Z", GW_OK, "" },
    { "no header", NULL, "20150830T123600Z", GW_E_NOT_FOUND,
      "Missing Authentication Token" },
    /* the hash is what openssl dgst -sha256 -binary | base64 prints */
    { "a bearer's token", "Bearer x", "20150830T123600Z", GW_E_SYNTAX,
      "Invalid key=value pair (missing equal-sign) in Authorization header "
      "(hashed with SHA-256 and encoded with Base64): "
      "'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='." },
    { "a password", "Basic dXNlcjpwYXNz=", "20150830T123600Z", GW_E_SYNTAX,
      "Authorization header requires 'Credential' parameter. "
      "Authorization header requires 'Signature' parameter. "
      "Authorization header requires 'SignedHeaders' parameter." },
    { "no signature", "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED,
      "20150830T123600Z", GW_E_SYNTAX,
      "Authorization header requires 'Signature' parameter." },
    { "an empty signature",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", Signature=",
      "20150830T123600Z", GW_E_SYNTAX,
      "Authorization header requires 'Signature' parameter." },
    { "no date and no credential", "AWS4-HMAC-SHA256 " SIGNED ", " SIGNATURE,
      NULL, GW_E_SYNTAX,
      "Authorization header requires 'Credential' parameter. "
      "Authorization header requires existence of either a 'X-Amz-Date' or a "
      "'Date' header." },
    { "two signatures",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "Authorization header has more than one 'Signature' parameter." },
    { "another algorithm",
      "AWS4-HMAC-SHA512 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX, "Unsupported AWS 'algorithm'." },
    { "a date of another form",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
      "2015-08-30T12:36:00Z", GW_E_SYNTAX,
      "Date must be in ISO-8601 'basic format'. Got '2015-08-30T12:36:00Z'. "
      "See http://en.wikipedia.org/wiki/ISO_8601" },
    { "a credential of four parts",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
      "execute-api, " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "Credential must have exactly 5 slash-delimited elements, e.g. "
      "keyid/date/region/service/term, got "
      "'AKIDEXAMPLE/20150830/us-east-1/execute-api'" },
    { "another terminator",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
      "execute-api/aws5_request, " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "Credential should be scoped with a valid terminator: 'aws4_request', "
      "not 'aws5_request'." },
    { "another service",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/"
      "aws4_request, " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "Credential should be scoped to correct service: 'execute-api'. " },
    { "scope of another day",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/us-east-1/"
      "execute-api/aws4_request, " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
      "of date from HTTP: '20150831' != '20150830', from "
      "'20150830T123600Z'." },
    { "host not signed",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date, " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
      "Authorization." },
    { "a signed header that is not there",
      "AWS4-HMAC-SHA256 " CREDENTIAL
      ", SignedHeaders=host;x-amz-date;x-y, " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "The signed header 'x-y' is not in the request." },
    { "a header signed twice",
      "AWS4-HMAC-SHA256 " CREDENTIAL
      ", SignedHeaders=host;host;x-amz-date, " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX, "SignedHeaders names 'host' twice." },
    { "an empty name",
      "AWS4-HMAC-SHA256 " CREDENTIAL
      ", SignedHeaders=host;;x-amz-date, " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "The signed header '' is not in the request." },
    { "bytes that are not text",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;\xff, " SIGNATURE,
      "20150830T123600Z", GW_E_SYNTAX,
      "The signature holds characters that no part of one has." },
    { "a short signature",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", Signature=11371f",
      "20150830T123600Z", GW_E_SIGNATURE, "" },
    { "fewer signed headers",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE,
      "20150830T123600Z", GW_E_SIGNATURE, "" },
    { "another region in the scope",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-2/"
      "execute-api/aws4_request, " SIGNED ", " SIGNATURE,
      "20150830T123600Z", GW_E_SIGNATURE, "" },
    { "another second",
      "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
      "20150830T123601Z", GW_E_SIGNATURE, "" },
};

START_TEST(headers_are_judged)
{
    struct request r;

    start(&r, "GET", "/prod/pets?b=2&a=1", "");
    add(&r, "Host", HOST.at);
    if (headers[_i].date)
        add(&r, "X-Amz-Date", headers[_i].date);
    if (headers[_i].authorization)
        add(&r, "Authorization", headers[_i].authorization);
    expect(&r, NOW, headers[_i].err);
    ck_assert_str_eq(why.text, headers[_i].text);
}
END_TEST

/* A request that holds, for tests that then change it. */
static void good(struct request *r)
{
    start(r, "GET", "/prod/pets?b=2&a=1", "");
    add(r, "Host", HOST.at);
    add(r, "X-Amz-Date", "20150830T123600Z");
    add(r, "Authorization",
        "AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE);
}

static const struct {
    int64_t age_s;
    gw_err err;
} ages[] = {
    { 0, GW_OK },          { 300, GW_OK },         { -300, GW_OK },
    { 301, GW_E_EXPIRED }, { -301, GW_E_EXPIRED }, { 86400, GW_E_EXPIRED },
};

START_TEST(clocks_may_be_five_minutes_apart)
{
    struct request r;

    good(&r);
    expect(&r, NOW + ages[_i].age_s, ages[_i].err);
}
END_TEST

START_TEST(one_signature_is_enough)
{
    struct request r;

    good(&r);
    add(&r, "Authorization", "Bearer x");
    expect(&r, NOW, GW_E_SYNTAX);
    ck_assert_str_eq(why.text,
                     "The Authorization header is given more than once.");
    good(&r);
    r.req.query = GW_LIT("b=2&a=1&" PRESIGNED PRESIGNATURE);
    expect(&r, NOW, GW_E_SYNTAX);

    /* an application's own token beside a presigned query */
    presigned(&r, "/prod?" PRESIGNED PRESIGNATURE);
    add(&r, "Authorization", "Bearer x");
    expect(&r, NOW, GW_OK);
}
END_TEST

/* A query without a signature says nothing about the header's. */
START_TEST(a_stray_token_in_the_query_is_no_credential)
{
    struct gw_sigv4 sig;
    struct request r;

    good(&r);
    r.req.query = GW_LIT("b=2&a=1&X-Amz-Security-Token=x&X-Amz-Date=y");
    ck_assert(gw_sigv4_read(&arena, &r.req, &sig, &why) == GW_OK);
    ck_assert_gw_str(sig.token, GW_EMPTY);
    ck_assert_gw_str(sig.amz_date, GW_LIT("20150830T123600Z"));
    expect(&r, NOW, GW_E_SIGNATURE);
}
END_TEST

/* --- the body's hash ----------------------------------------------------- */

static void sign_it(struct request *r)
{
    gw_str authorization;

    ck_assert(gw_sigv4_sign(&arena, &r->req, GW_LIT("AKIDEXAMPLE"), SECRET,
                            GW_LIT("us-east-1"), GW_LIT("execute-api"),
                            &authorization) == GW_OK);
    r->headers.at[r->headers.count++] =
        (struct gw_http_header){ GW_LIT("Authorization"), authorization };
}

static const struct {
    const char *hash; /* of "hello", by coreutils' sha256sum */
    gw_err err;
} payload_hashes[] = {
    { "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      GW_OK },
    { "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9825",
      GW_E_SIGNATURE },
    { "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      GW_E_SIGNATURE },
    { "UNSIGNED-PAYLOAD", GW_E_SIGNATURE },
    { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", GW_E_SIGNATURE },
};

START_TEST(the_given_hash_must_be_the_bodys)
{
    struct request r;

    start(&r, "POST", "/prod/%40connections/L0SM9cOFvHcCIhw=", "hello");
    add(&r, "Host", HOST.at);
    add(&r, "X-Amz-Date", "20150830T123600Z");
    add(&r, "x-amz-content-sha256", payload_hashes[_i].hash);
    sign_it(&r);
    expect(&r, NOW, payload_hashes[_i].err);
    ck_assert_str_eq(why.text,
                     payload_hashes[_i].err
                         ? "The provided 'x-amz-content-sha256' header does "
                           "not match what was computed."
                         : "");
}
END_TEST

/* --- canonical forms ----------------------------------------------------- */

/* Against section 4.6's rules; the path rows are RFC 3986's algorithm as the
 * SDKs apply it. */
static const struct {
    const char *target, *path, *query;
} canonicals[] = {
    { "/", "/", "" },
    { "", "/", "" },
    { "/prod/", "/prod/", "" },
    { "//prod///x//", "/prod/x/", "" },
    { "/a/./b/../c", "/a/c", "" },
    { "/../../a", "/a", "" },
    { "/a/..", "/", "" },
    { "/a/b/..", "/a", "" },
    { "/a/b/../", "/a/", "" },
    { "/a/.", "/a", "" },
    { "/a/...", "/a/...", "" },
    { "/%2e%2e/a", "/%252e%252e/a", "" },
    { "/p/@connections/x=", "/p/%40connections/x%3D", "" },
    { "/p/%40connections/x%3D", "/p/%2540connections/x%253D", "" },
    { "/a+b~c-d_e.f", "/a%2Bb~c-d_e.f", "" },
    { "/?a", "/", "a=" },
    { "/?a=", "/", "a=" },
    { "/?=", "/", "=" },
    { "/?&&a=1&&", "/", "a=1" },
    { "/?a=1=2", "/", "a=1%3D2" },
    { "/?a=b+c", "/", "a=b%2Bc" },
    { "/?a=%2b", "/", "a=%2B" },
    { "/?a=%41%7e%2F/", "/", "a=A~%2F%2F" },
    { "/?a=%", "/", "a=%25" },
    { "/?a=%4", "/", "a=%254" },
    { "/?a=%zz", "/", "a=%25zz" },
    { "/?a=%00", "/", "a=%00" },
    { "/?b=1&a=2&a=1&A=3&a-b=4", "/", "A=3&a=1&a=2&a-b=4&b=1" },
    { "/?X-Amz-Signature=x", "/", "X-Amz-Signature=x" },
};

START_TEST(targets_have_one_spelling)
{
    struct gw_sigv4 sig = { .signed_headers = GW_LIT("host"),
                            .amz_date = GW_LIT("20150830T123600Z") };
    gw_str text, to_sign, method;
    struct request r;

    start(&r, "GET", canonicals[_i].target, "");
    add(&r, "Host", "h");
    ck_assert(gw_sigv4_canonical(&arena, &sig, &r.req, true, &text, &to_sign) ==
              GW_OK);
    method = gw_str_cut(&text, '\n');
    ck_assert_gw_str(method, GW_LIT("GET"));
    ck_assert_gw_str(gw_str_cut(&text, '\n'), gw_str_of(canonicals[_i].path));
    ck_assert_gw_str(gw_str_cut(&text, '\n'), gw_str_of(canonicals[_i].query));
    ck_assert_gw_str(gw_str_cut(&text, '\n'), GW_LIT("host:h"));
}
END_TEST

START_TEST(signing_needs_host_and_date)
{
    gw_str authorization;
    struct request r;

    start(&r, "GET", "/", "");
    add(&r, "Host", "h");
    ck_assert(gw_sigv4_sign(&arena, &r.req, GW_LIT("A"), SECRET, GW_LIT("r"),
                            GW_LIT("s"), &authorization) == GW_E_INVALID);
    add(&r, "X-Amz-Date", "today");
    ck_assert(gw_sigv4_sign(&arena, &r.req, GW_LIT("A"), SECRET, GW_LIT("r"),
                            GW_LIT("s"), &authorization) == GW_E_INVALID);
    start(&r, "GET", "/", "");
    add(&r, "X-Amz-Date", "20150830T123600Z");
    ck_assert(gw_sigv4_sign(&arena, &r.req, GW_LIT("A"), SECRET, GW_LIT("r"),
                            GW_LIT("s"), &authorization) == GW_E_INVALID);
}
END_TEST

/* 100,000 parameters, all alike and in the worst order: answered, and with a
 * small arena refused. */
START_TEST(long_queries_are_bounded)
{
    enum { PARAMETERS = 100000 };
    char *query = malloc(PARAMETERS * 4);
    struct gw_arena small;
    struct gw_sigv4 sig;
    struct request r;
    gw_str canonical, to_sign;

    ck_assert(query != NULL);
    for (int i = 0; i < PARAMETERS; i++)
        memcpy(query + 4L * i, i % 2 ? "a=1&" : "a=2&", 4);
    good(&r);
    r.req.query = (gw_str){ query, PARAMETERS * 4L };
    ck_assert(gw_sigv4_read(&arena, &r.req, &sig, &why) == GW_OK);
    gw_arena_init(&small, 64 * 1024);
    ck_assert(gw_sigv4_canonical(&small, &sig, &r.req, true, &canonical,
                                 &to_sign) == GW_E_TOO_BIG);
    gw_arena_fini(&small);
    gw_arena_init(&small, 16 << 20);
    ck_assert(gw_sigv4_canonical(&small, &sig, &r.req, true, &canonical,
                                 &to_sign) == GW_OK);
    gw_arena_fini(&small);
    free(query);
}
END_TEST

START_TEST(many_headers_are_bounded)
{
    static char names[GW_HTTP_HEADERS_MAX][8];
    struct request r;

    start(&r, "GET", "/", "");
    add(&r, "Host", HOST.at);
    add(&r, "X-Amz-Date", "20150830T123600Z");
    for (size_t i = 2; i < GW_HTTP_HEADERS_MAX - 1; i++) {
        snprintf(names[i], sizeof(names[i]), "X-%zu", i % 60);
        add(&r, names[i], "  some   value ");
    }
    sign_it(&r);
    expect(&r, NOW, GW_OK);
    r.headers.at[50].value = GW_LIT("some other value");
    expect(&r, NOW, GW_E_SIGNATURE);
}
END_TEST

GW_SUITE("protocol/auth/sigv4")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, the_references_requests_hold_both_ways, 0,
                        GW_LEN(signed_requests));
    tcase_add_test(tc, the_derived_key_is_the_references);
    tcase_add_loop_test(tc, presigned_requests_are_judged, 0,
                        GW_LEN(presigned_requests));
    tcase_add_test(tc, a_token_signed_in_the_query_is_accepted);
    tcase_add_loop_test(tc, lifetimes_are_a_week_at_most, 0, GW_LEN(lifetimes));
    tcase_add_test(tc, without_a_lifetime_the_five_minutes_count);
    tcase_add_loop_test(tc, headers_are_judged, 0, GW_LEN(headers));
    tcase_add_loop_test(tc, clocks_may_be_five_minutes_apart, 0, GW_LEN(ages));
    tcase_add_test(tc, one_signature_is_enough);
    tcase_add_test(tc, a_stray_token_in_the_query_is_no_credential);
    tcase_add_loop_test(tc, the_given_hash_must_be_the_bodys, 0,
                        GW_LEN(payload_hashes));
    tcase_add_loop_test(tc, targets_have_one_spelling, 0, GW_LEN(canonicals));
    tcase_add_test(tc, signing_needs_host_and_date);
    tcase_add_test(tc, long_queries_are_bounded);
    tcase_add_test(tc, many_headers_are_bounded);
}
