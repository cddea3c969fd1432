#include "server/integration/lambda.h"

#include "protocol/base/log.h"
#include "protocol/event/proxy.h"
#include "server/integration/invoke.h"
#include "server/integration/request.h"
#include "server/integration/response.h"

/* One call under way; lives in the exchange's arena. */
struct under_way {
    struct gw_call *call;
    gw_reply_fn *done;
    void *ctx;
};

static gw_err invoke(struct gw_call *call, gw_str payload, bool *waits,
                     gw_invoke_done *on_invoked, gw_reply_fn *done, void *ctx)
{
    struct under_way *u = gw_arena_alloc(call->arena, sizeof(*u));

    if (!u)
        return GW_E_TOO_BIG;
    *u = (struct under_way){ call, done, ctx };
    *waits = true;
    return gw_invoke(call, payload, on_invoked, u);
}

/* --- AWS_PROXY --------------------------------------------------------------- */

/* The fields of a handshake, as a backend would be sent them, and its Host. */
static gw_err add_headers(struct gw_call *call, struct gw_proxy_event *event)
{
    struct gw_header_list *list = gw_arena_alloc(call->arena, sizeof(*list));
    gw_str host;
    gw_err err = list ? GW_OK : GW_E_TOO_BIG;

    if (!err &&
        gw_http_header_last(call->scope->headers, GW_LIT("Host"), &host))
        err = gw_header_list_add(list, GW_LIT("Host"), host);
    if (!err)
        err = gw_request_forward(call, list);
    if (err)
        return err;
    event->headers = list->at;
    event->header_count = list->count;
    return GW_OK;
}

static gw_err write_event(struct gw_call *call, gw_str *out)
{
    struct gw_proxy_event event = {
        .context = call->scope->context,
        .stage_variables = call->scope->stage_variables,
        .body = call->scope->body,
        .is_base64 = call->is_binary,
        .query = call->scope->query,
    };
    gw_err err = GW_OK;

    if (call->is_binary)
        err = gw_content_convert(GW_CONTENT_TO_TEXT, call->arena, &event.body);
    if (!err && call->scope->headers)
        err = add_headers(call, &event);
    return err ? err : gw_proxy_event_write(call->arena, &event, out);
}

/* What a function says to a goodbye is not looked at. */
static gw_err read_answer(struct gw_call *call, gw_str payload,
                          struct gw_reply *reply)
{
    struct gw_proxy_answer answer = { .status = 200, .body = GW_EMPTY };
    struct gw_fault why = { "" };
    gw_err err = GW_OK;

    if (call->scope->context->event_type != GW_EVENT_DISCONNECT)
        err = gw_proxy_answer_read(call->arena, payload, &answer, &why);
    *reply = (struct gw_reply){ .status = answer.status,
                                .headers = answer.headers,
                                .body = answer.body };
    /* It goes without, when the arena is full. */
    if (err && gw_arena_dup(call->arena, gw_str_of(why.text), &reply->why))
        reply->why = GW_EMPTY;
    return err;
}

static void on_proxy_invoked(void *ctx, gw_err err, gw_str payload,
                             bool is_error)
{
    struct under_way *u = ctx;
    struct gw_reply reply = { 0 };

    if (!err && is_error)
        err = GW_E_UPSTREAM;
    if (!err)
        err = read_answer(u->call, payload, &reply);
    u->done(u->ctx, err, &reply);
}

gw_err gw_integration_aws_proxy(struct gw_call *call, struct gw_reply *now,
                                bool *waits, gw_reply_fn *done, void *ctx)
{
    gw_str event;
    gw_err err = write_event(call, &event);

    return err ? err : invoke(call, event, waits, on_proxy_invoked, done, ctx);
}

/* --- AWS --------------------------------------------------------------------- */

/* Not every endpoint marks errors: a payload with an errorMessage is one. */
static gw_err shape(struct gw_call *call, gw_str payload, bool is_error,
                    struct gw_reply *reply)
{
    const struct gw_plan_integration *to = call->integration;
    const struct gw_plan_response *by;
    gw_str message;
    gw_err err = gw_function_error_message(call->arena, payload, &message);

    is_error |= message.len > 0;
    *reply =
        (struct gw_reply){ .status = is_error ? 502 : 200, .body = payload };
    call->scope->response_body = payload;
    if (err)
        return err;
    if (!to->response_count)
        return is_error ? GW_E_UPSTREAM : GW_OK;
    by = gw_plan_response_pick_error(to, message);
    return by ? gw_response_shape_by(call, by, GW_TEMPLATE_RESPONSE, reply)
              : GW_E_UPSTREAM;
}

static void on_invoked(void *ctx, gw_err err, gw_str payload, bool is_error)
{
    struct under_way *u = ctx;
    struct gw_reply reply = { 0 };

    if (!err)
        err = shape(u->call, payload, is_error, &reply);
    u->done(u->ctx, err, &reply);
}

gw_err gw_integration_aws(struct gw_call *call, struct gw_reply *now,
                          bool *waits, gw_reply_fn *done, void *ctx)
{
    gw_str payload;
    gw_err err = gw_request_body(call, &payload);

    return err ? err : invoke(call, payload, waits, on_invoked, done, ctx);
}
