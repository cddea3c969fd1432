#include "server/admin/signatures.h"

#include "protocol/auth/amz_date.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

/* rest-and-services.md 12.1 */
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define HOST   "Host: a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\r\n"
#define DATE   "X-Amz-Date: 20150830T123600Z\r\n"
#define NOW    INT64_C(1440938160) /* 20150830T123600Z */
#define SCOPE  "20150830/us-east-1/execute-api/aws4_request"
#define AUTH(scope, signature)                                      \
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" scope \
    ", SignedHeaders=host;x-amz-date, Signature=" signature "\r\n"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

#define CONFIG(secret)                                                  \
    "credentials:\n"                                                    \
    "  - { accessKeyId: AKIDEXAMPLE, secretAccessKey: '" secret "' }\n" \
    "  - { accessKeyId: OTHER, secretAccessKey: other }\n"              \
    "apis:\n"                                                           \
    "  a1b2c3d4e5:\n"                                                   \
    "    routeSelectionExpression: $request.body.action\n"              \
    "    routes: { $default: http://127.0.0.1:3000/ }\n"                \
    "    stages: { prod: {} }\n"

static struct gw_signatures *s;
static struct gw_config *config;
static struct gw_arena arena;
static struct gw_refusal why;

static void set_up(void)
{
    s = gw_signatures_new();
    config = fake_config(CONFIG(SECRET));
    gw_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    gw_signatures_free(s);
    gw_config_unref(config);
    gw_arena_fini(&arena);
}

static bool admit(const char *text, const char *body, int64_t now)
{
    static const struct gw_http_limits limits = { 4096, 10240, 1 << 20 };
    static struct gw_http_request request;
    size_t used;

    ck_assert_int_eq(
        gw_http_request_read(gw_str_of(text), &limits, &request, &used),
        GW_HTTP_READY);
    why = (struct gw_refusal){ NULL, GW_EMPTY };
    return gw_signatures_admit(s, config, GW_LIT("execute-api"), &arena,
                               &request, gw_str_of(body), now, &why);
}

#define PETS_SIGNATURE \
    "11371f07a2e1e4bdeb10e3b856179a7d026325e58a2bca6b4a2ae1184a9af4f3"
#define PETS                                              \
    "GET /prod/pets?b=2&a=1 HTTP/1.1\r\n" HOST DATE AUTH( \
        SCOPE, PETS_SIGNATURE) "\r\n"

static const struct {
    const char *text, *body;
} vectors[] = {
    { PETS, "" },
    { "POST /prod/@connections/L0SM9cOFvHcCIhw%3D HTTP/1.1\r\n" HOST DATE AUTH(
          SCOPE,
          "f70c9365a91e64ee51ee2f6c4187cde6d03f2b2cd139983dd2d4f55bbd9510b8") "\r\n",
      "{\"x\":1}" },
    { "GET /prod/a%20b/c?q=x%20y%2Bz&empty= HTTP/1.1\r\n" HOST DATE AUTH(
          SCOPE,
          "033ffc940585915bd9f85798460c9eac7a8855d3b2d0f8ee472d071ad3af4df8") "\r\n",
      "" },
    { "GET /prod?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fexecute-api%2Faws4_request"
      "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature="
      "41b0708e9ad396298cce7e00a0d1b3cbd7ccce93ae8762a524d4dea998f4660e"
      " HTTP/1.1\r\n" HOST "\r\n",
      "" },
};

START_TEST(the_vectors_are_admitted)
{
    ck_assert(admit(vectors[_i].text, vectors[_i].body, NOW));
    ck_assert(admit(vectors[_i].text, vectors[_i].body, NOW)); /* from memory */
    ck_assert(admit(vectors[_i].text, vectors[_i].body, NOW + 299));
    ck_assert(!admit(vectors[_i].text, vectors[_i].body, NOW + 301));
    ck_assert(!admit(vectors[_i].text, "another body", NOW));
}
END_TEST

/* websocket-api.md 6.3; `body` where it is one text, else what it begins
 * with. */
static const struct {
    const char *text;
    int64_t now;
    const char *type, *body;
    bool whole;
} refusals[] = {
    { "GET /prod/pets HTTP/1.1\r\n" HOST "\r\n", NOW,
      "MissingAuthenticationTokenException",
      "{\"message\":\"Missing Authentication Token\"}", true },
    { "GET /prod/pets HTTP/1.1\r\n" HOST DATE
      "Authorization: AWS4-HMAC-SHA256 Signature=a, SignedHeaders=host\r\n\r\n",
      NOW, "IncompleteSignatureException",
      "{\"message\":\"Authorization header requires 'Credential' parameter.",
      false },
    { "GET /prod/pets HTTP/1.1\r\n" HOST DATE
      "Authorization: AWS4-HMAC-SHA256 Credential=NOBODY/" SCOPE
      ", SignedHeaders=host;x-amz-date, Signature=" ZEROS "\r\n\r\n",
      NOW, "UnrecognizedClientException",
      "{\"message\":\"The security token included in the request is "
      "invalid.\"}",
      true },
    { "GET /prod/pets?b=2&a=1 HTTP/1.1\r\n" HOST DATE AUTH(SCOPE, ZEROS) "\r\n",
      NOW, "InvalidSignatureException",
      "{\"message\":\"The request signature we calculated does not match the "
      "signature you provided. Check your AWS Secret Access Key and signing "
      "method. Consult the service documentation for details.\\n\\nThe "
      "Canonical String for this request should have been\\n'GET\\n/prod/pets"
      "\\na=1&b=2\\nhost:a1b2c3d4e5.execute-api.us-east-1.amazonaws.com\\n"
      "x-amz-date:20150830T123600Z\\n\\nhost;x-amz-date\\n"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\\n\\n"
      "The String-to-Sign should have been\\n'AWS4-HMAC-SHA256\\n"
      "20150830T123600Z\\n" SCOPE "\\n",
      false },
    { PETS, NOW + 301, "InvalidSignatureException",
      "{\"message\":\"Signature expired: ", false },
    { "GET /prod/pets?b=2&a=1 HTTP/1.1\r\n" HOST DATE AUTH(
          "20150830/us-east-1/s3/aws4_request", PETS_SIGNATURE) "\r\n",
      NOW, "InvalidSignatureException", "{\"message\":\"", false },
    { "GET /prod/pets?b=2&a=1 HTTP/1.1\r\n" HOST DATE AUTH(
          "20150830/eu-west-1/execute-api/aws4_request", PETS_SIGNATURE) "\r\n",
      NOW, "InvalidSignatureException", "{\"message\":\"", false },
};

START_TEST(others_are_told_why_not)
{
    gw_str body = gw_str_of(refusals[_i].body);

    ck_assert(!admit(refusals[_i].text, "", refusals[_i].now));
    ck_assert_str_eq(why.type, refusals[_i].type);
    if (refusals[_i].whole)
        ck_assert_gw_str(why.body, body);
    else
        ck_assert_msg(gw_str_starts(why.body, body), "%.*s", GW_FMT(why.body));
    ck_assert(admit(PETS, "", NOW)); /* and nothing of it is remembered */
}
END_TEST

/* A scope is its parts, not the letters they make together: whoever knows an
 * access key's name must not be able to plant a wrong key for it. */
START_TEST(scopes_are_not_confused)
{
    static const char *const scopes[] = {
        AUTH("20150830/us-east-1e/xecute-api/aws4_request", ZEROS),
        AUTH("20150830/us-east-1execute-/api/aws4_request", ZEROS),
        AUTH("20150830/us-east-/1execute-api/aws4_request", ZEROS),
    };
    char text[1024];

    for (size_t i = 0; i < GW_LEN(scopes); i++) {
        snprintf(text, sizeof(text),
                 "GET /prod HTTP/1.1\r\n" HOST DATE "%s\r\n", scopes[i]);
        ck_assert(!admit(text, "", NOW));
    }
    ck_assert(admit(PETS, "", NOW));
}
END_TEST

/* More scopes than are kept, and one that is longer than any kept. */
START_TEST(keys_are_derived_anew_when_forgotten)
{
    char text[2048], region[200];

    ck_assert(admit(PETS, "", NOW));
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text),
                 "GET /prod HTTP/1.1\r\n" HOST DATE
                 "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
                 "20150830/region-%d/execute-api/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=" ZEROS "\r\n\r\n",
                 i);
        ck_assert(!admit(text, "", NOW));
        gw_arena_reset(&arena);
    }
    ck_assert(admit(PETS, "", NOW));
    memset(region, 'r', sizeof(region) - 1);
    region[sizeof(region) - 1] = '\0';
    snprintf(text, sizeof(text),
             "GET /prod HTTP/1.1\r\n" HOST DATE
             "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
             "20150830/%s/execute-api/aws4_request, "
             "SignedHeaders=host;x-amz-date, Signature=" ZEROS "\r\n\r\n",
             region);
    ck_assert(!admit(text, "", NOW));
    ck_assert(admit(PETS, "", NOW));
}
END_TEST

/* Signs as the key's owner would, with any secret, region and day. */
static const char *signed_by(const char *secret, const char *region,
                             int64_t now)
{
    static struct gw_http_headers headers;
    static char text[2048], date[GW_AMZ_DATE_LEN + 1];
    struct gw_sigv4_request req = { .method = GW_LIT("GET"),
                                    .path = GW_LIT("/prod/pets"),
                                    .query = GW_EMPTY,
                                    .body = GW_EMPTY,
                                    .headers = &headers };
    gw_str authorization;

    gw_amz_date_write(now, date);
    headers.count = 2;
    headers.at[0] = (struct gw_http_header){ GW_LIT("Host"), GW_LIT("a") };
    headers.at[1] =
        (struct gw_http_header){ GW_LIT("X-Amz-Date"), gw_str_of(date) };
    ck_assert(gw_sigv4_sign(&arena, &req, GW_LIT("AKIDEXAMPLE"),
                            gw_str_of(secret), gw_str_of(region),
                            GW_LIT("execute-api"), &authorization) == GW_OK);
    snprintf(text, sizeof(text),
             "GET /prod/pets HTTP/1.1\r\nHost: a\r\nX-Amz-Date: %s\r\n"
             "Authorization: %.*s\r\n\r\n",
             date, GW_FMT(authorization));
    return text;
}

/* A reload with another secret under the same name: the old one is out at
 * once, whatever is kept. */
START_TEST(a_new_secret_replaces_the_old)
{
    ck_assert(admit(signed_by(SECRET, "us-east-1", NOW), "", NOW));
    gw_config_unref(config);
    config = fake_config(CONFIG("rotated"));
    ck_assert(!admit(signed_by(SECRET, "us-east-1", NOW), "", NOW));
    ck_assert_str_eq(why.type, "InvalidSignatureException");
    ck_assert(admit(signed_by("rotated", "us-east-1", NOW), "", NOW));
    ck_assert(!admit(signed_by(SECRET, "us-east-1", NOW), "", NOW));
}
END_TEST

START_TEST(each_day_has_its_key)
{
    for (int64_t day = 0; day < 100; day++) {
        int64_t now = NOW + day * 86400;

        ck_assert(admit(signed_by(SECRET, "us-east-1", now), "", now));
        ck_assert(!admit(signed_by("wrong", "us-east-1", now), "", now));
        gw_arena_reset(&arena);
    }
}
END_TEST

GW_SUITE("server/admin/signatures")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, the_vectors_are_admitted, 0, GW_LEN(vectors));
    tcase_add_loop_test(tc, others_are_told_why_not, 0, GW_LEN(refusals));
    tcase_add_test(tc, scopes_are_not_confused);
    tcase_add_test(tc, keys_are_derived_anew_when_forgotten);
    tcase_add_test(tc, a_new_secret_replaces_the_old);
    tcase_add_test(tc, each_day_has_its_key);
}
