#include "tests/bench/load/client.h"
#include "tests/bench/load/message.h"
#include "tests/bench/load/modes.h"
#include "tests/bench/load/name.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/request.h"
#include "tests/bench/load/sequence.h"
#include "tests/bench/load/window.h"
#include "tests/bench/shared/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests are made before the run, so many for each subscriber, and sent
 * over and over: their numbers count modulo that. */
enum { RING = 64, DRAIN_SECONDS = 2 };

struct subscriber {
    struct client client;
    char name[NAME_SIZE], path[REQUEST_PATH_MAX];
    struct request requests[RING];
    int64_t sent_ns[RING];
    struct sequence received;
    uint64_t sent;
};

/* Serves subscribers number n, n + publishers, ... in turn. */
struct publisher {
    struct client client;
    unsigned subscriber;
};

static struct push {
    const struct plan *plan;
    bool is_nchan;
    struct subscriber *subscribers;
    struct publisher *publishers;
    unsigned named;
    bool closing;
    uint64_t sent, received;
    struct message message;
    struct sequence_faults faults;
    struct window window;
} push;

static void on_subscriber_open(struct client *c)
{
    if (push.is_nchan)
        push.named++; /* by its number, which is in its path already */
    else
        name_ask(c);
}

/* The whole number from the part of it that came, the nearest to what is
 * expected. */
static uint64_t unwrap(uint64_t number, uint64_t expected)
{
    int64_t ahead = (int64_t)((number - expected) % RING);

    if (ahead >= RING / 2 && (uint64_t)(RING - ahead) <= expected)
        ahead -= RING;
    return expected + (uint64_t)ahead;
}

static void on_frame(struct client *c, char *payload, size_t len)
{
    struct subscriber *s = (struct subscriber *)c;
    uint64_t number;

    if (!push.is_nchan && !*s->name) {
        name_read(payload, len, s->name);
        push.named++;
        return;
    }
    number =
        unwrap(message_read(payload, len, push.message.len), s->received.next);
    sequence_note(&s->received, number, &push.faults);
    push.received++;
    window_note(&push.window, net_now_ns() - s->sent_ns[number % RING]);
}

static const struct client_ops subscriber_ops = { on_subscriber_open, on_frame,
                                                  NULL };

static void publish(struct publisher *p)
{
    struct subscriber *s = &push.subscribers[p->subscriber];
    struct request *r = &s->requests[s->sent % RING];

    if (s->sent - s->received.next >= RING / 2)
        die("%d messages were taken for a subscriber, and did not arrive",
            RING / 2);
    s->sent_ns[s->sent++ % RING] = net_now_ns();
    client_send(&p->client, r->text, r->len);
    push.sent++;
    p->subscriber += push.plan->publishers;
    if (p->subscriber >= push.plan->connections)
        p->subscriber %= push.plan->publishers;
}

static void on_publisher_open(struct client *c)
{
    publish((struct publisher *)c);
}

static void on_answer(struct client *c, char *payload, size_t len)
{
    if (c->status / 100 != 2)
        die("a push was answered %u: %.*s", c->status, (int)len, payload);
    if (!push.closing)
        publish((struct publisher *)c);
}

static const struct client_ops publisher_ops = { on_publisher_open, on_answer,
                                                 NULL };

static void make_requests(struct subscriber *s)
{
    char path[REQUEST_PATH_MAX];

    if (push.is_nchan)
        snprintf(path, sizeof path, "/pub/%s", s->name);
    else
        request_push_path(push.plan, s->name, path);
    for (unsigned i = 0; i < RING; i++) {
        message_number(&push.message, i);
        request_make(&s->requests[i], push.plan, path, push.message.text,
                     push.message.len);
    }
}

static void open_subscribers(void)
{
    const struct plan *plan = push.plan;

    for (unsigned i = 0; i < plan->connections; i++) {
        struct subscriber *s = &push.subscribers[i];

        if (push.is_nchan) {
            snprintf(s->name, sizeof s->name, "%u", i);
            snprintf(s->path, sizeof s->path, "/sub/%s", s->name);
        } else {
            snprintf(s->path, sizeof s->path, "%s", plan->path);
        }
        client_connect_ws(&s->client, &plan->address, i, s->path,
                          &subscriber_ops);
    }
    while (push.named < plan->connections)
        client_turn(-1);
}

/* What is still on its way gets time to arrive, or is lost. */
static void drain(void)
{
    int64_t deadline = net_now_ns() + DRAIN_SECONDS * INT64_C(1000000000);

    push.closing = true;
    while (push.received < push.sent && net_now_ns() < deadline)
        client_turn(1000000);
    for (unsigned i = 0; i < push.plan->connections; i++)
        push.faults.lost +=
            push.subscribers[i].sent - push.subscribers[i].received.next;
}

void push_run(const struct plan *plan)
{
    push.plan = plan;
    push.is_nchan = !strcmp(plan->style, "nchan");
    push.subscribers = calloc(plan->connections, sizeof *push.subscribers);
    push.publishers = calloc(plan->publishers, sizeof *push.publishers);
    if (!push.subscribers || !push.publishers)
        die("out of memory");
    if (plan->publishers > plan->connections)
        die("more publishers than subscribers");
    message_make(&push.message, plan->action, plan->size);
    open_subscribers();
    for (unsigned i = 0; i < plan->connections; i++)
        make_requests(&push.subscribers[i]);

    window_start(&push.window, plan);
    for (unsigned i = 0; i < plan->publishers; i++) {
        push.publishers[i].subscriber = i;
        client_connect_http(&push.publishers[i].client, &plan->via_address,
                            plan->connections + i, &publisher_ops);
    }
    while (window_goes_on(&push.window))
        client_turn(-1);
    drain();
    window_report(&push.window);
    report("lost", (double)push.faults.lost);
    report("duplicated", (double)push.faults.duplicated);
    report("reordered", (double)push.faults.reordered);
}
