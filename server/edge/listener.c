/*
 * Accepting, ours because libwebsockets' listener neither shares its port
 * between contexts nor survives running out of descriptors.
 */
#include "server/edge/inside.h"

#include "protocol/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPT_BATCH = 64, RETRY_MS = 100, BACKLOG = 4096 };

/* A socket whose first byte, which tells TLS from plain text, is not there
 * yet. */
struct unsure {
    struct gw_list node; /* listener->unsure */
    struct gw_listener *listener;
    struct sockaddr_storage peer;
    int fd;
    bool counted;
    uv_poll_t poll;
    struct gw_timer timer;
};

static const char *const refusals[] = {
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n",
};

static void refuse(struct gw_edge *edge, int fd, const char *answer)
{
    char drop[4096];

    GW_COUNT(edge->metrics->accepts_refused);
    /* Best effort: the socket is new, so its buffer has room. What it sent
     * already is read, or closing would send a reset instead. */
    if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
        shutdown(fd, SHUT_WR);
        while (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) > 0)
            continue;
    }
    close(fd);
}

/* Nobody's any more? Its links and its handles name it until their ends. */
static void free_when_gone(struct gw_listener *l)
{
    if (!l->gone || l->socket_count || l->handles)
        return;
    gw_list_leave(&l->node);
    l->gone(l->ctx);
    free(l);
}

void listener_release(struct gw_listener *l, gw_address_key address,
                      bool counted)
{
    l->socket_count--;
    if (counted)
        gw_addresses_leave(l->edge->addresses, address);
    if (l->terms.is_public)
        gw_addresses_close_one(l->edge->addresses);
    free_when_gone(l);
}

static void adopt(struct gw_listener *l, int fd,
                  const struct sockaddr_storage *peer, bool counted, bool tls)
{
    struct gw_link *link = link_new(l, fd, peer, tls);

    if (link)
        link->counted = counted;
    else
        listener_release(l, gw_address_key_of(peer), counted);
}

static void on_unsure_closed(uv_handle_t *handle)
{
    struct unsure *u = handle->data;

    u->listener->handles--;
    free_when_gone(u->listener);
    free(u);
}

static void forget_unsure(struct unsure *u)
{
    struct gw_edge *edge = u->listener->edge;

    gw_timer_stop(&edge->loop->wheel, &u->timer);
    gw_list_leave(&u->node);
    GW_UNCOUNT(edge->metrics->sockets_open);
    uv_close((uv_handle_t *)&u->poll, on_unsure_closed);
}

static void drop_unsure(struct unsure *u)
{
    listener_release(u->listener, gw_address_key_of(&u->peer), u->counted);
    forget_unsure(u);
    close(u->fd);
}

static void on_unsure_late(struct gw_timer *timer)
{
    struct unsure *u = GW_CONTAINER(timer, struct unsure, timer);

    GW_COUNT(u->listener->edge->metrics->timeouts_head);
    drop_unsure(u);
}

static bool first_byte(int fd, bool *tls)
{
    unsigned char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    *tls = n == 1 && byte == 0x16;
    return n >= 0 || errno != EAGAIN;
}

static void on_unsure_readable(uv_poll_t *poll, int status, int events)
{
    struct unsure *u = poll->data;
    bool tls;

    gw_loop_now(u->listener->edge->loop);
    if (!first_byte(u->fd, &tls))
        return;
    uv_poll_stop(&u->poll);
    adopt(u->listener, u->fd, &u->peer, u->counted, tls);
    forget_unsure(u);
}

static void await_first_byte(struct gw_listener *l, int fd,
                             const struct sockaddr_storage *peer, bool counted)
{
    struct unsure *u = gw_alloc(sizeof(*u));
    struct gw_loop *loop = l->edge->loop;

    *u = (struct unsure){ .listener = l,
                          .peer = *peer,
                          .fd = fd,
                          .counted = counted,
                          .timer = { .fire = on_unsure_late } };
    gw_list_init(&u->node);
    gw_list_append(&l->unsure, &u->node);
    u->poll.data = u;
    l->handles++;
    GW_COUNT(l->edge->metrics->sockets_open);
    uv_poll_init(&loop->uv, &u->poll, fd);
    uv_poll_start(&u->poll, UV_READABLE, on_unsure_readable);
    gw_timer_start(&loop->wheel, &u->timer, loop->clock.now_ms,
                   l->edge->settings->head_timeout_ms);
}

/* What a client who may not come in is told, or NULL. */
static const char *turn_away(struct gw_edge *edge,
                             const struct sockaddr_storage *peer, bool *counted)
{
    const struct gw_settings *s = edge->settings;

    if (!gw_addresses_open_one(edge->addresses, s->max_connections))
        return refusals[0];
    if (!s->max_connections_per_address &&
        !s->handshakes_per_second_per_address)
        return NULL;
    *counted = gw_addresses_enter(edge->addresses, gw_address_key_of(peer),
                                  s->max_connections_per_address,
                                  s->handshakes_per_second_per_address,
                                  edge->loop->clock.now_ms);
    if (*counted)
        return NULL;
    gw_addresses_close_one(edge->addresses);
    return refusals[1];
}

static void on_new_socket(struct gw_listener *l, int fd,
                          const struct sockaddr_storage *peer)
{
    struct gw_edge *edge = l->edge;
    bool tls = false, counted = false;
    int on = 1;
    const char *refusal =
        l->terms.is_public ? turn_away(edge, peer, &counted) : NULL;

    if (refusal) {
        refuse(edge, fd, refusal);
        return;
    }
    l->socket_count++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (l->terms.is_public && edge->secure && !first_byte(fd, &tls))
        await_first_byte(l, fd, peer, counted);
    else
        adopt(l, fd, peer, counted, tls);
}

static void on_listener_ready(uv_poll_t *poll, int status, int events);

static void on_retry(struct gw_timer *timer)
{
    struct gw_listener *l = GW_CONTAINER(timer, struct gw_listener, retry);

    uv_poll_start(&l->poll, UV_READABLE, on_listener_ready);
}

/* No descriptor, or no memory in the kernel: leave the others in the backlog
 * and look again soon. */
static void pause_accepting(struct gw_listener *l, int error)
{
    struct gw_loop *loop = l->edge->loop;
    uint64_t held;

    GW_COUNT(l->edge->metrics->accepts_paused);
    if (gw_log_admit(&l->edge->gate, loop->clock.now_ms / 1000, 1, &held))
        gw_warn("accept.paused", "reason=\"%s\" open=%zu", strerror(error),
                l->edge->link_count);
    uv_poll_stop(&l->poll);
    gw_timer_start(&loop->wheel, &l->retry, loop->clock.now_ms, RETRY_MS);
}

/* True when there may be more than those. */
static bool accept_batch(struct gw_listener *l)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage peer = { 0 };
        socklen_t len = sizeof(peer);
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            on_new_socket(l, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                   errno == ENOMEM) {
            pause_accepting(l, errno);
            return false;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return false; /* EAGAIN: all taken */
        }
    }
    return true;
}

static void on_listener_ready(uv_poll_t *poll, int status, int events)
{
    struct gw_listener *l = poll->data;

    gw_loop_now(l->edge->loop);
    accept_batch(l);
}

struct gw_listener *gw_edge_listen(struct gw_edge *edge, int fd,
                                   const struct gw_edge_terms *terms,
                                   const struct gw_link_events *events,
                                   void *ctx)
{
    struct gw_listener *l = gw_alloc(sizeof(*l));

    *l = (struct gw_listener){ .edge = edge,
                               .fd = fd,
                               .terms = *terms,
                               .accepting = true,
                               .retry = { .fire = on_retry },
                               .events = events,
                               .ctx = ctx };
    l->poll.data = l;
    gw_list_init(&l->node);
    gw_list_init(&l->unsure);
    gw_list_append(&edge->listeners, &l->node);
    l->handles++;
    uv_poll_init(&edge->loop->uv, &l->poll, fd);
    uv_poll_start(&l->poll, UV_READABLE, on_listener_ready);
    return l;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct gw_listener *l = handle->data;

    close(l->fd);
    l->handles--;
    free_when_gone(l);
}

/* Since Linux 5.14 the kernel can hand them to a neighbour itself. */
static bool kernel_migrates(void)
{
    int fd = open("/proc/sys/net/ipv4/tcp_migrate_req", O_RDONLY | O_CLOEXEC);
    char value = '0';
    ssize_t n = fd < 0 ? 0 : read(fd, &value, 1);

    if (fd >= 0)
        close(fd);
    return n == 1 && value == '1';
}

/* A filter that lets all segments through but those with SYN and no ACK. A
 * listener's filter sees the TCP header first. Sockets accepted from now on
 * inherit it, and never meet such a segment. Where there are no filters, what
 * arrives between the last look and the close is reset, as it is everywhere. */
void listener_hold_off(struct gw_listener *l)
{
    enum { FLAGS = 13, SYN = 0x02, ACK = 0x10 };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = { GW_LEN(steps), steps };

    if (kernel_migrates())
        return;
    if (setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                   sizeof(filter)))
        gw_info("listen.filter", "reason=\"%s\"", strerror(errno));
}

void listener_end_unsure(struct gw_listener *l, int64_t ms)
{
    struct gw_loop *loop = l->edge->loop;

    for (struct gw_list *n = l->unsure.next; n != &l->unsure; n = n->next)
        gw_timer_start(&loop->wheel,
                       &GW_CONTAINER(n, struct unsure, node)->timer,
                       loop->clock.now_ms, ms);
}

static void stop_accepting(struct gw_listener *l)
{
    l->accepting = false;
    gw_timer_stop(&l->edge->loop->wheel, &l->retry);
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
}

void listener_stop(struct gw_listener *l)
{
    if (!l->accepting)
        return;
    while (accept_batch(l))
        continue;
    stop_accepting(l);
}

void gw_edge_unlisten(struct gw_listener *l, void (*gone)(void *ctx))
{
    GW_ASSERT(l->accepting);
    l->gone = gone;
    stop_accepting(l);
    listener_end_unsure(l, 0);
    GW_LIST_EACH_SAFE (node, after, &l->edge->links) {
        struct gw_link *link = GW_CONTAINER(node, struct gw_link, node);

        if (link->listener == l)
            link_kill(link);
    }
}

static gw_err bind_one(const struct addrinfo *info, bool share, int *out)
{
    int on = 1, off = 0;
    int fd = socket(info->ai_family,
                    info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return GW_E_SYSTEM;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (info->ai_family == AF_INET6) /* "[::]" takes IPv4 too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG)) {
        int error = errno;

        close(fd);
        errno = error;
        return GW_E_SYSTEM;
    }
    *out = fd;
    return GW_OK;
}

static void describe(int fd, char bound[GW_BOUND_MAX], uint16_t *port)
{
    struct sockaddr_storage at = { 0 };
    struct sockaddr_in6 *six = (void *)&at;
    struct sockaddr_in *four = (void *)&at;
    socklen_t len = sizeof(at);
    char text[INET6_ADDRSTRLEN] = "";

    getsockname(fd, (struct sockaddr *)&at, &len);
    if (at.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
        *port = ntohs(six->sin6_port);
        snprintf(bound, GW_BOUND_MAX, "[%s]:%u", text, *port);
    } else {
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
        *port = ntohs(four->sin_port);
        snprintf(bound, GW_BOUND_MAX, "%s:%u", text, *port);
    }
}

static gw_err bind_any(const struct gw_address *address, bool share, int *fd,
                       struct gw_fault *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE };
    struct addrinfo *found;
    char host[256], service[8];
    int failed;
    gw_err err;

    snprintf(host, sizeof(host), "%.*s", GW_FMT(address->host));
    snprintf(service, sizeof(service), "%u", address->port);
    if (!address->host.len)
        hints.ai_family = AF_INET;
    failed =
        getaddrinfo(address->host.len ? host : NULL, service, &hints, &found);
    if (failed)
        return gw_fail(why, GW_E_INVALID, "cannot listen on %.*s: %s",
                       GW_FMT(address->text), gai_strerror(failed));
    err = bind_one(found, share, fd);
    freeaddrinfo(found);
    if (err)
        return gw_fail(why, err, "cannot listen on %.*s: %s%s",
                       GW_FMT(address->text), strerror(errno),
                       errno == EADDRINUSE ? "; is another server on this port?"
                                           : "");
    return GW_OK;
}

gw_err gw_edge_check_free(const struct gw_address *address,
                          struct gw_fault *why)
{
    int fd;
    gw_err err;

    if (!address->text.len || !address->port)
        return GW_OK;
    err = bind_any(address, false, &fd, why);
    if (!err)
        close(fd);
    return err;
}

gw_err gw_edge_bind(const struct gw_address *address, int *fd,
                    char bound[GW_BOUND_MAX], uint16_t *port,
                    struct gw_fault *why)
{
    gw_err err = bind_any(address, true, fd, why);

    if (!err)
        describe(*fd, bound, port);
    return err;
}
