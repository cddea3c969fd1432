#include "server/app.h"

#include "protocol/base/log.h"
#include "server/config/localise.h"
#include "server/dev/authority.h"
#include "server/function/folder.h"
#include "server/observe/lines.h"
#include "server/worker.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    MAILBOX_MAX = 65536,
    /* How long the start waits: for a Redis that has to be there, for one that
     * may come later, and for a lease from one that is there. */
    REQUIRED_MS = 5000,
    OPTIONAL_MS = 1000,
    JOIN_MS = 15000,
    LOOK_MS = 20,
};

struct gw_app {
    const struct gw_config_source *source;
    struct gw_config *config;
    struct gw_worker_shared shared;
    struct gw_worker *workers[GW_WORKERS_MAX];
    int sockets[GW_WORKERS_MAX]; /* public, listening */
    struct gw_metrics *metrics[GW_WORKERS_MAX];
    struct gw_health health;
    _Atomic bool draining;
    char folder[GW_FOLDER_MAX]; /* of functions' processes; empty: none yet */
    struct gw_function_surroundings surroundings;
    char certificate[GW_FOLDER_MAX + 16], key[GW_FOLDER_MAX + 16];
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
        return GW_MIN(s->workers, (unsigned)GW_WORKERS_MAX);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        count = CPU_COUNT(&cpus);
    return GW_MIN((unsigned)count, (unsigned)GW_WORKERS_MAX);
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

/* 1 to 65535. */
static gw_err draw_node(const struct gw_settings *s, uint16_t *node)
{
    *node = (uint16_t)s->node;
    while (!*node)
        if (getrandom(node, sizeof(*node), 0) < 0)
            return GW_E_SYSTEM;
    return GW_OK;
}

static gw_err make_workers(struct gw_app *app, struct gw_fault *why)
{
    struct gw_worker_shared *shared = &app->shared;

    shared->surroundings = &app->surroundings;
    if (getrandom(&shared->id_key, sizeof(shared->id_key), 0) < 0 ||
        draw_node(&app->config->settings, &shared->node))
        return gw_fail(why, GW_E_SYSTEM, "no random numbers to be had");
    shared->letterbox = gw_letterbox_new();
    shared->bus = gw_bus_new(shared->node, shared->worker_count, MAILBOX_MAX);
    shared->addresses = gw_addresses_new(&shared->id_key);
    for (unsigned i = 0; i < shared->worker_count; i++) {
        app->workers[i] = gw_worker_new(shared, i, app->config, why);
        if (!app->workers[i])
            return GW_E_INVALID;
        app->metrics[i] = &app->workers[i]->metrics;
    }
    return GW_OK;
}

/* Every worker binds the same port. With port 0 the first finds a free one.
 * Who connects now waits in the kernel until the process has joined. */
static gw_err bind_public(struct gw_app *app, struct gw_fault *why)
{
    struct gw_address at = app->config->settings.listen;
    gw_err err = GW_OK;

    app->shared.worker_count = count_workers(&app->config->settings);
    for (unsigned i = 0; i < app->shared.worker_count && !err; i++)
        err = gw_edge_bind(&at, &app->sockets[i], app->bound, &at.port, why);
    return err;
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
    app->health = (struct gw_health){
        .workers = app->metrics,
        .worker_count = app->shared.worker_count,
        .draining = &app->draining,
        .bus = app->shared.bus,
        .registry = gw_cluster_registry(app->workers[0]->cluster),
    };
    gw_worker_listen_admin(app->workers[0], fd, &app->health);
    return GW_OK;
}

/* --- functions' surroundings -------------------------------------------------- */

static gw_err make_authority(struct gw_app *app, struct gw_fault *why)
{
    gw_str host = app->config->settings.listen.host;
    gw_err err;

    if (app->surroundings.has_authority)
        return GW_OK;
    err = gw_authority_make(app->folder, host, why);
    snprintf(app->certificate, sizeof(app->certificate), "%s/cert.pem",
             app->folder);
    snprintf(app->key, sizeof(app->key), "%s/key.pem", app->folder);
    app->surroundings.has_authority = !err;
    return err;
}

/* What a configuration lacks until it is known where this process listens, and
 * what its functions need. Nobody else has seen it yet. */
static gw_err equip(struct gw_app *app, struct gw_config *config,
                    struct gw_fault *why)
{
    bool wants_authority = gw_config_wants_authority(config);
    gw_err err = gw_config_localise(config, gw_str_of(app->bound));

    if (!err && gw_config_runs_functions(config) && !app->folder[0]) {
        err = gw_folder_make(app->folder, why);
        if (!err && app->source->path)
            gw_folder_lend_modules(app->folder, app->source->path);
        app->surroundings.folder = err ? NULL : app->folder;
    }
    if (!err && wants_authority)
        err = make_authority(app, why);
    if (!err && app->surroundings.has_authority &&
        !config->settings.tls_certificate.len) {
        config->settings.tls_certificate = gw_str_of(app->certificate);
        config->settings.tls_key = gw_str_of(app->key);
    }
    return err;
}

/* --- announcing --------------------------------------------------------------- */

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

/* Those whose runtimes attach say where they do when their doors are open. */
static void print_functions(const struct gw_config *c)
{
    for (size_t i = 0; i < c->function_count; i++) {
        const struct gw_function_spec *f = &c->functions[i];

        if (gw_runtime_is_run_here(f->runtime))
            gw_info("function", "name=%.*s runtime=%.*s concurrency=%u",
                    GW_FMT(f->name), GW_FMT(f->runtime), f->concurrency);
    }
}

static void print_template(const struct gw_config *c)
{
    for (size_t i = 0; i < c->note_count; i++)
        gw_info("note", "%.*s", GW_FMT(c->notes[i]));
    for (size_t i = 0; i < c->outputs.count; i++)
        gw_info("output", "%.*s=%.*s", GW_FMT(c->outputs.at[i].name),
                GW_FMT(c->outputs.at[i].value));
}

/* Something to paste. */
static void print_command(const struct gw_app *app, const char *scheme)
{
    const struct gw_config *c = app->config;
    const struct gw_plan *plan = c->plan_count ? c->plans[0] : NULL;
    bool is_only = gw_config_only_api(c) != NULL;

    if (plan)
        gw_info("try", "npx wscat -c %s://%s%s%.*s/%.*s", scheme, app->bound,
                is_only ? "" : "/", is_only ? 0 : (int)plan->api_id.len,
                plan->api_id.at, GW_FMT(plan->stage));
}

static bool has_proxied_functions(const struct gw_config *c)
{
    for (size_t i = 0; i < c->plan_count; i++)
        for (size_t r = 0; r < c->plans[i]->route_count; r++)
            if (c->plans[i]->all[r].integration.type ==
                GW_INTEGRATION_AWS_PROXY)
                return true;
    return false;
}

/* One that dev has made is known to functions only. */
static bool has_own_certificate(const struct gw_app *app)
{
    const struct gw_settings *s = &app->config->settings;

    return s->tls_certificate.len &&
           !gw_str_eq(s->tls_certificate, gw_str_of(app->certificate));
}

/* Without an endpoint functions ask AWS itself, as whoever they are. */
static void print_tables(const struct gw_config *c)
{
    gw_str at = c->settings.tables_endpoint;

    for (size_t i = 0; i < c->table_count; i++)
        gw_info("table", "name=%.*s endpoint=%.*s", GW_FMT(c->tables[i].name),
                GW_FMT(at.len ? at : GW_LIT("none")));
    if (c->table_count && !at.len)
        gw_warn("tables", "not served here: start a stand-in for DynamoDB, and "
                          "--set tables.endpoint=http://127.0.0.1:8000");
}

static void announce(const struct gw_app *app)
{
    const struct gw_settings *s = &app->config->settings;
    const char *scheme = has_own_certificate(app) ? "wss" : "ws";
    struct rlimit files = { 0 };

    getrlimit(RLIMIT_NOFILE, &files);
    gw_info("listen", "address=%s workers=%u tls=%s admin=%s", app->bound,
            app->shared.worker_count,
            has_own_certificate(app) ? "yes"
            : s->tls_certificate.len ? "local"
                                     : "no",
            app->admin_bound[0] ? app->admin_bound : "off");
    gw_info("bounds",
            "open_files=%llu out_queue=%llu out_queues=%llu message=%llu",
            (unsigned long long)files.rlim_cur,
            (unsigned long long)s->out_queue_bytes,
            (unsigned long long)s->out_queue_total_bytes,
            (unsigned long long)s->max_message_bytes);
    print_stages(app, scheme);
    if (!app->config->dev && !s->domain_name.len &&
        has_proxied_functions(app->config))
        gw_warn("domain",
                "events have the Host that a client has sent as their "
                "domainName, and functions post there: set `domainName`");
    if (!gw_config_wants_signatures(app->config))
        gw_info("open",
                "@connections calls need no signature: whoever reaches "
                "%s may post",
                app->bound);
    print_functions(app->config);
    print_tables(app->config);
    print_template(app->config);
    if (app->config->dev)
        print_command(app, scheme);
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

/* --- joining ------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Of all workers the one that is furthest from having joined; a place that is
 * taken comes before all, because waiting does not help. */
static struct gw_worker_standing ask_workers(struct gw_app *app)
{
    struct gw_worker_standing worst = { .state = GW_REGISTRY_JOINED }, one;

    for (unsigned i = 0; i < app->shared.worker_count; i++) {
        gw_worker_ask(app->workers[i], &one);
        if (one.state == GW_REGISTRY_TAKEN)
            return one;
        if (one.state < worst.state)
            worst = one;
    }
    return worst;
}

/* A while, or less when the process is told to stop. */
static bool is_stopped_during(struct gw_app *app, int64_t ms)
{
    const struct timespec wait = { .tv_nsec = ms * 1000000 };
    int signal = sigtimedwait(&app->signals, NULL, &wait);

    return signal == SIGTERM || signal == SIGINT;
}

static gw_str print_redis(const struct gw_app *app, struct gw_buf *out)
{
    gw_buf_init(out, 4096);
    if (gw_redis_url_print(&app->config->redis, out))
        return GW_LIT("Redis");
    return gw_buf_str(out);
}

/* Long enough, and not joined. */
static gw_err give_up(struct gw_app *app, const struct gw_worker_standing *s,
                      struct gw_fault *why)
{
    const char *reason = s->state == GW_REGISTRY_JOINING
                             ? "it answers, but the lease is not to be had"
                             : s->fault;
    struct gw_buf url;
    gw_str shown = print_redis(app, &url);
    gw_err err = GW_OK;

    if (app->config->settings.require_redis)
        err = gw_fail(why, GW_E_UNREACHABLE, "cannot join at %.*s: %s",
                      (int)GW_MIN(shown.len, 120), shown.at, reason);
    else
        gw_warn("redis.waiting",
                "url=%.*s reason=\"%s\" no connections are taken before it is "
                "there",
                GW_FMT(shown), reason);
    gw_buf_fini(&url);
    return err;
}

/* Redis that answers is waited for longer: the lease of a process that has
 * just died there has to run out. GW_E_CANCELLED: told to stop. */
static gw_err await_cluster(struct gw_app *app, struct gw_fault *why)
{
    bool required = app->config->settings.require_redis;
    int64_t began = now_ms();

    for (;;) {
        struct gw_worker_standing s = ask_workers(app);
        int64_t patience = s.state == GW_REGISTRY_JOINING ? JOIN_MS
                           : required                     ? REQUIRED_MS
                                                          : OPTIONAL_MS;

        if (s.state == GW_REGISTRY_JOINED)
            return GW_OK;
        if (s.state == GW_REGISTRY_TAKEN)
            return gw_fail(why, GW_E_BUSY,
                           "node %u is alive elsewhere: every process that "
                           "shares a Redis needs a `node` of its own",
                           app->shared.node);
        if (now_ms() - began >= patience)
            return give_up(app, &s, why);
        if (is_stopped_during(app, LOOK_MS))
            return GW_E_CANCELLED;
    }
}

static gw_err start(struct gw_app *app, struct gw_fault *why)
{
    gw_err err = gw_config_check_exposure(app->config, why);

    if (!err)
        err = check_free(app, why);
    if (!err)
        err = bind_public(app, why);
    if (!err)
        err = equip(app, app->config, why);
    if (!err)
        err = make_workers(app, why);
    if (!err)
        err = listen_admin(app, why);
    for (unsigned i = 0; !err && i < app->shared.worker_count; i++)
        err = gw_worker_start(app->workers[i]);
    if (!err)
        err = await_cluster(app, why);
    for (unsigned i = 0; !err && i < app->shared.worker_count; i++)
        gw_worker_listen(app->workers[i], app->sockets[i]);
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
               equip(app, config, &why) ||
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

/* The workers drain on their own threads; a second signal cuts it short. Who
 * waits at a terminal is told so, once it takes a while. */
static void *await_impatience(void *self)
{
    const struct timespec a_while = { .tv_sec = 2 };
    struct gw_app *app = self;
    int signal = sigtimedwait(&app->signals, NULL, &a_while);

    if (signal == -1)
        gw_info("drain", "waits for what is under way; a second signal ends it "
                         "at once");
    while (signal == -1 || signal == SIGHUP)
        sigwait(&app->signals, &signal);
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
    gw_letterbox_free(app->shared.letterbox);
    if (app->folder[0])
        gw_folder_remove(app->folder);
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
    if (err && err != GW_E_CANCELLED) {
        fprintf(stderr, "gatewire: %s\n",
                why.text[0] ? why.text : gw_err_text(err));
        if (app.folder[0])
            gw_folder_remove(app.folder);
        return err == GW_E_FORBIDDEN || err == GW_E_INVALID
                   ? GW_EXIT_CONFIG
                   : GW_EXIT_UNAVAILABLE;
    }
    if (!err) {
        announce(&app);
        wait_for_stop(&app);
    }
    stop(&app);
    gw_config_unref(app.config);
    return 0;
}
