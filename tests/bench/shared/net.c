#include "tests/bench/shared/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_PER_ADDRESS = 100 };

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

struct sockaddr_in net_address(const char *text)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN] = "";

    if (colon && (size_t)(colon - text) < sizeof host)
        memcpy(host, text, (size_t)(colon - text));
    if (!colon || inet_pton(AF_INET, host, &at.sin_addr) != 1)
        die("\"%s\": expected an IPv4 address and a port", text);
    at.sin_port = htons((uint16_t)atoi(colon + 1));
    return at;
}

static int make_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket: %s", strerror(errno));
    return fd;
}

static void set(int fd, int level, int option)
{
    if (setsockopt(fd, level, option, &(int){ 1 }, sizeof(int)))
        die("setsockopt: %s", strerror(errno));
}

int net_listen(const struct sockaddr_in *at)
{
    int fd = make_socket();

    set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) ||
        listen(fd, SOMAXCONN))
        die("listen: %s", strerror(errno));
    return fd;
}

int net_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        set(fd, IPPROTO_TCP, TCP_NODELAY);
    else if (errno != EAGAIN && errno != ECONNABORTED)
        die("accept: %s", strerror(errno));
    return fd;
}

int net_connect(const struct sockaddr_in *to, unsigned source)
{
    unsigned host = source / CONNECTIONS_PER_ADDRESS;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr =
            htonl(127u << 24 | (1 + host / 250) << 8 | (1 + host % 250)),
    };
    int fd = make_socket();

    /* The port is then chosen on connect, unique per pair of addresses and
     * not per source address. */
    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    set(fd, IPPROTO_TCP, TCP_NODELAY);
    if (bind(fd, (struct sockaddr *)&from, sizeof from))
        die("bind: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) &&
        errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    return fd;
}

void net_pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        die("cannot run on core %d: %s", core, strerror(errno));
}

int64_t net_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int net_poll_new(void)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);

    if (poll < 0)
        die("epoll_create1: %s", strerror(errno));
    return poll;
}

void net_poll_add(int poll, int fd, void *owner)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = owner,
    };

    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl: %s", strerror(errno));
}
