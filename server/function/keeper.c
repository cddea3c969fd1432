#include "server/function/keeper.h"

#include "protocol/base/list.h"
#include "protocol/base/log.h"
#include "protocol/base/str.h"
#include "server/function/keeper_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct gw_kept_process {
    struct gw_list node;
    struct gw_keeper *keeper;
    uint32_t id;
    const char *refused; /* it was not even asked for: this is why */
    gw_kept_exited *exited;
    void *ctx;
};

/* A packet that the socket did not take yet. */
struct packet {
    struct gw_list node;
    int fd; /* goes with it, or -1; ours */
    size_t len;
    char bytes[];
};

/* The keeper's process. Frees itself. */
struct run {
    struct gw_keeper *keeper;
    uv_process_t process;
    uv_poll_t poll;
    unsigned handles; /* open */
    int socket;
    struct gw_list
        packets; /* a few: each is a start or a kill of one of kept */
};

struct gw_keeper {
    uv_loop_t *loop;
    const char *folder;
    struct run *run;  /* NULL: it has ended */
    uv_timer_t later; /* the refused are told when control is with the loop */
    uint32_t last_id;
    struct gw_list kept, refused;
    void (*closed)(void *ctx); /* set: it is closing */
    void *ctx;
};

/* --- ends ---------------------------------------------------------------------- */

static void tell(struct gw_kept_process *p, int status, const char *why)
{
    gw_list_leave(&p->node);
    p->exited(p->ctx, status, why);
    free(p);
}

static struct gw_kept_process *find(struct gw_keeper *k, uint32_t id)
{
    for (struct gw_list *n = k->kept.next; n != &k->kept; n = n->next) {
        struct gw_kept_process *p =
            GW_CONTAINER(n, struct gw_kept_process, node);

        if (p->id == id)
            return p;
    }
    return NULL;
}

static void receive_all(struct run *r)
{
    struct gw_keeper_end end;

    while (recv(r->socket, &end, sizeof(end), MSG_DONTWAIT) ==
           (ssize_t)sizeof(end)) {
        struct gw_kept_process *p = find(r->keeper, end.id);

        if (p)
            tell(p, end.status, end.why[0] ? end.why : NULL);
    }
}

static void tell_all(struct gw_list *list, const char *why)
{
    struct gw_list now, *node;

    /* Those who are told may come back with new ones. */
    gw_list_init(&now);
    while ((node = gw_list_take(list)))
        gw_list_append(&now, node);
    while (!gw_list_is_empty(&now)) {
        struct gw_kept_process *p =
            GW_CONTAINER(now.next, struct gw_kept_process, node);

        tell(p, -1, why ? why : p->refused);
    }
}

static void on_later(uv_timer_t *timer)
{
    struct gw_keeper *k = timer->data;

    tell_all(&k->refused, NULL);
}

/* --- packets ------------------------------------------------------------------- */

static void drop(struct packet *p)
{
    gw_list_leave(&p->node);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

static ssize_t send_one(int socket, struct packet *p)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { p->bytes, p->len };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

    if (p->fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof(control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &p->fd, sizeof(int));
    }
    return sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* What cannot be sent because the keeper is gone is told when that is seen. */
static void send_all(struct run *r)
{
    int events = UV_READABLE;

    while (!gw_list_is_empty(&r->packets)) {
        struct packet *p = GW_CONTAINER(r->packets.next, struct packet, node);

        if (send_one(r->socket, p) < 0 && (errno == EAGAIN || errno == EINTR)) {
            events |= UV_WRITABLE;
            break;
        }
        drop(p);
    }
    uv_poll_start(&r->poll, events, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct run *r = poll->data;
    char byte;

    if (status < 0 || (events & UV_READABLE)) {
        receive_all(r);
        /* At the end of the socket, its process is about to end, too. */
        if (recv(r->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            uv_poll_stop(poll);
            return;
        }
    }
    send_all(r);
}

static struct packet *make_packet(const struct gw_keeper_order *order,
                                  size_t texts)
{
    struct packet *p = gw_alloc(sizeof(*p) + sizeof(*order) + texts);

    gw_list_init(&p->node);
    p->fd = -1;
    p->len = sizeof(*order);
    memcpy(p->bytes, order, sizeof(*order));
    return p;
}

static void post(struct run *r, struct packet *p)
{
    gw_list_append(&r->packets, &p->node);
    send_all(r);
}

/* --- the keeper's process ------------------------------------------------------ */

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_keeper *k = handle->data;

    k->closed(k->ctx);
    free(k);
}

static void close_timer(struct gw_keeper *k)
{
    uv_close((uv_handle_t *)&k->later, on_timer_closed);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct run *r = handle->data;

    if (--r->handles)
        return;
    close(r->socket);
    free(r);
}

/* First what it has told of, then what it cannot tell of any more. */
static void on_ended(uv_process_t *process, int64_t status, int number)
{
    struct run *r = process->data;
    struct gw_keeper *k = r->keeper;

    receive_all(r);
    while (!gw_list_is_empty(&r->packets))
        drop(GW_CONTAINER(r->packets.next, struct packet, node));
    uv_close((uv_handle_t *)&r->poll, on_handle_closed);
    uv_close((uv_handle_t *)&r->process, on_handle_closed);
    k->run = NULL;
    if (!k->closed)
        gw_error("keeper.exit", "status=%lld signal=%d: its functions ended",
                 (long long)status, number);
    tell_all(&k->kept, "the keeper has ended");
    if (k->closed)
        close_timer(k);
}

static int spawn(struct run *r, int socket)
{
    /* What the gateway was told is none of a function's business, and any
     * process can read the variables of another of its user. */
    char *libraries = getenv("LD_LIBRARY_PATH"), variable[4096];
    char *environment[] = { libraries ? variable : NULL, NULL };
    char *args[] = { "gatewire", "function-keeper", (char *)r->keeper->folder,
                     NULL };
    uv_stdio_container_t stdio[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
        { .flags = UV_INHERIT_FD, .data.fd = socket },
    };
    const uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = "/proc/self/exe",
        .args = args,
        .env = environment,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = GW_LEN(stdio),
        .stdio = stdio,
    };

    _Static_assert(GW_LEN(stdio) == GW_KEEPER_SOCKET + 1, "the last is it");
    if (libraries)
        snprintf(variable, sizeof(variable), "LD_LIBRARY_PATH=%s", libraries);
    return uv_spawn(r->keeper->loop, &r->process, &options);
}

static gw_err run(struct gw_keeper *k, struct gw_fault *why)
{
    struct run *r;
    int ends[2], status;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return gw_fail(why, GW_E_SYSTEM, "no socket for the keeper: %s",
                       strerror(errno));
    r = gw_alloc(sizeof(*r));
    r->keeper = k;
    r->socket = ends[0];
    r->handles = 1;
    r->process.data = r->poll.data = r;
    gw_list_init(&r->packets);
    status = spawn(r, ends[1]);
    close(ends[1]);
    if (status) {
        uv_close((uv_handle_t *)&r->process, on_handle_closed);
        return gw_fail(why, GW_E_SYSTEM, "cannot start the keeper: %s",
                       uv_strerror(status));
    }
    r->handles++;
    uv_poll_init(k->loop, &r->poll, r->socket);
    uv_poll_start(&r->poll, UV_READABLE, on_poll);
    k->run = r;
    return GW_OK;
}

/* --- what others call ---------------------------------------------------------- */

struct gw_keeper *gw_keeper_new(uv_loop_t *loop, const char *folder,
                                struct gw_fault *why)
{
    struct gw_keeper *k = gw_alloc(sizeof(*k));

    k->loop = loop;
    k->folder = folder;
    gw_list_init(&k->kept);
    gw_list_init(&k->refused);
    if (run(k, why)) {
        free(k);
        return NULL;
    }
    uv_timer_init(loop, &k->later);
    k->later.data = k;
    return k;
}

static size_t length_of(const char *const *texts, uint32_t *count)
{
    size_t len = 0;

    for (*count = 0; texts[*count]; (*count)++)
        len += strlen(texts[*count]) + 1;
    return len;
}

static void add_text(struct packet *p, const char *text)
{
    size_t len = strlen(text) + 1;

    memcpy(p->bytes + p->len, text, len);
    p->len += len;
}

static struct packet *start_packet(uint32_t id,
                                   const struct gw_keeper_command *c)
{
    struct gw_keeper_order order = { .kind = GW_KEEPER_START,
                                     .id = id,
                                     .memory_mb = c->memory_mb };
    size_t texts = strlen(c->folder) + 1 + length_of(c->argv, &order.argc) +
                   length_of(c->environment, &order.variables);
    struct packet *p;

    if (sizeof(order) + texts > GW_KEEPER_BYTES_MAX)
        return NULL;
    p = make_packet(&order, texts);
    add_text(p, c->folder);
    for (uint32_t i = 0; i < order.argc; i++)
        add_text(p, c->argv[i]);
    for (uint32_t i = 0; i < order.variables; i++)
        add_text(p, c->environment[i]);
    p->fd = fcntl(c->output, F_DUPFD_CLOEXEC, 0);
    if (p->fd < 0) {
        free(p);
        return NULL;
    }
    return p;
}

static void refuse(struct gw_kept_process *p, const char *why)
{
    p->refused = why;
    gw_list_append(&p->keeper->refused, &p->node);
    uv_timer_start(&p->keeper->later, on_later, 0, 0);
}

struct gw_kept_process *gw_keeper_start(struct gw_keeper *k,
                                        const struct gw_keeper_command *command,
                                        gw_kept_exited *exited, void *ctx)
{
    struct gw_kept_process *p = gw_alloc(sizeof(*p));
    struct packet *packet;

    gw_list_init(&p->node);
    p->keeper = k;
    p->id = ++k->last_id;
    p->exited = exited;
    p->ctx = ctx;
    if (!k->run && (k->closed || run(k, NULL))) {
        refuse(p, "the keeper does not run");
    } else if (!(packet = start_packet(p->id, command))) {
        refuse(p, "its variables are too large, or files are short");
    } else {
        gw_list_append(&k->kept, &p->node);
        post(k->run, packet);
    }
    return p;
}

void gw_kept_kill(struct gw_kept_process *p)
{
    const struct gw_keeper_order order = { .kind = GW_KEEPER_KILL,
                                           .id = p->id };

    if (p->keeper->run)
        post(p->keeper->run, make_packet(&order, 0));
}

void gw_keeper_close(struct gw_keeper *k, void (*closed)(void *ctx), void *ctx)
{
    const struct gw_keeper_order order = { .kind = GW_KEEPER_LEAVE };

    k->closed = closed;
    k->ctx = ctx;
    tell_all(&k->refused, NULL);
    if (k->run)
        post(k->run, make_packet(&order, 0));
    else
        close_timer(k);
}
