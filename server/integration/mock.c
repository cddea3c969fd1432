#include "server/integration/mock.h"

#include "server/integration/response.h"

/* Without a template the status is 200. */
static gw_err status_of(struct gw_call *call, unsigned *status)
{
    const struct gw_plan_integration *to = call->integration;
    const struct gw_template *template;
    gw_str text;
    gw_json root;
    int64_t code;
    gw_err err;

    *status = 200;
    if (to->templates.count == 0)
        return GW_OK;
    err = gw_plan_template_pick(&to->templates, call->scope, call->arena,
                                &template);
    if (err || !template)
        return err;
    err = gw_template_render(template, GW_TEMPLATE_REQUEST, call->scope,
                             call->arena, &text);
    if (err)
        return err;
    if (gw_json_read(text, &root) ||
        !gw_json_to_i64(gw_json_member(root, GW_LIT("statusCode")), &code) ||
        code < 100 || code > 599)
        return GW_E_UPSTREAM;
    *status = (unsigned)code;
    return GW_OK;
}

gw_err gw_integration_mock(struct gw_call *call, struct gw_reply *now,
                           bool *waits, gw_reply_fn *done, void *ctx)
{
    gw_err err = status_of(call, &now->status);

    if (err)
        return err;
    call->scope->response_status = now->status;
    now->body = GW_EMPTY;
    return gw_response_shape(call, GW_TEMPLATE_REQUEST, now);
}
