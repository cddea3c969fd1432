#include "tests/bench/load/crowd.h"

#include "tests/bench/load/client.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/usage.h"
#include "tests/bench/shared/net.h"

#include <stdlib.h>
#include <time.h>

enum { AT_A_TIME = 64, REST_MS = 50 };

static unsigned opened, asked;

static void on_open(struct client *c)
{
    opened++;
}

static void on_message(struct client *c, char *payload, size_t len)
{
    die("an idle connection was sent: %.*s", (int)len, payload);
}

static const struct client_ops ops = { on_open, on_message, NULL };

/* The kernel counts a thread's time when it stops running. */
static uint64_t cpu_at_rest(const struct plan *plan)
{
    nanosleep(&(struct timespec){ .tv_nsec = REST_MS * 1000000 }, NULL);
    return usage_cpu_ns(&plan->server);
}

void crowd_open(const struct plan *plan, unsigned connections, const char *name)
{
    uint64_t cpu = cpu_at_rest(plan);
    unsigned end = asked + connections;
    struct client *clients = calloc(connections, sizeof *clients);

    if (!clients)
        die("out of memory");
    while (opened < end) {
        while (asked < end && asked - opened < AT_A_TIME)
            client_connect_ws(clients++, &plan->address, asked++, plan->path,
                              &ops);
        client_turn(-1);
    }
    report(name, (double)(cpu_at_rest(plan) - cpu) / 1e3 / (double)connections);
}

unsigned crowd_size(void)
{
    return asked;
}
