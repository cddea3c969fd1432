#include "server/integration/invoke.h"

#include "protocol/auth/amz_date.h"
#include "protocol/auth/sigv4.h"
#include "protocol/base/log.h"
#include "server/integration/request.h"

/* One invocation under way; lives in the exchange's arena. */
struct under_way {
    struct gw_call *call;
    gw_invoke_done *done;
    void *ctx;
    struct gw_invocation here;
};

/* --- there ------------------------------------------------------------------- */

static gw_str trace_id_of(const struct gw_call *call)
{
    gw_str id = call->trace_id;

    if (call->scope->headers)
        gw_http_header_last(call->scope->headers, GW_LIT("X-Amzn-Trace-Id"),
                            &id);
    return id;
}

/* Parameters may ask for another kind of invocation. */
static gw_err make_headers(struct gw_call *call, struct gw_header_list *out)
{
    const struct gw_http_header usual[] = {
        { GW_LIT("Host"), call->integration->authority },
        { GW_LIT("User-Agent"),
          gw_request_print(call->arena, "AmazonAPIGateway_%.*s",
                           GW_FMT(call->scope->context->api_id)) },
        { GW_LIT("Content-Type"), GW_LIT("application/json") },
        { GW_LIT("X-Amz-Invocation-Type"), GW_LIT("RequestResponse") },
        { GW_LIT("X-Amzn-Trace-Id"), trace_id_of(call) },
    };
    gw_err err = GW_OK;

    for (size_t i = 0; i < GW_LEN(usual) && !err; i++)
        err = gw_header_list_add(out, usual[i].name, usual[i].value);
    return err ? err : gw_request_map_headers(call, out);
}

/* What proxies on the way change is not signed, as the SDKs do it. */
static bool may_change(gw_str name)
{
    return gw_str_eq_nocase(name, GW_LIT("User-Agent")) ||
           gw_str_eq_nocase(name, GW_LIT("X-Amzn-Trace-Id"));
}

static gw_err add_signature(struct gw_call *call, gw_str payload,
                            struct gw_header_list *out)
{
    const struct gw_plan_integration *to = call->integration;
    struct gw_http_headers fields = { .count = 0 };
    const struct gw_sigv4_request request = { .method = to->method,
                                              .path = to->path,
                                              .query = to->query,
                                              .body = payload,
                                              .headers = &fields };
    gw_str authorization;
    gw_err err;

    for (size_t i = 0; i < out->count; i++) {
        if (may_change(out->at[i].name))
            continue;
        if (fields.count == GW_LEN(fields.at))
            return GW_E_TOO_BIG;
        fields.at[fields.count++] = out->at[i];
    }
    err = gw_sigv4_sign(call->arena, &request, to->signs->access_key_id,
                        to->signs->secret, to->region, GW_LIT("lambda"),
                        &authorization);
    return err ? err
               : gw_header_list_add(out, GW_LIT("Authorization"),
                                    authorization);
}

static gw_err sign(struct gw_call *call, gw_str payload,
                   struct gw_header_list *out)
{
    const struct gw_lambda *signs = call->integration->signs;
    char *date = gw_arena_text(call->arena, GW_AMZ_DATE_LEN + 1);
    gw_err err;

    if (!date)
        return GW_E_TOO_BIG;
    gw_amz_date_write(call->clock->unix_ms / 1000, date);
    err = gw_header_list_add(out, GW_LIT("X-Amz-Date"), gw_str_of(date));
    if (!err && signs->session_token.len)
        err = gw_header_list_add(out, GW_LIT("X-Amz-Security-Token"),
                                 signs->session_token);
    return err ? err : add_signature(call, payload, out);
}

static gw_err make_target(struct gw_call *call, gw_str *out)
{
    const struct gw_plan_integration *to = call->integration;
    const gw_str pieces[] = { to->path, GW_LIT("?"), to->query };

    return gw_arena_join(call->arena, pieces, to->query.len ? 3 : 1, out);
}

/* --- and back ---------------------------------------------------------------- */

/* Of a call that the Invoke API did not pass on, or (Event, DryRun) took:
 * 11.1, and rest-and-services.md 1.5 for what becomes of it. */
static gw_err judge(unsigned status)
{
    switch (status) {
    case 200:
    case 202:
    case 204:
        return GW_OK;
    case 401:
    case 403:
        return GW_E_UNREACHABLE;
    case 429:
        return GW_E_BUSY;
    default:
        return GW_E_UPSTREAM;
    }
}

static gw_err read_answer(struct gw_call *call,
                          const struct gw_http_response *response, gw_str body)
{
    gw_str type = GW_EMPTY;
    gw_err err = judge(response->status);

    if (!err)
        return body.len > GW_INVOKE_ANSWER_MAX ? GW_E_TOO_BIG : GW_OK;
    gw_http_header_first(&response->headers, GW_LIT("x-amzn-ErrorType"), &type);
    gw_debug("invoke.refused", "function=%.*s status=%u type=%.*s",
             GW_FMT(call->integration->function), response->status,
             (int)GW_MIN(type.len, 80), type.at);
    return err;
}

static void on_fetched(void *ctx, gw_err err,
                       const struct gw_http_response *response, gw_str body)
{
    struct under_way *u = ctx;
    bool is_error = false;

    if (!err)
        err = read_answer(u->call, response, body);
    if (!err) {
        u->call->scope->response_status = response->status;
        is_error = gw_http_header_count(&response->headers,
                                        GW_LIT("X-Amz-Function-Error")) > 0;
    }
    u->done(u->ctx, err, err ? GW_EMPTY : body, is_error);
}

static bool is_fetch_wanted(void *ctx)
{
    const struct under_way *u = ctx;

    return u->call->is_wanted(u->call);
}

static gw_err invoke_there(struct under_way *u, gw_str payload)
{
    struct gw_call *call = u->call;
    const struct gw_plan_integration *to = call->integration;
    struct gw_fetch_request request = { .method = to->method,
                                        .body = payload,
                                        .timeout_ms = to->timeout_ms,
                                        .is_wanted = call->is_wanted
                                                         ? is_fetch_wanted
                                                         : NULL };
    struct gw_header_list headers;
    struct gw_fetch *fetch;
    gw_err err;

    headers.count = 0;
    err = make_headers(call, &headers);
    if (!err && to->signs)
        err = sign(call, payload, &headers);
    if (!err)
        err = make_target(call, &request.target);
    if (err)
        return err;
    request.headers = headers.at;
    request.header_count = headers.count;
    return call->fetcher->start(call->lane, &request, on_fetched, u, &fetch);
}

/* --- here -------------------------------------------------------------------- */

static void on_invoked(struct gw_invocation *v, gw_err err,
                       const struct gw_outcome *outcome)
{
    struct under_way *u = GW_CONTAINER(v, struct under_way, here);

    if (!err)
        u->call->scope->response_status = 200;
    u->done(u->ctx, err, err ? GW_EMPTY : outcome->payload,
            !err && outcome->is_error);
}

static bool is_invocation_wanted(const struct gw_invocation *v)
{
    const struct under_way *u = GW_CONTAINER(v, const struct under_way, here);

    return u->call->is_wanted(u->call);
}

static gw_err invoke_here(struct under_way *u, gw_str payload)
{
    struct gw_call *call = u->call;
    const struct gw_plan_integration *to = call->integration;
    gw_err err;

    u->here = (struct gw_invocation){
        .function = to->here,
        .payload = payload,
        .trace_id = trace_id_of(call),
        .timeout_ms = to->timeout_ms,
        .is_wanted = call->is_wanted ? is_invocation_wanted : NULL,
        .done = on_invoked,
    };
    err = call->invoker->start(call->invoker, &u->here);
    return err == GW_E_NOT_FOUND ? GW_E_UNREACHABLE : err;
}

gw_err gw_invoke(struct gw_call *call, gw_str payload, gw_invoke_done *done,
                 void *ctx)
{
    struct under_way *u = gw_arena_alloc(call->arena, sizeof(*u));

    if (!u || payload.len > GW_INVOKE_BYTES_MAX)
        return GW_E_TOO_BIG;
    u->call = call;
    u->done = done;
    u->ctx = ctx;
    return call->integration->here.len ? invoke_here(u, payload)
                                       : invoke_there(u, payload);
}
