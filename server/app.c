#include "server/app.h"

#include "protocol/base/log.h"
#include "server/observe/lines.h"
#include "server/worker.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, MAILBOX_MAX = 65536 };

struct gw_app {
    const struct gw_config_source *source;
    struct gw_config *config;
    struct gw_worker_shared shared;
    struct gw_worker *workers[WORKERS_MAX];
    struct gw_metrics *metrics[WORKERS_MAX];
    struct gw_health health;
    _Atomic bool draining;
    char bound[GW_BOUND_MAX];
    char admin_bound[GW_BOUND_MAX];
    sigset_t signals;
};

static void print_errors(const struct gw_config_errors *errors)
{
    unsigned shown = GW_MIN(errors->count, (unsigned)GW_CONFIG_ERRORS_MAX);

    for (unsigned i = 0; i < shown; i++)
        fprintf(stderr, "%s\n", errors->lines[i]);
    if (errors->count > shown)
        fprintf(stderr, "... and %u more\n", errors->count - shown);
}

static unsigned count_workers(const struct gw_settings *s)
{
    cpu_set_t cpus;
    int count = 1;

    if (s->workers)
        return GW_MIN(s->workers, (unsigned)WORKERS_MAX);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        count = CPU_COUNT(&cpus);
    return GW_MIN((unsigned)count, (unsigned)WORKERS_MAX);
}

/* As many sockets as the system lets us have. */
static void raise_open_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static gw_err make_workers(struct gw_app *app, struct gw_fault *why)
{
    struct gw_worker_shared *shared = &app->shared;

    shared->worker_count = count_workers(&app->config->settings);
    if (getrandom(&shared->id_key, sizeof(shared->id_key), 0) < 0 ||
        getrandom(&shared->node, sizeof(shared->node), 0) < 0)
        return gw_fail(why, GW_E_SYSTEM, "no random numbers to be had");
    shared->bus = gw_bus_new(shared->worker_count, MAILBOX_MAX);
    shared->addresses = gw_addresses_new(&shared->id_key);
    for (unsigned i = 0; i < shared->worker_count; i++) {
        app->workers[i] = gw_worker_new(shared, i, app->config, why);
        if (!app->workers[i])
            return GW_E_INVALID;
        app->metrics[i] = &app->workers[i]->metrics;
    }
    return GW_OK;
}

/* Every worker binds the same port. With port 0 the first finds a free one. */
static gw_err listen_public(struct gw_app *app, struct gw_fault *why)
{
    struct gw_address at = app->config->settings.listen;

    for (unsigned i = 0; i < app->shared.worker_count; i++) {
        int fd;
        gw_err err = gw_edge_bind(&at, &fd, app->bound, &at.port, why);

        if (err)
            return err;
        gw_worker_listen(app->workers[i], fd);
    }
    return GW_OK;
}

static gw_err listen_admin(struct gw_app *app, struct gw_fault *why)
{
    struct gw_address at = app->config->settings.admin;
    int fd;
    gw_err err;

    if (!at.text.len)
        return GW_OK;
    err = gw_edge_bind(&at, &fd, app->admin_bound, &at.port, why);
    if (err)
        return err;
    app->health = (struct gw_health){ .workers = app->metrics,
                                      .worker_count = app->shared.worker_count,
                                      .draining = &app->draining };
    gw_worker_listen_admin(app->workers[0], fd, &app->health);
    return GW_OK;
}

static void print_stages(const struct gw_app *app, const char *scheme)
{
    const struct gw_config *c = app->config;

    for (size_t i = 0; i < c->plan_count; i++) {
        const struct gw_plan *plan = c->plans[i];

        if (gw_config_only_api(c))
            gw_info("stage", "api=%.*s url=%s://%s/%.*s", GW_FMT(plan->api_id),
                    scheme, app->bound, GW_FMT(plan->stage));
        else
            gw_info("stage", "api=%.*s url=%s://%s/%.*s/%.*s",
                    GW_FMT(plan->api_id), scheme, app->bound,
                    GW_FMT(plan->api_id), GW_FMT(plan->stage));
    }
}

static void announce(const struct gw_app *app)
{
    const struct gw_settings *s = &app->config->settings;
    struct rlimit files = { 0 };

    getrlimit(RLIMIT_NOFILE, &files);
    gw_info("listen", "address=%s workers=%u tls=%s admin=%s", app->bound,
            app->shared.worker_count, s->tls_certificate.len ? "yes" : "no",
            app->admin_bound[0] ? app->admin_bound : "off");
    gw_info("bounds",
            "open_files=%llu out_queue=%llu out_queues=%llu message=%llu",
            (unsigned long long)files.rlim_cur,
            (unsigned long long)s->out_queue_bytes,
            (unsigned long long)s->out_queue_total_bytes,
            (unsigned long long)s->max_message_bytes);
    print_stages(app, s->tls_certificate.len ? "wss" : "ws");
    if (!gw_config_wants_signatures(app->config))
        gw_info("open",
                "@connections calls need no signature: whoever reaches "
                "%s may post",
                app->bound);
}

/* Several processes may serve one port, in production to replace each other.
 * On a desk the second one is a mistake: half of the connections would vanish
 * into the first. */
static gw_err check_free(const struct gw_app *app, struct gw_fault *why)
{
    const struct gw_settings *s = &app->config->settings;
    gw_err err;

    if (!app->config->dev)
        return GW_OK;
    err = gw_edge_check_free(&s->listen, why);
    return err ? err : gw_edge_check_free(&s->admin, why);
}

static gw_err start(struct gw_app *app, struct gw_fault *why)
{
    gw_err err = gw_config_check_exposure(app->config, why);

    if (!err)
        err = check_free(app, why);

    if (!err)
        err = make_workers(app, why);
    if (!err)
        err = listen_public(app, why);
    if (!err)
        err = listen_admin(app, why);
    for (unsigned i = 0; !err && i < app->shared.worker_count; i++)
        err = gw_worker_start(app->workers[i]);
    return err;
}

/* Returns when every worker goes by it, so that "done" means done. */
static void put_into_force(struct gw_app *app, struct gw_config *config)
{
    sem_t done;

    sem_init(&done, 0, 0);
    for (unsigned i = 0; i < app->shared.worker_count; i++)
        gw_worker_configure(app->workers[i], config, &done);
    for (unsigned i = 0; i < app->shared.worker_count; i++)
        while (sem_wait(&done))
            continue; /* interrupted */
    sem_destroy(&done);
}

static void reload(struct gw_app *app)
{
    struct gw_config_errors *errors = gw_alloc(sizeof(*errors));
    struct gw_config *config;
    struct gw_buf keys;
    struct gw_fault why;

    gw_buf_init(&keys, 4096);
    if (gw_config_load(app->source, &config, errors)) {
        print_errors(errors);
        gw_error("reload.refused", "errors=%u the old configuration stays",
                 errors->count);
    } else if (gw_config_check_exposure(config, &why) ||
               gw_edge_check_certificate(&config->settings, &why)) {
        gw_error("reload.refused", "%s; the old configuration stays", why.text);
        gw_config_unref(config);
    } else {
        if (gw_config_restart_needed(app->config, config, &keys))
            gw_warn("reload.restart", "only a restart changes: %.*s",
                    GW_FMT(gw_buf_str(&keys)));
        put_into_force(app, config);
        gw_config_unref(app->config);
        app->config = config;
        gw_info("reload.done", "apis=%zu stages=%zu", config->api_count,
                config->plan_count);
    }
    gw_buf_fini(&keys);
    free(errors);
}

/* Waits for a signal or, with a thread to wait for, for its end. */
static int wait_for_stop(struct gw_app *app)
{
    for (;;) {
        int signal = 0;

        sigwait(&app->signals, &signal);
        if (signal != SIGHUP)
            return signal;
        reload(app);
    }
}

/* The workers drain on their own threads; a second signal cuts it short. */
static void *await_impatience(void *self)
{
    struct gw_app *app = self;
    int signal = 0;

    do
        sigwait(&app->signals, &signal);
    while (signal == SIGHUP);
    fprintf(stderr, "gatewire: second signal, leaving at once\n");
    _exit(1);
}

static void stop(struct gw_app *app)
{
    pthread_t impatience;

    gw_info("drain", "window_ms=%u max_rate=%u",
            app->config->settings.drain_window_ms,
            app->config->settings.drain_max_rate);
    atomic_store(&app->draining, true);
    if (pthread_create(&impatience, NULL, await_impatience, app) == 0)
        pthread_detach(impatience);
    for (unsigned i = 0; i < app->shared.worker_count; i++)
        gw_worker_drain(app->workers[i]);
    for (unsigned i = 0; i < app->shared.worker_count; i++)
        pthread_join(app->workers[i]->thread, NULL);
    for (unsigned i = 0; i < app->shared.worker_count; i++)
        gw_worker_free(app->workers[i]);
    gw_bus_free(app->shared.bus);
    gw_addresses_free(app->shared.addresses);
    gw_info("stopped", "all connections are closed");
}

static void block_signals(struct gw_app *app)
{
    sigemptyset(&app->signals);
    sigaddset(&app->signals, SIGHUP);
    sigaddset(&app->signals, SIGTERM);
    sigaddset(&app->signals, SIGINT);
    /* Threads made from here on inherit it: only sigwait sees them. */
    pthread_sigmask(SIG_BLOCK, &app->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int gw_app_run(const struct gw_config_source *source)
{
    static struct gw_app app; /* large, and one a process */
    struct gw_config_errors *errors = gw_alloc(sizeof(*errors));
    struct gw_fault why = { "" };
    gw_err err = gw_config_load(source, &app.config, errors);

    if (err) {
        print_errors(errors);
        free(errors);
        return GW_EXIT_CONFIG;
    }
    free(errors);
    app.source = source;
    gw_lines_install(&app.config->settings);
    raise_open_files();
    block_signals(&app);
    err = start(&app, &why);
    if (err) {
        fprintf(stderr, "gatewire: %s\n",
                why.text[0] ? why.text : gw_err_text(err));
        return err == GW_E_FORBIDDEN || err == GW_E_INVALID
                   ? GW_EXIT_CONFIG
                   : GW_EXIT_UNAVAILABLE;
    }
    announce(&app);
    wait_for_stop(&app);
    stop(&app);
    gw_config_unref(app.config);
    return 0;
}
