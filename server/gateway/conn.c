#include "server/gateway/conn.h"

#include "protocol/base/log.h"
#include "protocol/base/utf8.h"
#include "protocol/ws/handshake.h"
#include "server/gateway/answer.h"
#include "server/gateway/exchange.h"
#include "server/gateway/goodbye.h"

#include <stdlib.h>

enum { SLOTS_MAX = 1 << 24, FIRST_SLOTS = 64 };

#define TO(s) (1u << (s))
static const unsigned legal[GW_CONN_STATES] = {
    [GW_CONN_OPENING] = TO(GW_CONN_OPEN) | TO(GW_CONN_GONE),
    [GW_CONN_OPEN] = TO(GW_CONN_CLOSING) | TO(GW_CONN_GONE),
    [GW_CONN_CLOSING] = TO(GW_CONN_GONE),
};

static void move(struct gw_conn *c, gw_conn_state to)
{
    GW_ASSERT(legal[c->state] & TO(to));
    c->state = to; /* written here and nowhere else */
}

/* --- the slot table -------------------------------------------------------- */

static bool grow(struct gw_gateway *g)
{
    uint32_t count = g->slot_count ? g->slot_count * 2 : FIRST_SLOTS;

    if (count > SLOTS_MAX)
        return false;
    g->slots = gw_realloc(g->slots, count * sizeof(*g->slots));
    for (uint32_t i = g->slot_count; i < count; i++)
        g->slots[i] =
            (struct gw_conn_slot){ .next_free =
                                       i + 1 < count ? i + 1 : UINT32_MAX };
    g->first_free = g->slot_count;
    g->slot_count = count;
    return true;
}

static bool take_slot(struct gw_gateway *g, struct gw_conn *c)
{
    struct gw_conn_slot *slot;

    if (g->first_free == UINT32_MAX && !grow(g))
        return false;
    c->slot = g->first_free;
    slot = &g->slots[c->slot];
    g->first_free = slot->next_free;
    slot->conn = c;
    g->client_count++;
    /* An id that begins like an option is a nuisance on a command line. */
    do {
        slot->nonce = gw_gateway_draw(g) & ((1ull << 40) - 1);
        gw_connection_id_write(
            &g->id_key,
            (struct gw_connection_id){ .node = g->node,
                                       .worker = (uint8_t)g->worker,
                                       .slot = c->slot,
                                       .nonce = slot->nonce },
            c->id);
    } while (c->id[0] == '-');
    return true;
}

static void give_slot(struct gw_conn *c)
{
    struct gw_gateway *g = c->gateway;

    g->slots[c->slot].conn = NULL;
    g->slots[c->slot].next_free = g->first_free;
    g->first_free = c->slot;
    g->client_count--;
}

struct gw_conn *gw_conn_find(struct gw_gateway *g,
                             const struct gw_connection_id *id)
{
    struct gw_conn_slot *slot;

    if (id->node != g->node || id->worker != g->worker ||
        id->slot >= g->slot_count)
        return NULL;
    slot = &g->slots[id->slot];
    return slot->conn && slot->nonce == id->nonce &&
                   slot->conn->state == GW_CONN_OPEN
               ? slot->conn
               : NULL;
}

/* --- idle and lifetime ------------------------------------------------------ */

/* Armed for the earlier of the two ends. Traffic only notes the time; a timer
 * that fires too soon for it is armed again, so a busy connection costs one
 * timer per idle period, not one per message. */
static int64_t time_left(const struct gw_conn *c)
{
    const struct gw_settings *s = &c->gateway->config->settings;
    int64_t now = c->gateway->clock->now_ms, left = INT64_MAX;

    if (s->idle_timeout_ms)
        left = c->active_ms + s->idle_timeout_ms - now;
    if (s->max_connection_ms)
        left = GW_MIN(left, c->opened_ms + s->max_connection_ms - now);
    return left;
}

static void arm(struct gw_conn *c)
{
    int64_t left = time_left(c);

    if (left != INT64_MAX)
        gw_timer_start(c->gateway->wheel, &c->timer, c->gateway->clock->now_ms,
                       left);
}

static void on_timer(struct gw_timer *timer)
{
    struct gw_conn *c = GW_CONTAINER(timer, struct gw_conn, timer);

    if (time_left(c) > 0) {
        arm(c);
        return;
    }
    GW_COUNT(c->gateway->metrics->timeouts_idle);
    gw_conn_close(c, 1001, GW_LIT("Going away"));
}

void gw_conn_on_settings(struct gw_conn *c)
{
    if (c->state == GW_CONN_OPEN)
        arm(c);
}

/* --- birth ------------------------------------------------------------------ */

static gw_str put(char **at, gw_str text)
{
    gw_str out = { *at, text.len };

    if (text.len)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return out;
}

/* The address as a URL spells it: "127.0.0.1:8080", "[::1]:8080". */
static size_t authority_of(const struct gw_peer *peer, char out[80])
{
    bool six = gw_str_find(peer->local_address, ':', 0) >= 0;

    return (size_t)snprintf(out, 80, "%s%.*s%s:%u", six ? "[" : "",
                            GW_FMT(peer->local_address), six ? "]" : "",
                            peer->local_port);
}

/* The texts of a connection, in pieces. */
struct texts {
    gw_str domain[2], base[3], source_ip, user_agent;
};

static size_t length_of(const gw_str *pieces, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += pieces[i].len;
    return len;
}

static gw_str put_all(char **at, const gw_str *pieces, size_t count)
{
    gw_str out = { *at, 0 };

    for (size_t i = 0; i < count; i++)
        out.len += put(at, pieces[i]).len;
    return out;
}

static struct gw_conn *conn_new(struct gw_gateway *g, struct gw_stage_state *s,
                                const struct texts *t)
{
    struct gw_conn *c =
        gw_alloc(sizeof(*c) + length_of(t->domain, GW_LEN(t->domain)) +
                 length_of(t->base, GW_LEN(t->base)) + t->source_ip.len +
                 t->user_agent.len);
    char *at = c->text;

    c->domain_name = put_all(&at, t->domain, GW_LEN(t->domain));
    c->base = put_all(&at, t->base, GW_LEN(t->base));
    c->source_ip = put(&at, t->source_ip);
    c->user_agent = put(&at, t->user_agent);
    c->gateway = g;
    c->stage = s;
    c->life = g->life;
    c->timer.fire = on_timer;
    gw_list_init(&c->queue);
    g->conn_count++;
    s->conn_count++;
    return c;
}

static void conn_free(struct gw_conn *c)
{
    struct gw_gateway *g = c->gateway;

    gw_timer_stop(g->wheel, &c->timer);
    g->conn_count--;
    gw_stage_leave(g, c->stage);
    free(c);
}

static struct gw_conn *conn_of_handshake(struct gw_gateway *g,
                                         struct gw_link *link,
                                         const struct gw_target *target,
                                         const struct gw_http_request *request)
{
    const struct gw_settings *s = &g->config->settings;
    struct gw_peer peer = g->link_ops->peer(link);
    char authority[80];
    struct texts t = {
        .domain = { s->domain_name.len ? s->domain_name : request->host,
                    target->prefix },
        .base = { { authority, authority_of(&peer, authority) },
                  GW_LIT("/"),
                  target->stage->deployment->plan->api_id },
        .source_ip = peer.address,
        .user_agent = GW_EMPTY,
    };
    struct gw_conn *c;

    gw_http_header_last(&request->headers, GW_LIT("User-Agent"), &t.user_agent);
    if (!gw_utf8_is_valid(t.user_agent)) /* shown in JSON and in templates */
        t.user_agent = GW_EMPTY;
    c = conn_new(g, target->stage, &t);
    c->link = link;
    c->connected_at_ms = g->clock->unix_ms;
    c->opened_ms = c->active_ms = g->clock->now_ms;
    c->local_port = peer.local_port;
    c->tls = peer.tls;
    gw_gateway_make_id(g, c->event_id);
    if (!take_slot(g, c)) {
        conn_free(c);
        return NULL;
    }
    return c;
}

/* --- the registry ------------------------------------------------------------ */

/* A path may be any bytes; what is UTF-8 stays UTF-8. */
static gw_str cut(gw_str text)
{
    size_t len = GW_MIN(text.len, (size_t)GW_RECORD_TEXT_MAX);

    while (len < text.len && len && (text.at[len] & 0xC0) == 0x80)
        len--;
    text = gw_str_head(text, len);
    return gw_utf8_is_valid(text) ? text : GW_EMPTY;
}

struct gw_record gw_conn_record(const struct gw_conn *c)
{
    const struct gw_plan *plan = c->stage->deployment->plan;

    return (struct gw_record){
        .connection_id = gw_conn_id(c),
        .event_id = { c->event_id, sizeof(c->event_id) },
        .api_id = plan->api_id,
        .stage = plan->stage,
        .domain_name = cut(c->domain_name),
        .source_ip = c->source_ip,
        .user_agent = cut(c->user_agent),
        .base = c->base,
        .tls = c->tls,
        .local_port = c->local_port,
        .connected_at_ms = c->connected_at_ms,
    };
}

gw_err gw_conn_register(struct gw_conn *c, gw_registry_done *done, void *ctx)
{
    struct gw_gateway *g = c->gateway;
    gw_err err = GW_OK;

    g->record.len = 0;
    if (g->registry->keeps_records) {
        struct gw_record record = gw_conn_record(c);

        err = gw_record_write(&record, &g->record);
    }
    if (!err)
        err = gw_registry_add(g->registry, gw_conn_id(c),
                              gw_buf_str(&g->record), done, ctx);
    if (!err)
        c->registered = true;
    return err;
}

struct gw_conn *gw_conn_inherit(struct gw_gateway *g, struct gw_stage_state *s,
                                const struct gw_record *record)
{
    struct texts t = {
        .domain = { record->domain_name, GW_EMPTY },
        .base = { record->base, GW_EMPTY, GW_EMPTY },
        .source_ip = record->source_ip,
        .user_agent = record->user_agent,
    };
    struct gw_conn *c = conn_new(g, s, &t);

    c->connected_at_ms = record->connected_at_ms;
    c->local_port = record->local_port;
    c->tls = record->tls;
    c->registered = true;
    memcpy(c->id, record->connection_id.at, sizeof(c->id));
    memcpy(c->event_id, record->event_id.at, sizeof(c->event_id));
    move(c, GW_CONN_GONE);
    return c;
}

/* It never came to be. */
static void unregister(struct gw_conn *c)
{
    struct gw_gateway *g = c->gateway;

    if (c->registered && c->life == g->life)
        gw_registry_drop(g->registry, gw_conn_id(c));
    c->registered = false;
}

/* --- exchanges --------------------------------------------------------------- */

void gw_conn_enter(struct gw_conn *c)
{
    c->in_flight++;
    if (!c->paused && c->state == GW_CONN_OPEN &&
        c->in_flight >=
            c->gateway->config->settings.max_in_flight_per_connection) {
        c->paused = true;
        c->gateway->link_ops->pause(c->link, true);
    }
}

void gw_conn_leave(struct gw_conn *c)
{
    c->in_flight--;
    if (c->in_flight == 0 && c->state == GW_CONN_GONE) {
        conn_free(c);
        return;
    }
    if (c->leaving) {
        gw_conn_drain(c);
        return;
    }
    if (c->paused && c->state == GW_CONN_OPEN &&
        c->in_flight <
            c->gateway->config->settings.max_in_flight_per_connection) {
        c->paused = false;
        c->gateway->link_ops->pause(c->link, false);
    }
}

/* --- handshakes -------------------------------------------------------------- */

/* The client left while $connect ran: the integration still completes. */
static void on_gone(struct gw_answerer *self)
{
    struct gw_conn *c = GW_CONTAINER(self, struct gw_conn, answerer);

    c->link = NULL;
}

static void refuse_handshake(struct gw_gateway *g, struct gw_link *link,
                             unsigned status)
{
    struct gw_answer a;
    char body[64];
    int n = snprintf(body, sizeof(body), "{\"message\":\"%s\"}",
                     gw_http_status_text(status));

    gw_answer_init(&a, g, status);
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    switch (status) {
    case 405:
        gw_answer_add(&a, "Allow", GW_LIT("GET"));
        break;
    case 426:
        gw_answer_add(&a, "Upgrade", GW_LIT("websocket"));
        gw_answer_add(&a, "Connection", GW_LIT("Upgrade"));
        gw_answer_add(&a, "Sec-WebSocket-Version", GW_LIT("13"));
        break;
    case 503:
        gw_answer_add(&a, "Retry-After", GW_LIT("1"));
        break;
    }
    GW_COUNT(g->metrics->connects_refused);
    g->link_ops->respond(link, gw_answer_http(&a, (gw_str){ body, (size_t)n }),
                         false);
}

void gw_conn_open(struct gw_gateway *g, struct gw_link *link,
                  const struct gw_target *target,
                  const struct gw_http_request *request,
                  struct gw_answerer **answerer)
{
    gw_str key;
    unsigned status = gw_ws_handshake_check(request, &key);
    struct gw_conn *c = NULL;

    if (status == 101 && !g->joined) { /* as yet no id can be made */
        GW_COUNT(g->metrics->connects_unregistered);
        status = 503;
    }
    if (status == 101 && g->draining)
        status = 503;
    if (status == 101) {
        c = conn_of_handshake(g, link, target, request);
        if (!c)
            status = 503;
    }
    if (!c) {
        refuse_handshake(g, link, status);
        return;
    }
    GW_COUNT(g->metrics->connects);
    c->answerer.gone = on_gone;
    *answerer = &c->answerer;
    gw_exchange_connect(c, request);
}

void gw_conn_accept(struct gw_conn *c, const struct gw_accept *how)
{
    struct gw_gateway *g = c->gateway;

    if (!c->link) {
        give_slot(c);
        move(c, GW_CONN_GONE);
        /* Without a 101 the original says nothing (websocket-api.md 1.4); but
         * whom the backend let in, it is told of. */
        if (c->registered)
            gw_goodbye_begin(c, 1006, GW_EMPTY);
        return;
    }
    move(c, GW_CONN_OPEN);
    c->active_ms = g->clock->now_ms;
    GW_COUNT(g->metrics->connections_open);
    arm(c);
    g->link_ops->accept(c->link, how, c);
    /* The configuration may have lost its stage while $connect ran. */
    if (c->stage->retired)
        gw_conn_close(c, 1001, GW_LIT("Going away"));
}

void gw_conn_refuse(struct gw_conn *c, const struct gw_http_answer *answer)
{
    struct gw_link *link = c->link;

    GW_COUNT(c->gateway->metrics->connects_refused);
    c->link = NULL;
    give_slot(c);
    move(c, GW_CONN_GONE);
    unregister(c);
    if (link)
        c->gateway->link_ops->respond(link, answer, false);
}

/* --- life ------------------------------------------------------------------- */

void gw_conn_on_activity(void *conn)
{
    struct gw_conn *c = conn;

    if (c->gateway->config->settings.ping_is_activity)
        c->active_ms = c->gateway->clock->now_ms;
}

void gw_conn_on_message(void *conn, gw_ws_opcode opcode, gw_str payload)
{
    struct gw_conn *c = conn;

    c->active_ms = c->gateway->clock->now_ms;
    GW_COUNT(c->gateway->metrics->messages_in);
    GW_ADD(c->gateway->metrics->bytes_in, payload.len);
    gw_exchange_message(c, opcode == GW_WS_BINARY, payload);
}

gw_err gw_conn_send(struct gw_conn *c, gw_ws_opcode opcode, gw_str payload)
{
    struct gw_gateway *g = c->gateway;
    gw_err err;

    if (c->state != GW_CONN_OPEN)
        return GW_E_GONE;
    err = g->link_ops->send(c->link, opcode, payload);
    if (err)
        return err;
    c->active_ms = g->clock->now_ms;
    GW_COUNT(g->metrics->messages_out);
    GW_ADD(g->metrics->bytes_out, payload.len);
    return GW_OK;
}

void gw_conn_close(struct gw_conn *c, unsigned code, gw_str reason)
{
    if (c->state != GW_CONN_OPEN)
        return;
    move(c, GW_CONN_CLOSING);
    c->gateway->link_ops->close(c->link, code, reason);
}

void gw_conn_drain(struct gw_conn *c)
{
    c->leaving = true;
    if (c->in_flight == 0) {
        gw_conn_close(c, 1012, GW_LIT("Service restart"));
    } else if (c->state == GW_CONN_OPEN && !c->paused) {
        c->paused = true;
        c->gateway->link_ops->pause(c->link, true);
    }
}

/* --- death ------------------------------------------------------------------ */

/* websocket-api.md 1.6: what the event shows when the peer gave no reason. */
static gw_str reason_for(const struct gw_conn *c, unsigned code, gw_str reason)
{
    if (reason.len)
        return reason;
    if (c->state == GW_CONN_CLOSING && code == 1000)
        return GW_LIT("Connection Closed Normally");
    if (c->state == GW_CONN_CLOSING && code == 1001)
        return GW_LIT("Going away");
    if (c->state == GW_CONN_CLOSING && code == 1012)
        return GW_LIT("Service restart");
    return code == 1005 ? GW_LIT("Client-side close frame status not set")
                        : GW_EMPTY;
}

void gw_conn_on_closed(void *conn, unsigned code, gw_str reason)
{
    struct gw_conn *c = conn;

    reason = reason_for(c, code, reason);
    give_slot(c);
    move(c, GW_CONN_GONE);
    c->link = NULL;
    gw_timer_stop(c->gateway->wheel, &c->timer);
    GW_UNCOUNT(c->gateway->metrics->connections_open);
    GW_COUNT(c->gateway->metrics->disconnects);
    gw_debug("conn.closed", "conn=%.16s code=%u", c->id, code);
    gw_goodbye_begin(c, code, reason);
}
