#include "protocol/base/draw.h"

#include "protocol/base/base64.h"

uint64_t gw_draw(struct gw_draw *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void gw_draw_uuid(struct gw_draw *d, char out[GW_UUID_LEN + 1])
{
    static const unsigned char cuts[] = { 8, 4, 4, 4, 12 };
    uint64_t drawn[2] = { gw_draw(d), gw_draw(d) };
    unsigned char *byte = (unsigned char *)drawn;
    char hex[32], *from = hex;

    byte[6] = (unsigned char)((byte[6] & 0x0F) | 0x40);
    byte[8] = (unsigned char)((byte[8] & 0x3F) | 0x80);
    gw_hex_encode(byte, 16, hex);
    for (size_t i = 0; i < GW_LEN(cuts); i++) {
        memcpy(out, from, cuts[i]);
        out += cuts[i];
        from += cuts[i];
        *out++ = i + 1 < GW_LEN(cuts) ? '-' : '\0';
    }
}
