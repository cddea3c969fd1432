/*
 * The bytes as a record and as a bus message. What is accepted keeps to its
 * bounds, can be written, and comes back the same; an operation that is not
 * known can be answered.
 */
#include "store/record.h"

#include "protocol/api/connection_id.h"
#include "protocol/base/utf8.h"
#include "store/wire.h"

/* Once more through the other way: the same bytes, so the same record. */
static void check_record(const struct gw_record *record)
{
    struct gw_record again;
    struct gw_buf first, second;

    gw_buf_init(&first, GW_RECORD_BYTES_MAX);
    gw_buf_init(&second, GW_RECORD_BYTES_MAX);
    if (gw_record_write(record, &first) == GW_OK) {
        GW_ASSERT(gw_record_read(gw_buf_str(&first), &again) == GW_OK);
        GW_ASSERT(gw_record_write(&again, &second) == GW_OK);
        GW_ASSERT(gw_str_eq(gw_buf_str(&first), gw_buf_str(&second)));
    }
    gw_buf_fini(&first);
    gw_buf_fini(&second);
}

static void try_record(gw_str bytes)
{
    struct gw_record record;

    if (gw_record_read(bytes, &record))
        return;
    GW_ASSERT(record.connection_id.len == GW_CONNECTION_ID_LEN);
    GW_ASSERT(record.event_id.len == GW_EVENT_ID_LEN);
    GW_ASSERT(record.user_agent.len <= GW_RECORD_TEXT_MAX);
    GW_ASSERT(gw_utf8_is_valid(record.user_agent));
    GW_ASSERT(gw_utf8_is_valid(record.reason));
    GW_ASSERT(record.connected_at_ms >= 0 && record.ended_at_ms >= 0);
    check_record(&record);
}

static void check_message(const struct gw_bus_message *message, gw_str payload)
{
    struct gw_bus_message again;
    struct gw_buf first, second;
    gw_str back;

    gw_buf_init(&first, 1 << 20);
    gw_buf_init(&second, 1 << 20);
    GW_ASSERT(gw_wire_write(message, payload, &first) == GW_OK);
    GW_ASSERT(gw_wire_read(gw_buf_str(&first), &again, &back) == GW_OK);
    GW_ASSERT(again.token == message->token && gw_str_eq(back, payload));
    GW_ASSERT(gw_wire_write(&again, back, &second) == GW_OK);
    GW_ASSERT(gw_str_eq(gw_buf_str(&first), gw_buf_str(&second)));
    gw_buf_fini(&first);
    gw_buf_fini(&second);
}

static void try_message(gw_str bytes)
{
    struct gw_bus_message message;
    gw_str payload;
    gw_err err = gw_wire_read(bytes, &message, &payload);

    GW_ASSERT(err != GW_E_NOT_FOUND || message.kind == GW_BUS_CALL);
    if (err)
        return;
    GW_ASSERT(message.kind != GW_BUS_TASK && message.err < GW_ERR_COUNT);
    GW_ASSERT(message.op <= GW_BUS_DELETE);
    check_message(&message, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };

    if (len > 65536)
        return 0;
    try_record(text);
    try_message(text);
    return 0;
}
