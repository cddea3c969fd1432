/*
 * The canonical request of Signature Version 4: the one spelling of a request
 * that both sides hash.
 *
 * Works in the arena, in time linear in the request but for the sort of the
 * query's parameters.
 */
#ifndef GW_AUTH_CANONICAL_H
#define GW_AUTH_CANONICAL_H

#include "protocol/auth/sigv4.h"

#define GW_SIGV4_ALGORITHM  GW_LIT("AWS4-HMAC-SHA256")
#define GW_SIGV4_TERMINATOR GW_LIT("aws4_request")

/* How signers differ. All false is what the reference service does. */
struct gw_canonical_form {
    bool path_as_is; /* S3: "." ".." and "//" stay */
    bool drop_token; /* X-Amz-Security-Token was appended after signing */
    bool raw_query;  /* the signer sorted the query without encoding it anew */
};

/*
 * Errors   GW_E_SYNTAX   SignedHeaders names a header twice, or one that the
 *                        request does not have
 *          GW_E_TOO_BIG  the arena is full
 */
gw_err gw_canonical_write(struct gw_arena *a, const struct gw_sigv4 *sig,
                          const struct gw_sigv4_request *req,
                          struct gw_canonical_form form, gw_str payload_hash,
                          gw_str *out, struct gw_fault *why) GW_MUST_CHECK;

/* The string to sign: date, scope and the canonical request's hash. */
gw_err gw_canonical_to_sign(struct gw_arena *a, const struct gw_sigv4 *sig,
                            gw_str canonical, gw_str *out) GW_MUST_CHECK;

#endif
