#include "store/wire.h"

#include "protocol/msgpack/msgpack.h"

enum { VERSION = 1, CALL_MEMBERS = 11, ANSWER_MEMBERS = 4 };

/* What newer nodes append may hold values of its own. */
static const struct gw_msgpack_bounds bounds = { .depth = 8, .values = 64 };

static const gw_str kinds[] = {
    [GW_BUS_CALL] = GW_LIT("call"),
    [GW_BUS_ANSWER] = GW_LIT("answer"),
};

static const gw_str ops[] = {
    [GW_BUS_POST] = GW_LIT("POST"),
    [GW_BUS_GET] = GW_LIT("GET"),
    [GW_BUS_DELETE] = GW_LIT("DELETE"),
};

/* --- out -------------------------------------------------------------------- */

static int pack_text(msgpack_packer *packer, gw_str text)
{
    return msgpack_pack_str_with_body(packer, text.at, text.len);
}

static bool pack_call(msgpack_packer *packer, const struct gw_bus_message *m)
{
    return msgpack_pack_array(packer, CALL_MEMBERS) ||
           pack_text(packer, kinds[GW_BUS_CALL]) ||
           msgpack_pack_uint64(packer, m->token) ||
           msgpack_pack_uint16(packer, m->from.node) ||
           msgpack_pack_uint8(packer, m->from.worker) ||
           pack_text(packer, ops[m->op]) ||
           msgpack_pack_uint16(packer, m->id.node) ||
           msgpack_pack_uint8(packer, m->id.worker) ||
           msgpack_pack_uint32(packer, m->id.slot) ||
           msgpack_pack_uint64(packer, m->id.nonce) ||
           msgpack_pack_uint64(packer, m->stage);
}

static bool pack_answer(msgpack_packer *packer, const struct gw_bus_message *m)
{
    return msgpack_pack_array(packer, ANSWER_MEMBERS) ||
           pack_text(packer, kinds[GW_BUS_ANSWER]) ||
           msgpack_pack_uint64(packer, m->token) ||
           pack_text(packer, gw_str_of(gw_err_name(m->err)));
}

gw_err gw_wire_write(const struct gw_bus_message *message, gw_str payload,
                     struct gw_buf *out)
{
    enum { HEAD = 96 }; /* all but the payload, at most */
    msgpack_packer packer;
    gw_err err;
    bool refused;

    GW_ASSERT(message->kind != GW_BUS_TASK);
    if (payload.len > UINT32_MAX)
        return GW_E_TOO_BIG;
    err = gw_buf_reserve(out, HEAD + payload.len);
    if (err)
        return err;
    out->at[out->len++] = VERSION;
    gw_msgpack_packer_init(&packer, out);
    refused = message->kind == GW_BUS_CALL ? pack_call(&packer, message)
                                           : pack_answer(&packer, message);
    refused =
        refused || msgpack_pack_bin_with_body(&packer, payload.at, payload.len);
    GW_ASSERT(!refused); /* there was room */
    return GW_OK;
}

/* --- in --------------------------------------------------------------------- */

/* The members not read yet. The first that is not what it should be sets
 * `bad`, and from there on all are 0 or empty. */
struct members {
    const msgpack_object *at;
    uint32_t left;
    bool bad;
};

static const msgpack_object *next(struct members *in, msgpack_object_type type)
{
    in->bad = in->bad || !in->left || in->at->type != type;
    if (in->bad)
        return NULL;
    in->left--;
    return in->at++;
}

static uint64_t next_number(struct members *in, uint64_t max)
{
    const msgpack_object *o = next(in, MSGPACK_OBJECT_POSITIVE_INTEGER);

    if (!o)
        return 0;
    in->bad = o->via.u64 > max;
    return in->bad ? 0 : o->via.u64;
}

static gw_str next_text(struct members *in)
{
    const msgpack_object *o = next(in, MSGPACK_OBJECT_STR);

    return o ? (gw_str){ o->via.str.ptr, o->via.str.size } : GW_EMPTY;
}

static gw_str next_bytes(struct members *in)
{
    const msgpack_object *o = next(in, MSGPACK_OBJECT_BIN);

    return o ? (gw_str){ o->via.bin.ptr, o->via.bin.size } : GW_EMPTY;
}

static gw_err err_of(gw_str name)
{
    for (unsigned i = 0; i < GW_ERR_COUNT; i++)
        if (gw_str_eq(gw_str_of(gw_err_name((gw_err)i)), name))
            return (gw_err)i;
    return GW_E_SYSTEM;
}

static bool find_op(gw_str name, gw_bus_op *out)
{
    for (unsigned i = 0; i < GW_LEN(ops); i++)
        if (gw_str_eq(ops[i], name)) {
            *out = (gw_bus_op)i;
            return true;
        }
    return false;
}

/* The token, the sender and the op stay where they are in all versions to
 * come: what follows may differ with the op. */
static gw_err read_call(struct members *in, struct gw_bus_message *out,
                        gw_str *payload)
{
    gw_str op;

    out->kind = GW_BUS_CALL;
    out->token = next_number(in, UINT64_MAX);
    out->from.node = (uint16_t)next_number(in, UINT16_MAX);
    out->from.worker = (uint8_t)next_number(in, UINT8_MAX);
    op = next_text(in);
    if (in->bad)
        return GW_E_SYNTAX;
    if (!find_op(op, &out->op))
        return GW_E_NOT_FOUND;
    out->id.node = (uint16_t)next_number(in, UINT16_MAX);
    out->id.worker = (uint8_t)next_number(in, UINT8_MAX);
    out->id.slot = (uint32_t)next_number(in, (1u << 24) - 1);
    out->id.nonce = next_number(in, (UINT64_C(1) << 40) - 1);
    out->stage = next_number(in, UINT64_MAX);
    *payload = next_bytes(in);
    return in->bad ? GW_E_SYNTAX : GW_OK;
}

static gw_err read_answer(struct members *in, struct gw_bus_message *out,
                          gw_str *payload)
{
    gw_str name;

    out->kind = GW_BUS_ANSWER;
    out->token = next_number(in, UINT64_MAX);
    name = next_text(in);
    *payload = next_bytes(in);
    if (in->bad)
        return GW_E_SYNTAX;
    out->err = err_of(name);
    return GW_OK;
}

static gw_err read_message(const msgpack_object *root,
                           struct gw_bus_message *out, gw_str *payload)
{
    struct members in;
    gw_str kind;

    if (root->type != MSGPACK_OBJECT_ARRAY)
        return GW_E_SYNTAX;
    in = (struct members){ root->via.array.ptr, root->via.array.size, false };
    kind = next_text(&in);
    if (gw_str_eq(kind, kinds[GW_BUS_CALL]))
        return read_call(&in, out, payload);
    if (gw_str_eq(kind, kinds[GW_BUS_ANSWER]))
        return read_answer(&in, out, payload);
    return GW_E_SYNTAX;
}

gw_err gw_wire_read(gw_str bytes, struct gw_bus_message *out, gw_str *payload)
{
    msgpack_object root;
    msgpack_zone zone;
    gw_err err;

    *out = (struct gw_bus_message){ 0 };
    *payload = GW_EMPTY;
    if (!gw_str_begins(bytes, VERSION))
        return GW_E_SYNTAX;
    if (!msgpack_zone_init(&zone, 1024))
        return GW_E_SYSTEM;
    err = gw_msgpack_read(&zone, gw_str_skip(bytes, 1), &bounds, &root);
    if (!err)
        err = read_message(&root, out, payload);
    msgpack_zone_destroy(&zone);
    return err;
}
