#include "server/edge/inside.h"

#include "protocol/base/log.h"

#include <stdlib.h>

/* Once a turn; and under it, once in READS_MAX reads. Reading many and then
 * writing many is kind to the instruction cache, but after a thousand reads
 * the first link and its buffer have left the data cache (both measured). */
static void flush(struct gw_edge *edge)
{
    struct gw_list *node;

    edge->reads = 0;
    while ((node = gw_list_take(&edge->dirty)))
        outbox_flush(GW_CONTAINER(node, struct gw_link, dirty));
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                  void *in, size_t len)
{
    struct gw_link *link;

    /* Only these carry a link; for others the opaque pointer means nothing. */
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        link = lws_get_opaque_user_data(wsi);
        gw_loop_now(link->edge->loop);
        /* libwebsockets' own deadline for TLS handshakes does not end by
         * itself in the raw role. */
        if (link->tls && link->head_timed && link->state == LINK_HEAD)
            lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        link_on_bytes(link, in, len);
        if (++link->edge->reads == READS_MAX)
            flush(link->edge);
        return link->state == LINK_DEAD ? -1 : 0;
    case LWS_CALLBACK_RAW_WRITEABLE:
        link = lws_get_opaque_user_data(wsi);
        gw_loop_now(link->edge->loop);
        if (link->state != LINK_DEAD)
            outbox_on_writable(link);
        return 0;
    case LWS_CALLBACK_RAW_CLOSE:
        link = lws_get_opaque_user_data(wsi);
        gw_loop_now(link->edge->loop);
        /* A failed adoption closes before link_new has counted the link. */
        if (link->wsi)
            link_on_closed(link);
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        ((struct gw_edge *)lws_vhost_user(in))->tls = user;
        return 0;
    default:
        return 0;
    }
}

const struct lws_protocols edge_protocols[] = {
    { .name = "gatewire", .callback = on_lws, .tx_packet_size = 1 << 20 },
    { 0 },
};

static void on_turn_end(void *ctx)
{
    struct gw_edge *edge = ctx;
    struct gw_list *node;

    do {
        while ((node = gw_list_take(&edge->ready)))
            link_pump_stash(GW_CONTAINER(node, struct gw_link, ready));
        flush(edge);
    } while (!gw_list_is_empty(&edge->ready));
}

static void on_lws_log(int level, const char *line)
{
    gw_warn("lws", "%.*s", (int)strcspn(line, "\n"), line);
}

static gw_err make_context(struct gw_edge *edge, struct gw_fault *why)
{
    static const lws_retry_bo_t no_pings = { 0 };
    void *loops[] = { &edge->loop->uv };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .pt_serv_buf_size = READ_BYTES,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = edge,
        .protocols = edge_protocols,
        .vhost_name = "plain",
        .retry_and_idle_policy = &no_pings,
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    edge->context = lws_create_context(&info);
    if (!edge->context)
        return gw_fail(why, GW_E_SYSTEM,
                       "libwebsockets did not start; is the package "
                       "libwebsockets-evlib-uv installed?");
    /* A vhost asked to know TLS also loads every authority of the system, to
     * be a client with; and is not freed whole. This one needs none of it. */
    info.options &= ~(uint64_t)LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    edge->plain = lws_create_vhost(edge->context, &info);
    if (!edge->plain)
        return gw_fail(why, GW_E_SYSTEM, "libwebsockets refused its vhost");
    return edge->settings->tls_certificate.len ? tls_vhost(edge, why) : GW_OK;
}

struct gw_edge *gw_edge_new(struct gw_loop *loop,
                            const struct gw_settings *settings,
                            unsigned workers, struct gw_addresses *addresses,
                            struct gw_metrics *metrics, struct gw_fault *why)
{
    struct gw_edge *edge = gw_alloc(sizeof(*edge));

    edge->loop = loop;
    edge->settings = settings;
    edge->workers = workers;
    edge->addresses = addresses;
    edge->metrics = metrics;
    gw_buf_init(&edge->answer, SIZE_MAX / 2);
    gw_list_init(&edge->listeners);
    gw_list_init(&edge->links);
    gw_list_init(&edge->dirty);
    gw_list_init(&edge->blocked);
    gw_list_init(&edge->ready);
    if (make_context(edge, why)) {
        if (edge->context)
            lws_context_destroy(edge->context);
        free(edge);
        return NULL;
    }
    loop->flush = on_turn_end;
    loop->flush_ctx = edge;
    return edge;
}

gw_err gw_edge_configure(struct gw_edge *edge,
                         const struct gw_settings *settings,
                         struct gw_fault *why)
{
    const struct gw_settings *old = edge->settings;
    gw_err err;

    edge->settings = settings;
    if (!settings->tls_certificate.len)
        return GW_OK;
    err = edge->secure ? tls_reload(edge, why) : tls_vhost(edge, why);
    if (err)
        edge->settings = old;
    return err;
}

size_t gw_edge_busy_count(const struct gw_edge *edge,
                          const struct gw_link_events *events)
{
    size_t count = 0;

    for (struct gw_list *n = edge->listeners.next; n != &edge->listeners;
         n = n->next) {
        const struct gw_listener *l = GW_CONTAINER(n, struct gw_listener, node);

        if (l->events == events)
            count += l->socket_count;
    }
    return count;
}

void gw_edge_drain(struct gw_edge *edge)
{
    edge->draining = true;
}

void gw_edge_hold_off(struct gw_edge *edge, const struct gw_link_events *events)
{
    GW_LIST_EACH_SAFE (node, after, &edge->listeners) {
        struct gw_listener *l = GW_CONTAINER(node, struct gw_listener, node);

        if (l->events == events)
            listener_hold_off(l);
    }
}

void gw_edge_stop_listening(struct gw_edge *edge,
                            const struct gw_link_events *events,
                            int64_t rest_ms)
{
    GW_LIST_EACH_SAFE (node, after, &edge->listeners) {
        struct gw_listener *l = GW_CONTAINER(node, struct gw_listener, node);

        if (l->events != events)
            continue;
        listener_stop(l);
        listener_end_unsure(l, rest_ms);
    }
    GW_LIST_EACH_SAFE (node, after, &edge->links) {
        struct gw_link *link = GW_CONTAINER(node, struct gw_link, node);

        if (link->listener->events == events)
            request_await_for(link, rest_ms);
    }
}

void gw_edge_close(struct gw_edge *edge)
{
    GW_LIST_EACH_SAFE (node, after, &edge->listeners) {
        struct gw_listener *l = GW_CONTAINER(node, struct gw_listener, node);

        if (l->terms.is_ours)
            continue;
        listener_stop(l);
        listener_end_unsure(l, 0);
    }
    GW_LIST_EACH_SAFE (node, after, &edge->links) {
        struct gw_link *link = GW_CONTAINER(node, struct gw_link, node);

        if (!link->listener->terms.is_ours)
            link_kill(link);
    }
}

static bool is_over(const struct gw_edge *edge, bool with_ours)
{
    for (struct gw_list *n = edge->listeners.next; n != &edge->listeners;
         n = n->next) {
        const struct gw_listener *l = GW_CONTAINER(n, struct gw_listener, node);

        if ((l->socket_count || l->handles) && (with_ours || !l->terms.is_ours))
            return false;
    }
    return true;
}

bool gw_edge_is_closed(const struct gw_edge *edge)
{
    return is_over(edge, false);
}

bool gw_edge_is_empty(const struct gw_edge *edge)
{
    return is_over(edge, true);
}

/* With a loop that is not its own, libwebsockets wants to be told twice: the
 * first time it closes its handles, the second time it frees its memory, which
 * must be when they are gone. */
void gw_edge_leave_loop(struct gw_edge *edge)
{
    GW_ASSERT(gw_edge_is_empty(edge));
    edge->loop->flush = NULL;
    lws_context_destroy(edge->context);
}

void gw_edge_free(struct gw_edge *edge)
{
    GW_LIST_EACH_SAFE (node, after, &edge->listeners) {
        gw_list_leave(node);
        free(GW_CONTAINER(node, struct gw_listener, node));
    }
    lws_context_destroy(edge->context);
    SSL_CTX_free(edge->unused);
    outbox_pool_fini(edge);
    gw_buf_fini(&edge->answer);
    free(edge);
}
