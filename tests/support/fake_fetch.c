#include "tests/support/fake_fetch.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static gw_str own(gw_str text)
{
    return (gw_str){ gw_str_dup(text), text.len };
}

static void drop(gw_str text)
{
    free((char *)text.at);
}

static struct gw_fetch_lane *lane_open(struct gw_fetcher *fetcher,
                                       const struct gw_fetch_origin *origin,
                                       uint32_t max_in_flight,
                                       uint32_t max_waiting)
{
    struct fake_lane *lane = gw_alloc(sizeof(*lane));

    lane->fetch = GW_CONTAINER(fetcher, struct fake_fetch, fetcher);
    lane->fetch->lanes++;
    lane->host = own(origin->host);
    lane->port = origin->port;
    lane->tls = origin->tls;
    lane->max_in_flight = max_in_flight;
    lane->max_waiting = max_waiting;
    return (struct gw_fetch_lane *)(void *)lane;
}

static void lane_unref(struct fake_lane *lane)
{
    if (!lane->closed || lane->calls)
        return;
    drop(lane->host);
    free(lane);
}

static void lane_close(struct gw_fetch_lane *gone)
{
    struct fake_lane *lane = (void *)gone;

    ck_assert(!lane->closed);
    lane->closed = true;
    lane->fetch->lanes--;
    lane_unref(lane);
}

/* port/fetch.h: what the client itself writes must not be among them. */
static void check_headers(const struct gw_fetch_request *request)
{
    unsigned hosts = 0;

    for (size_t i = 0; i < request->header_count; i++) {
        const struct gw_http_header *h = &request->headers[i];

        ck_assert(gw_http_is_token(h->name));
        ck_assert(gw_http_is_field_value(h->value));
        ck_assert(!gw_str_eq_nocase(h->name, GW_LIT("Content-Length")));
        ck_assert(!gw_str_eq_nocase(h->name, GW_LIT("Transfer-Encoding")));
        ck_assert(!gw_str_eq_nocase(h->name, GW_LIT("Connection")));
        hosts += gw_str_eq_nocase(h->name, GW_LIT("Host"));
    }
    ck_assert_uint_eq(hosts, 1);
}

static gw_err start(struct gw_fetch_lane *to,
                    const struct gw_fetch_request *request, gw_fetch_done *done,
                    void *ctx, struct gw_fetch **out)
{
    struct fake_lane *lane = (void *)to;
    struct fake_call *c;

    check_headers(request);
    if (lane->fetch->refuse)
        return lane->fetch->refuse;
    c = gw_alloc(sizeof(*c));
    c->lane = lane;
    c->method = own(request->method);
    c->target = own(request->target);
    c->body = own(request->body);
    c->header_count = request->header_count;
    c->headers = gw_alloc(request->header_count * sizeof(*c->headers));
    for (size_t i = 0; i < c->header_count; i++)
        c->headers[i] =
            (struct gw_http_header){ own(request->headers[i].name),
                                     own(request->headers[i].value) };
    c->timeout_ms = request->timeout_ms;
    c->done = done;
    c->is_wanted = request->is_wanted;
    c->ctx = ctx;
    gw_list_init(&c->node);
    gw_list_append(&lane->fetch->calls, &c->node);
    lane->fetch->started++;
    lane->calls++;
    *out = (struct gw_fetch *)(void *)c;
    return GW_OK;
}

static void cancel(struct gw_fetch *fetch)
{
    fake_call_fail((struct fake_call *)(void *)fetch, GW_E_CANCELLED);
}

void fake_fetch_init(struct fake_fetch *f)
{
    *f = (struct fake_fetch){ .fetcher = { .lane_open = lane_open,
                                           .lane_close = lane_close,
                                           .start = start,
                                           .cancel = cancel } };
    gw_list_init(&f->calls);
}

void fake_fetch_fini(struct fake_fetch *f)
{
    ck_assert(gw_list_is_empty(&f->calls));
    ck_assert_uint_eq(f->lanes, 0);
}

unsigned fake_fetch_waiting(const struct fake_fetch *f)
{
    unsigned count = 0;

    for (struct gw_list *n = f->calls.next; n != &f->calls; n = n->next)
        count++;
    return count;
}

struct fake_call *fake_fetch_call(struct fake_fetch *f, unsigned n)
{
    struct gw_list *node = f->calls.next;

    while (node != &f->calls && n--)
        node = node->next;
    ck_assert_msg(node != &f->calls, "the backend was not called");
    return GW_CONTAINER(node, struct fake_call, node);
}

gw_str fake_call_header(const struct fake_call *c, const char *name)
{
    gw_str value = { NULL, 0 };

    for (size_t i = 0; i < c->header_count; i++) {
        if (!gw_str_eq_nocase(c->headers[i].name, gw_str_of(name)))
            continue;
        if (value.at)
            return (gw_str){ NULL, 0 };
        value = c->headers[i].value;
    }
    return value;
}

static void call_free(struct fake_call *c)
{
    c->lane->calls--;
    lane_unref(c->lane);
    drop(c->method);
    drop(c->target);
    drop(c->body);
    for (size_t i = 0; i < c->header_count; i++) {
        drop(c->headers[i].name);
        drop(c->headers[i].value);
    }
    free(c->headers);
    free(c);
}

void fake_call_reply(struct fake_call *c, unsigned status, const char *headers,
                     gw_str body)
{
    struct gw_http_response *response = gw_alloc(sizeof(*response));
    gw_str lent = own(body);
    struct gw_buf head;
    size_t used;

    gw_buf_init(&head, 1 << 20);
    ck_assert(gw_buf_addf(&head,
                          "HTTP/1.1 %u Any\r\n%sContent-Length: %zu\r\n\r\n",
                          status, headers, body.len) == GW_OK);
    ck_assert_int_eq(gw_http_response_read(gw_buf_str(&head), false, 1 << 20,
                                           response, &used),
                     GW_HTTP_READY);
    gw_list_leave(&c->node);
    c->done(c->ctx, GW_OK, response, lent);
    call_free(c);
    drop(lent);
    gw_buf_fini(&head);
    free(response);
}

void fake_call_fail(struct fake_call *c, gw_err err)
{
    gw_list_leave(&c->node);
    c->done(c->ctx, err, NULL, GW_EMPTY);
    call_free(c);
}
