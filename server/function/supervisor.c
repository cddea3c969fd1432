/*
 * How processes are replaced. All that are started with one configuration of
 * the function, or after one change of its code, are a generation. Of a new
 * generation one process is started; only when it has got ready, the others
 * are: a function that cannot start keeps one process busy, not all of them,
 * and the machine has one at a time to start of each function.
 */
#include "server/function/supervisor.h"

#include "protocol/base/log.h"
#include "server/function/instance.h"
#include "server/function/pause.h"
#include "server/function/watch.h"

#include <stdlib.h>

struct gw_supervisor {
    struct gw_instance_options options; /* of all its instances */
    struct gw_loop *loop;
    struct gw_function *function;
    struct gw_list instances;
    unsigned generation;
    bool
        is_proven; /* one of this generation got ready, and none failed since */
    unsigned failures;     /* in a row */
    int64_t failed_ms;     /* the last of them */
    struct gw_timer timer; /* until what is missing is started */
    struct gw_watch *watch;
    void (*gone)(void *ctx); /* set: it is closing */
    void *ctx;
};

static gw_str name_of(const struct gw_supervisor *s)
{
    return s->function->spec->name;
}

static struct gw_instance *instance_at(struct gw_list *node)
{
    return GW_CONTAINER(node, struct gw_instance, node);
}

/* Starts are for a turn of their own: what we are told, we are told in the
 * middle of what a door or the core does. */
static void schedule(struct gw_supervisor *s, int64_t in_ms)
{
    gw_timer_start(&s->loop->wheel, &s->timer, s->loop->clock.now_ms, in_ms);
}

static void schedule_soon(struct gw_supervisor *s)
{
    if (!gw_timer_is_running(&s->timer)) /* a pause is kept */
        schedule(s, 0);
}

/* --- failures ------------------------------------------------------------------ */

static bool has_ready(struct gw_supervisor *s)
{
    GW_LIST_EACH_SAFE (node, after, &s->instances) {
        const struct gw_instance *i = instance_at(node);

        if (i->is_ready && !i->runtime.resting)
            return true;
    }
    return false;
}

static void pause_for(struct gw_supervisor *s, int64_t ms)
{
    if (ms >= GW_PAUSE_WORKED_MAX_MS)
        gw_info("function.pause", "function=%.*s ms=%lld%s", GW_FMT(name_of(s)),
                (long long)ms,
                s->function->spec->reload ? ", unless its code changes" : "");
    schedule(s, ms);
}

/* Callers need not wait for what will not come; unless an older generation
 * serves them. */
static void start_failed(struct gw_supervisor *s, gw_str error,
                         bool by_its_code)
{
    int64_t pause;

    s->is_proven = false;
    s->failures++;
    s->failed_ms = s->loop->clock.now_ms;
    if (!has_ready(s))
        gw_function_give_up(s->function, error);
    pause = gw_pause_ms(s->failures, false);
    /* Code that is being worked at, and whose changes are seen: trying it again
     * and again only hides what it has said. */
    if (by_its_code && s->function->spec->reload && s->failures > 1)
        pause = GW_PAUSE_RELOAD_MS;
    pause_for(s, pause);
}

/* It had been ready. Several that end together have failed once. */
static void run_failed(struct gw_supervisor *s, const struct gw_instance *i)
{
    int64_t now = s->loop->clock.now_ms;

    if (now - i->started_ms >= GW_PAUSE_HEALTHY_MS) {
        s->failures = 0;
    } else if (!s->failures || i->started_ms >= s->failed_ms) {
        s->failures++;
        s->failed_ms = now;
    }
    pause_for(s, gw_pause_ms(s->failures, i->has_worked));
}

/* --- starts -------------------------------------------------------------------- */

static bool start_one(struct gw_supervisor *s)
{
    struct gw_instance *i;
    struct gw_buf error;
    struct gw_fault why;

    gw_buf_init(&error, 0);
    i = gw_instance_start(&s->options, &error, &why);
    if (i) {
        i->generation = s->generation;
        gw_list_append(&s->instances, &i->node);
    } else {
        gw_error("function.start", "function=%.*s %s", GW_FMT(name_of(s)),
                 why.text);
        start_failed(s, gw_buf_str(&error), false);
    }
    gw_buf_fini(&error);
    return i != NULL;
}

static void rest_old(struct gw_supervisor *s)
{
    GW_LIST_EACH_SAFE (node, after, &s->instances)
        if (instance_at(node)->generation != s->generation)
            gw_instance_rest(instance_at(node));
}

/* Before the generation has proven itself, one at a time. */
static void fill(struct gw_supervisor *s)
{
    uint32_t wanted = s->function->spec->concurrency, there = 0, starting = 0;

    if (!wanted)
        rest_old(s);
    GW_LIST_EACH_SAFE (node, after, &s->instances) {
        const struct gw_instance *i = instance_at(node);

        if (i->generation == s->generation && !i->is_leaving) {
            there++;
            starting += !i->is_ready;
        }
    }
    if (!s->is_proven)
        wanted = GW_MIN(wanted, there + !starting);
    while (there++ < wanted && start_one(s))
        continue;
}

static void finish(struct gw_supervisor *s)
{
    void (*gone)(void *) = s->gone;
    void *ctx = s->ctx;

    free(s);
    gone(ctx);
}

static void on_timer(struct gw_timer *timer)
{
    struct gw_supervisor *s = GW_CONTAINER(timer, struct gw_supervisor, timer);

    if (!s->gone)
        fill(s);
    else if (gw_list_is_empty(&s->instances))
        finish(s);
}

/* --- what instances tell ------------------------------------------------------- */

static void on_ready(void *ctx, struct gw_instance *i)
{
    struct gw_supervisor *s = ctx;

    if (i->generation != s->generation || s->gone)
        return;
    s->is_proven = true;
    rest_old(s);
    schedule_soon(s);
}

static void on_leaving(void *ctx, struct gw_instance *i)
{
    schedule_soon(ctx);
}

static void on_gone(void *ctx, struct gw_instance *i, gw_str error)
{
    struct gw_supervisor *s = ctx;

    gw_list_leave(&i->node);
    if (s->gone)
        schedule_soon(s);
    else if (i->generation != s->generation || i->is_leaving)
        return; /* its successor has been seen to */
    else if (i->is_ready)
        run_failed(s, i);
    else
        start_failed(s, error, i->has_failed);
}

/* --- generations --------------------------------------------------------------- */

/* Those of the old one that are not ready will not be missed. */
static void begin_generation(struct gw_supervisor *s)
{
    s->generation++;
    s->is_proven = false;
    s->failures = 0;
    gw_function_give_up(s->function, GW_EMPTY);
    GW_LIST_EACH_SAFE (node, after, &s->instances)
        if (!instance_at(node)->is_ready)
            gw_instance_end(instance_at(node));
    schedule(s, 0);
}

static void on_changed(void *ctx, const char *name)
{
    struct gw_supervisor *s = ctx;

    gw_info("function.reload", "function=%.*s changed=%s", GW_FMT(name_of(s)),
            name);
    begin_generation(s);
}

static void watch(struct gw_supervisor *s)
{
    const struct gw_function_spec *spec = s->function->spec;

    if (s->watch)
        gw_watch_free(s->watch);
    s->watch = NULL;
    if (!spec->reload || !spec->code.len)
        return;
    s->watch = gw_watch_new(&s->loop->uv, spec->code, on_changed, s);
    if (!s->watch)
        gw_warn("function.watch",
                "function=%.*s its code cannot be watched: no inotify",
                GW_FMT(name_of(s)));
}

/* --- what others call ---------------------------------------------------------- */

struct gw_supervisor *gw_supervisor_new(
    struct gw_loop *loop, struct gw_edge *edge, struct gw_keeper *keeper,
    struct gw_function *function,
    const struct gw_function_surroundings *surroundings)
{
    struct gw_supervisor *s = gw_alloc(sizeof(*s));

    s->loop = loop;
    s->function = function;
    s->options = (struct gw_instance_options){ .loop = loop,
                                               .edge = edge,
                                               .keeper = keeper,
                                               .function = function,
                                               .surroundings = surroundings,
                                               .ready = on_ready,
                                               .leaving = on_leaving,
                                               .gone = on_gone,
                                               .ctx = s };
    s->timer.fire = on_timer;
    gw_list_init(&s->instances);
    gw_supervisor_replace(s);
    return s;
}

void gw_supervisor_replace(struct gw_supervisor *s)
{
    watch(s);
    begin_generation(s);
}

void gw_supervisor_close(struct gw_supervisor *s, bool at_once,
                         void (*gone)(void *ctx), void *ctx)
{
    s->gone = gone;
    s->ctx = ctx;
    if (s->watch)
        gw_watch_free(s->watch);
    s->watch = NULL;
    GW_LIST_EACH_SAFE (node, after, &s->instances) {
        if (at_once)
            gw_instance_end(instance_at(node));
        else
            gw_instance_rest(instance_at(node));
    }
    schedule(s, 0);
}
