#include "tests/unit/store/backend/redis_world.h"

static void on_up(struct gw_redis_watcher *watcher)
{
    struct world *w = GW_CONTAINER(watcher, struct world, watcher);

    ck_assert(gw_redis_is_up(w->r));
    ck_assert_gw_str(gw_redis_fault(w->r), GW_EMPTY);
    w->ups++;
}

static void on_down(struct gw_redis_watcher *watcher)
{
    struct world *w = GW_CONTAINER(watcher, struct world, watcher);

    ck_assert(!gw_redis_is_up(w->r));
    ck_assert_uint_gt(gw_redis_fault(w->r).len, 0);
    ck_assert_uint_eq(gw_redis_stats(w->r).pending, 0);
    w->downs++;
}

static void on_message(void *ctx, gw_str payload)
{
    struct world *w = ctx;

    snprintf(w->message, sizeof(w->message), "%.*s", GW_FMT(payload));
    w->messages++;
}

void on_closed(void *ctx)
{
    struct world *w = ctx;

    w->is_closed = true;
}

void make_link(struct world *w, const struct gw_redis_url *url)
{
    w->r = gw_redis_new(&w->loop, url);
    w->watcher.on_up = on_up;
    w->watcher.on_down = on_down;
    gw_redis_watch(w->r, &w->watcher);
    gw_redis_subscribe(w->r, GW_LIT("test:bus:1.0"), on_message, w);
    gw_redis_start(w->r);
}

void start_link(struct world *w, const struct gw_redis_url *url)
{
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
    make_link(w, url);
}

void close_link(struct world *w)
{
    gw_redis_close(w->r, on_closed, w);
    ck_assert(!w->is_closed);
    uv_run(&w->loop, UV_RUN_DEFAULT); /* ends when no handle is left */
    ck_assert(w->is_closed);
    gw_redis_free(w->r);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

void begin(struct world *w)
{
    struct gw_redis_url url;

    memset(w, 0, sizeof(*w));
    gw_redis_server_start(&w->server);
    url = gw_redis_server_url(&w->server);
    start_link(w, &url);
    UNTIL(w, w->ups);
}

void end(struct world *w)
{
    close_link(w);
    gw_redis_server_end(&w->server);
}

void on_answer(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct answer *a = ctx;

    a->fired++;
    a->err = err;
    ck_assert((err == GW_E_UNREACHABLE) == (reply == NULL));
    if (!reply)
        return;
    switch (reply->kind) {
    case GW_REDIS_NIL:
        snprintf(a->text, sizeof(a->text), "(nil)");
        break;
    case GW_REDIS_INTEGER:
        snprintf(a->text, sizeof(a->text), "%lld", (long long)reply->integer);
        break;
    case GW_REDIS_TEXT:
        snprintf(a->text, sizeof(a->text), "%.*s", GW_FMT(reply->text));
        break;
    case GW_REDIS_ARRAY:
        snprintf(a->text, sizeof(a->text), "[%zu]", reply->count);
        break;
    }
}

gw_err command(struct world *w, const char *line, struct answer *a)
{
    gw_str words[8], rest = gw_str_of(line);
    size_t n = 0;

    while (rest.len && n < GW_LEN(words))
        words[n++] = gw_str_cut(&rest, ' ');
    return gw_redis_command(w->r, n, words, a ? on_answer : NULL, a);
}

void prove(struct world *w)
{
    struct answer a = { 0 };

    ck_assert_int_eq(command(w, "PING", &a), GW_OK);
    UNTIL(w, a.fired);
    ck_assert_int_eq(a.err, GW_OK);
    ck_assert_str_eq(a.text, "PONG");
}
