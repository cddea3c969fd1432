#include "tests/bench/load/client.h"
#include "tests/bench/load/message.h"
#include "tests/bench/load/modes.h"
#include "tests/bench/load/name.h"
#include "tests/bench/load/request.h"
#include "tests/bench/load/window.h"
#include "tests/bench/shared/net.h"

#include <stdlib.h>

struct caller {
    struct client client;
    int64_t sent_ns;
};

static struct post {
    const struct plan *plan;
    struct request request;
    struct window window;
} post;

static void call(struct caller *c)
{
    c->sent_ns = net_now_ns();
    client_send(&c->client, post.request.text, post.request.len);
}

static void on_open(struct client *c)
{
    call((struct caller *)c);
}

static void on_answer(struct client *c, char *payload, size_t len)
{
    struct caller *caller = (struct caller *)c;

    if (c->status != post.plan->status)
        die("answered %u instead of %u: %.*s", c->status, post.plan->status,
            (int)len, payload);
    window_note(&post.window, net_now_ns() - caller->sent_ns);
    call(caller);
}

static const struct client_ops caller_ops = { on_open, on_answer, NULL };

/* The one who opens, asks for its name and leaves. */
static struct {
    struct client client;
    char name[NAME_SIZE];
    bool left;
} guest;

static void on_guest_named(struct client *c, char *payload, size_t len)
{
    name_read(payload, len, guest.name);
    client_send_close(c);
}

static void on_guest_left(struct client *c)
{
    guest.left = true;
}

static const struct client_ops guest_ops = { name_ask, on_guest_named,
                                             on_guest_left };

static void have_guest(const struct plan *plan, char path[REQUEST_PATH_MAX])
{
    client_connect_ws(&guest.client, &plan->address, plan->connections,
                      plan->path, &guest_ops);
    while (!guest.left)
        client_turn(-1);
    request_push_path(plan, guest.name, path);
}

void post_run(const struct plan *plan)
{
    struct caller *callers = calloc(plan->connections, sizeof *callers);
    char path[REQUEST_PATH_MAX];
    struct message body;

    if (!callers)
        die("out of memory");
    post.plan = plan;
    message_make(&body, plan->action, plan->size);
    if (plan->gone)
        have_guest(plan, path);
    request_make(&post.request, plan, plan->gone ? path : plan->path, body.text,
                 body.len);
    window_start(&post.window, plan);
    for (unsigned i = 0; i < plan->connections; i++)
        client_connect_http(&callers[i].client, &plan->address, i, &caller_ops);
    while (window_goes_on(&post.window))
        client_turn(-1);
    window_report(&post.window);
}
