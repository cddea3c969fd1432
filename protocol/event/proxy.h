/*
 * What an AWS_PROXY integration and its function say to each other: the event
 * that goes out, the answer that comes back (websocket-api.md 3).
 */
#ifndef GW_EVENT_PROXY_H
#define GW_EVENT_PROXY_H

#include "protocol/event/context.h"

struct gw_proxy_event {
    const struct gw_context *context;
    const struct gw_pairs *stage_variables;
    gw_str body; /* MESSAGE */
    bool is_base64;
    const struct gw_http_header *headers; /* CONNECT: as they are forwarded */
    size_t header_count;
    gw_str query; /* CONNECT: raw */
};

/*
 * Writes the event as JSON into the arena: the members of 3.2 to 3.4 in their
 * order; those that are not set are absent. Beyond the original, DISCONNECT
 * tells its `eventId` and `attempt` where it has them. Header fields and parameters are sorted by
 * name, header names without case. Bytes that are no UTF-8 become U+FFFD.
 *
 * Errors   GW_E_TOO_BIG  the arena is full
 */
gw_err gw_proxy_event_write(struct gw_arena *a,
                            const struct gw_proxy_event *event,
                            gw_str *out) GW_MUST_CHECK;

/* Views into the payload, or in the arena. */
struct gw_proxy_answer {
    unsigned status;                       /* 100 to 599 */
    const struct gw_http_headers *headers; /* both maps, merged; NULL: none */
    gw_str body;                           /* decoded if it was base64 */
};

/*
 * Reads what a function returned, by 3.6: an object with a statusCode (a
 * number, or its digits as a string) and at most headers, multiValueHeaders,
 * body and isBase64Encoded. What a failed function returns (errorMessage,
 * errorType) is none of that, and so is refused without a header saying so.
 *
 * Errors   GW_E_UPSTREAM  it is something else; *why names the fault
 *          GW_E_TOO_BIG   the arena is full
 * Source   3.6; rest-and-services.md 1.5 for how the two maps are merged.
 */
gw_err gw_proxy_answer_read(struct gw_arena *a, gw_str payload,
                            struct gw_proxy_answer *out,
                            struct gw_fault *why) GW_MUST_CHECK;

/* The errorMessage of what a failed function returned; empty: there is none,
 * or it is no text. Of a payload that is no JSON object: empty. */
gw_err gw_function_error_message(struct gw_arena *a, gw_str payload,
                                 gw_str *out) GW_MUST_CHECK;

#endif
