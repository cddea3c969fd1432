#include "protocol/auth/sigv4.h"

#include "protocol/auth/amz_date.h"
#include "protocol/auth/canonical.h"
#include "protocol/auth/digest.h"
#include "protocol/base/base64.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum { HASH_TEXT = 2 * GW_SHA256_LEN, SKEW_S = 300 };

void gw_sigv4_derive(gw_str secret, gw_str date, gw_str region, gw_str service,
                     struct gw_sigv4_key *out)
{
    const gw_str scope[] = { date, region, service, GW_SIGV4_TERMINATOR };
    size_t len = 4 + secret.len;
    char *first = gw_alloc(len);
    gw_str key = { first, len };

    memcpy(first, "AWS4", 4);
    if (secret.len)
        memcpy(first + 4, secret.at, secret.len);
    for (size_t i = 0; i < GW_LEN(scope); i++) {
        gw_hmac_sha256(key, scope[i], out->bytes);
        key = (gw_str){ (char *)out->bytes, sizeof(out->bytes) };
    }
    OPENSSL_cleanse(first, len);
    free(first);
}

static gw_err check_scope(const struct gw_sigv4 *sig, gw_str service,
                          struct gw_fault *why)
{
    gw_str names = sig->signed_headers;

    if (!gw_str_eq(sig->service, service))
        return gw_fail(why, GW_E_SYNTAX,
                       "Credential should be scoped to correct service: "
                       "'%.*s'. ",
                       GW_FMT(service));
    if (!gw_str_eq(sig->date, gw_str_head(sig->amz_date, 8)))
        return gw_fail(why, GW_E_SYNTAX,
                       "Date in Credential scope does not match YYYYMMDD from "
                       "ISO-8601 version of date from HTTP: '%.*s' != '%.8s', "
                       "from '%.*s'.",
                       (int)GW_MIN(sig->date.len, 20), sig->date.at,
                       sig->amz_date.at, GW_FMT(sig->amz_date));
    while (names.len)
        if (gw_str_eq(gw_str_cut(&names, ';'), GW_LIT("host")))
            return GW_OK;
    return gw_fail(why, GW_E_SYNTAX,
                   "'Host' or ':authority' must be a 'SignedHeader' in the "
                   "AWS Authorization.");
}

static gw_err check_time(const struct gw_sigv4 *sig, int64_t signed_unix,
                         int64_t now_unix, struct gw_fault *why)
{
    int64_t age = now_unix - signed_unix;
    int64_t most = sig->in_query && sig->expires_s ? sig->expires_s : SKEW_S;
    bool expired = age > most;
    char now[GW_AMZ_DATE_LEN + 1], edge[GW_AMZ_DATE_LEN + 1];

    if (!expired && age >= -SKEW_S)
        return GW_OK;
    gw_amz_date_write(now_unix, now);
    gw_amz_date_write(expired ? now_unix - most : now_unix + SKEW_S, edge);
    if (!expired)
        return gw_fail(why, GW_E_EXPIRED,
                       "Signature not yet current: %.*s is still later than "
                       "%s (%s + 5 min.)",
                       GW_FMT(sig->amz_date), edge, now);
    return gw_fail(why, GW_E_EXPIRED,
                   "Signature expired: %.*s is now earlier than %s (%s - %u "
                   "%s.)",
                   GW_FMT(sig->amz_date), edge, now,
                   (unsigned)(most % 60 ? most : most / 60),
                   most % 60 ? "sec" : "min");
}

static void hash_text(gw_str bytes, char out[HASH_TEXT])
{
    uint8_t hash[GW_SHA256_LEN];

    gw_sha256(bytes, hash);
    gw_hex_encode(hash, sizeof(hash), out);
}

static void sign_text(const struct gw_sigv4_key *key, gw_str to_sign,
                      char out[HASH_TEXT])
{
    uint8_t mac[GW_SHA256_LEN];

    gw_hmac_sha256((gw_str){ (const char *)key->bytes, sizeof(key->bytes) },
                   to_sign, mac);
    gw_hex_encode(mac, sizeof(mac), out);
}

static gw_err matches(struct gw_arena *a, const struct gw_sigv4 *sig,
                      const struct gw_sigv4_request *req,
                      struct gw_canonical_form form, gw_str payload_hash,
                      const struct gw_sigv4_key *key, struct gw_fault *why)
{
    gw_str canonical, to_sign;
    char signature[HASH_TEXT];
    gw_err err =
        gw_canonical_write(a, sig, req, form, payload_hash, &canonical, why);

    if (err)
        return err;
    err = gw_canonical_to_sign(a, sig, canonical, &to_sign);
    if (err)
        return gw_fail(why, err, "the request is too large to be signed");
    sign_text(key, to_sign, signature);
    if (sig->signature.len != HASH_TEXT ||
        CRYPTO_memcmp(signature, sig->signature.at, HASH_TEXT) != 0)
        return gw_fail(why, GW_E_SIGNATURE, "%s", "");
    return GW_OK;
}

gw_err gw_sigv4_check(struct gw_arena *a, const struct gw_sigv4 *sig,
                      const struct gw_sigv4_request *req,
                      const struct gw_sigv4_key *key, gw_str service,
                      int64_t now_unix, struct gw_fault *why)
{
    const struct {
        bool tried;
        struct gw_canonical_form form;
    } forms[] = {
        { true, { 0 } },
        { sig->in_query && sig->token.len, { .drop_token = true } },
        { req->query.len > 0, { .raw_query = true } },
    };
    char hash[HASH_TEXT];
    gw_str payload_hash = { hash, sizeof(hash) };
    int64_t signed_unix;
    gw_err err;

    if (!gw_amz_date_read(sig->amz_date, &signed_unix))
        return gw_fail(why, GW_E_SYNTAX, "X-Amz-Date is malformed");
    err = check_scope(sig, service, why);
    if (!err)
        err = check_time(sig, signed_unix, now_unix, why);
    if (err)
        return err;
    hash_text(req->body, hash);
    if (sig->payload_hash.len && !gw_str_eq(sig->payload_hash, payload_hash))
        return gw_fail(why, GW_E_SIGNATURE,
                       "The provided 'x-amz-content-sha256' header does not "
                       "match what was computed.");
    for (size_t i = 0; i < GW_LEN(forms); i++)
        if (forms[i].tried) {
            err = matches(a, sig, req, forms[i].form, payload_hash, key, why);
            if (err != GW_E_SIGNATURE)
                return err;
        }
    return err;
}

gw_err gw_sigv4_canonical(struct gw_arena *a, const struct gw_sigv4 *sig,
                          const struct gw_sigv4_request *req, bool normalize,
                          gw_str *canonical, gw_str *to_sign)
{
    struct gw_canonical_form form = { .path_as_is = !normalize,
                                      .drop_token = sig->token.len == 0 };
    char hash[HASH_TEXT];
    gw_err err;

    hash_text(req->body, hash);
    err = gw_canonical_write(a, sig, req, form, (gw_str){ hash, sizeof(hash) },
                             canonical, NULL);
    return err ? err : gw_canonical_to_sign(a, sig, *canonical, to_sign);
}

static int by_text(const void *left, const void *right)
{
    return gw_str_cmp(*(const gw_str *)left, *(const gw_str *)right);
}

/* All names in lower case, sorted, each once, joined by ';'. */
static gw_err join_names(struct gw_arena *a, const struct gw_http_headers *h,
                         gw_str *out)
{
    gw_str names[GW_HTTP_HEADERS_MAX];
    size_t room = 0;
    char *at, *lower;

    for (size_t i = 0; i < h->count; i++)
        room += h->at[i].name.len + 1;
    lower = gw_arena_text(a, room);
    at = gw_arena_text(a, room);
    if (!lower || !at)
        return GW_E_TOO_BIG;
    for (size_t i = 0; i < h->count; i++) {
        gw_str name = h->at[i].name;

        names[i] = (gw_str){ lower, name.len };
        for (size_t j = 0; j < name.len; j++) {
            char c = name.at[j];

            *lower++ = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
    }
    qsort(names, h->count, sizeof(*names), by_text);
    *out = (gw_str){ at, 0 };
    for (size_t i = 0; i < h->count; i++) {
        if (i && gw_str_eq(names[i], names[i - 1]))
            continue;
        if (out->len)
            at[out->len++] = ';';
        memcpy(at + out->len, names[i].at, names[i].len);
        out->len += names[i].len;
    }
    return GW_OK;
}

gw_err gw_sigv4_sign(struct gw_arena *a, const struct gw_sigv4_request *req,
                     gw_str access_key, gw_str secret, gw_str region,
                     gw_str service, gw_str *authorization)
{
    struct gw_sigv4 sig = { .access_key = access_key,
                            .region = region,
                            .service = service };
    struct gw_sigv4_key key;
    gw_str canonical, to_sign, host;
    char signature[HASH_TEXT], *at;
    int64_t unix_s;
    size_t room;
    gw_err err;

    if (!gw_http_header_first(req->headers, GW_LIT("x-amz-date"),
                              &sig.amz_date) ||
        !gw_amz_date_read(sig.amz_date, &unix_s) ||
        !gw_http_header_first(req->headers, GW_LIT("host"), &host))
        return GW_E_INVALID;
    sig.date = gw_str_head(sig.amz_date, 8);
    err = join_names(a, req->headers, &sig.signed_headers);
    if (!err)
        err = gw_sigv4_canonical(a, &sig, req, true, &canonical, &to_sign);
    if (err)
        return err;
    gw_sigv4_derive(secret, sig.date, region, service, &key);
    sign_text(&key, to_sign, signature);
    OPENSSL_cleanse(&key, sizeof(key));

    room = access_key.len + region.len + service.len + sig.signed_headers.len +
           200;
    at = gw_arena_text(a, room);
    if (!at)
        return GW_E_TOO_BIG;
    *authorization = (gw_str){
        at, (size_t)snprintf(at, room,
                             "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%.*s/"
                             "aws4_request, SignedHeaders=%.*s, "
                             "Signature=%.*s",
                             GW_FMT(access_key), GW_FMT(sig.date),
                             GW_FMT(region), GW_FMT(service),
                             GW_FMT(sig.signed_headers), HASH_TEXT, signature)
    };
    return GW_OK;
}
