/*
 * A uv_idle handle runs the flush: it comes once per turn, after the timers and
 * before the loop sleeps, and as long as it is started the loop does not sleep;
 * so a command is sent in its turn wherever in the turn it was queued.
 * UV_WRITABLE is asked for only while a write has come up short.
 */
#include "store/backend/redis_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    OUT_MAX = 64 * 1024 * 1024, /* bytes not yet taken by the kernel */
    OUT_KEPT = 1024 * 1024,     /* of a buffer that was flushed */
    READ_BYTES = 64 * 1024,
    WORD_HEAD = 24, /* "$18446744073709551615\r\n" */
};

struct pending {
    gw_redis_done *done;
    void *ctx;
    uint64_t since_ms;
};

struct gw_redis_conn {
    uv_poll_t poll;
    uv_idle_t flush;
    unsigned handles;
    int fd, watched; /* watched: the UV_ events armed */
    enum { CONNECTING, OPEN, CLOSED } state;
    struct gw_redis_owner *owner;
    const struct gw_redis_conn_events *events;
    void *ctx;
    struct gw_redis_reader reader;
    struct gw_buf out;
    size_t sent;          /* of out */
    struct pending *ring; /* a power of two */
    size_t room, first, count;
    uint64_t heard_ms;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct gw_redis_conn *c, int events)
{
    if (c->watched == events)
        return;
    c->watched = events;
    GW_ASSERT(uv_poll_start(&c->poll, events, on_poll) == 0);
}

static void break_up(struct gw_redis_conn *c, const char *why)
{
    c->events->on_broken(c->ctx, why);
    GW_ASSERT(c->state == CLOSED);
}

/* --- who waits for an answer ------------------------------------------------- */

static void append(struct gw_redis_conn *c, struct pending p)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        struct pending *ring = gw_alloc(room * sizeof(*ring));

        for (size_t i = 0; i < c->count; i++)
            ring[i] = c->ring[(c->first + i) & (c->room - 1)];
        free(c->ring);
        c->ring = ring;
        c->room = room;
        c->first = 0;
    }
    c->ring[(c->first + c->count++) & (c->room - 1)] = p;
}

static struct pending take_first(struct gw_redis_conn *c)
{
    struct pending p = c->ring[c->first];

    c->first = (c->first + 1) & (c->room - 1);
    c->count--;
    return p;
}

size_t gw_redis_conn_pending(const struct gw_redis_conn *c)
{
    return c->count;
}

/* --- out --------------------------------------------------------------------- */

static void forget_sent(struct gw_redis_conn *c)
{
    if (c->sent < c->out.len / 2) /* not at every short write */
        return;
    gw_buf_consume(&c->out, c->sent);
    c->sent = 0;
    if (c->out.len == 0 && c->out.room > OUT_KEPT)
        gw_buf_fini(&c->out);
}

static void flush(struct gw_redis_conn *c)
{
    ssize_t n =
        send(c->fd, c->out.at + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        break_up(c, strerror(errno));
        return;
    }
    c->sent += n < 0 ? 0 : (size_t)n;
    forget_sent(c);
    watch(c, c->out.len ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void on_flush(uv_idle_t *idle)
{
    struct gw_redis_conn *c = idle->data;

    uv_idle_stop(idle);
    if (c->state == OPEN && c->out.len && !(c->watched & UV_WRITABLE))
        flush(c);
}

/* There is room. */
static void add_number(struct gw_buf *out, char kind, size_t n)
{
    char digits[WORD_HEAD], *at = digits + sizeof(digits);
    size_t len;

    *--at = '\n';
    *--at = '\r';
    do {
        *--at = (char)('0' + n % 10);
    } while (n /= 10);
    *--at = kind;
    len = (size_t)(digits + sizeof(digits) - at);
    memcpy(out->at + out->len, at, len);
    out->len += len;
}

static void add_word(struct gw_buf *out, gw_str word)
{
    add_number(out, '$', word.len);
    if (word.len)
        memcpy(out->at + out->len, word.at, word.len);
    memcpy(out->at + out->len + word.len, "\r\n", 2);
    out->len += word.len + 2;
}

gw_err gw_redis_conn_send(struct gw_redis_conn *c, size_t argc,
                          const gw_str *argv, gw_redis_done *done, void *ctx)
{
    size_t need = WORD_HEAD;
    gw_err err;

    GW_ASSERT(c->state == OPEN && argc);
    for (size_t i = 0; i < argc; i++)
        need += argv[i].len + WORD_HEAD + 2;
    err = gw_buf_reserve(&c->out, need);
    if (err)
        return err;
    add_number(&c->out, '*', argc);
    for (size_t i = 0; i < argc; i++)
        add_word(&c->out, argv[i]);
    /* not uv_now, which is late in a turn that took long */
    append(c, (struct pending){ done, ctx, uv_hrtime() / 1000000 });
    if (!uv_is_active((uv_handle_t *)&c->flush))
        uv_idle_start(&c->flush, on_flush);
    return GW_OK;
}

void gw_redis_conn_demand(struct gw_redis_conn *c, size_t argc,
                          const gw_str *argv, gw_redis_done *done, void *ctx)
{
    GW_ASSERT(gw_redis_conn_send(c, argc, argv, done, ctx) == GW_OK);
}

void gw_redis_conn_greet(struct gw_redis_conn *c,
                         const struct gw_redis_url *url, gw_redis_done *done,
                         void *ctx)
{
    const gw_str auth[] = { GW_LIT("AUTH"), url->user, url->password };
    const gw_str bare[] = { GW_LIT("AUTH"), url->password };

    if (url->user.len)
        gw_redis_conn_demand(c, GW_LEN(auth), auth, done, ctx);
    else if (url->password.len)
        gw_redis_conn_demand(c, GW_LEN(bare), bare, done, ctx);
}

/* --- in ---------------------------------------------------------------------- */

static void answer(struct gw_redis_conn *c, gw_err err,
                   const struct gw_redis_reply *reply)
{
    struct pending p;

    c->owner->error_replies += err != GW_OK;
    if (c->events->on_push && c->events->on_push(c->ctx, reply))
        return;
    if (!c->count) {
        break_up(c, err ? reply->text.at : "a reply nobody asked for");
        return;
    }
    p = take_first(c);
    if (p.done)
        p.done(p.ctx, err, reply);
    /* A replica now: the master is somewhere else. */
    if (c->state != CLOSED && err &&
        gw_str_starts(reply->text, GW_LIT("READONLY")))
        break_up(c, reply->text.at);
}

static void answer_all(struct gw_redis_conn *c)
{
    while (c->state == OPEN) {
        const struct gw_redis_reply *reply;
        struct gw_fault why;
        gw_err err;

        if (gw_redis_reader_next(&c->reader, &reply, &err, &why)) {
            break_up(c, why.text);
            return;
        }
        if (!reply)
            return;
        answer(c, err, reply);
    }
}

static void read_some(struct gw_redis_conn *c)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        break_up(c, n < 0 ? strerror(errno) : "closed by the other side");
        return;
    }
    c->heard_ms = uv_now(c->poll.loop);
    if (gw_redis_reader_feed(&c->reader, (gw_str){ bytes, (size_t)n })) {
        break_up(c, "a reply past the bound");
        return;
    }
    answer_all(c);
}

/* --- life -------------------------------------------------------------------- */

static void on_connect(struct gw_redis_conn *c)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        break_up(c, strerror(error));
        return;
    }
    c->state = OPEN;
    c->heard_ms = uv_now(c->poll.loop);
    watch(c, UV_READABLE);
    c->events->on_connected(c->ctx);
}

/* A status is what libuv makes of EPOLLERR: the socket says what it was. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct gw_redis_conn *c = poll->data;

    if (c->state == CONNECTING) {
        on_connect(c);
        return;
    }
    if (status || events & UV_READABLE)
        read_some(c);
    if (c->state == OPEN && status)
        break_up(c, uv_strerror(status));
    if (c->state == OPEN && events & UV_WRITABLE)
        flush(c);
}

static bool is_overdue(const struct gw_redis_conn *c, uint64_t now_ms)
{
    return c->count &&
           now_ms >= c->ring[c->first].since_ms + GW_REDIS_COMMAND_MS;
}

/* Any words are a sign of life, an error's too. */
static void on_pong(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct gw_redis_conn *c = ctx;

    if (c->state != OPEN || err ||
        gw_redis_reply_begins(reply, 2, GW_LIT("pong")) ||
        (reply->kind == GW_REDIS_TEXT &&
         gw_str_eq(reply->text, GW_LIT("PONG"))))
        return;
    break_up(c, "not an answer to PING");
}

uint64_t gw_redis_conn_tend(struct gw_redis_conn *c)
{
    static const gw_str ping[] = { GW_LIT("PING") };
    uint64_t now_ms = uv_now(c->poll.loop), due_ms;

    /* When it is we who were late, the answer is there already. */
    if (is_overdue(c, now_ms))
        read_some(c);
    if (c->state == OPEN && is_overdue(c, now_ms))
        break_up(c, "no answer in time");
    if (c->state != OPEN)
        return 0;
    if (!c->count && now_ms >= c->heard_ms + GW_REDIS_PING_MS) {
        if (gw_redis_conn_send(c, 1, ping, on_pong, c)) {
            break_up(c, "it answers what it has not read");
            return 0;
        }
    }
    due_ms = c->count ? c->ring[c->first].since_ms + GW_REDIS_COMMAND_MS
                      : c->heard_ms + GW_REDIS_PING_MS;
    return due_ms - now_ms;
}

static void on_closed(uv_handle_t *h)
{
    struct gw_redis_conn *c = h->data;
    struct gw_redis_owner *owner = c->owner;

    if (--c->handles)
        return;
    gw_redis_reader_fini(&c->reader);
    gw_buf_fini(&c->out);
    free(c->ring);
    free(c);
    gw_redis_owner_drop(owner);
}

void gw_redis_conn_close(struct gw_redis_conn *c)
{
    if (c->state == CLOSED)
        return;
    c->state = CLOSED;
    uv_close((uv_handle_t *)&c->poll, on_closed);
    uv_close((uv_handle_t *)&c->flush, on_closed);
    close(c->fd);
    while (c->count) {
        struct pending p = take_first(c);

        if (p.done)
            p.done(p.ctx, GW_E_UNREACHABLE, NULL);
    }
}

static int start_connecting(const struct gw_redis_address *to)
{
    int on = 1, error;
    int fd =
        socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (to->at.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&to->at, to->len) == 0 ||
        errno == EINPROGRESS)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

struct gw_redis_conn *gw_redis_conn_open(
    uv_loop_t *loop, const struct gw_redis_address *to,
    struct gw_redis_owner *owner, const struct gw_redis_conn_events *events,
    void *ctx, struct gw_fault *why)
{
    int fd = start_connecting(to), error;
    struct gw_redis_conn *c;

    if (fd < 0) {
        gw_fail(why, GW_E_UNREACHABLE, "%s", strerror(errno));
        return NULL;
    }
    c = gw_alloc(sizeof(*c));
    error = uv_poll_init_socket(loop, &c->poll, fd);
    if (error) {
        gw_fail(why, GW_E_SYSTEM, "%s", uv_strerror(error));
        close(fd);
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->owner = owner;
    c->events = events;
    c->ctx = ctx;
    gw_redis_reader_init(&c->reader);
    gw_buf_init(&c->out, OUT_MAX);
    GW_ASSERT(uv_idle_init(loop, &c->flush) == 0);
    c->poll.data = c->flush.data = c;
    c->handles = 2;
    owner->held++;
    watch(c, UV_READABLE | UV_WRITABLE);
    return c;
}

void gw_redis_conn_pass(struct gw_redis_conn *c,
                        const struct gw_redis_conn_events *events, void *ctx)
{
    c->events = events;
    c->ctx = ctx;
}
