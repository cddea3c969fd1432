/*
 * The bytes as what a function returned: what is accepted can be sent as it
 * is. And the bytes as all that a client may say in an event: it is JSON
 * afterwards, and a message that was text is found in it unchanged.
 */
#include "protocol/event/proxy.h"

#include "protocol/base/utf8.h"
#include "protocol/json/json.h"

static void try_answer(struct gw_arena *a, gw_str payload)
{
    struct gw_proxy_answer answer;
    gw_err err = gw_proxy_answer_read(a, payload, &answer, NULL);

    GW_ASSERT(err == GW_OK || err == GW_E_UPSTREAM || err == GW_E_TOO_BIG);
    if (err)
        return;
    GW_ASSERT(answer.status >= 100 && answer.status <= 599);
    for (size_t i = 0; answer.headers && i < answer.headers->count; i++) {
        GW_ASSERT(gw_http_is_token(answer.headers->at[i].name));
        GW_ASSERT(gw_http_is_field_value(answer.headers->at[i].value));
    }
}

static void try_failure(struct gw_arena *a, gw_str payload)
{
    gw_str message;

    if (gw_function_error_message(a, payload, &message) == GW_OK)
        GW_ASSERT(gw_utf8_is_valid(message));
}

static void try_event(struct gw_arena *a, gw_event_type type, gw_str text)
{
    static const struct gw_pairs none;
    struct gw_context context = { .event_type = type,
                                  .domain_name = text,
                                  .disconnect_reason = text };
    struct gw_http_header headers[] = { { text, text }, { GW_LIT("a"), text } };
    struct gw_proxy_event event = {
        .context = &context,
        .stage_variables = &none,
        .body = text,
        .headers = headers,
        .header_count = GW_LEN(headers),
        .query = text,
    };
    gw_json root;
    gw_str json, body;

    if (gw_proxy_event_write(a, &event, &json))
        return;
    GW_ASSERT(gw_utf8_is_valid(json));
    GW_ASSERT(gw_json_read(json, &root) == GW_OK);
    if (type != GW_EVENT_MESSAGE || !gw_utf8_is_valid(text) ||
        gw_json_text(a, gw_json_member(root, GW_LIT("body")), &body))
        return;
    GW_ASSERT(gw_str_eq(body, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };
    struct gw_arena a;

    if (len > 8192)
        return 0;
    gw_arena_init(&a, 1 << 20);
    try_answer(&a, text);
    try_failure(&a, text);
    for (int type = GW_EVENT_CONNECT; type <= GW_EVENT_DISCONNECT; type++)
        try_event(&a, (gw_event_type)type, text);
    gw_arena_fini(&a);
    return 0;
}
