#include "store/backend/registry/inside.h"

#include "store/backend/registry/scripts.h"

#include <sys/random.h>

static void claim(struct gw_redis_registry *r);

static uint32_t draw(uint32_t below)
{
    uint32_t n;

    GW_ASSERT(getrandom(&n, sizeof(n), 0) == sizeof(n));
    return below ? n % below : 0;
}

void gw_heir_init(struct gw_redis_registry *r)
{
    for (size_t i = 0; i < GW_HEIR_ESTATES_MAX; i++)
        r->heir.estates[i].registry = r;
}

bool gw_heir_is_idle(const struct gw_redis_registry *r)
{
    return r->heir.step == GW_HEIR_IDLE;
}

static struct gw_estate *estate(struct gw_redis_registry *r)
{
    return &r->heir.estates[r->heir.estate].name;
}

/* On to the next dead one, or done for now. */
static void next_estate(struct gw_redis_registry *r)
{
    struct gw_heir *h = &r->heir;

    while (++h->estate < h->estate_count)
        if (h->estates[h->estate].dead) {
            claim(r);
            return;
        }
    h->step = GW_HEIR_IDLE;
}

/* --- a chunk: claimed, copied, removed ------------------------------------------- */

static void on_removed(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;

    if (err)
        r->heir.step = GW_HEIR_STUCK;
    else
        claim(r);
}

/* They are in our estate. Until this has been answered nothing else of the
 * estate is claimed, or they would be handed to us again. */
static void remove_chunk(struct gw_redis_registry *r)
{
    struct gw_heir *h = &r->heir;
    struct gw_key goodbyes;
    gw_str argv[2 + GW_BATCH_MAX] = {
        GW_LIT("HDEL"),
        gw_registry_key(r, &goodbyes, GW_KEY_GOODBYES, estate(r))
    };

    for (size_t i = 0; i < h->id_count; i++)
        argv[2 + i] = (gw_str){ h->ids[i].at, h->ids[i].len };
    h->step = GW_HEIR_REMOVING;
    if (gw_registry_command(r, 2 + h->id_count, argv, on_removed, r))
        h->step = GW_HEIR_STUCK;
}

static void on_copied(void *ctx, gw_err err)
{
    struct gw_redis_registry *r = ctx;
    struct gw_heir *h = &r->heir;

    if (err)
        h->failed = true;
    else
        r->stats.inherited++;
    if (--h->copies)
        return;
    if (h->failed)
        h->step = GW_HEIR_IDLE; /* lost: they are claimed again by others */
    else
        remove_chunk(r);
}

/* Nothing of ours has such an id or record, and nobody could deliver it. */
static void remove_rubbish(struct gw_redis_registry *r, gw_str id)
{
    struct gw_key goodbyes;
    gw_str argv[] = { GW_LIT("HDEL"),
                      gw_registry_key(r, &goodbyes, GW_KEY_GOODBYES, estate(r)),
                      id };

    gw_warn("registry.rubbish", "key=%.*s", GW_FMT(argv[1]));
    (void)!gw_registry_command(r, GW_LEN(argv), argv, NULL, NULL);
}

static void copy(struct gw_redis_registry *r, gw_str id, gw_str record)
{
    struct gw_heir *h = &r->heir;

    if (id.len > GW_HEIR_ID_MAX || record.len > GW_RECORD_BYTES_MAX ||
        h->id_count == GW_BATCH_MAX) {
        remove_rubbish(r, id);
        return;
    }
    memcpy(h->ids[h->id_count].at, id.at, id.len);
    h->ids[h->id_count++].len = (uint8_t)id.len;
    gw_writes_put(r, GW_WRITE_INHERIT, id, record, on_copied, r);
}

/* Whoever still has it on his list will find it empty, too. */
static void strike_off(struct gw_redis_registry *r)
{
    struct gw_key estates, name, heir;
    gw_str unlist[] = { GW_LIT("SREM"),
                        gw_registry_key(r, &estates, GW_KEY_ESTATES, NULL),
                        gw_estate_name(&name, estate(r)) };
    gw_str resign[] = { GW_LIT("DEL"),
                        gw_registry_key(r, &heir, GW_KEY_HEIR, estate(r)) };

    gw_info("registry.inherited", "estate=%.*s", GW_FMT(unlist[2]));
    (void)!gw_registry_command(r, GW_LEN(unlist), unlist, NULL, NULL);
    (void)!gw_registry_command(r, GW_LEN(resign), resign, NULL, NULL);
}

static void on_claimed(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;
    struct gw_heir *h = &r->heir;

    if (err || r->member.leaving) {
        h->step = GW_HEIR_IDLE;
        return;
    }
    if (reply->kind != GW_REDIS_ARRAY) { /* alive, or another's */
        next_estate(r);
        return;
    }
    if (!reply->count) {
        strike_off(r);
        next_estate(r);
        return;
    }
    h->step = GW_HEIR_COPYING;
    h->failed = false;
    h->id_count = 0;
    for (size_t i = 0; i + 1 < reply->count; i += 2)
        copy(r, reply->at[i].text, reply->at[i + 1].text);
    h->copies = h->id_count;
    if (!h->copies)
        claim(r);
}

/* May we take (more of) it? */
static bool may_inherit(const struct gw_redis_registry *r)
{
    return !r->member.leaving && r->member.joined && gw_member_is_steady(r);
}

static void claim(struct gw_redis_registry *r)
{
    const struct gw_estate *e = estate(r);
    struct gw_key lease, claimed, conns, goodbyes, heir, name;
    struct gw_number heir_ms, kept_s, many;
    size_t room =
        may_inherit(r) ? r->base.events->inherit_room(r->base.ctx) : 0;
    gw_str argv[] = { gw_registry_key(r, &lease, GW_KEY_LEASE, e),
                      gw_registry_key(r, &claimed, GW_KEY_CLAIMED, e),
                      gw_registry_key(r, &conns, GW_KEY_CONNS, e),
                      gw_registry_key(r, &goodbyes, GW_KEY_GOODBYES, e),
                      gw_registry_key(r, &heir, GW_KEY_HEIR, e),
                      gw_estate_epoch(e),
                      gw_estate_name(&name, &r->member.estate),
                      gw_number_write(&heir_ms, r->times.lease_ms),
                      gw_number_write(&kept_s, GW_CLAIM_KEPT_S),
                      gw_number_write(&many,
                                      (int64_t)GW_MIN(room, GW_BATCH_MAX)) };

    r->heir.step = GW_HEIR_CLAIMING;
    if (!room || gw_registry_script(r, &gw_script_claim, 5, GW_LEN(argv), argv,
                                    on_claimed, r))
        r->heir.step = GW_HEIR_IDLE;
}

/* --- looking -------------------------------------------------------------------- */

static void on_lease(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct gw_heir_estate *e = ctx;
    struct gw_redis_registry *r = e->registry;

    e->dead = !err && (reply->kind != GW_REDIS_TEXT ||
                       !gw_estate_holds(&e->name, reply->text));
    if (--r->heir.leases)
        return;
    r->heir.estate = SIZE_MAX; /* before the first */
    next_estate(r);
}

static bool ask_for_lease(struct gw_heir_estate *e)
{
    struct gw_key lease;
    gw_str argv[] = { GW_LIT("GET"), gw_registry_key(e->registry, &lease,
                                                     GW_KEY_LEASE, &e->name) };

    return !gw_registry_command(e->registry, GW_LEN(argv), argv, on_lease, e);
}

/* From anywhere in the list, so that heirs do not all want the same one. */
static void on_estates(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;
    struct gw_heir *h = &r->heir;
    const struct gw_estate *own = &r->member.estate;
    size_t count = !err && reply->kind == GW_REDIS_ARRAY ? reply->count : 0;
    size_t first = draw((uint32_t)count);

    h->estate_count = 0;
    for (size_t i = 0; i < count && h->estate_count < GW_HEIR_ESTATES_MAX;
         i++) {
        struct gw_heir_estate *e = &h->estates[h->estate_count];

        if (gw_estate_read(reply->at[(first + i) % count].text, &e->name) &&
            !gw_str_eq(gw_estate_epoch(&e->name), gw_estate_epoch(own)) &&
            ask_for_lease(e))
            h->estate_count++;
    }
    h->leases = h->estate_count;
    if (!h->leases)
        h->step = GW_HEIR_IDLE;
}

static void look(struct gw_redis_registry *r)
{
    struct gw_key estates;
    gw_str argv[] = { GW_LIT("SMEMBERS"),
                      gw_registry_key(r, &estates, GW_KEY_ESTATES, NULL) };

    r->heir.step = GW_HEIR_LOOKING;
    if (gw_registry_command(r, GW_LEN(argv), argv, on_estates, r))
        r->heir.step = GW_HEIR_IDLE;
}

void gw_heir_look(struct gw_redis_registry *r)
{
    int64_t every = r->times.inherit_look_ms;

    gw_registry_alarm(r, GW_ALARM_LOOK,
                      every * 3 / 4 + draw((uint32_t)(every / 2)));
    if (r->heir.step == GW_HEIR_STUCK && r->member.up)
        remove_chunk(r);
    else if (r->heir.step == GW_HEIR_IDLE && may_inherit(r))
        look(r);
}
