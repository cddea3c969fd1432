#include "store/backend/memory.h"

#include "protocol/base/list.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the box -------------------------------------------------------------------- */

/* What Redis is to many processes: somebody outside, asked by all. */
struct gw_letterbox {
    pthread_mutex_t lock;
    struct gw_list letters; /* oldest first */
    size_t count;
    uint64_t last; /* the number of the newest */
};

struct letter {
    struct gw_list node;
    uint64_t number;
    gw_str id, record, why;
    char text[];
};

struct gw_letterbox *gw_letterbox_new(void)
{
    struct gw_letterbox *box = gw_alloc(sizeof(*box));

    GW_ASSERT(pthread_mutex_init(&box->lock, NULL) == 0);
    gw_list_init(&box->letters);
    return box;
}

static struct letter *letter_at(struct gw_list *node)
{
    return GW_CONTAINER(node, struct letter, node);
}

void gw_letterbox_free(struct gw_letterbox *box)
{
    struct gw_list *node;

    while ((node = gw_list_take(&box->letters)))
        free(letter_at(node));
    pthread_mutex_destroy(&box->lock);
    free(box);
}

static gw_str keep(char **at, gw_str s)
{
    gw_str kept = { *at, s.len };

    memcpy(*at, s.at, s.len);
    *at += s.len;
    return kept;
}

static struct letter *new_letter(gw_str id, gw_str record, gw_str why)
{
    struct letter *l = gw_alloc(sizeof(*l) + id.len + record.len + why.len);
    char *at = l->text;

    gw_list_init(&l->node);
    l->id = keep(&at, id);
    l->record = keep(&at, record);
    l->why = keep(&at, why);
    return l;
}

static void put(struct gw_letterbox *box, struct letter *l)
{
    struct gw_list *oldest = NULL;

    pthread_mutex_lock(&box->lock);
    l->number = ++box->last;
    gw_list_append(&box->letters, &l->node);
    if (++box->count > GW_MEMORY_LETTERS_MAX) {
        oldest = gw_list_take(&box->letters);
        box->count--;
    }
    pthread_mutex_unlock(&box->lock);
    if (oldest)
        free(letter_at(oldest));
}

/* The letter with that number, taken out; NULL: there is none. */
static struct letter *take(struct gw_letterbox *box, gw_str name)
{
    struct letter *found = NULL;
    uint64_t number;

    if (!gw_str_to_u64(name, &number))
        return NULL;
    pthread_mutex_lock(&box->lock);
    GW_LIST_EACH_SAFE (node, after, &box->letters) {
        if (letter_at(node)->number == number) {
            found = letter_at(node);
            gw_list_leave(node);
            box->count--;
            break;
        }
    }
    pthread_mutex_unlock(&box->lock);
    return found;
}

/* Copies of at most `max` behind that number, onto a list. */
static size_t copy(struct gw_letterbox *box, uint64_t number, size_t max,
                   struct gw_list *out)
{
    size_t count = 0;

    pthread_mutex_lock(&box->lock);
    GW_LIST_EACH_SAFE (node, after, &box->letters) {
        const struct letter *l = letter_at(node);
        struct letter *l_copy;

        if (l->number <= number)
            continue;
        if (count == max)
            break;
        l_copy = new_letter(l->id, l->record, l->why);
        l_copy->number = l->number;
        gw_list_append(out, &l_copy->node);
        count++;
    }
    pthread_mutex_unlock(&box->lock);
    return count;
}

/* --- the registry --------------------------------------------------------------- */

struct memory {
    struct gw_registry base;
    struct gw_letterbox *box;
    struct gw_hash_key id_key;
};

static struct memory *memory_of(struct gw_registry *base)
{
    return GW_CONTAINER(base, struct memory, base);
}

static gw_registry_state state(const struct gw_registry *base)
{
    return GW_REGISTRY_JOINED;
}

static gw_err add(struct gw_registry *base, gw_str id, gw_str record,
                  gw_registry_done *done, void *ctx)
{
    if (done)
        done(ctx, GW_OK);
    return GW_OK;
}

static void end(struct gw_registry *base, gw_str id, gw_str record,
                gw_registry_done *done, void *ctx)
{
    if (done)
        done(ctx, GW_OK);
}

static void forget(struct gw_registry *base, gw_str id)
{
}

static void bury(struct gw_registry *base, gw_str id, gw_str record, gw_str why)
{
    put(memory_of(base)->box, new_letter(id, record, why));
}

struct number {
    char at[24];
};

static gw_err letters(struct gw_registry *base, gw_str after, size_t max,
                      gw_letters_done *done, void *ctx)
{
    struct gw_list copies, *node;
    struct gw_letter *list;
    struct number *names;
    uint64_t number = 0;
    size_t count, i = 0;

    if (after.len && !gw_str_to_u64(after, &number))
        return GW_E_INVALID;
    gw_list_init(&copies);
    count = copy(memory_of(base)->box, number, max, &copies);
    list = gw_alloc((count + 1) * sizeof(*list));
    names = gw_alloc((count + 1) * sizeof(*names));
    for (node = copies.next; node != &copies; node = node->next, i++) {
        const struct letter *l = letter_at(node);

        snprintf(names[i].at, sizeof(names[i].at), "%" PRIu64, l->number);
        list[i] =
            (struct gw_letter){ gw_str_of(names[i].at), l->why, l->record };
    }
    done(ctx, GW_OK, list, count);
    while ((node = gw_list_take(&copies)))
        free(letter_at(node));
    free(names);
    free(list);
    return GW_OK;
}

static gw_err letter_retry(struct gw_registry *base, gw_str name,
                           gw_registry_done *done, void *ctx)
{
    struct letter *l = take(memory_of(base)->box, name);

    if (l)
        base->events->on_inherited(base->ctx, l->id, l->record);
    done(ctx, l ? GW_OK : GW_E_NOT_FOUND);
    free(l);
    return GW_OK;
}

static gw_err letter_drop(struct gw_registry *base, gw_str name,
                          gw_registry_done *done, void *ctx)
{
    struct letter *l = take(memory_of(base)->box, name);

    done(ctx, l ? GW_OK : GW_E_NOT_FOUND);
    free(l);
    return GW_OK;
}

static void leave(struct gw_registry *base, void (*left)(void *ctx), void *ctx)
{
    left(ctx);
}

static void free_memory(struct gw_registry *base)
{
    free(memory_of(base));
}

static const struct gw_registry_ops ops = {
    .state = state,
    .add = add,
    .drop = forget,
    .end = end,
    .ack = forget,
    .bury = bury,
    .letters = letters,
    .letter_retry = letter_retry,
    .letter_drop = letter_drop,
    .leave = leave,
    .free = free_memory,
};

struct gw_registry *gw_memory_registry_new(
    struct gw_letterbox *box, const struct gw_hash_key *id_key,
    const struct gw_registry_events *events, void *ctx)
{
    struct memory *m = gw_alloc(sizeof(*m));

    m->base = (struct gw_registry){ .ops = &ops, .events = events, .ctx = ctx };
    m->box = box;
    m->id_key = *id_key;
    return &m->base;
}

void gw_memory_registry_start(struct gw_registry *base)
{
    base->events->on_joined(base->ctx, &memory_of(base)->id_key);
}
