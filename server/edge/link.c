/*
 * One client socket from its adoption to its end: which half of it (HTTP or
 * WebSocket) takes the bytes, and how it closes.
 */
#include "server/edge/inside.h"

#include "protocol/ws/handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>

static void on_timer(struct gw_timer *timer)
{
    struct gw_link *link = GW_CONTAINER(timer, struct gw_link, timer);

    switch ((enum link_state)link->state) {
    case LINK_HEAD:
    case LINK_BODY:
    case LINK_BUSY:
        request_on_timer(link);
        break;
    case LINK_OPEN:
    case LINK_DEAD:
        break;
    case LINK_CLOSING: /* the peer never answered our close frame */
    case LINK_LINGER:
        link_kill(link);
        break;
    }
}

static void remember_peer(struct gw_link *link,
                          const struct sockaddr_storage *peer)
{
    const struct sockaddr_in6 *six = (const void *)peer;
    const struct sockaddr_in *four = (const void *)peer;

    link->six =
        peer->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
    link->port =
        ntohs(peer->ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
    if (link->six)
        memcpy(link->ip, &six->sin6_addr, 16);
    else if (peer->ss_family == AF_INET6)
        memcpy(link->ip, six->sin6_addr.s6_addr + 12, 4);
    else
        memcpy(link->ip, &four->sin_addr, 4);
}

struct gw_link *link_new(struct gw_listener *listener, int fd,
                         const struct sockaddr_storage *peer, bool tls)
{
    struct gw_edge *edge = listener->edge;
    struct gw_link *link = gw_alloc(sizeof(*link));
    lws_adopt_desc_t how = {
        .vh = tls ? edge->secure : edge->plain,
        .type = LWS_ADOPT_SOCKET | (tls ? LWS_ADOPT_ALLOW_SSL : 0),
        .fd = { .sockfd = fd },
        .vh_prot_name = "gatewire",
        .opaque = link,
    };

    link->edge = edge;
    link->listener = listener;
    link->tls = tls;
    link->timer.fire = on_timer;
    gw_list_init(&link->node);
    gw_list_init(&link->dirty);
    gw_list_init(&link->blocked);
    gw_list_init(&link->ready);
    gw_buf_init(&link->stash, STASH_BYTES);
    remember_peer(link, peer);
    link->address = gw_address_key_of(peer);
    link->wsi = lws_adopt_descriptor_vhost_via_info(&how);
    if (!link->wsi) { /* the descriptor is closed, the client's hello bad */
        if (tls)
            GW_COUNT(edge->metrics->tls_failed);
        free(link);
        return NULL;
    }
    gw_list_append(&edge->links, &link->node);
    edge->link_count++;
    GW_COUNT(edge->metrics->sockets_open);
    request_await(link, true);
    return link;
}

/* Asks for the peer's Finished: SSL_is_init_finished() is false again after
 * any later error. */
static bool failed_handshake(const struct gw_link *link)
{
    SSL *ssl = link->tls ? lws_get_ssl(link->wsi) : NULL;
    char finished[1];

    return ssl && SSL_get_peer_finished(ssl, finished, sizeof(finished)) == 0;
}

static void tell_end(struct gw_link *link)
{
    const struct gw_listener *l = link->listener;
    struct incoming *in = link->incoming;
    bool is_cut = in && !gw_http_body_may_end(&in->decoder);

    if (link->answerer)
        link->answerer->gone(link->answerer);
    if (link->conn)
        l->events->on_closed(
            link->conn, link->close_code ? link->close_code : 1006, GW_EMPTY);
    else if (!link->accepted && l->events->on_end)
        l->events->on_end(l->ctx, link, is_cut ? &in->request : NULL);
}

void link_on_closed(struct gw_link *link)
{
    struct gw_edge *edge = link->edge;

    if (failed_handshake(link))
        GW_COUNT(edge->metrics->tls_failed);
    gw_timer_stop(&edge->loop->wheel, &link->timer);
    gw_list_leave(&link->node);
    gw_list_leave(&link->ready);
    outbox_fini(link);
    gw_buf_fini(&link->stash);
    gw_ws_reader_fini(&link->reader);
    edge->link_count--;
    GW_UNCOUNT(edge->metrics->sockets_open);
    tell_end(link);
    request_forget(link);
    listener_release(link->listener, link->address, link->counted);
    free(link);
}

void link_kill(struct gw_link *link)
{
    if (link->state == LINK_DEAD)
        return;
    link->state = LINK_DEAD;
    gw_list_leave(&link->dirty);
    lws_set_timeout(link->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    /* Which is a timeout like others: on a foreign loop libwebsockets looks at
     * them after its own events only, so it gets one. */
    lws_cancel_service_pt(link->wsi);
}

/* Says that we are done, and waits for the peer to read it and hang up:
 * closing while its bytes are unread would make the kernel send a reset that
 * can overtake our last words. */
void link_linger(struct gw_link *link)
{
    struct gw_loop *loop = link->edge->loop;

    if (link->state == LINK_DEAD)
        return;
    link->state = LINK_LINGER;
    gw_buf_fini(&link->stash);
    gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms, LINGER_MS);
    if (!outbox_is_empty(link)) {
        link->flush_then_close = true;
        return;
    }
    link->flush_then_close = false;
    if (link->tls)
        SSL_shutdown(lws_get_ssl(link->wsi));
    shutdown(lws_get_socket_fd(link->wsi), SHUT_WR);
    link_read_or_not(link);
}

void link_read_or_not(struct gw_link *link)
{
    bool off = link->in_flight || link->paused ||
               (link->stash.len && link->state != LINK_HEAD &&
                link->state != LINK_BODY);

    if (link->state == LINK_LINGER)
        off = link->in_flight != 0;
    if (off == link->rx_off || link->state == LINK_DEAD)
        return;
    link->rx_off = off;
    lws_rx_flow_control(link->wsi, !off);
}

/* The link is over for the core: tells it, once. */
static void report_closed(struct gw_link *link, unsigned code, gw_str reason)
{
    void *conn = link->conn;

    link->conn = NULL;
    if (conn)
        link->listener->events->on_closed(conn, code, reason);
}

static void send_close(struct gw_link *link, unsigned code, gw_str reason)
{
    char frame[GW_WS_CLOSE_MAX];
    gw_str text = { frame, gw_ws_close_write(frame, code, reason) };

    if (link->said_close)
        return;
    link->said_close = true;
    /* A full queue has no room for it: then the socket just ends. */
    if (outbox_add(link, text, GW_EMPTY))
        link_kill(link);
}

/* Ours: the core hears on_closed when the handshake is over. */
void link_close(struct gw_link *link, unsigned code, gw_str reason)
{
    struct gw_loop *loop = link->edge->loop;

    if (link->state != LINK_OPEN)
        return;
    link->close_code = (uint16_t)code;
    link->state = LINK_CLOSING;
    gw_buf_fini(&link->stash);
    link->paused = false;
    gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms, CLOSING_MS);
    send_close(link, code, reason);
    link_read_or_not(link);
}

/* The peer broke the protocol or a limit: one close frame, and the end. */
static void refuse_frame(struct gw_link *link, const struct gw_ws_event *event)
{
    GW_COUNT(link->edge->metrics->protocol_faults);
    send_close(link, event->code, event->payload);
    link_linger(link);
    report_closed(link, event->code, event->payload);
}

static void on_close_frame(struct gw_link *link,
                           const struct gw_ws_event *event)
{
    unsigned ours = link->close_code;

    send_close(link, event->code, GW_EMPTY);
    link_linger(link);
    report_closed(link, ours ? ours : event->code,
                  ours ? GW_EMPTY : event->payload);
}

static void on_ping(struct gw_link *link, gw_str payload)
{
    char head[GW_WS_HEAD_MAX];
    gw_str text = { head, gw_ws_head_write(head, GW_WS_PONG, payload.len) };

    if (link->said_close)
        return;
    if (outbox_add(link, text, payload)) {
        GW_COUNT(link->edge->metrics->slow_clients_closed);
        link->close_code = 1008;
        link_kill(link);
        return;
    }
    link->listener->events->on_activity(link->conn);
}

static void on_frame(struct gw_link *link, const struct gw_ws_event *event)
{
    switch (event->opcode) {
    case GW_WS_CLOSE:
        on_close_frame(link, event);
        break;
    case GW_WS_PING:
        on_ping(link, event->payload);
        break;
    case GW_WS_PONG:
        if (link->state == LINK_OPEN)
            link->listener->events->on_activity(link->conn);
        break;
    default:
        if (link->state == LINK_OPEN)
            link->listener->events->on_message(link->conn, event->opcode,
                                               event->payload);
    }
}

static size_t take_frames(struct gw_link *link, char *bytes, size_t len)
{
    size_t total = 0;

    while (total < len && !link->paused &&
           (link->state == LINK_OPEN || link->state == LINK_CLOSING)) {
        struct gw_ws_event event;
        size_t used = 0;
        gw_ws_step step = gw_ws_read(&link->reader, &link->limits,
                                     bytes + total, len - total, &used, &event);

        total += used;
        if (step == GW_WS_MORE)
            break;
        if (step == GW_WS_EVENT)
            on_frame(link, &event);
        else
            refuse_frame(link, &event);
    }
    if (total == len)
        gw_ws_reader_rest(&link->reader);
    return total;
}

/* Returns how many bytes were used; the rest has to wait. */
static size_t pump(struct gw_link *link, char *bytes, size_t len)
{
    size_t used = 0;

    while (used < len) {
        size_t n = 0;

        switch ((enum link_state)link->state) {
        case LINK_HEAD:
            if (outbox_is_busy(link))
                return used;
            n = request_take_head(link, bytes + used, len - used);
            break;
        case LINK_BODY:
            n = request_take_body(link, bytes + used, len - used);
            break;
        case LINK_OPEN:
        case LINK_CLOSING:
            n = take_frames(link, bytes + used, len - used);
            break;
        case LINK_BUSY:
            return used;
        case LINK_LINGER:
        case LINK_DEAD:
            return len;
        }
        if (n == 0 && link->state != LINK_LINGER && link->state != LINK_DEAD)
            return used;
        used += n;
    }
    return used;
}

void link_pump_stash(struct gw_link *link)
{
    struct gw_buf in = link->stash;
    size_t used;

    gw_list_leave(&link->ready);
    /* Taken off the link first: closing it gives the stash back. */
    gw_buf_init(&link->stash, STASH_BYTES);
    used = pump(link, in.at, in.len);
    if (link->state != LINK_LINGER && link->state != LINK_DEAD) {
        gw_buf_consume(&in, used);
        if (in.len == 0)
            gw_buf_fini(&in);
        link->stash = in;
    } else {
        gw_buf_fini(&in);
    }
    link_read_or_not(link);
}

void link_on_bytes(struct gw_link *link, char *bytes, size_t len)
{
    size_t used;

    if (link->stash.len) {
        /* Reading stops while much is stashed, so this fits. */
        if (gw_buf_add(&link->stash, (gw_str){ bytes, len }))
            link_kill(link);
        else
            link_pump_stash(link);
        return;
    }
    used = pump(link, bytes, len);
    if (used == len || link->state == LINK_LINGER || link->state == LINK_DEAD)
        return;
    if (gw_buf_add(&link->stash, (gw_str){ bytes + used, len - used }))
        link_kill(link);
    link_read_or_not(link);
}

/* --- what the core may ask: port/link.h ----------------------------------- */

static void op_respond(struct gw_link *link,
                       const struct gw_http_answer *answer, bool last)
{
    request_respond(link, answer, last);
}

static void op_accept(struct gw_link *link, const struct gw_accept *how,
                      void *conn)
{
    struct gw_buf out;
    char accept[GW_WS_ACCEPT_LEN];
    gw_err err;

    gw_ws_accept_key(how->key, accept);
    gw_buf_init(&out, SIZE_MAX / 2);
    err = gw_buf_add(&out, GW_LIT("HTTP/1.1 101 Switching Protocols\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: upgrade\r\n"
                                  "Sec-WebSocket-Accept: "));
    err |= gw_buf_add(&out, (gw_str){ accept, sizeof(accept) });
    if (how->protocol.len)
        err |= gw_buf_addf(&out, "\r\nSec-WebSocket-Protocol: %.*s",
                           GW_FMT(how->protocol));
    for (size_t i = 0; i < how->header_count; i++)
        err |= gw_buf_addf(&out, "\r\n%.*s: %.*s", GW_FMT(how->headers[i].name),
                           GW_FMT(how->headers[i].value));
    err |= gw_buf_add(&out, GW_LIT("\r\n\r\n"));
    GW_ASSERT(err == GW_OK);
    link->answerer = NULL;
    request_forget(link);
    gw_timer_stop(&link->edge->loop->wheel, &link->timer);
    link->conn = conn;
    link->accepted = true;
    link->limits = how->limits;
    link->state = LINK_OPEN;
    gw_ws_reader_init(&link->reader);
    if (outbox_add(link, gw_buf_str(&out), GW_EMPTY))
        link_kill(link);
    gw_buf_fini(&out);
    if (link->stash.len && gw_list_is_empty(&link->ready))
        gw_list_append(&link->edge->ready, &link->ready);
}

static gw_err op_send(struct gw_link *link, gw_ws_opcode opcode, gw_str payload)
{
    char head[GW_WS_HEAD_MAX];
    gw_str text = { head, gw_ws_head_write(head, opcode, payload.len) };

    if (link->state != LINK_OPEN)
        return GW_E_GONE;
    if (outbox_add(link, text, payload) == GW_OK)
        return link->state == LINK_OPEN ? GW_OK : GW_E_FULL;
    GW_COUNT(link->edge->metrics->slow_clients_closed);
    link->close_code = 1008;
    link_kill(link);
    return GW_E_FULL;
}

static void op_pause(struct gw_link *link, bool paused)
{
    link->paused = paused;
    if (!paused && link->stash.len && gw_list_is_empty(&link->ready))
        gw_list_append(&link->edge->ready, &link->ready);
    link_read_or_not(link);
}

/* Text in the edge's thread only: valid until the next call. */
static struct gw_peer op_peer(struct gw_link *link)
{
    static _Thread_local char text[INET6_ADDRSTRLEN],
        local_text[INET6_ADDRSTRLEN];
    struct sockaddr_storage local = { 0 };
    struct sockaddr_in6 *six = (void *)&local;
    struct sockaddr_in *four = (void *)&local;
    socklen_t len = sizeof(local);
    struct gw_peer peer = { .port = link->port, .tls = link->tls };

    inet_ntop(link->six ? AF_INET6 : AF_INET, link->ip, text, sizeof(text));
    getsockname(lws_get_socket_fd(link->wsi), (struct sockaddr *)&local, &len);
    if (local.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, local_text,
                  sizeof(local_text));
    else if (local.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, local_text, sizeof(local_text));
    else
        inet_ntop(AF_INET, &four->sin_addr, local_text, sizeof(local_text));
    peer.address = gw_str_of(text);
    peer.local_address = gw_str_of(local_text);
    peer.local_port =
        ntohs(local.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
    return peer;
}

static void **op_user(struct gw_link *link)
{
    return &link->user;
}

static const struct gw_link_ops ops = {
    .respond = op_respond,
    .accept = op_accept,
    .send = op_send,
    .close = link_close,
    .pause = op_pause,
    .peer = op_peer,
    .user = op_user,
};

const struct gw_link_ops *const gw_edge_link_ops = &ops;
