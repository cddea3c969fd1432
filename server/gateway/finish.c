/*
 * The end of an exchange: the answer goes to the client, one access line is
 * written, everything is given back.
 */
#include "server/gateway/answer.h"
#include "server/gateway/exchange.h"
#include "server/gateway/failure.h"
#include "server/gateway/goodbye.h"

#include "protocol/base/log.h"
#include "protocol/base/utf8.h"
#include "protocol/ws/handshake.h"

enum { ACCESS_LINES_PER_SECOND = 200 };

/* --- messages -------------------------------------------------------------- */

/* websocket-api.md 3.7: the members in this order, and AWS's spacing. */
static void send_error_frame(struct gw_exchange *x)
{
    char frame[256];
    int n =
        snprintf(frame, sizeof(frame),
                 "{\"message\": \"%s\", \"connectionId\":\"%.16s\", "
                 "\"requestId\":\"%.16s\"}",
                 gw_failure_of(x->err)->message.at, x->conn->id, x->request_id);

    /* Its client may be gone or full by now: then there is nobody to tell. */
    if (gw_conn_send(x->conn, GW_WS_TEXT, (gw_str){ frame, (size_t)n }))
        return;
}

/* Text goes out as text; what is not text can only be binary, where the API
 * allows it. A MOCK answers in kind. A text message that is sent back as it
 * came was judged when it came. */
static gw_err reply_opcode(const struct gw_exchange *x, gw_ws_opcode *out)
{
    bool mock = x->route->integration.type == GW_INTEGRATION_MOCK;
    bool echo = x->reply.body.at == x->scope.body.at;

    *out = GW_WS_TEXT;
    if (mock && x->is_binary)
        *out = GW_WS_BINARY;
    else if (!echo && !gw_utf8_is_valid(x->reply.body))
        *out = GW_WS_BINARY;
    return *out == GW_WS_BINARY && !x->deployment->plan->binary ? GW_E_UPSTREAM
                                                                : GW_OK;
}

static void finish_message(struct gw_exchange *x)
{
    gw_ws_opcode opcode = GW_WS_TEXT;

    if (!x->err && x->route->two_way)
        x->err = reply_opcode(x, &opcode);
    if (x->err)
        send_error_frame(x);
    else if (x->route->two_way && gw_conn_send(x->conn, opcode, x->reply.body))
        return;
}

/* --- handshakes ------------------------------------------------------------ */

/* What a backend says about its own message means nothing in ours. */
static bool passes(gw_str name)
{
    static const gw_str dropped[] = {
        { "Content-Length", 14 },
        { "Content-Encoding", 16 },
        { "Date", 4 },
        { "Server", 6 },
    };

    for (size_t i = 0; i < GW_LEN(dropped); i++)
        if (gw_str_eq_nocase(name, dropped[i]))
            return false;
    return !gw_http_header_is_hop(name) &&
           !(name.len >= 14 &&
             gw_str_eq_nocase(gw_str_head(name, 14), GW_LIT("Sec-WebSocket-")));
}

/* with_body: those that describe it, too. */
static size_t passed_headers(const struct gw_exchange *x, bool with_body,
                             struct gw_http_header *out, size_t max)
{
    const struct gw_http_headers *from = x->reply.headers;
    size_t count = 0;

    for (size_t i = 0; from && i < from->count && count < max; i++)
        if (passes(from->at[i].name) &&
            (with_body ||
             !gw_str_eq_nocase(from->at[i].name, GW_LIT("Content-Type"))))
            out[count++] = from->at[i];
    return count;
}

static void accept_upgrade(struct gw_exchange *x)
{
    const struct gw_settings *s = &x->gateway->config->settings;
    struct gw_http_header headers[32];
    struct gw_accept how = {
        .headers = headers,
        .limits = { .frame_bytes = s->max_frame_bytes,
                    .message_bytes = s->max_message_bytes,
                    .binary = x->deployment->plan->binary },
    };
    gw_str protocol;
    unsigned status = gw_ws_handshake_check(x->request, &how.key);

    GW_ASSERT(status == 101); /* gw_conn_open saw to that */
    how.header_count = passed_headers(x, false, headers, GW_LEN(headers));
    if (x->reply.headers &&
        gw_http_header_first(x->reply.headers, GW_LIT("Sec-WebSocket-Protocol"),
                             &protocol) &&
        gw_ws_is_offered(x->request, protocol))
        how.protocol = protocol;
    gw_conn_accept(x->conn, &how);
}

/* The integration said no: its status, its words. */
static void refuse_as_replied(struct gw_exchange *x)
{
    struct gw_answer a;

    gw_answer_init(&a, x->gateway, x->reply.status);
    a.count += passed_headers(x, true, a.headers + a.count,
                              GW_LEN(a.headers) - a.count);
    gw_conn_refuse(x->conn, gw_answer_http(&a, x->reply.body));
}

static void refuse_as_failed(struct gw_exchange *x)
{
    const struct gw_failure *f = gw_failure_of(x->err);
    struct gw_answer a;
    char body[256];
    int n;

    if (x->err == GW_E_FORBIDDEN || x->err == GW_E_THROTTLED)
        n = snprintf(body, sizeof(body), "{\"message\":\"%s\"}", f->message.at);
    else
        n = snprintf(body, sizeof(body),
                     "{\"message\": \"%s\", \"connectionId\":\"%.16s\", "
                     "\"requestId\":\"%.16s\"}",
                     f->message.at, x->conn->id, x->request_id);
    gw_answer_init(&a, x->gateway, f->status);
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    gw_answer_add(&a, "x-amzn-ErrorType", f->type);
    if (f->status == 503)
        gw_answer_add(&a, "Retry-After", GW_LIT("1"));
    gw_conn_refuse(x->conn, gw_answer_http(&a, (gw_str){ body, (size_t)n }));
}

static void finish_connect(struct gw_exchange *x)
{
    unsigned status = x->route ? x->reply.status : 200;

    if (!x->err && (status < 200 || status > 599))
        x->err = GW_E_UPSTREAM;
    /* Let in, but into an estate that was lost meanwhile: its heirs say so. */
    if (!x->err && status <= 299 && x->conn->life != x->gateway->life)
        gw_exchange_refuse_unregistered(x);
    if (x->err)
        refuse_as_failed(x);
    else if (status > 299)
        refuse_as_replied(x);
    else
        accept_upgrade(x);
}

/* --- all ------------------------------------------------------------------- */

void gw_exchange_refuse_unregistered(struct gw_exchange *x)
{
    x->unregistered = true;
    x->err = GW_E_BUSY;
    GW_COUNT(x->gateway->metrics->connects_unregistered);
}

static void count_failure(struct gw_exchange *x)
{
    if (x->unregistered)
        return;
    if (x->err == GW_E_FORBIDDEN || x->err == GW_E_THROTTLED ||
        x->err == GW_E_GONE)
        GW_COUNT(x->gateway->metrics->client_errors);
    else if (x->err)
        GW_COUNT(x->gateway->metrics->integration_errors);
}

/* Without a route nobody was asked: 101 for a handshake, 0 for a goodbye. */
static unsigned logged_status(const struct gw_exchange *x)
{
    if (x->err)
        return gw_failure_of(x->err)->status;
    return !x->route && x->kind == GW_EXCHANGE_CONNECT ? 101 : x->reply.status;
}

static void log_access(struct gw_exchange *x)
{
    struct gw_gateway *g = x->gateway;
    uint64_t held;

    if (!gw_log_admit(&g->access_gate, g->clock->now_ms / 1000,
                      ACCESS_LINES_PER_SECOND, &held))
        return;
    if (held)
        gw_info("access.skipped", "lines=%llu", (unsigned long long)held);
    gw_info("access",
            "%s route=%.*s status=%u%s%s in=%zu out=%zu ms=%lld conn=%.16s "
            "request=%.16s from=%.*s%s%.*s",
            gw_event_type_text(x->context.event_type),
            GW_FMT(x->route ? x->route->key : GW_LIT("-")), logged_status(x),
            x->err ? " error=" : "", x->err ? gw_err_name(x->err) : "",
            x->scope.body.len, x->reply.body.len,
            (long long)(g->clock->now_ms - x->began_ms), x->conn->id,
            x->request_id, GW_FMT(x->context.source_ip),
            x->reply.why.len ? " why=" : "", GW_FMT(x->reply.why));
}

/* The next message of an ordered route goes on where it waited. One that ends
 * at once comes back here: the loop below it goes on, or a long queue would
 * need as deep a stack. */
static void resume_ordered(struct gw_conn *c)
{
    struct gw_list *node;

    c->ordered_runs = false;
    if (c->ordered_resumes)
        return;
    c->ordered_resumes = true;
    while (!c->ordered_runs && (node = gw_list_take(&c->queue))) {
        c->ordered_runs = true;
        gw_exchange_resume(GW_CONTAINER(node, struct gw_exchange, node));
    }
    c->ordered_resumes = false;
}

void gw_exchange_finish(struct gw_exchange *x)
{
    struct gw_conn *c = x->conn;
    bool ordered = x->ordered;

    count_failure(x);
    if (x->kind == GW_EXCHANGE_MESSAGE)
        finish_message(x);
    else if (x->kind == GW_EXCHANGE_CONNECT)
        finish_connect(x);
    if (x->gateway->config->settings.log_access)
        log_access(x);
    if (x->goodbye)
        gw_goodbye_tried(x->goodbye, x);
    c->in_flight++; /* stays while the next in order begins */
    gw_exchange_end(x);
    if (ordered)
        resume_ordered(c);
    gw_conn_leave(c);
}
