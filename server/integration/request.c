#include "server/integration/request.h"

#include "server/integration/response.h"

#include <stdarg.h>
#include <stdio.h>

gw_err gw_header_list_add(struct gw_header_list *h, gw_str name, gw_str value)
{
    if (h->count == GW_LEN(h->at))
        return GW_E_TOO_BIG;
    h->at[h->count++] = (struct gw_http_header){ name, value };
    return GW_OK;
}

gw_err gw_header_list_set(struct gw_header_list *h, gw_str name, gw_str value)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->count; i++)
        if (!gw_str_eq_nocase(h->at[i].name, name))
            h->at[kept++] = h->at[i];
    h->count = kept;
    return gw_header_list_add(h, name, value);
}

gw_str gw_request_print(struct gw_arena *a, const char *format, ...)
{
    enum { ROOM = 160 };
    char *text = gw_arena_text(a, ROOM);
    va_list args;
    int n;

    if (!text)
        return GW_EMPTY;
    va_start(args, format);
    n = vsnprintf(text, ROOM, format, args);
    va_end(args);
    return (gw_str){ text, GW_MIN((size_t)n, (size_t)ROOM - 1) };
}

/* Without case, and with '_' for '-': CGI's descendants show a backend both
 * under one name. */
static bool begins_like(gw_str name, gw_str prefix)
{
    if (name.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char c = name.at[i] == '_' ? '-' : name.at[i];

        if (!gw_str_eq_nocase((gw_str){ &c, 1 }, (gw_str){ &prefix.at[i], 1 }))
            return false;
    }
    return true;
}

/* A client must not be able to speak in the gateway's name. */
static bool is_ours(gw_str name)
{
    static const gw_str ours[] = {
        { "X-Gatewire-", 11 },
        { "X-Forwarded-Port", 16 },
        { "X-Forwarded-Proto", 17 },
        { "X-Amzn-Apigateway-Api-Id", 24 },
    };

    for (size_t i = 0; i < GW_LEN(ours); i++)
        if (begins_like(name, ours[i]))
            return true;
    return false;
}

/* $connect forwards what the client sent, Sec-WebSocket-… included: that is
 * the original's trap, and a mapping may overwrite it as there. */
static gw_err forward_client_headers(struct gw_call *call,
                                     struct gw_header_list *out)
{
    const struct gw_http_headers *from = call->scope->headers;
    gw_err err = GW_OK;

    for (size_t i = 0; from && i < from->count && !err; i++) {
        gw_str name = from->at[i].name;

        if (!gw_http_header_is_hop(name) && !is_ours(name) &&
            !gw_str_eq_nocase(name, GW_LIT("Host")) &&
            !gw_str_eq_nocase(name, GW_LIT("Content-Length")) &&
            !gw_str_eq_nocase(name, GW_LIT("Expect")))
            err = gw_header_list_add(out, name, from->at[i].value);
    }
    return err;
}

gw_err gw_request_forward(struct gw_call *call, struct gw_header_list *out)
{
    const struct gw_context *c = call->scope->context;
    gw_str before = GW_EMPTY, chain = c->source_ip;
    gw_str trace;
    gw_err err = forward_client_headers(call, out);

    if (call->scope->headers &&
        gw_http_header_last(call->scope->headers, GW_LIT("X-Forwarded-For"),
                            &before) &&
        before.len && before.len < 100)
        chain = gw_request_print(call->arena, "%.*s, %.*s", GW_FMT(before),
                                 GW_FMT(c->source_ip));
    if (!err)
        err = gw_header_list_set(out, GW_LIT("X-Forwarded-For"), chain);
    if (!err)
        err = gw_header_list_add(
            out, GW_LIT("X-Forwarded-Port"),
            gw_request_print(call->arena, "%u", call->peer.local_port));
    if (!err)
        err = gw_header_list_add(out, GW_LIT("X-Forwarded-Proto"),
                                 call->peer.tls ? GW_LIT("https")
                                                : GW_LIT("http"));
    if (err || (call->scope->headers &&
                gw_http_header_last(call->scope->headers,
                                    GW_LIT("X-Amzn-Trace-Id"), &trace)))
        return err;
    return gw_header_list_add(out, GW_LIT("X-Amzn-Trace-Id"), call->trace_id);
}

gw_err gw_request_map_headers(struct gw_call *call, struct gw_header_list *out)
{
    const struct gw_plan_integration *to = call->integration;
    gw_err err = GW_OK;

    for (size_t i = 0; i < to->mapping_count && !err; i++) {
        const struct gw_mapping *m = to->mappings[i];
        size_t at = 0;
        gw_str value;

        if (gw_mapping_place_of(m) == GW_MAPPING_HEADER &&
            gw_mapping_eval(m, call->scope, call->arena, &at, &value))
            err = gw_header_list_set(out, gw_mapping_name(m), value);
    }
    return err;
}

gw_err gw_request_body(struct gw_call *call, gw_str *out)
{
    const struct gw_plan_integration *to = call->integration;
    bool shapes =
        to->type == GW_INTEGRATION_HTTP || to->type == GW_INTEGRATION_AWS;
    const struct gw_template *template = NULL;
    gw_err err = GW_OK;

    *out = call->scope->body;
    if (shapes)
        err = gw_plan_template_pick(&to->templates, call->scope, call->arena,
                                    &template);
    if (err)
        return err;
    if (template)
        return gw_template_render(template, GW_TEMPLATE_REQUEST, call->scope,
                                  call->arena, out);
    if (shapes && (to->passthrough == GW_PASSTHROUGH_NEVER ||
                   (to->passthrough == GW_PASSTHROUGH_WHEN_NO_TEMPLATES &&
                    to->templates.count)))
        return GW_E_UPSTREAM;
    if (call->is_binary && to->content_handling != GW_CONTENT_TO_BINARY)
        return gw_content_convert(GW_CONTENT_TO_TEXT, call->arena, out);
    if (!call->is_binary)
        return gw_content_convert(to->content_handling, call->arena, out);
    return GW_OK;
}
