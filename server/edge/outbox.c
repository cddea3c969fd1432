/*
 * What waits to be written to one socket.
 *
 * Output gathers in one contiguous buffer during a turn of the loop and
 * leaves in one write at its end. Buffers come from a pool per worker and go
 * back when they are empty, so that an idle connection holds none.
 *
 * When the socket takes less than it was given, libwebsockets keeps the rest
 * and we give it no more until that is out. How much it still holds it does
 * not say: the whole write counts until the socket is writable again, which
 * bounds the queue from above. Reading stops meanwhile: libwebsockets would
 * not read, and the loop would spin on the readable socket.
 */
#include "server/edge/inside.h"

#include <stdlib.h>

enum { POOL_KEEP_BYTES = 4 << 20 }; /* free buffers kept, per class */

/* From POOL_CLASSES on, the buffer is made and freed, not kept. */
static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    while (((size_t)1024 << class) < bytes)
        class ++;
    return class;
}

static char *pool_take(struct gw_edge *edge, unsigned class)
{
    char *buffer;

    if (class >= POOL_CLASSES || !edge->pool[class].free)
        return gw_realloc(NULL, LWS_PRE + ((size_t)1024 << class));
    buffer = edge->pool[class].free;
    memcpy(&edge->pool[class].free, buffer, sizeof(void *));
    edge->pool[class].count--;
    return buffer;
}

static void pool_give(struct gw_edge *edge, char *buffer, size_t room)
{
    unsigned class = class_of(room);

    if (class >= POOL_CLASSES ||
        edge->pool[class].count >= POOL_KEEP_BYTES / room) {
        free(buffer);
        return;
    }
    memcpy(buffer, &edge->pool[class].free, sizeof(void *));
    edge->pool[class].free = buffer;
    edge->pool[class].count++;
}

void outbox_pool_fini(struct gw_edge *edge)
{
    for (unsigned class = 0; class < POOL_CLASSES; class ++)
        while (edge->pool[class].free)
            free(pool_take(edge, class));
}

static void release(struct gw_link *link)
{
    if (link->out)
        pool_give(link->edge, link->out, link->out_room);
    link->out = NULL;
    link->out_at = link->out_len = link->out_room = 0;
}

static void count_queued(struct gw_link *link, ptrdiff_t bytes)
{
    link->edge->queued_bytes += (size_t)bytes;
    GW_ADD(link->edge->metrics->out_queued_bytes, bytes);
}

bool outbox_is_empty(const struct gw_link *link)
{
    return link->out_len == 0 && link->in_flight == 0;
}

void outbox_fini(struct gw_link *link)
{
    count_queued(link, -(ptrdiff_t)(link->out_len + link->in_flight));
    release(link);
    link->in_flight = 0;
    gw_list_leave(&link->dirty);
    gw_list_leave(&link->blocked);
}

static void make_room(struct gw_link *link, size_t bytes)
{
    size_t need = link->out_at + link->out_len + bytes;
    unsigned class;
    char *bigger;

    if (need <= link->out_room)
        return;
    class = class_of(link->out_len + bytes);
    bigger = pool_take(link->edge, class);
    if (link->out_len)
        memcpy(bigger + LWS_PRE, link->out + LWS_PRE + link->out_at,
               link->out_len);
    if (link->out)
        pool_give(link->edge, link->out, link->out_room);
    link->out = bigger;
    link->out_room = (size_t)1024 << class;
    link->out_at = 0;
}

/* The worker's share of the process's bound is spent: the largest goes. */
static void shed(struct gw_edge *edge)
{
    struct gw_link *largest = NULL;

    GW_LIST_EACH_SAFE (node, after, &edge->blocked) {
        struct gw_link *l = GW_CONTAINER(node, struct gw_link, blocked);

        if (l->listener->terms.is_ours)
            continue;
        if (!largest ||
            l->out_len + l->in_flight > largest->out_len + largest->in_flight)
            largest = l;
    }
    if (!largest)
        return;
    GW_COUNT(edge->metrics->queues_shed);
    largest->close_code = 1008;
    link_kill(largest);
}

static uint64_t max_bytes(const struct gw_link *link)
{
    uint64_t own = link->listener->terms.out_queue_bytes;

    return own ? own : link->edge->settings->out_queue_bytes;
}

bool outbox_is_busy(const struct gw_link *link)
{
    return link->in_flight || link->out_len > max_bytes(link);
}

static void put(struct gw_link *link, gw_str head, gw_str body)
{
    struct gw_edge *edge = link->edge;
    size_t bytes = head.len + body.len;
    char *at;

    make_room(link, bytes);
    at = link->out + LWS_PRE + link->out_at + link->out_len;
    memcpy(at, head.at, head.len);
    if (body.len)
        memcpy(at + head.len, body.at, body.len);
    link->out_len += bytes;
    count_queued(link, (ptrdiff_t)bytes);
    if (gw_list_is_empty(&link->dirty))
        gw_list_append(&edge->dirty, &link->dirty);
    if (edge->queued_bytes * edge->workers >
        edge->settings->out_queue_total_bytes)
        shed(edge);
}

gw_err outbox_add(struct gw_link *link, gw_str head, gw_str body)
{
    size_t bytes = head.len + body.len;

    if (link->out_len + link->in_flight + bytes > max_bytes(link))
        return GW_E_FULL;
    put(link, head, body);
    return GW_OK;
}

gw_err outbox_add_answer(struct gw_link *link, gw_str head, gw_str body)
{
    if (link->out_len + link->in_flight > max_bytes(link))
        return GW_E_FULL;
    put(link, head, body);
    return GW_OK;
}

static void on_short_write(struct gw_link *link, size_t given)
{
    link->in_flight = given;
    if (gw_list_is_empty(&link->blocked))
        gw_list_append(&link->edge->blocked, &link->blocked);
    link_read_or_not(link);
    lws_callback_on_writable(link->wsi);
}

void outbox_flush(struct gw_link *link)
{
    gw_list_leave(&link->dirty);
    while (link->out_len && !link->in_flight && link->state != LINK_DEAD) {
        size_t n = GW_MIN(link->out_len, (size_t)WRITE_BYTES);
        char *at = link->out + LWS_PRE + link->out_at;

        if (lws_write(link->wsi, (unsigned char *)at, n, LWS_WRITE_RAW) < 0) {
            link_kill(link);
            return;
        }
        link->out_at += n;
        link->out_len -= n;
        if (lws_partial_buffered(link->wsi))
            on_short_write(link, n);
        else
            count_queued(link, -(ptrdiff_t)n);
    }
    if (link->out_len == 0)
        release(link);
    if (link->state == LINK_HEAD && link->stash.len && !outbox_is_busy(link) &&
        gw_list_is_empty(&link->ready))
        gw_list_append(&link->edge->ready, &link->ready);
    if (link->flush_then_close && outbox_is_empty(link))
        link_linger(link);
}

void outbox_on_writable(struct gw_link *link)
{
    if (!link->in_flight || lws_partial_buffered(link->wsi))
        return;
    count_queued(link, -(ptrdiff_t)link->in_flight);
    link->in_flight = 0;
    gw_list_leave(&link->blocked);
    link_read_or_not(link);
    outbox_flush(link);
}
