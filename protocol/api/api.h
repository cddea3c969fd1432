/*
 * The model: what an API is, in the original's objects and words
 * (websocket-api.md sections 2, 4 and 10.2). Front doors (the YAML file now;
 * templates and the control API later) fill these in; gw_plan_compile turns
 * an api and one of its stages into what the data path walks.
 *
 * Plain data. All texts are views that live as long as the model does. An
 * empty text means "not given".
 */
#ifndef GW_API_API_H
#define GW_API_API_H

#include "protocol/event/context.h"

typedef enum gw_integration_type {
    GW_INTEGRATION_MOCK,
    GW_INTEGRATION_HTTP,
    GW_INTEGRATION_HTTP_PROXY,
    GW_INTEGRATION_AWS, /* a Lambda function, with templates */
    GW_INTEGRATION_AWS_PROXY,
    GW_INTEGRATION_TYPES
} gw_integration_type;

typedef enum gw_passthrough {
    GW_PASSTHROUGH_WHEN_NO_MATCH,
    GW_PASSTHROUGH_WHEN_NO_TEMPLATES,
    GW_PASSTHROUGH_NEVER,
} gw_passthrough;

typedef enum gw_content_handling {
    GW_CONTENT_UNSET,
    GW_CONTENT_TO_BINARY, /* base64 text -> bytes */
    GW_CONTENT_TO_TEXT,   /* bytes -> base64 text */
} gw_content_handling;

struct gw_integration_response {
    gw_str key; /* "$default" or "/regex/", of the status; AWS: of the
                   errorMessage */
    struct gw_pairs response_templates;  /* key -> template */
    struct gw_pairs response_parameters; /* method.response.header.X */
    gw_str template_selection_expression;
    gw_content_handling content_handling;
};

struct gw_integration {
    gw_integration_type type;
    gw_str uri; /* HTTP*: http:// or https://; AWS*: a function (function.h) */
    gw_str method;       /* HTTP*: the verb; AWS*: POST, or none */
    uint32_t timeout_ms; /* 50 to 29,000 */
    struct gw_pairs request_parameters;
    struct gw_pairs request_templates;
    gw_str template_selection_expression;
    gw_passthrough passthrough;
    gw_content_handling content_handling;
    bool gateway_headers;   /* the shorthand form: X-Gatewire-… */
    uint32_t max_in_flight; /* 1,000 */
    uint32_t max_waiting;   /* 10,000 */
    const struct gw_integration_response *responses;
    size_t response_count;
};

/* How functions are reached, and who we are to them. */
struct gw_lambda {
    gw_str endpoint;      /* of those an ARN names; empty: the original's */
    gw_str region;        /* of signatures, where a URL names none */
    gw_str access_key_id; /* empty: calls are not signed */
    gw_str secret, session_token; /* session_token: or empty */
    const gw_str *here; /* ARNs of the functions that are run here: without an
                           endpoint, these are not called elsewhere */
    size_t here_count;
};

struct gw_route {
    gw_str key; /* "$connect", "sendmessage", ... */
    struct gw_integration integration;
    bool route_response; /* two-way */
    bool ordered;        /* one message at a time */
};

/* Throttles: negative means "not given, the next wider one counts". */
struct gw_route_settings {
    gw_str route_key; /* empty: the stage's default settings */
    double rate_limit;
    double burst_limit;
};

struct gw_stage {
    gw_str name;
    struct gw_pairs variables;
    struct gw_route_settings defaults;
    const struct gw_route_settings *route_settings;
    size_t route_settings_count;
};

struct gw_api {
    gw_str id; /* the name in the file: "chat" */
    gw_str route_selection_expression;
    bool binary; /* accept binary messages */
    const struct gw_route *routes;
    size_t route_count;
    const struct gw_stage *stages;
    size_t stage_count;
};

#endif
