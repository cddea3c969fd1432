#include "server/gateway/answer.h"

void gw_answer_init(struct gw_answer *a, struct gw_gateway *g, unsigned status)
{
    a->count = 0;
    a->status = status;
    gw_gateway_make_uuid(g, a->uuid);
    gw_gateway_make_id(g, a->extended);
    gw_answer_add(a, "x-amzn-RequestId", (gw_str){ a->uuid, 36 });
    gw_answer_add(a, "x-amz-apigw-id",
                  (gw_str){ a->extended, sizeof(a->extended) });
}

void gw_answer_add(struct gw_answer *a, const char *name, gw_str value)
{
    GW_ASSERT(a->count < GW_LEN(a->headers));
    a->headers[a->count].name = gw_str_of(name);
    a->headers[a->count++].value = value;
}

const struct gw_http_answer *gw_answer_http(struct gw_answer *a, gw_str body)
{
    a->http = (struct gw_http_answer){ .status = a->status,
                                       .headers = a->headers,
                                       .header_count = a->count,
                                       .body = body };
    return &a->http;
}

void gw_answer_error(struct gw_gateway *g, struct gw_link *link,
                     unsigned status, gw_str type, const char *message,
                     bool last)
{
    struct gw_answer a;
    struct gw_buf body;
    gw_err err;

    gw_answer_init(&a, g, status);
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    if (type.len)
        gw_answer_add(&a, "x-amzn-ErrorType", type);
    gw_buf_init(&body, 64 * 1024);
    err = gw_buf_addf(&body, "{\"message\":\"%s\"}", message);
    g->link_ops->respond(
        link, gw_answer_http(&a, err ? GW_EMPTY : gw_buf_str(&body)), last);
    gw_buf_fini(&body);
}
