/*
 * The keeper's process: one thread, one loop. It waits for orders and for the
 * ends of wardens, and looks at the memory their functions use.
 */
#include "server/function/keeper.h"

#include "protocol/base/list.h"
#include "server/function/folder.h"
#include "server/function/keeper_wire.h"
#include "server/function/processes.h"
#include "server/function/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 500,
    LOOK_SHARE = 100,     /* at most a hundredth of the time is spent looking */
    AGAIN_MS = 10,        /* while it ends: until stragglers are killed */
    PROCESSES_MAX = 1024, /* below one warden; the original's */
};

/* A function's process: what the keeper knows is its warden. */
struct kept {
    struct gw_list node;
    uint32_t id;
    pid_t warden;
    int report; /* to read what the warden says */
    uint64_t bytes_max;
    char why[200]; /* the keeper had it killed */
};

struct keeper {
    struct gw_list kept;
    struct gw_processes processes;
    int signals;
    bool has_children; /* wardens, or what they have left behind */
    int64_t look_ms;   /* when the next look is due, if it has */
    bool leaves;
    const char *folder; /* to be removed if the gateway vanishes, or NULL */
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* May wait until the gateway reads; if it never does, it ends some day. */
static void tell(uint32_t id, const struct gw_warden_report *report)
{
    struct gw_keeper_end end = { .id = id, .status = report->status };

    memcpy(end.why, report->why, sizeof(end.why));
    if (send(GW_KEEPER_SOCKET, &end, sizeof(end), MSG_NOSIGNAL) < 0)
        return; /* nobody is there: the loop will see that, too */
}

static void tell_failure(uint32_t id, const char *what)
{
    struct gw_warden_report report = { .status = -1 };

    snprintf(report.why, sizeof(report.why), "%s: %s", what, strerror(errno));
    tell(id, &report);
}

/* --- orders -------------------------------------------------------------------- */

/* `count` texts of a packet as a NULL-terminated list. */
static char **read_texts(char **at, size_t count)
{
    char **list = gw_alloc((count + 1) * sizeof(*list));

    for (size_t i = 0; i < count; i++) {
        list[i] = *at;
        *at += strlen(*at) + 1;
    }
    return list;
}

static void keep(struct keeper *k, const struct gw_keeper_order *order,
                 pid_t warden, int report)
{
    struct kept *p = gw_alloc(sizeof(*p));

    gw_list_init(&p->node);
    p->id = order->id;
    p->warden = warden;
    p->report = report;
    p->bytes_max = (uint64_t)order->memory_mb << 20;
    if (!k->has_children)
        k->look_ms = now_ms() + LOOK_MS;
    k->has_children = true;
    gw_list_append(&k->kept, &p->node);
}

static void start(struct keeper *k, const struct gw_keeper_order *order,
                  char *texts, int output)
{
    struct gw_warden_order command = { .folder = texts, .output = output };
    int report[2];
    pid_t warden;

    texts += strlen(texts) + 1;
    command.argv = read_texts(&texts, order->argc);
    command.environment = read_texts(&texts, order->variables);
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0) {
        tell_failure(order->id, "pipe");
    } else {
        command.report = report[1];
        warden = gw_warden_start(&command);
        close(report[1]);
        if (warden > 0) {
            keep(k, order, warden, report[0]);
        } else {
            close(report[0]);
            tell_failure(order->id, "fork");
        }
    }
    free(command.argv);
    free(command.environment);
}

static void kill_kept(struct keeper *k, uint32_t id)
{
    GW_LIST_EACH_SAFE (node, after, &k->kept) {
        const struct kept *p = GW_CONTAINER(node, struct kept, node);

        if (p->id == id)
            kill(p->warden, GW_WARDEN_KILL);
    }
}

static void take_order(struct keeper *k, char *bytes, size_t len, int output)
{
    struct gw_keeper_order order;

    GW_ASSERT(len >= sizeof(order));
    memcpy(&order, bytes, sizeof(order));
    switch (order.kind) {
    case GW_KEEPER_START:
        GW_ASSERT(output >= 0 && len > sizeof(order) && !bytes[len - 1]);
        start(k, &order, bytes + sizeof(order), output);
        break;
    case GW_KEEPER_KILL:
        kill_kept(k, order.id);
        break;
    default:
        k->leaves = true;
        k->folder = NULL;
    }
}

static int descriptor_in(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    int fd = -1;

    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

/* One packet. */
static void receive(struct keeper *k)
{
    static char bytes[GW_KEEPER_BYTES_MAX];
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = { bytes, sizeof(bytes) };
    struct msghdr m = { .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(GW_KEEPER_SOCKET, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int fd;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        k->leaves = true;
        return;
    }
    fd = descriptor_in(&m);
    take_order(k, bytes, (size_t)n, fd);
    if (fd >= 0)
        close(fd);
}

/* --- ends ---------------------------------------------------------------------- */

static struct kept *find_warden(struct keeper *k, pid_t pid)
{
    for (struct gw_list *n = k->kept.next; n != &k->kept; n = n->next) {
        struct kept *p = GW_CONTAINER(n, struct kept, node);

        if (p->warden == pid)
            return p;
    }
    return NULL;
}

/* status: the warden's own, which counts if it had no time to report. */
static void end(struct kept *p, int status)
{
    struct gw_warden_report report;

    if (read(p->report, &report, sizeof(report)) != (ssize_t)sizeof(report))
        report = (struct gw_warden_report){ .status = status };
    if (p->why[0])
        memcpy(report.why, p->why, sizeof(report.why));
    tell(p->id, &report);
    gw_list_leave(&p->node);
    close(p->report);
    free(p);
}

static void reap(struct keeper *k)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct kept *p = find_warden(k, pid);

        if (p)
            end(p, status);
    }
    k->has_children = pid == 0;
}

/* --- the look around ----------------------------------------------------------- */

/* What a warden leaves behind that was itself killed: nobody's. */
static void kill_strays(struct keeper *k)
{
    pid_t self = getpid();

    for (size_t i = 0; i < k->processes.count; i++) {
        const struct gw_process *one = &k->processes.at[i];

        if (one->parent == self && !find_warden(k, one->pid))
            kill(one->pid, SIGKILL);
    }
}

static uint64_t sum_of(const struct gw_processes *all, uint64_t (*of)(pid_t))
{
    uint64_t sum = 0;

    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].is_below)
            sum += of(all->at[i].pid);
    return sum;
}

static void check(struct keeper *k, struct kept *p)
{
    size_t count = gw_processes_mark(&k->processes, p->warden);
    uint64_t bytes = sum_of(&k->processes, gw_process_resident);

    if (bytes > p->bytes_max)
        bytes = sum_of(&k->processes, gw_process_proportional);
    if (bytes > p->bytes_max)
        snprintf(p->why, sizeof(p->why),
                 "it used %llu MB of memory, and may use %llu",
                 (unsigned long long)(bytes >> 20),
                 (unsigned long long)(p->bytes_max >> 20));
    else if (count > PROCESSES_MAX)
        snprintf(p->why, sizeof(p->why), "it had %zu processes", count);
    else
        return;
    kill(p->warden, GW_WARDEN_KILL);
}

static void look(struct keeper *k)
{
    int64_t began = now_ms(), ended;

    gw_processes_read(&k->processes);
    kill_strays(k);
    GW_LIST_EACH_SAFE (node, after, &k->kept)
        check(k, GW_CONTAINER(node, struct kept, node));
    ended = now_ms();
    k->look_ms = ended + GW_MAX((int64_t)LOOK_MS, (ended - began) * LOOK_SHARE);
}

/* --- from start to end --------------------------------------------------------- */

static int wait_ms(const struct keeper *k)
{
    if (!k->has_children)
        return -1;
    return (int)GW_MAX(k->look_ms - now_ms(), (int64_t)0);
}

/* That children have ended: it does not say which, and how many. */
static void forget_signals(struct keeper *k)
{
    struct signalfd_siginfo info;

    while (read(k->signals, &info, sizeof(info)) > 0)
        continue;
}

static void serve(struct keeper *k)
{
    struct pollfd fds[] = { { GW_KEEPER_SOCKET, POLLIN, 0 },
                            { k->signals, POLLIN, 0 } };

    while (!k->leaves) {
        int timeout = wait_ms(k);

        if (poll(fds, GW_LEN(fds), timeout) < 0)
            continue;
        if (fds[0].revents)
            receive(k);
        if (fds[1].revents) {
            forget_signals(k);
            reap(k);
        }
        if (wait_ms(k) == 0)
            look(k);
    }
}

static void kill_all(struct keeper *k)
{
    struct pollfd fd = { k->signals, POLLIN, 0 };

    GW_LIST_EACH_SAFE (node, after, &k->kept)
        kill(GW_CONTAINER(node, struct kept, node)->warden, GW_WARDEN_KILL);
    for (reap(k); k->has_children; reap(k)) {
        gw_processes_read(&k->processes);
        kill_strays(k);
        if (poll(&fd, 1, AGAIN_MS) > 0)
            forget_signals(k);
    }
}

/* Ctrl-C in a terminal, a service manager that asks its whole group to end:
 * when the functions go is the gateway's to say. */
static void set_up(struct keeper *k)
{
    sigset_t child;

    close_range(GW_KEEPER_SOCKET + 1, ~0U, 0);
    fcntl(GW_KEEPER_SOCKET, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "keeper");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 1; i < NSIG; i++)
        if (i == SIGINT || i == SIGTERM || i == SIGHUP || i == SIGPIPE)
            signal(i, SIG_IGN);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    k->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    gw_list_init(&k->kept);
}

int gw_keeper_main(int argc, char **argv)
{
    struct keeper k = { .folder = argc > 1 ? argv[1] : NULL };

    if (fcntl(GW_KEEPER_SOCKET, F_GETFD) < 0) {
        fputs("gatewire: function-keeper is started by the gateway\n", stderr);
        return EXIT_FAILURE;
    }
    set_up(&k);
    serve(&k);
    kill_all(&k);
    if (k.folder)
        gw_folder_remove(k.folder);
    gw_processes_fini(&k.processes);
    return EXIT_SUCCESS;
}
