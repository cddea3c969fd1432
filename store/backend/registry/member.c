#include "store/backend/registry/inside.h"

#include "store/backend/registry/scripts.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* A founding of our own, for a gateway that has none: the time, and a key. */
static void draw_founding(char out[GW_FOUNDING_LEN])
{
    struct timespec now;
    uint64_t ms;

    clock_gettime(CLOCK_REALTIME, &now);
    ms = htobe64((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    memcpy(out, &ms, 8);
    GW_ASSERT(getrandom(out + 8, GW_FOUNDING_LEN - 8, 0) ==
              GW_FOUNDING_LEN - 8);
}

void gw_member_init(struct gw_redis_registry *r,
                    const struct gw_redis_registry_options *options)
{
    struct gw_member *m = &r->member;

    m->estate.node = options->node;
    m->estate.worker = options->worker;
    gw_estate_draw(&m->estate);
    draw_founding(m->founding);
}

gw_registry_state gw_member_state(const struct gw_redis_registry *r)
{
    const struct gw_member *m = &r->member;

    if (!m->up)
        return GW_REGISTRY_AWAY;
    if (m->joined && m->current)
        return GW_REGISTRY_JOINED;
    return m->taken ? GW_REGISTRY_TAKEN : GW_REGISTRY_JOINING;
}

bool gw_member_is_steady(const struct gw_redis_registry *r)
{
    const struct gw_member *m = &r->member;

    return m->up && m->current &&
           gw_registry_now(r) - m->steady_ms >= r->times.inherit_after_ms;
}

/* The loop's own time may be that of before a sleep. */
static int64_t read_clock(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

bool gw_member_is_sure(const struct gw_redis_registry *r)
{
    const struct gw_member *m = &r->member;

    return m->joined && read_clock() - m->sure_ms < r->times.lease_ms;
}

gw_str gw_member_lease(const struct gw_redis_registry *r, struct gw_key *out)
{
    struct gw_number link;
    gw_str digits = gw_number_write(&link, (int64_t)r->member.link);

    memcpy(out->at, r->member.estate.epoch, GW_EPOCH_LEN);
    out->at[GW_EPOCH_LEN] = '/';
    memcpy(out->at + GW_EPOCH_LEN + 1, digits.at, digits.len);
    out->len = GW_EPOCH_LEN + 1 + digits.len;
    return (gw_str){ out->at, out->len };
}

/* --- words to Redis ------------------------------------------------------------- */

/* Lists our estate (SADD), or takes it off the list (SREM). */
static gw_err list_estate(struct gw_redis_registry *r, gw_str how,
                          gw_redis_done *done)
{
    struct gw_key estates, name;
    gw_str argv[] = { how, gw_registry_key(r, &estates, GW_KEY_ESTATES, NULL),
                      gw_estate_name(&name, &r->member.estate) };

    return gw_registry_command(r, GW_LEN(argv), argv, done, r);
}

static gw_err agree_on_founding(struct gw_redis_registry *r,
                                gw_redis_done *done)
{
    struct gw_key cluster;
    gw_str argv[] = { gw_registry_key(r, &cluster, GW_KEY_CLUSTER, NULL),
                      { r->member.founding, GW_FOUNDING_LEN },
                      r->member.founded ? GW_LIT("1") : GW_LIT("0") };

    return gw_registry_script(r, &gw_script_cluster, 1, GW_LEN(argv), argv,
                              done, r);
}

static gw_err take_lease(struct gw_redis_registry *r, gw_redis_done *done)
{
    const struct gw_estate *e = &r->member.estate;
    struct gw_key lease, claimed;
    struct gw_number link, ms;
    gw_str argv[] = { gw_registry_key(r, &lease, GW_KEY_LEASE, e),
                      gw_registry_key(r, &claimed, GW_KEY_CLAIMED, e),
                      gw_estate_epoch(e),
                      gw_number_write(&link, (int64_t)r->member.link),
                      gw_number_write(&ms, r->times.lease_ms) };

    return gw_registry_script(r, &gw_script_renew, 2, GW_LEN(argv), argv, done,
                              r);
}

static gw_err give_lease_back(struct gw_redis_registry *r, gw_redis_done *done)
{
    const struct gw_estate *e = &r->member.estate;
    struct gw_key lease, conns, goodbyes;
    gw_str argv[] = { gw_registry_key(r, &lease, GW_KEY_LEASE, e),
                      gw_registry_key(r, &conns, GW_KEY_CONNS, e),
                      gw_registry_key(r, &goodbyes, GW_KEY_GOODBYES, e),
                      gw_estate_epoch(e) };

    return gw_registry_script(r, &gw_script_release, 3, GW_LEN(argv), argv,
                              done, r);
}

/* --- the lease ------------------------------------------------------------------ */

static void log_event(const struct gw_redis_registry *r, gw_log_level level,
                      const char *event, const char *why)
{
    struct gw_key name;
    gw_str text = gw_estate_name(&name, &r->member.estate);

    GW_LOG_AT(level, event, "estate=%.*s %s", GW_FMT(text), why);
}

static void join(struct gw_redis_registry *r)
{
    struct gw_member *m = &r->member;
    struct gw_hash_key key;

    /* Unlisted, it would have no heirs: the next heartbeat tries again. */
    if (m->leaving || !m->listed || !m->told)
        return;
    memcpy(m->founding, m->seen, GW_FOUNDING_LEN);
    memcpy(&key, m->founding + 8, sizeof(key));
    key.k0 = le64toh(key.k0);
    key.k1 = le64toh(key.k1);
    m->founded = m->current = true;
    m->joined = true;
    m->taken = false;
    m->refused_ms = 0;
    log_event(r, GW_LOG_INFO, "registry.joined", "");
    r->base.events->on_joined(r->base.ctx, &key);
}

/* What it held is its heirs'; we begin again as somebody else. */
static void lose(struct gw_redis_registry *r, const char *why)
{
    struct gw_member *m = &r->member;

    log_event(r, GW_LOG_WARN, "registry.lost", why);
    r->stats.lost++;
    m->joined = m->current = false;
    (void)!give_lease_back(r, NULL);
    gw_estate_draw(&m->estate);
    gw_writes_abandon(r, GW_E_GONE);
    gw_letters_abandon(r);
    if (!m->leaving)
        r->base.events->on_lost(r->base.ctx);
}

static void on_held(struct gw_redis_registry *r, bool gained)
{
    struct gw_member *m = &r->member;
    bool known = m->current && !gained;

    m->sure_ms = m->asked_ms;
    if (!m->joined) {
        join(r);
        return;
    }
    if (m->told && memcmp(m->seen, m->founding, GW_FOUNDING_LEN) != 0) {
        lose(r, "why=\"an older gateway has another key\"");
        gw_member_renew(r);
        return;
    }
    if (gained) {
        log_event(r, GW_LOG_WARN, "registry.regained",
                  "the lease was gone; all is written again");
        r->stats.regained++;
        m->steady_ms = gw_registry_now(r);
    }
    m->current = true;
    if (!known)
        gw_writes_resync(r);
}

static void on_kept(struct gw_redis_registry *r)
{
    on_held(r, false);
}

static void on_gained(struct gw_redis_registry *r)
{
    on_held(r, true);
}

/* One that never was ours holds nothing: heirs need not look at it. */
static void unlist(struct gw_redis_registry *r)
{
    (void)!list_estate(r, GW_LIT("SREM"), NULL);
}

static void on_claimed(struct gw_redis_registry *r)
{
    if (r->member.joined) {
        lose(r, "why=claimed");
    } else {
        unlist(r);
        gw_estate_draw(&r->member.estate);
    }
    gw_member_renew(r);
}

/* Somebody else lives here. */
static void on_taken(struct gw_redis_registry *r)
{
    struct gw_member *m = &r->member;
    int64_t now = gw_registry_now(r);

    if (m->joined)
        lose(r, "why=\"another process has its address\"");
    else
        unlist(r);
    if (!m->refused_ms)
        m->refused_ms = now;
    if (!m->taken && now - m->refused_ms >= r->times.taken_ms) {
        log_event(r, GW_LOG_ERROR, "registry.taken",
                  "why=\"another process lives there: two have the "
                  "same `node`\"");
        m->taken = true;
    }
    gw_registry_alarm(r, GW_ALARM_BEAT,
                      m->taken ? r->times.heartbeat_ms
                               : r->times.heartbeat_ms / 8);
}

static const struct {
    gw_str said;
    void (*act)(struct gw_redis_registry *r);
} verdicts[] = {
    { GW_LIT("kept"), on_kept },
    { GW_LIT("gained"), on_gained },
    { GW_LIT("claimed"), on_claimed },
    { GW_LIT("taken"), on_taken },
};

static void on_listed(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;

    r->member.listed = !err;
}

static void on_founding(void *ctx, gw_err err,
                        const struct gw_redis_reply *reply)
{
    struct gw_member *m = &((struct gw_redis_registry *)ctx)->member;

    m->told = !err && reply->kind == GW_REDIS_TEXT &&
              reply->text.len == GW_FOUNDING_LEN;
    if (m->told)
        memcpy(m->seen, reply->text.at, GW_FOUNDING_LEN);
}

/* While Redis carries nothing out, everybody's lease runs down: as if it had
 * been away. */
static void on_renewed(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;

    r->member.renewing = false;
    if (err) {
        r->member.steady_ms = gw_registry_now(r);
        if (reply)
            gw_warn("registry.renew", "said=\"%.*s\"", GW_FMT(reply->text));
        return;
    }
    for (size_t i = 0; i < GW_LEN(verdicts); i++)
        if (gw_str_eq(reply->text, verdicts[i].said))
            verdicts[i].act(r);
}

void gw_member_renew(struct gw_redis_registry *r)
{
    struct gw_member *m = &r->member;

    if (!m->up || m->releasing)
        return;
    gw_registry_alarm(r, GW_ALARM_BEAT, r->times.heartbeat_ms);
    if (m->renewing)
        return;
    m->listed = m->told = false;
    m->asked_ms = read_clock();
    m->renewing = !list_estate(r, GW_LIT("SADD"), on_listed) &&
                  !agree_on_founding(r, on_founding) &&
                  !take_lease(r, on_renewed);
}

void gw_member_on_up(struct gw_redis_registry *r)
{
    r->member.up = true;
    r->member.link++;
    r->member.steady_ms = gw_registry_now(r);
    gw_member_renew(r);
}

void gw_member_on_down(struct gw_redis_registry *r)
{
    r->member.up = r->member.current = r->member.taken = false;
    r->member.refused_ms = 0; /* who held it may die meanwhile */
    gw_writes_on_down(r);
}

/* --- leaving -------------------------------------------------------------------- */

static void on_released(void *ctx, gw_err err,
                        const struct gw_redis_reply *reply)
{
    struct gw_redis_registry *r = ctx;

    if (!err && reply->kind == GW_REDIS_INTEGER && reply->integer == 0)
        (void)!list_estate(r, GW_LIT("SREM"), NULL);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct gw_redis_registry *r = handle->data;

    if (--r->handles == 0)
        r->member.left(r->member.left_ctx);
}

static void close_handles(struct gw_redis_registry *r)
{
    gw_list_leave(&r->watcher.node);
    uv_close((uv_handle_t *)&r->prepare, on_handle_closed);
    for (size_t i = 0; i < GW_ALARMS; i++)
        uv_close((uv_handle_t *)&r->alarms[i], on_handle_closed);
}

static bool is_written(const struct gw_redis_registry *r)
{
    return !r->writes.count && gw_heir_is_idle(r) && gw_letters_are_sent(r);
}

void gw_member_leave(struct gw_redis_registry *r)
{
    struct gw_member *m = &r->member;

    if (!m->leaving || (!m->overdue && !m->releasing && !is_written(r)))
        return;
    if (!m->releasing) {
        m->releasing = true;
        m->joined = m->current = false; /* nothing is taken in any more */
        gw_writes_abandon(r, GW_E_CANCELLED);
        gw_letters_abandon(r);
        (void)!give_lease_back(r, on_released);
    }
    /* Each answer has its deadline. */
    if (!r->calls && !uv_is_closing((uv_handle_t *)&r->prepare))
        close_handles(r);
}
