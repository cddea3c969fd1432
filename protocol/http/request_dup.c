#include "protocol/http/request_dup.h"

struct shift {
    const char *from, *to;
    size_t len;
};

/* Views into the head move with it; others (empty ones) stay. */
static void move(const struct shift *by, gw_str *view)
{
    if (view->at >= by->from && view->at <= by->from + by->len)
        view->at = by->to + (view->at - by->from);
}

static const char *end_of(const struct gw_http_request *r)
{
    const char *end = r->target.at + r->target.len;

    for (size_t i = 0; i < r->headers.count; i++) {
        gw_str value = r->headers.at[i].value;

        end = GW_MAX(end, value.at + value.len);
    }
    return end;
}

gw_err gw_http_request_dup(struct gw_arena *a,
                           const struct gw_http_request *request,
                           struct gw_http_request **out)
{
    struct shift by = { .from = request->method.at };
    struct gw_http_request *copy = gw_arena_alloc(a, sizeof(*copy));
    gw_str head;

    by.len = (size_t)(end_of(request) - by.from);
    if (!copy || gw_arena_dup(a, (gw_str){ by.from, by.len }, &head))
        return GW_E_TOO_BIG;
    by.to = head.at;
    *copy = *request;
    move(&by, &copy->method);
    move(&by, &copy->target);
    move(&by, &copy->path);
    move(&by, &copy->query);
    move(&by, &copy->host);
    for (size_t i = 0; i < copy->headers.count; i++) {
        move(&by, &copy->headers.at[i].name);
        move(&by, &copy->headers.at[i].value);
    }
    *out = copy;
    return GW_OK;
}
