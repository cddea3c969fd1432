/*
 * The first two bytes choose the bounds. What gw_msgpack_check accepts,
 * msgpack-c unpacks, to a value within the bounds; written again and read
 * again it is the same value.
 */
#include "protocol/msgpack/msgpack.h"

/* Counts the values, and checks how deep they lie. */
static uint32_t count(const msgpack_object *o, unsigned depth_left)
{
    uint32_t n = 1;

    if (o->type == MSGPACK_OBJECT_ARRAY) {
        GW_ASSERT(depth_left);
        for (uint32_t i = 0; i < o->via.array.size; i++)
            n += count(&o->via.array.ptr[i], depth_left - 1);
    } else if (o->type == MSGPACK_OBJECT_MAP) {
        GW_ASSERT(depth_left);
        for (uint32_t i = 0; i < o->via.map.size; i++)
            n += count(&o->via.map.ptr[i].key, depth_left - 1) +
                 count(&o->via.map.ptr[i].val, depth_left - 1);
    }
    return n;
}

static void pack(const msgpack_object *o, struct gw_buf *out)
{
    msgpack_packer packer;

    gw_msgpack_packer_init(&packer, out);
    GW_ASSERT(msgpack_pack_object(&packer, *o) == 0);
}

static void check_again(const msgpack_object *o,
                        const struct gw_msgpack_bounds *bounds)
{
    msgpack_object again;
    msgpack_zone zone;
    struct gw_buf first, second;

    gw_buf_init(&first, 1 << 20);
    gw_buf_init(&second, 1 << 20);
    GW_ASSERT(msgpack_zone_init(&zone, 1024));
    pack(o, &first);
    GW_ASSERT(gw_msgpack_read(&zone, gw_buf_str(&first), bounds, &again) ==
              GW_OK);
    pack(&again, &second);
    GW_ASSERT(gw_str_eq(gw_buf_str(&first), gw_buf_str(&second)));
    msgpack_zone_destroy(&zone);
    gw_buf_fini(&first);
    gw_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };
    struct gw_msgpack_bounds bounds;
    msgpack_object o;
    msgpack_zone zone;

    if (len < 2 || len > 65536)
        return 0;
    bounds.depth = bytes[0] % (GW_MSGPACK_DEPTH_MAX + 1);
    bounds.values = bytes[1] * 8u;
    text = gw_str_skip(text, 2);
    GW_ASSERT(msgpack_zone_init(&zone, 1024));
    if (gw_msgpack_check(text, &bounds) == GW_OK) {
        GW_ASSERT(gw_msgpack_read(&zone, text, &bounds, &o) == GW_OK);
        GW_ASSERT(count(&o, bounds.depth) <= bounds.values);
        check_again(&o, &bounds);
    }
    msgpack_zone_destroy(&zone);
    return 0;
}
