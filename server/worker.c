#include "server/worker.h"

#include "protocol/base/log.h"
#include "server/gateway/deliver.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DRAIN_LOOK_MS = 10,
    ROUND_TRIP_MS = 200,   /* for a TCP handshake under way to be over */
    REST_MS = 1000,        /* for a request to come on a socket at rest */
    LAST_WORDS_MS = 30000, /* for goodbyes: longer than integrations take */
    /* Kept connections to backends: shorter than the 5 s after which Node.js
     * hangs up, or a request and its goodbye could meet under way. */
    UPSTREAM_IDLE_MS = 4000,
};

/* --- birth ------------------------------------------------------------------- */

void gw_worker_listen_admin(struct gw_worker *w, int fd,
                            struct gw_health *health)
{
    health->link_ops = gw_edge_link_ops;
    gw_edge_listen(w->edge, fd, &(struct gw_edge_terms){ .is_public = false },
                   &gw_health_events, health);
}

static void on_bus(void *ctx, const struct gw_bus_message *message)
{
    struct gw_worker *w = ctx;

    gw_loop_now(&w->loop);
    gw_deliver_on_bus(&w->gateway, message);
}

static struct gw_cluster *make_cluster(struct gw_worker *w)
{
    return gw_cluster_new(&(struct gw_cluster_options){
        .config = w->config,
        .address = { w->shared->node, (uint8_t)w->gateway.worker },
        .bus = w->bus,
        .letterbox = w->shared->letterbox,
        .id_key = &w->shared->id_key,
        .loop = &w->loop,
        .metrics = &w->metrics,
        .events = &gw_gateway_registry_events,
        .ctx = &w->gateway,
    });
}

static struct gw_upstream *make_upstream(struct gw_worker *w)
{
    const struct gw_settings *s = &w->config->settings;
    struct gw_upstream_settings settings = {
        .max_response_bytes = s->response_bytes,
        .idle_connections = s->upstream_idle_connections,
        .idle_ms = UPSTREAM_IDLE_MS,
        .ca_file = s->upstream_ca.len ? s->upstream_ca.at : NULL,
    };

    return gw_upstream_new(&w->loop.uv, &w->loop.wheel, &w->loop.clock,
                           &settings);
}

static struct gw_functions *make_functions(struct gw_worker *w)
{
    struct gw_worker_shared *shared = w->shared;
    unsigned index = w->gateway.worker;

    shared->functions[index] = gw_functions_new(&(struct gw_functions_options){
        .loop = &w->loop,
        .edge = w->edge,
        .bus = w->bus,
        .metrics = &w->metrics,
        .worker = index,
        .worker_count = shared->worker_count,
        .peers = shared->functions,
        .surroundings = shared->surroundings,
        .seed = ~w->gateway.seed,
    });
    return shared->functions[index];
}

struct gw_worker *gw_worker_new(struct gw_worker_shared *shared, unsigned index,
                                struct gw_config *config, struct gw_fault *why)
{
    struct gw_worker *w = gw_alloc(sizeof(*w));

    gw_loop_init(&w->loop);
    w->config = gw_config_ref(config);
    w->upstream = make_upstream(w);
    w->edge = !w->upstream ? NULL
                           : gw_edge_new(&w->loop, &config->settings,
                                         shared->worker_count,
                                         shared->addresses, &w->metrics, why);
    if (!w->upstream)
        gw_fail(why, GW_E_INVALID,
                "upstream.ca: %.*s: not a file of certificates",
                GW_FMT(config->settings.upstream_ca));
    if (!w->edge) {
        /* The process ends with this: the loop's handles end with it. */
        gw_config_unref(config);
        free(w);
        return NULL;
    }
    w->public = (struct gw_public){ .gateway = &w->gateway,
                                    .signatures = gw_signatures_new() };
    w->shared = shared;
    w->bus = shared->bus;
    w->gateway = (struct gw_gateway){
        .worker = index,
        .worker_count = shared->worker_count,
        .node = shared->node,
        .link_ops = gw_edge_link_ops,
        .wheel = &w->loop.wheel,
        .clock = &w->loop.clock,
        .fetcher = gw_upstream_fetcher(w->upstream),
        .bus = shared->bus,
        .metrics = &w->metrics,
        .seed = gw_hash(&shared->id_key,
                        (gw_str){ (const char *)&index, sizeof(index) }),
    };
    w->cluster = make_cluster(w);
    w->gateway.registry = gw_cluster_registry(w->cluster);
    w->functions = make_functions(w);
    w->gateway.invoker = gw_functions_invoker(w->functions);
    w->public.invoke_api = gw_invoke_api_new(&w->gateway, w->public.signatures,
                                             w->gateway.invoker);
    gw_gateway_init(&w->gateway);
    gw_gateway_configure(&w->gateway, config);
    gw_bus_attach(w->bus, index, &w->loop.uv, on_bus, w);
    return w;
}

static void *run(void *self)
{
    struct gw_worker *w = self;

    uv_update_time(&w->loop.uv);
    gw_loop_now(&w->loop);
    gw_functions_configure(w->functions, w->config);
    gw_cluster_start(w->cluster);
    uv_run(&w->loop.uv, UV_RUN_DEFAULT);
    return NULL;
}

gw_err gw_worker_start(struct gw_worker *w)
{
    return pthread_create(&w->thread, NULL, run, w) ? GW_E_SYSTEM : GW_OK;
}

/* --- messages of the main thread ------------------------------------------------ */

static void listen_there(void *ctx, void *argument)
{
    struct gw_worker *w = ctx;

    gw_loop_now(&w->loop);
    gw_edge_listen(w->edge, (int)(intptr_t)argument,
                   &(struct gw_edge_terms){ .is_public = true },
                   &gw_public_events, &w->public);
}

void gw_worker_listen(struct gw_worker *w, int fd)
{
    gw_bus_task(w->bus, w->gateway.worker, listen_there, (void *)(intptr_t)fd);
}

struct question {
    struct gw_worker_standing *out;
    sem_t answered;
};

static void stand(void *ctx, void *argument)
{
    struct gw_worker *w = ctx;
    struct question *q = argument;
    gw_str fault = gw_cluster_fault(w->cluster);

    q->out->state = gw_cluster_state(w->cluster);
    snprintf(q->out->fault, sizeof(q->out->fault), "%.*s", GW_FMT(fault));
    sem_post(&q->answered);
}

void gw_worker_ask(struct gw_worker *w, struct gw_worker_standing *out)
{
    struct question q = { .out = out };

    sem_init(&q.answered, 0, 0);
    gw_bus_task(w->bus, w->gateway.worker, stand, &q);
    while (sem_wait(&q.answered))
        continue; /* interrupted */
    sem_destroy(&q.answered);
}

/* --- reload ------------------------------------------------------------------ */

struct reload {
    struct gw_config *config;
    sem_t *done;
};

static void configure(void *ctx, void *argument)
{
    struct gw_worker *w = ctx;
    struct reload *r = argument;
    struct gw_config *old = w->config;
    struct gw_fault why;

    gw_loop_now(&w->loop);
    gw_gateway_configure(&w->gateway, r->config);
    gw_functions_configure(w->functions, r->config);
    /* The main thread has checked the certificate: what still fails here is
     * a file that changed since, and the old one stays in force. */
    if (gw_edge_configure(w->edge, &r->config->settings, &why)) {
        gw_error("reload.tls", "%s", why.text);
        old = r->config;
    } else {
        w->config = r->config;
    }
    gw_config_unref(old);
    sem_post(r->done);
    free(r);
}

void gw_worker_configure(struct gw_worker *w, struct gw_config *config,
                         sem_t *done)
{
    struct reload *r = gw_alloc(sizeof(*r));

    *r = (struct reload){ gw_config_ref(config), done };
    gw_bus_task(w->bus, w->gateway.worker, configure, r);
}

/* --- death ------------------------------------------------------------------- */

static bool clients_are_gone(struct gw_worker *w, int64_t now)
{
    return w->gateway.client_count == 0;
}

/* Requests went on being served until here. */
static void hold_off(struct gw_worker *w)
{
    gw_edge_hold_off(w->edge, &gw_public_events);
}

/* With a window of nothing the operator wants to be gone, not to be kind. */
static int64_t patience(const struct gw_worker *w, int64_t ms)
{
    return GW_MIN(ms, (int64_t)w->config->settings.drain_window_ms);
}

static bool handshakes_have_arrived(struct gw_worker *w, int64_t now)
{
    return now >= w->phase_began_ms + patience(w, ROUND_TRIP_MS);
}

static void stop_listening(struct gw_worker *w)
{
    gw_edge_stop_listening(w->edge, &gw_public_events, patience(w, REST_MS));
}

static bool requests_are_answered(struct gw_worker *w, int64_t now)
{
    return gw_edge_busy_count(w->edge, &gw_public_events) == 0;
}

static void close_edge(struct gw_worker *w)
{
    gw_edge_close(w->edge);
}

/* Those whose backend is away are left to heirs, if there can be any. */
static bool goodbyes_are_said(struct gw_worker *w, int64_t now)
{
    int64_t waited = now - w->phase_began_ms;
    bool for_retries = waited < patience(w, LAST_WORDS_MS) &&
                       !w->gateway.registry->keeps_records;

    if (!gw_edge_is_closed(w->edge))
        return false;
    return gw_gateway_is_quiet(&w->gateway) || waited >= LAST_WORDS_MS ||
           (gw_gateway_has_only_retries(&w->gateway) && !for_retries);
}

static void on_upstream_closed(void *ctx)
{
    struct gw_worker *w = ctx;

    w->upstream_closed = true;
}

static void on_functions_closed(void *ctx)
{
    struct gw_worker *w = ctx;

    w->functions_closed = true;
}

static void close_backends(struct gw_worker *w)
{
    gw_gateway_abandon_goodbyes(&w->gateway);
    gw_invoke_api_close(w->public.invoke_api);
    gw_functions_close(w->functions, on_functions_closed, w);
    gw_upstream_close(w->upstream, on_upstream_closed, w);
    /* Its lanes must be given back while it is there to take them. */
    gw_gateway_retire(&w->gateway);
}

static bool backends_are_closed(struct gw_worker *w, int64_t now)
{
    return w->upstream_closed && w->functions_closed &&
           gw_invoke_api_is_quiet(w->public.invoke_api) &&
           gw_gateway_is_quiet(&w->gateway);
}

static void on_cluster_left(void *ctx)
{
    struct gw_worker *w = ctx;

    w->cluster_left = true;
}

/* The goodbyes are out, and acknowledged there. */
static void leave_cluster(struct gw_worker *w)
{
    gw_cluster_leave(w->cluster, on_cluster_left, w);
}

static bool cluster_is_left(struct gw_worker *w, int64_t now)
{
    return w->cluster_left && gw_edge_is_empty(w->edge);
}

static void leave_loop(struct gw_worker *w)
{
    gw_edge_leave_loop(w->edge);
    gw_bus_detach(w->bus, w->gateway.worker);
    gw_loop_close(&w->loop);
}

/* A drain, in this order. The workers of a process go from phase to phase
 * together: a request may come to one for a client of another, the first one
 * answers for the health of all, and any may be asked over the bus as long as
 * another has clients. */
static const struct {
    bool (*is_over)(struct gw_worker *w, int64_t now);
    void (*then)(struct gw_worker *w);
} phases[] = {
    { clients_are_gone, hold_off },
    { handshakes_have_arrived, stop_listening },
    { requests_are_answered, close_edge },
    { goodbyes_are_said, close_backends },
    { backends_are_closed, leave_cluster },
    { cluster_is_left, leave_loop },
};
_Static_assert(GW_LEN(phases) == GW_DRAIN_PHASES, "one counter each");

/* Counts this worker off once; true when all of them are. */
static bool all_are_through(struct gw_worker *w, int64_t now)
{
    _Atomic unsigned *through = &w->shared->through[w->phase];

    if (!w->waits_for_others && phases[w->phase].is_over(w, now)) {
        w->waits_for_others = true;
        atomic_fetch_add(through, 1);
    }
    return atomic_load(through) == w->shared->worker_count;
}

static void on_drain_timer(struct gw_timer *timer)
{
    struct gw_worker *w = GW_CONTAINER(timer, struct gw_worker, drain_timer);
    int64_t now = gw_loop_now(&w->loop);

    while (all_are_through(w, now)) {
        phases[w->phase].then(w);
        if (++w->phase == GW_LEN(phases))
            return;
        w->phase_began_ms = now;
        w->waits_for_others = false;
    }
    gw_timer_start(&w->loop.wheel, &w->drain_timer, now, DRAIN_LOOK_MS);
}

static void drain(void *ctx, void *argument)
{
    struct gw_worker *w = ctx;
    int64_t now = gw_loop_now(&w->loop);

    gw_gateway_drain(&w->gateway);
    gw_edge_drain(w->edge);
    w->drain_timer.fire = on_drain_timer;
    gw_timer_start(&w->loop.wheel, &w->drain_timer, now, DRAIN_LOOK_MS);
}

void gw_worker_drain(struct gw_worker *w)
{
    gw_bus_task(w->bus, w->gateway.worker, drain, NULL);
}

void gw_worker_free(struct gw_worker *w)
{
    gw_invoke_api_free(w->public.invoke_api);
    gw_gateway_fini(&w->gateway);
    gw_functions_free(w->functions);
    gw_cluster_free(w->cluster);
    gw_edge_free(w->edge);
    gw_signatures_free(w->public.signatures);
    gw_config_unref(w->config);
    gw_loop_fini(&w->loop);
    free(w);
}
