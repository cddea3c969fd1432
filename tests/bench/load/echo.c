#include "tests/bench/load/client.h"
#include "tests/bench/load/crowd.h"
#include "tests/bench/load/message.h"
#include "tests/bench/load/modes.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/sequence.h"
#include "tests/bench/load/usage.h"
#include "tests/bench/load/window.h"
#include "tests/bench/shared/net.h"

#include <stdlib.h>

/* In an open loop, so many may be on their way on one connection before the
 * run is given up: the server does not keep up. */
enum { BACKLOG_MAX = 4096, DRAIN_SECONDS = 2 };

struct talker {
    struct client client;
    struct sequence received;
    uint64_t sent;
    int64_t *sent_ns; /* by number, as many as may be on their way */
};

static struct echo {
    const struct plan *plan;
    struct talker *talkers;
    uint64_t on_their_way_max; /* of a talker; a power of two */
    unsigned open;
    bool closing;
    uint64_t sent, received;
    struct message message;
    struct sequence_faults faults;
    struct window window;
} echo;

/* sent_ns: when it was sent, or should have been. */
static void talk(struct talker *t, int64_t sent_ns)
{
    if (t->sent - t->received.next >= echo.on_their_way_max)
        die("the server does not keep up with %.0f messages a second",
            echo.plan->rate);
    t->sent_ns[t->sent & (echo.on_their_way_max - 1)] = sent_ns;
    message_number(&echo.message, t->sent++);
    client_send_text(&t->client, echo.message.text, echo.message.len);
    echo.sent++;
}

static void on_open(struct client *c)
{
    echo.open++;
}

static void on_message(struct client *c, char *payload, size_t len)
{
    struct talker *t = (struct talker *)c;
    uint64_t number = message_read(payload, len, echo.message.len);
    int64_t now = net_now_ns();

    if (number >= t->sent)
        die("message %llu was never sent", (unsigned long long)number);
    sequence_note(&t->received, number, &echo.faults);
    echo.received++;
    window_note(&echo.window,
                now - t->sent_ns[number & (echo.on_their_way_max - 1)]);
    if (!echo.closing && !echo.plan->rate)
        talk(t, now);
}

static const struct client_ops ops = { on_open, on_message, NULL };

static void open_talkers(void)
{
    const struct plan *plan = echo.plan;

    echo.on_their_way_max = 1;
    while (echo.on_their_way_max < (plan->rate ? BACKLOG_MAX : plan->depth))
        echo.on_their_way_max *= 2;
    echo.talkers = calloc(plan->connections, sizeof *echo.talkers);
    if (!echo.talkers)
        die("out of memory");
    for (unsigned i = 0; i < plan->connections; i++) {
        struct talker *t = &echo.talkers[i];

        t->sent_ns = calloc(echo.on_their_way_max, sizeof *t->sent_ns);
        if (!t->sent_ns)
            die("out of memory");
        client_connect_ws(&t->client, &plan->address, crowd_size() + i,
                          plan->path, &ops);
    }
    while (echo.open < plan->connections)
        client_turn(-1);
}

static void run_closed_loop(void)
{
    const struct plan *plan = echo.plan;

    for (unsigned i = 0; i < plan->connections; i++) {
        for (unsigned n = 0; n < plan->depth; n++)
            talk(&echo.talkers[i], net_now_ns());
    }
    while (window_goes_on(&echo.window))
        client_turn(-1);
}

/* The generator has a core to itself, and spins: no timer wakes as exactly as
 * the schedule wants. */
static void run_open_loop(void)
{
    double interval_ns = 1e9 / echo.plan->rate;
    int64_t begin_ns = net_now_ns();
    uint64_t due = 0;

    while (window_goes_on(&echo.window)) {
        int64_t now = net_now_ns();

        for (;; due++) {
            int64_t due_ns = begin_ns + (int64_t)((double)due * interval_ns);

            if (due_ns > now)
                break;
            talk(&echo.talkers[due % echo.plan->connections], due_ns);
        }
        client_turn(0);
    }
}

/* What is still on its way gets time to arrive, or is lost. */
static void drain(void)
{
    int64_t deadline = net_now_ns() + DRAIN_SECONDS * INT64_C(1000000000);

    echo.closing = true;
    while (echo.received < echo.sent && net_now_ns() < deadline)
        client_turn(1000000);
    for (unsigned i = 0; i < echo.plan->connections; i++)
        echo.faults.lost +=
            echo.talkers[i].sent - echo.talkers[i].received.next;
}

static void open_idle(const struct plan *plan)
{
    uint64_t memory;

    if (!plan->idle)
        return;
    memory = usage_resident_bytes(&plan->server);
    crowd_open(plan, plan->idle, "open_us");
    memory = usage_resident_bytes(&plan->server) - memory;
    report("memory_bytes", (double)memory / plan->idle);
}

void echo_run(const struct plan *plan)
{
    echo.plan = plan;
    message_make(&echo.message, plan->action, plan->size);
    open_idle(plan);
    open_talkers();
    window_start(&echo.window, plan);
    if (plan->rate)
        run_open_loop();
    else
        run_closed_loop();
    drain();
    window_report(&echo.window);
    report("lost", (double)echo.faults.lost);
    report("duplicated", (double)echo.faults.duplicated);
    report("reordered", (double)echo.faults.reordered);
}
