#include "server/admin/health.h"

#include "tests/support/fake_link.h"
#include "tests/support/suite.h"

static struct gw_metrics one, two;
static struct gw_metrics *const workers[] = { &one, &two };
static _Atomic bool draining;
static struct fake_link l;
static struct gw_health health = { .link_ops = &fake_link_ops,
                                   .workers = workers,
                                   .worker_count = 2,
                                   .draining = &draining };

static void ask(const char *method, const char *path)
{
    static struct gw_http_request request;

    request = (struct gw_http_request){ .method = gw_str_of(method),
                                        .target = gw_str_of(path),
                                        .path = gw_str_of(path),
                                        .minor = 1 };
    l.asked = true;
    gw_health_events.on_request(&health, fake_link_of(&l), &request, GW_EMPTY,
                                &l.answerer);
    ck_assert(!l.asked && !l.answerer); /* at once */
}

static const struct {
    const char *method, *path;
    bool drains, waits;
    unsigned status;
    const char *body;
} cases[] = {
    { "GET", "/healthz", false, false, 200, "ok\n" },
    { "GET", "/healthz", true, false, 200, "ok\n" }, /* it lives */
    { "HEAD", "/healthz", false, false, 200, "ok\n" },
    { "GET", "/readyz", false, false, 200, "ready\n" },
    { "GET", "/readyz", true, false, 503, "draining\n" },
    { "GET", "/readyz", true, true, 503, "draining\n" },
    { "GET", "/readyz", false, true, 503, "waiting for redis\n" },
    { "GET", "/healthz", false, true, 200, "ok\n" },
    { "POST", "/healthz", false, false, 405, "GET only\n" },
    { "DELETE", "/metrics", false, false, 405, "GET only\n" },
    { "GET", "/", false, false, 404,
      "/healthz /readyz /metrics /dead-letters\n" },
    { "POST", "/", false, false, 404,
      "/healthz /readyz /metrics /dead-letters\n" },
    { "GET", "/healthz/", false, false, 404,
      "/healthz /readyz /metrics /dead-letters\n" },
    { "GET", "/dev/@connections/x", false, false, 404,
      "/healthz /readyz /metrics /dead-letters\n" },
};

START_TEST(operators_are_answered)
{
    fake_link_init(&l);
    draining = cases[_i].drains;
    GW_SET(one.registry_joined, 1);
    GW_SET(two.registry_joined, !cases[_i].waits); /* one is enough */
    ask(cases[_i].method, cases[_i].path);
    ck_assert_uint_eq(l.status, cases[_i].status);
    ck_assert_gw_str(gw_buf_str(&l.body), gw_str_of(cases[_i].body));
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("text/plain; charset=utf-8"));
    fake_link_fini(&l);
}
END_TEST

/* Prometheus, "Text-based format": version 0.0.4 */
START_TEST(metrics_are_of_all_workers)
{
    const struct gw_bus_message m = { .kind = GW_BUS_CALL };
    struct gw_bus *bus;
    uv_loop_t loop;

    fake_link_init(&l);
    GW_ADD(one.messages_in, 3);
    GW_ADD(two.messages_in, 4);
    bus = gw_bus_new(7, 2, 10);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    gw_bus_attach(bus, 1, &loop, NULL, NULL);
    for (int i = 0; i < 3; i++) /* and nobody reads */
        ck_assert(gw_bus_send(bus, 0, (struct gw_bus_address){ 7, 1 }, &m) ==
                  GW_OK);
    health.bus = bus;
    ask("GET", "/metrics");
    ck_assert_uint_eq(l.status, 200);
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("text/plain; version=0.0.4"));
    ck_assert(gw_buf_add(&l.body, ((gw_str){ "", 1 })) == GW_OK);
    ck_assert_ptr_nonnull(
        strstr(l.body.at, "\ngatewire_messages_in_total 7\n"));
    ck_assert_ptr_nonnull(strstr(l.body.at, "\ngatewire_mailbox_waiting 3\n"));
    gw_bus_detach(bus, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    gw_bus_free(bus);
    fake_link_fini(&l);
}
END_TEST

GW_SUITE("server/admin/health")
{
    tcase_add_loop_test(tc, operators_are_answered, 0, GW_LEN(cases));
    tcase_add_test(tc, metrics_are_of_all_workers);
}
