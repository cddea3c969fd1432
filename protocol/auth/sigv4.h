/*
 * AWS Signature Version 4 of one HTTP request: read, look up, check; and
 * sign, for our own calls.
 *
 * Works from the bytes as they came: the raw target, the header fields in
 * their order (websocket-api.md 6.2 and 7.2, rest-and-services.md 12.1).
 */
#ifndef GW_AUTH_SIGV4_H
#define GW_AUTH_SIGV4_H

#include "protocol/base/arena.h"
#include "protocol/http/header.h"

/* A request as it is signed. path and query are raw (still encoded); body may
 * be empty. */
struct gw_sigv4_request {
    gw_str method, path, query, body;
    const struct gw_http_headers *headers;
};

/* What the request says about its signature: views into it. */
struct gw_sigv4 {
    gw_str access_key, date, region, service; /* the credential scope */
    gw_str amz_date;                          /* "20150830T123600Z" */
    gw_str signed_headers, signature;
    gw_str token;        /* X-Amz-Security-Token; empty: none */
    gw_str payload_hash; /* x-amz-content-sha256; empty: none */
    bool in_query;       /* presigned */
    uint32_t expires_s;  /* X-Amz-Expires; 0: not given */
};

/*
 * Reads the Authorization header, or the X-Amz-… query parameters (decoded in
 * the arena).
 * Errors   GW_E_NOT_FOUND  the request carries no signature at all
 *          GW_E_SYNTAX     it does, but incompletely: *why names what is
 *                          missing, in the original's words
 */
gw_err gw_sigv4_read(struct gw_arena *a, const struct gw_sigv4_request *req,
                     struct gw_sigv4 *out, struct gw_fault *why) GW_MUST_CHECK;

/* The signing key of one secret, day, region and service; worth keeping. */
struct gw_sigv4_key {
    uint8_t bytes[32];
};
void gw_sigv4_derive(gw_str secret, gw_str date, gw_str region, gw_str service,
                     struct gw_sigv4_key *out);

/*
 * Checks the signature: canonical request from the wire bytes (path
 * normalised and encoded once more, query decoded, re-encoded and sorted),
 * body always hashed (x-amz-content-sha256, when given, must agree), scope of
 * the same day and of `service`, every signed header present, host among
 * them.
 *
 * Errors   GW_E_SIGNATURE  wrong key, or bytes that were not the signed ones.
 *                          An empty *why says: the usual text, which shows
 *                          what gw_sigv4_canonical returns
 *          GW_E_EXPIRED    dated more than 5 minutes from now_unix, or past
 *                          X-Amz-Expires
 *          GW_E_SYNTAX     scope and date disagree, another service, host not
 *                          signed, a signed header that is not there
 *          GW_E_TOO_BIG    the arena is full
 *          All but the last are the original's InvalidSignatureException;
 *          what gw_sigv4_read refuses is its IncompleteSignatureException.
 * Cost     linear but for the sort of the query; compares in constant time;
 *          allocates from the arena only. A presigned query that does not
 *          match is tried again as some signers write it (7.2: the token
 *          appended after signing; rest-and-services.md 4.6: not re-encoded).
 * Source   AWS General Reference, "Signature Version 4"; vectors/sigv4/.
 */
gw_err gw_sigv4_check(struct gw_arena *a, const struct gw_sigv4 *sig,
                      const struct gw_sigv4_request *req,
                      const struct gw_sigv4_key *key, gw_str service,
                      int64_t now_unix, struct gw_fault *why) GW_MUST_CHECK;

/* The canonical request and the string to sign, as texts: for the error
 * message that shows them, and for the published vectors. `normalize`: collapse
 * "." ".." and "//" in the path (true for every service but S3). With an empty
 * sig->token, X-Amz-Security-Token is left out of the query. */
gw_err gw_sigv4_canonical(struct gw_arena *a, const struct gw_sigv4 *sig,
                          const struct gw_sigv4_request *req, bool normalize,
                          gw_str *canonical, gw_str *to_sign) GW_MUST_CHECK;

/* The Authorization value for a request whose headers already hold Host and
 * X-Amz-Date (and the token, if any); signs all of its headers.
 * Errors   GW_E_INVALID  Host or X-Amz-Date is missing or malformed
 *          GW_E_TOO_BIG  the arena is full */
gw_err gw_sigv4_sign(struct gw_arena *a, const struct gw_sigv4_request *req,
                     gw_str access_key, gw_str secret, gw_str region,
                     gw_str service, gw_str *authorization) GW_MUST_CHECK;

#endif
