/*
 * A stage, compiled: everything the data path needs, immutable, counted.
 * Exchanges in flight keep the plan they began with; a reload makes new ones.
 */
#ifndef GW_API_PLAN_H
#define GW_API_PLAN_H

#include "protocol/api/api.h"
#include "protocol/api/status_set.h"
#include "protocol/base/map.h"
#include "protocol/expr/mapping.h"
#include "protocol/expr/regex.h"
#include "protocol/expr/select.h"
#include "protocol/limit/bucket.h"
#include "protocol/vtl/template.h"

#include <stdatomic.h>

struct gw_plan_template {
    gw_str key; /* "$default", "application/json", ... */
    struct gw_template *template;
};

struct gw_plan_templates {
    struct gw_expr *selection; /* NULL: none */
    const struct gw_plan_template *at;
    size_t count;
    const struct gw_plan_template *fallback; /* "$default", or without a
                        selection "application/json"; NULL: none */
};

struct gw_plan_response {
    bool is_default;
    struct gw_status_set statuses;  /* unless default */
    const struct gw_regex *pattern; /* AWS: in its place */
    struct gw_plan_templates templates;
    gw_content_handling content_handling;
    struct gw_plan_header { /* response_parameters: method.response.header.X */
        gw_str name;
        enum { GW_FROM_CONSTANT, GW_FROM_HEADER, GW_FROM_BODY } from;
        gw_str text;              /* the constant, or the header's name */
        struct gw_json_path path; /* from the body */
    } * headers;
    size_t header_count;
};

struct gw_plan_integration {
    gw_integration_type type;
    unsigned index; /* 0..plan->route_count-1: per-worker state */
    uint32_t timeout_ms;
    bool gateway_headers;
    gw_passthrough passthrough;
    gw_content_handling content_handling;
    uint32_t max_in_flight, max_waiting;

    /* HTTP and AWS: the URI taken apart, stage variables already filled in;
     * AWS: the Invoke call's. */
    bool tls;
    gw_str method, host, authority; /* authority: the Host header's value */
    uint16_t port;
    gw_str path, query; /* raw; HTTP: path may hold {NAME} placeholders */

    gw_str function, region; /* AWS: as function.h has them */
    gw_str here; /* AWS: run by this process: its name; empty: elsewhere */
    const struct gw_lambda *signs; /* AWS: who calls; NULL: nobody special */

    struct gw_mapping **mappings;
    size_t mapping_count;
    struct gw_plan_templates templates;
    struct gw_plan_response *responses;
    size_t response_count;
};

struct gw_plan_route {
    gw_str key;
    unsigned index; /* 0..plan->route_count-1 */
    struct gw_plan_integration integration;
    bool two_way, ordered;
    bool throttled;     /* rate and burst are set */
    double rate, burst; /* of this route in this stage */
};

struct gw_plan {
    atomic_uint refs;
    struct gw_arena arena;
    gw_str api_id, stage;
    struct gw_pairs stage_variables;
    struct gw_expr *selection;
    struct gw_lambda lambda;
    bool binary;
    struct gw_map routes; /* key -> struct gw_plan_route, without the
                                     three below */
    struct gw_plan_route *all;
    size_t route_count;
    struct gw_bucket *buckets; /* by route index: the one part that changes */
    struct gw_plan_route *connect, *disconnect, *fallback; /* or NULL */
};

/*
 * Compiles one stage of an api. On an error *where is the dotted path of the
 * member at fault inside the api ("routes.sendmessage.integration.
 * requestParameters.integration.request.header.x"; a front door finds its own
 * line for it) and *why says what was expected. The plan copies every text.
 */
gw_err gw_plan_compile(const struct gw_api *api, const struct gw_stage *stage,
                       const struct gw_lambda *lambda, struct gw_plan **out,
                       char where[256], struct gw_fault *why) GW_MUST_CHECK;

struct gw_plan *gw_plan_ref(struct gw_plan *plan);
void gw_plan_unref(struct gw_plan *plan); /* NULL is fine */

const struct gw_plan_template *gw_plan_template_find(
    const struct gw_plan_templates *t, gw_str key); /* NULL: none */

/* The template whose key the selection expression evaluates to, else the
 * fallback, else NULL. */
gw_err gw_plan_template_pick(const struct gw_plan_templates *t,
                             const struct gw_scope *scope, struct gw_arena *a,
                             const struct gw_template **out) GW_MUST_CHECK;

/* The integration response for a status: the first pattern that matches the
 * whole decimal text, else $default, else NULL. */
const struct gw_plan_response *gw_plan_response_pick(
    const struct gw_plan_integration *i, unsigned status);

/* AWS: the one for an errorMessage. An empty one, of a function that did not
 * fail, gets $default, or NULL. */
const struct gw_plan_response *gw_plan_response_pick_error(
    const struct gw_plan_integration *i, gw_str message);

#endif
