#include "server/function/functions.h"

#include "protocol/base/draw.h"
#include "protocol/base/hash.h"
#include "protocol/base/log.h"
#include "server/function/runtime_api.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On their way to other workers, at most: more are refused. */
enum { ABROAD_MAX = 65536 };

/* A function that belongs here, with all that runs it. */
struct owned {
    struct gw_list node; /* of fs->owned, or fs->leaving */
    struct gw_functions *fs;
    struct gw_function function;
    struct gw_config *config;   /* whose spec it goes by */
    struct gw_runtime attached; /* whoever comes to its door */
    struct gw_door *door;       /* NULL: it has none */
    gw_str door_at;             /* as it was asked for; the spec's */
    char bound[GW_BOUND_MAX];
    struct gw_supervisor *supervisor; /* NULL: nobody of ours runs it */
    bool ending;                      /* the supervisor has been closed */
    bool retired;
};

struct gw_functions {
    struct gw_invoker invoker;
    struct gw_functions_options o;
    struct gw_config *config;
    struct gw_function_surroundings around; /* views into the configuration */
    struct gw_arena names;
    struct gw_map by_name; /* of the whole process: struct gw_function_spec */
    struct gw_list owned;
    struct gw_list leaving;   /* retired, and something of it still runs */
    struct gw_keeper *keeper; /* NULL: not needed yet, or gone */
    struct gw_draw draw;
    size_t abroad;
    bool invoking; /* inside start: nobody may be told anything now */
    bool closing, keeper_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- the way home ---------------------------------------------------------------- */

/* An outcome on its way to another worker, or to the next turn of this one. */
struct parcel {
    struct gw_invocation *v;
    gw_err err;
    struct gw_outcome outcome;
    bool was_abroad;
    char bytes[]; /* its texts */
};

static void unpack(void *ctx, void *argument)
{
    struct parcel *p = argument;
    struct gw_functions *fs = p->v->home;

    gw_loop_now(fs->o.loop);
    if (p->was_abroad)
        fs->abroad--;
    p->v->done(p->v, p->err, p->err ? NULL : &p->outcome);
    free(p);
}

/* Copies a text behind the others. */
static gw_str pack(char **end, gw_str text)
{
    gw_str copy = { *end, text.len };

    if (text.len)
        memcpy(*end, text.at, text.len);
    *end += text.len;
    return copy;
}

static void send_home(struct gw_functions *fs, struct gw_invocation *v,
                      gw_err err, const struct gw_outcome *outcome)
{
    static const struct gw_outcome nothing;
    const struct gw_outcome *o = outcome ? outcome : &nothing;
    struct parcel *p = gw_alloc(sizeof(*p) + o->payload.len + o->tail.len);
    char *end = p->bytes;

    *p = (struct parcel){ .v = v,
                          .err = err,
                          .was_abroad = v->home != fs,
                          .outcome = { .is_error = o->is_error } };
    p->outcome.payload = pack(&end, o->payload);
    p->outcome.tail = pack(&end, o->tail);
    gw_bus_task(fs->o.bus, v->home->o.worker, unpack, p);
}

static void on_land(void *ctx, struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct gw_functions *fs = ((struct owned *)ctx)->fs;

    if (v->home == fs && !fs->invoking)
        v->done(v, err, outcome);
    else
        send_home(fs, v, err, outcome);
}

/* --- invoking -------------------------------------------------------------------- */

static unsigned worker_of(const struct gw_functions *fs, gw_str name)
{
    static const struct gw_hash_key same_for_all;

    return (unsigned)(gw_hash(&same_for_all, name) % fs->o.worker_count);
}

static struct owned *find_owned(const struct gw_functions *fs, gw_str name)
{
    for (const struct gw_list *n = fs->owned.next; n != &fs->owned;
         n = n->next) {
        struct owned *o = GW_CONTAINER(n, struct owned, node);

        if (gw_str_eq(o->function.spec->name, name))
            return o;
    }
    return NULL;
}

/* For one that belongs here. */
static gw_err invoke_here(struct gw_functions *fs, struct gw_invocation *v)
{
    struct owned *o = find_owned(fs, v->function);
    gw_err err;

    if (fs->closing)
        return GW_E_CANCELLED;
    if (!o)
        return GW_E_UNREACHABLE;
    fs->invoking = true;
    err = gw_function_invoke(&o->function, v);
    fs->invoking = false;
    return err;
}

/* On the worker that it belongs to. */
static void arrive(void *ctx, void *argument)
{
    struct gw_invocation *v = argument;
    struct gw_functions *fs = v->home->o.peers[worker_of(v->home, v->function)];
    gw_err err;

    gw_loop_now(fs->o.loop);
    err = invoke_here(fs, v);
    if (err)
        send_home(fs, v, err, NULL);
}

static gw_err start(struct gw_invoker *self, struct gw_invocation *v)
{
    struct gw_functions *fs = GW_CONTAINER(self, struct gw_functions, invoker);
    unsigned worker = worker_of(fs, v->function);

    if (!gw_map_get(&fs->by_name, v->function))
        return GW_E_NOT_FOUND;
    if (fs->closing || (v->is_wanted && !v->is_wanted(v)))
        return GW_E_CANCELLED;
    v->home = fs;
    gw_draw_uuid(&fs->draw, v->id);
    if (worker == fs->o.worker)
        return invoke_here(fs, v);
    if (v->payload.len > GW_INVOKE_BYTES_MAX)
        return GW_E_TOO_BIG;
    if (fs->abroad == ABROAD_MAX)
        return GW_E_BUSY;
    fs->abroad++;
    gw_bus_task(fs->o.bus, worker, arrive, v);
    return GW_OK;
}

static const struct gw_function_spec *find(struct gw_invoker *self,
                                           gw_str function)
{
    struct gw_functions *fs = GW_CONTAINER(self, struct gw_functions, invoker);

    return gw_map_get(&fs->by_name, function);
}

/* --- what runs a function -------------------------------------------------------- */

static void close_door(struct owned *o)
{
    if (!o->door)
        return;
    gw_door_close(o->door);
    /* Who came through it cannot come back with an answer. */
    GW_LIST_EACH_SAFE (node, after, &o->function.flights) {
        struct gw_flight *flight = GW_CONTAINER(node, struct gw_flight, node);

        if (flight->runtime == &o->attached)
            gw_flight_lose(flight, "its Runtime API was closed");
    }
    o->door = NULL;
    o->bound[0] = '\0';
}

static void open_door(struct owned *o)
{
    const struct gw_function_spec *spec = o->function.spec;
    struct gw_address at;
    struct gw_fault why;
    uint16_t port;
    int fd;

    o->door_at = spec->door;
    if (!spec->door.len)
        return;
    if (gw_address_read(spec->door, &at, &why) ||
        gw_edge_bind(&at, &fd, o->bound, &port, &why)) {
        gw_error("function.door", "function=%.*s %s", GW_FMT(spec->name),
                 why.text);
        o->bound[0] = '\0';
        return;
    }
    o->door = gw_door_open(o->fs->o.edge, fd, &o->attached);
    gw_info("function.door", "function=%.*s runtime_api=%s", GW_FMT(spec->name),
            o->bound);
}

static struct gw_keeper *keeper_of(struct gw_functions *fs)
{
    struct gw_fault why;

    if (fs->keeper)
        return fs->keeper;
    fs->keeper =
        gw_keeper_new(&fs->o.loop->uv, fs->o.surroundings->folder, &why);
    if (!fs->keeper)
        gw_error("function.keeper", "%s", why.text);
    return fs->keeper;
}

static void supervise(struct owned *o)
{
    struct gw_functions *fs = o->fs;

    if (gw_runtime_is_run_here(o->function.spec->runtime) && keeper_of(fs))
        o->supervisor = gw_supervisor_new(fs->o.loop, fs->o.edge, fs->keeper,
                                          &o->function, &fs->around);
}

static void free_if_over(struct owned *o);

static void on_supervisor_gone(void *ctx)
{
    struct owned *o = ctx;

    o->supervisor = NULL;
    o->ending = false;
    if (o->retired)
        free_if_over(o);
    else
        supervise(o); /* as it may be by now */
}

static void close_supervisor(struct owned *o)
{
    if (!o->ending)
        gw_supervisor_close(o->supervisor, o->fs->closing, on_supervisor_gone,
                            o);
    o->ending = true;
}

/* --- configurations -------------------------------------------------------------- */

static struct owned *make(struct gw_functions *fs,
                          const struct gw_function_spec *spec)
{
    struct owned *o = gw_alloc(sizeof(*o));

    o->fs = fs;
    gw_list_init(&o->node);
    o->function = (struct gw_function){ .spec = spec,
                                        .wheel = &fs->o.loop->wheel,
                                        .clock = &fs->o.loop->clock,
                                        .metrics = fs->o.metrics,
                                        .land = on_land,
                                        .ctx = o };
    gw_function_init(&o->function);
    o->attached = (struct gw_runtime){ .function = &o->function };
    gw_list_append(&fs->owned, &o->node);
    return o;
}

/* Its processes are replaced whether or not a word of it has changed: their
 * code may have. The old spec is there until the end of this. */
static void change(struct owned *o, const struct gw_function_spec *spec)
{
    o->function.spec = spec;
    if (!gw_str_eq(o->door_at, spec->door)) {
        close_door(o);
        open_door(o);
    }
    o->door_at = spec->door;
    if (!o->supervisor)
        supervise(o);
    else if (!gw_runtime_is_run_here(spec->runtime))
        close_supervisor(o);
    else if (!o->ending)
        gw_supervisor_replace(o->supervisor);
}

static void put_into_force(struct gw_functions *fs,
                           const struct gw_function_spec *spec)
{
    const struct gw_settings *s = &fs->config->settings;
    struct owned *o = find_owned(fs, spec->name);
    struct gw_config *old = o ? o->config : NULL;

    if (o) {
        change(o, spec);
    } else {
        o = make(fs, spec);
        open_door(o);
        supervise(o);
    }
    o->config = gw_config_ref(fs->config);
    o->retired = false;
    o->function.waiting_max = s->function_queue;
    o->function.logs = s->log_access;
    gw_config_unref(old);
}

static void tell_when_over(struct gw_functions *fs);

/* Nothing of it runs any more. */
static void free_if_over(struct owned *o)
{
    struct gw_functions *fs = o->fs;

    if (!o->retired || o->supervisor || o->function.flight_count)
        return;
    gw_list_leave(&o->node);
    gw_function_fini(&o->function);
    gw_config_unref(o->config);
    free(o);
    tell_when_over(fs);
}

/* What waits for it has nobody to go to; what runs goes on. */
static void retire(struct owned *o)
{
    gw_list_leave(&o->node);
    gw_list_append(&o->fs->leaving, &o->node);
    o->retired = true;
    if (o->fs->closing)
        gw_function_cancel_all(&o->function);
    else
        gw_function_end_waiting(&o->function, GW_E_UNREACHABLE);
    close_door(o);
    if (o->supervisor)
        close_supervisor(o);
    else
        free_if_over(o);
}

static void index_names(struct gw_functions *fs)
{
    const struct gw_config *c = fs->config;

    gw_arena_reset(&fs->names);
    GW_ASSERT(gw_map_init(&fs->by_name, &fs->names, c->function_count) ==
              GW_OK);
    for (size_t i = 0; i < c->function_count; i++)
        GW_ASSERT(gw_map_put(&fs->by_name, c->functions[i].name,
                             (void *)&c->functions[i]));
}

static void look_around(struct gw_functions *fs)
{
    const struct gw_function_surroundings *process = fs->o.surroundings;

    fs->around.folder = process->folder;
    fs->around.has_authority = process->has_authority;
    gw_function_surround(&fs->around, fs->config);
}

void gw_functions_configure(struct gw_functions *fs, struct gw_config *config)
{
    struct gw_config *old = fs->config;

    fs->config = gw_config_ref(config);
    look_around(fs);
    index_names(fs);
    GW_LIST_EACH_SAFE (node, after, &fs->owned)
        GW_CONTAINER(node, struct owned, node)->retired = true;
    for (size_t i = 0; i < config->function_count; i++)
        if (worker_of(fs, config->functions[i].name) == fs->o.worker)
            put_into_force(fs, &config->functions[i]);
    GW_LIST_EACH_SAFE (node, next, &fs->owned) {
        struct owned *o = GW_CONTAINER(node, struct owned, node);

        if (o->retired)
            retire(o);
    }
    gw_config_unref(old);
}

/* --- life ------------------------------------------------------------------------ */

struct gw_functions *gw_functions_new(const struct gw_functions_options *o)
{
    struct gw_functions *fs = gw_alloc(sizeof(*fs));

    fs->invoker = (struct gw_invoker){ start, find };
    fs->o = *o;
    fs->draw.state = o->seed;
    gw_arena_init(&fs->names, SIZE_MAX / 2);
    gw_list_init(&fs->owned);
    gw_list_init(&fs->leaving);
    return fs;
}

struct gw_invoker *gw_functions_invoker(struct gw_functions *fs)
{
    return &fs->invoker;
}

static void on_keeper_closed(void *ctx)
{
    struct gw_functions *fs = ctx;

    fs->keeper = NULL;
    fs->keeper_closed = true;
    tell_when_over(fs);
}

static void tell_when_over(struct gw_functions *fs)
{
    void (*closed)(void *ctx) = fs->closed;

    if (!fs->closing || !gw_list_is_empty(&fs->owned) ||
        !gw_list_is_empty(&fs->leaving) || !closed)
        return;
    if (fs->keeper && !fs->keeper_closed) {
        gw_keeper_close(fs->keeper, on_keeper_closed, fs);
        return;
    }
    fs->closed = NULL;
    closed(fs->closed_ctx);
}

void gw_functions_close(struct gw_functions *fs, void (*closed)(void *ctx),
                        void *ctx)
{
    struct gw_list *node;

    fs->closing = true;
    while ((node = fs->owned.next) != &fs->owned)
        retire(GW_CONTAINER(node, struct owned, node));
    fs->closed = closed;
    fs->closed_ctx = ctx;
    tell_when_over(fs);
}

void gw_functions_free(struct gw_functions *fs)
{
    gw_arena_fini(&fs->names);
    gw_config_unref(fs->config);
    free(fs);
}
