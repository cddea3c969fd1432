#include "store/record.h"

#include "protocol/api/connection_id.h"
#include "protocol/base/utf8.h"
#include "protocol/msgpack/msgpack.h"

enum { VERSION = 1 };

/* What newer nodes append may hold values of its own. */
static const struct gw_msgpack_bounds bounds = { .depth = 8, .values = 1024 };

#define AT(member) offsetof(struct gw_record, member)

/* The members of the array, in its order: new ones go to the end. */
static const struct member {
    enum { ID, TEXT, FLAG, U16, U32, MILLIS } kind;
    size_t at;
    uint64_t max; /* ID: its length, exactly; TEXT: its length; its value */
} members[] = {
    { ID, AT(connection_id), GW_CONNECTION_ID_LEN },
    { ID, AT(event_id), GW_EVENT_ID_LEN },
    { TEXT, AT(api_id), GW_RECORD_TEXT_MAX },
    { TEXT, AT(stage), GW_RECORD_TEXT_MAX },
    { TEXT, AT(domain_name), GW_RECORD_TEXT_MAX },
    { TEXT, AT(source_ip), GW_RECORD_TEXT_MAX },
    { TEXT, AT(user_agent), GW_RECORD_TEXT_MAX },
    { TEXT, AT(base), GW_RECORD_TEXT_MAX },
    { FLAG, AT(tls), 0 },
    { U16, AT(local_port), UINT16_MAX },
    { MILLIS, AT(connected_at_ms), INT64_MAX },
    { MILLIS, AT(ended_at_ms), INT64_MAX },
    { U16, AT(code), UINT16_MAX },
    { TEXT, AT(reason), GW_RECORD_TEXT_MAX },
    { U32, AT(attempts), UINT32_MAX },
};

/* One rule for both ways: what is written can be read. */
static gw_err check_text(const struct member *m, gw_str text)
{
    if (text.len > m->max)
        return GW_E_TOO_BIG;
    return gw_utf8_is_valid(text) ? GW_OK : GW_E_UTF8;
}

static gw_err check_texts(const struct gw_record *record, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < GW_LEN(members); i++) {
        gw_str text;
        gw_err err;

        if (members[i].kind != ID && members[i].kind != TEXT)
            continue;
        text = *(const gw_str *)((const char *)record + members[i].at);
        GW_ASSERT(members[i].kind != ID || text.len == members[i].max);
        err = check_text(&members[i], text);
        if (err)
            return err;
        *size += text.len;
    }
    return GW_OK;
}

static int pack(msgpack_packer *packer, const struct member *m,
                const struct gw_record *record)
{
    const void *at = (const char *)record + m->at;

    switch (m->kind) {
    case ID:
    case TEXT:
        return msgpack_pack_str_with_body(packer, ((const gw_str *)at)->at,
                                          ((const gw_str *)at)->len);
    case FLAG:
        return *(const bool *)at ? msgpack_pack_true(packer)
                                 : msgpack_pack_false(packer);
    case U16:
        return msgpack_pack_uint16(packer, *(const uint16_t *)at);
    case U32:
        return msgpack_pack_uint32(packer, *(const uint32_t *)at);
    case MILLIS:
        GW_ASSERT(*(const int64_t *)at >= 0);
        return msgpack_pack_int64(packer, *(const int64_t *)at);
    }
    return -1;
}

gw_err gw_record_write(const struct gw_record *record, struct gw_buf *out)
{
    enum { HEADS = 9 }; /* at most, before the text or of the number */
    msgpack_packer packer;
    size_t size;
    gw_err err = check_texts(record, &size);
    bool refused;

    GW_ASSERT(!out->len);
    size += 1 + 3 + HEADS * GW_LEN(members);
    if (!err && size > GW_RECORD_BYTES_MAX)
        err = GW_E_TOO_BIG;
    if (!err) /* all at once: connects wait for this */
        err = gw_buf_reserve(out, size);
    if (err)
        return err;
    out->at[out->len++] = VERSION;
    gw_msgpack_packer_init(&packer, out);
    refused = msgpack_pack_array(&packer, GW_LEN(members)) != 0;
    for (size_t i = 0; i < GW_LEN(members); i++)
        refused = refused || pack(&packer, &members[i], record);
    GW_ASSERT(!refused); /* there was room */
    return GW_OK;
}

static gw_err unpack_text(const struct member *m, const msgpack_object *value,
                          gw_str *out)
{
    gw_err err;

    if (value->type != MSGPACK_OBJECT_STR)
        return GW_E_SYNTAX;
    *out = (gw_str){ value->via.str.ptr, value->via.str.size };
    if (m->kind == ID && out->len != m->max)
        return GW_E_SYNTAX;
    err = check_text(m, *out);
    return err == GW_E_UTF8 ? GW_E_SYNTAX : err;
}

static gw_err unpack(const struct member *m, const msgpack_object *value,
                     struct gw_record *record)
{
    void *at = (char *)record + m->at;

    if (m->kind == ID || m->kind == TEXT)
        return unpack_text(m, value, at);
    if (m->kind == FLAG) {
        if (value->type != MSGPACK_OBJECT_BOOLEAN)
            return GW_E_SYNTAX;
        *(bool *)at = value->via.boolean;
        return GW_OK;
    }
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        value->via.u64 > m->max)
        return GW_E_SYNTAX;
    if (m->kind == U16)
        *(uint16_t *)at = (uint16_t)value->via.u64;
    else if (m->kind == U32)
        *(uint32_t *)at = (uint32_t)value->via.u64;
    else
        *(int64_t *)at = (int64_t)value->via.u64;
    return GW_OK;
}

static gw_err unpack_all(const msgpack_object *root, struct gw_record *out)
{
    gw_err err = GW_OK;

    if (root->type != MSGPACK_OBJECT_ARRAY ||
        root->via.array.size < GW_LEN(members))
        return GW_E_SYNTAX;
    for (size_t i = 0; i < GW_LEN(members) && !err; i++)
        err = unpack(&members[i], &root->via.array.ptr[i], out);
    return err;
}

gw_err gw_record_read(gw_str bytes, struct gw_record *out)
{
    msgpack_object root;
    msgpack_zone zone;
    gw_err err;

    *out = (struct gw_record){ 0 };
    if (bytes.len > GW_RECORD_BYTES_MAX)
        return GW_E_TOO_BIG;
    if (!gw_str_begins(bytes, VERSION))
        return GW_E_SYNTAX;
    if (!msgpack_zone_init(&zone, 1024))
        return GW_E_SYSTEM;
    err = gw_msgpack_read(&zone, gw_str_skip(bytes, 1), &bounds, &root);
    if (!err)
        err = unpack_all(&root, out);
    msgpack_zone_destroy(&zone);
    return err;
}
