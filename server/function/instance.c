#include "server/function/instance.h"

#include "protocol/base/log.h"
#include "protocol/json/json.h"
#include "server/function/command.h"
#include "server/function/output.h"
#include "server/function/runtime_api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    /* To get ready: the original's limit for that, and then the time of the run
     * in which it would have tried again. */
    INIT_MS = 10000,
    LAST_WORDS_MS = 1000, /* to end by itself after its init/error */
    ERROR_MAX = 65536,
    ERROR_ROOM = 1 << 20, /* for one of our own, escaped */
    HOW_MAX = 240,
    ADDRESS_MAX = 32,
    STREAM_MAX = 64,
    BACKLOG = 16,
};

static gw_str name_of(const struct gw_instance *i)
{
    return i->o.function->spec->name;
}

/* An error object in place of one that the runtime could not write. */
static void write_error(struct gw_buf *out, const char *type, const char *text)
{
    gw_err err;

    gw_buf_fini(out);
    gw_buf_init(out, ERROR_ROOM);
    err = gw_buf_addf(out, "{\"errorType\":\"%s\",\"errorMessage\":", type);
    err |= gw_json_write_text(out, gw_str_of(text));
    err |= gw_buf_add(out, GW_LIT("}"));
    GW_ASSERT(err == GW_OK);
}

/* --- its end ------------------------------------------------------------------- */

/* In the words of the original: "exit status 1", "signal: killed". */
static void describe(int status, const char *why, char how[HOW_MAX])
{
    if (status == -1)
        snprintf(how, HOW_MAX, "%s", why ? why : "it could not be started");
    else if (WIFEXITED(status))
        snprintf(how, HOW_MAX, "exit status %d", WEXITSTATUS(status));
    else
        snprintf(how, HOW_MAX, "signal: %s",
                 WTERMSIG(status) == SIGKILL ? "killed"
                                             : sigdescr_np(WTERMSIG(status)));
}

static void log_end(const struct gw_instance *i, const char *how,
                    const char *why)
{
    int64_t lived = i->o.loop->clock.now_ms - i->started_ms;

    /* Expected, or told with its reason before. */
    if (i->is_leaving || i->error.len)
        gw_debug("function.end", "function=%.*s after_ms=%" PRId64,
                 GW_FMT(name_of(i)), lived);
    else
        gw_warn("function.exit", "function=%.*s after_ms=%" PRId64 " %s%s%s",
                GW_FMT(name_of(i)), lived, how, why ? ": " : "",
                why ? why : "");
}

static void set_exit_error(struct gw_instance *i, int status, const char *how)
{
    char text[HOW_MAX + 64];

    if (i->is_ready || i->error.len)
        return; /* it had started, or has said itself why not */
    snprintf(text, sizeof(text), "Error: %s%s",
             status == -1 ? "" : "Runtime exited with error: ", how);
    write_error(
        &i->error,
        status == -1 ? "Runtime.InvalidEntrypoint" : "Runtime.ExitError", text);
}

static void on_exited(void *ctx, int status, const char *why)
{
    struct gw_instance *i = ctx;
    char how[HOW_MAX];

    i->kept = NULL;
    describe(status, why, how);
    gw_timer_stop(&i->o.loop->wheel, &i->limit);
    gw_runtime_rest(&i->runtime);
    if (i->runtime.flight)
        gw_flight_lose(i->runtime.flight, how);
    gw_output_end(i->output);
    log_end(i, how, status == -1 ? NULL : why);
    set_exit_error(i, status, how);
    gw_door_close(i->door);
    gw_output_free(i->output);
    i->o.gone(i->o.ctx, i, gw_buf_str(&i->error));
    gw_buf_fini(&i->error);
    free(i);
}

void gw_instance_end(struct gw_instance *i)
{
    if (!i->kept || i->is_leaving)
        return;
    i->is_leaving = true;
    gw_runtime_rest(&i->runtime);
    gw_kept_kill(i->kept);
    i->o.leaving(i->o.ctx, i);
}

void gw_instance_rest(struct gw_instance *i)
{
    gw_runtime_rest(&i->runtime);
    if (!i->runtime.flight)
        gw_instance_end(i);
}

/* --- what the core tells of its runtime ---------------------------------------- */

static struct gw_instance *instance_of(struct gw_runtime *rt)
{
    return GW_CONTAINER(rt, struct gw_instance, runtime);
}

static void on_ready(struct gw_runtime *rt)
{
    struct gw_instance *i = instance_of(rt);

    if (i->is_ready)
        return;
    i->is_ready = true;
    gw_timer_stop(&i->o.loop->wheel, &i->limit);
    gw_debug("function.ready", "function=%.*s after_ms=%" PRId64,
             GW_FMT(name_of(i)), i->o.loop->clock.now_ms - i->started_ms);
    i->o.ready(i->o.ctx, i);
}

static void on_began(struct gw_runtime *rt, gw_str request_id)
{
    struct gw_instance *i = instance_of(rt);

    i->has_worked = true;
    gw_output_begin(i->output, request_id);
}

static void on_run_ended(struct gw_runtime *rt, bool answered)
{
    struct gw_instance *i = instance_of(rt);

    gw_output_end(i->output);
    if (!answered || rt->resting)
        gw_instance_end(i);
}

static void on_failed(struct gw_runtime *rt, gw_str error)
{
    struct gw_instance *i = instance_of(rt);

    i->has_failed = true;
    gw_buf_fini(&i->error);
    gw_buf_init(&i->error, ERROR_MAX);
    if (gw_buf_add(&i->error, error))
        write_error(&i->error, "Runtime.Unknown",
                    "the function could not start, and said so at length");
    gw_timer_start(&i->o.loop->wheel, &i->limit, i->o.loop->clock.now_ms,
                   LAST_WORDS_MS);
}

static gw_str on_tail(struct gw_runtime *rt)
{
    return gw_output_tail(instance_of(rt)->output);
}

static const struct gw_runtime_events events = {
    .ready = on_ready,
    .began = on_began,
    .ended = on_run_ended,
    .failed = on_failed,
    .tail = on_tail,
};

static void on_limit(struct gw_timer *timer)
{
    struct gw_instance *i = GW_CONTAINER(timer, struct gw_instance, limit);

    if (!i->error.len) {
        gw_warn("function.init",
                "function=%.*s it has not asked for an event in time",
                GW_FMT(name_of(i)));
        write_error(&i->error, "Sandbox.Timedout",
                    "Error: it did not get ready in time");
    }
    if (i->kept)
        gw_kept_kill(i->kept);
}

/* --- its start ----------------------------------------------------------------- */

/* A port that nobody else can listen on. */
static int listen_somewhere(char address[ADDRESS_MAX])
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    snprintf(address, ADDRESS_MAX, "127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

/* "2026/11/22/[$LATEST]" and 32 digits that were drawn. */
static void name_stream(int64_t unix_ms, char out[STREAM_MAX])
{
    char day[GW_ISO_TIME_LEN + 1];
    uint64_t drawn[2];

    gw_time_iso(unix_ms, day);
    if (getrandom(drawn, sizeof(drawn), 0) < 0)
        drawn[0] = drawn[1] = 0;
    snprintf(out, STREAM_MAX,
             "%.4s/%.2s/%.2s/[$LATEST]%016" PRIx64 "%016" PRIx64, day, day + 5,
             day + 8, drawn[0], drawn[1]);
}

/* Its process. Whatever comes of that is told to on_exited. */
static gw_err start_process(struct gw_instance *i, const char *door,
                            struct gw_fault *why)
{
    const struct gw_instance_options *o = &i->o;
    char stream[STREAM_MAX];
    const struct gw_command_maker maker = {
        .spec = o->function->spec,
        .surroundings = o->surroundings,
        .door = door,
        .log_stream = stream,
        .path = getenv("PATH"),
        .tmpdir = getenv("TMPDIR"),
    };
    struct gw_keeper_command command;
    struct gw_arena arena;
    gw_err err;
    int end;

    name_stream(o->loop->clock.unix_ms, stream);
    gw_arena_init(&arena, GW_COMMAND_BYTES_MAX);
    err = gw_command_make(&maker, &arena, &command, why);
    if (!err) {
        i->output = gw_output_new(&o->loop->uv, o->function->spec->name, &end);
        if (!i->output)
            err = gw_fail(why, GW_E_SYSTEM, "no pipe for its output: %s",
                          strerror(errno));
    }
    if (!err) {
        command.output = end;
        i->kept = gw_keeper_start(o->keeper, &command, on_exited, i);
        close(end);
    }
    gw_arena_fini(&arena);
    return err;
}

struct gw_instance *gw_instance_start(const struct gw_instance_options *o,
                                      struct gw_buf *error,
                                      struct gw_fault *why)
{
    struct gw_instance *i = gw_alloc(sizeof(*i));
    char address[ADDRESS_MAX];
    int fd = listen_somewhere(address);
    gw_err err;

    i->o = *o;
    i->started_ms = o->loop->clock.now_ms;
    i->runtime.function = o->function;
    i->runtime.events = &events;
    i->limit.fire = on_limit;
    gw_list_init(&i->node);
    if (fd < 0)
        err = gw_fail(why, GW_E_SYSTEM, "no socket for its Runtime API: %s",
                      strerror(errno));
    else
        err = start_process(i, address, why);
    if (err) {
        write_error(error, "Runtime.InvalidEntrypoint", why->text);
        if (fd >= 0)
            close(fd);
        free(i);
        return NULL;
    }
    i->door = gw_door_open(o->edge, fd, &i->runtime);
    gw_timer_start(&o->loop->wheel, &i->limit, i->started_ms,
                   INIT_MS + o->function->spec->timeout_ms);
    return i;
}
