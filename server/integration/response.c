#include "server/integration/response.h"

#include "protocol/base/base64.h"

gw_err gw_content_convert(gw_content_handling how, struct gw_arena *a,
                          gw_str *body)
{
    char *out;

    switch (how) {
    case GW_CONTENT_UNSET:
        return GW_OK;
    case GW_CONTENT_TO_TEXT:
        out = gw_arena_text(a, GW_BASE64_LEN(body->len) + 1);
        if (!out)
            return GW_E_TOO_BIG;
        *body = (gw_str){ out, gw_base64_encode(GW_BASE64, *body, out) };
        return GW_OK;
    case GW_CONTENT_TO_BINARY:
        out = gw_arena_text(a, body->len + 1);
        if (!out)
            return GW_E_TOO_BIG;
        if (!gw_base64_decode(GW_BASE64, *body, out, &body->len))
            return GW_E_UPSTREAM;
        body->at = out;
        return GW_OK;
    }
    return GW_OK;
}

/* The value of one response parameter; false when there is none. */
static bool find_value(struct gw_call *call, const struct gw_plan_header *h,
                       const struct gw_reply *reply, gw_str *value)
{
    gw_json root, hit;

    switch (h->from) {
    case GW_FROM_CONSTANT:
        *value = h->text;
        return true;
    case GW_FROM_HEADER:
        return reply->headers &&
               gw_http_header_last(reply->headers, h->text, value);
    case GW_FROM_BODY:
        return gw_json_read(reply->body, &root) == GW_OK &&
               gw_json_path_find(call->arena, &h->path, root, &hit) == GW_OK &&
               hit.kind != GW_JSON_ABSENT &&
               gw_json_to_text(call->arena, hit, value) == GW_OK &&
               gw_http_is_field_value(*value);
    }
    return false;
}

static gw_err shape_headers(struct gw_call *call,
                            const struct gw_plan_response *by,
                            struct gw_reply *reply)
{
    struct gw_http_headers *headers =
        gw_arena_alloc(call->arena, sizeof(*headers));

    if (!headers)
        return GW_E_TOO_BIG;
    for (size_t i = 0; i < by->header_count; i++) {
        gw_str value;

        if (headers->count < GW_HTTP_HEADERS_MAX &&
            find_value(call, &by->headers[i], reply, &value))
            headers->at[headers->count++] =
                (struct gw_http_header){ by->headers[i].name, value };
    }
    reply->headers = headers;
    return GW_OK;
}

gw_err gw_response_shape(struct gw_call *call, gw_template_side side,
                         struct gw_reply *reply)
{
    const struct gw_plan_response *by;

    if (call->integration->response_count == 0)
        return GW_OK;
    by = gw_plan_response_pick(call->integration, reply->status);
    return by ? gw_response_shape_by(call, by, side, reply) : GW_E_UPSTREAM;
}

gw_err gw_response_shape_by(struct gw_call *call,
                            const struct gw_plan_response *by,
                            gw_template_side side, struct gw_reply *reply)
{
    const struct gw_template *template;
    gw_err err;

    if (by->header_count)
        err = shape_headers(call, by, reply);
    else
        reply->headers = NULL, err = GW_OK;
    if (!err)
        err = gw_plan_template_pick(&by->templates, call->scope, call->arena,
                                    &template);
    if (!err && template)
        err = gw_template_render(template, side, call->scope, call->arena,
                                 &reply->body);
    return err ? err
               : gw_content_convert(by->content_handling, call->arena,
                                    &reply->body);
}
