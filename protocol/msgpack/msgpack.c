#include "protocol/msgpack/msgpack.h"

/* What follows the first byte of a value. */
struct head {
    uint64_t bytes;    /* to pass over */
    uint64_t children; /* values inside */
    bool is_container;
};

/* The first bytes 0xc0 to 0xdf: how long the length is that follows them, what
 * it counts, and how many bytes come besides. */
static const struct {
    uint8_t length, bytes;
    enum { BYTES, NEVER, VALUES, PAIRS } counts;
} formats[] = {
    { 0, 0, BYTES },                    /* nil */
    { 0, 0, NEVER },                    /* never used */
    { 0, 0, BYTES },  { 0, 0, BYTES },  /* false, true */
    { 1, 0, BYTES },  { 2, 0, BYTES },  /* bin */
    { 4, 0, BYTES },                    /* bin */
    { 1, 1, BYTES },  { 2, 1, BYTES },  /* ext, and its type */
    { 4, 1, BYTES },                    /* ext */
    { 0, 4, BYTES },  { 0, 8, BYTES },  /* float */
    { 0, 1, BYTES },  { 0, 2, BYTES },  /* uint */
    { 0, 4, BYTES },  { 0, 8, BYTES },  /* uint */
    { 0, 1, BYTES },  { 0, 2, BYTES },  /* int */
    { 0, 4, BYTES },  { 0, 8, BYTES },  /* int */
    { 0, 2, BYTES },  { 0, 3, BYTES },  /* fixext, and its type */
    { 0, 5, BYTES },  { 0, 9, BYTES },  /* fixext */
    { 0, 17, BYTES },                   /* fixext */
    { 1, 0, BYTES },  { 2, 0, BYTES },  /* str */
    { 4, 0, BYTES },                    /* str */
    { 2, 0, VALUES }, { 4, 0, VALUES }, /* array */
    { 2, 0, PAIRS },  { 4, 0, PAIRS },  /* map */
};

static bool pass_length(gw_str *rest, unsigned size, uint64_t *out)
{
    uint64_t length = 0;

    if (size > rest->len)
        return false;
    for (unsigned i = 0; i < size; i++)
        length = length << 8 | (unsigned char)rest->at[i];
    *rest = gw_str_skip(*rest, size);
    *out = length;
    return true;
}

static bool pass_head(gw_str *rest, struct head *out)
{
    unsigned char first;
    uint64_t length;

    *out = (struct head){ 0 };
    if (!rest->len)
        return false;
    first = (unsigned char)rest->at[0];
    *rest = gw_str_skip(*rest, 1);
    if (first < 0x80 || first >= 0xe0) { /* an integer by itself */
        return true;
    } else if (first < 0xa0) { /* map, array */
        out->is_container = true;
        out->children = (first & 0x0fu) << (first < 0x90);
        return true;
    } else if (first < 0xc0) { /* str */
        out->bytes = first & 0x1f;
        return true;
    }
    first -= 0xc0;
    if (formats[first].counts == NEVER ||
        !pass_length(rest, formats[first].length, &length))
        return false;
    out->is_container = formats[first].counts != BYTES;
    if (out->is_container)
        out->children = length << (formats[first].counts == PAIRS);
    else
        out->bytes = length + formats[first].bytes;
    return true;
}

gw_err gw_msgpack_check(gw_str bytes, const struct gw_msgpack_bounds *bounds)
{
    uint64_t open[GW_MSGPACK_DEPTH_MAX]; /* values each level still waits for */
    uint64_t room = bounds->values;
    unsigned depth = 0;

    GW_ASSERT(bounds->depth <= GW_MSGPACK_DEPTH_MAX);
    if (!room)
        return GW_E_TOO_BIG;
    room--;
    for (;;) {
        struct head head;

        if (!pass_head(&bytes, &head) || head.bytes > bytes.len)
            return GW_E_SYNTAX;
        bytes = gw_str_skip(bytes, (size_t)head.bytes);
        if (head.is_container) {
            if (depth == bounds->depth || head.children > room)
                return GW_E_TOO_BIG;
            room -= head.children;
            open[depth++] = head.children;
        }
        while (depth && !open[depth - 1])
            depth--;
        if (!depth)
            return bytes.len ? GW_E_SYNTAX : GW_OK;
        open[depth - 1]--;
    }
}

gw_err gw_msgpack_read(msgpack_zone *zone, gw_str bytes,
                       const struct gw_msgpack_bounds *bounds,
                       msgpack_object *out)
{
    size_t at = 0;
    gw_err err = gw_msgpack_check(bytes, bounds);

    if (err)
        return err;
    return msgpack_unpack(bytes.at, bytes.len, &at, zone, out) ==
                   MSGPACK_UNPACK_SUCCESS
               ? GW_OK
               : GW_E_SYSTEM;
}

static int write_bytes(void *data, const char *bytes, size_t len)
{
    return gw_buf_add(data, (gw_str){ bytes, len }) == GW_OK ? 0 : -1;
}

void gw_msgpack_packer_init(msgpack_packer *packer, struct gw_buf *out)
{
    msgpack_packer_init(packer, out, write_bytes);
}
