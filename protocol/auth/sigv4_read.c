#include "protocol/auth/sigv4.h"

#include "protocol/auth/amz_date.h"
#include "protocol/auth/canonical.h"
#include "protocol/auth/digest.h"
#include "protocol/base/base64.h"
#include "protocol/http/query.h"

enum { MOST_EXPIRES_S = 604800 }; /* a week */

/* Everything we take apart is printable ASCII, and so may be shown. */
static bool is_plain(gw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '!' || s.at[i] > '~')
            return false;
    return true;
}

static gw_err read_credential(gw_str credential, struct gw_sigv4 *out,
                              struct gw_fault *why)
{
    gw_str rest = credential, part[5];
    size_t slashes = 0;

    for (size_t i = 0; i < credential.len; i++)
        slashes += credential.at[i] == '/';
    if (slashes != 4)
        return gw_fail(why, GW_E_SYNTAX,
                       "Credential must have exactly 5 slash-delimited "
                       "elements, e.g. keyid/date/region/service/term, got "
                       "'%.*s'",
                       (int)GW_MIN(credential.len, 100), credential.at);
    for (size_t i = 0; i < GW_LEN(part); i++)
        part[i] = gw_str_cut(&rest, '/');
    if (!gw_str_eq(part[4], GW_SIGV4_TERMINATOR))
        return gw_fail(why, GW_E_SYNTAX,
                       "Credential should be scoped with a valid terminator: "
                       "'aws4_request', not '%.*s'.",
                       (int)GW_MIN(part[4].len, 100), part[4].at);
    out->access_key = part[0];
    out->date = part[1];
    out->region = part[2];
    out->service = part[3];
    return GW_OK;
}

/* Adds one sentence while it fits whole. */
static void complain(struct gw_fault *why, const char *before, const char *name,
                     const char *after)
{
    struct gw_fault sentence;
    size_t len, more;

    if (!why)
        return;
    gw_fail(&sentence, GW_OK, "%s%s%s%s", why->text[0] ? " " : "", before, name,
            after);
    len = strlen(why->text);
    more = strlen(sentence.text);
    if (len + more < sizeof(why->text))
        memcpy(why->text + len, sentence.text, more + 1);
}

/* One parameter of the signature, in the header or in the query. */
struct part {
    const char *name;
    gw_str *to;
    bool given;
};

static gw_err check_parts(const struct part *parts, size_t count,
                          const char *before, const char *after,
                          struct gw_fault *why)
{
    gw_err err = GW_OK;

    if (why)
        why->text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (!parts[i].given || parts[i].to->len == 0) {
            complain(why, before, parts[i].name, after);
            err = GW_E_SYNTAX;
        }
    return err;
}

static gw_err check_values(gw_str credential, struct gw_sigv4 *out,
                           struct gw_fault *why)
{
    int64_t unix_s;

    if (!is_plain(credential) || !is_plain(out->signed_headers) ||
        !is_plain(out->signature) || !is_plain(out->amz_date))
        return gw_fail(why, GW_E_SYNTAX,
                       "The signature holds characters that no part of one "
                       "has.");
    if (!gw_amz_date_read(out->amz_date, &unix_s))
        return gw_fail(why, GW_E_SYNTAX,
                       "Date must be in ISO-8601 'basic format'. Got '%.*s'. "
                       "See http://en.wikipedia.org/wiki/ISO_8601",
                       (int)GW_MIN(out->amz_date.len, 50), out->amz_date.at);
    return read_credential(credential, out, why);
}

/* The text shows a hash, as the original does, for it may be a password. */
static gw_err not_pairs(gw_str authorization, struct gw_fault *why)
{
    uint8_t hash[GW_SHA256_LEN];
    char text[GW_BASE64_LEN(GW_SHA256_LEN)];

    gw_sha256(authorization, hash);
    gw_base64_encode(GW_BASE64, (gw_str){ (char *)hash, sizeof(hash) }, text);
    return gw_fail(why, GW_E_SYNTAX,
                   "Invalid key=value pair (missing equal-sign) in "
                   "Authorization header (hashed with SHA-256 and encoded "
                   "with Base64): '%.*s'.",
                   (int)sizeof(text), text);
}

/*
 * `SCHEME name=value, name=value`. A header of another scheme ("Bearer …")
 * is read all the same: the original answers with what it lacks.
 */
static gw_err read_header(const struct gw_sigv4_request *req,
                          gw_str authorization, struct gw_sigv4 *out,
                          struct gw_fault *why)
{
    gw_str rest = authorization, scheme = gw_str_cut(&rest, ' ');
    gw_str credential = GW_EMPTY;
    struct part parts[] = {
        { "Credential", &credential, false },
        { "Signature", &out->signature, false },
        { "SignedHeaders", &out->signed_headers, false },
    };
    gw_err err;

    while (rest.len) {
        gw_str value = gw_str_trim(gw_str_cut(&rest, ',')), name;

        if (gw_str_find(value, '=', 0) < 0)
            return not_pairs(authorization, why);
        name = gw_str_cut(&value, '=');
        for (size_t i = 0; i < GW_LEN(parts); i++) {
            if (!gw_str_eq(name, gw_str_of(parts[i].name)))
                continue;
            if (parts[i].given)
                return gw_fail(why, GW_E_SYNTAX,
                               "Authorization header has more than one '%s' "
                               "parameter.",
                               parts[i].name);
            parts[i].given = true;
            *parts[i].to = value;
        }
    }
    err = check_parts(parts, GW_LEN(parts), "Authorization header requires '",
                      "' parameter.", why);
    if (!gw_http_header_first(req->headers, GW_LIT("x-amz-date"),
                              &out->amz_date)) {
        complain(why,
                 "Authorization header requires existence of either a "
                 "'X-Amz-Date' or a 'Date' header.",
                 "", "");
        err = GW_E_SYNTAX;
    }
    if (err)
        return err;
    if (!gw_str_eq(scheme, GW_SIGV4_ALGORITHM))
        return gw_fail(why, GW_E_SYNTAX, "Unsupported AWS 'algorithm'.");
    gw_http_header_first(req->headers, GW_LIT("x-amz-security-token"),
                         &out->token);
    return check_values(credential, out, why);
}

enum query_part {
    Q_ALGORITHM,
    Q_CREDENTIAL,
    Q_SIGNATURE,
    Q_SIGNED_HEADERS,
    Q_DATE,
    Q_REQUIRED,
    Q_EXPIRES = Q_REQUIRED,
    Q_TOKEN,
    Q_PARTS
};

struct query_parts {
    struct part at[Q_PARTS];
    gw_str algorithm, credential, expires;
    const char *twice; /* a part that came more than once */
};

static gw_err find_parts(struct gw_arena *a, gw_str query, struct gw_sigv4 *out,
                         struct query_parts *q)
{
    *q = (struct query_parts){
        .at = {
            [Q_ALGORITHM] = { "X-Amz-Algorithm", &q->algorithm, false },
            [Q_CREDENTIAL] = { "X-Amz-Credential", &q->credential, false },
            [Q_SIGNATURE] = { "X-Amz-Signature", &out->signature, false },
            [Q_SIGNED_HEADERS] = { "X-Amz-SignedHeaders",
                                   &out->signed_headers, false },
            [Q_DATE] = { "X-Amz-Date", &out->amz_date, false },
            [Q_EXPIRES] = { "X-Amz-Expires", &q->expires, false },
            [Q_TOKEN] = { "X-Amz-Security-Token", &out->token, false },
        },
    };
    for (gw_str name, value; gw_http_query_next(&query, &name, &value);) {
        if (!gw_str_starts(name, GW_LIT("X-Amz-")))
            continue;
        for (struct part *p = q->at; p < q->at + Q_PARTS; p++) {
            gw_err err;

            if (!gw_str_eq(name, gw_str_of(p->name)))
                continue;
            if (p->given)
                q->twice = p->name;
            p->given = true;
            err = gw_http_decode(a, value, false, p->to);
            if (err)
                return err;
        }
    }
    return GW_OK;
}

static gw_err read_expires(const struct query_parts *q, struct gw_sigv4 *out,
                           struct gw_fault *why)
{
    uint64_t seconds;

    if (!q->at[Q_EXPIRES].given)
        return GW_OK;
    if (!gw_str_to_u64(q->expires, &seconds))
        return gw_fail(why, GW_E_SYNTAX, "X-Amz-Expires should be a number");
    if (seconds < 1 || seconds > MOST_EXPIRES_S)
        return gw_fail(why, GW_E_SYNTAX,
                       "X-Amz-Expires must be between 1 and 604800 seconds");
    out->expires_s = (uint32_t)seconds;
    return GW_OK;
}

static gw_err read_query(const struct query_parts *q, struct gw_sigv4 *out,
                         struct gw_fault *why)
{
    gw_err err =
        check_parts(q->at, Q_REQUIRED,
                    "AWS query-string parameters must include '", "'.", why);

    if (err) {
        complain(why, "Re-examine the query-string parameters.", "", "");
        return err;
    }
    if (q->twice)
        return gw_fail(why, GW_E_SYNTAX,
                       "AWS query-string parameters include '%s' more than "
                       "once.",
                       q->twice);
    if (!gw_str_eq(q->algorithm, GW_SIGV4_ALGORITHM))
        return gw_fail(why, GW_E_SYNTAX,
                       "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    out->in_query = true;
    err = read_expires(q, out, why);
    return err ? err : check_values(q->credential, out, why);
}

gw_err gw_sigv4_read(struct gw_arena *a, const struct gw_sigv4_request *req,
                     struct gw_sigv4 *out, struct gw_fault *why)
{
    size_t count = gw_http_header_count(req->headers, GW_LIT("authorization"));
    struct gw_sigv4 presigned = { .token = GW_EMPTY };
    gw_str authorization = GW_EMPTY;
    struct query_parts q;
    gw_err err = find_parts(a, req->query, &presigned, &q);

    if (err)
        return gw_fail(why, err, "the request is too large to be signed");
    gw_http_header_first(req->headers, GW_LIT("x-amz-content-sha256"),
                         &presigned.payload_hash);
    gw_http_header_first(req->headers, GW_LIT("authorization"), &authorization);
    if (q.at[Q_ALGORITHM].given || q.at[Q_SIGNATURE].given) {
        /* another scheme's header is the application's own affair */
        if (gw_str_starts(authorization, GW_SIGV4_ALGORITHM))
            return gw_fail(why, GW_E_SYNTAX,
                           "Only one of the Authorization header and the "
                           "X-Amz-Algorithm query parameter should be given.");
        *out = presigned;
        return read_query(&q, out, why);
    }
    *out = (struct gw_sigv4){ .payload_hash = presigned.payload_hash };
    if (count == 0)
        return gw_fail(why, GW_E_NOT_FOUND, "Missing Authentication Token");
    if (count > 1)
        return gw_fail(why, GW_E_SYNTAX,
                       "The Authorization header is given more than once.");
    return read_header(req, authorization, out, why);
}
