#include "tests/unit/server/edge/upstream_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void world_init_with(struct world *w,
                     const struct gw_upstream_settings *settings)
{
    signal(SIGPIPE, SIG_IGN);
    setenv("SSL_CERT_FILE", "/dev/null", 1); /* loading the system's is slow */
    *w = (struct world){ .clock = { .now_ms = 1000000 } };
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
    gw_wheel_init(&w->wheel, w->clock.now_ms, NULL);
    w->u = gw_upstream_new(&w->loop, &w->wheel, &w->clock, settings);
    ck_assert_ptr_nonnull(w->u);
    w->f = gw_upstream_fetcher(w->u);
    w->counters = gw_upstream_counters(w->u);
}

void world_init(struct world *w)
{
    world_init_with(w, &(struct gw_upstream_settings){
                           .max_response_bytes = 64 * 1024,
                           .idle_connections = 2,
                           .idle_ms = 60 * 1000,
                       });
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

void world_fini(struct world *w)
{
    if (w->u)
        gw_upstream_close(w->u, on_closed, w);
    UNTIL(w->closed);
    ck_assert_uint_eq(w->closed, 1);
    ck_assert_uint_eq(w->wheel.count, 0);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

void world_turn(struct world *w)
{
    struct pollfd fd = { .fd = uv_backend_fd(&w->loop), .events = POLLIN };

    if (uv_backend_timeout(&w->loop) != 0)
        poll(&fd, 1, 10);
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

void world_settle(struct world *w)
{
    for (unsigned i = 0; i < 4; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
}

void world_advance(struct world *w, int64_t ms)
{
    w->clock.now_ms += ms;
    gw_wheel_advance(&w->wheel, w->clock.now_ms);
}

void backend_open(struct backend *b)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(b->listener, 0);
    ck_assert_int_eq(bind(b->listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(b->listener, 64), 0);
    ck_assert_int_eq(getsockname(b->listener, (struct sockaddr *)&at, &len), 0);
    b->port = ntohs(at.sin_port);
}

void backend_close(struct backend *b)
{
    close(b->listener);
}

int backend_accept(struct world *w, struct backend *b)
{
    int fd, on = 1;

    UNTIL((fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

bool backend_is_called(struct backend *b)
{
    struct pollfd fd = { .fd = b->listener, .events = POLLIN };

    return poll(&fd, 1, 0) == 1;
}

struct gw_fetch_lane *lane_to(struct world *w, const char *host, uint16_t port,
                              uint32_t in_flight, uint32_t waiting)
{
    struct gw_fetch_origin origin = { false, gw_str_of(host), port };

    return w->f->lane_open(w->f, &origin, in_flight, waiting);
}

static void on_done(void *ctx, gw_err err,
                    const struct gw_http_response *response, gw_str body)
{
    struct call *c = ctx;

    ck_assert_ptr_nonnull(c->fetch); /* never before start has returned */
    ck_assert((err == GW_OK) == (response != NULL));
    c->dones++;
    c->place = ++c->w->ended;
    c->err = err;
    if (response) {
        c->status = response->status;
        c->header_count = response->headers.count;
    }
    ck_assert(gw_buf_add(&c->body, body) == GW_OK);
    if (c->then)
        c->then(c);
}

void call_start(struct world *w, struct call *c, struct gw_fetch_lane *lane,
                const char *method, gw_str body)
{
    static const struct gw_http_header headers[] = {
        { { "Host", 4 }, { "backend.test", 12 } },
    };
    struct gw_fetch_request request = {
        .method = gw_str_of(method),
        .target = GW_LIT("/path"),
        .headers = headers,
        .header_count = GW_LEN(headers),
        .body = body,
        .timeout_ms = 5000,
        .is_wanted = c->is_wanted,
    };

    c->w = w;
    gw_buf_init(&c->body, SIZE_MAX / 4);
    ck_assert_int_eq(w->f->start(lane, &request, on_done, c, &c->fetch), GW_OK);
    ck_assert_uint_eq(c->dones, 0);
}

void call_fini(struct call *c)
{
    gw_buf_fini(&c->body);
}

void call_ends(struct world *w, struct call *c, gw_err err)
{
    UNTIL(c->dones);
    ck_assert_uint_eq(c->dones, 1);
    ck_assert_msg(c->err == err, "got %s, want %s",
                  c->err ? gw_err_name(c->err) : "OK",
                  err ? gw_err_name(err) : "OK");
    call_fini(c);
}

void call_answered(struct world *w, struct call *c, unsigned status,
                   gw_str body)
{
    UNTIL(c->dones);
    ck_assert_msg(c->err == GW_OK, "got %s", gw_err_name(c->err));
    ck_assert_uint_eq(c->status, status);
    ck_assert(gw_str_eq(gw_buf_str(&c->body), body));
    call_ends(w, c, GW_OK);
}

/* How long the request is that b begins with; 0: not all there. */
static size_t request_len(const struct gw_buf *b)
{
    const char *end = b->len ? memmem(b->at, b->len, "\r\n\r\n", 4) : NULL;
    const char *length;
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - b->at) + 4;
    length = memmem(b->at, head, "Content-Length: ", 16);
    if (length)
        head += strtoull(length + 16, NULL, 10);
    return b->len >= head ? head : 0;
}

static bool read_more(int fd, struct gw_buf *b)
{
    ssize_t n;

    ck_assert(gw_buf_reserve(b, 65536) == GW_OK);
    n = recv(fd, b->at + b->len, 65536, 0);
    ck_assert_msg(n > 0 || (n < 0 && errno == EAGAIN), "the client left");
    if (n > 0)
        b->len += (size_t)n;
    return request_len(b);
}

void hear(struct world *w, int fd, struct gw_buf *request)
{
    gw_buf_init(request, SIZE_MAX / 4);
    UNTIL(read_more(fd, request));
    ck_assert_uint_eq(request_len(request), request->len);
}

void hear_any(struct world *w, int fd)
{
    struct gw_buf request;

    hear(w, fd, &request);
    gw_buf_fini(&request);
}

static bool has_ended(int fd)
{
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

void hear_end(struct world *w, int fd)
{
    UNTIL(has_ended(fd));
    close(fd);
}

static bool send_more(int fd, gw_str *bytes)
{
    ssize_t n;

    if (!bytes->len)
        return true;
    n = send(fd, bytes->at, bytes->len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        return true; /* the client has seen enough */
    if (n > 0)
        *bytes = gw_str_skip(*bytes, (size_t)n);
    return bytes->len == 0;
}

void say(struct world *w, int fd, gw_str bytes)
{
    UNTIL(send_more(fd, &bytes));
}

void reset(int fd)
{
    struct linger now = { 1, 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}
