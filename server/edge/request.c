/*
 * The HTTP half of a link: heads and bodies in, answers out.
 *
 * A request that arrives in one piece, the usual case, is handed up without
 * a copy. One that does not is copied once its head is complete.
 */
#include "server/edge/inside.h"

#include <stdlib.h>

enum { ANSWER_KEEP_BYTES = 64 * 1024 };

static const gw_str json_type[2] = {
    { "Content-Type", 12 },
    { "application/json", 16 },
};

/* (Re)starts the wait for a request: keep_alive for the first byte of the
 * next one (one of ours may wait for ever), head_timeout in all once there is
 * one (or for the very first). */
void request_await(struct gw_link *link, bool first)
{
    const struct gw_settings *s = link->edge->settings;
    struct gw_loop *loop = link->edge->loop;

    link->state = LINK_HEAD;
    link->head_timed = first;
    if (!first && link->listener->terms.is_ours)
        gw_timer_stop(&loop->wheel, &link->timer);
    else
        gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms,
                       first ? s->head_timeout_ms : s->keep_alive_timeout_ms);
}

void request_await_for(struct gw_link *link, int64_t ms)
{
    struct gw_loop *loop = link->edge->loop;

    if (link->state != LINK_HEAD || link->stash.len)
        return;
    link->head_timed = false; /* the first byte starts its own time */
    gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms, ms);
}

void request_forget(struct gw_link *link)
{
    if (!link->incoming)
        return;
    gw_buf_fini(&link->incoming->head);
    gw_buf_fini(&link->incoming->body);
    gw_buf_fini(&link->incoming->trailers);
    free(link->incoming->trailer_fields);
    free(link->incoming);
    link->incoming = NULL;
}

void request_respond(struct gw_link *link, const struct gw_http_answer *answer,
                     bool last)
{
    bool ends = link->edge->draining && !link->listener->terms.is_ours;
    bool keep = link->keep_alive && !last && !ends;
    struct gw_buf *out = &link->edge->answer;
    gw_str body;
    gw_err err;

    if (link->state == LINK_DEAD)
        return;
    out->len = 0;
    GW_ASSERT(gw_http_response_write_head(out, answer, link->http_one, keep,
                                          link->to_head, &body) == GW_OK);
    link->answerer = NULL;
    err = outbox_add_answer(link, gw_buf_str(out), body);
    request_forget(link); /* what the body may have been a view of */
    if (err) {
        GW_COUNT(link->edge->metrics->slow_clients_closed);
        link_kill(link);
    } else if (keep) {
        request_await(link, false);
        if (link->stash.len && gw_list_is_empty(&link->ready))
            gw_list_append(&link->edge->ready, &link->ready);
    } else {
        link_linger(link);
    }
    if (out->room > ANSWER_KEEP_BYTES)
        gw_buf_fini(out);
}

/* request: what there is of it, or NULL. */
static void refuse(struct gw_link *link, const struct gw_http_request *request,
                   unsigned status)
{
    const struct gw_http_header type = { json_type[0], json_type[1] };
    const struct gw_listener *l = link->listener;
    char body[96];
    int n = snprintf(body, sizeof(body), "{\"message\":\"%s\"}",
                     gw_http_status_text(status));

    GW_COUNT(link->edge->metrics->http_rejected);
    link->to_head = false;
    if (l->events->on_refuse) {
        l->events->on_refuse(l->ctx, link, request, status);
        return;
    }
    request_respond(link,
                    &(struct gw_http_answer){ .status = status,
                                              .headers = &type,
                                              .header_count = 1,
                                              .body = { body, (size_t)n } },
                    true);
}

void request_on_timer(struct gw_link *link)
{
    bool begun = link->stash.len || link->state == LINK_BODY;

    if (link->state == LINK_BUSY)
        return;
    GW_COUNT(link->edge->metrics->timeouts_head);
    if (begun) {
        link->keep_alive = false;
        link->http_one = true;
        refuse(link, link->incoming ? &link->incoming->request : NULL, 408);
    } else {
        link_linger(link);
    }
}

static void deliver(struct gw_link *link, const struct gw_http_request *request,
                    gw_str body)
{
    struct gw_listener *l = link->listener;

    GW_COUNT(link->edge->metrics->http_requests);
    link->state = LINK_BUSY;
    l->events->on_request(l->ctx, link, request, body, &link->answerer);
}

static struct gw_http_limits limits_of(const struct gw_link *link)
{
    const struct gw_settings *s = link->edge->settings;
    uint64_t own = link->listener->terms.body_bytes;

    return (struct gw_http_limits){
        .target_bytes = s->max_target_bytes,
        .header_bytes = s->max_header_bytes,
        .body_bytes = own ? own : s->max_body_bytes,
    };
}

/* The body is still to come: keep the head, and read it again where it will
 * stay, so that its views stay too. */
static void begin_body(struct gw_link *link, gw_str head)
{
    struct gw_http_limits limits = limits_of(link);
    struct incoming *in = gw_realloc(NULL, sizeof(*in));
    struct gw_loop *loop = link->edge->loop;
    size_t used;

    gw_buf_init(&in->head, SIZE_MAX / 2);
    gw_buf_init(&in->body, limits.body_bytes);
    gw_buf_init(&in->trailers, SIZE_MAX / 2);
    in->trailer_fields = NULL;
    GW_ASSERT(gw_buf_add(&in->head, head) == GW_OK);
    GW_ASSERT(gw_http_request_read(gw_buf_str(&in->head), &limits, &in->request,
                                   &used) == GW_HTTP_READY);
    gw_http_body_of_request(&in->decoder, &in->request, limits.body_bytes);
    in->decoder.trailers = &in->trailers;
    link->incoming = in;
    link->state = LINK_BODY;
    if (link->listener->terms.is_ours)
        gw_timer_stop(&loop->wheel, &link->timer);
    else
        gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms,
                       link->edge->settings->body_timeout_ms);
    if (in->request.expects_continue &&
        outbox_add(link, GW_LIT("HTTP/1.1 100 Continue\r\n\r\n"), GW_EMPTY))
        link_kill(link);
}

size_t request_take_head(struct gw_link *link, char *bytes, size_t len)
{
    struct gw_http_request *r = &link->edge->request;
    struct gw_http_limits limits = limits_of(link);
    struct gw_loop *loop = link->edge->loop;
    gw_str in = { bytes, len };
    size_t used = 0;

    switch (gw_http_request_read(in, &limits, r, &used)) {
    case GW_HTTP_MORE:
        if (!link->head_timed) {
            link->head_timed = true;
            gw_timer_start(&loop->wheel, &link->timer, loop->clock.now_ms,
                           link->edge->settings->head_timeout_ms);
        }
        return 0;
    case GW_HTTP_BAD:
        link->http_one = true;
        refuse(link, r->status == 413 ? r : NULL, r->status);
        return len;
    case GW_HTTP_READY:
        break;
    }
    link->http_one = r->minor == 1;
    link->keep_alive = r->keep_alive;
    link->to_head = gw_str_eq(r->method, GW_LIT("HEAD"));
    if (!r->chunked && r->body_bytes <= len - used) {
        deliver(link, r, (gw_str){ bytes + used, r->body_bytes });
        return used + r->body_bytes;
    }
    begin_body(link, gw_str_head(in, used));
    return used;
}

/* False: there are too many. */
static bool take_trailers(struct incoming *in)
{
    if (in->trailers.len <= 2) /* the empty line */
        return true;
    in->trailer_fields = gw_realloc(NULL, sizeof(*in->trailer_fields));
    in->request.trailers = in->trailer_fields;
    return gw_http_trailers_read(gw_buf_str(&in->trailers), in->trailer_fields);
}

size_t request_take_body(struct gw_link *link, char *bytes, size_t len)
{
    struct incoming *in = link->incoming;
    size_t total = 0;

    for (;;) {
        gw_str piece = GW_EMPTY, rest = { bytes + total, len - total };
        size_t used = 0;
        gw_http_step step =
            gw_http_body_read(&in->decoder, rest, &used, &piece);

        total += used;
        if (step == GW_HTTP_BAD || gw_buf_add(&in->body, piece)) {
            refuse(link, &in->request,
                   step == GW_HTTP_BAD ? in->decoder.status : 413);
            return len;
        }
        if (step == GW_HTTP_READY && !take_trailers(in)) {
            refuse(link, &in->request, 431);
            return len;
        }
        if (step == GW_HTTP_READY) {
            deliver(link, &in->request, gw_buf_str(&in->body));
            return total;
        }
        if (piece.len == 0)
            return total;
    }
}
