/*
 * What runtimes send to a door. Properties:
 *  - every request is answered once, or its GET next stays open;
 *  - every invocation ends once, whatever runtimes do with it;
 *  - what a door had of its connections and runs is given back.
 *
 * The first byte chooses between a process and attached runtimes. Then follow
 * steps: '+' an invocation, '-' its deadline passes, 'a'..'c' a connection
 * speaks, 'A'..'C' it hangs up, 'x'..'z' it sends what is refused with a
 * status. What is sent goes up to the next 0x01: a request as on the wire.
 * Request ids count up: "00000000-0000-4000-8000-000000000000", "00010000-...".
 */
#include "protocol/http/body.h"
#include "server/function/runtime_api.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LINKS = 3, CALLS = 32, TIMEOUT_MS = 3000 };

static const struct gw_http_limits limits = { 4096, 10240, 10 << 20 };

struct link {
    bool asked;
    struct gw_answerer *answerer;
    void *user;
};

struct call {
    struct gw_invocation v;
    unsigned told;
};

static struct gw_wheel wheel;
static struct gw_clock wall;
static struct gw_metrics metrics;
static struct gw_function function;
static struct gw_runtime runtime;
static struct gw_door *door;
static struct link links[LINKS];
static struct call calls[CALLS];
static unsigned call_count;

static struct gw_link *link_of(struct link *l)
{
    return (struct gw_link *)(void *)l;
}

static void respond(struct gw_link *link, const struct gw_http_answer *answer,
                    bool last)
{
    struct link *l = (struct link *)(void *)link;

    GW_ASSERT(l->asked);
    l->asked = false;
    l->answerer = NULL;
    GW_ASSERT(answer->status >= 200 && answer->status < 600);
    for (size_t i = 0; i < answer->header_count; i++) {
        GW_ASSERT(gw_http_is_token(answer->headers[i].name));
        GW_ASSERT(gw_http_is_field_value(answer->headers[i].value));
    }
}

static void **user(struct gw_link *link)
{
    return &((struct link *)(void *)link)->user;
}

static const struct gw_link_ops ops = { .respond = respond, .user = user };

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    GW_CONTAINER(v, struct call, v)->told++;
    GW_ASSERT(err || outcome->payload.len <= GW_INVOKE_ANSWER_MAX);
}

static void nothing(struct gw_runtime *rt)
{
}

static void began(struct gw_runtime *rt, gw_str request_id)
{
    GW_ASSERT(rt->flight);
}

static void ended(struct gw_runtime *rt, bool answered)
{
}

static void failed(struct gw_runtime *rt, gw_str error)
{
}

static const struct gw_runtime_events events = {
    .ready = nothing,
    .began = began,
    .ended = ended,
    .failed = failed,
};

static void invoke(void)
{
    struct call *c = &calls[call_count];

    if (call_count == CALLS)
        return;
    c->told = 0;
    c->v = (struct gw_invocation){ .payload = GW_LIT("{}") };
    snprintf(c->v.id, sizeof(c->v.id), "%04x0000-0000-4000-8000-000000000000",
             call_count++);
    GW_ASSERT(gw_function_invoke(&function, &c->v) == GW_OK);
}

static void pass_time(void)
{
    wall.now_ms += TIMEOUT_MS + GW_WHEEL_TICK_MS;
    gw_wheel_advance(&wheel, wall.now_ms);
}

static void hang_up(struct link *l, const struct gw_http_request *cut)
{
    if (l->answerer)
        l->answerer->gone(l->answerer);
    gw_door_events.on_end(door, link_of(l), cut);
    *l = (struct link){ .asked = false };
}

/* As server/edge/request.c does it. */
static void speak(struct link *l, gw_str in)
{
    struct gw_http_headers fields;
    struct gw_http_request r;
    struct gw_http_body decoder;
    struct gw_buf body, trailers;
    gw_http_step step;
    gw_str piece;
    size_t used;

    if (l->asked)
        return; /* not read until that is answered */
    if (gw_http_request_read(in, &limits, &r, &used) != GW_HTTP_READY)
        return;
    in = gw_str_skip(in, used);
    gw_buf_init(&body, 1 << 22);
    gw_buf_init(&trailers, 1 << 14);
    gw_http_body_of_request(&decoder, &r, 1 << 20);
    decoder.trailers = &trailers;
    do {
        step = gw_http_body_read(&decoder, in, &used, &piece);
        in = gw_str_skip(in, used);
        GW_ASSERT(!gw_buf_add(&body, piece));
    } while (step == GW_HTTP_MORE && piece.len);
    if (step == GW_HTTP_MORE) {
        hang_up(l, &r);
    } else if (step == GW_HTTP_BAD) {
        l->asked = true;
        gw_door_events.on_refuse(door, link_of(l), &r, decoder.status);
        GW_ASSERT(!l->asked);
        hang_up(l, NULL);
    } else {
        if (trailers.len &&
            gw_http_trailers_read(gw_buf_str(&trailers), &fields))
            r.trailers = &fields;
        l->asked = true;
        gw_door_events.on_request(door, link_of(l), &r, gw_buf_str(&body),
                                  &l->answerer);
        GW_ASSERT(l->asked == (l->answerer != NULL));
    }
    gw_buf_fini(&body);
    gw_buf_fini(&trailers);
}

static void be_refused(struct link *l, gw_str in)
{
    struct gw_http_request r;
    size_t used;

    if (l->asked)
        return;
    l->asked = true;
    if (gw_http_request_read(in, &limits, &r, &used) == GW_HTTP_READY)
        gw_door_events.on_refuse(door, link_of(l), &r, 413);
    else
        gw_door_events.on_refuse(door, link_of(l), NULL,
                                 r.status ? r.status : 408);
    GW_ASSERT(!l->asked);
    hang_up(l, NULL);
}

static void step(char c, gw_str *rest)
{
    gw_str copy, sent;
    char *own;

    if (c == '+')
        invoke();
    else if (c == '-')
        pass_time();
    else if (c >= 'A' && c < 'A' + LINKS)
        hang_up(&links[c - 'A'], NULL);
    if (!(c >= 'a' && c < 'a' + LINKS) && !(c >= 'x' && c < 'x' + LINKS))
        return;
    /* A copy of its own, so that reading past its end is seen. */
    sent = gw_str_cut(rest, '\x01');
    own = gw_realloc(NULL, sent.len + 1);
    if (sent.len)
        memcpy(own, sent.at, sent.len);
    copy = (gw_str){ gw_realloc(own, sent.len ? sent.len : 1), sent.len };
    if (c < 'x')
        speak(&links[c - 'a'], copy);
    else
        be_refused(&links[c - 'x'], copy);
    free((char *)copy.at);
}

static void begin(bool attached)
{
    static const struct gw_function_spec spec = {
        .name = { "f", 1 },
        .arn = { "arn", 3 },
        .timeout_ms = TIMEOUT_MS,
        .concurrency = 4,
    };

    wall = (struct gw_clock){ .now_ms = 1000 };
    gw_wheel_init(&wheel, wall.now_ms, NULL);
    function = (struct gw_function){ .spec = &spec,
                                     .waiting_max = CALLS,
                                     .wheel = &wheel,
                                     .clock = &wall,
                                     .metrics = &metrics,
                                     .land = on_land };
    gw_function_init(&function);
    runtime = (struct gw_runtime){ .function = &function,
                                   .events = attached ? NULL : &events };
    door = gw_door_new(&ops, &runtime);
    call_count = 0;
    memset(links, 0, sizeof(links));
}

static void end(void)
{
    for (size_t i = 0; i < LINKS; i++)
        hang_up(&links[i], NULL);
    GW_ASSERT(function.waiter_count == 0);
    pass_time();
    gw_function_cancel_all(&function);
    for (unsigned i = 0; i < call_count; i++)
        GW_ASSERT(calls[i].told == 1);
    GW_ASSERT(wheel.count == 0);
    gw_door_close(door);
    gw_function_fini(&function);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str rest = { (const char *)bytes, len };

    if (!len)
        return 0;
    begin(rest.at[0] & 1);
    rest = gw_str_skip(rest, 1);
    while (rest.len) {
        char c = rest.at[0];

        rest = gw_str_skip(rest, 1);
        step(c, &rest);
    }
    end();
    return 0;
}
