/*
 * What the bench's programs ask of the system: addresses, sockets, a core of
 * their own, the time. Whatever fails here ends the program with a sentence:
 * a measurement that half works is worse than none.
 */
#ifndef BENCH_SHARED_NET_H
#define BENCH_SHARED_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

_Noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* "127.0.0.1:8080" */
struct sockaddr_in net_address(const char *text);

/* Non-blocking, without Nagle's delay. */
int net_listen(const struct sockaddr_in *at);
int net_accept(int listener); /* -1: nobody is waiting */

/* Connects (without waiting) from the `source`-th address of 127/8, a hundred
 * connections an address: ports never run out, not even with those of the run
 * before still in TIME_WAIT. */
int net_connect(const struct sockaddr_in *to, unsigned source);

void net_pin(int core); /* this thread */
int64_t net_now_ns(void);

/* An epoll descriptor, and one socket in it: edge-triggered for both
 * directions, so that nothing ever has to be changed again. */
int net_poll_new(void);
void net_poll_add(int poll, int fd, void *owner);

#endif
