/*
 * A ring of nodes that live inside what they link. A node that is on no list
 * points at itself, so leaving twice is harmless.
 */
#ifndef GW_BASE_LIST_H
#define GW_BASE_LIST_H

#include "protocol/base/base.h"

struct gw_list {
    struct gw_list *next, *prev;
};

static inline void gw_list_init(struct gw_list *l)
{
    l->next = l->prev = l;
}

static inline bool gw_list_is_empty(const struct gw_list *l)
{
    return l->next == l;
}

static inline void gw_list_leave(struct gw_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    gw_list_init(node);
}

static inline void gw_list_append(struct gw_list *l, struct gw_list *node)
{
    GW_ASSERT(gw_list_is_empty(node));
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

/* The first node, taken off; NULL when empty. */
static inline struct gw_list *gw_list_take(struct gw_list *l)
{
    struct gw_list *first = l->next;

    if (first == l)
        return NULL;
    gw_list_leave(first);
    return first;
}

/* The last node, taken off; NULL when empty: the one used last, for pools. */
static inline struct gw_list *gw_list_take_last(struct gw_list *l)
{
    struct gw_list *last = l->prev;

    if (last == l)
        return NULL;
    gw_list_leave(last);
    return last;
}

/* `node` may leave the list inside the loop. */
#define GW_LIST_EACH_SAFE(node, after, list)                       \
    for (struct gw_list *node = (list)->next, *after = node->next; \
         node != (list); node = after, after = node->next)

#endif
