#include "tests/bench/load/client.h"
#include "tests/bench/load/modes.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/request.h"
#include "tests/bench/shared/net.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_A_TIME = 64, LOOK_NS = 2000000, REST_MS = 50 };

static struct goodbye {
    unsigned asked, opened, ended;
    struct client *clients, watch;
    struct request count;
    bool waits;
    uint64_t told;
} goodbye;

static void on_open(struct client *c)
{
    goodbye.opened++;
}

static void on_message(struct client *c, char *payload, size_t len)
{
    die("an idle connection was sent: %.*s", (int)len, payload);
}

static void on_close(struct client *c)
{
    goodbye.ended++;
}

static const struct client_ops ops = { on_open, on_message, on_close };

static void on_watching(struct client *c)
{
    goodbye.waits = false;
}

static void on_count(struct client *c, char *payload, size_t len)
{
    char text[32];

    if (len >= sizeof text)
        die("the backend does not count");
    memcpy(text, payload, len);
    text[len] = '\0';
    goodbye.told = strtoull(text, NULL, 10);
    goodbye.waits = false;
}

static const struct client_ops watch_ops = { on_watching, on_count, NULL };

static void open_all(const struct plan *plan)
{
    goodbye.clients = calloc(plan->connections, sizeof *goodbye.clients);
    if (!goodbye.clients)
        die("out of memory");
    while (goodbye.opened < plan->connections) {
        while (goodbye.asked < plan->connections &&
               goodbye.asked - goodbye.opened < AT_A_TIME) {
            client_connect_ws(&goodbye.clients[goodbye.asked], &plan->address,
                              goodbye.asked, plan->path, &ops);
            goodbye.asked++;
        }
        client_turn(-1);
    }
}

static void watch(const struct plan *plan)
{
    struct sockaddr_in address;

    if (!plan->watch)
        die("--watch is needed");
    address = net_address(plan->watch);
    request_make(&goodbye.count, plan, "/count", "", 0);
    goodbye.waits = true;
    client_connect_http(&goodbye.watch, &address, goodbye.asked, &watch_ops);
    while (goodbye.waits)
        client_turn(-1);
}

/* How many the backend has been told of by now. */
static uint64_t look(void)
{
    client_send(&goodbye.watch, goodbye.count.text, goodbye.count.len);
    goodbye.waits = true;
    while (goodbye.waits)
        client_turn(-1);
    return goodbye.told;
}

void goodbye_run(const struct plan *plan)
{
    uint64_t cpu, before;
    int64_t began, took;

    open_all(plan);
    watch(plan);
    before = look();
    nanosleep(&(struct timespec){ .tv_nsec = REST_MS * 1000000 }, NULL);
    cpu = usage_cpu_ns(&plan->server);
    began = net_now_ns();
    for (unsigned i = 0; i < plan->connections; i++)
        client_send_close(&goodbye.clients[i]);
    while (goodbye.ended < plan->connections ||
           look() - before < plan->connections)
        client_turn(LOOK_NS);
    took = net_now_ns() - began;
    nanosleep(&(struct timespec){ .tv_nsec = REST_MS * 1000000 }, NULL);
    cpu = usage_cpu_ns(&plan->server) - cpu;
    report("cpu_us", (double)cpu / 1e3 / plan->connections);
    report("rate", plan->connections / ((double)took / 1e9));
    /* Told once too often would be a goodbye doubled. */
    report("lost", 0);
    report("duplicated", (double)(look() - before - plan->connections));
    report("reordered", 0);
}
