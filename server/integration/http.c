#include "server/integration/http.h"

#include "protocol/http/query.h"
#include "server/integration/request.h"
#include "server/integration/response.h"

#include <inttypes.h>

/* One request under way; lives in the exchange's arena. */
struct under_way {
    struct gw_call *call;
    gw_reply_fn *done;
    void *ctx;
};

/* --- headers ---------------------------------------------------------------- */

static gw_err add_gateway_headers(struct gw_call *call,
                                  struct gw_header_list *out)
{
    const struct gw_context *c = call->scope->context;
    const struct {
        gw_str name, value;
    } rows[] = {
        { GW_LIT("X-Gatewire-Connection-Id"), c->connection_id },
        { GW_LIT("X-Gatewire-Route-Key"), c->route_key },
        { GW_LIT("X-Gatewire-Event-Type"),
          gw_str_of(gw_event_type_text(c->event_type)) },
        { GW_LIT("X-Gatewire-Api-Id"), c->api_id },
        { GW_LIT("X-Gatewire-Stage"), c->stage },
        { GW_LIT("X-Gatewire-Request-Id"), c->request_id },
        { GW_LIT("X-Gatewire-Source-Ip"), c->source_ip },
        { GW_LIT("X-Gatewire-Connected-At"),
          gw_request_print(call->arena, "%" PRId64, c->connected_at_ms) },
        { GW_LIT("X-Gatewire-Endpoint"), call->endpoint },
    };
    gw_err err = GW_OK;

    for (size_t i = 0; i < GW_LEN(rows) && !err; i++)
        err = gw_header_list_add(out, rows[i].name, rows[i].value);
    if (!err && call->is_binary)
        err = gw_header_list_add(out, GW_LIT("X-Gatewire-Is-Base64-Encoded"),
                                 GW_LIT("true"));
    if (err || c->event_type != GW_EVENT_DISCONNECT)
        return err;
    err = gw_header_list_add(out, GW_LIT("X-Gatewire-Event-Id"), c->event_id);
    if (!err)
        err =
            gw_header_list_add(out, GW_LIT("X-Gatewire-Attempt"),
                               gw_request_print(call->arena, "%u", c->attempt));
    if (!err)
        err = gw_header_list_add(
            out, GW_LIT("X-Gatewire-Disconnect-Status-Code"),
            gw_request_print(call->arena, "%u", c->disconnect_status));
    /* A reason is any text; as a header it must be one line. */
    if (!err && gw_http_is_field_value(c->disconnect_reason))
        err = gw_header_list_add(out, GW_LIT("X-Gatewire-Disconnect-Reason"),
                                 c->disconnect_reason);
    return err;
}

static gw_err make_headers(struct gw_call *call, struct gw_header_list *out)
{
    const struct gw_context *c = call->scope->context;
    gw_err err =
        gw_header_list_add(out, GW_LIT("Host"), call->integration->authority);

    if (!err)
        err = gw_request_forward(call, out);
    if (!err && c->event_type == GW_EVENT_MESSAGE)
        err = gw_header_list_add(out, GW_LIT("Content-Type"),
                                 GW_LIT("application/json"));
    if (!err)
        err = gw_header_list_set(out, GW_LIT("User-Agent"),
                                 gw_request_print(call->arena,
                                                  "AmazonAPIGateway_%.*s",
                                                  GW_FMT(c->api_id)));
    if (!err)
        err = gw_header_list_add(out, GW_LIT("x-amzn-apigateway-api-id"),
                                 c->api_id);
    if (!err && call->integration->gateway_headers)
        err = add_gateway_headers(call, out);
    return err ? err : gw_request_map_headers(call, out);
}

/* --- target ----------------------------------------------------------------- */

static gw_err add_encoded(const struct gw_mapping *m, gw_str value,
                          struct gw_buf *out)
{
    return gw_mapping_is_encoded(m) ? gw_buf_add(out, value)
                                    : gw_http_encode(out, value, false);
}

/* The value for {NAME} in the path: the mapping of that name, or nothing. */
static gw_err add_path_value(struct gw_call *call, gw_str name,
                             struct gw_buf *out)
{
    const struct gw_plan_integration *to = call->integration;

    for (size_t i = 0; i < to->mapping_count; i++) {
        const struct gw_mapping *m = to->mappings[i];
        size_t at = 0;
        gw_str value;

        if (gw_mapping_place_of(m) == GW_MAPPING_PATH &&
            gw_str_eq(gw_mapping_name(m), name) &&
            gw_mapping_eval(m, call->scope, call->arena, &at, &value))
            return add_encoded(m, value, out);
    }
    return GW_OK;
}

static gw_err add_path(struct gw_call *call, struct gw_buf *out)
{
    gw_str rest = call->integration->path;
    gw_err err = GW_OK;

    while (rest.len && !err) {
        ptrdiff_t open = gw_str_find(rest, '{', 0);
        ptrdiff_t close = open < 0 ? -1 : gw_str_find(rest, '}', (size_t)open);

        if (close < 0)
            return gw_buf_add(out, rest);
        err = gw_buf_add(out, gw_str_head(rest, (size_t)open));
        rest = gw_str_skip(rest, (size_t)open + 1);
        if (!err)
            err = add_path_value(
                call, gw_str_head(rest, (size_t)(close - open - 1)), out);
        rest = gw_str_skip(rest, (size_t)(close - open));
    }
    return err;
}

static gw_err add_query_piece(struct gw_buf *out, bool *any, gw_str raw)
{
    gw_err err;

    if (!raw.len)
        return GW_OK;
    err = gw_buf_add(out, *any ? GW_LIT("&") : GW_LIT("?"));
    *any = true;
    return err ? err : gw_buf_add(out, raw);
}

static gw_err add_mapped_query(struct gw_call *call, struct gw_buf *out,
                               bool *any)
{
    const struct gw_plan_integration *to = call->integration;

    for (size_t i = 0; i < to->mapping_count; i++) {
        const struct gw_mapping *m = to->mappings[i];
        size_t at = 0;
        gw_str value;

        if (gw_mapping_place_of(m) != GW_MAPPING_QUERY)
            continue;
        while (gw_mapping_eval(m, call->scope, call->arena, &at, &value)) {
            gw_err err = gw_buf_add(out, *any ? GW_LIT("&") : GW_LIT("?"));

            *any = true;
            if (!err)
                err = gw_http_encode(out, gw_mapping_name(m), false);
            if (!err)
                err = gw_buf_add(out, GW_LIT("="));
            if (!err)
                err = add_encoded(m, value, out);
            if (err)
                return err;
        }
    }
    return GW_OK;
}

/* The URI as it stands, unless something is mapped into it or the client's
 * query string is forwarded (proxies do, on $connect). */
static gw_err make_target(struct gw_call *call, gw_str *out)
{
    const struct gw_plan_integration *to = call->integration;
    struct gw_buf text;
    bool any = false;
    gw_err err;

    if (!to->mapping_count && !to->query.len && !call->scope->query.len) {
        *out = to->path;
        return GW_OK;
    }
    gw_buf_init(&text, 64 * 1024);
    err = add_path(call, &text);
    if (!err)
        err = add_query_piece(&text, &any, to->query);
    if (!err && to->type == GW_INTEGRATION_HTTP_PROXY)
        err = add_query_piece(&text, &any, call->scope->query);
    if (!err)
        err = add_mapped_query(call, &text, &any);
    if (!err)
        err = gw_arena_dup(call->arena, gw_buf_str(&text), out);
    gw_buf_fini(&text);
    return err;
}

/* --- there and back --------------------------------------------------------- */

static void on_fetched(void *ctx, gw_err err,
                       const struct gw_http_response *response, gw_str body)
{
    struct under_way *u = ctx;
    struct gw_call *call = u->call;
    struct gw_reply reply = { 0 };

    if (!err) {
        reply.status = response->status;
        reply.headers = &response->headers;
        reply.body = body;
        call->scope->response_status = response->status;
        call->scope->response_headers = &response->headers;
        call->scope->response_body = body;
        if (call->integration->type == GW_INTEGRATION_HTTP)
            err = gw_response_shape(call, GW_TEMPLATE_RESPONSE, &reply);
    }
    u->done(u->ctx, err, &reply);
}

gw_err gw_integration_http(struct gw_call *call, struct gw_reply *now,
                           bool *waits, gw_reply_fn *done, void *ctx)
{
    struct under_way *u = gw_arena_alloc(call->arena, sizeof(*u));
    struct gw_header_list headers;
    struct gw_fetch_request request = {
        .method = call->integration->method,
        .timeout_ms = call->integration->timeout_ms,
    };
    struct gw_fetch *fetch;
    gw_err err = u ? GW_OK : GW_E_TOO_BIG;

    headers.count = 0;
    if (!err)
        err = make_headers(call, &headers);
    if (!err)
        err = make_target(call, &request.target);
    if (!err)
        err = gw_request_body(call, &request.body);
    if (err)
        return err;
    request.headers = headers.at;
    request.header_count = headers.count;
    *u = (struct under_way){ call, done, ctx };
    *waits = true;
    return call->fetcher->start(call->lane, &request, on_fetched, u, &fetch);
}
