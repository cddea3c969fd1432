/*
 * The integrationUri of an AWS or AWS_PROXY integration (websocket-api.md 4.2
 * and 11.1): which function it names, and where it is invoked.
 */
#ifndef GW_API_FUNCTION_H
#define GW_API_FUNCTION_H

#include "protocol/api/api.h"

/* In the arena, or views into the text that was read. */
struct gw_function_uri {
    gw_str name;   /* as it was called, or what a URL has in its place */
    gw_str region; /* of signatures */
    gw_str url;    /* of the Invoke call */
    bool is_real;  /* a function of the original's, which wants signatures */
    gw_str here;   /* run by this process: its name; no url. Or empty */
};

/*
 * Understood, stage variables already filled in:
 *   arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations
 *   arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
 *   function:NAME[:QUALIFIER]
 *   http(s)://HOST[:PORT][/…]/2015-03-31/functions/NAME/invocations[?Qualifier=…]
 * ARNs are invoked at lambda->endpoint, without one here if they are among
 * lambda->here, and else at the original's of their region. `function:NAME` is
 * always one of lambda->here.
 */
gw_err gw_function_uri_read(struct gw_arena *a, gw_str text,
                            const struct gw_lambda *lambda,
                            struct gw_function_uri *out,
                            struct gw_fault *why) GW_MUST_CHECK;

#endif
