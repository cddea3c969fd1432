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
    bool drains;
    unsigned status;
    const char *body;
} cases[] = {
    { "GET", "/healthz", false, 200, "ok\n" },
    { "GET", "/healthz", true, 200, "ok\n" }, /* it lives */
    { "HEAD", "/healthz", false, 200, "ok\n" },
    { "GET", "/readyz", false, 200, "ready\n" },
    { "GET", "/readyz", true, 503, "draining\n" },
    { "POST", "/healthz", false, 405, "GET only\n" },
    { "DELETE", "/metrics", false, 405, "GET only\n" },
    { "GET", "/", false, 404, "/healthz /readyz /metrics\n" },
    { "POST", "/", false, 404, "/healthz /readyz /metrics\n" },
    { "GET", "/healthz/", false, 404, "/healthz /readyz /metrics\n" },
    { "GET", "/dev/@connections/x", false, 404, "/healthz /readyz /metrics\n" },
};

START_TEST(operators_are_answered)
{
    fake_link_init(&l);
    draining = cases[_i].drains;
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
    fake_link_init(&l);
    GW_ADD(one.messages_in, 3);
    GW_ADD(two.messages_in, 4);
    ask("GET", "/metrics");
    ck_assert_uint_eq(l.status, 200);
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("text/plain; version=0.0.4"));
    ck_assert(gw_buf_add(&l.body, ((gw_str){ "", 1 })) == GW_OK);
    ck_assert_ptr_nonnull(
        strstr(l.body.at, "\ngatewire_messages_in_total 7\n"));
    fake_link_fini(&l);
}
END_TEST

GW_SUITE("server/admin/health")
{
    tcase_add_loop_test(tc, operators_are_answered, 0, GW_LEN(cases));
    tcase_add_test(tc, metrics_are_of_all_workers);
}
