#include "server/gateway/gateway.h"

#include "protocol/base/base64.h"
#include "server/gateway/conn.h"
#include "server/gateway/exchange.h"
#include "server/gateway/goodbye.h"

#include "protocol/base/log.h"

#include <stdlib.h>

enum { SCRATCH_BYTES = 1 << 20 };

static void salt_ids(struct gw_gateway *g)
{
    char text[GW_BASE64_LEN(8)];

    gw_base64_encode(GW_BASE64URL, (gw_str){ (const char *)&g->seed, 8 }, text);
    memcpy(g->id_salt, text, sizeof(g->id_salt));
    g->draw.state = g->seed;
}

void gw_gateway_init(struct gw_gateway *g)
{
    gw_list_init(&g->stages);
    gw_list_init(&g->free_exchanges);
    gw_list_init(&g->goodbyes);
    gw_arena_init(&g->scratch, SCRATCH_BYTES);
    gw_buf_init(&g->record, GW_RECORD_BYTES_MAX);
    g->first_free = UINT32_MAX;
    salt_ids(g);
}

/* A bound of the process, divided among its workers. */
static uint32_t share(const struct gw_gateway *g, uint32_t bound)
{
    return (bound + g->worker_count - 1) / g->worker_count;
}

static struct gw_deployment *deploy(struct gw_gateway *g, struct gw_plan *plan)
{
    struct gw_deployment *d = gw_alloc(sizeof(*d));

    d->refs = 1;
    d->plan = gw_plan_ref(plan);
    d->lanes = gw_alloc(plan->route_count * sizeof(*d->lanes));
    for (size_t i = 0; i < plan->route_count; i++) {
        const struct gw_plan_integration *to = &plan->all[i].integration;
        struct gw_fetch_origin origin = { to->tls, to->host, to->port };

        if (gw_integrations[to->type].needs_lane)
            d->lanes[i] = g->fetcher->lane_open(g->fetcher, &origin,
                                                share(g, to->max_in_flight),
                                                share(g, to->max_waiting));
    }
    return d;
}

void gw_deployment_unref(struct gw_gateway *g, struct gw_deployment *d)
{
    if (--d->refs)
        return;
    for (size_t i = 0; i < d->plan->route_count; i++)
        if (d->lanes[i])
            g->fetcher->lane_close(d->lanes[i]);
    gw_plan_unref(d->plan);
    free(d->lanes);
    free(d);
}

static void forget_stage(struct gw_gateway *g, struct gw_stage_state *s)
{
    gw_deployment_unref(g, s->deployment);
    gw_list_leave(&s->node);
    free(s);
}

void gw_stage_leave(struct gw_gateway *g, struct gw_stage_state *s)
{
    s->conn_count--;
    if (s->retired && s->conn_count == 0)
        forget_stage(g, s);
}

static struct gw_stage_state *stage_of(struct gw_gateway *g,
                                       const struct gw_plan *plan)
{
    for (struct gw_list *n = g->stages.next; n != &g->stages; n = n->next) {
        struct gw_stage_state *s = GW_CONTAINER(n, struct gw_stage_state, node);

        if (gw_str_eq(s->deployment->plan->api_id, plan->api_id) &&
            gw_str_eq(s->deployment->plan->stage, plan->stage))
            return s;
    }
    return NULL;
}

/* The same on every node: nodes name stages to each other by it. The key is
 * no secret, for nobody but the configuration chooses what is hashed. */
static uint64_t key_of(const struct gw_plan *plan)
{
    static const struct gw_hash_key fixed = { 0x6761746577697265, 1 };
    struct gw_hash_key of_api = { fixed.k0, gw_hash(&fixed, plan->api_id) };

    return gw_hash(&of_api, plan->stage);
}

static struct gw_stage_state *put_into_force(struct gw_gateway *g,
                                             struct gw_plan *plan)
{
    struct gw_stage_state *s = stage_of(g, plan);

    if (s) {
        gw_deployment_unref(g, s->deployment);
    } else {
        s = gw_alloc(sizeof(*s));
        gw_list_init(&s->node);
        gw_list_init(&s->goodbyes);
        gw_list_append(&g->stages, &s->node);
        s->key = key_of(plan);
    }
    s->deployment = deploy(g, plan);
    s->retired = false;
    return s;
}

static void tell_conns(struct gw_gateway *g)
{
    for (uint32_t i = 0; i < g->slot_count; i++) {
        struct gw_conn *c = g->slots[i].conn;

        if (c && c->stage->retired)
            gw_conn_close(c, 1001, GW_LIT("Going away"));
        else if (c)
            gw_conn_on_settings(c);
    }
}

void gw_gateway_configure(struct gw_gateway *g, struct gw_config *config)
{
    struct gw_config *old = g->config;

    if (!old)
        g->registers =
            config->settings.disconnect_delivery == GW_DISCONNECT_GUARANTEED;
    GW_LIST_EACH_SAFE (n, after, &g->stages) {
        GW_CONTAINER(n, struct gw_stage_state, node)->retired = true;
    }
    g->config = gw_config_ref(config);
    free(g->by_plan);
    g->by_plan = gw_alloc(config->plan_count * sizeof(*g->by_plan));
    for (size_t i = 0; i < config->plan_count; i++)
        g->by_plan[i] = put_into_force(g, config->plans[i]);
    tell_conns(g);
    GW_LIST_EACH_SAFE (node, next, &g->stages) {
        struct gw_stage_state *s =
            GW_CONTAINER(node, struct gw_stage_state, node);

        if (s->retired && s->conn_count == 0)
            forget_stage(g, s);
    }
    gw_config_unref(old);
}

void gw_gateway_drain(struct gw_gateway *g)
{
    g->draining = true;
    gw_drain_start(g);
}

void gw_gateway_retire(struct gw_gateway *g)
{
    GW_LIST_EACH_SAFE (node, after, &g->stages) {
        struct gw_stage_state *s =
            GW_CONTAINER(node, struct gw_stage_state, node);

        s->retired = true;
        if (s->conn_count == 0)
            forget_stage(g, s);
    }
}

bool gw_gateway_is_quiet(const struct gw_gateway *g)
{
    return g->conn_count == 0 && g->exchange_count == 0 && g->call_count == 0;
}

/* Each of them is a connection that nothing else holds. */
bool gw_gateway_has_only_retries(const struct gw_gateway *g)
{
    return g->conn_count == g->goodbye_pauses && g->exchange_count == 0 &&
           g->call_count == 0;
}

size_t gw_gateway_goodbyes_pending(const struct gw_gateway *g)
{
    return g->goodbye_count;
}

void gw_gateway_abandon_goodbyes(struct gw_gateway *g)
{
    if (g->goodbye_count && !g->registry->keeps_records)
        gw_error("goodbyes.lost", "count=%zu", g->goodbye_count);
    gw_goodbyes_forget(g);
}

void gw_gateway_fini(struct gw_gateway *g)
{
    GW_ASSERT(gw_gateway_is_quiet(g));
    gw_timer_stop(g->wheel, &g->drain.timer);
    gw_gateway_retire(g);
    gw_exchange_pool_fini(g);
    free(g->by_plan);
    free(g->slots);
    free(g->calls);
    gw_arena_fini(&g->scratch);
    gw_buf_fini(&g->record);
    gw_config_unref(g->config);
}

/* --- the registry ------------------------------------------------------------ */

static void on_joined(void *ctx, const struct gw_hash_key *id_key)
{
    struct gw_gateway *g = ctx;

    g->id_key = *id_key;
    g->joined = true;
}

static void on_lost(void *ctx)
{
    struct gw_gateway *g = ctx;

    gw_warn("connections.lost", "connections=%zu goodbyes=%zu",
            g->conn_count - g->goodbye_count, g->goodbye_count);
    g->joined = false;
    g->life++;
    gw_goodbyes_forget(g);
    for (uint32_t i = 0; i < g->slot_count; i++)
        if (g->slots[i].conn)
            gw_conn_close(g->slots[i].conn, 1012, GW_LIT("Service restart"));
}

/* True: there are more. */
static bool resync_conns(struct gw_gateway *g, size_t *max)
{
    for (; g->resync_slot < g->slot_count; g->resync_slot++) {
        struct gw_conn *c = g->slots[g->resync_slot].conn;

        if (!c || !c->registered || c->life != g->life)
            continue;
        if (!*max || gw_conn_register(c, NULL, NULL))
            return true;
        --*max;
    }
    return false;
}

static bool on_resync(void *ctx, bool again, size_t max)
{
    struct gw_gateway *g = ctx;

    if (again) {
        g->resync_slot = 0;
        g->resync_round++;
    }
    return resync_conns(g, &max) || gw_goodbyes_resync(g, &max);
}

static size_t inherit_room(void *ctx)
{
    return gw_goodbyes_room(ctx);
}

static void on_inherited(void *ctx, gw_str id, gw_str record)
{
    gw_goodbye_inherit(ctx, id, record);
}

const struct gw_registry_events gw_gateway_registry_events = {
    .on_joined = on_joined,
    .on_lost = on_lost,
    .on_resync = on_resync,
    .inherit_room = inherit_room,
    .on_inherited = on_inherited,
};

/* --- ids --------------------------------------------------------------------- */

/* A bijection of 64 bits (Steele, Lea and Flood's SplitMix): different in,
 * different out. Ids of requests are unique, not secret; what must not be
 * guessed, connection ids, is sealed. */
uint64_t gw_gateway_draw(struct gw_gateway *g)
{
    return gw_draw(&g->draw);
}

/* 11 bytes in base64url: 10 letters and 4 bits hold the number drawn, the
 * other 4 letters tell workers and processes apart. */
void gw_gateway_make_id(struct gw_gateway *g, char out[16])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t drawn = gw_gateway_draw(g);

    for (int i = 0; i < 10; i++, drawn >>= 6)
        out[i] = letters[drawn & 63];
    memcpy(out + 10, g->id_salt, 4);
    out[14] = letters[drawn << 2];
    out[15] = '=';
}

void gw_gateway_make_trace_id(struct gw_gateway *g, char out[GW_TRACE_ID_LEN])
{
    uint64_t drawn[2] = { gw_gateway_draw(g), gw_gateway_draw(g) };
    uint32_t now = (uint32_t)(g->clock->unix_ms / 1000);
    unsigned char big[4] = { (unsigned char)(now >> 24),
                             (unsigned char)(now >> 16),
                             (unsigned char)(now >> 8), (unsigned char)now };

    memcpy(out, "Root=1-", 7);
    gw_hex_encode(big, 4, out + 7);
    out[15] = '-';
    gw_hex_encode(drawn, 12, out + 16);
}

void gw_gateway_make_uuid(struct gw_gateway *g, char out[37])
{
    gw_draw_uuid(&g->draw, out);
}
