#include "server/admin/health.h"

#include "server/admin/letters.h"

static void respond(struct gw_health *h, struct gw_link *link, unsigned status,
                    gw_str type, gw_str body)
{
    const struct gw_http_header headers[] = {
        { GW_LIT("Content-Type"), type },
        { GW_LIT("Allow"), GW_LIT("GET, HEAD") }, /* of a 405 only */
    };

    h->link_ops->respond(
        link,
        &(struct gw_http_answer){ .status = status,
                                  .headers = headers,
                                  .header_count = status == 405 ? 2 : 1,
                                  .body = body },
        false);
}

static void say(struct gw_health *h, struct gw_link *link, unsigned status,
                gw_str text)
{
    respond(h, link, status, GW_LIT("text/plain; charset=utf-8"), text);
}

static void healthz(struct gw_health *h, struct gw_link *link)
{
    say(h, link, 200, GW_LIT("ok\n"));
}

static bool all_have_joined(const struct gw_health *h)
{
    for (size_t i = 0; i < h->worker_count; i++)
        if (!atomic_load(&h->workers[i]->registry_joined))
            return false;
    return true;
}

static void readyz(struct gw_health *h, struct gw_link *link)
{
    if (atomic_load(h->draining))
        say(h, link, 503, GW_LIT("draining\n"));
    else if (!all_have_joined(h))
        say(h, link, 503, GW_LIT("waiting for redis\n"));
    else
        say(h, link, 200, GW_LIT("ready\n"));
}

static void metrics(struct gw_health *h, struct gw_link *link)
{
    struct gw_buf text;

    /* A worker too busy to read its mailbox could not count it either. */
    for (size_t i = 0; i < h->worker_count; i++)
        GW_SET(h->workers[i]->mailbox_waiting,
               gw_bus_waiting(h->bus, (unsigned)i));
    gw_buf_init(&text, 256 * 1024);
    if (gw_metrics_print(h->workers, h->worker_count, &text))
        say(h, link, 500, GW_LIT("the metrics do not fit\n"));
    else
        respond(h, link, 200, GW_LIT("text/plain; version=0.0.4"),
                gw_buf_str(&text));
    gw_buf_fini(&text);
}

static const struct {
    gw_str path;
    void (*handle)(struct gw_health *h, struct gw_link *link);
} routes[] = {
    { GW_LIT("/healthz"), healthz },
    { GW_LIT("/readyz"), readyz },
    { GW_LIT("/metrics"), metrics },
};

static void on_request(void *ctx, struct gw_link *link,
                       const struct gw_http_request *request, gw_str body,
                       struct gw_answerer **answerer)
{
    struct gw_health *h = ctx;
    bool reads = gw_str_eq(request->method, GW_LIT("GET")) ||
                 gw_str_eq(request->method, GW_LIT("HEAD"));

    if (gw_letters_are_meant(request)) {
        gw_letters_handle(h->registry, h->link_ops, link, request, answerer);
        return;
    }
    for (size_t i = 0; i < GW_LEN(routes); i++) {
        if (!gw_str_eq(routes[i].path, request->path))
            continue;
        if (reads)
            routes[i].handle(h, link);
        else
            say(h, link, 405, GW_LIT("GET only\n"));
        return;
    }
    say(h, link, 404, GW_LIT("/healthz /readyz /metrics /dead-letters\n"));
}

const struct gw_link_events gw_health_events = { .on_request = on_request };
