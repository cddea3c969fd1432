#include "server/admin/signatures.h"

#include "protocol/base/utf8.h"
#include "protocol/json/json.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum { KEPT = 64, SCOPE_MAX = 64 };

/* The key of one scope. The secret's own hash is part of it, so that a
 * reload with another secret under the same name derives anew. */
struct kept_key {
    gw_str secret; /* owned */
    char scope[SCOPE_MAX];
    size_t scope_len;
    struct gw_sigv4_key key;
};

struct gw_signatures {
    struct kept_key kept[KEPT];
    unsigned next; /* the one to be replaced */
};

struct gw_signatures *gw_signatures_new(void)
{
    return gw_alloc(sizeof(struct gw_signatures));
}

static void forget(struct kept_key *k)
{
    if (k->secret.at)
        OPENSSL_cleanse((char *)k->secret.at, k->secret.len);
    free((char *)k->secret.at);
    OPENSSL_cleanse(&k->key, sizeof(k->key));
}

void gw_signatures_free(struct gw_signatures *s)
{
    for (size_t i = 0; i < KEPT; i++)
        forget(&s->kept[i]);
    free(s);
}

static const struct gw_sigv4_key *key_of(struct gw_signatures *s,
                                         const struct gw_sigv4 *sig,
                                         gw_str secret, struct kept_key *once)
{
    const gw_str parts[] = { sig->date, sig->region, sig->service };
    char scope[SCOPE_MAX];
    size_t len = 0;
    struct kept_key *k;

    if (sig->date.len + sig->region.len + sig->service.len + GW_LEN(parts) >
        sizeof(scope)) {
        gw_sigv4_derive(secret, sig->date, sig->region, sig->service,
                        &once->key);
        return &once->key;
    }
    /* The slashes, which no part can hold, keep "us-east-1" + "execute-api"
     * apart from "us-east-1e" + "xecute-api". */
    for (size_t i = 0; i < GW_LEN(parts); i++) {
        memcpy(scope + len, parts[i].at, parts[i].len);
        len += parts[i].len;
        scope[len++] = '/';
    }
    for (size_t i = 0; i < KEPT; i++) {
        k = &s->kept[i];
        if (k->scope_len == len && memcmp(k->scope, scope, len) == 0 &&
            gw_str_eq(k->secret, secret))
            return &k->key;
    }
    k = &s->kept[s->next++ % KEPT];
    forget(k);
    k->secret = (gw_str){ gw_str_dup(secret), secret.len };
    memcpy(k->scope, scope, len);
    k->scope_len = len;
    gw_sigv4_derive(secret, sig->date, sig->region, sig->service, &k->key);
    return &k->key;
}

static bool refuse(struct gw_arena *a, struct gw_refusal *why, const char *type,
                   gw_str message)
{
    struct gw_buf body;
    gw_err err;

    gw_buf_init(&body, 256 * 1024);
    why->type = type;
    why->body = GW_EMPTY;
    err = gw_buf_add(&body, GW_LIT("{\"message\":"));
    if (!err)
        err = gw_json_write_text(&body, message);
    if (!err)
        err = gw_buf_add(&body, GW_LIT("}"));
    if (!err)
        err = gw_arena_dup(a, gw_buf_str(&body), &why->body);
    if (err)
        why->body = GW_LIT("{\"message\":\"Forbidden\"}");
    gw_buf_fini(&body);
    return false;
}

/* The original shows the caller what it should have signed. */
static gw_str mismatch_text(struct gw_arena *a, const struct gw_sigv4 *sig,
                            const struct gw_sigv4_request *req)
{
    gw_str canonical, to_sign, out;
    struct gw_buf text;
    gw_err err;

    /* Header values may hold bytes that are no text, and JSON must be. */
    if (gw_sigv4_canonical(a, sig, req, true, &canonical, &to_sign) ||
        !gw_utf8_is_valid(canonical))
        return GW_LIT("The request signature we calculated does not match the "
                      "signature you provided.");
    gw_buf_init(&text, 128 * 1024);
    err = gw_buf_addf(
        &text,
        "The request signature we calculated does not match the signature you "
        "provided. Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details.\n\n"
        "The Canonical String for this request should have been\n'%.*s'\n\n"
        "The String-to-Sign should have been\n'%.*s'\n",
        GW_FMT(canonical), GW_FMT(to_sign));
    if (err || gw_arena_dup(a, gw_buf_str(&text), &out))
        out = GW_LIT("The request signature we calculated does not match the "
                     "signature you provided.");
    gw_buf_fini(&text);
    return out;
}

bool gw_signatures_admit(struct gw_signatures *s,
                         const struct gw_config *config, gw_str service,
                         struct gw_arena *a,
                         const struct gw_http_request *request, gw_str body,
                         int64_t now_unix, struct gw_refusal *why)
{
    struct gw_sigv4_request req = { request->method, request->path,
                                    request->query, body, &request->headers };
    struct gw_sigv4 sig;
    struct gw_fault fault = { "" };
    struct kept_key once = { .scope_len = 0 };
    const gw_str *secret;
    gw_err err = gw_sigv4_read(a, &req, &sig, &fault);

    if (err == GW_E_NOT_FOUND)
        return refuse(a, why, "MissingAuthenticationTokenException",
                      GW_LIT("Missing Authentication Token"));
    if (err)
        return refuse(a, why, "IncompleteSignatureException",
                      gw_str_of(fault.text));
    if (config->settings.region.len &&
        !gw_str_eq(config->settings.region, sig.region))
        return refuse(a, why, "InvalidSignatureException",
                      GW_LIT("Credential should be scoped to a valid region."));
    secret = gw_config_secret(config, sig.access_key);
    if (!secret)
        return refuse(a, why, "UnrecognizedClientException",
                      GW_LIT("The security token included in the request is "
                             "invalid."));
    err = gw_sigv4_check(a, &sig, &req, key_of(s, &sig, *secret, &once),
                         service, now_unix, &fault);
    if (err == GW_E_SIGNATURE && !fault.text[0])
        return refuse(a, why, "InvalidSignatureException",
                      mismatch_text(a, &sig, &req));
    if (err)
        return refuse(a, why, "InvalidSignatureException",
                      gw_str_of(fault.text));
    return true;
}
