/*
 * Few system calls: a request on a kept connection costs one send and one
 * recv. UV_READABLE stays armed from the handshake on, because every change
 * of interest is an epoll_ctl or two; UV_WRITABLE is asked for only while a
 * send has come up short.
 *
 * An answer that came whole is lent as views into the worker's read buffer;
 * chunks are moved together in place. Otherwise it is gathered, head first,
 * body decoded behind it.
 */
#include "server/edge/upstream_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_HEAD = 32 * 1024,
    MAX_INTERIM = 16, /* 1xx answers before the one that counts */
    LOG_PER_SECOND = 5,
    KEEP_ALIVE_MARGIN_MS = 500,
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct gw_upstream_conn *c, int events)
{
    if (c->watched == events)
        return;
    c->watched = events;
    GW_ASSERT(uv_poll_start(&c->poll, events, on_poll) == 0);
}

static void on_closed(uv_handle_t *h)
{
    struct gw_upstream_conn *c = h->data;

    c->ops->gone(c->peer);
    free(c);
}

void gw_upstream_conn_close(struct gw_upstream_conn *c)
{
    if (c->state == GW_UPSTREAM_CLOSED)
        return;
    c->state = GW_UPSTREAM_CLOSED;
    c->job = NULL;
    gw_list_leave(&c->node);
    gw_timer_stop(c->env->wheel, &c->timer);
    gw_buf_fini(&c->gathered);
    if (c->ssl)
        gw_upstream_tls_close(c->ssl);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
    c->env->counters.open--;
}

static void fail(struct gw_upstream_conn *c, gw_err err)
{
    struct gw_upstream_job *job = c->job;
    struct gw_upstream_failure how = { err, c->handed, c->came };

    gw_upstream_conn_close(c);
    if (!job) {
        c->ops->left(c);
        return;
    }
    job->conn = NULL;
    c->ops->failed(job, &how);
}

static void fail_to_connect(struct gw_upstream_conn *c, const char *why)
{
    uint64_t held;

    if (gw_log_admit(&c->env->gate, c->env->clock->now_ms / 1000,
                     LOG_PER_SECOND, &held))
        gw_info("upstream.unreachable", "host=%s port=%u why=\"%s\" held=%llu",
                c->peer->host, c->peer->port, why, (unsigned long long)held);
    fail(c, GW_E_UNREACHABLE);
}

static void on_timer(struct gw_timer *t)
{
    struct gw_upstream_conn *c =
        GW_CONTAINER(t, struct gw_upstream_conn, timer);

    if (c->state == GW_UPSTREAM_RESTING)
        fail(c, GW_E_TIMEOUT);
    else
        fail_to_connect(c, "no answer from this address");
}

static void start_timer(struct gw_upstream_conn *c, int64_t delay_ms)
{
    gw_timer_start(c->env->wheel, &c->timer, c->env->clock->now_ms, delay_ms);
}

/* --- bytes in, bytes out ----------------------------------------------------- */

static ssize_t read_some(struct gw_upstream_conn *c)
{
    ssize_t n;

    if (c->ssl)
        return gw_upstream_tls_read(c->ssl, c->env->read_at,
                                    GW_UPSTREAM_READ_BYTES);
    n = recv(c->fd, c->env->read_at, GW_UPSTREAM_READ_BYTES, 0);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? GW_UPSTREAM_AGAIN : GW_UPSTREAM_BROKEN;
}

static ssize_t write_some(struct gw_upstream_conn *c, gw_str bytes)
{
    ssize_t n;

    if (c->ssl)
        return gw_upstream_tls_write(c->ssl, bytes.at, bytes.len);
    n = send(c->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? GW_UPSTREAM_AGAIN : GW_UPSTREAM_BROKEN;
}

/* Bytes that TLS has taken off the socket: no event will tell of them. */
static bool has_hidden_bytes(const struct gw_upstream_conn *c)
{
    return c->ssl && SSL_has_pending(c->ssl);
}

/* --- the answer -------------------------------------------------------------- */

/* "Keep-Alive: timeout=5" says when the server will close. Leaving a little
 * earlier avoids the race of its close with our next request. */
static int64_t rest_ms(const struct gw_upstream_conn *c,
                       const struct gw_http_response *res)
{
    int64_t most = c->env->settings.idle_ms;
    uint64_t seconds;
    gw_str list;

    if (!gw_http_header_first(&res->headers, GW_LIT("Keep-Alive"), &list))
        return most;
    while (list.len) {
        gw_str one = gw_str_trim(gw_str_cut(&list, ','));

        if (gw_str_starts(one, GW_LIT("timeout=")) &&
            gw_str_to_u64(gw_str_skip(one, 8), &seconds) &&
            seconds < (uint64_t)most / 1000)
            return GW_MAX((int64_t)seconds * 1000 - KEEP_ALIVE_MARGIN_MS, 0);
    }
    return most;
}

static void rest(struct gw_upstream_conn *c, const struct gw_http_response *res)
{
    c->state = GW_UPSTREAM_RESTING;
    c->rests_since_ms = c->env->clock->now_ms;
    start_timer(c, rest_ms(c, res));
    c->ops->rests(c);
}

/* The connection is free for the next job before this one hears of its
 * answer, so what was gathered is held here meanwhile. */
static void complete(struct gw_upstream_conn *c,
                     const struct gw_http_response *res, gw_str body,
                     bool nothing_behind)
{
    struct gw_upstream_job *job = c->job;
    struct gw_buf held = c->gathered;
    bool kept = nothing_behind && res->keep_alive && !c->broken &&
                c->sent == job->bytes.len && !has_hidden_bytes(c);

    gw_buf_init(&c->gathered, held.max);
    c->job = NULL;
    job->conn = NULL;
    if (kept)
        rest(c, res);
    else
        gw_upstream_conn_close(c);
    job->done(job, GW_OK, res, body);
    gw_buf_fini(&held);
}

/* Decodes what stands at `at` to the same place; *out bytes of body then
 * stand there, *used of the len were the body's. */
static gw_http_step decode(struct gw_upstream_conn *c, char *at, size_t len,
                           size_t *out, size_t *used)
{
    gw_http_step step;

    *out = *used = 0;
    do {
        gw_str piece;
        size_t n;

        step = gw_http_body_read(&c->body, (gw_str){ at + *used, len - *used },
                                 &n, &piece);
        if (piece.len && piece.at != at + *out)
            memmove(at + *out, piece.at, piece.len);
        *out += piece.len;
        *used += n;
    } while (step == GW_HTTP_MORE && *used < len);
    return step;
}

static void fail_body(struct gw_upstream_conn *c)
{
    fail(c, c->body.status == 413 ? GW_E_TOO_BIG : GW_E_UPSTREAM);
}

/* Bounded anyway: a head by MAX_HEAD, a body by the codec. */
static bool gather(struct gw_upstream_conn *c, const char *at, size_t len)
{
    if (gw_buf_add(&c->gathered, (gw_str){ at, len }) == GW_OK)
        return true;
    fail(c, GW_E_TOO_BIG);
    return false;
}

/* Keeps the window for the next turn: the tail of what is gathered already,
 * or a part of the read buffer. True: go on. */
static bool hold(struct gw_upstream_conn *c, const char *at, size_t len)
{
    struct gw_buf *g = &c->gathered;

    if (!g->len)
        return gather(c, at, len);
    gw_buf_consume(g, (size_t)(at - g->at));
    g->len = len;
    return true;
}

/* A whole head stands at `at`, head_len long, and what came behind it. */
static bool start_body(struct gw_upstream_conn *c,
                       const struct gw_http_response *res, char *at,
                       size_t head_len, size_t len)
{
    char *body = at + head_len;
    size_t body_len, used;

    gw_http_body_of_response(&c->body, res,
                             c->env->settings.max_response_bytes);
    switch (decode(c, body, len - head_len, &body_len, &used)) {
    case GW_HTTP_READY:
        complete(c, res, (gw_str){ body, body_len }, used == len - head_len);
        return false;
    case GW_HTTP_BAD:
        fail_body(c);
        return false;
    case GW_HTTP_MORE:
        break;
    }
    c->in_body = true;
    c->head_len = head_len;
    return hold(c, at, head_len + body_len);
}

/* Malformed, or only too long? */
static bool is_long_head(const struct gw_upstream_conn *c, gw_str bytes,
                         struct gw_http_response *res)
{
    size_t used;

    return bytes.len > MAX_HEAD &&
           gw_http_response_read(gw_str_head(bytes, MAX_HEAD), c->job->to_head,
                                 MAX_HEAD, res, &used) == GW_HTTP_MORE;
}

/* at: the first byte of a head. Skips interim ones. */
static bool take_head(struct gw_upstream_conn *c, char *at, size_t len)
{
    struct gw_http_response res;
    gw_http_step step;
    size_t used;

    for (;;) {
        step = gw_http_response_read((gw_str){ at, len }, c->job->to_head,
                                     MAX_HEAD, &res, &used);
        if (step != GW_HTTP_READY)
            break;
        if (res.status >= 200)
            return start_body(c, &res, at, used, len);
        if (res.status == 101 || ++c->interim > MAX_INTERIM) {
            fail(c, GW_E_UPSTREAM); /* nobody asked for an upgrade */
            return false;
        }
        at += used;
        len -= used;
    }
    if (step == GW_HTTP_MORE)
        return hold(c, at, len);
    fail(c, is_long_head(c, (gw_str){ at, len }, &res) ? GW_E_TOO_BIG
                                                       : GW_E_UPSTREAM);
    return false;
}

static void complete_gathered(struct gw_upstream_conn *c, bool nothing_behind)
{
    struct gw_http_response res;
    gw_str all = gw_buf_str(&c->gathered);
    gw_http_step step;
    size_t used;

    /* Read once more, because its views moved while the body grew. */
    step = gw_http_response_read(gw_str_head(all, c->head_len), c->job->to_head,
                                 MAX_HEAD, &res, &used);
    GW_ASSERT(step == GW_HTTP_READY);
    complete(c, &res, gw_str_skip(all, c->head_len), nothing_behind);
}

static bool take_body(struct gw_upstream_conn *c, char *at, size_t len)
{
    size_t body_len, used;
    gw_http_step step = decode(c, at, len, &body_len, &used);

    if (step == GW_HTTP_BAD) {
        fail_body(c);
        return false;
    }
    if (!gather(c, at, body_len))
        return false;
    if (step == GW_HTTP_MORE)
        return true;
    complete_gathered(c, used == len);
    return false;
}

static bool take(struct gw_upstream_conn *c, char *at, size_t len)
{
    struct gw_buf *g = &c->gathered;

    if (c->in_body)
        return take_body(c, at, len);
    if (!g->len)
        return take_head(c, at, len);
    if (!gather(c, at, len))
        return false;
    /* Without a line's end among the new bytes the head cannot be whole, and
     * a head that drips in is not read again for every drop. */
    if (g->len <= MAX_HEAD && !memchr(at, '\n', len))
        return true;
    return take_head(c, g->at, g->len);
}

/* The peer closed: for some answers that is the end, unless a reset may have
 * swallowed the rest. */
static void on_end(struct gw_upstream_conn *c)
{
    if (c->in_body && !c->broken && gw_http_body_may_end(&c->body))
        complete_gathered(c, true);
    else
        fail(c, GW_E_UPSTREAM);
}

/* One read. True: bytes came, and the answer goes on. */
static bool receive(struct gw_upstream_conn *c)
{
    ssize_t n = read_some(c);

    if (n > 0) {
        c->came = true;
        return take(c, c->env->read_at, (size_t)n);
    }
    if (n == GW_UPSTREAM_END)
        on_end(c);
    else if (n == GW_UPSTREAM_BROKEN || c->broken)
        fail(c, GW_E_UPSTREAM);
    return false;
}

/* --- the request ------------------------------------------------------------- */

/* A backend may answer and close before it has read all ("413"): its answer
 * lies in the socket still, and the event that tells so comes at once. Nothing
 * is read here, because a job is never answered inside its start; nor where
 * the bytes cannot be an answer, or OpenSSL has given up. */
static void on_unsendable(struct gw_upstream_conn *c)
{
    c->broken = true;
    if (c->ssl || (!c->handed && !c->job->fresh))
        fail(c, GW_E_UPSTREAM);
    else
        watch(c, UV_READABLE);
}

/* Sends what is left, as far as the kernel takes it. */
static void send_rest(struct gw_upstream_conn *c)
{
    gw_str all = c->job->bytes;
    ssize_t n;

    do {
        n = write_some(c, gw_str_skip(all, c->sent));
        /* TLS may have sent half of a record. */
        c->handed |= n > 0 || (n == GW_UPSTREAM_AGAIN && c->ssl);
        if (n > 0)
            c->sent += (size_t)n;
    } while (n > 0 && c->ssl && c->sent < all.len);
    if (n == GW_UPSTREAM_BROKEN)
        on_unsendable(c);
    else
        watch(c, c->sent < all.len ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void begin(struct gw_upstream_conn *c)
{
    gw_timer_stop(c->env->wheel, &c->timer);
    c->state = GW_UPSTREAM_BUSY;
    c->handed = c->came = c->in_body = false;
    c->interim = 0;
    c->sent = 0;
    if (c->job->is_wanted && !c->job->is_wanted(c->job))
        fail(c, GW_E_CANCELLED);
    else
        send_rest(c);
}

void gw_upstream_conn_run(struct gw_upstream_conn *c,
                          struct gw_upstream_job *job)
{
    GW_ASSERT(c->state == GW_UPSTREAM_RESTING);
    gw_list_leave(&c->node);
    c->job = job;
    job->conn = c;
    begin(c);
}

bool gw_upstream_conn_is_alive(const struct gw_upstream_conn *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN;
    return n > 0 && c->ssl; /* perhaps a session ticket */
}

/* --- events ------------------------------------------------------------------ */

static void shake_hands(struct gw_upstream_conn *c)
{
    bool wants_write;

    switch (gw_upstream_tls_handshake(c->ssl, &wants_write)) {
    case GW_UPSTREAM_AGAIN:
        if (c->broken)
            break;
        watch(c, wants_write ? UV_READABLE | UV_WRITABLE : UV_READABLE);
        return;
    case GW_UPSTREAM_BROKEN:
        break;
    default:
        begin(c);
        return;
    }
    fail_to_connect(c, gw_upstream_tls_why(c->ssl));
}

static void on_connected(struct gw_upstream_conn *c)
{
    if (!c->peer->tls) {
        begin(c);
        return;
    }
    c->ssl = gw_upstream_tls_open(c->env->tls, c->fd, c->peer->host,
                                  &c->peer->session);
    if (!c->ssl) {
        fail_to_connect(c, "not a name a certificate could have");
        return;
    }
    c->state = GW_UPSTREAM_HANDSHAKE;
    shake_hands(c);
}

static const char *socket_error(const struct gw_upstream_conn *c)
{
    int err = 0;
    socklen_t len = sizeof(err);

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    return uv_strerror(uv_translate_sys_error(err));
}

static void work(struct gw_upstream_conn *c, int events)
{
    if (events & UV_READABLE)
        while (receive(c) && (c->broken || has_hidden_bytes(c)))
            ;
    if ((events & UV_WRITABLE) && c->state == GW_UPSTREAM_BUSY &&
        c->sent < c->job->bytes.len)
        send_rest(c);
}

/* Nobody asked for anything: an end, a flood, or TLS housekeeping. */
static void on_stirring(struct gw_upstream_conn *c)
{
    if (!c->ssl || c->broken || read_some(c) != GW_UPSTREAM_AGAIN)
        fail(c, GW_E_UPSTREAM);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct gw_upstream_conn *c = poll->data;

    if (status < 0) { /* an error is pending; libuv has stopped watching */
        c->broken = true;
        events = UV_READABLE;
    }
    switch (c->state) {
    case GW_UPSTREAM_CONNECTING:
        if (c->broken)
            fail_to_connect(c, socket_error(c));
        else
            on_connected(c);
        break;
    case GW_UPSTREAM_HANDSHAKE:
        shake_hands(c);
        break;
    case GW_UPSTREAM_BUSY:
        work(c, events);
        break;
    case GW_UPSTREAM_RESTING:
        on_stirring(c);
        break;
    case GW_UPSTREAM_CLOSED:
        break;
    }
}

static int start_connecting(const struct sockaddr *address)
{
    socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                   : sizeof(struct sockaddr_in);
    int on = 1, fd = socket(address->sa_family,
                            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address, len) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

struct gw_upstream_conn *gw_upstream_conn_open(
    struct gw_upstream_env *env, struct gw_upstream_peer *peer,
    const struct sockaddr *address, int64_t attempt_ms,
    const struct gw_upstream_conn_ops *ops, struct gw_upstream_job *job)
{
    int fd = start_connecting(address);
    struct gw_upstream_conn *c;

    if (fd < 0)
        return NULL;
    c = gw_alloc(sizeof(*c));
    c->fd = fd;
    c->env = env;
    c->peer = peer;
    c->ops = ops;
    c->timer.fire = on_timer;
    gw_list_init(&c->node);
    gw_buf_init(&c->gathered, MAX_HEAD + GW_UPSTREAM_READ_BYTES +
                                  env->settings.max_response_bytes);
    if (uv_poll_init_socket(env->loop, &c->poll, fd)) {
        close(fd);
        free(c);
        return NULL;
    }
    c->poll.data = c;
    env->counters.open++;
    env->counters.opened++;
    watch(c, UV_READABLE | UV_WRITABLE);
    c->job = job;
    job->conn = c;
    if (attempt_ms)
        start_timer(c, attempt_ms);
    return c;
}
