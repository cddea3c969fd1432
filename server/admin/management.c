#include "server/admin/management.h"

#include "server/gateway/answer.h"
#include "server/gateway/deliver.h"

#include <stdlib.h>

/* A request whose answer may come later. */
struct request {
    struct gw_answerer answerer;
    struct gw_gateway *gateway;
    struct gw_link *link; /* NULL: the client left */
    gw_bus_op op;
};

static const struct {
    gw_str method;
    gw_bus_op op;
    unsigned success;
} operations[] = {
    { GW_LIT("POST"), GW_BUS_POST, 200 },
    { GW_LIT("GET"), GW_BUS_GET, 200 },
    { GW_LIT("DELETE"), GW_BUS_DELETE, 204 },
};

/* SDKs choose their exception by the type; the 410 has no body, or some of
 * them fail to parse it. The last row is for all that have none. */
static const struct {
    gw_err err;
    unsigned status;
    const char *type;
    gw_str body;
} failures[] = {
    { GW_E_GONE, 410, "GoneException", GW_LIT("") },
    { GW_E_INVALID, 400, "BadRequestException",
      GW_LIT("{\"message\": \"Invalid connectionId\"}") },
    { GW_E_UTF8, 400, "BadRequestException",
      GW_LIT("{\"message\": \"The data is not UTF-8 text, and the API does not "
             "have binary: true\"}") },
    { GW_E_TOO_BIG, 413, "PayloadTooLargeException",
      GW_LIT("{\"message\": \"Request Too Long\"}") },
    { GW_E_FULL, 429, "LimitExceededException",
      GW_LIT("{\"message\": \"The client does not read what it is sent\"}") },
    { GW_E_FORBIDDEN, 403, "ForbiddenException",
      GW_LIT("{\"message\":\"Forbidden\"}") },
    { GW_E_BUSY, 503, "ServiceUnavailableException",
      GW_LIT("{\"message\": \"Service Unavailable\"}") },
};

static void answer_failure(struct gw_gateway *g, struct gw_link *link,
                           gw_err err)
{
    struct gw_answer a;
    size_t i = 0;

    while (i < GW_LEN(failures) - 1 && failures[i].err != err)
        i++;
    gw_answer_init(&a, g, failures[i].status);
    gw_answer_add(&a, "x-amzn-ErrorType", gw_str_of(failures[i].type));
    if (failures[i].body.len)
        gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    if (failures[i].status == 503)
        gw_answer_add(&a, "Retry-After", GW_LIT("1"));
    if (err == GW_E_GONE)
        GW_COUNT(g->metrics->pushes_gone);
    g->link_ops->respond(link, gw_answer_http(&a, failures[i].body), false);
}

static void answer_success(struct gw_gateway *g, struct gw_link *link,
                           gw_bus_op op, gw_str body)
{
    struct gw_answer a;

    gw_answer_init(&a, g, operations[op].success);
    if (body.len)
        gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    if (op == GW_BUS_POST)
        GW_COUNT(g->metrics->pushes);
    g->link_ops->respond(link, gw_answer_http(&a, body), false);
}

static void on_gone(struct gw_answerer *self)
{
    GW_CONTAINER(self, struct request, answerer)->link = NULL;
}

static void on_delivered(void *ctx, gw_err err, gw_str body)
{
    struct request *r = ctx;

    if (r->link && err)
        answer_failure(r->gateway, r->link, err);
    else if (r->link)
        answer_success(r->gateway, r->link, r->op, body);
    free(r);
}

static bool operation_of(gw_str method, gw_bus_op *op)
{
    for (size_t i = 0; i < GW_LEN(operations); i++)
        if (gw_str_eq(operations[i].method, method)) {
            *op = operations[i].op;
            return true;
        }
    return false;
}

bool gw_management_admits(struct gw_gateway *g, struct gw_signatures *s,
                          gw_str service, struct gw_link *link,
                          const struct gw_http_request *request, gw_str body)
{
    struct gw_refusal why;
    struct gw_answer a;

    if (!gw_config_wants_signatures(g->config) ||
        gw_signatures_admit(s, g->config, service, &g->scratch, request, body,
                            g->clock->unix_ms / 1000, &why))
        return true;
    gw_answer_init(&a, g, 403);
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    gw_answer_add(&a, "x-amzn-ErrorType", gw_str_of(why.type));
    g->link_ops->respond(link, gw_answer_http(&a, why.body), false);
    return false;
}

void gw_management_handle(struct gw_gateway *g, struct gw_signatures *s,
                          struct gw_link *link, const struct gw_target *target,
                          const struct gw_http_request *request, gw_str body,
                          struct gw_answerer **answerer)
{
    struct request *r;
    gw_bus_op op;

    if (!gw_management_admits(g, s, GW_LIT("execute-api"), link, request, body))
        return;
    if (!operation_of(request->method, &op)) {
        answer_failure(g, link, GW_E_FORBIDDEN);
        return;
    }
    if (op == GW_BUS_POST && body.len > g->config->settings.max_post_bytes) {
        answer_failure(g, link, GW_E_TOO_BIG);
        return;
    }
    r = gw_alloc(sizeof(*r));
    *r = (struct request){
        .answerer = { on_gone }, .gateway = g, .link = link, .op = op
    };
    *answerer = &r->answerer;
    gw_deliver(g, op, target->stage, target->connection_id, body, on_delivered,
               r);
}
