#include "server/admin/public.h"

#include "server/admin/management.h"
#include "server/gateway/answer.h"
#include "server/gateway/conn.h"

/* A stage goes before, whatever it is called. */
static void serve_no_stage(struct gw_public *p, struct gw_link *link,
                           const struct gw_http_request *request, gw_str body,
                           struct gw_answerer **answerer)
{
    if (p->invoke_api && gw_invoke_api_is_meant(p->invoke_api, request))
        gw_invoke_api_handle(p->invoke_api, link, request, body, answerer);
    else
        gw_answer_error(p->gateway, link, 403, GW_LIT("ForbiddenException"),
                        "Forbidden", false);
}

static void on_request(void *ctx, struct gw_link *link,
                       const struct gw_http_request *request, gw_str body,
                       struct gw_answerer **answerer)
{
    struct gw_public *p = ctx;
    struct gw_gateway *g = p->gateway;
    struct gw_target target;

    gw_arena_reset(&g->scratch);
    if (gw_target_find(g, request, &target))
        serve_no_stage(p, link, request, body, answerer);
    else if (target.has_connection)
        gw_management_handle(g, p->signatures, link, &target, request, body,
                             answerer);
    else
        gw_conn_open(g, link, &target, request, answerer);
}

static void on_refuse(void *ctx, struct gw_link *link,
                      const struct gw_http_request *request, unsigned status)
{
    struct gw_public *p = ctx;

    gw_answer_error(p->gateway, link, status, GW_EMPTY,
                    gw_http_status_text(status), true);
}

const struct gw_link_events gw_public_events = {
    .on_request = on_request,
    .on_refuse = on_refuse,
    .on_message = gw_conn_on_message,
    .on_activity = gw_conn_on_activity,
    .on_closed = gw_conn_on_closed,
};
