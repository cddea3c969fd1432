/*
 * What one run of the load generator is to do, read from its arguments.
 */
#ifndef BENCH_LOAD_PLAN_H
#define BENCH_LOAD_PLAN_H

#include "tests/bench/load/usage.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct plan {
    const char *mode;
    const char *to;    /* "127.0.0.1:8080" */
    const char *via;   /* push: where requests go to; NULL: as `to` */
    const char *watch; /* goodbye: the backend that is told of them */
    const char *path;
    const char *style;  /* push: how channels are named, gatewire or nchan */
    const char *action; /* echo: the route that is asked for */
    const char *key_id, *secret; /* push: signs when both are there */
    bool gone;                   /* post: to a connection that was closed */
    unsigned connections, depth, size, idle, publishers, first, last, status;
    int core;
    double seconds, warmup, rate; /* rate 0: closed loop */
    struct processes server;      /* --pids: whose CPU time is measured */
    struct processes beside;      /* what else belongs to the run */
    struct sockaddr_in address, via_address; /* of `to`, of `via` */
};

void plan_read(struct plan *p, char **arguments);

#endif
