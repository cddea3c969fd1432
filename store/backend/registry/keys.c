#include "store/backend/registry/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

static const struct {
    const char *name;
    enum { GATEWAY, ADDRESS, ESTATE } of;
} kinds[] = {
    [GW_KEY_LEASE] = { "lease", ADDRESS },
    [GW_KEY_CONNS] = { "conns", ESTATE },
    [GW_KEY_GOODBYES] = { "goodbyes", ESTATE },
    [GW_KEY_CLAIMED] = { "claimed", ESTATE },
    [GW_KEY_HEIR] = { "heir", ESTATE },
    [GW_KEY_ESTATES] = { "estates", GATEWAY },
    [GW_KEY_CLUSTER] = { "cluster", GATEWAY },
    [GW_KEY_LETTERS] = { "letters", GATEWAY },
};

static gw_str written(struct gw_key *out, int len)
{
    GW_ASSERT(len > 0 && (size_t)len < sizeof(out->at));
    out->len = (size_t)len;
    return (gw_str){ out->at, out->len };
}

gw_str gw_key_write(struct gw_key *out, gw_str prefix, gw_key_kind kind,
                    const struct gw_estate *e)
{
    const char *name = kinds[kind].name;
    int len = 0;

    switch (kinds[kind].of) {
    case GATEWAY:
        len =
            snprintf(out->at, sizeof(out->at), "%.*s%s", GW_FMT(prefix), name);
        break;
    case ADDRESS:
        len = snprintf(out->at, sizeof(out->at), "%.*s{%u.%u}:%s",
                       GW_FMT(prefix), e->node, e->worker, name);
        break;
    case ESTATE:
        len = snprintf(out->at, sizeof(out->at), "%.*s{%u.%u}:%s:%.*s",
                       GW_FMT(prefix), e->node, e->worker, name, GW_EPOCH_LEN,
                       e->epoch);
        break;
    }
    return written(out, len);
}

void gw_estate_draw(struct gw_estate *e)
{
    char text[GW_EPOCH_LEN + 1];
    uint64_t drawn;

    GW_ASSERT(getrandom(&drawn, sizeof(drawn), 0) == sizeof(drawn));
    snprintf(text, sizeof(text), "%016" PRIx64, drawn);
    memcpy(e->epoch, text, GW_EPOCH_LEN);
}

gw_str gw_estate_name(struct gw_key *out, const struct gw_estate *e)
{
    return written(out, snprintf(out->at, sizeof(out->at), "%u.%u:%.*s",
                                 e->node, e->worker, GW_EPOCH_LEN, e->epoch));
}

bool gw_estate_read(gw_str name, struct gw_estate *out)
{
    gw_str node = gw_str_cut(&name, '.'), worker = gw_str_cut(&name, ':');
    uint64_t n, w;

    if (!gw_str_to_u64(node, &n) || n > UINT16_MAX ||
        !gw_str_to_u64(worker, &w) || w > UINT8_MAX ||
        name.len != GW_EPOCH_LEN || !gw_str_is_of(name, ""))
        return false;
    out->node = (uint16_t)n;
    out->worker = (uint8_t)w;
    memcpy(out->epoch, name.at, GW_EPOCH_LEN);
    return true;
}

bool gw_estate_holds(const struct gw_estate *e, gw_str lease)
{
    gw_str epoch = gw_str_cut(&lease, '/');

    return gw_str_eq(epoch, gw_estate_epoch(e));
}
