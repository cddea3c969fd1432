/*
 * The walk over a name's addresses, which are put there by hand.
 */
#include "server/edge/upstream_origin.h"

#include "tests/unit/server/edge/upstream_world.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

static struct world world, *const w = &world;
static struct backend good, bad;
static struct gw_upstream_env env;
static struct gw_upstream_origin *o;
static unsigned gone;

struct probe {
    struct gw_upstream_job job;
    unsigned dones;
    gw_err err;
};

static void on_gone(void *ctx)
{
    gone++;
}

static void on_done(struct gw_upstream_job *job, gw_err err,
                    const struct gw_http_response *response, gw_str body)
{
    struct probe *p = GW_CONTAINER(job, struct probe, job);

    p->dones++;
    p->err = err;
}

static void put_address(size_t i, uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&o->addresses[i], &at, sizeof(at));
}

static void open_all(void)
{
    struct gw_fetch_origin origin = { false, GW_LIT("named.invalid"), 80 };

    world_init(w);
    backend_open(&good);
    backend_open(&bad);
    gone = 0;
    env = (struct gw_upstream_env){
        .loop = &w->loop,
        .wheel = &w->wheel,
        .clock = &w->clock,
        .settings = { .max_response_bytes = 1024,
                      .idle_connections = 1,
                      .idle_ms = 1000 },
        .read_at = gw_alloc(GW_UPSTREAM_READ_BYTES),
    };
    o = gw_upstream_origin_new(&env, &origin, on_gone, NULL);
    put_address(0, bad.port);
    put_address(1, good.port);
    o->address_count = 2;
    o->looked_up_ms = w->clock.now_ms;
}

static void close_all(void)
{
    gw_upstream_origin_retire(o);
    gw_upstream_origin_unref(o);
    UNTIL(gone);
    free(env.read_at);
    backend_close(&good);
    world_fini(w);
}

static void run(struct probe *p)
{
    *p = (struct probe){ .job = { .bytes = GW_LIT("GET / HTTP/1.1\r\n\r\n"),
                                  .done = on_done } };
    gw_upstream_origin_run(o, &p->job);
}

static void serve(struct probe *p)
{
    int fd = backend_accept(w, &good);

    hear_any(w, fd);
    say(w, fd, OK_EMPTY);
    UNTIL(p->dones);
    ck_assert_int_eq(p->err, GW_OK);
    close(fd);
}

START_TEST(a_refused_address_gives_way_to_the_next)
{
    struct probe p;

    open_all();
    backend_close(&bad);
    run(&p);
    serve(&p);
    close_all();
}
END_TEST

/* A queue that is full does not answer at all. */
START_TEST(an_address_that_hangs_gives_way_to_the_next)
{
    int fillers[4];
    struct probe p;

    open_all();
    ck_assert_int_eq(listen(bad.listener, 0), 0);
    for (size_t i = 0; i < GW_LEN(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&o->addresses[0],
                sizeof(struct sockaddr_in));
    }
    run(&p);
    world_settle(w);
    world_advance(w, 2900);
    ck_assert_uint_eq(env.counters.opened, 1);
    world_advance(w, 200);
    ck_assert_uint_eq(env.counters.opened, 2);
    serve(&p);
    for (size_t i = 0; i < GW_LEN(fillers); i++)
        close(fillers[i]);
    backend_close(&bad);
    close_all();
}
END_TEST

START_TEST(addresses_that_all_fail_are_forgotten)
{
    struct probe p;

    open_all();
    backend_close(&bad);
    put_address(1, bad.port);
    run(&p);
    UNTIL(p.dones);
    ck_assert_int_eq(p.err, GW_E_UNREACHABLE);
    ck_assert_uint_eq(o->address_count, 0);
    close_all();
}
END_TEST

/* ms of age; looks: whether the name is asked for; waits: whether for that. */
static const struct {
    const char *name;
    int64_t age_ms;
    bool looks, waits;
} ages[] = {
    { "fresh", 9000, false, false },
    { "stale: used, and asked for meanwhile", 60 * 1000, true, false },
    { "old", 10 * 60 * 1000, true, true },
};

START_TEST(addresses_age)
{
    struct probe p;

    open_all();
    put_address(0, good.port);
    backend_close(&bad);
    w->clock.now_ms += ages[_i].age_ms;
    run(&p);
    ck_assert(o->looking_up == ages[_i].looks);
    if (ages[_i].waits)
        gw_upstream_origin_abandon(&p.job);
    else
        serve(&p);
    close_all();
}
END_TEST

GW_SUITE("server/edge/upstream_origin")
{
    tcase_add_test(tc, a_refused_address_gives_way_to_the_next);
    tcase_add_test(tc, an_address_that_hangs_gives_way_to_the_next);
    tcase_add_test(tc, addresses_that_all_fail_are_forgotten);
    tcase_add_loop_test(tc, addresses_age, 0, GW_LEN(ages));
}
