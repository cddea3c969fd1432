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
 * body hashed unless x-amz-content-sha256 was given (then that hash is
 * checked against the body), service must be `service`, every signed header
 * present, host among them.
 *
 * Errors   GW_E_SIGNATURE  wrong key, or bytes that were not the signed ones;
 *                          *why may hold nothing: the canonical request is
 *                          written to *canonical when asked for (may be NULL)
 *          GW_E_EXPIRED    dated more than 5 minutes from now_unix, or past
 *                          X-Amz-Expires
 *          GW_E_SYNTAX     scope and date disagree, another service, ...
 * Cost     linear; compares in constant time; allocates from the arena only.
 * Source   AWS General Reference, "Signature Version 4"; vectors/sigv4/.
 */
gw_err gw_sigv4_check(struct gw_arena *a, const struct gw_sigv4 *sig,
                      const struct gw_sigv4_request *req,
                      const struct gw_sigv4_key *key, gw_str service,
                      int64_t now_unix, struct gw_fault *why) GW_MUST_CHECK;

/* The canonical request and the string to sign, as texts: for the error
 * message that shows them, and for the published vectors. `normalize`: collapse
 * "." ".." and "//" in the path (true for every service but S3). */
gw_err gw_sigv4_canonical(struct gw_arena *a, const struct gw_sigv4 *sig,
                          const struct gw_sigv4_request *req, bool normalize,
                          gw_str *canonical, gw_str *to_sign) GW_MUST_CHECK;

/* Fills in the Authorization value for a request whose headers already hold
 * Host and X-Amz-Date (and the token, if any); signs all of its headers. */
gw_err gw_sigv4_sign(struct gw_arena *a, const struct gw_sigv4_request *req,
                     gw_str access_key, gw_str secret, gw_str region,
                     gw_str service, gw_str *authorization) GW_MUST_CHECK;

#endif
